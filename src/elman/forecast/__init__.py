"""Forecasts of one series or many: from a file or an array to forecasts, intervals, a backtest and a verdict.

    series = read_series("sales.csv", target=None, time=None, freq=None, missing="error")
    model = Forecaster(horizon=None, season=None, levels=(80, 95), windows=6, seed=0).fit(series)
    forecast = model.forecast()             # best=True: the best baseline's where it beat the network
    forecast.write_csv("sales.forecast.csv"); forecast.plot("sales.png"); forecast.to_dict()
    model.backtest_.summary()               # mean MASE, sMAPE, RMSE of network, naive, seasonal naive, drift
    model.verdict()                         # by how much the network beats the best baseline, or that it does not
    Forecaster(horizon=24).fit("shops.csv", id="shop").forecast()["north"]     # many series, one model
    model.save("sales.safetensors"); elman.load("sales.safetensors").forecast(history=read_series("new.csv"))

What lies where:

    table.py     CSV text to columns; every error names file, line and column
    dates.py     dates as people write them;  calendar.py  the step between rows, gaps, the dates that follow
    columns.py   which columns: a file, a data frame, an array becomes a series;  numbers.py  text to numbers
    series.py    `Series`: one checked series; missing values and gaps;  panel.py  many of them by their ids
    season.py baselines.py metrics.py folds.py intervals.py coverage.py    what a forecast is measured with
    model.py     the network's side of one series: windows, level and scale, training, choice on the validation part
    pooled.py    the same of many series;  many.py  their seasons, backtest and intervals
    backtest.py  `Backtest`: every window's errors, the summary, the verdict
    forecaster.py `Forecaster`;  result.py  `Forecast`, `Forecasts`: values, intervals, labels; CSV and picture

Bad data raises `DataError`, a ValueError of one line that says where and what to do.
"""

from __future__ import annotations

from elman.forecast.backtest import Backtest
from elman.forecast.columns import as_series, read_series
from elman.forecast.errors import DataError
from elman.forecast.forecaster import Forecaster
from elman.forecast.result import Forecast, Forecasts
from elman.forecast.series import Series
from elman.forecast.table import Table, read_table

__all__ = [
    "Backtest",
    "DataError",
    "Forecast",
    "Forecaster",
    "Forecasts",
    "Series",
    "Table",
    "as_series",
    "read_series",
    "read_table",
]
