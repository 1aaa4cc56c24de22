"""What every estimator needs."""
