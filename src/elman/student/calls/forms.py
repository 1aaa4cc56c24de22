"""The forms in which programs take and give sequences: rows, lists of columns, batches, class numbers.

A form is written by its axes: T steps, B rows of a batch, K features, 1 for an axis of length 1. What stands before a
bar is a list: "T|K1" is a list of T columns (K, 1), "BTK" an array (B, T, K). Without T there is one step, without B
one sequence, without K a single number or a class. Inside the checker all data are arrays (T, B, K).
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["IDS", "ONE_STEP", "SEQUENCES", "STATES", "WINDOWS", "batched", "describe", "give", "plain", "read", "steps"]

# in the order in which they are tried
SEQUENCES = ("TK", "T|K1", "T|K", "TK1", "T|1K", "BTK", "TBK", "T|BK", "T|KB", "KBT", "BKT", "TKB", "KT")
ONE_STEP = ("K1", "K", "BK", "KB", "1K")
IDS = ("T|", "T", "BT", "TB", "B|T|")  # one number for each step: a class, or a feature where there is only one
WINDOWS = ("B|TK", "B|T|K1", "B|T|K", "B|TK1")  # several sequences in a list, as a training loop takes them
STATES = ("K1", "K", "1K", "BK", "KB")
READ = ("TBK", "BTK", "TK", "TK1", "T1K", "KT", "TKB", "KBT", "BKT", "KTB", "1TK", "T|", "BT", "TB")
READ_LAST = ("BK", "KB", "K", "K1", "1K", "B", "")


def batched(axes: str) -> bool:
    """Returns whether the form holds several sequences."""
    return "B" in axes


def steps(axes: str) -> bool:
    """Returns whether the form holds several steps."""
    return "T" in axes


def give(axes: str, core: np.ndarray) -> Any:
    """Returns the data (T, B, K) in a form, as new arrays or lists."""
    flat = axes.replace("|", "")
    for place, letter in ((2, "K"), (1, "B"), (0, "T")):
        if letter not in flat:
            core = core.take(0, axis=place)
    present = [letter for letter in "TBK" if letter in flat]
    array = core.transpose([present.index(letter) for letter in flat if letter != "1"])
    sizes = iter(array.shape)
    return _nested(array.reshape([1 if letter == "1" else next(sizes) for letter in flat]), axes.count("|"))


def _nested(array: np.ndarray, depth: int) -> Any:
    if depth:
        return [_nested(item, depth - 1) for item in array]
    return array.item() if array.ndim == 0 else array.copy()


def read(value: Any, sizes: tuple[int, int, int], *, first: bool = False) -> tuple[str, np.ndarray] | None:
    """Returns the form of a program's values and the values (T, B, K), or (1, B, K) of one step; None for others.

    sizes  T, B, K
    first  also of T + 1 steps, of which the first is an initial state
    """
    array = plain(value)
    if array is None:
        return None
    every, last = {"T": sizes[0], "B": sizes[1], "K": sizes[2], "1": 1}, {"B": sizes[1], "K": sizes[2], "1": 1}
    for forms, lengths in ((READ, every), (READ, every | {"T": sizes[0] + 1}), (READ_LAST, last)):
        if lengths.get("T") == sizes[0] + 1 and not first:
            continue
        for axes in forms:
            flat = axes.replace("|", "")
            if array.shape != tuple(lengths[letter] for letter in flat):
                continue
            if ("B" not in flat and sizes[1] > 1) or ("K" not in flat and sizes[2] > 1):
                continue
            core = _core(array, flat)
            if len(core) > sizes[0]:  # the state before the first step stands first, or last, where index -1 finds it
                return axes, core[:-1] if core[0].any() and not core[-1].any() else core[1:]
            return axes, core
    return None


def _core(array: np.ndarray, flat: str) -> np.ndarray:
    """Returns an array of a form as (T, B, K)."""
    array = array.reshape([n for n, letter in zip(array.shape, flat, strict=True) if letter != "1"])
    letters = flat.replace("1", "")
    array = array.transpose([letters.index(letter) for letter in "TBK" if letter in letters])
    for place, letter in enumerate("TBK"):
        if letter not in letters:
            array = np.expand_dims(array, place)
    return array


def plain(value: Any) -> np.ndarray | None:
    """Returns numbers in an array, a list or a dictionary by step as one array; None for anything else."""
    if isinstance(value, dict):
        if not value or not all(isinstance(key, int | np.integer) for key in value):
            return None
        value = [value[key] for key in sorted(value) if key >= 0]
    if isinstance(value, list | tuple) and len(value) == 0:
        return None
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        return None
    return array if array.dtype.kind in "fiu" else None


def describe(axes: str, letter: str = "K") -> str:
    """Returns a form in words."""
    *outer, inner = axes.split("|")
    text = f"({', '.join(inner.replace('K', letter))})" if inner else "numbers"
    for level in reversed(outer):
        text = f"list of {level} {text}"
    return text
