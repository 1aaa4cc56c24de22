"""Public holidays as a feature of dates, known ahead."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import elman
from elman import Forecaster
from elman.series.dates.holidays import holiday_feature, is_feature, parse_holidays
from elman.series.errors import DataError
from elman.series.inputs import Inputs, parse_calendar
from elman.series.sources import as_series

QUICK = {"updates": 20, "members": 1, "hidden_size": 4, "effort": "fast"}


def shop(rows: int = 1100) -> tuple[np.ndarray, np.ndarray]:
    """Daily sales of a shop that is closed on the holidays of Bavaria, and their dates."""
    pytest.importorskip("holidays")
    times = np.datetime64("2020-01-01") + np.arange(rows)
    off, _ = holiday_feature(times, "DE-BY")
    rng = np.random.default_rng(0)
    return (100 + np.resize([0.0, 5, 0, 8, 20, 30, -60], rows) + rng.normal(size=rows)) * (1 - off), times


def test_days_off_and_the_days_beside_them() -> None:
    pytest.importorskip("holidays")
    times = np.datetime64("2021-12-24T12") + np.arange(5).astype("timedelta64[D]")
    own, beside = holiday_feature(times, "DE")
    assert own.tolist() == [0, 1, 1, 0, 0]
    assert beside.tolist() == [1, 0, 0, 1, 0]
    assert holiday_feature(np.array(["2022-01-06"], dtype="datetime64[D]"), "DE")[0].tolist() == [0]
    assert holiday_feature(np.array(["2022-01-06"], dtype="datetime64[D]"), "DE-BY")[0].tolist() == [1]
    assert holiday_feature(times[:0], "DE")[0].shape == (0,)


def test_a_network_reads_them_ahead() -> None:
    values, times = shop()
    names = ("holidays:DE-BY",)
    assert is_feature(names[0])
    inputs = Inputs.of([as_series(values, time=times)], names)
    assert inputs.futures == 2
    known = inputs.future_of(as_series(values, time=times), 400)
    assert known.shape == (1500, 2)
    assert known[:1100, 0].sum() == (values == 0).sum()
    assert known[1100:, 0].sum() >= 12  # of the year after the last row


def test_holidays_make_a_forecast_better(tmp_path) -> None:
    values, times = shop()
    cut = int(np.flatnonzero(times == np.datetime64("2022-12-20"))[0])

    def miss(**options: object) -> float:
        model = Forecaster(horizon=14, windows=0, seed=1, calendar=[], effort="fast", **options)  # type: ignore[arg-type]
        model.fit(values[:cut], time=times[:cut])
        model.save(tmp_path / "shop.safetensors")
        again = elman.load(tmp_path / "shop.safetensors").predict()
        np.testing.assert_array_equal(again, model.predict())
        return float(np.abs(again - values[cut : cut + 14])[values[cut : cut + 14] == 0].mean())

    assert miss(holidays="DE-BY") < 0.8 * miss()  # few holidays were seen, and the effort is small


def test_bad_countries_are_refused() -> None:
    pytest.importorskip("holidays")
    for country, error, message in (
        ("XX", ValueError, "holidays: expected the two letters of a country, such as 'DE', 'FR' or 'US', got 'XX'"),
        ("DE-ZZ", ValueError, "holidays: expected a part of DE, one of BB, .*, got 'ZZ'"),
        ("germany", ValueError, "holidays: expected a country such as 'DE' or 'DE-BY', got 'germany'"),
        (49, TypeError, "holidays: expected a country such as 'DE' or 'DE-BY', got 49"),
    ):
        with pytest.raises(error, match=message):
            Forecaster(holidays=country).check_options()  # type: ignore[arg-type]
    assert parse_holidays("US-CA") == "US-CA"


def test_without_the_package_the_error_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(ModuleNotFoundError, match=r"type: pip install 'elman\[holidays\]'"):
        Forecaster(holidays="DE").check_options()


def test_holidays_need_dates_of_days() -> None:
    pytest.importorskip("holidays")
    with pytest.raises(DataError, match="need dates, and the series have none"):
        Forecaster(holidays="DE", **QUICK).fit(np.arange(60.0) % 7)
    months = np.datetime64("2015-01") + np.arange(60)
    with pytest.raises(DataError, match="holidays: expected rows of a day or less, got monthly ones"):
        Forecaster(holidays="DE", **QUICK).fit(np.arange(60.0) % 7, time=months)


def test_calendar_features_are_checked() -> None:
    assert parse_calendar("none") == parse_calendar([]) == parse_calendar(None) == ()
    assert parse_calendar(["year", "holidays:DE"]) == ("year", "holidays:DE")
    with pytest.raises(ValueError, match="calendar: expected one of"):
        parse_calendar(["holidays:!"])
    places = Inputs(("year",))
    series = as_series(np.arange(366.0), time=np.datetime64("2024-01-01") + np.arange(366))
    turn = 2 * np.pi * np.arange(366) / 366
    np.testing.assert_allclose(places.future_of(series, 1)[:366], np.column_stack([np.sin(turn), np.cos(turn)]))
