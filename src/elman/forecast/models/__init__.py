"""The models of a forecaster, and the strategies that train and backtest them.

A local model is trained on one short series, a global model on many series, or on a long one.
"""
