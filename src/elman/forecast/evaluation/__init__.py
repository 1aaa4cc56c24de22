"""How good forecasts are: baselines, error measures, backtests and intervals."""
