from __future__ import annotations

import os
import pickle
import signal
import threading
from typing import Any

import numpy as np
import pytest

import elman
from elman import optim
from elman.core import interrupts
from elman.train import state
from elman.train.training import Trainer, TrainingError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(23, 6, 2)).astype(np.float32)
Y = RNG.normal(size=(23, 6, 1)).astype(np.float32)
LENGTHS = RNG.integers(1, 7, 23)


def network(**options: Any) -> elman.Network:
    return elman.Network(2, 5, 1, **{"seed": 1, **options})


def trainer(net: elman.Network | None = None, **options: Any) -> Trainer:
    return Trainer(net or network(), **{"optimizer": optim.Adam(0.01), "batch_size": 8, **options})


def fit(own: Trainer, *args: Any, **options: Any) -> elman.History:
    return own.fit(*(args or (X, Y)), **{"epochs": 3, "progress": False, **options})


def by_hand(own: Trainer, epochs: int, first: int = 1, shuffle: bool = True, **data: Any) -> np.ndarray:
    """The documented order of rows, one `update` after the other; the losses."""
    losses: list[float] = []
    for epoch in range(first, first + epochs):
        rows = np.arange(len(X))
        if shuffle:
            rows = np.random.default_rng([own.seed, epoch]).permutation(len(X))
        for start in range(0, len(X), own.batch_size):
            part = rows[start : start + own.batch_size]
            losses.append(own.update(X[part], Y[part], **{key: value[part] for key, value in data.items()}))
    return np.array(losses)


# ----------------------------------------------------------------------------------------- what is computed


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [8, 23, 100, 1])
def test_epochs_are_the_updates_of_their_batches(shuffle: bool, batch_size: int):
    one, other = trainer(batch_size=batch_size, seed=3), trainer(batch_size=batch_size, seed=3)
    weight = RNG.uniform(0.5, 1, 23)
    data = {"lengths": LENGTHS, "sample_weight": weight}
    history = fit(one, X, Y, shuffle=shuffle, **data)
    losses = by_hand(other, 3, shuffle=shuffle, **data)
    assert (one.network.theta == other.network.theta).all()
    assert (history.update_loss == losses).all()
    assert (history.gradient_norm == other.history.gradient_norm).all()
    per_epoch = -(-23 // batch_size)
    assert history.updates.tolist() == [per_epoch, 2 * per_epoch, 3 * per_epoch]


@pytest.mark.parametrize("output", ["sequence", "last"])
@pytest.mark.parametrize("weighted", [True, False])
def test_an_epochs_loss_is_the_mean_over_all_data(output: str, weighted: bool):
    """Read off a training that changes nothing, whatever the batches."""
    y = Y if output == "sequence" else Y[:, 0]
    weight = np.where(np.arange(23) % 3, RNG.uniform(0, 2, 23), 0.0) if weighted else None
    own = trainer(network(output=output), optimizer=optim.SGD(0.0), batch_size=2)
    history = fit(own, X, y, lengths=LENGTHS, sample_weight=weight)
    expected = own.network.loss(X, y, lengths=LENGTHS, sample_weight=weight)
    np.testing.assert_allclose(history.loss, expected, rtol=1e-5)


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_the_size_of_blocks_never_changes_a_result(seconds: float, monkeypatch: pytest.MonkeyPatch):
    expected = trainer(batch_size=2)
    by_hand(expected, 4)
    monkeypatch.setattr("elman.train.fitting.epochs.BLOCK_SECONDS", seconds)
    own = trainer(batch_size=2)
    history = fit(own, epochs=4)
    assert (own.network.theta == expected.network.theta).all()
    assert (history.update_loss == expected.history.update_loss).all()


def test_calls_carry_on_where_the_last_one_ended():
    whole, parts = trainer(), trainer()
    fit(whole, epochs=5)
    for epochs in (2, 1, 2):
        fit(parts, epochs=epochs)
    assert (parts.network.theta == whole.network.theta).all()
    assert (parts.history.loss == whole.history.loss).all()
    assert (parts.updates, parts.epochs) == (15, 5)


def test_training_does_not_depend_on_global_state():
    np.random.seed(0)
    one = fit(trainer())
    np.random.seed(1)
    assert (fit(trainer()).update_loss == one.update_loss).all()
    assert (fit(trainer(seed=1)).update_loss != one.update_loss).any()


@pytest.mark.parametrize("cell", ["tanh", "relu", "lstm", "gru"])
def test_it_learns_what_must_be_remembered(cell: str):
    """The running sum of five steps, far below the variance that a network without memory is left with."""
    x = np.random.default_rng(1).normal(size=(256, 5, 1))
    y = x.cumsum(axis=1)
    own = Trainer(elman.Network(1, 16, 1, cell=cell, seed=0), optimizer=optim.Adam(0.01), clip_norm=1.0)
    loss = fit(own, x, y, epochs=60).loss
    assert loss[-1] < 0.15 < loss[0]


def test_overlapping_windows_train_in_place():
    series = np.sin(np.arange(300, dtype=np.float32) / 5)
    windows = np.lib.stride_tricks.sliding_window_view(series, 11)
    own, copy = trainer(network_of_one()), trainer(network_of_one())
    fit(own, windows[:, :10, None], windows[:, 10:])
    fit(copy, windows[:, :10, None].copy(), windows[:, 10:].copy())
    assert (own.network.theta == copy.network.theta).all()


def network_of_one() -> elman.Network:
    return elman.Network(1, 5, 1, output="last", seed=2)


def test_truncation_and_states_reach_the_engine():
    state = {"h_l0": RNG.normal(size=(23, 5)), "c_l0": RNG.normal(size=(23, 5))}
    own = trainer(network(dtype="float64"), truncate=2, optimizer=optim.SGD(1.0))
    net = network(dtype="float64")
    value, gradients = net.loss_and_grad(X, Y, state=state, truncate=2)
    assert own.update(X, Y, state=state) == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(own.network.theta, net.theta - gradients.flat, rtol=1e-12)
    assert abs(gradients.flat - net.loss_and_grad(X, Y, state=state)[1].flat).max() > 1e-6


# ---------------------------------------------------------------------------- validation, stopping, callbacks


def test_validation_by_pair_mapping_and_fraction():
    pair = fit(trainer(), X[:18], Y[:18], validation=(X[18:], Y[18:]))
    mapping = fit(trainer(), X[:18], Y[:18], validation={"x": X[18:], "y": Y[18:]})
    assert (pair.validation_loss == mapping.validation_loss).all()
    pair = fit(trainer(), X[:18], Y[:18], validation=(X[18:], Y[18:]), shuffle=False)
    fraction = fit(trainer(), X, Y, validation=5 / 23, shuffle=False)
    assert (pair.validation_loss == fraction.validation_loss).all()
    own = trainer()
    history = fit(own, X[:18], Y[:18], validation={"x": X[18:], "y": Y[18:], "lengths": LENGTHS[18:]})
    expected = own.network.loss(X[18:], Y[18:], lengths=LENGTHS[18:])
    assert history.validation_loss[-1] == pytest.approx(expected, rel=1e-6)
    assert np.isnan(fit(trainer()).validation_loss).all()


def overfitting(**options: Any) -> Trainer:
    """Few noisy rows: validation gets better, then worse."""
    own = trainer(network(), optimizer=optim.Adam(0.05))
    fit(own, X[:12], Y[:12], validation=(X[12:], Y[12:]), epochs=60, **options)
    return own


def test_patience_stops_and_puts_back_the_best_weights():
    own, kept = overfitting(patience=4), overfitting()
    best = own.history.best_epoch
    assert best == int(np.argmin(own.history.validation_loss)) + 1
    assert own.epochs == best + 4 < kept.epochs == 60
    loss = own.network.loss(X[12:], Y[12:])
    assert loss == pytest.approx(own.history.validation_loss.min(), rel=1e-6)
    assert kept.network.loss(X[12:], Y[12:]) == pytest.approx(kept.history.validation_loss[-1], rel=1e-6)


def test_patience_puts_back_the_best_weights_when_epochs_run_out():
    own = overfitting(patience=1000)
    assert own.epochs == 60
    assert own.network.loss(X[12:], Y[12:]) == pytest.approx(own.history.validation_loss.min(), rel=1e-6)


def test_a_callback_sees_each_epoch_and_can_end_it():
    seen: list[int] = []

    def callback(own: Trainer) -> bool:
        seen.append(own.epochs)
        return own.epochs == 2

    assert len(fit(trainer(), epochs=9, callback=callback)) == 2
    assert seen == [1, 2]


def test_the_learning_rate_may_change_on_the_way():
    own = trainer(optimizer=optim.Adam(0.1))

    def halve(own: Trainer) -> None:
        own.optimizer = optim.Adam(own.optimizer.learning_rate / 2)

    history = fit(own, callback=halve)
    assert history.learning_rate.tolist() == [0.1, 0.05, 0.025]
    assert history.update_learning_rate.tolist() == [0.1] * 3 + [0.05] * 3 + [0.025] * 3


@pytest.mark.parametrize("other", [optim.SGD(0.1), "rmsprop", optim.AdamW(0.1)], ids=str)
def test_an_optimiser_with_another_state_is_refused(other: Any):
    own = trainer(optimizer=optim.Adam(0.1))
    with pytest.raises(ValueError, match=r"optimizer: expected one like Adam.*, whose state is kept, got"):
        own.optimizer = other


# ------------------------------------------------------------------------------------------------ history


def test_history_holds_every_figure():
    own = trainer()
    assert repr(own.history) == "History: no whole epoch yet, 0 updates"
    assert own.history.best_epoch is None
    assert own.history.update_loss.shape == (0,)
    history = fit(own, validation=0.25, epochs=4)
    assert history is own.history
    assert len(history) == 4
    for name in ("loss", "validation_loss", "seconds", "learning_rate", "updates"):
        assert getattr(history, name).shape == (4,)
    for name in ("update_loss", "gradient_norm", "update_learning_rate"):
        assert getattr(history, name).shape == (12,)
    assert (history.update_learning_rate == 0.01).all()
    assert (history.gradient_norm > 0).all()
    assert history.best_epoch == int(np.argmin(history.validation_loss)) + 1
    assert repr(history).startswith("History: 4 epochs, 12 updates, ")
    assert f"best epoch {history.best_epoch}: loss " in repr(history)
    assert (pickle.loads(pickle.dumps(history)).update_loss == history.update_loss).all()
    assert "12 updates, 4 epochs done" in repr(own)


# -------------------------------------------------------------------------------------- when something is wrong


def diverging() -> Trainer:
    return trainer(network(cell="relu"), optimizer=optim.SGD(1e25))


def test_a_loss_that_is_not_finite_stops_training():
    own = diverging()
    with pytest.raises(TrainingError, match=r"training stopped at update 2 \(epoch 1\): loss (inf|nan)") as caught:
        fit(own)
    error = caught.value
    assert (error.update, error.epoch) == (2, 1)
    assert not np.isfinite(error.loss)
    again = diverging()
    rows = np.random.default_rng([0, 1]).permutation(23)[:8]
    again.update(X[rows], Y[rows])
    assert (own.network.theta == again.network.theta).all()
    assert own.history.update_loss.shape == (1,)
    assert own.updates == 1
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    with pytest.raises(TrainingError, match="training stopped at update 2: loss"):
        own.update(X, Y)


def test_a_gradient_that_is_not_finite_names_its_parameters():
    """y_hat is finite, but its distance to the target times the weight of the state is beyond float32."""
    net = elman.Network(1, 1, 1, cell="tanh", seed=0)
    net.parameters["head.weight"][:] = 1e30
    x, y = np.zeros((1, 2, 1)), np.full((1, 2, 1), 1e10)
    net.parameters["weight_ih_l0"][:] = 0
    own = Trainer(net, optimizer="sgd")
    with pytest.raises(TrainingError, match=r"update 1: loss 1e\+20, gradient norm (inf|nan), not finite in .*bias_l0"):
        own.update(x, y)
    assert net.parameters["head.weight"][0, 0] == np.float32(1e30)


def interrupting(monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """Ctrl-C in the middle of the given call of the engine's update."""
    calls, select = [0], state.select

    class Interrupted:
        def __init__(self, engine: Any) -> None:
            self.engine = engine

        def __getattr__(self, name: str) -> Any:
            return getattr(self.engine, name)

        def update(self, *args: Any) -> Any:
            calls[0] += 1
            if calls[0] == call:
                signal.raise_signal(signal.SIGINT)
            return self.engine.update(*args)

    monkeypatch.setattr(state, "select", lambda *found: Interrupted(select(*found)))


def test_ctrl_c_ends_between_updates(monkeypatch: pytest.MonkeyPatch):
    own, expected = trainer(batch_size=2), trainer(batch_size=2)
    monkeypatch.setattr("elman.train.fitting.epochs.BLOCK_SECONDS", 0.0)  # one update a block
    interrupting(monkeypatch, call=5)
    with pytest.raises(KeyboardInterrupt):
        fit(own, epochs=9)
    monkeypatch.undo()
    rows = np.random.default_rng([0, 1]).permutation(23)
    for start in range(0, 10, 2):
        expected.update(X[rows[start : start + 2]], Y[rows[start : start + 2]])
    assert (own.network.theta == expected.network.theta).all()
    assert (own.history.update_loss == expected.history.update_loss).all()
    assert own.updates == 5
    assert own.network.weights.trainer is None
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_is_not_held():
    reached: list[int] = []

    def twice() -> None:
        with interrupts.held():
            for i in range(2):
                signal.raise_signal(signal.SIGINT)
                reached.append(i)

    with pytest.raises(KeyboardInterrupt):
        twice()
    assert reached == [0]


def test_a_programs_own_handler_is_left_alone():
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        with interrupts.held():
            signal.raise_signal(signal.SIGINT)
            assert came == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


def test_training_works_outside_the_main_thread():
    results: list[elman.History] = []
    thread = threading.Thread(target=lambda: results.append(fit(trainer())))
    thread.start()
    thread.join()
    assert (results[0].update_loss == fit(trainer()).update_loss).all()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"loss": "sse"}, ValueError, r"loss: expected one of 'half_sse', .* got 'sse'"),
        ({"loss": elman.losses.Pinball((0.1, 0.9))}, ValueError, "loss: expected a network whose outputs .* got 1"),
        (
            {"loss": "gaussian"},
            ValueError,
            r"loss: .* multiple of the 2 numbers \(location, log scale\) of gaussian, got 1",
        ),
        ({"loss": elman.losses.StudentT(3)}, ValueError, "loss: expected a network whose outputs .* got 1"),
        ({"optimizer": "lion"}, ValueError, r"optimizer: expected one of 'sgd', .* got 'lion'"),
        ({"clip_norm": 0}, ValueError, "clip_norm: expected a finite number above 0.0, got 0"),
        ({"clip_value": -1.0}, ValueError, "clip_value: .* got -1.0"),
        ({"clip_norm": "1"}, TypeError, "clip_norm: .* got '1'"),
        ({"batch_size": 0}, ValueError, "batch_size: .* got 0"),
        ({"batch_size": 2.5}, TypeError, "batch_size: .* got 2.5"),
        ({"shard_size": 0}, ValueError, "shard_size: .* got 0"),
        ({"truncate": 0}, ValueError, "truncate: .* got 0"),
        ({"seed": -1}, ValueError, "seed: .* got -1"),
    ],
)
def test_construction_refuses(options: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        Trainer(network(), **options)


def test_only_networks_are_trained():
    with pytest.raises(TypeError, match=r"network: expected an elman.Network, got 'net'"):
        Trainer("net")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("args", "options", "error", "message"),
    [
        ((X, Y), {"epochs": 0}, ValueError, "epochs: expected a whole number of at least 1, got 0"),
        ((X, Y), {"epochs": -2}, ValueError, "epochs: .* got -2"),
        ((X, Y), {"epochs": 1.5}, TypeError, "epochs: .* got 1.5"),
        ((X[:0], Y[:0]), {}, ValueError, r"x: expected shape \(B, T, 2\) .* got \(0, 6, 2\)"),
        ((X, Y[:22]), {}, ValueError, r"y: expected shape \(23, 6, 1\), got \(22, 6, 1\)"),
        ((X, None), {}, TypeError, "y: expected targets, or an iterable of batches .* got None with array of shape"),
        ((X, Y), {"lengths": LENGTHS[:4]}, ValueError, r"lengths: expected shape \(23,\), got \(4,\)"),
        ((X, Y), {"validation": 0.0}, ValueError, r"validation: .* in \(0.0, 1.0\], got 0.0"),
        ((X, Y), {"validation": 1.0}, ValueError, "validation: .* leaves rows to train on, got 1.0 of 23 rows"),
        ((X[:1], Y[:1]), {"validation": 0.1}, ValueError, "validation: .* got 0.1 of 1 rows"),
        ((X, Y), {"validation": (X,)}, TypeError, r"validation: expected \(x, y\), a mapping or a fraction"),
        ((X, Y), {"validation": {"x": X}}, ValueError, "validation: expected x and y, got x"),
        ((X, Y), {"validation": {"x": X, "y": Y, "z": 1}}, ValueError, "validation: expected one of 'x', 'y', .* 'z'"),
        ((X, Y), {"validation": (X[..., :1], Y)}, ValueError, r"x: expected shape \(B, T, 2\)"),
        ((X, Y), {"patience": 3}, ValueError, "patience: expected validation data with it, got patience=3 alone"),
        ((X, Y), {"patience": 0, "validation": 0.2}, ValueError, "patience: .* got 0"),
        ((X, Y), {"shuffle": 1}, TypeError, "shuffle: expected True or False, got 1"),
        ((X, Y), {"progress": "bar"}, TypeError, "progress: expected True or False, got 'bar'"),
        ((X, Y), {"callback": 3}, TypeError, "callback: expected a function of the Trainer, or a list of them, got 3"),
    ],
)
def test_fit_refuses(args: Any, options: Any, error: type[Exception], message: str):
    own = trainer()
    before = own.network.theta.copy()
    with pytest.raises(error, match=message):
        fit(own, *args, **options)
    assert (own.network.theta == before).all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.01, 0.03, 0.07])
def test_ctrl_c_from_outside_leaves_whole_updates(delay: float):
    """A real signal at a random moment: the weights are always those of some number of whole updates."""
    own = trainer()
    timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        fit(own, epochs=10**6)
    timer.join()
    again = trainer()
    whole, rest = divmod(own.updates, 3)
    if whole:
        fit(again, epochs=whole)
    rows = np.random.default_rng([0, whole + 1]).permutation(23)
    for start in range(0, 8 * rest, 8):
        again.update(X[rows[start : start + 8]], Y[rows[start : start + 8]])
    assert (own.network.theta == again.network.theta).all()
