"""The data sets of `forecast_peers.py`: series, divided into known rows and the rows to be forecast."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import m4, many_series
from elman import datasets

__all__ = ["NAMES", "Cutoff", "DataSet", "cut", "sets"]

NAMES = ("airline", "sunspots", "m4", "drawn")
WINDOWS = 12  # number of windows of a data set with one series

Columns = dict[str, np.ndarray]


class Cutoff(NamedTuple):
    """One window of every series, by name: the rows before the cutoff, and the rows of the horizon after it."""

    known: Columns
    truth: Columns


class DataSet(NamedTuple):
    """A data set: `words` describes it, `seasons` are in increasing order."""

    name: str
    words: str
    seasons: tuple[int, ...]
    horizon: int
    cutoffs: tuple[Cutoff, ...]


def sets(names: list[str], data: Path | None, every: int) -> Iterator[DataSet | str]:
    """Yields the data sets with these names; in place of a set that is not available, a line that says why.

    data    folder of m4_hourly_train.csv
    every   one of so many series of that file is taken
    """
    for name in names:
        if name == "airline":
            values = datasets.load_airline().values
            words = f"144 months, {WINDOWS} windows of 12, one every 8"
            yield DataSet(name, words, (12,), 12, cut({name: values}, 12, WINDOWS, 8))
        elif name == "sunspots":
            values = datasets.load_sunspots().values
            yield DataSet(name, f"309 years, {WINDOWS} windows of 11", (11,), 11, cut({name: values}, 11, WINDOWS))
        elif name == "m4":
            path = None if data is None else data / "m4_hourly_train.csv"
            if path is None or not path.exists():
                yield "m4 is left out: give the folder that holds m4_hourly_train.csv by --data FOLDER"
                continue
            series = dict(list(m4.read(path).items())[::every])
            words = f"{len(series)} of the M4 competition's hourly series, the last 48 hours of the training part, on"
            words += " which (of all 414) elman's own defaults were chosen"
            yield DataSet(name, words, (24, 168), m4.HORIZON, cut(series, m4.HORIZON, 1))
        else:
            series = many_series.series(100)
            words = f"{len(series)} drawn series of 100 days (many_series.py), the last 14"
            yield DataSet(name, words, (7,), 14, cut(series, 14, 1))


def cut(series: Columns, horizon: int, windows: int, step: int | None = None) -> tuple[Cutoff, ...]:
    """Returns the last windows of the series, oldest first, so many rows apart; None: each begins where the one before
    it ends."""
    found = []
    for k in range(windows, 0, -1):
        ends = {name: len(values) - (k - 1) * (step or horizon) for name, values in series.items()}
        known = {name: values[: ends[name] - horizon] for name, values in series.items()}
        truth = {name: values[ends[name] - horizon : ends[name]] for name, values in series.items()}
        found.append(Cutoff(known, truth))
    return tuple(found)
