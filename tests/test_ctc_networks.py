"""The CTC loss in networks: shards and threads, training, checkpoints, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import both, ctc_layout, draw_ctc, draw_theta

import elman
from elman import ctc, losses
from elman.core.layers import Attention, Dense, Embedding, Input, Last, Node, Recurrent, Simple
from elman.core.requests import Engine, Objective

CTC = losses.CTC


# ------------------------------------------------------------------------------------------ in networks


def test_the_mean_is_over_rows_in_any_order_and_any_shards(run: Engine):
    layout, rng = ctc_layout(2), np.random.default_rng(0)
    theta, batch = draw_theta(layout, rng, "float64"), draw_ctc(layout, rng, 11, 12, CTC())
    assert batch.weight is not None
    each = [run.loss(layout, theta, batch.take(np.array([row])), CTC(), 4) for row in range(11)]
    want = float((each * batch.weight).sum() / batch.weight.sum())
    for order in (np.arange(11), rng.permutation(11)):
        for shard in (1, 3, 16):
            assert run.loss(layout, theta, batch.take(order), CTC(), shard) == pytest.approx(want, rel=1e-13)


def test_the_same_bits_with_any_number_of_threads():
    native = both()[1]
    layout, rng = ctc_layout(2, 20), np.random.default_rng(0)
    theta, batch = draw_theta(layout, rng, "float32"), draw_ctc(layout, rng, 40, 30, CTC(), dtype="float32")
    outputs = rng.normal(size=(9, 200, 20)).astype(np.float32)
    found, before = [], elman.get_num_threads()
    try:
        for threads in (1, 2, 3):
            elman.set_num_threads(threads)
            value, gradient = native.loss_and_grad(layout, theta, batch, Objective(CTC(), shard_size=4))
            values, slopes = ctc.loss_and_grad(outputs, np.ones((9, 60), int))
            found.append((value, gradient.tobytes(), values.tobytes(), slopes.tobytes()))
    finally:
        elman.set_num_threads(before)
    assert found[0] == found[1] == found[2]


def test_outputs_along_another_input(run: Engine):
    """The targets must fit the steps of the outputs, whichever input's these are."""
    layers = [
        Node(Recurrent(4, Simple()), "encoder", ["source"]),
        Node(Recurrent(3, Simple()), "voice", ["x"]),
        Node(Last(), "tone", ["voice"]),
        Node(Recurrent(4, Simple()), "decoder", ["source"]),
        Node(Attention(), "attention", ["decoder", "encoder"]),
        Dense(4),
    ]
    network = elman.Network.from_layers(layers, input_size=2, inputs={"source": Input(3)}, dtype="float64", seed=0)
    rng = np.random.default_rng(0)
    x = {"x": rng.normal(size=(3, 2, 2)), "source": rng.normal(size=(3, 9, 3))}
    lengths = {"x": [2, 1, 2], "source": [4, 9, 7]}
    assert elman.gradcheck(network, x, [[1, 2], [3, 3, 1, 2], [1]], loss="ctc", lengths=lengths).passed
    with pytest.raises(ValueError, match=r"fits its row's 4 steps, got 4 labels and 1 blanks .* at row 0"):
        network.loss(x, [[1, 2, 2, 1], [1], [2]], loss="ctc", lengths=lengths)


def sounds(rng: np.random.Generator, rows: int) -> tuple[list[np.ndarray], list[list[int]]]:
    """Sequences of noisy vectors, each of three labels in turn held for some steps, with pauses."""
    x, y = [], []
    for _ in range(rows):
        labels = rng.integers(1, 4, rng.integers(1, 5)).tolist()
        frames = [np.tile(np.eye(4)[k], (rng.integers(2, 5), 1)) for label in labels for k in (label, 0)]
        joined = np.concatenate(frames)
        x.append(joined + 0.2 * rng.normal(size=joined.shape))
        y.append(labels)
    return x, y


def test_training_learns_and_resumes_bit_for_bit(tmp_path: Path):
    x, y = sounds(np.random.default_rng(0), 60)
    fresh, wanted = sounds(np.random.default_rng(1), 30)

    def trainer() -> elman.Trainer:
        layers = [Recurrent(12, "lstm", bidirectional=True), Dense(4)]
        network = elman.Network.from_layers(layers, input_size=4, seed=0)
        return elman.Trainer(network, loss="ctc", optimizer=elman.optim.Adam(0.02), batch_size=8)

    asked: dict[str, Any] = {"epochs": 16, "validation": (fresh, wanted), "progress": False}
    whole, stopped, resumed = trainer(), trainer(), trainer()
    history = whole.fit(x, y, **asked)
    stopped.fit(x, y, **asked | {"epochs": 6}, checkpoint=tmp_path)
    resumed.fit(x, y, **asked, checkpoint=tmp_path, resume=tmp_path)
    assert (resumed.network.theta == whole.network.theta).all()
    assert (resumed.history.validation_loss == history.validation_loss).all()
    assert history.validation_loss[-1] < 0.3
    outputs = [whole.network.predict(one) for one in fresh]
    right = [ctc.greedy(one).labels.tolist() == labels for one, labels in zip(outputs, wanted, strict=True)]
    assert np.mean(right) > 0.9


def test_a_training_that_fails_is_explained():
    """The update is computed again on the reference, up to the first value that is no number."""
    x, y = sounds(np.random.default_rng(0), 12)
    network = elman.Network.from_layers([Recurrent(5, "gru"), Dense(4)], input_size=4, seed=0)
    trainer = elman.Trainer(network, loss="ctc", batch_size=4)
    network.parameters["head.bias"][2] = np.nan
    with pytest.raises(elman.TrainingError) as failed:
        trainer.fit(x, y, epochs=1, progress=False)
    place = failed.value.report.place
    assert place is not None
    assert (place.layer, place.quantity, place.step) == ("head", "output", 0)


# ---------------------------------------------------------------------------------------------- refusals


def network_of(*layers: Any, **options: Any) -> elman.Network:
    return elman.Network.from_layers([*layers], input_size=2, seed=0, **options)


PLAIN = network_of(Recurrent(3), Dense(4))
X = np.zeros((2, 5, 2), np.float32)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: CTC(-1), ValueError, "blank: .* got -1"),
        (lambda: CTC(1.5), TypeError, "blank: .* got 1.5"),
        (lambda: CTC(impossible="skip"), ValueError, "impossible: expected one of 'error', 'infinite', 'zero', got"),
        (lambda: CTC(per_label=1), TypeError, "per_label"),
        (lambda: PLAIN.loss(X, [[1], [2]], loss=CTC(4)), ValueError, r"loss: expected a blank in \[0, 3\], .* got 4"),
        (
            lambda: PLAIN.loss(X, [[1], [1, 2, 0]], loss="ctc"),
            ValueError,
            "y: expected labels other than the blank, got 0 at row 1, step 2",
        ),
        (
            lambda: PLAIN.loss(X, [[1, 2], [1, 4]], loss="ctc"),
            ValueError,
            r"y: expected whole numbers in \[0, 3\], got 4 at row 1, step 1",
        ),
        (
            lambda: PLAIN.loss(X, [[1], [1, 2, 2, 1, 1]], loss="ctc"),
            ValueError,
            "fits its row's 5 steps, got 5 labels and 2 blanks between equal ones at row 1; .*impossible='zero'",
        ),
        (
            lambda: PLAIN.loss(X, [[1], [1, 2, 3]], loss="ctc", lengths=[5, 2]),
            ValueError,
            "row's 2 steps, got 3 labels at",
        ),
        (lambda: PLAIN.loss(X, [[1]], loss="ctc"), ValueError, "y: expected one sequence .* got 1 for 2 rows"),
        (lambda: PLAIN.loss(X, [[1.5], [1]], loss="ctc"), TypeError, "y: expected one sequence of whole numbers"),
        (
            lambda: network_of(Recurrent(3), Last(), Dense(4)).loss(X, [[1], [2]], loss="ctc"),
            ValueError,
            "loss: expected a network with an output at every step for ctc, got one behind Last",
        ),
        (
            lambda: network_of(Recurrent(3), elman.AdaptiveSoftmax(8, [3])).loss(X, [[1], [2]], loss="ctc"),
            ValueError,
            "loss: expected a network that ends with a Dense for ctc, got an AdaptiveSoftmax",
        ),
        (
            lambda: PLAIN.loss_and_grad(X, [[1], [2]], loss="ctc", recompute=True),
            ValueError,
            "recompute: expected False for a loss of whole sequences \\(ctc\\), got True",
        ),
        (lambda: elman.Trainer(PLAIN, loss="ctc", recompute=4), ValueError, "recompute: expected False"),
        (
            lambda: elman.Trainer(PLAIN, loss="ctc").fit(X, [[1], [2]], epochs=1, window=2, progress=False),
            ValueError,
            "window: expected None for a network with other inputs or targets, got 2",
        ),
    ],
)
def test_refusals(make: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("impossible", ["infinite", "zero"])
def test_impossible_targets_if_asked(run: Engine, impossible: str):
    layout, rng = ctc_layout(), np.random.default_rng(0)
    theta, batch = draw_theta(layout, rng, "float64"), draw_ctc(layout, rng, 4, 6, CTC())
    y, counts = np.full((4, 6), 2), batch.y_lengths
    assert counts is not None
    assert batch.lengths is not None
    batch.x[1], batch.lengths[1], counts[1] = 0, 4, 3  # which need five steps
    value, gradient = run.loss_and_grad(layout, theta, batch._replace(y=y), Objective(CTC(impossible=impossible)))
    if impossible == "infinite":
        assert value == np.inf
        assert np.isnan(gradient).any()
        return
    others = batch._replace(y=y).take(np.array([0, 2, 3]))
    want, slope = run.loss_and_grad(layout, theta, others, Objective(CTC()))
    assert batch.weight is not None
    share = float(batch.weight[[0, 2, 3]].sum() / batch.weight.sum())
    assert value == pytest.approx(share * want, rel=1e-13)
    np.testing.assert_allclose(gradient, share * slope, rtol=1e-10, atol=1e-15)


def test_labels_that_changed_after_their_check_count_as_nan(run: Engine):
    layout, rng = ctc_layout(), np.random.default_rng(0)
    theta, batch = draw_theta(layout, rng, "float64"), draw_ctc(layout, rng, 4, 6, CTC())
    assert batch.y_lengths is not None
    assert batch.lengths is not None
    assert batch.y is not None
    batch.y_lengths[0], batch.lengths[0] = 1, 6
    for wrong in (0, 5, -1):
        batch.y[0, 0] = wrong
        value, gradient = run.loss_and_grad(layout, theta, batch, Objective(CTC()))
        assert np.isnan(value)
        assert np.isnan(gradient).any()


def test_embeddings_and_targets_of_their_own_length():
    """Fewer labels than symbols read: a network of whole numbers."""
    network = elman.Network.from_layers([Embedding(6, 4), Recurrent(5, "gru"), Dense(4)], seed=0, dtype="float64")
    x = np.random.default_rng(0).integers(0, 6, (3, 7))
    assert elman.gradcheck(network, x, [[1, 2], [3], [2, 2, 1]], loss="ctc").passed
