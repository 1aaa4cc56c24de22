"""Ids and labels that are written to while in use: they are the caller's arrays, checked once, never copied."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
from cases import both

import elman
from elman import losses
from elman.core.layers import Dense, Embedding, Layout, Recurrent
from elman.core.requests import Batch, Engine, Objective

LAYERS = [Embedding(7, 4), Recurrent(5, "gru"), Dense(3)]  # type: ignore[arg-type]
RNG = np.random.default_rng(0)
WRONG = [-1, 7, 10**9, -(10**12), 2**62]


def data() -> tuple[np.ndarray, np.ndarray]:
    return RNG.integers(0, 7, (20, 6)), RNG.integers(0, 3, (20, 6))


@pytest.fixture(params=["reference", "native"])
def engine_of_tests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELMAN_ENGINE", request.param)


@pytest.mark.usefixtures("engine_of_tests")
@pytest.mark.parametrize("which", ["x", "y"])
@pytest.mark.parametrize("value", WRONG)
def test_a_number_that_leaves_its_range_during_a_training_ends_it(which: str, value: int):
    network, (x, y) = elman.Network.from_layers(LAYERS, seed=0), data()
    trainer = elman.Trainer(network, loss="cross_entropy", batch_size=5)
    kept: list[np.ndarray] = []

    def change(own: elman.Trainer) -> None:
        kept.append(network.theta.copy())
        {"x": x, "y": y}[which][3, 2] = value

    expected = (
        rf"{which}: expected whole numbers in \[0, {6 if which == 'x' else 2}\], got {value} at row 3, step 2, where"
    )
    with pytest.raises(ValueError, match=expected):
        trainer.fit(x, y, epochs=3, shuffle=False, callback=change, progress=False)
    assert trainer.updates == 4  # row 3 is in the second epoch's first update
    assert (network.theta == kept[0]).all()


@pytest.mark.usefixtures("engine_of_tests")
def test_a_label_that_leaves_its_range_in_the_validation_data_ends_the_training():
    network, (x, y), (other, labels) = elman.Network.from_layers(LAYERS, seed=0), data(), data()

    def change(own: elman.Trainer) -> None:
        labels[-1, 0] = 3

    trainer = elman.Trainer(network, loss="cross_entropy")
    with pytest.raises(ValueError, match=r"y: expected whole numbers in \[0, 2\], got 3 at row 19, step 0, where"):
        trainer.fit(x, y, epochs=3, validation=(other, labels), callback=change, progress=False)


@pytest.mark.parametrize("value", WRONG)
def test_engines_take_what_is_out_of_range_for_nan(value: int):
    layout, (x, y) = Layout(LAYERS, 1), data()
    theta = RNG.normal(size=layout.size)
    x[3, 2] = value
    engines: tuple[Engine, Engine] = both()
    for engine in engines:
        found = engine.predict(layout, theta, Batch(x))[0]
        known = np.ones((20, 6), bool)
        known[3, 2:] = False  # the state carries it on
        assert (np.isfinite(found).all(axis=-1) == known).all()
        x_of_others = np.delete(x, 3, axis=0), np.delete(y, 3, axis=0)
        assert np.isfinite(engine.loss(layout, theta, Batch(*x_of_others), losses.CrossEntropy(), 16))
        assert np.isnan(engine.loss(layout, theta, Batch(x, y), losses.CrossEntropy(), 16))
        labels = y.copy()
        labels[0, 0] = value if value != 7 else 3
        value_there, gradient = engine.loss_and_grad(layout, theta, Batch(x, labels), Objective(losses.CrossEntropy()))
        assert np.isnan(value_there)
        assert np.isnan(gradient).any()


@pytest.mark.parametrize("call", ["predict", "loss_and_grad", "update"])
def test_another_thread_may_write_to_the_data(call: str):
    """Nothing outside of the arrays is read or written, whatever stands there; the build with sanitizers sees more."""
    network = elman.Network.from_layers([Embedding(50, 4), Recurrent(8, "lstm"), Dense(9)], seed=0)
    trainer = elman.Trainer(network, loss="cross_entropy", optimizer="sgd")
    x, y = RNG.integers(0, 50, (64, 40)), RNG.integers(0, 9, (64, 40))
    ended = threading.Event()

    def write() -> None:
        rng = np.random.default_rng(1)
        while not ended.is_set():
            place = rng.integers(0, 64), rng.integers(0, 40)
            x[place], y[place] = 2**62, -(10**12)
            time.sleep(0)
            x[place], y[place] = 1, 1

    calls: dict[str, Any] = {
        "predict": lambda: network.predict(x),
        "loss_and_grad": lambda: network.loss_and_grad(x, y, loss="cross_entropy"),
        "update": lambda: trainer.update(x, y),
    }
    thread = threading.Thread(target=write)
    thread.start()
    until = time.monotonic() + 0.3
    try:
        while time.monotonic() < until:
            try:
                calls[call]()
            except (ValueError, elman.TrainingError):  # seen by the check, or as NaN and put right since
                continue
    finally:
        ended.set()
        thread.join()
    assert np.isfinite(network.theta).all()


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_integers_at_odd_addresses_are_read(engine: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ELMAN_ENGINE", engine)
    network, (x, y) = elman.Network.from_layers(LAYERS, seed=0), data()
    odd = [np.frombuffer(b"\0" + array.tobytes(), np.int64, offset=1).reshape(20, 6) for array in (x, y)]
    assert not any(array.flags.aligned for array in odd)
    assert (network.predict(odd[0]) == network.predict(x)).all()
    expected = network.loss(x, y, loss="cross_entropy")
    assert network.loss(*odd, loss="cross_entropy") == expected
    stream, other = network.stream(20), network.stream(20)
    lead = np.frombuffer(b"\0" + x[:, 0].tobytes(), np.int64, offset=1)
    assert (stream.step(lead) == other.step(x[:, 0])).all()
