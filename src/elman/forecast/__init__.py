"""Forecasts of one series or of many series with one model, with prediction intervals and a backtest.

    series = read_series("sales.csv", target=None, time=None, freq=None, missing="error")
    model = Forecaster(horizon=None, season=None, levels=(80, 95), windows=6, seed=0).fit(series)
    forecast = model.forecast()             # best=True: by the best baseline if it beats the network in the backtest
    forecast.write_csv("sales.forecast.csv"); forecast.plot("sales.png"); forecast.to_dict()
    model.backtest_.summary()               # mean MASE, sMAPE, RMSE of the network and of the baselines
    model.verdict()                         # by how much the network beats the best baseline, or that it does not
    Forecaster(horizon=24).fit("shops.csv", id="shop").forecast()["north"]     # many series, one model
    series.notes                            # how the file was read, where that is not plain
    model.save("sales.safetensors"); elman.load("sales.safetensors").forecast(history=read_series("new.csv"))

Files and folders (series are read in `elman.series`):

    forecaster.py   `Forecaster`: fitting, backtests, updates
    fitted.py       the methods of a fitted forecaster: forecasts, intervals, quantiles
    options.py      the constraints of its options, and the strategy that they select
    forecasting.py  makes `Forecast`s from the predictions of a model
    result.py       `Forecast`, `Forecasts`: values, intervals, tables
    boxcox.py       the Box-Cox transformation
    models/         local and global models, and the strategies that train them
    evaluation/     baselines, error measures, backtests, intervals and their coverage
    saved.py        the contents of a saved forecaster;  legacy.py  files of elman 0.1.0
    tune.py         hyperparameter search with Optuna

Unusable data raises `DataError`, a ValueError whose message has one line and names the place and the remedy.
"""

from __future__ import annotations

from elman.forecast.evaluation.backtest import Backtest
from elman.forecast.forecaster import Forecaster
from elman.forecast.models.networks import ForecastWarning
from elman.forecast.result import Forecast, Forecasts
from elman.series.errors import DataError
from elman.series.notes import DataNotice
from elman.series.series import Series
from elman.series.sources import as_series, read_series
from elman.series.tables.delimited import read_table
from elman.series.tables.table import Table

__all__ = [
    "Backtest",
    "DataError",
    "DataNotice",
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
