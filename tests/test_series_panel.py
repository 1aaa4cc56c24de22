"""`Panel`: one series or many as one kind of thing; results unwrapped, errors named, bad series left out."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from elman.forecast import DataError, as_series
from elman.series.columns import Columns
from elman.series.joining.ahead import with_future
from elman.series.joining.newer import with_newer
from elman.series.panel import Panel, map_series
from elman.series.panel_sources import as_panel
from elman.series.series import Series, SeriesOptions
from elman.series.tables.frames import is_frame

DAYS = np.datetime64("2024-01-01") + np.arange(20)


def series(first: int = 0, last: int = 10, **covariates: np.ndarray) -> Series:
    return as_series(np.arange(first, last) ** 2, time=DAYS[first:last], **covariates)


ONE, MANY = Panel.of(series()), Panel({"a": series(), "b": series()}, {"c": "too short"})


def test_one_series_is_a_panel_of_one_by_its_name():
    assert (ONE.single, [*ONE], ONE.only, ONE.first) == (True, ["value"], ONE["value"], ONE["value"])
    assert (MANY.single, [*MANY], MANY.first) == (False, ["a", "b"], MANY["a"])
    with pytest.raises(ValueError, match="expected exactly one for a single panel, got 2"):
        Panel(MANY, single=True)


def test_results_are_unwrapped_for_one_series_alone():
    assert ONE.unwrap({"value": 3}) == 3
    assert MANY.unwrap({"a": 1, "b": 2}) == {"a": 1, "b": 2}
    assert Panel({"a": series()}).unwrap({"a": 1}) == {"a": 1}


def test_other_series_in_the_same_kind_of_panel():
    shorter = ONE.replaced({"value": series(0, 5)})
    assert (shorter.single, len(shorter.only)) == (True, 5)
    kept = MANY.replaced({"a": series()}, {"b": "no"})
    assert (kept.single, kept.skipped) == (False, {"c": "too short", "b": "no"})


def test_a_panel_is_no_data_frame_and_survives_pickling():
    assert not is_frame(MANY)
    again = pickle.loads(pickle.dumps(ONE))
    assert (again.single, again.skipped, [*again]) == (True, {}, ["value"])


# -------------------------------------------------------------------------------------------- a call for each


def make(id: str) -> int:
    if id in ("b", "value"):
        raise DataError("it is bad")
    return 1


def test_bad_series_are_left_out_or_named():
    assert MANY.map(make, True, "used") == ({"a": 1}, {"b": "it is bad"})
    with pytest.raises(DataError, match=r"^series 'b': it is bad$"):
        MANY.map(make, False, "used")


@pytest.mark.parametrize("skip_bad", [True, False])
def test_one_series_alone_is_not_named(skip_bad: bool):
    assert (ONE.problem("value", "bad"), MANY.problem("a", "bad")) == ("bad", "series 'a': bad")
    with pytest.raises(DataError, match=r"^it is bad$"):
        ONE.map(make, skip_bad, "used")


def test_where_no_series_is_left():
    with pytest.raises(DataError, match="none of 1 series can be forecast; series 'b': it is bad"):
        map_series(["b"], make, True, "forecast")
    with pytest.raises(DataError, match="expected at least one row, got none"):
        map_series([], make, True, "forecast")


# ------------------------------------------------------------------------------------------- from any source


@pytest.mark.parametrize("data", [np.arange(9.0), [1, 2, 4], series()], ids=["array", "list", "Series"])
def test_one_series_from_any_source(data: object):
    assert as_panel(data, Columns(), SeriesOptions()).single


@pytest.mark.parametrize("data", [{"x": [1, 2, 4]}, [[1, 2, 4]], [series()]], ids=["mapping", "lists", "Series"])
def test_a_panel_from_any_source(data: object):
    panel = as_panel(data, Columns(), SeriesOptions())
    assert (panel.single, len(panel)) == (False, 1)
    assert as_panel(panel, Columns(), SeriesOptions()) is panel


def test_a_panel_knows_the_columns_it_was_read_by():
    table = {
        "shop": ["a"] * 5 + ["b"] * 5,
        "day": [*DAYS[:5], *DAYS[:5]],
        "units": np.arange(10.0),
        "promo": np.arange(10.0),
    }
    frame = pytest.importorskip("pandas").DataFrame(table)
    panel = as_panel(frame, Columns(target="units", id="shop", past="promo"), SeriesOptions())
    assert panel.names == Columns("units", None, "shop", "promo", None, None)
    arrays = as_panel(np.arange(5.0), Columns(time=DAYS[:5], past=np.arange(5.0)), SeriesOptions())
    assert arrays.names == Columns()


# ------------------------------------------------------------------------------------------------ rows joined


def test_new_rows_of_one_series_whatever_its_name():
    newer = Panel({"else": series(10, 12)}, single=True)
    found = with_newer(ONE, newer)
    assert (found.single, [*found], len(found.only)) == (True, ["value"], 12)
    with pytest.raises(DataError, match="new rows: expected one series"):
        with_newer(ONE, MANY)
    with pytest.raises(DataError, match="new rows: expected many"):
        with_newer(MANY, ONE)


def test_new_rows_of_some_of_many():
    found = with_newer(MANY, Panel({"b": series(10, 12), "new": series()}))
    assert {id: len(each) for id, each in found.items()} == {"a": 10, "b": 12, "new": 10}
    assert found.skipped == MANY.skipped
    with pytest.raises(DataError, match="series 'b': new rows: expected 2024-01-11 at index 0"):
        with_newer(MANY, Panel({"b": series(11, 13)}))


def test_the_future_of_one_series_is_an_array():
    one = Panel.of(series(future=np.arange(10.0)))
    found = with_future(one, np.array([7.0, 8.0]), Columns(), 2).only
    assert found.covariates is not None
    assert found.covariates.future[-2:].tolist() == [[7.0], [8.0]]
    with pytest.raises(DataError, match=r"^future: expected its known-future covariates, got none$"):
        with_future(one, {"value": np.array([7.0, 8.0])}, Columns(), 2)


# ----------------------------------------------------------------------------------------------- former names


def test_former_names_of_a_series_warn():
    masked = as_series(np.array([1.0, 2.0, np.nan, 4.0]), missing="mask")
    with pytest.warns(FutureWarning, match=r"Series\.seasonal is now Series\.fill_masked"):
        assert masked.seasonal(2).values.tolist() == masked.fill_masked(2).values.tolist() == [1.0, 2.0, 1.0, 4.0]
    with pytest.warns(FutureWarning, match=r"Series\.rolled is now Series\.with_forecasts"):
        assert len(masked.rolled(np.ones(3))) == len(masked.with_forecasts(np.ones(3))) == 7
