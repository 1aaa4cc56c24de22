"""Embeddings that have another's table: one parameter, its gradients added, sparse and dense, and how it begins.
tests/test_golden.py has PyTorch's values, test_tied.py what is refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import both, compare, draw_theta, shared_layout
from elman.losses import CrossEntropy

import elman
from elman.core.layers import Embedding, Input, Layout
from elman.core.requests import Batch, Engine, NamedInput, Objective, Records, UpdateRule


def shared_batch(layout: Layout, rng: np.random.Generator, dtype: str, n: int = 37) -> Batch:
    """Ragged words on both sides, with classes as targets."""
    lengths, ends = rng.integers(1, 8, n), rng.integers(1, 6, n)
    words = NamedInput(rng.integers(0, 6, (n, 5)), ends)
    weight = rng.random((n, 7)).astype(dtype)
    return Batch(rng.integers(0, 6, (n, 7)), rng.integers(0, 6, (n, 7)), lengths, weight, named={"words": words})


def test_two_embeddings_and_the_outputs_share_one_table(run: Engine) -> None:
    """Against a network with three tables of the same values; a padding id is that of one use alone."""
    one = shared_layout(3)
    apart = [replace(n, layer=replace(n.layer, tied=None)) if n.name in ("again", "head") else n for n in one.layers]  # type: ignore
    two = Layout(apart, 1, one.inputs)
    assert [p.name for p in one.parameters if p.shape == (6, 4)] == ["first.weight"]
    assert two.size == one.size + 2 * 6 * 4
    rng = np.random.default_rng(1)
    theta, wide = draw_theta(one, rng, "float64"), np.zeros(two.size)
    for place in two.parameters:
        name = "first.weight" if place.name in ("again.weight", "head.weight") else place.name
        place.view(wide)[...] = next(p for p in one.parameters if p.name == name).view(theta)
    batch, objective = shared_batch(one, rng, "float64"), Objective(CrossEntropy(), shard_size=2)
    value, gradient = run.loss_and_grad(one, theta, batch, objective)
    same, parts = run.loss_and_grad(two, wide, batch, objective)
    assert value == pytest.approx(same, rel=1e-13)
    split = {place.name: place.view(parts) for place in two.parameters}
    assert not split["again.weight"][2].any()
    split["first.weight"] = split["first.weight"] + split.pop("again.weight") + split.pop("head.weight")
    for place in one.parameters:
        np.testing.assert_allclose(place.view(gradient), split[place.name], rtol=1e-10, atol=1e-14, err_msg=place.name)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_engines_agree_on_a_shared_table(dtype: str, sparse: bool) -> None:
    """Values, gradients, and updates with every optimiser; rows of a sparse one change where either use has them."""
    layout, rng = shared_layout(9, sparse), np.random.default_rng(2)
    theta, batch = draw_theta(layout, rng, dtype), shared_batch(layout, rng, dtype)
    for optimizer in (elman.optim.SGD(0.1, momentum=0.9), elman.optim.Adam(0.01, eps=1e-3)):

        def answers(run: Engine, optimizer: Any = optimizer) -> list[tuple[str, Any]]:
            value, gradient = run.loss_and_grad(layout, theta, batch, Objective(CrossEntropy(), shard_size=4))
            now, slots = theta.copy(), [np.zeros_like(theta) for _ in optimizer.slots]
            rule, objective = UpdateRule(optimizer, 0.5), Objective(CrossEntropy(), shard_size=4)
            records = Records(np.arange(37), np.array([0, 16, 37]), np.array([0.1, 0.1]))
            losses, norms, _ = run.update(layout, now, batch, objective, rule, slots, 0, records)
            return [("loss", value), ("gradient", gradient), ("losses", losses), ("norms", norms), ("theta", now)]

        compare(*(answers(run) for run in both()), dtype, (sparse, optimizer))


def test_a_sparse_shared_table_learns_as_a_dense_one(run: Engine) -> None:
    """By plain descent, for which a row without a gradient is one that does not change."""
    dense = Layout([replace(n, layer=replace(n.layer, sparse=False)) if n.name in ("first", "again") else n  # type: ignore
                    for n in shared_layout(3, True).layers], 1, {"words": Input(6, "integers")})  # fmt: skip
    sparse, rng = shared_layout(3, True), np.random.default_rng(3)
    assert [p.name for p in sparse.tables] == ["first.weight"]
    assert sparse.size == dense.size
    theta = draw_theta(dense, rng, "float64")
    moved = np.zeros(sparse.size)
    for place in sparse.parameters:
        place.view(moved)[...] = next(p for p in dense.parameters if p.name == place.name).view(theta)
    batch, records = shared_batch(sparse, rng, "float64"), Records(np.arange(37), np.array([0, 37]), np.array([0.1]))
    rule, objective = UpdateRule(elman.optim.SGD(0.1), None), Objective(CrossEntropy(), shard_size=4)
    for layout, now in ((dense, theta), (sparse, moved)):
        run.update(layout, now, batch, objective, rule, [], 0, records)
    for place in sparse.parameters:
        want = next(p for p in dense.parameters if p.name == place.name).view(theta)
        np.testing.assert_allclose(place.view(moved), want, rtol=1e-12, atol=1e-15, err_msg=place.name)


def test_a_shared_table_begins_by_its_uses(tmp_path: Path) -> None:
    """As wide as an embedding's alone, at the scale of outputs where a dense layer has it too; one padding row."""
    network = elman.Network.from_layers(list(shared_layout(3).layers), inputs={"words": Input(6, "integers")}, seed=5)
    table = network.parameters["first.weight"]
    assert not table[2].any()
    alone = list(shared_layout(3, True).layers)
    wide = elman.Network.from_layers(alone, inputs={"words": Input(6, "integers")}, seed=5).parameters["first.weight"]
    assert not wide[2].any()
    assert 0.5 < np.delete(wide, 2, 0).std() < 1.5
    np.testing.assert_allclose(table, wide / 2, rtol=1e-6)
    network.save(tmp_path / "n.safetensors")
    again = elman.load(tmp_path / "n.safetensors")
    assert isinstance(again, elman.Network)
    assert again.layers == network.layers
    assert again.theta.tobytes() == network.theta.tobytes()


def test_gradients_of_a_tied_embedding_agree_with_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    for engine, sparse in product(("native", "reference"), (False, True)):
        monkeypatch.setenv("ELMAN_ENGINE", engine)
        report = elman.gradcheck(Embedding(5, 3, sparse=sparse, tied="word"), entries=6)
        assert report.passed, str(report)
