"""Sizes: what Python and the compiled core refuse, so that nothing is read or written outside of theta."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest
from cases import CELLS

from elman.core.layers import MOST_PARAMETERS, Dense, Dropout, Embedding, Last, Layer, Layout, Recurrent, Skip

CORE = importlib.util.find_spec("elman._native") is not None
needs_core = pytest.mark.skipif(not CORE, reason="the compiled core was not built")
FIELDS = ["kind", "variant", "in", "out", "hidden", "directions", "state", "state_reverse", "learned", "shared"]
LAYOUTS: dict[str, Layout] = {
    **{cell: Layout([Recurrent(3, CELLS[cell], learned_state=True), Dense(2)], 4) for cell in CELLS},
    "both": Layout([Recurrent(3, "lstm", bidirectional=True), Dense(2)], 4),  # type: ignore[arg-type]
    "embedding": Layout([Embedding(6, 5), Recurrent(3, "gru"), Last(), Dense(2)], 1),  # type: ignore[arg-type]
    "skip": Layout([Recurrent(3, "gru"), Dropout(0.5), Dense(2), Skip()], 4),  # type: ignore[arg-type]
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


def alterations(name: str) -> Iterator[tuple[str, int, int, int]]:
    """(layout, operation, place of the number, what it becomes): each makes the network not fit its parameters."""
    from elman.engines.compiled import operations

    layout = LAYOUTS[name]
    extreme = [-1, 2**31, 2**32, 2**62, 2**63 - 1]
    for i, (whole, _) in enumerate(operations(layout)):
        kind = type(layout.layers[i])
        yield from ((name, i, FIELDS.index(f), n) for f in ("in", "out") for n in (*extreme, 0, 99))
        yield from ((name, i, 0, n) for n in (-1, 6, 2**31 - 1))
        if kind in (Recurrent, Embedding):
            yield from ((name, i, FIELDS.index("hidden"), n) for n in (*extreme, 0, 99))
        if kind is Recurrent:
            yield from ((name, i, 1, n) for n in (-1, 12, 2**31 - 1))
            yield from ((name, i, FIELDS.index(f), n) for f in ("directions", "state") for n in (-1, 3, 2**31 - 1))
        places = {p.offset for group in layout.parts[i].parameters for p in group} - {0}
        used = (k for k in range(len(FIELDS), len(whole)) if whole[k] in places)
        yield from ((name, i, k, n) for k in used for n in (*extreme, layout.size))


@needs_core
@pytest.mark.parametrize("name", LAYOUTS)
def test_the_core_builds_no_model_larger_than_its_parameters(name: str):
    made(name)
    with pytest.raises(ValueError, match="ops: expected every parameter within theta"):
        made(name, size=LAYOUTS[name].size - 1)


@needs_core
@pytest.mark.parametrize(
    ("name", "op", "place", "value"), [each for name in LAYOUTS if CORE for each in alterations(name)]
)
def test_the_core_refuses_numbers_that_do_not_fit(name: str, op: int, place: int, value: int):
    with pytest.raises(ValueError, match="ops: "):
        made(name, op, place, value)


def made(name: str, op: int = 0, place: int | None = None, value: int = 0, size: int | None = None) -> None:
    """Builds the compiled model of a layout, one number of one of its operations being another."""
    from elman import _native
    from elman.engines.compiled import operations

    layout = LAYOUTS[name]
    rows, states = operations(layout), [slot.size for slot in layout.states]
    if place is not None:
        rows[op][0][place] = value
    total = layout.size if size is None else size
    _native.Model32(rows, states, layout.input_size, layout.output_size, total, layout.integer_input, layout.last)
