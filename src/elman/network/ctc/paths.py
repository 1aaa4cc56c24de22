"""Paths, one class a step, and the labels that they give: the best of all paths, the best one of given labels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from elman.core.losses import CTC
from elman.engines.reference.decoding.ctc import best_path
from elman.engines.reference.losses.ctc import log_softmax
from elman.network.ctc.outputs import as_classes, as_outputs

__all__ = ["GreedyStream", "Path", "align", "greedy"]


class Path(NamedTuple):
    """Labels, and the steps at which a path is at each of them."""

    labels: np.ndarray  # int64 (U,)
    log_probability: float  # of the path, not of all paths of these labels
    begins: np.ndarray  # int64 (U,): the first step of each label
    ends: np.ndarray  # int64 (U,): the step behind its last one


def greedy(outputs: ArrayLike, lengths: ArrayLike | None = None, *, blank: int = 0) -> Any:
    """Returns the `Path` of the most probable class at each step, repeats merged and blanks dropped: one for each row,
    or for one sequence. Of equal classes the lower. These need not be the most probable labels: `beam_search`."""
    given = as_outputs(outputs, lengths, blank)
    found = []
    for row, length in zip(given.values, given.lengths, strict=True):
        log_y = log_softmax(row[:length].astype(np.float64))
        classes = log_y.argmax(axis=1)
        places = np.where(classes == blank, -1, classes)
        found.append(_path(places, classes, float(log_y.max(axis=1).sum())))
    return found[0] if given.single else found


def align(
    outputs: ArrayLike, y: Any, lengths: ArrayLike | None = None, y_lengths: ArrayLike | None = None, *, blank: int = 0
) -> Any:
    """Returns the most probable `Path` that gives known labels (Viterbi): one for each row, or for one sequence.

    y are a list of B sequences of labels, or (B, U) with y_lengths (B,). Raises ValueError as the loss does.
    """
    given = as_outputs(outputs, lengths, blank)
    labels, counts = as_classes(y, y_lengths, CTC(blank), given)
    found = []
    for i, row in enumerate(given.values):
        own = labels[i, : counts[i]]
        log_y = log_softmax(row[: given.lengths[i]].astype(np.float64))
        log_p, places = best_path(log_y, own, blank)
        numbers = np.where(places % 2 == 1, places // 2, -1)
        found.append(_path(numbers, np.append(own, blank)[numbers], log_p))
    return found[0] if given.single else found


def _path(places: np.ndarray, classes: np.ndarray, log_probability: float) -> Path:
    """Returns the path with a label wherever neighbouring steps (T,) have the same place; -1 is the blank's."""
    begins = np.flatnonzero(np.append(True, places[1:] != places[:-1]))
    ends = np.append(begins[1:], len(places))
    at = places[begins] >= 0
    return Path(classes[begins[at]].astype(np.int64), log_probability, begins[at], ends[at])


class GreedyStream:
    """Decodes the outputs of one sequence as they come, a piece at a time, as `greedy` does them all together."""

    def __init__(self, *, blank: int = 0) -> None:
        self._blank = CTC(blank).blank
        self.reset()

    def reset(self) -> None:
        """Begins a new sequence."""
        self._last, self.steps = self._blank, 0  # the last step's class; how many steps came

    def feed(self, outputs: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Takes further outputs (T, O) and returns the labels that begin in them, int64, and at which step of the whole
        sequence each does."""
        given = as_outputs(outputs, None, self._blank)
        if not given.single:
            raise ValueError(f"outputs: expected shape (T, O), got {given.values.shape}")
        classes = given.values[0].argmax(axis=1)
        before = np.append(self._last, classes[:-1])
        begins = np.flatnonzero((classes != before) & (classes != self._blank))
        found = classes[begins].astype(np.int64), begins + self.steps
        self._last, self.steps = int(classes[-1]), self.steps + len(classes)
        return found
