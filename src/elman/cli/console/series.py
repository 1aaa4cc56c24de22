"""What was read from a file, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from elman.cli.console import terminal

if TYPE_CHECKING:
    from elman.series.panel import Panel
    from elman.series.series import Series

__all__ = ["print_notes", "print_read", "print_skipped", "series_json"]

NOTES = 10  # at most


def print_read(panel: Panel, name: str) -> None:
    """Prints what was read from the file `name`, in one line, and the notes of the reading, one line each."""
    from elman.series.errors import counted

    first, name = panel.first, "standard input" if name == "-" else name
    step = f", {first.calendar.name}" if first.calendar is not None else ""
    filled = sum(len(series.filled) for series in panel.values())
    filled_text = f", {filled} of them {_how_filled(first)}" if filled else ""
    if panel.single:
        span = first.label(0) + (f" to {first.label(len(first) - 1)}" if len(first) > 1 else "")
        terminal.line(f"{name}, {first.name}: {counted(len(first), 'row')}{filled_text}, {span}{step}")
    else:
        rows = [len(series) for series in panel.values()]
        span = counted(max(rows), "row") if min(rows) == max(rows) else f"{min(rows)} to {max(rows)} rows"
        terminal.line(f"{name}, {first.name}: {len(panel)} series of {span}{filled_text}{step}")
    print_notes(panel.notes)


def print_notes(notes: Sequence[str]) -> None:
    """Prints the notes of a reading, one line each."""
    for text in notes[:NOTES]:
        terminal.line(f"Note: {text}")
    if len(notes) > NOTES:
        terminal.line(f"and {len(notes) - NOTES} more notes (all of them: --json)")


def print_skipped(skipped: Mapping[str, str]) -> None:
    """Prints the series that were left out, one line each."""
    for id, why in skipped.items():
        terminal.line(f"Left out: series {id!r}: {why}")


def series_json(series: Series) -> dict[str, object]:
    """Returns what `print_read` says of one series, for `--json`."""
    labels = series.labels
    return {
        "rows": len(series),
        "first": labels[0],
        "last": labels[-1],
        "freq": series.calendar.name if series.calendar is not None else None,
        _how_filled(series): [labels[row] for row in series.filled],
    }


def _how_filled(series: Series) -> str:
    return "masked" if series.masked else "interpolated"
