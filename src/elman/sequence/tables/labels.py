"""The labels of sequences: one for each, or one for each step."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.sequence.tables.layout import Options
from elman.sequence.tables.order import Groups
from elman.sequence.tables.source import Source, objects
from elman.series.errors import counted, shorten
from elman.series.notes import note

__all__ = ["labels_of"]


def labels_of(source: Source, name: str | None, groups: Groups, options: Options) -> Any:
    """Returns the label of each id (k,), or a list with those of its steps (T,); None where no column holds labels, or
    where fresh rows have none. `DataError` for a missing label, and for one that changes within an id."""
    if name is None:
        return None
    values = _values(source, name, options)
    missing = np.array([value is None or value != value for value in values.tolist()])
    if options.layout is not None and missing.all():
        note(f"column {shorten(name)} is empty: taken as rows without labels")
        return None
    if missing.any():
        rows = np.flatnonzero(missing)
        more = f", nor in {counted(len(rows) - 1, 'other row')}" if len(rows) > 1 else ""
        raise source.error(f"no label{more}; write it or delete the row", name, int(rows[0]))
    if values.dtype == object and any(isinstance(value, str) for value in values.tolist()):
        values = np.array([str(value) for value in values.tolist()])
    if options.per_step:
        return groups.split(values)
    ordered = values[groups.order]
    firsts = ordered[groups.starts]
    other = np.flatnonzero(ordered != np.repeat(firsts, groups.lengths))
    if other.size:
        row = int(groups.order[other[0]])
        id = int(groups.of_rows()[row])
        raise source.error(
            f"{_shown(values[row])} where {shorten(str(groups.ids[id]))} has {_shown(firsts[id])} in its first row;"
            " where each step has a label of its own, use per_step=True (elman train tag)",
            name, row,
        )  # fmt: skip
    return firsts


def _values(source: Source, name: str, options: Options) -> np.ndarray:
    if options.numeric_label:
        return source.numbers(name)
    if options.layout is not None and options.layout.text:  # 1 among words is one of them
        return objects([cell or None for cell in source.texts(name)])
    return source.labels(name)


def _shown(value: Any) -> str:
    return shorten(str(value)) if isinstance(value, str) else str(value)
