"""Parts of an update: any subtrees of its shards, computed apart and joined, have the bits of the whole."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from cases import CELLS, both, compare, draw_batch, draw_theta, drawing_layouts, grid_layout

from elman import losses, optim
from elman.cluster.updates.tree import divide, join, subtrees
from elman.core.layers import Dense, Dropout, Embedding, Layout, Recurrent
from elman.core.requests import Batch, Engine, Objective, Records, UpdateRule
from elman.engines.reference.tree import tree_sum
from elman.network.constraints import make_constraints

MSE = losses.MSE()
RULES: list[dict[str, Any]] = [{}, {"clip_norm": 1e-3}, {"clip_value": 1e-4, "clip_norm": 1e-4}]


def ranges(rng: np.random.Generator, shards: int, parts: int) -> list[tuple[int, int]]:
    cuts = [0, *sorted(rng.integers(0, shards + 1, parts - 1).tolist()), shards]
    return [(lo, hi) for lo, hi in pairwise(cuts) if lo < hi]


def joined(
    run: Engine, layout: Layout, theta: np.ndarray, batch: Batch, objective: Objective, rows: np.ndarray, seed: int
) -> tuple[float, np.ndarray]:
    """Loss and gradient of update 3, computed in parts by rows of other batches where the rest is not there."""
    rng = np.random.default_rng(seed)
    shards = -(-len(rows) // min(objective.shard_size, len(rows)))
    sums: dict[tuple[int, int], tuple[float, np.ndarray]] = {}
    for part in ranges(rng, shards, int(rng.integers(1, 6))):
        for lo, hi in subtrees(part, (0, shards)):
            sums[lo, hi] = run.part(layout, theta, batch, objective, 3, rows, slice(lo, hi))
    return join(sums, (0, shards), lambda left, right: run.add(layout, left, right))


@pytest.mark.parametrize("shards", range(1, 34))
def test_subtrees_of_any_ranges_join_to_the_tree_sum(shards: int) -> None:
    rng = np.random.default_rng(shards)
    leaves = [rng.normal(size=5).astype("float32") * 10.0 ** rng.integers(-6, 6) for _ in range(shards)]
    values = rng.normal(size=shards).tolist()
    for parts in (1, 2, 3, 5):
        sums: dict[tuple[int, int], tuple[float, np.ndarray]] = {}
        for part in ranges(rng, shards, parts):
            for lo, hi in subtrees(part, (0, shards)):
                sums[lo, hi] = tree_sum(values[lo:hi]), tree_sum(leaves[lo:hi]).copy()
        covered = sorted(sums)
        assert [lo for lo, _ in covered] == [0, *(hi for _, hi in covered[:-1])]
        assert covered[-1][1] == shards
        loss, gradient = join(sums, (0, shards), lambda left, right: np.add(left, right, out=left))
        assert loss == tree_sum(values)
        assert gradient.tobytes() == tree_sum(leaves).tobytes()


def test_shards_are_divided_by_what_workers_compute_in_a_second() -> None:
    assert divide((0, 16), [1, 1]) == [(0, 8), (8, 16)]
    assert divide((0, 16), [1.1, 0.9]) == [(0, 8), (8, 16)]  # one gradient each rather than two
    assert divide((0, 16), [3, 1]) == [(0, 12), (12, 16)]
    assert divide((0, 64), [1, 1, 1, 1]) == [(0, 16), (16, 32), (32, 48), (48, 64)]
    assert divide((0, 1), [1, 1]) in ([(0, 0), (0, 1)], [(0, 1), (1, 1)])
    rng = np.random.default_rng(0)
    for _ in range(300):
        lo, count, workers = (int(rng.integers(*bounds)) for bounds in ((0, 50), (1, 200), (1, 12)))
        rates = rng.uniform(0.5, 4, workers)
        parts = divide((lo, lo + count), rates.tolist())
        assert len(parts) == workers
        assert parts[0][0] == lo
        assert parts[-1][1] == lo + count
        assert all(before[1] == after[0] for before, after in pairwise(parts))
        shares = np.array([hi - first for first, hi in parts])
        assert (np.abs(shares - count * rates / rates.sum()) <= count / workers / 4 + 1).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("output", ["sequence", "last"])
@pytest.mark.parametrize("cell", CELLS)
def test_parts_join_to_the_update_s_bits(run: Engine, cell: str, output: str, dtype: str) -> None:
    rng = np.random.default_rng(5)
    layout = grid_layout(cell, 2, "both", output)
    theta = draw_theta(layout, rng, dtype)
    batch = draw_batch(layout, rng, dtype, 23, 6, ragged=True, given=True, weighted=True)
    objective = Objective(MSE, activity_penalty=0.1, truncate=4, shard_size=2)
    assert_same_bits(run, layout, theta, batch, objective)


@pytest.mark.parametrize("name", drawing_layouts(5, 3))
def test_draws_are_the_whole_update_s(run: Engine, name: str) -> None:
    rng = np.random.default_rng(6)
    layout = drawing_layouts(5, 3)[name]
    layout = Layout([*layout.layers, Dense(2)], 3)
    theta = draw_theta(layout, rng, "float32")
    batch = draw_batch(layout, rng, "float32", 19, 5, ragged=True)
    assert_same_bits(run, layout, theta, batch, Objective(MSE, shard_size=3, seed=2**63 + 11))


def assert_same_bits(run: Engine, layout: Layout, theta: np.ndarray, batch: Batch, objective: Objective) -> None:
    value, gradient = run.loss_and_grad(layout, theta, batch, objective, 3)
    for seed in range(4):
        loss, sums = joined(run, layout, theta, batch, objective, np.arange(len(batch.x)), seed)
        assert loss == value
        assert sums.tobytes() == gradient.tobytes()
    rows = np.random.default_rng(1).permutation(len(batch.x))[:11]
    first = joined(run, layout, theta, batch, objective, rows, 0)
    for seed in range(1, 4):
        again = joined(run, layout, theta, batch, objective, rows, seed)
        assert again[0] == first[0]
        assert again[1].tobytes() == first[1].tobytes()


@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
def test_both_engines_agree_on_a_part(cell: str) -> None:
    rng = np.random.default_rng(8)
    layout = grid_layout(cell, 2, "both", "sequence")
    theta = draw_theta(layout, rng, "float64")
    batch = draw_batch(layout, rng, "float64", 23, 6, ragged=True, weighted=True)
    objective = Objective(MSE, activity_penalty=0.3, shard_size=4)
    rows = rng.permutation(23)[:18]

    def parts(run: Engine) -> list[tuple[str, Any]]:
        value, gradient = run.part(layout, theta, batch, objective, 0, rows, slice(2, 4))
        return [("value", value), ("gradient", gradient)]

    compare(parts(both()[0]), parts(both()[1]), "float64", cell)


def test_values_of_other_shards_are_not_read(run: Engine) -> None:
    rng = np.random.default_rng(9)
    layout = grid_layout("lstm", 1, "one", "sequence")
    theta = draw_theta(layout, rng, "float32")
    batch = draw_batch(layout, rng, "float32", 16, 6)
    objective, rows = Objective(MSE, shard_size=2), np.arange(16)
    whole = run.part(layout, theta, batch, objective, 0, rows, slice(2, 4))
    assert batch.y is not None
    for array in (batch.x, batch.y):
        array[:4] = array[8:] = np.nan
    again = run.part(layout, theta, batch, objective, 0, rows, slice(2, 4))
    assert again[0] == whole[0]
    assert again[1].tobytes() == whole[1].tobytes()


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_given_gradient_s_step_has_the_update_s_bits(
    run: Engine, rule: dict[str, Any], sparse: bool, dtype: str
) -> None:
    rng = np.random.default_rng(10)
    layout = Layout([Embedding(50, 3, sparse=sparse), Dropout(0.3), Recurrent(6, CELLS["lstm"]), Dense(2)], 1)
    batch = draw_batch(layout, rng, dtype, 21, 5, ragged=True)
    batch = batch._replace(x=batch.x % 40)
    objective = Objective(MSE, shard_size=4, seed=7)
    for optimizer in (optim.Adam(0.05), optim.SGD(0.1, momentum=0.9)):
        limits = make_constraints(layout, np.dtype(dtype), optimizer, {"head.*": 0.5}, (), None, None)
        update = UpdateRule(optimizer, constraints=limits, **rule)
        one = draw_theta(layout, rng, dtype)
        other = one.copy()
        slots, own = ([np.zeros_like(one) for _ in optimizer.slots] for _ in range(2))
        rows = np.concatenate([rng.permutation(21)[:17] for _ in range(6)])
        records = Records(rows, np.arange(0, 103, 17), np.linspace(0.1, 0.05, 6))
        values, norms, done = run.update(layout, one, batch, objective, update, slots, 3, records)
        assert done == 6
        for u in range(6):
            picked = rows[17 * u : 17 * u + 17]
            sums = {
                shards: run.part(layout, other, batch, objective, 3 + u, picked, slice(*shards))
                for shards in ((0, 2), (2, 4), (4, 5))
            }
            loss, gradient = join(sums, (0, 5), lambda left, right: run.add(layout, left, right))
            kept = gradient.copy()
            norm, made = run.apply(layout, other, gradient, loss, update, own, 3 + u, float(records.rates[u]))
            assert made
            assert (loss, norm) == (values[u], norms[u])
            assert gradient.tobytes() == kept.tobytes()
        assert other.tobytes() == one.tobytes()
        assert all(a.tobytes() == b.tobytes() for a, b in zip(slots, own, strict=True))


@pytest.mark.parametrize("broken", ["loss", "gradient"])
def test_a_step_that_is_not_finite_is_not_made(run: Engine, broken: str) -> None:
    layout = grid_layout("tanh", 1, "one", "last")
    theta = draw_theta(layout, np.random.default_rng(0), "float32")
    before, gradient = theta.copy(), np.ones_like(theta)
    gradient[3] = np.inf if broken == "gradient" else 1.0
    loss = np.nan if broken == "loss" else 1.0
    norm, made = run.apply(layout, theta, gradient, loss, UpdateRule(optim.SGD(0.1)), [], 0, 0.1)
    assert not made
    assert np.isinf(norm) == (broken == "gradient")
    assert theta.tobytes() == before.tobytes()


def test_the_core_refuses_shards_that_are_not_there() -> None:
    run = both()[1]
    layout = grid_layout("tanh", 1, "one", "sequence")
    rng = np.random.default_rng(0)
    theta, batch = draw_theta(layout, rng, "float32"), draw_batch(layout, rng, "float32", 9, 4)
    objective = Objective(MSE, shard_size=2)
    for rows, shards in ((np.arange(9), slice(4, 6)), (np.arange(9), slice(2, 2)), (np.arange(10), slice(0, 1))):
        with pytest.raises(ValueError, match=r"first, count|rows"):
            run.part(layout, theta, batch, objective, 0, rows, shards)
    with pytest.raises(ValueError, match="wrong size"):
        run.add(layout, theta.copy(), theta[:-1])


def test_a_shard_size_above_the_rows_is_one_shard(run: Engine) -> None:
    rng = np.random.default_rng(3)
    layout = grid_layout("gru", 1, "one", "last")
    theta, batch = draw_theta(layout, rng, "float32"), draw_batch(layout, rng, "float32", 9, 4)
    objective = Objective(MSE, shard_size=64)
    value, gradient = run.loss_and_grad(layout, theta, batch, objective)
    loss, part = run.part(layout, theta, batch, objective, 0, np.arange(9), slice(0, 1))
    assert loss == value
    assert part.tobytes() == gradient.tobytes()
