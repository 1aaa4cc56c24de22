"""Both engines' backward passes against central finite differences of their own forward passes, in float64.

A case's scalar f is a random linear function of outputs, hidden states and final state, or a loss. Its derivative along
a direction v, (f(p + h v) - f(p - h v)) / 2h, is compared with gradient . v along random directions of theta, x and the
given state, and at single entries. The step keeps both the h^2 term and rounding near 1e-10, and is so small that no
relu of these fixed cases changes sides within it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from cases import CELLS, GRID, adaptive_layouts, draw_batch, draw_theta, grid_layout

from elman import losses
from elman.core.layers import (
    POOLINGS,
    Attention,
    Concat,
    Dense,
    Embedding,
    Last,
    Layer,
    Layout,
    Node,
    Pool,
    Recurrent,
    Shift,
    Skip,
)
from elman.core.requests import Batch, Engine, Objective

TOLERANCE = 1e-6
STEP = 3e-6
DIRECTIONS, ENTRIES = 2, 1
Point = list[np.ndarray]  # theta, then x where it is real, then the given state


def check(f: Callable[[Point], float], point: Point, gradient: Sequence[np.ndarray], what: object) -> None:
    """gradient against differences of f at `point`: array by array, along directions and at entries."""
    rng = np.random.default_rng(5)
    for i, (array, slope) in enumerate(zip(point, gradient, strict=True)):
        directions = [rng.choice([-1.0, 1.0], array.shape) for _ in range(DIRECTIONS)]
        for entry in rng.integers(0, array.size, ENTRIES):
            directions.append(np.zeros(array.shape))
            directions[-1].flat[entry] = 1.0
        for v in directions:
            v[np.isnan(array)] = 0.0
            h = STEP / max(1.0, float(np.linalg.norm(v)))
            up, down = (
                [array + h * sign * v if k == i else other for k, other in enumerate(point)] for sign in (1, -1)
            )
            found = (f(up) - f(down)) / (2 * h)
            want = float((slope * v).sum())
            scale = max(abs(want), float(np.abs(slope).max()), 1e-3)
            assert abs(found - want) <= TOLERANCE * scale, f"{what}, array {i}: {found} by differences, {want} given"


def case(
    run: Engine, layout: Layout, *, seed: int = 0, truncate: int | None = None, **options: Any
) -> tuple[Callable[[Point], float], Point, list[np.ndarray]]:
    """A random linear function of everything that comes out, where it is taken, and the engine's gradient of it."""
    rng = np.random.default_rng(seed)
    rows, steps = 4, 5
    batch, theta = draw_batch(layout, rng, "float64", rows, steps, **options), draw_theta(layout, rng, "float64")
    widths = [part.output_size for part in layout.parts if isinstance(part.layer, Recurrent)]
    dy = rng.normal(size=(rows, layout.output_size) if layout.last else (rows, steps, layout.output_size))
    dhidden = [rng.normal(size=(rows, steps, width)) for width in widths]
    dstate = [rng.normal(size=(rows, slot.size)) for slot in layout.states]

    def f(point: Point) -> float:
        y, final, tape = run.forward(layout, point[0], moved_batch(layout, batch, point), rows)
        arrays = [y, *run.hidden(tape), *final]
        return float(sum((a * b).sum() for a, b in zip(arrays, [dy, *dhidden, *dstate], strict=True)))

    _, _, tape = run.forward(layout, theta, batch, rows)
    gradient, dx, dstate0 = run.backward(layout, theta, tape, dy, dhidden, dstate, truncate)
    return (
        f,
        start_of(layout, theta, batch),
        [gradient, *([] if dx is None else [dx]), *(dstate0 if batch.state else [])],
    )


def start_of(layout: Layout, theta: np.ndarray, batch: Batch) -> Point:
    return [theta, *([] if layout.integer_input else [batch.x]), *(batch.state or [])]


def moved_batch(layout: Layout, batch: Batch, point: Point) -> Batch:
    rest = point[1:] if layout.integer_input else point[2:]
    return batch._replace(x=batch.x if layout.integer_input else point[1], state=rest or None)


@pytest.mark.parametrize("cell", CELLS)
def test_grid(run: Engine, cell: str) -> None:
    for number, (layers, directions, lengths, state, output) in enumerate(GRID):
        layout = grid_layout(cell, layers, directions, output, hidden=3)
        options = {"ragged": lengths == "ragged", "given": state == "given"}
        check(*case(run, layout, seed=number, **options), (cell, *GRID[number]))


@pytest.mark.parametrize("output", ["sequence", "last"])
@pytest.mark.parametrize("activation", ["linear", "tanh", "relu", "sigmoid"])
def test_dense_layers_and_skip(run: Engine, activation: Any, output: str) -> None:
    last: list[Layer] = [Last()] if output == "last" else []
    for layers in ([Dense(4, activation), Dense(2), Skip()], [Skip(), Dense(4), Dense(3, activation)]):
        layout = Layout([Dense(3, "tanh"), Recurrent(3), *last, *layers], 2)
        check(*case(run, layout, ragged=True, given=True), (activation, output))


def test_skip_between_recurrent_layers(run: Engine) -> None:
    layout = Layout([Recurrent(3), Skip(), Recurrent(4, CELLS["gru"], True), Dense(2), Skip()], 2)
    check(*case(run, layout, ragged=True), "skip")


@pytest.mark.parametrize("attention", [Attention(), Attention("dot"), Attention("additive", 3)], ids=repr)
def test_attention_and_shift(run: Engine, attention: Attention) -> None:
    """Over the layer's own input, over x, and shifted between recurrent layers."""
    above = Attention() if attention.score == "dot" else attention  # not as wide as x
    itself, over_x = Node(attention, reads=["previous", "previous"]), Node(above, reads=["previous", "x"])
    layout = Layout([Recurrent(3), itself, Shift(), Recurrent(4, CELLS["gru"], True), over_x, Dense(2)], 2)
    check(*case(run, layout, ragged=True, given=True), "attention")


@pytest.mark.parametrize("how", POOLINGS)
def test_pooling_and_concat(run: Engine, how: str) -> None:
    """Pooled steps beside the last one, and joined to every step of x."""
    ends = [Node(Last(), "end", ["h"]), Node(Pool(how), "pool", ["h"]), Node(Concat(), "both", ["end", "pool"])]
    repeated = [Node(Concat(), "wide", ["x", "both", "h"]), Recurrent(3, CELLS["gru"])]
    for top in ([], repeated):
        layout = Layout([Node(Recurrent(3, bidirectional=True), "h"), *ends, *top, Dense(2)], 2)
        check(*case(run, layout, ragged=True, given=True), (how, len(top)))


def test_tied_weights(run: Engine) -> None:
    layout = Layout([Embedding(4, 3), Recurrent(3, CELLS["gru"]), Dense(4, "tanh", tied="embedding")], 1)
    check(*case(run, layout, ragged=True, given=True), "tied")


@pytest.mark.parametrize("output", ["sequence", "last"])
def test_embedding(run: Engine, output: str) -> None:
    last: list[Layer] = [Last()] if output == "last" else []
    layout = Layout([Embedding(4, 3), Recurrent(3, CELLS["gru"], True), *last, Dense(2)], 1)
    check(*case(run, layout, ragged=True, given=True), output)


@pytest.mark.parametrize("output", ["sequence", "last"])
def test_adaptive_softmax(run: Engine, output: str) -> None:
    layout = adaptive_layouts(3, 2)[output]
    check(*case(run, layout, ragged=True, given=True), output)
    batch = draw_batch(layout, np.random.default_rng(2), "float64", 7, 5, ragged=True, loss=losses.CrossEntropy())
    theta = draw_theta(layout, np.random.default_rng(3), "float64")
    loss = losses.CrossEntropy()
    value, gradient = run.loss_and_grad(layout, theta, batch, Objective(loss, shard_size=3))
    assert value == pytest.approx(run.loss(layout, theta, batch, loss, 3), rel=1e-13)
    check(lambda point: run.loss(layout, point[0], batch, loss, 3), [theta], [gradient], loss)


LOSSES = [
    losses.HalfSSE(),
    losses.MSE(),
    losses.MAE(),
    losses.Huber(0.5),
    losses.CrossEntropy(),
    losses.BinaryCrossEntropy(),
    losses.Pinball((0.2, 0.9)),
    losses.Gaussian(),
    losses.StudentT(3.5),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("output", ["sequence", "last"])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
def test_losses(run: Engine, loss: losses.Loss, output: str, weighted: bool) -> None:
    last: list[Layer] = [Last()] if output == "last" else []
    layout = Layout([Recurrent(3), *last, Dense(4)], 2)
    rng = np.random.default_rng(2)
    batch = draw_batch(layout, rng, "float64", 7, 5, ragged=True, given=True, weighted=weighted, loss=loss)
    theta = draw_theta(layout, rng, "float64")
    value, gradient = run.loss_and_grad(layout, theta, batch, Objective(loss, shard_size=3))
    assert value == run.loss(layout, theta, batch, loss, 3)
    check(lambda point: run.loss(layout, point[0], batch, loss, 3), [theta], [gradient], loss)


# ------------------------------------------------------------------------------- truncated windows


@pytest.mark.parametrize("window", [1, 2, 3, 5])
@pytest.mark.parametrize("cell", CELLS)
def test_truncation_cuts_the_sequence_in_windows(run: Engine, cell: str, window: int) -> None:
    """The truncated gradient is the sum of the windows' own, each run from the state that the one before left."""
    layout = Layout([Recurrent(3, CELLS[cell]), Recurrent(4, CELLS[cell]), Dense(2)], 2)
    rng = np.random.default_rng(window)
    steps = 8
    batch, theta = draw_batch(layout, rng, "float64", 4, steps, given=True), draw_theta(layout, rng, "float64")
    dy = rng.normal(size=(4, steps, 2))
    dstate = [rng.normal(size=(4, slot.size)) for slot in layout.states]
    tape = run.forward(layout, theta, batch, 3)[2]
    gradient, dx, dstate0 = run.backward(layout, theta, tape, dy, None, dstate, window)
    assert dx is not None
    total, state, first = np.zeros(layout.size), batch.state, None
    for start in range(0, steps, window):
        part = slice(start, start + window)
        _, state, tape = run.forward(layout, theta, Batch(batch.x[:, part], state=state), 3)
        end = dstate if start + window >= steps else None
        found, part_dx, before = run.backward(layout, theta, tape, np.ascontiguousarray(dy[:, part]), None, end, None)
        first = before if first is None else first
        total += found
        np.testing.assert_allclose(dx[:, part], part_dx, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(gradient, total, rtol=1e-9, atol=1e-13)
    assert first is not None
    for found, want in zip(dstate0, first, strict=True):
        np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-13)
    whole = run.backward(layout, theta, run.forward(layout, theta, batch, 3)[2], dy, None, dstate, None)[0]
    assert not np.allclose(gradient, whole, rtol=1e-3)


@pytest.mark.parametrize("window", [2, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_truncation_in_reverse_and_on_ragged_rows(run: Engine, cell: str, window: int) -> None:
    """In reverse the windows are the same, [kj, k(j + 1)), each row beginning at its own end."""
    layout = Layout([Recurrent(3, CELLS[cell], bidirectional=True), Dense(2)], 2)
    rng = np.random.default_rng(window)
    lengths = np.array([8, 5, 3, 1, 6])
    x, theta = rng.normal(size=(5, 8, 2)), draw_theta(layout, rng, "float64")
    state = [rng.normal(size=(5, slot.size)) for slot in layout.states]
    dy = rng.normal(size=(5, 8, 2))
    tape = run.forward(layout, theta, Batch(x, lengths=lengths, state=state), 2)[2]
    gradient, dx, dstate0 = run.backward(layout, theta, tape, dy, None, None, window)
    assert dx is not None
    half = len(layout.states) // 2
    for row, length in enumerate(lengths):
        one_x, one_dy = x[row : row + 1, :length], dy[row : row + 1, :length]
        given = [s[row : row + 1] for s in state]
        starts = list(range(0, length, window))
        ends = [min(start + window, length) for start in starts]
        # the states that the two directions carry into each window
        forward, backward = {0: given[:half]}, {int(length): given[half:]}
        for start, end in zip(starts, ends, strict=True):
            forward[end] = run.predict(
                layout, theta, Batch(one_x[:, start:end], state=[*forward[start], *given[half:]])
            )[1][:half]
        for start, end in zip(reversed(starts), reversed(ends), strict=True):
            backward[start] = run.predict(
                layout, theta, Batch(one_x[:, start:end], state=[*given[:half], *backward[end]])
            )[1][half:]
        for start, end in zip(starts, ends, strict=True):
            window_batch = Batch(one_x[:, start:end], state=[*forward[start], *backward[end]])
            window_tape = run.forward(layout, theta, window_batch, 2)[2]
            upstream = np.ascontiguousarray(one_dy[:, start:end])
            found, part_dx, before = run.backward(layout, theta, window_tape, upstream, None, None, None)
            gradient = gradient - found
            np.testing.assert_allclose(dx[row : row + 1, start:end], part_dx, rtol=1e-9, atol=1e-13)
            if start == 0:
                for mine, want in zip(dstate0[:half], before[:half], strict=True):
                    np.testing.assert_allclose(mine[row : row + 1], want, rtol=1e-9, atol=1e-13)
            if end == length:
                for mine, want in zip(dstate0[half:], before[half:], strict=True):
                    np.testing.assert_allclose(mine[row : row + 1], want, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(gradient, 0, atol=1e-12)
