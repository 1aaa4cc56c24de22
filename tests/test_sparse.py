"""Embeddings whose gradient is a list of rows: what an update changes, with every optimiser, and what it leaves."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import both, compare

import elman
from elman import losses, optim
from elman.core.layers import Dense, Embedding, Input, Last, Layer, Layout, Node, Recurrent
from elman.core.requests import Batch, Engine, Objective, Records, UpdateRule
from elman.network.constraints import make_constraints
from elman.network.weights import Reading, Training, Weights

ROWS, STEPS, WORDS = 37, 5, 40
OPTIMISERS = [
    optim.SGD(0.05),
    optim.SGD(0.05, momentum=0.9),
    optim.RMSprop(eps=1e-3),
    optim.Adagrad(eps=1e-3),
    optim.Adam(eps=1e-3),
    optim.AdamW(eps=1e-3, weight_decay=0.1),
]
RULES: list[dict[str, Any]] = [
    {},
    {"rates": {"embedding.*": 0.5, "head.*": 2.0}},
    {"frozen": ["embedding.*"]},
    {"frozen": ["weight_hh_l0"]},
    {"masks": {"embedding.weight": np.arange(150).reshape(50, 3) % 2}},
    {"signs": {"head.weight": [1, -1, 0, 1]}},
]


def layers(sparse: bool) -> list[Layer]:
    return [Embedding(50, 3, sparse=sparse), Recurrent(4, elman.GRU()), Dense(2)]


def data(seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return (
        rng.integers(0, WORDS, (ROWS, STEPS)),
        rng.normal(size=(ROWS, STEPS, 2)),
        rng.integers(1, STEPS + 1, ROWS),
    )


def network(sparse: bool = True, dtype: str = "float64") -> elman.Network:
    return elman.Network.from_layers(layers(sparse), dtype=dtype, seed=3)


def named_theta(layout: Layout, theta: np.ndarray) -> dict[str, np.ndarray]:
    return {place.name: place.view(theta) for place in layout.parameters}


def test_tables_lie_behind_all_other_parameters() -> None:
    inputs = {"second": Input(7, "integers")}
    layout = Layout(
        [
            Node(Embedding(9, 2, sparse=True), "one", ["x"]),
            Node(Recurrent(4), "low"),
            Node(Embedding(7, 3, sparse=True), "other", ["second"]),
            Node(Recurrent(3), "high"),
            Dense(2),
        ],
        1,
        inputs,
    )
    assert [(place.name, place.offset) for place in layout.tables] == [
        ("one.weight", layout.dense),
        ("other.weight", layout.dense + 18),
    ]
    assert layout.size == layout.dense + 18 + 21
    covered = sorted((place.offset, place.offset + place.size) for place in layout.parameters)
    assert [end for _, end in covered] == [*(begin for begin, _ in covered[1:]), layout.size]
    assert next(place.name for place in layout.parameters) == "one.weight"


@pytest.mark.parametrize("rules", RULES, ids=lambda rules: "-".join(map(str, rules)) or "none")
@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=repr)
def test_engines_agree(optimiser: optim.Optimizer, rules: dict[str, Any]) -> None:
    layout = Layout(layers(True), 1)
    constraints = make_constraints(layout, np.dtype("float64"), optimiser, **rules)
    x, y, lengths = data()
    rows = np.concatenate([np.random.default_rng(u).permutation(ROWS)[:20] for u in range(4)])
    records = Records(rows, np.arange(0, 81, 20), np.array([0.05, 0.02, 0.05, 0.1]))

    def answers(run: Engine) -> Any:
        theta = 0.5 * np.random.default_rng(2).normal(size=layout.size)
        if constraints is not None and constraints.lower is not None:
            np.clip(theta, constraints.lower, constraints.upper, out=theta)
        slots = [np.zeros_like(theta) for _ in optimiser.slots]
        rule = UpdateRule(optimiser, 0.3, 0.05, constraints)
        objective = Objective(losses.MSE(), shard_size=3)
        values, norms, done = run.update(layout, theta, Batch(x, y, lengths), objective, rule, slots, 0, records)
        yield from (("done", np.float64(done)), ("loss", values), ("norm", norms), ("theta", theta))
        yield from (("slot", slot) for slot in slots)

    compare(*map(answers, both()), "float64", (optimiser, rules))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradient_descent_equals_that_of_a_dense_table_to_the_bit(dtype: str) -> None:
    x, y, lengths = data()
    found: list[dict[str, np.ndarray]] = []
    for sparse in (True, False):
        net = network(sparse, dtype)
        trainer = elman.Trainer(net, optimizer=optim.SGD(0.1), batch_size=10, shard_size=2)
        trainer.fit(x, y, lengths=lengths, epochs=2, progress=False)
        found.append(named_theta(net.layout, net.theta))
    for name, array in found[0].items():
        assert (array == found[1][name]).all(), name


def test_rows_that_no_batch_reads_keep_weights_and_moments() -> None:
    x, y, lengths = data()
    net, before = network(), network().parameters["embedding.weight"].copy()
    trainer = elman.Trainer(net, optimizer=optim.AdamW(0.1, weight_decay=0.5))
    trainer.update(x, y, lengths=lengths)
    table, (place,) = net.parameters["embedding.weight"], net.layout.tables
    moments = [place.view(slot).copy() for slot in trainer.slots]
    read = np.unique(x[np.arange(STEPS) < lengths[:, None]])
    unread = np.setdiff1d(np.arange(50), read)
    assert (table[unread] == before[unread]).all()
    assert (table[read] != before[read]).all()
    trainer.update(np.full((1, 1), read[0]), np.zeros((1, 1, 2)))
    others = read[1:]
    for slot, kept in zip(trainer.slots, moments, strict=True):
        assert (place.view(slot)[others] == kept[others]).all()
        assert (kept[others] != 0).all()
        assert (place.view(slot)[read[0]] != kept[read[0]]).any()


def test_a_step_read_that_counts_nothing_changes_no_row() -> None:
    """A weight of 0, and the steps before a truncation: what decides is the gradient, not who was read."""
    net = network()
    trainer, before = elman.Trainer(net, optimizer=optim.Adam(0.1)), net.parameters["embedding.weight"].copy()
    trainer.update([[1, 2], [3, 4]], np.ones((2, 2, 2)), sample_weight=[[1, 1], [0, 0]])
    changed = (net.parameters["embedding.weight"] != before).any(axis=1)
    assert np.flatnonzero(changed).tolist() == [1, 2]


@pytest.mark.parametrize("clip", [{}, {"clip_value": 0.05}])
def test_a_step_with_the_gradients_equals_an_update_to_the_bit(clip: dict[str, float]) -> None:
    x, y, lengths = data()
    one, other = network(), network()
    updated = elman.Trainer(one, optimizer=optim.Adam(0.05), **clip)  # type: ignore[arg-type]
    stepped = elman.Trainer(other, optimizer=optim.Adam(0.05), **clip)  # type: ignore[arg-type]
    for part in (slice(0, 5), slice(5, 9), slice(2, 7)):
        _, gradients = other.loss_and_grad(x[part], y[part], lengths=lengths[part])
        assert gradients["embedding.weight"].shape == (50, 3)  # dense, by name
        updated.update(x[part], y[part], lengths=lengths[part])
        stepped.step(gradients)
        np.testing.assert_allclose(one.theta, other.theta, rtol=1e-12, atol=1e-14)
    assert [(slot != 0).sum() for slot in updated.slots] == [(slot != 0).sum() for slot in stepped.slots]


@pytest.mark.parametrize("recompute", [False, 2])
@pytest.mark.parametrize("shard_size", [1, 3, 16])
def test_the_bits_do_not_depend_on_threads(shard_size: int, recompute: bool | int) -> None:
    x, y, lengths = data()
    threads, found = elman.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            elman.set_num_threads(count)
            net = network(dtype="float32")
            trainer = elman.Trainer(net, clip_norm=0.1, shard_size=shard_size, recompute=recompute)
            trainer.fit(x, y, lengths=lengths, epochs=2, progress=False)
            found.append((net.theta.copy(), *trainer.slots, *trainer.history.arrays()[1].T[:2]))
    finally:
        elman.set_num_threads(threads)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_two_tables_behind_one_another(run: Engine) -> None:
    """Two inputs of whole numbers with lengths of their own, one table each; by differences, and as dense ones."""
    inputs = {"second": Input(6, "integers")}

    def made(sparse: bool) -> elman.Network:
        ends = [Node(Last(), "end"), Node(Recurrent(4, elman.GRU()), "main", ["words"], {"h": "end"}), Dense(2)]
        first = [
            Node(Embedding(8, 3, sparse=sparse), "words", ["x"]),
            Node(Embedding(6, 2, sparse=sparse), "s", ["second"]),
        ]
        encoder = Node(Recurrent(4, elman.GRU()), "encoder")
        return elman.Network.from_layers([*first, encoder, *ends], inputs=inputs, dtype="float64", seed=1)

    rng = np.random.default_rng(0)
    given = {"x": rng.integers(0, 8, (7, 4)), "second": rng.integers(0, 6, (7, 5))}
    options = {"lengths": {"x": rng.integers(1, 5, 7), "second": rng.integers(1, 6, 7)}}
    y = rng.normal(size=(7, 4, 2))
    found: list[dict[str, np.ndarray]] = []
    for sparse in (True, False):
        net = made(sparse)
        for name, array in named_theta(net.layout, net.theta).items():
            array[...] = np.random.default_rng(len(name)).normal(size=array.shape)
        trainer = elman.Trainer(net, optimizer=optim.SGD(0.1), shard_size=2)
        for _ in range(3):
            trainer.update(given, y, **options)  # type: ignore[arg-type]
        found.append(named_theta(net.layout, net.theta))
    for name, array in found[0].items():
        np.testing.assert_allclose(array, found[1][name], rtol=1e-12, atol=1e-13)


def test_an_interrupted_training_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    x, y, lengths = data()

    def trained(epochs: int, **options: Any) -> tuple[elman.Network, elman.Trainer]:
        net = network(dtype="float32")
        trainer = elman.Trainer(net, optimizer=optim.Adam(0.02), batch_size=8)
        trainer.fit(x, y, lengths=lengths, epochs=epochs, progress=False, **options)
        return net, trainer

    whole, by = trained(4)
    trained(2, checkpoint=tmp_path, every=3)
    again, on = trained(4, checkpoint=tmp_path, resume=tmp_path)
    np.testing.assert_array_equal(again.theta, whole.theta)
    for a, b in zip(by.slots, on.slots, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_network_of_a_file_is_sparse_again(tmp_path: Path) -> None:
    net = network(dtype="float32")
    net.save(tmp_path / "net.safetensors")
    again: Any = elman.load(tmp_path / "net.safetensors")
    assert again.layers[0] == Embedding(50, 3, sparse=True)
    for name, array in net.parameters.items():
        np.testing.assert_array_equal(again.parameters[name], array)


def squares(y_hat: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
    error = (y_hat - y) * weight[..., None]
    return float((error * (y_hat - y)).sum()) / 2, error


def test_a_loss_of_ones_own_trains_the_same_rows() -> None:
    own = losses.Custom("squares", squares)
    x, y, lengths = data()
    nets = [network(), network()]
    for net, loss in zip(nets, (own, losses.MSE()), strict=True):
        trainer = elman.Trainer(net, loss=loss, optimizer=optim.Adam(0.05, eps=1e-3), batch_size=10)
        trainer.fit(x, y, lengths=lengths, epochs=2, progress=False)
    np.testing.assert_allclose(nets[0].theta, nets[1].theta, rtol=1e-9, atol=1e-11)


# -------------------------------------------------------------------------- copies for other threads


def in_thread(work: Any) -> tuple[threading.Thread, list[np.ndarray]]:
    found: list[np.ndarray] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    return thread, found


def test_a_copy_is_made_for_who_asks_and_for_nobody_else() -> None:
    weights = Weights(np.zeros(3), on_demand=True)
    with Training(weights, still=True):
        with Training(weights):
            weights.theta[...] = 1
        assert weights.published is None
        thread, found = in_thread(weights.copy)  # between two blocks: at once
        thread.join(5)
        assert found[0].tolist() == [1, 1, 1]
        with Training(weights):
            weights.theta[...] = 2
            thread, found = in_thread(weights.copy)  # within a block: what was before it
            thread.join(5)
            assert found[0].tolist() == [1, 1, 1]
        assert weights.published is not None
        with Training(weights):
            weights.theta[...] = 3
        assert weights.published is None


def test_a_loss_of_ones_own_may_wait_for_a_thread_that_predicts() -> None:
    x, y, _ = data()
    net = network()
    before = net.predict(x)

    def waiting(y_hat: np.ndarray, target: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
        thread, found = in_thread(lambda: net.predict(x))
        thread.join(10)
        np.testing.assert_array_equal(found[0], before)
        return squares(y_hat, target, weight)

    elman.Trainer(net, loss=losses.Custom("waiting", waiting), shard_size=64).update(x, y)


def test_a_reader_within_the_first_block_waits_for_its_end() -> None:
    weights = Weights(np.zeros(3), on_demand=True)

    def read() -> np.ndarray:
        with Reading(weights) as theta:
            return theta.copy()

    with Training(weights, still=True), Training(weights):
        weights.theta[...] = 1
        thread, found = in_thread(read)
        thread.join(0.02)
        assert thread.is_alive()
        weights.theta[...] = 2
    thread.join(5)
    assert found[0].tolist() == [2, 2, 2]
