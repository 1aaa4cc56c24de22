"""A forecast as a table, a data frame, a picture on axes and a short text; what came beside it."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

from elman.anomaly import AnomalyDetector
from elman.forecast import Forecast, Forecaster, Forecasts, as_series

pytest.importorskip("narwhals")

TIMES = np.datetime64("2015-01", "M") + np.arange(60)
VALUES = 100 + np.arange(60) + 20 * np.sin(np.arange(60) * np.pi / 6)
QUICK = {"horizon": 3, "members": 1, "updates": 5, "hidden_size": 4, "windows": 2}
COLUMNS = ["lower_80", "upper_80"]


def fitted(data: Any, **columns: Any) -> Forecast:
    return Forecaster(**QUICK).fit(data, **columns).forecast()


def test_a_forecast_prints_as_one_short_line():
    found = fitted(as_series(VALUES, time=TIMES))
    assert repr(found) == "Forecast('value', 3 rows, 2020-01 to 2020-03, by combination, intervals of 80 %)"
    assert repr(found.backtest).startswith("Backtest(2 windows of 3 rows, mean MASE ")
    assert len(repr(found.backtest)) < 120


def test_a_frame_of_pandas():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"month": TIMES.astype("datetime64[s]"), "units": VALUES})
    found = fitted(frame)
    made = found.to_frame()
    assert list(made.columns) == ["month", "units", *COLUMNS]
    assert made["month"].tolist() == list(pandas.date_range("2020-01-01", periods=3, freq="MS"))
    assert made["units"].tolist() == found.values.tolist()
    assert made["upper_80"].tolist() == found.intervals[80.0][:, 1].tolist()


@pytest.mark.parametrize("column", [False, True])
def test_an_index_comes_back(column: bool):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"units": VALUES}, index=pandas.date_range("2015-01-01", periods=60, freq="MS"))
    made = fitted(frame["units"] if column else frame).to_frame()
    assert list(made.columns) == ["units", *COLUMNS]
    assert made.index.tolist() == list(pandas.date_range("2020-01-01", periods=3, freq="MS"))


@pytest.mark.parametrize(("freq", "first", "after"), [("M", "2015-01", "2020-01"), ("Q", "2005Q1", "2020Q1")])
def test_periods_come_back(freq: str, first: str, after: str):
    pandas = pytest.importorskip("pandas")
    series = pandas.Series(VALUES, index=pandas.period_range(first, periods=60, freq=freq), name="units")
    model = Forecaster(**QUICK).fit(series)
    for made in (model.forecast().to_frame(), model.predict(), model.predict_interval()):
        assert made.index.tolist() == list(pandas.period_range(after, periods=3, freq=freq))


def test_a_frame_of_polars():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"month": TIMES.astype("datetime64[us]"), "units": VALUES})
    made = fitted(frame).to_frame()
    assert isinstance(made, polars.DataFrame)
    assert made.columns == ["month", "units", *COLUMNS]
    assert np.array_equal(made["month"].to_numpy(), (TIMES[-1] + np.arange(1, 4)).astype("datetime64[us]"))
    column = fitted(frame["units"], time=TIMES).to_frame()  # the times that stood beside it are not lost
    assert column.columns == ["time", "units", *COLUMNS]


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_any_kind_of_frame_of_an_array(kind: str):
    library = pytest.importorskip(kind)
    made = fitted(VALUES, time=TIMES).to_frame(kind)
    assert isinstance(made, library.DataFrame)
    assert list(made.columns) == ["time", "value", *COLUMNS]


def test_kinds_of_frames_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch):
    found = fitted(VALUES)
    with pytest.raises(ValueError, match="kind: expected one of 'pandas', 'polars', got 'arrow'"):
        found.to_frame("arrow")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="a data frame needs pandas or polars; type: pip install pandas"):
        found.to_frame()


def test_a_frame_of_many_series():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"shop": ["a"] * 60 + ["b"] * 60, "month": [*TIMES.astype("datetime64[s]")] * 2,
                              "units": [*VALUES, *(2 * VALUES)]})  # fmt: skip
    found = Forecaster(**QUICK).fit(frame, id="shop").forecast()
    assert isinstance(found, Forecasts)
    made = found.to_frame()
    assert list(made.columns[:3]) == ["shop", "month", "units"]
    assert made["shop"].tolist() == ["a"] * 3 + ["b"] * 3
    assert made["units"].tolist() == [*found["a"].values, *found["b"].values]


def test_it_draws_on_axes():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    found = fitted(as_series(VALUES, time=TIMES)).with_actual([160.0])
    figure, (left, right) = pyplot.subplots(1, 2)
    assert found.plot(ax=left) is left
    assert left.get_title(loc="left") == "value: the next 3 months"
    assert "truth" in left.get_legend_handles_labels()[1]
    assert not right.lines
    new = found.plot()
    assert new.figure is not figure
    assert pyplot.gcf() is new.figure
    pyplot.close("all")
    with pytest.raises(ValueError, match="path: expected a file or axes"):
        found.plot("a.png", ax=left)


def test_anomalies_draw_on_axes():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    found = AnomalyDetector(effort="fast", hidden_size=2).fit(np.sin(np.arange(90.0)) + 3.0).anomalies_
    axes = pyplot.figure().add_subplot()
    assert found.plot(ax=axes) is axes
    assert axes.get_title(loc="left").startswith("value: ")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("row", "value")
    pyplot.close("all")
    with pytest.raises(ValueError, match="path: expected a file or axes"):
        found.plot("a.png", ax=axes)


def test_what_came_is_compared():
    found = fitted(as_series(VALUES, time=TIMES))
    truth = as_series(np.arange(61.0), time=TIMES[1] + np.arange(61))  # up to the second row of the forecast
    known = found.with_actual(truth)
    np.testing.assert_array_equal(known.actual, [59.0, 60.0, np.nan])
    error = np.abs(np.array([59.0, 60.0]) - found.values[:2])
    errors = known.errors()
    assert errors["rows"] == 2
    assert errors["mase"] == pytest.approx(error.mean() / np.abs(VALUES[12:] - VALUES[:-12]).mean())
    low, high = found.intervals[80.0][:2].T
    assert errors["covered_80"] == 100.0 * np.mean((known.actual[:2] >= low) & (known.actual[:2] <= high))
    assert known.columns() == ["time", "value", *COLUMNS, "actual"]
    assert found.actual is None


@pytest.mark.parametrize("truth", [[], [1.0] * 4, [[1.0]], [np.inf]])
def test_what_cannot_have_come(truth: list[Any]):
    with pytest.raises(ValueError, match="actual: expected 1 to 3 finite numbers, one for each row"):
        fitted(VALUES).with_actual(truth)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_a_share_is_no_percentage(level: float):
    said = rf"levels: expected percentages from 1 to 100, got {level:g}; did you mean {100 * level:g}\?"
    with pytest.raises(ValueError, match=said):
        Forecaster(levels=(level,), **QUICK).fit(VALUES)
    model = Forecaster(**QUICK).fit(VALUES)
    with pytest.raises(ValueError, match=said):
        model.forecast(levels=[level])
    assert model.predict_quantiles([0.502, 0.498]).shape == (3, 2)  # the interval of 0.4 %
