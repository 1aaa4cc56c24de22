"""Weights shared between threads: whoever predicts beside a training sees them as they were between two updates."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import elman
from elman.network.weights import Reading, Training, Weights

X = np.random.default_rng(0).integers(0, 50, (4, 6))
LAYERS = [elman.Embedding(50, 8), elman.Recurrent(16, "gru"), elman.Dense(50)]


def network() -> elman.Network:
    return elman.Network.from_layers(LAYERS, seed=0)


def in_another_thread(call: Callable[[], Any]) -> Any:
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(call())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    return found[0]


def test_predictions_beside_a_training_are_those_between_two_updates():
    net = network()
    valid = {net.predict(X).tobytes()}
    y = np.roll(X, 1, axis=1)
    ended = threading.Event()

    answers: list[bytes] = []

    def after_update(_: object) -> bool:
        valid.add(net.predict(X).tobytes())
        return len(set(answers)) > 5  # enough was seen: training ends

    def train() -> None:
        # one update an epoch, so that the weights after each are seen by the callback
        trainer = elman.Trainer(net, loss="cross_entropy", optimizer=elman.optim.Adam(0.05), batch_size=4)
        trainer.fit(X, y, epochs=20_000, progress=False, callback=after_update)
        ended.set()

    thread = threading.Thread(target=train)
    thread.start()
    while not ended.is_set():
        answers.append(net.predict(X).tobytes())
    thread.join()
    assert len(set(answers)) > 5, "the test saw no training"
    assert set(answers) <= valid


def test_all_uses_beside_a_training_see_the_weights_before_it():
    net = network()
    uses: list[Callable[[], Any]] = [
        lambda: net.predict(X),
        lambda: net.forward(X)[0],
        lambda: net.loss_and_grad(X, X, loss="cross_entropy")[1].flat,
        lambda: net.stream(4).step(X[:, 0]),
        lambda: np.concatenate([array.ravel() for array in net.contents()[1].values()]),
        lambda: elman.Network.__reduce__(net)[1][1],
    ]
    before = [use() for use in uses]
    with Training(net.weights):
        net.theta = net.theta + 1
        for use, expected in zip(uses, before, strict=True):
            assert (in_another_thread(use) == expected).all()
        changed = net.predict(X)  # the thread that trains sees what it wrote
    assert not np.allclose(changed, before[0])
    assert (in_another_thread(lambda: net.predict(X)) == changed).all()


def test_a_training_waits_for_predictions_under_way():
    weights, reading, order = Weights(np.zeros(3)), threading.Event(), list[str]()

    def predict() -> None:
        with Reading(weights) as theta:
            reading.set()
            time.sleep(0.2)
            order.append("read")
            assert (theta == 0).all()

    thread = threading.Thread(target=predict)
    thread.start()
    reading.wait()
    with Training(weights):
        order.append("trained")
        weights.theta[:] = 1
    thread.join()
    assert order == ["read", "trained"]


def test_whoever_waits_for_a_brief_training_has_a_copy_in_the_next():
    weights = Weights(np.zeros(3))

    def read() -> np.ndarray:
        with Reading(weights) as theta:
            return theta.copy()

    found: list[np.ndarray] = []
    with Training(weights, brief=True):
        assert weights.published is None
        weights.theta[:] = 1
        thread = threading.Thread(target=lambda: found.append(read()))
        thread.start()
        thread.join(0.02)
        assert thread.is_alive()
        weights.theta[:] = 2
    thread.join(5)
    assert found[0].tolist() == [2, 2, 2]
    assert weights.asked
    with Training(weights, brief=True):
        weights.theta[:] = 3
        assert in_another_thread(read).tolist() == [2, 2, 2]
    with Training(weights, brief=True):
        assert weights.published is None


def test_one_thread_trains_at_a_time():
    net = network()
    trainer = elman.Trainer(net, loss="cross_entropy")
    with Training(net.weights):
        error = in_another_thread(lambda: trainer.update(X, X))
        assert isinstance(error, RuntimeError)
        assert "network: expected one that no other thread is training" in str(error)
        trainer.update(X, X)  # the same thread may
    assert net.weights.trainer is None
    assert isinstance(in_another_thread(lambda: trainer.update(X, X)), float)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_has_the_weights_between_two_updates():
    """Another thread is in the middle of an update while a child is forked: in the child that thread is gone."""
    net = network()
    expected = net.predict(X)
    changed, leave = threading.Event(), threading.Event()

    def train() -> None:
        with Training(net.weights):
            net.theta[: net.theta.size // 2] = 7
            changed.set()
            leave.wait()

    thread = threading.Thread(target=train)
    thread.start()
    changed.wait()
    child = os.fork()
    if not child:
        code = 1
        try:
            same = (net.predict(X) == expected).all()
            elman.Trainer(net, loss="cross_entropy").update(X, X)
            code = 0 if same else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    leave.set()
    thread.join()
    assert os.waitstatus_to_exitcode(status) == 0
