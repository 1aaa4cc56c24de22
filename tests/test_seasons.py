"""Seasons found from all series of a panel together, a year of its true length, and what is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from benchmarks.drawn_series import autoregressive
from elman.forecast.decomposition import decompose
from elman.series.calendar import Calendar
from elman.series.panel import Panel
from elman.series.season import Seasons, find_season, find_seasons
from elman.series.seasonal.lengths import common_season, has_season
from elman.series.seasonal.panels import default_calendar, seasons_of
from elman.series.seasonal.products import Products, changes_of, f_log_tail
from elman.series.seasonal.year import rows_per_year, shows_year
from elman.series.sources import as_series

DAY = 86_400_000_000
DAILY, HOURLY, WEEKLY = Calendar("us", DAY), Calendar("us", DAY // 24), Calendar("us", 7 * DAY)


def drawn(rng: np.random.Generator, rows: int, season: int, count: int = 1) -> list[np.ndarray]:
    """Series with profiles of their own, as large as the noise, on a random walk."""
    return [
        np.resize(rng.normal(size=season), rows) + rng.normal(size=rows) + 0.2 * rng.normal(size=rows).cumsum()
        for _ in range(count)
    ]


def smooth(rng: np.random.Generator, rows: int, season: float, size: float = 1.5) -> np.ndarray:
    return size * np.cos(2 * np.pi * (np.arange(rows) / season + rng.random())) + rng.normal(size=rows)


# ------------------------------------------------------------------------------------------- the lengths


@pytest.mark.parametrize(("season", "rows"), [(4, 40), (7, 70), (12, 84), (24, 168), (52, 208)])
def test_a_panel_of_five_has_the_season_of_its_series(season: int, rows: int) -> None:
    found = Counter(common_season(drawn(np.random.default_rng(s), rows, season, 5)) for s in range(10))
    assert found[season] >= 9, found


def test_a_panel_shows_what_single_series_hide() -> None:
    def right(count: int) -> int:
        panels = [[each[:30] for each in drawn(np.random.default_rng(s), 60, 7, count)] for s in range(20)]
        return sum(common_season(panel) == 7 for panel in panels)

    assert right(8) >= 18 > right(1) + 4


@pytest.mark.parametrize("season", [12, 24, 52])
def test_a_smooth_season_is_found(season: int) -> None:
    found = Counter(common_season([smooth(np.random.default_rng(s), 5 * season, season)]) for s in range(10))
    assert found[season] >= 8, found


@pytest.mark.parametrize(
    "make",
    [
        lambda rng, rows: rng.normal(size=rows),
        lambda rng, rows: rng.normal(size=rows).cumsum(),
        lambda rng, rows: autoregressive(rng, rows, 0.9),
        lambda rng, rows: autoregressive(rng, rows, -0.5),
        lambda rng, rows: autoregressive(rng, rows, 0.5).cumsum(),
    ],
    ids=["noise", "walk", "ar 0.9", "ar -0.5", "integrated"],
)
def test_what_has_no_season_shows_none(make: Callable[[np.random.Generator, int], np.ndarray]) -> None:
    found: list[int] = []
    for s in range(15):
        rng = np.random.default_rng(s)
        found += [common_season([make(rng, rows) for _ in range(count)]) for rows in (40, 150) for count in (1, 4)]
    assert sum(m != 1 for m in found) <= 5  # of 60; 1 % is meant, and short series have more


def test_equal_short_and_straight_series_say_nothing() -> None:
    assert common_season([]) == 1
    assert common_season([np.ones(40), np.arange(40.0), np.array([1.0, 2.0])]) == 1
    rng = np.random.default_rng(0)
    assert common_season([np.ones(40), *drawn(rng, 120, 7), np.array([3.0])]) == 7
    assert find_season(np.zeros(0)) == find_season(np.ones(5), (2,)) == 1


def test_series_that_move_alike_count_once_but_not_for_the_season_that_they_share() -> None:
    rng = np.random.default_rng(3)
    one, profile = rng.normal(size=60).cumsum(), np.resize(5.0 * rng.normal(size=12), 60)
    alike = Products([one + 0.01 * rng.normal(size=60) for _ in range(20)], 1)
    apart = Products([rng.normal(size=60).cumsum() for _ in range(20)], 1)
    shared = Products([profile + rng.normal(size=60).cumsum() for _ in range(20)], 1)
    assert 20 * alike.worth(12, 20) < 2 < 15 < 20 * apart.worth(12, 20)
    assert 20 * shared.worth(12, 20) > 15 > 5 > 20 * shared.worth(7, 20)


@pytest.mark.parametrize(
    ("season", "rows", "count"), [(4, 20, 11), (4, 14, 11), (12, 30, 11), (12, 26, 40), (12, 30, 3)]
)
def test_small_panels_show_a_season_of_which_they_hold_two(season: int, rows: int, count: int) -> None:
    def panel(rng: np.random.Generator) -> list[np.ndarray]:
        profile = np.resize(rng.normal(size=season), rows)
        return [2.0 * profile + rng.normal(size=rows) + 0.5 * rng.normal(size=rows).cumsum() for _ in range(count)]

    found = Counter(common_season(panel(np.random.default_rng(s))) for s in range(12))
    assert found[season] >= 10, found


def test_small_panels_without_a_season_show_none() -> None:
    makers: list[Callable[[np.random.Generator, int], np.ndarray]] = [
        lambda rng, rows: rng.normal(size=rows),
        lambda rng, rows: rng.normal(size=rows).cumsum(),
        lambda rng, rows: rng.normal(size=rows) + 0.5 * rng.normal(size=rows).cumsum(),
        lambda rng, rows: autoregressive(rng, rows, 0.7),
        lambda rng, rows: autoregressive(rng, rows, -0.5),
    ]
    found: list[int] = []
    for s in range(12):
        rng = np.random.default_rng(s)
        found += [common_season([make(rng, rows) for _ in range(11)]) for make in makers for rows in (20, 30)]
    assert sum(m != 1 for m in found) <= 6  # of 120


def test_lengths_that_the_calendar_suggests_need_less() -> None:
    two = [drawn(np.random.default_rng(s), 26, 12, 2) for s in range(10)]  # two seasons, of fewer than three series
    assert not any(common_season(values) == 12 for values in two)
    assert sum(common_season(values, (12,)) == 12 for values in two) >= 5
    values = drawn(np.random.default_rng(1), 26, 12, 6)
    assert has_season(values, 12)
    assert not has_season(values, 14)


def test_the_part_that_a_season_explains_is_that_of_its_means() -> None:
    changes = changes_of(np.random.default_rng(0).normal(size=121).cumsum())
    table = changes.reshape(-1, 12)
    products = Products([np.concatenate([[0.0], changes.cumsum()])], 1)
    expected = 10 * float((table.mean(axis=0) ** 2).sum())
    assert products.explained(12, 1) == pytest.approx(expected)
    assert products.between(12, 1) == pytest.approx(expected)
    assert changes.var() == pytest.approx(1.0)


def test_the_tail_of_f_is_near_the_known_one() -> None:
    # quantiles of tables: F(3, 20), F(11, 60), F(1, 10)
    for ratio, above, below, tail in ((3.098, 3, 20, 0.05), (2.559, 11, 60, 0.01), (10.04, 1, 10, 0.01)):
        assert f_log_tail(ratio, above, below) == pytest.approx(np.log(tail), abs=1.0)
    assert f_log_tail(0.9, 5, 50) == 0.0


# ------------------------------------------------------------------------------- longer ones, and a year


def test_days_and_weeks_without_dates() -> None:
    rng, hours = np.random.default_rng(0), np.arange(24 * 7 * 5)
    week = 1.0 + 0.5 * (hours // 24 % 7 < 5)
    values = [week * (3 + np.sin(2 * np.pi * hours / 24)) + 0.2 * rng.normal(size=len(hours)) for _ in range(3)]
    assert find_seasons(values) == find_seasons(values, HOURLY) == Seasons((24, 168), None)
    flat = [each / week for each in values]
    assert find_seasons(flat) == find_seasons(flat, HOURLY) == Seasons((24,), None)


def test_rows_of_a_year() -> None:
    assert rows_per_year(DAILY) == pytest.approx(365.2425)
    assert rows_per_year(WEEKLY) == pytest.approx(52.1775)
    assert rows_per_year(HOURLY) == pytest.approx(8765.82)
    assert rows_per_year(Calendar("weekday")) == pytest.approx(260.8875)
    assert rows_per_year(Calendar("month")) is rows_per_year(None) is rows_per_year(Calendar("us", 40 * DAY)) is None


@pytest.mark.parametrize(("calendar", "years"), [(DAILY, 2), (DAILY, 4), (WEEKLY, 3), (Calendar("weekday"), 3)])
def test_a_year_is_found_beside_a_week(calendar: Calendar, years: int) -> None:
    rows = rows_per_year(calendar)
    assert rows is not None
    rng, n = np.random.default_rng(years), int(years * rows) + 1
    values = smooth(rng, n, rows) + np.resize(rng.normal(size=7), n) * (calendar is DAILY)
    found = find_seasons([values], calendar)
    assert found.year == rows
    assert (found.rows == (7,)) == (calendar is DAILY)
    assert find_seasons([values[: int(1.9 * rows)]], calendar).year is None


@pytest.mark.parametrize(("calendar", "rows"), [(DAILY, 730), (HOURLY, 17520), (WEEKLY, 104), (DAILY, 728)])
def test_two_years_are_enough_without_a_leap_day(calendar: Calendar, rows: int) -> None:
    year = rows_per_year(calendar)
    assert year is not None
    values = 3 * np.cos(2 * np.pi * np.arange(rows) / year) + np.random.default_rng(0).normal(size=rows)
    assert find_seasons([values], calendar).year == year
    assert find_seasons([values[: int(0.97 * rows)]], calendar).year is None
    assert decompose(values, (), year).annual is not None


def test_years_are_rarely_seen_where_there_are_none() -> None:
    found: list[bool] = []
    for s in range(40):
        rng = np.random.default_rng(s)
        for make in (lambda n: rng.normal(size=n), lambda n: rng.normal(size=n).cumsum()):  # noqa: B023
            found += [shows_year([make(int(years * 365.2425) + 1)], 365.2425) for years in (2, 5)]
    assert sum(found) <= 5  # of 160


# --------------------------------------------------------------------------------- features of the dates


def panel_of(values: Sequence[np.ndarray], step: str):
    times = np.datetime64("2020-01-01", "h") + np.arange(len(values[0])) * np.timedelta64(*_step(step))
    return Panel({str(k): as_series(each, time=times) for k, each in enumerate(values)})


def _step(step: str) -> tuple[int, str]:
    return (1, "h") if step == "h" else (24, "h")


def test_features_of_the_dates_that_show() -> None:
    rng = np.random.default_rng(0)
    years = panel_of([smooth(rng, 800, 365.2425) for _ in range(2)], "D")
    assert seasons_of(years) == Seasons((1,), 365.2425)
    assert default_calendar(years) == ("year",)
    assert default_calendar(panel_of([smooth(rng, 700, 365.2425)], "D")) == ()  # less than two years
    hours = np.arange(24 * 16)
    week = 3.0 * (hours // 24 % 7 < 5)
    short = panel_of([week + np.sin(hours / 24 * 2 * np.pi) + 0.1 * rng.normal(size=len(hours)) for _ in range(3)], "h")
    assert seasons_of(short).rows == (24,)
    assert default_calendar(short) == ("weekday",)
    assert default_calendar(Panel({"a": as_series(np.arange(50.0) % 7)})) == ()
