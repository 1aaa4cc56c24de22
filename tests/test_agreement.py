"""The reference and the compiled engine give the same answers, to rounding, on the grid and on random cases."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from cases import CELLS, GRID, both, compare, draw_batch, draw_theta, grid_layout, hide
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elman import losses, optim
from elman.core.layers import (
    POOLINGS,
    SCORES,
    AdaptiveSoftmax,
    Attention,
    Concat,
    Dense,
    Dropout,
    Embedding,
    Last,
    Layout,
    Node,
    Pool,
    Recurrent,
    Shift,
    Skip,
)
from elman.core.requests import Batch, Engine, Objective, Records, UpdateRule
from elman.network.constraints import make_constraints

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("elman._native") is None, reason="the compiled core was not built"
)

Answers = Iterator[tuple[str, Any]]


def answers(
    run: Engine, layout: Layout, theta: np.ndarray, batch: Batch, loss: losses.Loss, truncate: int | None, shard: int
) -> Answers:
    """Everything an engine says about a batch, with gradients arriving at outputs, hidden states and final state."""
    rng = np.random.default_rng(7)
    dtype, (n, steps) = theta.dtype, batch.x.shape[:2]
    dy = rng.normal(size=(n, layout.output_size) if layout.last else (n, steps, layout.output_size)).astype(dtype)
    widths = [part.output_size for part in layout.parts if isinstance(part.layer, Recurrent)]
    dhidden = [rng.normal(size=(n, steps, w)).astype(dtype) if rng.random() < 0.6 else None for w in widths]
    for upstream in [*dhidden, *([] if layout.last else [dy])]:
        hide(upstream, batch.lengths)
    dstate = [rng.normal(size=(n, slot.size)).astype(dtype) for slot in layout.states]
    y, final, tape = run.forward(layout, theta, batch, shard)
    yield "y", y
    yield from (("final state", s) for s in final)
    yield from (("hidden", h) for h in run.hidden(tape))
    for above in ((dy, dhidden, dstate), (dy, None, None), (None, None, dstate)):
        gradient, dx, dstate0 = run.backward(layout, theta, tape, *above, truncate)
        yield "gradient", gradient
        yield from [] if dx is None else [("dx", dx)]
        yield from (("dstate0", d) for d in dstate0)
    predicted, ends = run.predict(layout, theta, batch)
    yield "predicted", predicted
    yield from (("predicted state", s) for s in ends)
    value, gradient = run.loss_and_grad(layout, theta, batch, Objective(loss, truncate=truncate, shard_size=shard))
    yield "loss", value
    yield "loss again", run.loss(layout, theta, batch, loss, shard)
    yield "gradient of the loss", gradient


@pytest.mark.parametrize("number", range(len(GRID)), ids=["-".join(map(str, case)) for case in GRID])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", CELLS)
def test_grid(cell: str, dtype: str, number: int) -> None:
    layers, directions, lengths, state, output = GRID[number]
    layout = grid_layout(cell, layers, directions, output)
    rng = np.random.default_rng(number)
    batch = draw_batch(layout, rng, dtype, 7, 6, ragged=lengths == "ragged", given=state == "given")
    theta = draw_theta(layout, rng, dtype)
    left, right = (answers(run, layout, theta, batch, losses.MSE(), None, 3) for run in both())
    compare(left, right, dtype, (cell, *GRID[number]))


def branches(last: bool) -> Layout:
    """Layers that read the input and one another by name: two branches, joined by linear paths."""
    layers = [
        Node(Recurrent(5, CELLS["gru"]), "low"),
        Node(Dropout(0.3), "thinned"),
        Node(Recurrent(3, CELLS["lstm"], bidirectional=True), "high"),
        Node(Recurrent(4, CELLS["tanh"]), "other", ["x"]),
        Node(Recurrent(2), "unread", ["low"]),
        Node(Dense(6, "tanh"), "both", ["other"]),
        Node(Skip(), "joined", ["both", "high"]),
        Node(Skip(), "twice", ["joined", "low"]),
        *([Node(Last(), "end", ["joined"]), Node(Skip(), "ended", ["end", "twice"])] if last else []),
        Dense(3),
        Skip(),
    ]
    return Layout(layers, 2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("state", [False, True])
@pytest.mark.parametrize("last", [False, True])
def test_layers_that_read_by_name(last: bool, state: bool, dtype: str) -> None:
    layout, mse = branches(last), losses.MSE()
    assert not layout.custom
    assert not layout.chain
    rng = np.random.default_rng(3)
    theta = draw_theta(layout, rng, dtype)
    batch = draw_batch(layout, rng, dtype, 7, 6, ragged=True, given=state, weighted=True)
    left, right = (answers(run, layout, theta, batch, mse, 4, 3) for run in both())
    compare(left, right, dtype, (last, state))
    objective = Objective(mse, activity_penalty=0.1, shard_size=3, seed=5)
    found = (run.loss_and_grad(layout, theta, batch, objective, 2) for run in both())
    compare(*((("loss", value), ("gradient", gradient)) for value, gradient in found), dtype, (last, "drawn"))


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("directions", ["one", "both"])
@pytest.mark.parametrize("cell", CELLS)
def test_one_step(cell: str, directions: str, given: bool) -> None:
    """A single step from a state of zero multiplies no state, and weights that are not used are not packed."""
    layout = grid_layout(cell, 2, directions, "sequence")
    rng = np.random.default_rng(1)
    batch = draw_batch(layout, rng, "float64", 7, 1, given=given)
    theta = draw_theta(layout, rng, "float64")
    left, right = (answers(run, layout, theta, batch, losses.MSE(), None, 3) for run in both())
    compare(left, right, "float64", (cell, directions, given))


# ------------------------------------------------------------------------- random configurations

SIZES = st.one_of(st.sampled_from([1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33]), st.integers(1, 40))
# Layer normalisation divides by the deviation of a layer's products, which is far from 0 where they are sums of many
# terms. (Of a single input only the sign is left, and the slope is rounding alone.)
WIDE = st.one_of(st.sampled_from([12, 15, 16, 17, 31, 32, 33]), st.integers(12, 40))
# Near a gradient of 0 all but SGD divide noise by noise: so with an eps far above rounding, and in float64 alone.
# test_golden.py has the defaults, and float32.
OPTIMISERS = [
    optim.SGD(),
    optim.SGD(momentum=0.9),
    optim.RMSprop(eps=1e-3),
    optim.Adagrad(eps=1e-3),
    optim.Adam(eps=1e-3),
    optim.AdamW(eps=1e-3, weight_decay=0.1),
]


@dataclass(frozen=True)
class Configuration:
    """One drawn case; everything else follows from the seed."""

    layers: tuple[Any, ...]
    input_size: int
    dtype: str
    rows: int
    steps: int
    ragged: bool
    given: bool
    weighted: bool
    view: str
    loss: losses.Loss
    truncate: int | None
    shard: int
    optimiser: optim.Optimizer
    clip_norm: float | None
    clip_value: float | None
    seed: int


@st.composite
def configurations(draw: st.DrawFn) -> Configuration:
    layers: list[Any] = []
    embedding = draw(st.sampled_from([False, False, False, True]))
    cells = [CELLS[draw(st.sampled_from(list(CELLS)))] for _ in range(draw(st.sampled_from([1, 1, 2, 3])))]
    widths = WIDE if any(getattr(cell, "layer_norm", False) for cell in cells) else SIZES
    dense = st.builds(Dense, widths, st.sampled_from(["linear", "tanh", "relu", "sigmoid"]))
    below = draw(st.lists(dense, max_size=1))
    if embedding:
        layers.append(Embedding(draw(st.integers(1, 9)), draw(widths), sparse=draw(st.booleans())))
    layers += below
    layers += [Recurrent(draw(widths), cell, draw(st.booleans())) for cell in cells]
    if draw(st.sampled_from([False, False, False, True])):
        joins = [] if embedding else [Concat()]
        itself = [Node(Attention(score), reads=("previous", "previous")) for score in SCORES]
        layers.append(draw(st.sampled_from([Shift(), *itself, *joins])))
    if draw(st.booleans()):
        layers.append(draw(st.sampled_from([Last(), *map(Pool, POOLINGS)])))
    layers += draw(st.lists(dense, max_size=2))
    for _ in range(0 if embedding else draw(st.sampled_from([0, 1, 2]))):
        layers.insert(draw(st.integers(0, len(layers))), Skip())
    if draw(st.sampled_from([False, False, False, True])):
        classes = draw(st.integers(4, 90))
        cutoffs = draw(st.sets(st.integers(1, classes - 1), min_size=1, max_size=3))
        layers.append(AdaptiveSoftmax(classes, sorted(cutoffs), draw(st.sampled_from([1.0, 2.0, 4.0]))))
    input_size = 1 if embedding else draw(widths)
    outputs = Layout(layers, input_size).output_size
    quantiles = [q for q in ((0.1, 0.8), (0.2, 0.5, 0.7)) if outputs % len(q) == 0]
    fixed = [loss for loss in losses.LOSSES.values() if outputs % losses.outputs_per_target(loss) == 0]
    if outputs == 1 or Layout(layers, input_size).last:  # CTC needs a blank, a label and outputs at every step
        fixed = [loss for loss in fixed if not loss.ragged]
    if isinstance(layers[-1], AdaptiveSoftmax):  # of its log probabilities a density would take an exponential
        quantiles, fixed = [], [losses.CrossEntropy(), losses.CrossEntropy(), losses.MSE()]
    # Two normalised relu layers multiply their condition numbers: in float32 both engines are then as far from float64
    # as the tolerance. In float64 they are compared as all others.
    relu = [cell for cell in cells if getattr(cell, "layer_norm", False) and getattr(cell, "activation", "") == "relu"]
    dtype = "float64" if len(relu) > 1 else draw(st.sampled_from(["float32", "float64"]))
    return Configuration(
        layers=tuple(layers),
        input_size=input_size,
        dtype=dtype,
        rows=draw(SIZES),
        steps=draw(st.integers(1, 8)),
        ragged=draw(st.booleans()),
        given=draw(st.booleans()),
        weighted=draw(st.booleans()),
        view=draw(st.sampled_from(["plain", "transposed", "stepped", "negative"])),
        loss=draw(st.sampled_from([*fixed, losses.Huber(0.3), *map(losses.Pinball, quantiles)])),
        truncate=draw(st.one_of(st.none(), st.integers(1, 5))),
        shard=draw(st.sampled_from([1, 2, 3, 5, 8, 16, 17, 64])),
        optimiser=draw(st.sampled_from(OPTIMISERS if dtype == "float64" else OPTIMISERS[:2])),
        clip_norm=draw(st.sampled_from([None, 0.05, 1.0])),
        clip_value=draw(st.sampled_from([None, 0.3])),  # a far smaller one leaves little but rounding to compare
        seed=draw(st.integers(0, 10**6)),
    )


def trained(run: Engine, layout: Layout, theta: np.ndarray, batch: Batch, one: Configuration) -> Answers:
    """Three updates of rows drawn with repetition, from the second update on with slots that hold something.

    A leak stays in [0, 1], as a Trainer holds it: beyond, states grow without bound, and rounding with them.
    """
    theta, rng = theta.copy(), np.random.default_rng(one.seed)
    rules = make_constraints(layout, theta.dtype, one.optimiser)
    slots = [np.zeros_like(theta) for _ in one.optimiser.slots]
    records = Records(rng.integers(0, one.rows, 9), np.array([0, 4, 5, 9]), np.array([0.01, 0.02, 0.005]))
    objective = Objective(one.loss, truncate=one.truncate, shard_size=one.shard)
    rule = UpdateRule(one.optimiser, one.clip_norm, one.clip_value, rules)
    values, norms, done = run.update(layout, theta, batch, objective, rule, slots, 0, records)
    assert done == 3
    yield "losses", values
    yield "norms", norms
    yield "theta", theta
    yield from (("slot", slot) for slot in slots)


def campaign(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=False,
    )


@campaign(25 if "ELMAN_EMULATED" in os.environ else 60)
@given(configurations())
def test_random_configurations(one: Configuration) -> None:
    check_agreement(one)


@pytest.mark.slow
@campaign(2000)
@given(configurations())
def test_many_random_configurations(one: Configuration) -> None:
    check_agreement(one)


def check_agreement(one: Configuration) -> None:
    layout, rng = Layout(one.layers, one.input_size), np.random.default_rng(one.seed)
    batch = draw_batch(
        layout,
        rng,
        one.dtype,
        one.rows,
        one.steps,
        ragged=one.ragged,
        given=one.given,
        weighted=one.weighted,
        loss=one.loss,
        view=one.view,
    )
    theta = draw_theta(layout, rng, one.dtype)
    left, right = (answers(run, layout, theta, batch, one.loss, one.truncate, one.shard) for run in both())
    compare(left, right, one.dtype, one)
    left, right = (trained(run, layout, theta, batch, one) for run in both())
    compare(left, right, one.dtype, one)
