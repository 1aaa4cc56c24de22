"""The adaptive softmax: the loss that computes the targets' outputs alone, beside the outputs of all classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import both, compare, draw_batch, draw_theta, hide

import elman
from elman import losses, optim
from elman.core.layers import AdaptiveSoftmax, Embedding, Last, Layer, Layout, Recurrent
from elman.core.requests import Batch, Engine, Objective, Records, UpdateRule, Windows

CROSS_ENTROPY = losses.CrossEntropy()
SHAPES = [
    (13, (4, 7), 2.0, 6),
    (2, (1,), 4.0, 1),
    (40, (1, 2, 39), 1.0, 9),
    (300, (17, 33, 120), 4.0, 33),
    (20, tuple(range(3, 19, 2)), 3.0, 7),
]


def layout_of(shape: tuple[int, tuple[int, ...], float, int], last: bool = False) -> Layout:
    classes, cutoffs, div_value, hidden = shape
    ends: list[Layer] = [Last()] if last else []
    return Layout([Recurrent(hidden, elman.GRU()), *ends, AdaptiveSoftmax(classes, cutoffs, div_value)], 2)


def drawn(layout: Layout, rows: int, steps: int, dtype: str, **options: Any) -> tuple[np.ndarray, Batch]:
    rng = np.random.default_rng(7)
    batch = draw_batch(layout, rng, dtype, rows, steps, loss=CROSS_ENTROPY, **options)
    return draw_theta(layout, rng, dtype), batch


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_probabilities_add_up_to_one(run: Engine, shape: Any, last: bool) -> None:
    layout = layout_of(shape, last)
    theta, batch = drawn(layout, 3, 5, "float64", ragged=True)
    y, _ = run.predict(layout, theta, batch)
    assert batch.lengths is not None
    sums = np.exp(y).sum(axis=-1)
    valid = np.ones(3, bool) if last else np.arange(5) < batch.lengths[:, None]
    np.testing.assert_allclose(sums[valid], 1, rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("rows", [1, 50])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_engines_agree(shape: Any, rows: int, last: bool, dtype: str) -> None:
    """Also with recomputed segments; fifty rows make clusters of more steps than go through them at once."""
    layout = layout_of(shape, last)
    theta, batch = drawn(layout, rows, 7, dtype, ragged=True, given=True, weighted=True)

    def answers(run: Engine, recompute: int | None) -> Any:
        objective = Objective(CROSS_ENTROPY, recompute=recompute, shard_size=3)
        value, gradient = run.loss_and_grad(layout, theta, batch, objective)
        yield from (("loss", value), ("gradient", gradient))
        yield "loss alone", run.loss(layout, theta, batch, CROSS_ENTROPY, 3)

    reference, native = both()
    for recompute in (None, 2):
        compare(answers(reference, None), answers(native, recompute), dtype, (shape, recompute))


def test_the_loss_is_minus_the_targets_outputs(run: Engine) -> None:
    """In a batch whose targets leave a cluster empty, and in one with targets of a single one."""
    layout = layout_of(SHAPES[0])
    theta, batch = drawn(layout, 4, 6, "float64")
    outputs, _ = run.predict(layout, theta, batch)
    for low, high in ((0, 4), (0, 7), (4, 7), (7, 13), (0, 13)):
        y = np.random.default_rng(low).integers(low, high, (4, 6))
        want = -np.take_along_axis(outputs, y[..., None], -1).mean()
        assert run.loss(layout, theta, batch._replace(y=y), CROSS_ENTROPY, 3) == pytest.approx(want, rel=1e-13)


def test_any_other_loss_reads_all_classes() -> None:
    layout = layout_of(SHAPES[0])
    theta, batch = drawn(layout, 4, 6, "float64", ragged=True)
    y = np.random.default_rng(0).normal(size=(4, 6, 13))
    hide(y, batch.lengths)

    def answers(run: Engine) -> Any:
        yield from zip(
            ("loss", "gradient"),
            run.loss_and_grad(layout, theta, batch._replace(y=y), Objective(losses.MSE(), shard_size=2)),
            strict=True,
        )

    compare(*map(answers, both()), "float64", "mse")


def test_windows_go_through_the_targets_too() -> None:
    """Stateful training on windows of long sequences."""
    layout = layout_of(SHAPES[0])
    start, batch = drawn(layout, 5, 11, "float64", ragged=True)
    assert batch.lengths is not None
    rows, starts, steps = [], [0], []
    for t in range(0, 11, 3):
        rows += np.flatnonzero(batch.lengths > t).tolist()
        if len(rows) > starts[-1]:
            starts.append(len(rows))
            steps.append(t)

    def answers(run: Engine) -> Any:
        theta = start.copy()
        carry = [np.zeros((5, slot.size)) for slot in layout.states]
        windows = Windows(3, np.array(steps), carry)
        records = Records(np.array(rows), np.array(starts), np.full(len(steps), 0.1), windows)
        rule, objective = UpdateRule(optim.SGD()), Objective(CROSS_ENTROPY, shard_size=2)
        values, norms, done = run.update(layout, theta, batch, objective, rule, [], 0, records)
        yield from (("done", np.float64(done)), ("loss", values), ("norm", norms), ("theta", theta))
        yield from (("carry", array) for array in carry)

    compare(*map(answers, both()), "float64", "windows")


def test_smoothing_needs_all_classes() -> None:
    """And gets them: the loss is that of all log probabilities, on both engines."""
    rng, net = np.random.default_rng(0), network("float64")
    x, y = rng.integers(0, 60, (2, 7, 5))
    loss, log_p = losses.CrossEntropy(0.2), net.predict(x)
    known = np.take_along_axis(log_p, y[..., None], -1)[..., 0]
    assert net.loss(x, y, loss=loss) == pytest.approx(-(0.8 * known + 0.2 * log_p.mean(axis=-1)).mean(), rel=1e-12)
    batch, objective = Batch(x, y), Objective(loss, shard_size=3)
    answers = (run.loss_and_grad(net.layout, net.theta, batch, objective) for run in both())
    compare(*([("loss", value), ("gradient", gradient)] for value, gradient in answers), "float64", "smoothed")


def network(dtype: str = "float32") -> elman.Network:
    layers = [Embedding(60, 5, sparse=True), Recurrent(24, elman.GRU()), AdaptiveSoftmax(60, [9, 30], 2.0)]
    return elman.Network.from_layers(layers, dtype=dtype, seed=0)


@pytest.mark.parametrize("window", [None, 4])
def test_the_bits_do_not_depend_on_threads(window: int | None) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 60, (2, 70, 10))
    threads, found = elman.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            elman.set_num_threads(count)
            net = network()
            trainer = elman.Trainer(net, loss="cross_entropy", shard_size=3, clip_norm=0.5, batch_size=64)
            trainer.fit(x, y, epochs=2, window=window, progress=False)
            found.append((net.theta.copy(), net.predict(x), net.loss(x, y, loss="cross_entropy")))
    finally:
        elman.set_num_threads(threads)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_network_learns_and_streams(tmp_path: Path) -> None:
    """The next of words that follow one another in a circle; a stream of the trained network gives predict's bits."""
    net, order = network(), np.random.default_rng(1).permutation(60)
    following = np.empty(60, np.int64)
    following[order] = np.roll(order, -1)
    x = np.empty((30, 12), np.int64)
    x[:, 0] = np.arange(30) * 2
    for t in range(1, 12):
        x[:, t] = following[x[:, t - 1]]
    trainer = elman.Trainer(net, loss="cross_entropy", optimizer=optim.Adam(0.02), batch_size=10)
    trainer.fit(x, following[x], epochs=60, progress=False)
    assert net.loss(x, following[x], loss="cross_entropy") < 0.3
    outputs = net.predict(x)
    assert (outputs.argmax(axis=-1) == following[x]).mean() > 0.95
    stream = net.stream(30)
    for t in range(12):
        np.testing.assert_array_equal(stream.step(x[:, t]), outputs[:, t])
    net.save(tmp_path / "net.safetensors")
    again: Any = elman.load(tmp_path / "net.safetensors")
    assert again.layers == net.layers
    np.testing.assert_array_equal(again.predict(x), outputs)


def test_a_class_that_changed_after_its_check_counts_as_nan(run: Engine) -> None:
    layout = layout_of(SHAPES[0])
    theta, batch = drawn(layout, 3, 4, "float64")
    assert batch.y is not None
    batch.y[1, 2] = 13
    value, gradient = run.loss_and_grad(layout, theta, batch, Objective(CROSS_ENTROPY, shard_size=2))
    assert np.isnan(value)
    assert np.isnan(gradient).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((10, []), r"cutoffs: expected 1 to 8 classes that increase, got \[\]"),
        ((10, [5, 3]), r"cutoffs: expected 1 to 8 classes that increase, got \[5, 3\]"),
        ((10, [3, 3]), "classes that increase"),
        ((20, range(1, 10)), "cutoffs: expected a list"),
        ((20, list(range(1, 10))), "1 to 8 classes"),
        ((10, [4, 10]), "cutoffs: expected classes below num_classes=10, got 10"),
        ((10, [0, 4]), r"cutoffs\[0\]"),
        ((1, [1]), "num_classes"),
        ((10, [4], 0.5), "div_value"),
    ],
)
def test_wrong_clusters_are_named(arguments: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        AdaptiveSoftmax(*arguments)


def test_it_stands_at_the_end(run: Engine) -> None:
    with pytest.raises(ValueError, match=r"layers\[1\]: expected AdaptiveSoftmax as the last layer"):
        elman.Network.from_layers([Recurrent(3), AdaptiveSoftmax(5, [2]), elman.Dense(2)], input_size=1)
