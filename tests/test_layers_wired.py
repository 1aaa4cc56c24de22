"""Networks of several inputs on both engines: sequences with lengths and orders of their own, states that come from
other layers' ends or from vectors, paths that skip layers. Every answer of the compiled core against the reference's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from cases import both, draw_theta, hide

import elman
from elman.core.layers import Input, Layer, Layout, Node
from elman.core.losses import MSE, CrossEntropy, Loss
from elman.core.optim import Adam
from elman.core.requests import Batch, Key, NamedInput, Objective, Records, UpdateRule
from elman.engines.select import select

INPUTS = {
    "source": Input(3),
    "speaker": Input(4, "vector"),
    "words": Input(6, "integers"),
    "unused": Input(2),
}
STEPS = {"x": 4, "source": 7, "words": 5, "unused": 3}
ENCODER = Node(elman.Recurrent(4, bidirectional=True), "encoder", ["source"])


def cells() -> Iterator[tuple[elman.core.layers.Cell, str]]:
    yield elman.LSTM(), "encoder.h"
    yield elman.LSTM(peepholes=True), "encoder.h_reverse"
    yield elman.LSTM(layer_norm=True), "encoder.c_reverse"
    yield elman.GRU(), "encoder.c"
    yield elman.GRU(reset_after=False, layer_norm=False), "encoder.h"
    yield elman.Simple("relu", leak=0.3), "encoder.h"


def networks() -> Iterator[tuple[str, Sequence[Layer | Node]]]:
    """The layers of every network, by what it shows."""
    for cell, state in cells():
        decoder = Node(elman.Recurrent(4, cell), "decoder", ["symbols"], {"h": state})
        symbols = Node(elman.Embedding(6, 3), "symbols", ["words"])
        yield f"decoder of {cell}", [ENCODER, symbols, decoder, elman.Dense(3)]
    both_ways = elman.Recurrent(4, bidirectional=True)
    yield "all states", [ENCODER, Node(both_ways, "again", ["source"], "encoder"), elman.Dense(2)]
    yield "from the other axis", [ENCODER, Node(both_ways, "other", ["x"], "encoder"), elman.Dense(2)]
    voice = [
        Node(elman.Dense(4, "tanh"), "heard", ["speaker"]),
        Node(elman.Recurrent(4, "gru", learned_state=True), "voice", ["x"], {"h": "heard"}),
    ]
    yield "a vector as state", [*voice, elman.Dense(2)]
    yield "an input as state", [Node(elman.Recurrent(4, "gru"), "a", ["source"], {"h": "speaker"}), elman.Dense(2)]
    yield (
        "one learned, one given",
        [*voice, Node(elman.Recurrent(4, learned_state=True), "last", state={"c": "voice.h"}), elman.Dense(2)],
    )
    yield (
        "ends of two sequences",
        [
            Node(elman.Recurrent(5, "tanh", zoneout=0.2), "mine", ["x"]),
            ENCODER,
            Node(elman.Last(), "end", ["encoder"]),
            elman.Dense(3, "relu"),
            Node(elman.Skip(), "joined", ["previous", "mine"]),
            Node(elman.Skip(), reads=["joined", "speaker"]),
        ],
    )
    yield (
        "one layer read by three",
        [
            Node(elman.Recurrent(4, "gru", recurrent_dropout=0.2), "one", ["source"]),
            Node(elman.Dropout(0.3), "two", ["one"]),
            Node(elman.Recurrent(4, "tanh"), "three", ["two"], {"h": "one.h"}),
            Node(elman.Skip(), reads=["three", "one"]),
            Node(elman.Skip(), reads=["previous", "two"]),
            Node(elman.Skip(), reads=["previous", "source"]),
        ],
    )
    yield (
        "decoder that attends",
        [
            ENCODER,
            Node(elman.Embedding(6, 3), "symbols", ["words"]),
            Node(elman.Shift(), "before"),
            Node(elman.Recurrent(4), "decoder", ["before"], {"h": "encoder.h"}),
            Node(elman.Attention(), "attention", ["decoder", "encoder"]),
            elman.Dense(3),
        ],
    )
    yield "attends to itself", [ENCODER, Node(elman.Attention(), "a", ["encoder", "encoder"]), elman.Dense(2)]
    yield (
        "one memory of three",
        [
            Node(elman.Recurrent(3, "gru"), "mine", ["x"]),
            Node(elman.Attention(), "first", ["mine", "source"]),
            Node(elman.Attention(), "again", ["first", "source"]),
            Node(elman.Attention(), "last", ["again", "mine"]),
            elman.Dense(2),
        ],
    )
    yield (
        "shifted twice",
        [
            Node(elman.Shift(), "late", ["source"]),
            Node(elman.Shift(), "later"),
            Node(elman.Recurrent(4, "gru"), "h", ["later"]),
            Node(elman.Skip(), reads=["previous", "late"]),
            elman.Shift(),
        ],
    )
    yield (
        "words read late",
        [Node(elman.Recurrent(3, "tanh"), "first", ["x"]), Node(elman.Embedding(5, 2), "e", ["words"]), elman.Last()],
    )


NETWORKS = dict(networks())
ATTENDING = ["decoder that attends", "attends to itself", "one memory of three", "shifted twice"]


def draw(layout: Layout, rng: np.random.Generator, dtype: str, n: int, ragged: bool, given: bool, loss: Loss) -> Batch:
    """Data of all inputs; past each one's lengths stands NaN, or no word."""

    def ends(steps: int) -> np.ndarray | None:
        return rng.integers(1, steps + 1, n) if ragged else None

    x, lengths = rng.normal(size=(n, STEPS["x"], layout.input_size)).astype(dtype), ends(STEPS["x"])
    hide(x, lengths)
    named: dict[str, NamedInput] = {}
    for name, one in INPUTS.items():
        if one.kind == "vector":
            named[name] = NamedInput(rng.normal(size=(n, one.size)).astype(dtype), None)
            continue
        shape, own = (n, STEPS[name]), ends(STEPS[name])
        own = np.full(n, STEPS[name]) if own is None else own
        words = one.kind == "integers"
        values = rng.integers(0, 5, shape) if words else rng.normal(size=(*shape, one.size)).astype(dtype)
        hide(values, own)
        named[name] = NamedInput(values[:, ::-1][:, ::-1], own)
    batch = Batch(x, None, lengths, None, None, None, named)
    lead = (n,) if layout.last else (n, batch.steps_of(str(layout.time)))
    y = rng.normal(size=(*lead, layout.output_size)).astype(dtype)
    if loss.kind == "cross_entropy":
        y = rng.integers(0, layout.output_size, lead)
    weight = rng.uniform(0.5, 2, lead).astype(dtype)
    if not layout.last:
        hide(y, batch.lengths_of(str(layout.time)))
        hide(weight, batch.lengths_of(str(layout.time)))
    state = [rng.normal(size=(n, slot.size)).astype(dtype) for slot in layout.states] if given else None
    return batch._replace(y=y, weight=weight, state=state)


@pytest.mark.parametrize("given", [False, True], ids=["", "given"])
@pytest.mark.parametrize("ragged", [False, True], ids=["full", "ragged"])
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.compiled
def test_the_compiled_core_agrees_with_the_reference(name: str, ragged: bool, given: bool):
    rng, loss = np.random.default_rng(len(name)), CrossEntropy() if "decoder" in name else MSE()
    layout = Layout(NETWORKS[name], 2, INPUTS)
    assert select(layout).name == "native"
    for n, shard_size in ((1, 16), (13, 4)):
        theta = draw_theta(layout, rng, "float64")
        batch = draw(layout, rng, "float64", n, ragged, given, loss)
        answers = [answers_of(engine, layout, theta, batch, loss, shard_size) for engine in both()]
        for key, expected in answers[0].items():
            ours = answers[1][key]
            assert (expected is None) == (ours is None), key
            if expected is not None:
                np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-11, err_msg=key)


def answers_of(
    engine: Any, layout: Layout, theta: np.ndarray, batch: Batch, loss: Loss, shard_size: int
) -> dict[str, Any]:
    """Whatever an engine says of a network, by name."""
    found: dict[str, Any] = {}
    n, rng = len(batch.x), np.random.default_rng(1)
    found["predicted"], state = engine.predict(layout, theta, batch)
    found |= {f"state {i}": array for i, array in enumerate(state)}
    found["y"], _, tape = engine.forward(layout, theta, batch, shard_size, Key(5, 3))
    hidden = engine.hidden(tape)
    found |= {f"hidden {i}": array for i, array in enumerate(hidden)}
    dy = rng.normal(size=found["y"].shape)
    dhidden = [rng.normal(size=array.shape) for array in hidden]
    dstate = [rng.normal(size=(n, slot.size)) for slot in layout.states]
    found["gradient"], dx, dstate0 = engine.backward(layout, theta, tape, dy, dhidden, dstate, 2)
    found |= {f"d {key}": array for key, array in dx.items()}
    found |= {f"dstate {i}": array for i, array in enumerate(dstate0)}
    objective = Objective(loss, activity_penalty=0.1, truncate=3, recompute=2, shard_size=shard_size, seed=7)
    found["loss"] = engine.loss(layout, theta, batch, loss, shard_size)
    found["value"], found["value's gradient"] = engine.loss_and_grad(layout, theta, batch, objective, 2)
    moved, slots = theta.copy(), [np.zeros_like(theta) for _ in range(2)]
    rows = np.concatenate([np.arange(n), rng.permutation(n)[: (n + 1) // 2]])
    records = Records(rows, np.array([0, n, len(rows)]), np.array([0.01, 0.02]))
    rule = UpdateRule(Adam(), clip_norm=1.0)
    found["losses"], found["norms"], done = engine.update(layout, moved, batch, objective, rule, slots, 0, records)
    assert done == 2
    found["theta"] = moved
    return found


@pytest.mark.parametrize(
    "name", ["from the other axis", "ends of two sequences", "one layer read by three", *ATTENDING]
)
def test_threads_and_neighbours_change_no_bit(name: str):
    """Large weights let several shards go through time together; a row's answer has the bits that it has alone."""
    from elman import _native

    inputs = INPUTS | {"source": Input(3)}
    wide = [_wider(node, 96) for node in NETWORKS[name]]
    layout, rng = Layout(wide, 2, inputs), np.random.default_rng(3)
    theta = draw_theta(layout, rng, "float32")
    batch = draw(layout, rng, "float32", 37, True, False, MSE())
    engine, objective = both()[1], Objective(MSE(), shard_size=4, seed=3)
    threads = _native.get_num_threads()
    try:
        answers = []
        for count in (1, 2, 3):
            _native.set_num_threads(count)
            answers.append(engine.loss_and_grad(layout, theta, batch, objective, 1))
    finally:
        _native.set_num_threads(threads)
    assert len({(value, gradient.tobytes()) for value, gradient in answers}) == 1
    whole, _ = engine.predict(layout, theta, batch)
    for row in (0, 17, 36):
        alone, _ = engine.predict(layout, theta, batch.take(slice(row, row + 1)))
        assert alone.tobytes() == whole[row : row + 1].tobytes()


def _wider(node: Layer | Node, hidden: int) -> Layer | Node:
    """The same layer with many more units, where it is recurrent."""
    from dataclasses import replace

    if isinstance(node, Node):
        return replace(node, layer=_wider(node.layer, hidden))
    return replace(node, hidden_size=hidden) if isinstance(node, elman.Recurrent) else node


@pytest.mark.parametrize(
    ("layers", "needs"),
    [
        ([Node(elman.Recurrent(3), "a"), Node(elman.Recurrent(3), state="a")], "an initial state from another layer"),
        ([elman.Recurrent(3), elman.Shift()], r"Shift\(\), which reads other steps"),
        ([Node(elman.Recurrent(3), "a"), Node(elman.Attention(), reads=["a", "a"])], r"Attention\(\), which reads"),
    ],
)
def test_what_needs_the_whole_sequence_is_not_cut(layers: Sequence[Layer | Node], needs: str):
    """Neither into steps nor into windows: a part of the sequence would give other numbers."""
    network = elman.Network.from_layers(layers, input_size=2)
    x, y = np.zeros((2, 8, 2)), np.zeros((2, 8, network.output_size))
    with pytest.raises(ValueError, match=f"network: expected layers that read one step at a time, got {needs}"):
        network.stream()
    with pytest.raises(ValueError, match=f"window: expected None for a network with {needs}"):
        elman.Trainer(network).fit(x, y, epochs=1, window=4, progress=False)
    with pytest.raises(ValueError, match=f"recompute: expected False for a network .*{needs}"):
        elman.Trainer(network, recompute=2).fit(x, y, epochs=1, progress=False)


def test_words_outside_of_the_table_count_as_nan():
    layout = Layout(NETWORKS["words read late"], 2, INPUTS)
    rng = np.random.default_rng(0)
    batch = draw(layout, rng, "float64", 3, False, False, MSE())
    assert batch.named is not None
    words = batch.named["words"].values
    words[1, -1], words[2, -1] = 5, -1  # the input may hold 0 to 5, the table has 5 rows
    y, _ = both()[1].predict(layout, draw_theta(layout, rng, "float64"), batch)
    assert np.isfinite(y[0]).all()
    assert np.isnan(y[1:]).all()
