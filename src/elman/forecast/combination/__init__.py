"""Forecasts that are weighted means of what a network, statistical models and simple rules forecast."""
