"""Seasonal parts taken out of series: what is left, what comes next, and that nothing is taken where nothing is."""

from __future__ import annotations

import time

import numpy as np
import pytest

from elman.forecast.decomposition import decompose
from elman.forecast.decomposition.annual import find_annual, harmonics
from elman.forecast.decomposition.profile import deviations, find_profile
from elman.series.seasonal.centred import centred_mean

YEAR = 365.2425


def days(rows: int, seed: int = 0, noise: float = 2.5) -> tuple[np.ndarray, np.ndarray]:
    """Daily temperatures with an amplitude of 10 degrees, and without their noise."""
    rng = np.random.default_rng(seed)
    true = 12 - 10 * np.cos(2 * np.pi * (np.arange(rows) - 20) / YEAR)
    error, path = 0.0, np.empty(rows)
    for i, shock in enumerate(noise * rng.normal(size=rows)):
        error = 0.7 * error + shock
        path[i] = error
    return true + path, true


def test_a_profile_is_found_on_a_trend() -> None:
    profile = np.array([3.0, -1.0, 0.0, 2.0, -4.0, 1.0, -1.0])
    rng = np.random.default_rng(0)
    values = np.resize(profile, 70) + 0.5 * np.arange(70) + 0.01 * rng.normal(size=70)
    found = decompose(values, (7,))
    assert not found.multiplicative
    assert found.seasons == (7,)
    np.testing.assert_allclose(found.adjusted, 0.5 * np.arange(70), atol=0.05)
    np.testing.assert_allclose(found.ahead(17), np.resize(profile, 17), atol=0.05)
    np.testing.assert_allclose(
        found.restored(0.5 * np.arange(70, 80)), np.resize(profile, 10) + found_line(), atol=0.05
    )
    np.testing.assert_allclose(found.adjusted + found.seasonal, values)


def found_line() -> np.ndarray:
    return 0.5 * np.arange(70, 80)


def test_factors_are_found_where_the_season_grows_with_the_level() -> None:
    factors = np.exp(0.3 * np.cos(2 * np.pi * np.arange(12) / 12))
    level = np.exp(0.02 * np.arange(96)) * (1 + 0.01 * np.random.default_rng(1).normal(size=96))
    found = decompose(level * np.resize(factors, 96), (12,))
    assert found.multiplicative
    np.testing.assert_allclose(found.ahead(24), np.resize(factors, 24), rtol=0.02)
    np.testing.assert_allclose(found.adjusted * found.seasonal, level * np.resize(factors, 96))
    added = decompose(100 + 0.5 * np.arange(96) + np.resize(20 * (factors - 1), 96), (12,))
    assert not added.multiplicative


def test_nothing_is_taken_where_there_is_nothing() -> None:
    rng = np.random.default_rng(2)
    taken = [decompose(10 + rng.normal(size=120).cumsum(), (7, 12)) for _ in range(30)]
    assert np.mean([np.ptp(each.ahead(12)) for each in taken]) < 0.3  # of changes of 1
    for values in (np.ones(30), np.arange(30.0), np.arange(5.0), np.arange(0.0)):
        found = decompose(values, (12, 1), YEAR)
        np.testing.assert_allclose(found.restored(np.ones(3)), np.ones(3), atol=1e-9)
        np.testing.assert_allclose(found.adjusted, values, atol=1e-9)


def test_a_profile_that_moves_is_followed() -> None:
    rng = np.random.default_rng(3)
    size = np.repeat(np.linspace(-3, 3, 60), 7)  # its sign changes in the middle
    values = size * np.resize([1.0, 0, 0, -1, 0, 2, -2], 420) + 0.2 * rng.normal(size=420)
    found = decompose(values, (7,), multiplicative=False)
    np.testing.assert_allclose(found.ahead(7), 3 * np.array([1.0, 0, 0, -1, 0, 2, -2]), atol=1.0)  # their mean is 0


def test_gross_values_do_not_spoil_a_profile() -> None:
    values = np.resize([5.0, 1, 2, 3], 80) + 0.1 * np.random.default_rng(4).normal(size=80)
    clean = decompose(values, (4,), multiplicative=False).ahead(4)
    values[[13, 50]] = 1000, -500
    np.testing.assert_allclose(decompose(values, (4,), multiplicative=False).ahead(4), clean, atol=1.0)


def test_deviations_are_values_less_the_mean_of_a_season() -> None:
    values = np.arange(12.0) ** 2
    found = deviations(values, 4)
    assert np.isnan(found[[0, 1, 10, 11]]).all()
    assert found[5] == pytest.approx(25 - (4.5 + 16 + 25 + 36 + 24.5) / 4)
    assert deviations(values, 3)[1] == pytest.approx(1 - 5 / 3)
    none = find_profile(np.full(5, np.nan), 4)
    assert not none.past.any()


def test_summers_are_like_past_summers() -> None:
    for seed in range(5):
        values, true = days(1461 + 365, seed)
        found = decompose(values[:1461], (), YEAR)
        forecast = found.restored(np.full(365, found.adjusted.mean()))
        assert np.abs(forecast - true[1461:]).mean() < 1.2
        assert abs(forecast.max() - 22) < 2.5
        year_ago = np.abs(values[1461 - 364 : 1461][:365] - values[1461 : 1461 + 364]).mean()
        assert np.abs(forecast - values[1461:]).mean() < 0.85 * year_ago


def test_the_part_of_a_year_has_its_true_length() -> None:
    values, _ = days(5 * 366, noise=0.5)
    part = find_annual(values, YEAR)
    rows = np.arange(len(values), len(values) + 3 * 366)
    expected = -10 * np.cos(2 * np.pi * (rows - 20) / YEAR)
    np.testing.assert_allclose(part.at(rows), expected, atol=0.8)
    np.testing.assert_allclose(harmonics(np.array([0.0, 91.310625]), YEAR, 1), [[1, 0], [0, 1]], atol=1e-9)


def test_a_week_within_a_year() -> None:
    rng = np.random.default_rng(5)
    rows = np.arange(1200)
    week = np.array([1.0, 1, 1, 1, 1, -2.5, -2.5])
    values = np.resize(week, 1200) + 4 * np.sin(2 * np.pi * rows / YEAR) + rng.normal(size=1200)
    found = decompose(values, (7,), YEAR)
    ahead = np.arange(1200, 1300)
    expected = week[ahead % 7] + 4 * np.sin(2 * np.pi * ahead / YEAR)
    assert np.abs(found.ahead(100) - expected).mean() < 0.4


def test_a_year_of_weeks_and_the_days_of_hours() -> None:
    rng = np.random.default_rng(6)
    weeks = 50 + 10 * np.sin(2 * np.pi * np.arange(260) / 52.1775) + rng.normal(size=260)
    expected = 10 * np.sin(2 * np.pi * np.arange(260, 312) / 52.1775)
    assert np.abs(decompose(weeks, (), 52.1775, multiplicative=False).ahead(52) - expected).mean() < 1.0
    day, week = rng.normal(size=24), np.repeat(rng.normal(size=7), 24)
    hours = np.resize(day, 168 * 6) + np.resize(week, 168 * 6) + 0.1 * rng.normal(size=168 * 6)
    found = decompose(hours, (24, 168), multiplicative=False)
    np.testing.assert_allclose(found.ahead(168), np.resize(day, 168) - day.mean() + week - week.mean(), atol=0.25)


def test_factors_of_zeros_are_refused() -> None:
    with pytest.raises(ValueError, match="multiplicative: expected values above 0 for factors"):
        decompose(np.arange(20.0), (4,), multiplicative=True)


def test_it_takes_milliseconds() -> None:
    values, _ = days(1500)
    decompose(values, (7,), YEAR)
    begin = time.process_time()
    for _ in range(5):
        decompose(values, (7,), YEAR)
    assert (time.process_time() - begin) / 5 < 0.2  # 15 ms on an idle core


@pytest.mark.parametrize("season", [1, 4, 7])
def test_the_centred_mean_takes_each_place_of_the_season_once(season: int) -> None:
    rng = np.random.default_rng(season)
    line = 3.0 + 0.5 * np.arange(30)
    profile = rng.normal(size=season)
    found = centred_mean(line + np.resize(profile - profile.mean(), 30), season)
    half = season // 2
    assert np.isnan(found).sum() == 2 * half
    np.testing.assert_allclose(found[half : 30 - half], line[half : 30 - half])
    assert np.isnan(centred_mean(line[: 2 * half], season)).all()


def test_factors_and_sums_are_told_apart_by_what_comes() -> None:
    rng = np.random.default_rng(6)
    level = np.exp(0.03 * np.arange(60))
    factors = np.exp(0.4 * np.cos(2 * np.pi * np.arange(12) / 12))
    noise = np.exp(0.02 * rng.normal(size=(20, 60)))
    grown = [decompose(level * np.resize(factors, 60) * each, (12,)).multiplicative for each in noise]
    kept = [decompose(40 + level + np.resize(20 * factors, 60) + 10 * np.log(each), (12,)).multiplicative
            for each in noise]  # fmt: skip
    assert np.mean(grown) == 1.0
    assert np.mean(kept) < 0.2
