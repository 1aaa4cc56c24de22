"""What the series of a panel share: their seasons, and the features of their dates that are worth reading."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from elman.series.season import Seasons, find_seasons
from elman.series.seasonal.lengths import has_season
from elman.series.seasonal.year import rows_per_year, shows_year
from elman.series.series import Series

__all__ = ["default_calendar", "seasons_of", "year_of"]

SAMPLED = 100  # about how many of the series are examined
_DAY, _WEEK = np.timedelta64(1, "D"), 7  # days


def seasons_of(panel: Mapping[str, Series]) -> Seasons:
    """Returns the seasons that series share (`season.find_seasons`), from about a hundred of them."""
    sample = _sample(panel)
    return find_seasons([series.values for series in sample], sample[0].calendar)


def year_of(panel: Mapping[str, Series]) -> float | None:
    """Returns the number of rows in a year where it is no whole number and series show it, else None."""
    sample = _sample(panel)
    rows = rows_per_year(sample[0].calendar)
    return rows if rows is not None and shows_year([series.values for series in sample], rows) else None


def default_calendar(panel: Mapping[str, Series]) -> tuple[str, ...]:
    """Returns the names of calendar features that show in series: "year", where two years were seen and show, and
    "weekday" for rows of less than a day, where a week shows in the days and is too long to be a season.

    Other features repeat what a season says; without dates there are none.
    """
    sample = _sample(panel)
    calendar = sample[0].calendar
    if calendar is None:
        return ()
    found = find_seasons([series.values for series in sample], calendar)
    names = ("year",) if found.year is not None else ()
    day = _rows_of_a_day(sample[0])
    if day > 1 and not any(m % (_WEEK * day) == 0 for m in found.rows):
        days = [each.values[len(each) % day :].reshape(-1, day).mean(axis=1) for each in sample if len(each) >= day]
        if has_season(days, _WEEK):
            names = ("weekday", *names)
    return names


def _sample(panel: Mapping[str, Series]) -> list[Series]:
    """Returns about `SAMPLED` of the series."""
    return list(panel.values())[:: max(1, len(panel) // SAMPLED)]


def _rows_of_a_day(series: Series) -> int:
    """Returns how many rows a day has, 0 where it is no whole number of them."""
    calendar = series.calendar
    if calendar is None or calendar.unit != "us":
        return 0
    step = np.timedelta64(calendar.step, "us")
    return int(_DAY // step) if _DAY % step == np.timedelta64(0, "us") else 0
