"""Lists of sequences of unequal length as a batch, for all methods, and snapshots of a network."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import elman
from elman import Dense, Embedding, Last, Recurrent, Trainer

RNG = np.random.default_rng(0)
STEPS = [3, 6, 1, 4]
X = [RNG.normal(size=(t, 2)).astype(np.float32) for t in STEPS]
Y = [RNG.normal(size=(t, 1)).astype(np.float32) for t in STEPS]


def padded(rows: list[np.ndarray]) -> np.ndarray:
    """The array that a list stands for, with large numbers past the lengths."""
    found = np.full((len(rows), max(STEPS), *rows[0].shape[1:]), 9, rows[0].dtype)
    for row, values in zip(found, rows, strict=True):
        row[: len(values)] = values
    return found


def network(**options: Any) -> elman.Network:
    return elman.Network(2, 5, 1, seed=1, **options)


def test_a_list_of_sequences_is_the_padded_batch_with_their_lengths():
    net = network(bidirectional=True)
    y = net.predict(X)
    assert (y == net.predict(padded(X), lengths=STEPS)).all()
    for row, sequence, steps in zip(y, X, STEPS, strict=True):
        assert row[:steps] == pytest.approx(net.predict(sequence), abs=1e-6)
        assert not row[steps:].any()
    assert (net.predict([x.tolist() for x in X]) == y).all()
    assert (net.hidden(tuple(X))[0] == net.hidden(padded(X), lengths=STEPS)[0]).all()


@pytest.mark.parametrize("weight", [None, [RNG.uniform(0.5, 1, t) for t in STEPS], np.arange(1.0, 5.0)])
def test_losses_and_gradients_take_lists(weight: Any):
    net = network()
    by_step = padded(weight) if isinstance(weight, list) else weight
    expected, slope = net.loss_and_grad(padded(X), padded(Y), lengths=STEPS, sample_weight=by_step)
    value, gradients = net.loss_and_grad(X, Y, sample_weight=weight)
    assert value == expected == net.loss(X, [y[:, 0] for y in Y], sample_weight=weight)
    assert (gradients.flat == slope.flat).all()
    y, tape = net.forward(X)
    _, dx, _ = net.backward(tape, np.ones_like(y))
    assert not dx[0, 3:].any()
    assert dx[0, :3].any()


def test_a_training_takes_lists():
    own, other = Trainer(network(), batch_size=2), Trainer(network(), batch_size=2)
    own.fit(X, Y, epochs=2, progress=False, validation=(X[:2], Y[:2]))
    short = {"x": padded(X)[:2], "y": padded(Y)[:2], "lengths": STEPS[:2]}
    other.fit(padded(X), padded(Y), lengths=STEPS, epochs=2, progress=False, validation=short)
    assert own.update(X, Y) == other.update(padded(X), padded(Y), lengths=STEPS)
    assert (own.network.theta == other.network.theta).all()
    assert (own.history.validation_loss == other.history.validation_loss).all()


def test_integers_classes_and_the_last_step():
    words = [RNG.integers(0, 5, t) for t in STEPS]
    tagger = elman.Network.from_layers([Embedding(5, 3), Recurrent(4), Dense(3)], seed=0)
    tags = [RNG.integers(0, 3, t) for t in STEPS]
    ids, classes = (np.where(padded(each) == 9, 0, padded(each)) for each in (words, tags))
    assert (tagger.predict(words) == tagger.predict(ids, lengths=STEPS)).all()
    expected = tagger.loss(ids, classes, lengths=STEPS, loss="cross_entropy")
    assert tagger.loss(words, [each.tolist() for each in tags], loss="cross_entropy") == expected
    last = elman.Network.from_layers([Embedding(5, 3), Recurrent(4), Last(), Dense(3)], seed=0)
    assert last.loss(words, [0, 1, 2, 0], loss="cross_entropy") > 0
    assert last.predict(words).shape == (4, 3)


@pytest.mark.parametrize(
    ("x", "y", "options", "error", "message"),
    [
        ([*X[:2], X[2][:, :1]], Y, {}, ValueError, r"x\[2\]: expected shape \(T, 2\), as x\[0\] has, got \(1, 1\)"),
        ([X[0], X[1][:0]], Y[:2], {}, ValueError, r"x\[1\]: expected at least one step"),
        ([X[0], X[1].astype(str)], Y[:2], {}, TypeError, r"x\[1\]: expected real numbers"),
        (X, Y, {"lengths": STEPS}, ValueError, "lengths: expected None, since a list of sequences has its own"),
        (X, [*Y[:3], Y[3][:2]], {}, ValueError, r"y\[3\]: expected 4 steps, as x has there, got 2"),
        (X, Y[:3], {}, ValueError, "y: expected 4 sequences, one a row, got 3"),
        (padded(X), Y, {}, ValueError, r"y\[0\]: expected 6 steps, as x has there, got 3"),
        ([[1.0], [2.0, 3.0]], Y, {}, ValueError, "x: expected real numbers in rows of equal length"),
        (
            [X[0], X[1] * np.nan],
            Y[:2],
            {},
            ValueError,
            "x: .* got nan at row 1, step 0, column 0",
        ),
    ],
)
def test_what_is_no_such_list_is_refused(x: Any, y: Any, options: dict[str, Any], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        network().loss_and_grad(x, y, **options)


# --------------------------------------------------------------------------------------------------- snapshots


def test_a_copy_has_weights_of_its_own():
    net = network()
    copy = net.copy()
    assert copy.layout is net.layout
    assert (copy.theta == net.theta).all()
    Trainer(net).update(X, Y)
    assert (copy.theta != net.theta).any()
    assert (copy.theta == network().theta).all()


def test_a_snapshot_predicts_beside_a_training():
    """A copy made by another thread in the middle of a training holds whole updates and stays as it was."""
    net = network()
    before, found, done = net.copy(), [], threading.Event()

    def watch() -> None:
        while not done.is_set():
            copy = net.copy()
            found.append((copy, copy.predict(X)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    thetas = [before.theta.tobytes()]
    try:
        trainer = Trainer(net, batch_size=4)
        for _ in range(30):
            trainer.update(X, Y)
            thetas.append(net.theta.tobytes())
    finally:
        done.set()
        watcher.join()
    assert found
    assert {copy.theta.tobytes() for copy, _ in found} <= set(thetas)
    assert all((copy.predict(X) == y).all() for copy, y in found[:20])
