"""Which sequences are held out for a test: a share of each class, drawn by a seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.sequence.tables.reading import Sequences
from elman.series.errors import DataError, counted, listed
from elman.series.notes import note

__all__ = ["equal_sequences", "hold_out", "taken", "unlearned"]


def hold_out(found: Sequences, share: float, seed: int, stratify: bool) -> tuple[Sequences, Sequences]:
    """Returns the sequences to learn from and those that are held out, each in the order of the table.

    share      of all that is held out, above 0 and below 1
    stratify   whether that share is taken of each class; of a class with one sequence nothing is held out, which is
               noted

    `DataError` where nothing would be left on one side.
    """
    n = len(found.x)
    rng = np.random.default_rng(seed)
    groups = [np.arange(n)] if not stratify else [np.flatnonzero(found.y == label) for label in np.unique(found.y)]
    test: list[np.ndarray] = []
    alone = 0
    for rows in groups:
        count = round(share * len(rows))
        if len(rows) > 1:
            count = min(max(count, 1), len(rows) - 1)
        else:
            count, alone = 0, alone + 1
        test.append(rng.permutation(rows)[:count])
    out = np.sort(np.concatenate(test))
    if not len(out):
        raise DataError(
            f"{counted(n, 'sequence')}: too few to hold some out; give more, or holdout=0 (--holdout 0) for no test"
        )
    if stratify and alone:
        note(f"{counted(alone, 'class') if alone == 1 else f'{alone} classes'} with one sequence: not in the test")
    return taken(found, np.setdiff1d(np.arange(n), out)), taken(found, out)


def taken(found: Sequences, rows: Sequence[int] | np.ndarray) -> Sequences:
    """Returns the sequences with the indices `rows` (k,)."""
    y: Any = found.y
    if y is not None:
        y = [y[row] for row in rows] if isinstance(y, list) else y[rows]
    return found._replace(x=[found.x[row] for row in rows], y=y, ids=[found.ids[row] for row in rows])


def equal_sequences(a: Sequences, b: Sequences) -> int:
    """Returns how many sequences of `b` are equal to one of `a`, step by step."""
    known = {_key(each) for each in a.x}
    return sum(_key(each) in known for each in b.x)


def unlearned(classes: Sequence[Any], data: Sequences) -> list[Any]:
    """Returns the labels of some sequences that are none of the classes of a model, in their order. `DataError` where
    none of them is."""
    every: list[Any] = (np.concatenate(data.y) if isinstance(data.y, list) else data.y).tolist()
    known = {*classes}
    unknown = list(dict.fromkeys(label for label in every if label not in known))
    if all(label not in known for label in every):
        raise DataError(
            f"none of the labels is one that was learned: {listed(list(map(str, unknown)))} where those learned are"
            f" {listed(list(map(str, classes)))}; name the column of the labels with label (--label)",
            column=data.layout.label,
        )
    return unknown


def _key(x: np.ndarray) -> Any:
    return (x.shape, x.tobytes()) if x.dtype != object else tuple(map(tuple, x.tolist()))
