"""Forecasts of one series or many: from a file or an array to forecasts, intervals, a backtest and a verdict.

    series = read_series("sales.csv", target=None, time=None, freq=None, missing="error")
    model = Forecaster(horizon=None, season=None, levels=(80, 95), windows=6, seed=0).fit(series)
    forecast = model.forecast()             # best=True: the best baseline's where it beat the network
    forecast.write_csv("sales.forecast.csv"); forecast.plot("sales.png"); forecast.to_dict()
    model.backtest_.summary()               # mean MASE, sMAPE, RMSE of network, naive, seasonal naive, drift
    model.verdict()                         # by how much the network beats the best baseline, or that it does not
    Forecaster(horizon=24).fit("shops.csv", id="shop").forecast()["north"]     # many series, one model
    model.save("sales.safetensors"); elman.load("sales.safetensors").forecast(history=read_series("new.csv"))

What lies where (series are read in `elman.series`):

    baselines.py metrics.py folds.py intervals.py coverage.py    what a forecast is measured with
    model.py     the network's side of one short series: windows, training, choice;  short.py  its recipe and backtest
    view.py pooled.py    the same of many series;  many.py  their seasons, recipe and backtest
    recursive.py row by row, by sample paths;  power.py  Box and Cox's transformation
    backtest.py  `Backtest`: every window's errors, the summary, the verdict
    forecaster.py `Forecaster`;  options.py  its options, and the recipe they stand for
    serve.py     its forecasts;  result.py  `Forecast`, `Forecasts`: values, intervals, tables
    saved.py     what its file holds;  legacy.py  files of 0.1.0;  tune.py  its options, by Optuna
    failed.py    a training that fails

Bad data raises `DataError`, a ValueError of one line that says where and what to do.
"""

from __future__ import annotations

from elman.forecast.evaluation.backtest import Backtest
from elman.forecast.forecaster import Forecaster
from elman.forecast.models.networks import ForecastWarning
from elman.forecast.result import Forecast, Forecasts
from elman.series.errors import DataError
from elman.series.series import Series
from elman.series.sources import as_series, read_series
from elman.series.tables.delimited import read_table
from elman.series.tables.table import Table

__all__ = [
    "Backtest",
    "DataError",
    "Forecast",
    "ForecastWarning",
    "Forecaster",
    "Forecasts",
    "Series",
    "Table",
    "as_series",
    "read_series",
    "read_table",
]
