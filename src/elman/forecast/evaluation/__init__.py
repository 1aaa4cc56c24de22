"""Evaluation of forecasts: baselines, error measures, backtests and prediction intervals."""
