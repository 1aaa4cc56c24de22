"""Backtests: the errors and intervals of the network and of the baselines, and the verdict for each series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from elman.cli.console import terminal
from elman.cli.console.terms import ERRORS, INTERVALS, explain, season_text

if TYPE_CHECKING:
    from elman.forecast import Backtest
    from elman.series.series import Series

__all__ = ["backtest_json", "better", "print_backtest", "print_errors", "print_season"]

Coverage = Sequence[Mapping[str, float]]  # for each level, what the intervals of a model held, and their scores

LISTED = 20  # series at most


def print_backtest(found: Backtest, intervals: Mapping[str, Coverage]) -> None:
    """Prints the errors of each model, what its intervals held (`intervals`, by model), and of many
    series the errors of each."""
    print_errors(found)
    terminal.line()
    _print_intervals(intervals)
    if found.series:
        terminal.line()
        _print_each(found)


def print_season(seasons: tuple[int, ...], asked: bool, series: Series) -> None:
    """Prints the season by which the models forecast, and MASE measures (see `season_text`)."""
    text = season_text(seasons, asked, series)
    terminal.line(text[0].upper() + text[1:])


def print_errors(found: Backtest) -> None:
    """Prints the mean errors of each model."""
    windows = len(found) // max(1, len(found.places))
    count = "the last window" if windows == 1 else f"the last {windows} windows"
    if found.series:
        count += f" of {len(found.places)} series"
    rows = found.summary()
    columns = [[row["model"] for row in rows]]
    columns += [terminal.figures(row[name] for row in rows) for name in ("mase", "smape", "rmse", "rmsse", "owa")]
    heads = [f"mean over {count}", "MASE", "sMAPE %", "RMSE", "RMSSE", "OWA"]
    terminal.table(heads, zip(*columns, strict=True))
    explain(ERRORS)


def _print_intervals(found: Mapping[str, Coverage]) -> None:
    """Prints for each level what the intervals of each model held, and their scores."""
    for k, row in enumerate(next(iter(found.values()))):
        rows = [each[k] for each in found.values() if k < len(each)]
        columns = [list(found), [f"{each['covered']:.1f}" for each in rows]]
        columns += [terminal.figures(each[name] for each in rows) for name in ("score", "pinball")]
        heads = [f"intervals of {row['level']:g} %", "held %", "interval score", "pinball"]
        terminal.table(heads, zip(*columns, strict=False))
    explain(INTERVALS)


def _print_each(found: Backtest) -> None:
    rows: list[list[str]] = []
    for id in list(found.places)[:LISTED]:
        own = found.of(id)
        rows.append([id, *terminal.figures([own.mean(), own.mean(own.best_baseline)]), better(own)])
    terminal.table(["series", f"MASE {found.model}", "best baseline", "better"], rows)
    if len(found.places) > LISTED:
        terminal.line(f"and {len(found.places) - LISTED} more series")


def better(found: Backtest) -> str:
    """Returns the verdict in a few words: who was better, and the forecaster by how much, or "about equal"."""
    outcome = found.outcome
    return f"{outcome}, by {100.0 * found.gain:.0f} %" if outcome == found.model else outcome


def backtest_json(found: Backtest, intervals: Mapping[str, Coverage]) -> dict[str, object]:
    """Returns all that the text says, for `--json`."""
    each = {id: found.of(id) for id in found.places}
    return {
        "horizon": found.horizon,
        "mean": found.summary(),
        "intervals": intervals,
        "series": {id: {"mean": own.summary(), "verdict": own.verdict()} for id, own in each.items()},
        "windows": found.records(),
        "verdict": found.verdict(),
    }
