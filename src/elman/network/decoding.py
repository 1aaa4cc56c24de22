"""Decoding: the sequences that a network gives when it reads, step by step, what it gave before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from elman.core import checks
from elman.core.layers import INPUT, Embedding, Layout, Part, Source
from elman.core.requests import Batch, Engine, Hypothesis, Search
from elman.engines.select import select
from elman.network import arguments
from elman.network.arguments import Inputs, State
from elman.network.weights import Reading, Weights

__all__ = ["Decoded", "decode"]

MOST_BEAMS = 1024
AT_ONCE = 256  # hypotheses in one call of the engine, so that Ctrl-C and other threads are answered


class Network(Protocol):
    """The part of an `elman.Network` that decoding needs."""

    @property
    def layout(self) -> Layout: ...
    @property
    def weights(self) -> Weights: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...


@dataclass(frozen=True)
class Decoded:
    """What `Network.decode` found for each row of a batch.

    rows    each row's hypotheses, the best first: records with `ids`, `log_probability`, `score`, `ended` (else cut off
            after max_steps) and `attention`
    layers  the names of the attention layers whose weights `attention` holds, in its order; none unless asked for
    """

    rows: tuple[tuple[Hypothesis, ...], ...]
    layers: tuple[str, ...] = ()

    @property
    def ids(self) -> list[np.ndarray]:
        """Each row's best ids, int64 (n,), without the first id and the end."""
        return [row[0].ids for row in self.rows]

    @property
    def log_probabilities(self) -> np.ndarray:
        """The natural logarithm of the best ids' probability (B,), float64, the end's included where there is one."""
        return np.array([row[0].log_probability for row in self.rows])

    @property
    def scores(self) -> np.ndarray:
        """The scores by which the best ids were chosen (B,), float64."""
        return np.array([row[0].score for row in self.rows])

    @property
    def ended(self) -> np.ndarray:
        """Whether the best ids ended by `end` (B,), else by `max_steps`."""
        return np.array([row[0].ended for row in self.rows])

    @property
    def attention(self) -> dict[str, list[np.ndarray]]:
        """The weights of the best ids, layer -> a list of (steps, S): what each step, the end's among them, read of
        each step of the row's memory."""
        return {name: [row[0].attention[i] for row in self.rows] for i, name in enumerate(self.layers)}

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"Decoded({len(self)} rows, {int(self.ended.sum())} of them ended)"


def decode(
    network: Network,
    inputs: Mapping[str, ArrayLike] | None = None,
    *,
    start: ArrayLike,
    end: int,
    max_steps: ArrayLike,
    min_steps: int = 0,
    beam_size: int = 1,
    length_penalty: float = 0.6,
    hypotheses: int = 1,
    lengths: Mapping[str, ArrayLike] | None = None,
    state: State | None = None,
    return_attention: bool = False,
) -> Decoded:
    """Returns for each row the ids that the network gives one after the other, each of them read as x by the step after
    the one that gave it. `Network.decode` is this function.

    For networks of whole numbers with an output, a logit, for each of them, whose layers read x one step at a time;
    what does not depend on x is computed once.

    inputs            the inputs besides x, by name; `lengths` (by name too) and `state` as for `predict`
    start             the id before the first: a number, or one a row
    end               the id after the last
    max_steps         ids at most, the end's among them: a number, or one a row
    min_steps         ids at least before the end
    beam_size         hypotheses that go on at every step; 1: the highest output each time (greedy decoding)
    length_penalty    a: of the hypotheses that ended the one of the highest log p / ((5 + n) / 6)^a is chosen, n ids
                      with the end (Wu et al. 2016); 0: the most probable one; what did not end comes behind
    hypotheses        how many of the best are returned of each row, at most beam_size
    return_attention  returns the weights of the attention layers too

    Raises ValueError for a network that cannot be decoded, for arguments out of range, and, with the row, where an
    output is no number.
    """
    layout = network.layout
    check_decodable(layout)
    known = layout.output_size
    batch = _batch(network, inputs, start, lengths, state)
    n = len(batch.x)
    beam = checks.whole("beam_size", beam_size, low=1, high=MOST_BEAMS)
    steps = _max_steps(max_steps, n)
    attended = checks.flag("return_attention", return_attention)
    search = Search(
        end=checks.whole("end", end, low=0, high=known - 1),
        max_steps=steps,
        min_steps=checks.whole("min_steps", min_steps, low=0, high=int(steps.min()) - 1),
        beam_size=beam,
        length_penalty=checks.number("length_penalty", length_penalty, low=0.0),
        hypotheses=checks.whole("hypotheses", hypotheses, low=1, high=beam),
        attention=attended,
    )
    engine = select(layout)
    with Reading(network.weights) as theta:
        rows = [tuple(map(Hypothesis._make, found)) for found in _found(engine, layout, theta, batch, search)]
    return Decoded(tuple(rows), attention_names(layout) if attended else ())


def _found(engine: Engine, layout: Layout, theta: np.ndarray, batch: Batch, search: Search) -> Iterator[Any]:
    """Yields the hypotheses of each row, found for some rows at a time."""
    n, size = len(batch.x), max(1, AT_ONCE // search.beam_size)
    for first in range(0, n, size):
        part = slice(first, first + size)
        own = search._replace(max_steps=search.max_steps[part], first_row=first)
        yield from engine.decode(layout, theta, batch.take(part) if n > size else batch, own)


def check_decodable(layout: Layout) -> None:
    """Raises ValueError, with the name of what stands in the way, for a network that cannot be decoded: one without an
    output for each whole number that x may be, or with a layer that reads more of x than one step at a time."""
    tables = [part.layer for part in layout.parts if part.reads[0] == INPUT and isinstance(part.layer, Embedding)]
    if not layout.integer_input or any(table.num_embeddings != layout.output_size for table in tables):
        raise ValueError(
            f"network: expected an output for each whole number that x may be, got {layout.output_size} outputs for "
            f"{', '.join(map(repr, tables)) or 'an x of real numbers'}"
        )
    moving: set[Source] = {INPUT}
    for name, given in layout.inputs.items():
        if given.time == INPUT:
            raise ValueError(f"network: expected no other input with the steps of x, got {name!r}")
    for i, part in enumerate(layout.parts):
        starts = {start.source for group in part.starts for start in group if start is not None}
        if not moving.isdisjoint((*part.reads, *starts)):
            moving.add(i)
            _check_steps(part, moving, starts)
    if layout.time != INPUT:
        raise ValueError(f"network: expected outputs at the steps of x, got those of {layout.time!r}")


def _check_steps(part: Part, moving: set[Source], starts: set[Source]) -> None:
    """Raises ValueError for a layer that depends on x and cannot go step by step along it."""
    layer = repr(part.layer) if part.name is None else f"{part.name!r}, {part.layer!r}"
    memory = part.layer.kind == "attention"
    if len(part.layer.suffixes) > 1:
        problem = "has two directions"
    elif part.output.time != INPUT or (part.layer.whole and not memory):
        problem = "reads other steps of x than the present one"
    elif (memory or part.layer.kind == "recurrent") and not moving.isdisjoint(part.reads[1:]):
        problem = "reads all steps of what depends on x"
    elif not moving.isdisjoint(starts):
        problem = "begins with a state that depends on x"
    else:
        return
    raise ValueError(f"network: expected layers that read x one step at a time, got {layer}, which {problem}")


def attention_names(layout: Layout) -> tuple[str, ...]:
    """Returns the names of the attention layers along x, in the order of `Hypothesis.attention`; one without a name is
    called attention, attention1, ..., as its parameters are."""
    names: list[str] = []
    unnamed = 0
    for part in layout.parts:
        if part.layer.kind != "attention":
            continue
        name = part.name or f"attention{unnamed or ''}"
        unnamed += part.name is None
        if part.output.time == INPUT:
            names.append(name)
    return tuple(names)


def _batch(network: Network, inputs: Any, start: object, lengths: object, state: State | None) -> Batch:
    """Returns the data as an engine's Batch, x being the first ids (n, 1)."""
    layout = network.layout
    others = ", ".join(layout.inputs)
    given: dict[str, Any] = {}
    if inputs is not None:
        if not isinstance(inputs, Mapping):
            raise TypeError(f"inputs: expected a mapping with the inputs {others}, got {checks.shown(inputs)}")
        given = dict(inputs)
    if missing := [name for name in layout.inputs if name not in given]:
        raise ValueError(f"inputs: expected {others}, got none for {missing[0]!r}")
    if unknown := [name for name in given if name not in layout.inputs]:
        raise ValueError(f"inputs: expected {others or 'none'}, got {checks.shown(unknown[0])}")
    if lengths is not None and (not isinstance(lengths, Mapping) or INPUT in lengths):
        raise TypeError(f"lengths: expected a mapping of names of inputs besides x, got {checks.shown(lengths)}")
    first = arguments.as_whole("start", start, "a whole number, or one a row")
    if first.ndim == 0:
        first = np.full(_rows(layout, given, state), first[()])
    arguments.check_width("start", first.shape, [("B",)])
    if first.min() < 0 or first.max() >= layout.output_size:
        row = int(((first < 0) | (first >= layout.output_size)).argmax())
        raise ValueError(
            f"start: expected whole numbers in [0, {layout.output_size - 1}], got {first[row]} at row {row}"
        )
    x: Any = first.astype(np.int64)[:, None]
    names: Inputs = {INPUT: x, **given} if layout.inputs else x
    batch, _ = arguments.as_batch(layout, network.dtype, names, lengths=lengths, state=state)
    return batch


def _rows(layout: Layout, given: Mapping[str, Any], state: Any) -> int:
    """Returns how many rows the inputs have, or the state where there are none; one where there is neither."""
    for name, value in given.items():
        try:
            return max(1, len(value))
        except TypeError:
            raise TypeError(f"{name}: expected an array with the axis B, got {checks.shown(value)}") from None
    for value in state.values() if isinstance(state, Mapping) else ():
        if np.ndim(value) == 2:
            return len(value)
    return 1


def _max_steps(max_steps: ArrayLike, n: int) -> np.ndarray:
    """Returns how many ids each row may have, int64 (n,)."""
    array = arguments.as_whole("max_steps", max_steps, "a whole number, or one a row")
    array = np.full(n, array[()]) if array.ndim == 0 else array
    arguments.check_width("max_steps", array.shape, [(n,)])
    if array.min() < 1 or array.max() > checks.MOST:
        row = int(((array < 1) | (array > checks.MOST)).argmax())
        raise ValueError(f"max_steps: expected whole numbers in [1, {checks.MOST}], got {array[row]} at row {row}")
    return array.astype(np.int64)
