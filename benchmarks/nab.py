"""The Numenta anomaly benchmark (NAB): its files, its standard scoring profile, and a sliding Gaussian to compare with.

The scoring is that of Lavin and Ahmad (2015), as the benchmark publishes it. A detection inside of a labelled window
counts by how early it is: its position p runs from -1 at the window's first row to 0 behind its last, and it is worth
sigmoid(p) / sigmoid(-1), where sigmoid(p) = 2 / (1 + exp(5 p)) - 1. Of each window only the best detection counts; a
window without one costs 1. A detection outside costs at most 0.11, less shortly behind a window: 0.11 sigmoid(p), where
p is the number of rows behind the window over the window's length, and -1 beyond p = 3 and before the first window. The
first 15 % of the rows, at most 750, are no part of it. The sum over all files is shown on a scale on which no detection
at all has 0 and a perfect detector 100. One threshold, for all files the same, is chosen such that the sum is largest.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

__all__ = [
    "NabFile",
    "best_score",
    "family",
    "normalised",
    "probation_rows",
    "published",
    "read_files",
    "row_values",
    "score",
    "sliding_gaussian",
]

FALSE_POSITIVE, FALSE_NEGATIVE = 0.11, 1.0  # the standard profile; a true positive is worth 1
PROBATION, LONGEST_PROBATION = 0.15, 750
PUBLISHED = Path(__file__).with_name("nab_published.csv")

Detections = Sequence[tuple[int, float]]  # rows, each with the score of what was detected there
Event = tuple[float, str, int, float]  # the score of a detection, its file, its window or -1, and what it is worth


class NabFile(NamedTuple):
    """One series of the benchmark: its rows as they stand in the file, and the first and last row of each window."""

    name: str
    times: np.ndarray
    values: np.ndarray
    windows: list[tuple[int, int]]


def read_files(folder: Path) -> Iterator[NabFile]:
    """Yields the series that `folder`/windows.json names, and that lie in the folder."""
    labelled = json.loads((folder / "windows.json").read_text(encoding="utf-8"))
    for name, windows in labelled.items():
        path = folder / name
        if path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            times = np.array([row["timestamp"] for row in rows], "datetime64[s]")
            values = np.array([float(row["value"]) for row in rows])
            ends = [np.array(window, "datetime64[s]") for window in windows]
            found = [tuple(int(np.flatnonzero(times == end)[0]) for end in window) for window in ends]
            yield NabFile(name, times, values, [(first, last) for first, last in found])


def probation_rows(rows: int) -> int:
    """Returns how many of the first rows of a file are not scored."""
    return int(min(math.floor(PROBATION * rows), PROBATION * 5000, LONGEST_PROBATION))


def sigmoid(position: float) -> float:
    """Returns the value of a detection at a position relative to a window: 1 far before its end, -1 far behind it."""
    return -1.0 if position > 3.0 else 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def row_values(rows: int, windows: Sequence[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Returns what a detection in each row is worth (n,), and the number of the window around it (n,), -1 for none."""
    worth, inside = np.full(rows, -FALSE_POSITIVE), np.full(rows, -1)
    for k, (first, last) in enumerate(windows):
        width = last - first + 1
        for i in range(first, last + 1):
            worth[i], inside[i] = sigmoid(-(last - i + 1) / width) / sigmoid(-1.0), k
        for i in range(last + 1, windows[k + 1][0] if k + 1 < len(windows) else rows):
            worth[i] = FALSE_POSITIVE * sigmoid((i - last) / (width - 1))
    return worth, inside


def normalised(total: float, windows: int) -> float:
    """Returns a sum of scores on the scale from 0, no detection, to 100, each window detected in its first row."""
    return 100.0 * (total + FALSE_NEGATIVE * windows) / (windows + FALSE_NEGATIVE * windows)


def score(files: Sequence[NabFile], found: Mapping[str, Detections]) -> tuple[float, dict[str, float]]:
    """Returns the score of all detections by file, and each file's sum."""
    none = 0.0, math.inf, {file.name: -FALSE_NEGATIVE * len(file.windows) for file in files}
    total, _, sums = [none, *_scores(files, _events(files, found))][-1]
    return total, sums


def best_score(files: Sequence[NabFile], found: Mapping[str, Detections]) -> tuple[float, float, dict[str, float]]:
    """Returns the score of detections by file at the one threshold that is best, the threshold, and each file's sum.

    A detection counts where its score is at least the threshold.
    """
    none = 0.0, math.inf, {file.name: -FALSE_NEGATIVE * len(file.windows) for file in files}
    return max([none, *_scores(files, _events(files, found))], key=lambda each: each[0])


def _events(files: Sequence[NabFile], found: Mapping[str, Detections]) -> list[Event]:
    """Returns the detections behind the first rows of all files, the highest scores first."""
    events: list[Event] = []
    for file in files:
        worth, inside = row_values(len(file.values), file.windows)
        start = probation_rows(len(file.values))
        events += [(score, file.name, int(inside[i]), float(worth[i])) for i, score in found[file.name] if i >= start]
    return sorted(events, key=lambda event: -event[0])


def _scores(files: Sequence[NabFile], events: Sequence[Event]) -> Iterator[tuple[float, float, dict[str, float]]]:
    """Yields for each threshold at which there are more detections the score, the threshold, and each file's sum."""
    windows = sum(len(file.windows) for file in files)
    sums = {file.name: -FALSE_NEGATIVE * len(file.windows) for file in files}
    best: dict[tuple[str, int], float] = {}
    for k, (score, name, window, worth) in enumerate(events):
        if window < 0:
            sums[name] += worth
        else:
            before = best.get((name, window), -FALSE_NEGATIVE)
            best[name, window] = max(before, worth)
            sums[name] += best[name, window] - before
        if k + 1 == len(events) or events[k + 1][0] < score:
            yield normalised(sum(sums.values()), windows), score, dict(sums)


def family(name: str) -> str:
    """Returns the folder of a file, or its name where it has none."""
    return name.rpartition("/")[0] or name


def published(files: Sequence[NabFile]) -> dict[str, tuple[float, dict[str, float]]]:
    """Returns for each detector of `nab_published.csv` its score on the files, and by family the sum over them.

    They are the sums that the benchmark publishes for each detector and file (numenta/NAB, results/DETECTOR/
    DETECTOR_standard_scores.csv), at the one threshold that was best for it on all 58 files. Empty where the files are
    not those of the table.
    """
    with PUBLISHED.open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    own, windows = {family(file.name) for file in files}, sum(len(file.windows) for file in files)
    if own != {*rows[0]} - {"detector"}:
        return {}
    sums = {row.pop("detector"): {name: float(each) for name, each in row.items()} for row in rows}
    return {name: (normalised(sum(each.values()), windows), each) for name, each in sums.items()}


def sliding_gaussian(values: np.ndarray, window: int = 6400, step: int = 100) -> np.ndarray:
    """Returns scores (n,) of values (n,): -log10 of how rare each is under a normal distribution of the rows before it.

    The distribution is that of the last `window` rows, fitted anew every `step` rows: the benchmark's simple baseline.
    """
    scores, mean, std = np.zeros(len(values)), 0.0, 1.0
    for i, value in enumerate(values.tolist()):
        if i and (i % step == 0 or i < step):
            before = values[max(0, i // step * step - window) : i // step * step] if i >= step else values[:i]
            mean, std = float(before.mean()), max(float(before.std()), 1e-6)
        scores[i] = -math.log10(max(math.erfc(abs(value - mean) / std / math.sqrt(2.0)), 1e-300))
    return scores
