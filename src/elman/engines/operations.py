"""Layouts as the operations that the compiled core runs: `native/program.h`'s structs, under the same names."""

from __future__ import annotations

from typing import Any

from elman import _native  # type: ignore[attr-defined]
from elman.core.layers import (
    GRU,
    INPUT,
    LSTM,
    AdaptiveSoftmax,
    Attention,
    Cell,
    Dense,
    Dropout,
    Embedding,
    Layout,
    Part,
    Pool,
    Recurrent,
    Simple,
    Skip,
    Source,
    Start,
)

__all__ = ["inputs", "operations"]

PLACES = ("weight", "bias", "extra")  # where a layer that is not recurrent has its parameters, in their order


def inputs(layout: Layout) -> list[_native.Input]:
    """Returns the network's inputs, x first; the size of whole numbers is how many there are."""
    size, kind = layout.input_size, _native.InputKind.sequence
    if layout.integer_input:
        tables = [part.layer for part in layout.parts if part.reads[0] == INPUT]
        size = min(table.num_embeddings for table in tables if isinstance(table, Embedding))
        kind = _native.InputKind.integers
    names = [INPUT, *layout.inputs]
    others = [
        _native.Input(kind=_native.InputKind[one.kind], size=one.size, like=names.index(one.time) if one.time else -1)
        for one in layout.inputs.values()
    ]
    return [_native.Input(kind=kind, size=size), *others]


def operations(layout: Layout) -> list[_native.Op]:
    """Returns each layer as the operation that the core runs."""
    ops: list[_native.Op] = []
    given = inputs(layout)
    state = 0
    for part in layout.parts:
        kind, options = _native.LayerKind[part.layer.kind], _options(part)
        reads = [_number(layout, source) for source in part.reads]
        directions: list[_native.Direction] = []
        for k in range(max(1, len(part.parameters))):
            directions.append(_direction(layout, part, k, state))
            state += len(part.states[k]) if part.states else 0
        width = given[-1 - reads[0]].size if reads[0] < 0 else part.input_size
        sizes = {"input_size": width, "output_size": part.output_size}
        ops.append(_native.Op(kind=kind, reads=reads, **sizes, directions=directions, **options))
    return ops


def _number(layout: Layout, source: Source) -> int:
    """Returns what the core calls a source: an operation's place, or for inputs -1 (x), -2, ... in their order."""
    return source if isinstance(source, int) else -1 - [INPUT, *layout.inputs].index(source)


def _origin(layout: Layout, start: Start | None) -> _native.Origin:
    """Returns where the core takes an initial state from."""
    if start is None:
        return _native.Origin()
    if start.slot is None:
        return _native.Origin(kind=_native.OriginKind.vector, source=_number(layout, start.source))
    assert isinstance(start.source, int)
    name = layout.states[start.slot].name
    for direction, group in enumerate(layout.parts[start.source].states):
        for part, slot in enumerate(group):
            if slot.name == name:
                place = {"source": start.source, "direction": direction, "part": part}
                return _native.Origin(kind=_native.OriginKind.state, **place)
    raise ValueError(f"origin: expected a state of layer {start.source}, got {name!r}")


def _options(part: Part) -> dict[str, Any]:
    """Returns what a layer's operation has beside its sizes and the places of its parameters."""
    match part.layer:
        case Embedding(num_embeddings=rows, padding_idx=padding, sparse=sparse):
            return {"hidden_size": rows, "padding": -1 if padding is None else padding, "sparse": sparse}
        case Recurrent(hidden_size=hidden, cell=cell) as layer:
            zoneout = [p for _, p in layer.zoneouts]
            return {
                "hidden_size": hidden,
                "cell": _cell(cell),
                "learned_state": layer.learned_state,
                "rate": layer.recurrent_dropout,
                "zoneout": (zoneout[0], zoneout[-1] if len(zoneout) > 1 else 0.0),
                "noise": getattr(cell, "noise", 0.0),
            }
        case Dense(activation=activation):
            return {"activation": _native.ActivationKind[activation]}
        case Skip():
            return {"second_size": part.parameters[0][0].shape[1]}
        case AdaptiveSoftmax() as layer:
            tails = layer.tails(part.input_size)
            return {"tail_first": [tail.first for tail in tails], "tail_width": [tail.width for tail in tails]}
        case Attention(score=score, size=size):
            second = part.output_size - part.input_size
            hidden = {"hidden_size": size or part.input_size} if score == "additive" else {}
            return {"score": _native.ScoreKind[score], "second_size": second} | hidden
        case Pool(how=how):
            return {"pool": _native.PoolKind[how]}
        case Dropout(rate=rate, variational=variational):
            return {"rate": rate, "variational": variational}
        case _:
            return {}


def _cell(cell: Cell) -> _native.CellKind:
    match cell:
        case Simple(activation=str() as name, leak=leak, layer_norm=norm):
            name = f"norm_{name}" if norm else name if leak is None else f"leaky_{name}"
        case LSTM(peepholes=peepholes, layer_norm=norm):
            name = "norm_lstm" if norm else "lstm_peephole" if peepholes else "lstm"
        case GRU(reset_after=after, layer_norm=norm):
            name = "norm_gru" if norm else "gru_after" if after else "gru_before"
        case _:
            raise TypeError(f"cell: expected one that the compiled engine knows, got {cell!r}")
    return _native.CellKind[name]


def _direction(layout: Layout, part: Part, direction: int, state: int) -> _native.Direction:
    """Returns where one direction of a layer has its parameters; `state` is the index of its first state.

    A layer that is not recurrent has one direction, or no parameters at all.
    """
    places = [parameter.offset for parameter in part.parameters[direction]] if part.parameters else []
    if not isinstance(part.layer, Recurrent):
        roles = ("weight", "weight_hh", "bias", "extra") if isinstance(part.layer, Attention) else PLACES
        return _native.Direction(**dict(zip(roles, places, strict=False)))
    at = dict(zip((parameter.role for parameter in part.parameters[direction]), places, strict=True))
    learned = [at.pop(f"state_{name}", 0) for name in part.layer.cell.state_names]
    products = {"weight": at.pop("weight_ih"), "weight_hh": at.pop("weight_hh"), "bias": at.pop("bias")}
    origins = [_origin(layout, start) for start in part.starts[direction]]
    return _native.Direction(
        **products,
        extra=min(at.values(), default=0),  # what else the cell has lies together
        learned=(learned[0], learned[-1] if len(learned) > 1 else 0),
        state=state,
        origin=(origins[0], origins[1] if len(origins) > 1 else _native.Origin()),
    )
