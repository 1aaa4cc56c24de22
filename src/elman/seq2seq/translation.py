"""What a trained network writes for its sources, and what its attention looks at."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.core.layers import Attention
from elman.engines.reference import network as engine
from elman.network import Network
from elman.pieces.symbols import Pieces
from elman.plots import AlignmentChart, alignment_plot
from elman.seq2seq.network import SOURCE
from elman.seq2seq.pairs import Pairs
from elman.seq2seq.sources import Features, Read

__all__ = ["Alignment", "Translation", "aligned", "attends", "shown_source", "translated"]

BEHIND = 20  # pieces that a target may have more than the longest in training


@dataclass(frozen=True, eq=False)
class Translation:
    """What a model wrote for one source.

    target           a str, or a list of tokens
    pieces           the target's pieces as people read them
    log_probability  natural logarithm of its probability, its end's included
    score            by which it was chosen: see `Network.decode`
    ended            whether the model ended it, else it was cut off after `max_length` pieces
    attention        (pieces, and one more for the end where it ended; steps of the source): what each piece looked at,
                     in shares of 1; None unless asked for
    """

    target: Any
    pieces: list[str]
    log_probability: float
    score: float
    ended: bool
    attention: np.ndarray | None

    def __repr__(self) -> str:
        return f"Translation({self.target!r}, log_probability={self.log_probability:.3f})"


@dataclass(frozen=True, eq=False)
class Alignment:
    """What each piece of a target looked at.

    source, target  pieces as people read them; of frames, their numbers from 0
    weights         (pieces of the target and its end, steps of the source), each row in shares of 1
    """

    source: list[str]
    target: list[str]
    weights: np.ndarray

    def plot(self, path: str | os.PathLike[str] | None = None, *, ax: Any = None) -> Any:
        """Draws a picture: into a PNG, SVG or PDF file, or on axes of matplotlib; see `elman.plots.alignment_plot`."""
        return alignment_plot(AlignmentChart(self.source, self.target, self.weights), path, ax=ax)


def attends(network: Network) -> bool:
    """Returns whether a network has an attention."""
    return any(isinstance(part.layer, Attention) for part in network.layout.parts)


def translated(
    network: Network,
    target: Pieces,
    source: Read,
    *,
    beam_size: int,
    length_penalty: float,
    max_steps: int,
    hypotheses: int,
    return_attention: bool,
) -> list[list[Translation]]:
    """Returns what the network writes for each source: its best hypotheses, the best first."""
    found = network.decode(
        {SOURCE: source.values},
        start=target.size,
        end=target.size,
        max_steps=max_steps,
        beam_size=beam_size,
        length_penalty=length_penalty,
        hypotheses=hypotheses,
        lengths=None if source.lengths is None else {SOURCE: source.lengths},
        return_attention=return_attention,
    )

    def made(one: Any) -> Translation:
        attention = one.attention[0] if return_attention else None
        text, shown = target.decode(one.ids), target.shown(one.ids)
        return Translation(text, shown, one.log_probability, one.score, one.ended, attention)

    return [[made(one) for one in row] for row in found.rows]


def aligned(network: Network, pairs: Pairs) -> np.ndarray:
    """Returns what the network's attention looks at, (T, S), while it reads a pair's true target: pairs of one row."""
    inputs = {"x": engine.Signal(pairs.x, pairs.lengths), SOURCE: engine.Signal(*pairs.source)}
    tape = engine.forward(network.layout, network.weights.copy(), inputs, None)[2]
    done = next(
        done for part, done in zip(network.layout.parts, tape.done, strict=True) if isinstance(part.layer, Attention)
    )
    return done.tape[-1][0]


def shown_source(pieces: Pieces | Features, read: Read, row: int) -> list[str]:
    """Returns the steps of one source as people read them."""
    count = 1 if read.lengths is None else int(read.lengths[row])
    return list(map(str, range(count))) if isinstance(pieces, Features) else pieces.shown(read.values[row, :count])
