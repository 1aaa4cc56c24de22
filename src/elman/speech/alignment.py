"""Where in a sound the labels are heard: the path of one output a step that gives them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from elman.network import ctc
from elman.speech.labels import Alphabet

__all__ = ["Alignment", "Span", "aligned"]


class Span(NamedTuple):
    """A label, from where to where it was heard, in seconds, and its mean probability there."""

    label: str
    begin: float
    end: float
    probability: float


class Alignment(NamedTuple):
    """The path of outputs through a sound.

    labels           a str, or a list of words
    spans            each label with its place. A network trained by CTC is free to say a label in few steps, so that a
                     span is where it is heard, not where its sound begins and ends
    path             int64 (T,), the output of each step: 0 for none, k + 1 for label k of the alphabet
    probabilities    float32 (T, labels + 1), of all outputs at each step, the first of none
    seconds          from one step to the next
    log_probability  of this path
    """

    labels: Any
    spans: tuple[Span, ...]
    path: np.ndarray
    probabilities: np.ndarray
    seconds: float
    log_probability: float


def aligned(outputs: np.ndarray, target: np.ndarray | None, alphabet: Alphabet, seconds: float) -> Alignment:
    """Returns the most probable path through outputs (T, O) that gives a target (U,), or of all paths where it is None.
    ValueError where it does not fit into the steps."""
    found = ctc.greedy(outputs) if target is None else ctc.align(outputs, target)
    path, spans = np.zeros(len(outputs), np.int64), list[Span]()
    shifted = np.exp(outputs.astype(np.float64) - outputs.max(axis=1, keepdims=True))
    probabilities = (shifted / shifted.sum(axis=1, keepdims=True)).astype(np.float32)
    for label, begin, end in zip(found.labels.tolist(), found.begins.tolist(), found.ends.tolist(), strict=True):
        path[begin:end] = label
        mean = float(probabilities[begin:end, label].mean())
        spans.append(Span(alphabet.tokens[label - 1], begin * seconds, end * seconds, mean))
    labels = alphabet.decoded(found.labels)
    return Alignment(labels, tuple(spans), path, probabilities, seconds, found.log_probability)
