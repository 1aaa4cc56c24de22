"""Wide tables: each row is a sequence, its columns are the steps."""

from __future__ import annotations

import numpy as np

from elman.sequence.tables.forms import Channels, find_channels, numbered_columns
from elman.sequence.tables.layout import Column, Options
from elman.sequence.tables.roles import Roles
from elman.sequence.tables.source import Source
from elman.series.errors import counted, listed, shorten
from elman.series.notes import gathered, note

__all__ = ["wide_sequences"]


def wide_sequences(source: Source, roles: Roles, options: Options) -> tuple[list[np.ndarray], list[Column]]:
    """Returns the sequences of the rows, (T, C) each, and their channels. Empty cells at the end of a row are no steps,
    which is noted. `DataError` for columns that hold something else than numbers, and for other empty cells."""
    channels = _channels(source, roles, options)
    with gathered() as said:  # of each column
        steps = [[source.numbers(name) for name in names] for names in channels.steps]
    for text in said[:1]:
        note(text + (f", and alike in {counted(len(said) - 1, 'more column')}" if len(said) > 1 else ""))
    x = np.array(steps, np.float64).transpose(2, 1, 0)  # (n, T, C)
    filled = (~np.isnan(x)).max(axis=2)  # whether a step has a value
    lengths = (filled * np.arange(1, x.shape[1] + 1)).max(axis=1)
    if (empty := np.flatnonzero(lengths == 0)).size:
        raise source.error("no value in the whole row; delete it", channels.steps[0][0], int(empty[0]))
    inside = np.isnan(x) & (np.arange(x.shape[1]) < lengths[:, None])[:, :, None]
    if inside.any():
        row, step, channel = (int(each) for each in np.argwhere(inside)[0])
        name = channels.steps[channel][step]
        if options.missing == "error":
            raise source.error(
                f"no value, one of {counted(int(inside.sum()), 'empty cell')} before the end of a row;"
                " missing='interpolate' or 'zero' (--missing) fills them",
                name, row,
            )  # fmt: skip
        _fill(x, inside, options.missing)
        note(f"{counted(int(inside.sum()), 'missing value')} before the end of a row: {options.missing}")
    if (short := lengths < x.shape[1]).any():
        note(
            f"empty cells at the end of a row are no steps: {counted(int(short.sum()), 'sequence')} shorter than the"
            f" longest, the first {source.place(int(short.argmax()))}"
        )
    names = ["value" if len(channels.names) == 1 else name for name in channels.names]
    return [row[:length] for row, length in zip(x, lengths, strict=True)], [Column(name, "number") for name in names]


def _channels(source: Source, roles: Roles, options: Options) -> Channels:
    """Returns the columns of the steps. `DataError` where there are none."""
    named = options.features is not None and options.layout is None
    channels = None if named else find_channels(roles.rest)
    if channels is None and not named and (numbered := numbered_columns(roles.rest)):
        channels = find_channels(numbered)
        others = [name for name in roles.rest if name not in numbered]
        note(f"{listed(others)}: not numbered as the steps are, and not used")
    if channels is None:
        steps = list(roles.rest)
        for name in steps:
            found = source.census(name)
            if found.others and not found.numbers:
                raise source.error(
                    "a step of a wide table holds no number; name the column with label (--label) or id (--id), or the"
                    " columns of the steps with features (--features)",
                    name, found.other,
                )  # fmt: skip
        if not steps:
            raise source.error("no column is left for the steps of the sequences")
        note(f"each row is a sequence of {len(steps)} steps, {shorten(steps[0])} to {shorten(steps[-1])}")
        return Channels(("",), [steps], False)
    first, last = channels.steps[0][0], channels.steps[0][-1]
    several = "" if len(channels.names) == 1 else f", and as many of {len(channels.names) - 1} more channels"
    order = "; they are in the order of their numbers, not of the table" if channels.moved else ""
    note(
        f"each row is a sequence: its steps are the {len(channels.steps[0])} columns {shorten(first)} to"
        f" {shorten(last)}{several}{order}; form='long' (--form long) reads each row as one step"
    )
    return channels


def _fill(x: np.ndarray, inside: np.ndarray, how: str) -> None:
    """Fills the missing values of sequences (n, T, C) in place."""
    if how == "zero":
        x[inside] = 0.0
        return
    for row, channel in {(int(row), int(channel)) for row, _, channel in np.argwhere(inside)}:
        gaps, values = inside[row, :, channel], x[row, :, channel]
        known = np.flatnonzero(~np.isnan(values))
        x[row, gaps, channel] = np.interp(np.flatnonzero(gaps), known, values[known]) if known.size else 0.0
