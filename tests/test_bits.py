"""The promise of the compiled engine: the same bits whoever computes, and whatever else is computed beside it.

Nothing here allows for rounding. What the bits mean is compared with the reference in test_agreement.py.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from cases import CELLS, draw_batch, draw_theta

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("elman._native") is None, reason="the compiled core was not built"
)

import elman  # noqa: E402
from elman import losses, optim  # noqa: E402
from elman.core.layers import Dense, Embedding, Last, Layer, Layout, Recurrent, Skip  # noqa: E402
from elman.core.requests import Batch, Engine, Objective, Records, UpdateRule  # noqa: E402
from elman.engines import select  # noqa: E402

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
CELL = pytest.mark.parametrize("cell", CELLS)
ROWS, STEPS = 37, 7


def native() -> Engine:
    found = select.native()
    assert found is not None
    return found


@pytest.fixture
def threads() -> Iterator[Any]:
    from elman import _native

    before = _native.get_num_threads()
    yield _native.set_num_threads
    _native.set_num_threads(before)


def stacked(cell: str, both: bool = False, hidden: int = 17) -> Layout:
    return Layout(
        [Recurrent(hidden, CELLS[cell], both), Recurrent(5, CELLS[cell], both), Dense(9, "tanh"), Dense(3)], 4
    )


def drawn(layout: Layout, dtype: str, seed: int = 0, **options: Any) -> tuple[np.ndarray, Batch]:
    rng = np.random.default_rng(seed)
    options = {"ragged": True, "given": True, "weighted": True, **options}
    return draw_theta(layout, rng, dtype), draw_batch(layout, rng, dtype, ROWS, STEPS, **options)


def only(batch: Batch, rows: Any) -> Batch:
    """Some rows of a batch, in the order given, without targets."""
    lengths = None if batch.lengths is None else batch.lengths[rows]
    return Batch(batch.x[rows], lengths=lengths, state=None if batch.state is None else [s[rows] for s in batch.state])


def same(left: Any, right: Any) -> None:
    """Equal to the bit, the sign of zero too."""
    left, right = np.asarray(left), np.asarray(right)
    assert left.shape == right.shape
    assert left.tobytes() == right.tobytes()


def trained(
    layout: Layout, theta: np.ndarray, batch: Batch, records: Records, blocks: int = 1, shard: int = 4
) -> list[np.ndarray]:
    """theta, slots, losses and norms after Adam with both clippings, the updates run in so many blocks."""
    theta, optimiser = theta.copy(), optim.Adam(0.01)
    slots = [np.zeros_like(theta) for _ in optimiser.slots]
    told: list[np.ndarray] = []
    for part in np.array_split(np.arange(len(records.rates)), blocks):
        first, last = records.starts[part[0]], records.starts[part[-1] + 1]
        block = Records(records.rows[first:last], records.starts[part[0] : part[-1] + 2] - first, records.rates[part])
        objective, rule = Objective(losses.MSE(), truncate=3, shard_size=shard), UpdateRule(optimiser, 0.5, 0.1)
        values, norms, done = native().update(layout, theta, batch, objective, rule, slots, int(part[0]), block)
        assert done == len(part)
        told.append(np.stack([values, norms]))
    return [theta, *slots, np.concatenate(told, axis=1)]


def six_updates(seed: int = 1) -> Records:
    sizes = np.array([0, 20, 1, 37, 8, 16, 5])
    rows = np.random.default_rng(seed).integers(0, ROWS, sizes.sum())
    return Records(rows, np.cumsum(sizes), np.linspace(0.02, 0.01, 6))


# --------------------------------------------------------------------------- whoever computes


@DTYPES
@pytest.mark.parametrize("both", [False, True])
@CELL
def test_any_number_of_threads(threads: Any, cell: str, both: bool, dtype: str) -> None:
    layout = stacked(cell, both)
    theta, batch = drawn(layout, dtype)
    rng = np.random.default_rng(3)
    dy = rng.normal(size=(ROWS, STEPS, 3)).astype(dtype)
    dstate = [rng.normal(size=(ROWS, slot.size)).astype(dtype) for slot in layout.states]
    kept: list[Any] | None = None
    objective = Objective(losses.MSE(), truncate=3, shard_size=2)
    for count in (1, 2, 3):
        threads(count)
        found: list[Any] = [*native().loss_and_grad(layout, theta, batch, objective)]
        found.append(native().loss(layout, theta, batch, losses.MSE(), 2))
        y, final, tape = native().forward(layout, theta, batch, 2)
        gradient, dx, dstate0 = native().backward(layout, theta, tape, dy, None, dstate, None)
        found += [y, *final, gradient, dx, *dstate0, native().predict(layout, theta, batch)[0]]
        found += trained(layout, theta, batch, six_updates(), shard=2)
        kept = kept or found
        for one, other in zip(kept, found, strict=True):
            same(one, other)


@DTYPES
def test_a_block_of_updates_is_its_updates_one_by_one(dtype: str) -> None:
    layout = stacked("lstm")
    theta, batch = drawn(layout, dtype)
    whole = trained(layout, theta, batch, six_updates())
    for blocks in (2, 6):
        for one, other in zip(whole, trained(layout, theta, batch, six_updates(), blocks), strict=True):
            same(one, other)


def test_an_update_takes_its_rows_as_if_they_were_the_batch() -> None:
    layout = stacked("gru")
    theta, batch = drawn(layout, "float32")
    rows = np.array([3, 30, 3, 7, 22, 11])
    assert batch.y is not None
    assert batch.weight is not None
    taken = only(batch, rows)._replace(y=batch.y[rows], weight=batch.weight[rows])
    once, rate = np.array([0, 6]), np.array([0.1])
    left = trained(layout, theta, batch, Records(rows, once, rate))
    for one, other in zip(left, trained(layout, theta, taken, Records(np.arange(6), once, rate)), strict=True):
        same(one, other)


@DTYPES
def test_training_twice(dtype: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(ROWS, STEPS, 2)), rng.normal(size=(ROWS, STEPS, 1))

    def weights() -> np.ndarray:
        network = elman.Network(2, 16, 1, cell="gru", dtype=dtype, seed=3)
        elman.Trainer(network, batch_size=8, seed=5).fit(x, y, epochs=3, progress=False)
        return network.theta

    same(weights(), weights())


# --------------------------------------------------------------- whatever stands beside a row


@DTYPES
@pytest.mark.parametrize("both", [False, True])
@CELL
def test_a_row_is_the_same_in_any_company(cell: str, both: bool, dtype: str) -> None:
    layout = stacked(cell, both)
    theta, batch = drawn(layout, dtype)
    y, final = native().predict(layout, theta, batch)

    def agrees(rows: Any, found: Any, ends: Any) -> None:
        same(found[:, :STEPS], y[rows])
        for end, whole in zip(ends, final, strict=True):
            same(end, whole[rows])

    for row in (0, 5, 16, ROWS - 1):
        agrees([row], *native().predict(layout, theta, only(batch, [row])))
    shuffled = np.random.default_rng(1).permutation(ROWS)
    agrees(shuffled, *native().predict(layout, theta, only(batch, shuffled)))
    for shard in (1, 5, 64):
        agrees(slice(None), *native().forward(layout, theta, batch, shard)[:2])
    padded = np.full((ROWS, STEPS + 6, 4), np.nan, dtype)
    padded[:, :STEPS] = batch.x
    longer = batch._replace(x=padded, y=None, weight=None)
    agrees(slice(None), *native().predict(layout, theta, longer))
    assert batch.lengths is not None
    for row in (2, 9):  # cut to its own length
        length = int(batch.lengths[row])
        cut = only(batch, [row])._replace(x=batch.x[[row], :length], lengths=None)
        same(native().predict(layout, theta, cut)[0][0], y[row, :length])


@DTYPES
@CELL
def test_one_row_of_a_wide_network(cell: str, dtype: str) -> None:
    """Of a single row several panels of weights go side by side, and backwards in every other step."""
    layout = Layout([Recurrent(150, CELLS[cell]), Dense(140, "tanh"), Dense(3)], 20)
    theta, batch = drawn(layout, dtype)
    dy = np.random.default_rng(3).normal(size=(ROWS, STEPS, 3)).astype(dtype)
    y, final, tape = native().forward(layout, theta, batch, 16)
    _, dx, dstate = native().backward(layout, theta, tape, dy, None, None, None)
    assert dx is not None
    for row in (0, 16):
        own_y, own_final, own_tape = native().forward(layout, theta, only(batch, [row]), 16)
        _, own_dx, own_dstate = native().backward(layout, theta, own_tape, dy[[row]], None, None, None)
        for one, other in zip([own_y, *own_final, own_dx, *own_dstate], [y, *final, dx, *dstate], strict=True):
            same(one, other[[row]])


@CELL
def test_a_row_of_zero_weight_changes_no_gradient(cell: str) -> None:
    """Shards of one row: the tree gains a leaf of zeros, at its end."""
    layout = Layout([Recurrent(6, CELLS[cell]), Dense(2)], 3)
    rng = np.random.default_rng(0)
    theta, x, y = draw_theta(layout, rng, "float64"), rng.normal(size=(5, 4, 3)), rng.normal(size=(5, 4, 2))
    weight = np.ones((5, 4))
    weight[4] = 0
    objective = Objective(losses.MSE(), shard_size=1)
    left = native().loss_and_grad(layout, theta, Batch(x, y, weight=weight), objective)
    right = native().loss_and_grad(layout, theta, Batch(x[:4], y[:4]), objective)
    assert left[0] == right[0]
    np.testing.assert_array_equal(left[1], right[1])


# ------------------------------------------------------------------------ streaming is predicting


def streams() -> dict[str, tuple[list[Layer], int]]:
    found: dict[str, tuple[list[Layer], int]] = {}
    for name, cell in CELLS.items():
        found[name] = [Recurrent(17, cell), Recurrent(6, cell), Recurrent(4, cell), Dense(3), Skip()], 5
    found["head"] = [Dense(3, "sigmoid"), Recurrent(9), Dense(20, "relu"), Dense(7, "sigmoid"), Dense(2)], 5
    found["no head"] = [Recurrent(33, CELLS["gru"])], 3
    found["embedding"] = [Embedding(11, 6), Recurrent(8), Recurrent(7, CELLS["gru"]), Dense(11)], 1
    return found


@DTYPES
@pytest.mark.parametrize("size", [1, 3, 18])
@pytest.mark.parametrize("kind", streams())
@pytest.mark.compiled
def test_stream(kind: str, size: int, dtype: str) -> None:
    layers, inputs = streams()[kind]
    layout = Layout(layers, inputs)
    theta, batch = drawn(layout, dtype, ragged=False)
    network = elman.Network.from_theta(layout, theta)
    rows = slice(0, size)
    batch = only(batch, rows)
    assert batch.state is not None
    given = dict(zip(network.state_names, batch.state, strict=True))
    y, state = network.predict(batch.x, state=given, return_state=True)
    stream = network.stream(size)
    stream.state = given
    for t in range(STEPS):
        same(stream.step(batch.x[:, t]), y[:, t])
    for name in network.state_names:
        same(stream.state[name], state[name])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_stream_behind_last(dtype: str) -> None:
    layout = Layout([Recurrent(6, CELLS["gru"]), Last(), Dense(8, "relu"), Dense(2), Skip()], 3)
    theta, batch = drawn(layout, dtype, ragged=False, given=False)
    network = elman.Network.from_theta(layout, theta)
    stream = network.stream(ROWS)
    for t in range(STEPS):
        same(stream.step(batch.x[:, t]), network.predict(batch.x[:, : t + 1]))


# -------------------------------------------------------------------------- on every processor


@pytest.mark.slow
def test_every_instruction_set() -> None:
    """This file again, for each instruction set that this processor runs."""
    from elman import _native

    for isa in _native.isas():
        command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", __file__]
        result = subprocess.run(
            command, env={**os.environ, "ELMAN_ISA": isa}, capture_output=True, text=True, timeout=600, check=False
        )
        assert result.returncode == 0, f"{isa}: {result.stdout[-2000:]}"
