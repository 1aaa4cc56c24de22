"""Pool by what it means: sums by hand, sizes of every kind, ties, what does not change a row, what it refuses, and
`Network(output=...)`. tests/test_golden.py has PyTorch's values."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from cases import both, compare, draw_batch, draw_theta, hide, pooling_layouts
from elman.losses import MSE

import elman
from elman.core.layers import POOLINGS, Concat, Dense, Input, Last, Layout, Node, Pool, Recurrent, Skip
from elman.core.requests import Batch, Engine, NamedInput, Objective

FIRST = Node(Recurrent(3, "tanh"), "h")  # type: ignore[arg-type]
How = Literal["mean", "max", "attention"]


def reader(how: Any, width: int) -> Layout:
    """Pools x itself; nothing reads the recurrent layer, which every network has."""
    return Layout([FIRST, Node(Pool(how), "pool", ["x"])], width)


def by_hand(how: str, x: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """One row's valid steps (T, F) to (F,)."""
    if weight is None:
        return x.mean(axis=0) if how == "mean" else x.max(axis=0)
    shares = np.exp(x @ weight)
    return shares @ x / shares.sum()


@pytest.mark.parametrize("how", POOLINGS)
def test_pools_the_valid_steps_alone(run: Engine, how: str) -> None:
    layout, rng = reader(how, 4), np.random.default_rng(0)
    batch, theta = draw_batch(layout, rng, "float64", 7, 6, ragged=True), draw_theta(layout, rng, "float64")
    y, _, _ = run.forward(layout, theta, batch, 3)
    assert batch.lengths is not None
    assert set(batch.lengths) > {1, 6}
    weight = layout.parameters[-1].view(theta) if how == "attention" else None
    for row, length in enumerate(batch.lengths):
        np.testing.assert_allclose(y[row], by_hand(how, batch.x[row, :length], weight), rtol=1e-12)


def answers_of(run: Engine, layout: Layout, theta: np.ndarray, batch: Batch, dy: np.ndarray) -> list[tuple[str, Any]]:
    y, _, tape = run.forward(layout, theta, batch, 3)
    gradient, dx, _ = run.backward(layout, theta, tape, dy, None, None, None)
    return [("y", y), ("predicted", run.predict(layout, theta, batch)[0]), ("gradient", gradient), ("x", dx)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("how", POOLINGS)
@pytest.mark.parametrize("width", [1, 3, 5, 8, 16, 17, 33, 130])
@pytest.mark.parametrize(("rows", "steps"), [(1, 1), (1, 19), (5, 1), (17, 33), (40, 4)])
def test_sizes(rows: int, steps: int, width: int, how: str, dtype: str) -> None:
    """Every remainder of a vector; one row alone, and more than a shard."""
    layout, rng = reader(how, width), np.random.default_rng(width)
    batch, theta = draw_batch(layout, rng, dtype, rows, steps, ragged=True), draw_theta(layout, rng, dtype)
    dy = rng.normal(size=(rows, width)).astype(dtype)
    compare(*(answers_of(run, layout, theta, batch, dy) for run in both()), dtype, (rows, steps, width, how))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("key", [f"{how}-{each}" for how in POOLINGS for each in ("one", "both")])
def test_in_a_network(key: str, dtype: str) -> None:
    """Behind one direction and behind both, several layers above; a given state, weights and a loss."""
    layout, rng = pooling_layouts(9, 5)[key], np.random.default_rng(1)
    layers = [*layout.layers[:-1], Dense(7, "tanh"), Dense(3), Skip()]
    layout = Layout(layers, 5)
    theta = draw_theta(layout, rng, dtype)
    batch = draw_batch(layout, rng, dtype, 37, 7, ragged=True, given=True, weighted=True)
    dy = rng.normal(size=(37, 3)).astype(dtype)
    compare(*(answers_of(run, layout, theta, batch, dy) for run in both()), dtype, key)
    objective = Objective(MSE(), truncate=3, activity_penalty=0.1, shard_size=4)
    found = (run.loss_and_grad(layout, theta, batch, objective) for run in both())
    compare(*((("loss", value), ("gradient", gradient)) for value, gradient in found), dtype, key)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("how", POOLINGS)
def test_a_sequence_of_other_lengths(how: str, dtype: str) -> None:
    """An encoder's steps, whose rows are in another order, pooled: a decoder begins with them and reads them."""
    gru = Recurrent(5, "gru")  # type: ignore[arg-type]
    layers = [
        Node(gru, "encoder", ["source"]),
        Node(Pool(how), "pool"),  # type: ignore[arg-type]
        Node(gru, "decoder", ["x"], {"h": "pool"}),
        Node(Concat(), "joined", ["decoder", "pool", "x"]),
        Dense(2),
    ]
    layout, rng = Layout(layers, 3, {"source": Input(4)}), np.random.default_rng(5)
    batch, theta = draw_batch(layout, rng, dtype, 21, 6, ragged=True), draw_theta(layout, rng, dtype)
    source, lengths = rng.normal(size=(21, 9, 4)).astype(dtype), rng.integers(1, 10, 21)
    hide(source, lengths)
    batch = batch._replace(named={"source": NamedInput(source, lengths)})
    dy = rng.normal(size=(21, 6, 2)).astype(dtype)

    def answers(run: Engine) -> list[tuple[str, Any]]:
        *found, (_, dx) = answers_of(run, layout, theta, batch, dy)
        value, gradient = run.loss_and_grad(layout, theta, batch, Objective(MSE(), shard_size=4))
        return [*found, *dx.items(), ("loss", value), ("gradient of the loss", gradient)]

    compare(*(answers(run) for run in both()), dtype, how)


@pytest.mark.parametrize("how", POOLINGS)
def test_a_row_alone_has_the_same_bits(how: str) -> None:
    layout, rng = pooling_layouts(17, 5)[f"{how}-both"], np.random.default_rng(2)
    batch, theta = draw_batch(layout, rng, "float32", 37, 9, ragged=True), draw_theta(layout, rng, "float32")
    dy, run = rng.normal(size=(37, 3)).astype("float32"), both()[1]
    whole = dict(answers_of(run, layout, theta, batch, dy))
    for row in (0, 5, 36):
        one = slice(row, row + 1)
        alone = dict(answers_of(run, layout, theta, batch.take(one), dy[one]))
        for key in ("y", "predicted", "x"):
            assert alone[key].tobytes() == whole[key][one].tobytes(), key


@pytest.mark.parametrize("how", POOLINGS)
def test_the_number_of_threads_changes_no_bit(how: str) -> None:
    run = both()[1]
    layout, rng = pooling_layouts(9, 5)[f"{how}-both"], np.random.default_rng(3)
    batch, theta = draw_batch(layout, rng, "float32", 70, 7, ragged=True), draw_theta(layout, rng, "float32")
    before = elman.get_num_threads()
    found: list[bytes] = []
    try:
        for threads in (1, 2, 3):
            elman.set_num_threads(threads)
            found.append(run.loss_and_grad(layout, theta, batch, Objective(MSE(), shard_size=4))[1].tobytes())
    finally:
        elman.set_num_threads(before)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_of_several_highest_steps_the_first_learns(run: Engine, dtype: str) -> None:
    """As PyTorch's max along an axis does."""
    layout = reader("max", 3)
    x = np.array(
        [[[1, 0, -5], [2, 0, -5], [2, 0, -4], [0, 0, -4]], [[7, 7, 7], [7, 8, 7], [9, 9, 9], [9, 9, 9]]], dtype
    )
    batch = Batch(x, None, np.array([4, 2]))
    y, _, tape = run.forward(layout, np.zeros(layout.size, dtype), batch, 3)
    assert y.tolist() == [[2, 0, -4], [7, 8, 7]]
    dx = run.backward(layout, np.zeros(layout.size, dtype), tape, np.full_like(y, 3), None, None, None)[1]
    assert isinstance(dx, np.ndarray)
    want = np.zeros_like(x)
    for row, step, feature in [(0, 1, 0), (0, 0, 1), (0, 2, 2), (1, 0, 0), (1, 1, 1), (1, 0, 2)]:
        want[row, step, feature] = 3
    assert (dx == want).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scores_beyond_every_exponential(run: Engine, dtype: str) -> None:
    layout = reader("attention", 1)
    theta = np.zeros(layout.size, dtype)
    theta[-1] = 1e4
    x = np.array([[[3.0], [-2.0], [3.0], [1.0]], [[-9.0], [-8.0], [5.0], [5.0]]], dtype)
    y, _, tape = run.forward(layout, theta, Batch(x, None, np.array([4, 2])), 3)
    np.testing.assert_allclose(y[:, 0], [3, -8], rtol=1e-6)
    assert np.isfinite(run.backward(layout, theta, tape, np.ones_like(y), None, None, None)[0]).all()


@pytest.mark.parametrize("how", POOLINGS)
@pytest.mark.parametrize("engine", ["native", "reference"])
def test_gradients_agree_with_differences(how: How, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELMAN_ENGINE", engine)
    report = elman.gradcheck(elman.Pool(how), entries=6)
    assert report.passed, str(report)
    network = elman.Network(2, 4, 3, cell="gru", bidirectional=True, output=how, head=3, skip=True, seed=0)
    report = elman.gradcheck(network, loss="cross_entropy", entries=4)
    assert report.passed, str(report)


# ---------------------------------------------------------------------------------------------- in use


@pytest.mark.parametrize("how", POOLINGS)
def test_the_short_form(how: How, tmp_path: Path) -> None:
    network = elman.Network(2, 5, 3, cell="gru", output=how, head=4, dropout=0.1, seed=0)
    layers = [elman.Recurrent(5, "gru"), elman.Dropout(0.1), Pool(how), elman.Dense(4, "relu"), elman.Dense(3)]  # type: ignore[arg-type]
    assert network.layers == tuple(layers)
    assert ("pool.weight" in network.parameters) == (how == "attention")
    assert "3 out for each sequence" in repr(network)
    assert f"Pool({how!r})" in repr(network)
    network.save(tmp_path / "n.safetensors")
    again = elman.load(tmp_path / "n.safetensors")
    x = np.random.default_rng(0).normal(size=(4, 6, 2))
    assert isinstance(again, elman.Network)
    assert again.layers == network.layers
    assert again.predict(x).tobytes() == network.predict(x).tobytes()


def test_attention_begins_as_the_mean() -> None:
    x = np.random.default_rng(0).normal(size=(4, 6, 2))
    mean, attention = (elman.Network(2, 5, 3, output=how, seed=7) for how in ("mean", "attention"))
    np.testing.assert_allclose(attention.predict(x), mean.predict(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("how", POOLINGS)
def test_learns_what_stands_anywhere(how: How) -> None:
    """A one among noise, anywhere in a row and long before its end."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 30, 2)).astype("float32"), rng.integers(0, 2, 200)
    x[np.arange(200), rng.integers(0, 20, 200), 0] += 8 * y
    network = elman.Network(2, 8, 2, cell="gru", output=how, seed=0)
    trainer = elman.Trainer(network, loss="cross_entropy", optimizer=elman.optim.Adam(0.02))
    trainer.fit(x, y, epochs=12, progress=False)
    assert (network.predict(x).argmax(axis=1) == y).mean() > 0.97


# ------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("how", ["sum", "avg", None, 3])
def test_other_poolings_are_refused(how: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="how: expected one of 'mean', 'max', 'attention', got"):
        Pool(how)
    with pytest.raises(
        (ValueError, TypeError), match="output: expected one of 'sequence', 'last', 'mean', 'max', 'att"
    ):
        elman.Network(2, 3, 1, output=how)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([FIRST, Last(), Pool("mean")], r"layers\[2\]: expected Pool\('mean'\) to read a sequence of numbers, got"),
        ([FIRST, Pool("max"), Pool("max")], r"layers\[2\]: expected Pool\('max'\) to read a sequence"),
        ([FIRST, Pool("max"), Last()], r"layers\[2\]: expected only Dense, Dropout or Skip behind Last or Pool, got"),
        ([FIRST, Node(Pool("max"), reads=["v"])], r"layers\[1\]: expected Pool\('max'\) to read a sequence"),
        ([FIRST, Node(Pool("max"), reads=["ids"])], r"layers\[1\]: expected Embedding to read whole numbers"),
    ],
)
def test_wrong_wiring_is_refused(layers: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Layout(layers, 2, {"v": Input(4, "vector"), "ids": Input(9, "integers")})


def test_time_is_not_cut() -> None:
    network = elman.Network(2, 3, 1, cell="gru", output="mean", seed=0)
    x = np.random.default_rng(0).normal(size=(2, 9, 2))
    named = r"Pool\('mean'\), which reads other steps"
    with pytest.raises(ValueError, match=rf"network: expected layers that read one step at a time, got {named}"):
        network.stream()
    with pytest.raises(ValueError, match=rf"recompute: expected False for a network of {named}, got True"):
        network.loss_and_grad(x, np.zeros((2, 1)), recompute=True)
    with pytest.raises(ValueError, match=rf"window: expected None for a network with {named}, got 3"):
        elman.Trainer(network).fit(x, np.zeros((2, 1)), epochs=1, window=3, progress=False)


def test_long_predictions_are_not_cut() -> None:
    """Long enough for several pieces of a prediction's memory, where a network may be cut."""
    layout = Layout([Recurrent(40, "gru"), Pool("mean")], 1)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    theta, x = draw_theta(layout, rng, "float32"), rng.normal(size=(1, 3000, 1)).astype("float32")
    want, found = (run.predict(layout, theta, Batch(x))[0] for run in both())
    np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-5)
