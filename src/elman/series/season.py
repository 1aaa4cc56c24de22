"""The seasons of series: found in their values, with what the steps of their dates suggest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elman.series.calendar import Calendar
from elman.series.seasonal.lengths import LONGEST, common_season, has_season, longer_season
from elman.series.seasonal.year import rows_per_year, shows_year

__all__ = ["Seasons", "autocorrelation", "default_horizon", "find_season", "find_seasons", "shown_season"]

DAYS = (24, 48, 96, 144, 288)  # rows of a day, of which a week may be the longer season


class Seasons(NamedTuple):
    """The seasons that series have."""

    rows: tuple[int, ...]  # their lengths in rows, each a multiple of the one before; (1,) for none
    year: float | None  # rows of a year, where it is no whole number of them and shows


def find_season(values: np.ndarray, usual: Sequence[int] = ()) -> int:
    """Returns the number of rows in a season of values (n,), 1 where they show none.

    usual   lengths that the calendar suggests, of which the shortest that shows is taken; empty: every length from 3
            to a third of the rows is tried (`seasonal.lengths.common_season`)
    """
    return common_season([values], usual)


def find_seasons(values: Sequence[np.ndarray], calendar: Calendar | None = None) -> Seasons:
    """Returns the seasons that series of values share: a short one, a longer one that is a multiple of it, and a year.

    calendar   the rule of their steps, which suggests the lengths; None: any length is tried, and where that is a day
               or a week, a week of days and 52 weeks besides
    """
    if calendar is not None:
        usual = calendar.seasons
        short = common_season(values, usual) if usual else 1
        longer = longer_season(values, short, usual) if short > 1 else 1
        rows = rows_per_year(calendar)
        year = rows if rows is not None and shows_year(values, rows) else None
        return Seasons((short,) if longer == 1 else (short, longer), year)
    short = common_season(values)
    if short % 7 == 0 and short // 7 in DAYS and has_season(values, short // 7):  # the week explains more than its day
        return Seasons((short // 7, short), None)
    week = (7 * short,) if short in DAYS and 7 * short <= LONGEST else (52 * short,) if short == 7 else ()
    longer = longer_season(values, short, week)
    return Seasons((short,) if longer == 1 else (short, longer), None)


def shown_season(season: int, rows: int) -> int:
    """Returns the season where `rows` rows hold two of it, else 1: fewer cannot tell a season from a trend."""
    return season if rows >= 2 * season else 1


def default_horizon(rows: int, season: int) -> int:
    """Returns the horizon where none is given: one season, else a tenth of the rows; at most 48."""
    return min(season if season > 1 else max(rows // 10, 1), 48)


def autocorrelation(values: np.ndarray, lags: int) -> np.ndarray:
    """Returns the autocorrelations of values (n,) at lags 0 to `lags`, float64 (lags + 1,); zeros for equal values."""
    centred = values - values.mean() if len(values) else values
    total = float(centred @ centred)
    r = np.zeros(lags + 1)
    if total > 0.0:
        for lag in range(min(lags + 1, len(values))):
            r[lag] = float(centred[lag:] @ centred[: len(values) - lag]) / total
    return r
