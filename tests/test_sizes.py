"""Sizes: what Python and the compiled core refuse, so that nothing is read or written outside of theta."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from cases import CELLS

from elman.core.layers import (
    MOST_PARAMETERS,
    Attention,
    Concat,
    Dense,
    Dropout,
    Embedding,
    Input,
    Last,
    Layer,
    Layout,
    Node,
    Pool,
    Recurrent,
    Shift,
    Skip,
)

CORE = importlib.util.find_spec("elman._native") is not None
needs_core = pytest.mark.skipif(not CORE, reason="the compiled core was not built")
OP = ("kind", "reads", "cell", "activation", "pool", "input_size", "output_size", "second_size", "hidden_size",
      "padding", "directions", "learned_state", "variational", "rate", "zoneout", "noise")  # fmt: skip
DIRECTION = ("weight", "weight_hh", "bias", "extra", "learned", "state")
LAYOUTS: dict[str, Layout] = {
    **{cell: Layout([Recurrent(3, CELLS[cell], learned_state=True), Dense(2)], 4) for cell in CELLS},
    "both": Layout([Recurrent(3, "lstm", bidirectional=True), Dense(2)], 4),  # type: ignore[arg-type]
    "embedding": Layout([Embedding(6, 5), Recurrent(3, "gru"), Last(), Dense(2)], 1),  # type: ignore[arg-type]
    "skip": Layout([Recurrent(3, "gru"), Dropout(0.5), Dense(2), Skip()], 4),  # type: ignore[arg-type]
    "pool": Layout([Recurrent(3, "gru"), Pool("attention"), Dense(2)], 4),  # type: ignore[arg-type]
    "concat": Layout([Recurrent(3, "gru"), Concat(), Dense(2)], 4),  # type: ignore[arg-type]
    "attention": Layout([Recurrent(3, "gru"), Shift(), Node(Attention(), reads=["previous", "x"])], 4),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            [Embedding(2**31 - 1, 2**10), Recurrent(1, "tanh")],
            r"layers: .* 1,099,511,627,776 parameters, got embedding",
        ),  # type: ignore[arg-type]
        ([Recurrent(2**19, "lstm")], "layers: expected at most .* got weight_hh_l0"),  # type: ignore[arg-type]
        ([Recurrent(62, "tanh"), Recurrent(2**31 - 33, "tanh"), Last(), Dense(1)], "got weight_hh_l1"),  # type: ignore[arg-type]
    ],
)
def test_networks_past_the_bound_are_refused(layers: list[Layer], message: str):
    with pytest.raises(ValueError, match=message):
        Layout(layers, 1)


@pytest.mark.parametrize("size", [2**31, 2**32 - 32, 2**62, 2**64, 10**40])
@pytest.mark.parametrize("make", [lambda n: Embedding(n, 4), lambda n: Embedding(4, n), Recurrent, Dense])
def test_sizes_past_the_bound_are_refused(make: type[Layer], size: int):
    with pytest.raises(ValueError, match=rf": expected a whole number of at most 2147483647, got {size}"):
        make(size)  # type: ignore[call-arg]


def test_sizes_are_pythons_integers():
    parameters = Layout([Embedding(2**20, 2**19), Recurrent(1, "tanh")], 1).parameters  # type: ignore[arg-type]
    assert parameters[0].size == 2**39 < MOST_PARAMETERS
    assert parameters[1].offset == 2**39


def alterations(name: str) -> Iterator[tuple[str, int, tuple[str, ...], int]]:
    """(layout, operation, path to a number, what it becomes): each makes the network not fit its parameters."""
    from elman.engines.operations import operations

    layout = LAYOUTS[name]
    extreme = [-1, 2**31, 2**32, 2**62, 2**63 - 1]
    for i, op in enumerate(operations(layout)):
        kind = type(layout.parts[i].layer)
        yield from ((name, i, (f,), n) for f in ("input_size", "output_size") for n in (*extreme, 0, 99))
        if kind is Concat:
            yield from ((name, i, ("reads",), n) for n in (-2, i, i + 1, 2**31 - 1))
        if kind in (Skip, Attention):
            yield from ((name, i, ("second_size",), n) for n in (*extreme, 0, 99))
            yield from ((name, i, ("reads",), n) for n in (-2, i, i + 1, 2**31 - 1))
        if kind in (Recurrent, Embedding):
            yield from ((name, i, ("hidden_size",), n) for n in (*extreme, 0, 99))
        if kind is Recurrent:
            yield from ((name, i, ("state",), n) for n in (-1, 3, 2**31 - 1))
        places = {p.offset for group in layout.parts[i].parameters for p in group} - {0}
        for k, direction in enumerate(op.directions):
            paths = [(f, str(k)) for f in DIRECTION[:4] if getattr(direction, f) in places]
            paths += [("learned", str(k), str(s)) for s in range(2) if direction.learned[s] in places]
            yield from ((name, i, path, n) for path in paths for n in (*extreme, layout.size))


@needs_core
@pytest.mark.parametrize("name", LAYOUTS)
def test_the_core_builds_no_model_larger_than_its_parameters(name: str):
    made(name)
    with pytest.raises(ValueError, match="ops: expected every parameter within theta"):
        made(name, size=LAYOUTS[name].size - 1)


@needs_core
@pytest.mark.parametrize(
    ("name", "op", "path", "value"), [each for name in LAYOUTS if CORE for each in alterations(name)]
)
def test_the_core_refuses_numbers_that_do_not_fit(name: str, op: int, path: tuple[str, ...], value: int):
    with pytest.raises(ValueError, match="ops: "):
        made(name, op, path, value)


@needs_core
@pytest.mark.parametrize(("at", "first"), [(2, True), (3, False), (4, True)], ids=["shift", "memory", "query"])
def test_the_core_refuses_one_vector_a_row_where_steps_are_read(at: int, first: bool):
    from elman import _native
    from elman.engines.operations import inputs, operations

    layers = [Recurrent(4, "gru"), Last(), Node(Shift(), reads=["x"]), *[Node(Attention(), reads=["x", "x"])] * 2]  # type: ignore[arg-type]
    layout = Layout(layers, 4)
    ops = operations(layout)
    fields = {field: getattr(ops[at], field) for field in OP}
    ops[at] = _native.Op(**(fields | {"reads": [1] if at == 2 else [1, -1] if first else [-1, 1]}))
    with pytest.raises(ValueError, match=r"ops: expected (no layer that reads steps|a sequence as memory)"):
        _native.Model32(operations=ops, inputs=inputs(layout), states=[4], size=layout.size)


@needs_core
@pytest.mark.parametrize("count", [0, 3])
def test_the_core_refuses_operations_without_one_or_two_directions(count: int):
    from elman import _native

    with pytest.raises(ValueError, match="directions: expected one or two"):
        _native.Op(kind=_native.LayerKind.last, input_size=1, output_size=1, directions=[_native.Direction()] * count)


@needs_core
@pytest.mark.parametrize("count", [0, 1, 3, 33])
@pytest.mark.parametrize("name", ["pool", "skip", "attention", "concat"])
def test_the_core_refuses_another_number_of_sources(name: str, count: int):
    from elman import _native
    from elman.engines.operations import inputs, operations

    layout = LAYOUTS[name]
    at = next(i for i, part in enumerate(layout.parts) if part.layer.kind == name)
    if count in layout.parts[at].layer.counts():
        return

    def make() -> None:
        ops = operations(layout)
        ops[at] = _native.Op(**{field: getattr(ops[at], field) for field in OP} | {"reads": [0] * count})
        _native.Model32(operations=ops, inputs=inputs(layout), states=[3], size=layout.size)

    with pytest.raises(ValueError, match=r"(reads: expected 1 to 32 sources|ops: expected )"):
        make()


@needs_core
@pytest.mark.parametrize("like", [-2, 0, 1, 2, 7])
def test_the_core_refuses_steps_of_no_sequence_before(like: int):
    from elman import _native
    from elman.engines.operations import inputs, operations

    layout = Layout([Recurrent(3, "gru")], 4, {"v": Input(2, "vector"), "s": Input(2)})  # type: ignore[arg-type]
    given = inputs(layout)
    given[2] = _native.Input(kind=_native.InputKind.sequence, size=2, like=like)
    make = partial(_native.Model32, operations=operations(layout), inputs=given, states=[3], size=layout.size)
    if like == 0:
        make()
        return
    with pytest.raises(ValueError, match="inputs: expected the steps of a sequence before it"):
        make()


@needs_core
@pytest.mark.parametrize("value", [-1, 18, 2**31 - 1])
def test_no_number_beyond_the_enums_reaches_the_core(value: int):
    from elman import _native

    for kind in (_native.LayerKind, _native.CellKind, _native.ActivationKind):
        with pytest.raises(ValueError, match=f"{value} is not a valid"):
            kind(value)
    with pytest.raises(TypeError):
        _native.Op(kind=value, input_size=1, output_size=1, directions=[_native.Direction()])


def made(name: str, at: int = 0, path: tuple[str, ...] = (), value: int = 0, size: int | None = None) -> None:
    """Builds the compiled model of a layout, one number of one of its operations being another."""
    from elman import _native
    from elman.engines.operations import inputs, operations

    layout = LAYOUTS[name]
    ops, states = operations(layout), [slot.size for slot in layout.states]
    if path:
        ops[at] = altered(ops[at], path, value)
    _native.Model32(operations=ops, inputs=inputs(layout), states=states, size=layout.size if size is None else size)


@needs_core
@pytest.mark.parametrize(
    ("origin", "message"),
    [
        ({"kind": "state", "source": 0}, None),
        ({"kind": "vector", "source": -2}, None),
        ({"kind": "state", "source": 1}, "origin: expected one before it"),
        ({"kind": "state", "source": -1}, "origin: expected one before it"),
        ({"kind": "state", "source": 0, "direction": 1}, "origin: expected a state of its size"),
        ({"kind": "state", "source": 0, "direction": -1}, "origin: expected a state of its size"),
        ({"kind": "state", "source": 0, "part": 2}, "origin: expected a state of its size"),
        ({"kind": "vector", "source": -1}, "origin: expected a vector of its size"),
        ({"kind": "vector", "source": -3}, "origin: expected a vector of its size"),
        ({"kind": "vector", "source": 0}, "origin: expected a vector of its size"),
        ({"kind": "vector", "source": -4}, "ops: expected each to read an input or one before it"),
        ({"kind": "vector", "source": -(2**31)}, "ops: expected each to read an input or one before it"),
        ({"kind": "vector", "source": 2**31 - 1}, "ops: expected each to read an input or one before it"),
    ],
)
def test_the_core_refuses_initial_states_from_nowhere(origin: dict[str, Any], message: str | None):
    from elman import _native
    from elman.engines.operations import inputs, operations

    layout = Layout([Recurrent(3, "tanh"), Recurrent(3, "gru")], 2, {"v": Input(3, "vector"), "w": Input(4, "vector")})
    first, second = operations(layout)
    kind = _native.OriginKind[origin["kind"]]
    fields = {field: getattr(second.directions[0], field) for field in DIRECTION}
    fields["origin"] = (_native.Origin(**(origin | {"kind": kind})), _native.Origin())
    second = _native.Op(**{f: getattr(second, f) for f in OP} | {"directions": [_native.Direction(**fields)]})
    make = partial(_native.Model32, operations=[first, second], inputs=inputs(layout), states=[3, 3], size=layout.size)
    if message is None:
        make()
        return
    with pytest.raises(ValueError, match=message):
        make()


def altered(op: Any, path: tuple[str, ...], value: int) -> Any:
    """The operation with one number changed: a field of its own, or (field, direction) or (field, direction, state)."""
    from elman import _native

    fields = {field: getattr(op, field) for field in OP}
    if path[0] == "reads":
        return _native.Op(**(fields | {"reads": (op.reads[0], value)}))
    if path[0] in OP:
        return _native.Op(**(fields | {path[0]: value}))
    directions = [{field: getattr(direction, field) for field in DIRECTION} for direction in op.directions]
    field, direction, *state = path if len(path) > 1 else (*path, "0")
    changed = directions[int(direction)]
    if state:
        changed[field] = tuple(value if str(k) == state[0] else old for k, old in enumerate(changed[field]))
    else:
        changed[field] = value
    return _native.Op(**(fields | {"directions": [_native.Direction(**one) for one in directions]}))
