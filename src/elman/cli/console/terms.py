"""The terms of the tables in a line or two below them."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from elman.cli.console import terminal
from elman.series.seasonal.year import rows_per_year

if TYPE_CHECKING:
    from elman.series.series import Series

__all__ = ["ALARMS", "ERRORS", "INTERVALS", "explain", "season_text"]

WIDTH = 100  # letters of a line

ERRORS = (
    "Errors, lower is better. MASE 1: the usual change over a season (without one, over a row); sMAPE: in % of the"
    " values; RMSE: in their unit; RMSSE 1: the usual change over a row; OWA 1: as naive 2, by sMAPE and MASE. The"
    " combination is a weighted mean of the others: a network, a linear model of many rows, and models of each series"
    " alone, of which exponential smoothing, damped trend and theta follow level, trend and season. Naive repeats the"
    " last value, seasonal naive the last season; drift goes on from the first value through the last; naive 2 is naive"
    " with the season taken out and put back; year ago repeats the same days of the last year."
)
INTERVALS = (
    "Held: rows whose truth lies inside. Lower is better: interval score, the width with a penalty for rows outside,"
    " and pinball, the loss of both bounds as quantiles, in MASE's unit."
)
ALARMS = "Score 3: once in 1,000 rows where nothing changes. Expected: the forecast from the rows before."


def explain(text: str) -> None:
    """Prints what the terms of a table mean, below it."""
    for line in textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  "):
        terminal.line(line)


def season_text(seasons: tuple[int, ...], asked: bool, series: Series, year: bool = False) -> str:
    """Returns the words for the seasons of a model, and how to set one where none was found.

    seasons   their lengths in rows, (1,) for none;  asked  whether the user named them;  series  one of those
    year      whether a year shows besides, whose rows are no whole number
    """
    rows = rows_per_year(series.calendar) if year else None
    also = "" if rows is None else f"; a year of {rows:.2f} rows shows"
    if seasons != (1,):
        found = "" if asked else ", found in the data"
        return f"season of {' and '.join(map(str, seasons))} rows{found}{also}"
    if also:
        return also.removeprefix("; ")
    if asked:
        return "no season"
    unit = series.calendar.unit_name if series.calendar is not None else None
    usual = {"day": 365, "business day": 260, "week": 52, "month": 12, "quarter": 4, "hour": 24}.get(unit or "")
    if usual is None or 2 * usual > len(series):
        return "no season found; --season N to set one of N rows"
    return f"no season found; --season {usual} to set one"
