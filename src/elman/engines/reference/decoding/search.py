"""Decoding: ids that a network gives one after the other, each read at the step after the one that gave it;
native/decoding/decoder.h does the same.

With o_t the outputs at step t, and y_1 ... y_n a hypothesis,

(1)  log p(y) = sum over t of log softmax(o_t)[y_t]
(2)  score(y) = log p(y) / ((5 + n) / 6)^a              a is the length penalty; n counts the end too

A step takes the k best (k is the beam's size) of all continuations by one id of the hypotheses that run: those of
highest log p, of equal ones the continuation of the better hypothesis, then that of the higher output, then the lower
id. Those that end are kept by their scores, the others run on. The search is over when no hypothesis runs; when
`max_steps` are done; or when none that runs can still pass the kept ones: log p only falls, so its score stays below
log p / ((5 + max_steps) / 6)^a. A beam of one takes the highest output at every step (greedy decoding).

Wu et al. (2016), section 7, without the coverage penalty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import network

__all__ = ["Found", "decode"]


class Running(NamedTuple):
    """A hypothesis that has not ended."""

    ids: tuple[int, ...]
    log_p: float


class Found(NamedTuple):
    """A hypothesis that has; the fields of `elman.core.requests.Hypothesis`."""

    ids: np.ndarray
    log_probability: float
    score: float
    ended: bool
    attention: Sequence[np.ndarray]


def decode(layout: Any, theta: np.ndarray, batch: Any, search: Any) -> list[list[Found]]:
    """Returns each row's best hypotheses, the best first; the first ids are in `batch.x` (n, 1)."""
    return [_search(layout, theta, batch.take(slice(r, r + 1)), search, r) for r in range(len(batch.x))]


def _search(layout: Any, theta: np.ndarray, row: Any, search: Any, number: int) -> list[Found]:
    most = int(search.max_steps[number])
    kept: list[Found] = []  # that ended, by score
    running = [Running((), 0.0)]
    for n in range(1, most + 1):
        with np.errstate(invalid="ignore", over="ignore"):  # what is no number is told below
            outputs = np.stack([_forward(layout, theta, row, one.ids)[0][0, -1] for one in running]).astype(np.float64)
        if not np.isfinite(outputs).all():
            name = search.first_row + number
            raise ValueError(f"network: expected finite outputs, got NaN or infinity in row {name} at step {n}")
        log_p = np.array([[one.log_p] for one in running]) + _log_softmax(outputs)  # (1)
        if n <= search.min_steps:
            log_p[:, search.end] = -np.inf
        beams, ids = (indices.ravel() for indices in np.indices(log_p.shape))
        best = np.lexsort((ids, -outputs.ravel(), beams, -log_p.ravel()))[: search.beam_size]
        before, running = running, []
        for beam, y in zip(beams[best].tolist(), ids[best].tolist(), strict=True):
            own = float(log_p[beam, y])
            if y == search.end and own > -np.inf:
                kept.append(_found(before[beam].ids, own, search, n, True))
            elif y != search.end:
                running.append(Running((*before[beam].ids, y), own))
        kept = _best(kept, search)
        full = len(kept) == search.hypotheses
        if not running or (full and kept[-1].score >= _score(running[0].log_p, most, search)):
            running = []
            break
    cut = _best([_found(one.ids, one.log_p, search, most, False) for one in running], search)
    chosen = (kept + cut)[: search.hypotheses]  # what did not end comes behind what did
    return [_with_attention(layout, theta, row, one) for one in chosen] if search.attention else chosen


def _forward(layout: Any, theta: np.ndarray, row: Any, ids: Any) -> tuple[np.ndarray, network.Tape]:
    """Returns the outputs (1, T, O) for the first id and those given, and the tape."""
    x = np.array([[int(row.x[0, 0]), *map(int, ids)]])
    inputs = {"x": network.Signal(x, np.array([x.shape[1]]))}
    inputs |= {name: network.Signal(values, lengths) for name, (values, lengths) in (row.named or {}).items()}
    y, _, tape = network.forward(layout, theta, inputs, row.state)
    return y, tape


def _log_softmax(outputs: np.ndarray) -> np.ndarray:
    shifted = outputs - outputs.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _score(log_p: float, n: int, search: Any) -> float:
    return log_p / ((5 + n) / 6) ** search.length_penalty  # (2)


def _found(ids: Sequence[int], log_p: float, search: Any, n: int, ended: bool) -> Found:
    return Found(np.array(ids, np.int64), log_p, _score(log_p, n, search), ended, ())


def _best(found: list[Found], search: Any) -> list[Found]:
    """Returns those that are kept: of equal scores the one found first."""
    return sorted(found, key=lambda one: -one.score)[: search.hypotheses]


def _with_attention(layout: Any, theta: np.ndarray, row: Any, found: Found) -> Found:
    """Adds the shares (n, S) that each step of x gave the steps of each memory; the end's step is the last."""
    _, tape = _forward(layout, theta, row, found.ids if found.ended else found.ids[:-1])
    attention: list[np.ndarray] = []
    for part, done in zip(layout.parts, tape.done, strict=True):
        if part.layer.kind == "attention" and part.output.time == "x":
            memory = done.given.read[1].lengths
            assert memory is not None
            attention.append(done.tape[-1][0, :, : int(memory[0])])
    return found._replace(attention=attention)
