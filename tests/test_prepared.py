"""Prepared calls: the bits, the errors and the records of the long way, whatever a user hands over or changes."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import elman
from elman import Trainer, optim, schedules
from elman.engines import select
from elman.network.weights import Reading, Training

pytestmark = pytest.mark.skipif(select.compiled() is None, reason="the compiled engine is not in use")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 9, 2)).astype(np.float32)
Y = RNG.normal(size=(5, 9, 1)).astype(np.float32)
IDS = RNG.integers(0, 7, (5, 9))


def network(dtype: str = "float32", **options: Any) -> elman.Network:
    made: dict[str, Any] = {"seed": 1, "dtype": dtype, **options}
    return elman.Network(2, 7, 1, **made)


def of_ids(layers: tuple[Any, ...] = (), **options: Any) -> elman.Network:
    own = [elman.Embedding(7, 3, **options), elman.Recurrent(6, elman.GRU()), *layers, elman.Dense(7)]
    return elman.Network.from_layers(own, seed=2)


@pytest.fixture
def long_way(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], Any]:
    """Calls a function with nothing prepared in it."""
    engine: Any = type(select.native())

    def called(function: Callable[[], Any]) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(engine, "prepare", lambda *_, **__: None)
            return function()

    return called


class Watched:
    """Stands in for a Trainer's prepared updates, and counts those that were made and those that were declined."""

    def __init__(self, prepared: Any) -> None:
        self.prepared, self.made, self.declined = prepared, 0, 0

    def update(self, *arguments: Any) -> float | None:
        found = self.prepared.update(*arguments)
        self.made, self.declined = self.made + (found is not None), self.declined + (found is None)
        return found


def watched(trainer: Trainer) -> Watched:
    updates, _ = trainer._next()  # pyright: ignore[reportPrivateUsage]
    own = Watched(updates.prepared)
    updates.prepared = own  # type: ignore[assignment]
    return own


# ------------------------------------------------------------------------------------------------ the same bits

TRAININGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"optimizer": optim.Adam(0.01)}),
    ({"dtype": "float64", "cell": "gru", "num_layers": 2, "head": 4}, {"optimizer": optim.RMSprop(0.01)}),
    ({"cell": "tanh", "output": "last"}, {"optimizer": optim.SGD(0.1, 0.9), "clip_norm": 0.1, "clip_value": 0.05}),
    ({"bidirectional": True, "dropout": 0.3}, {"optimizer": optim.Adagrad(0.05), "seed": 5}),
    ({"learned_state": True}, {"optimizer": optim.AdamW(0.01, weight_decay=0.1), "schedule": schedules.Cosine(40)}),
    ({"skip": True}, {"activity_penalty": 0.1, "truncate": 4, "recompute": 3, "shard_size": 2}),
    ({}, {"recompute": True, "loss": "huber"}),
    ({}, {"frozen": ["bias*"], "rates": {"head.*": 0.5}, "signs": {"head.weight": [1, -1, 0, 1, -1, 0, 1]}}),
]


@pytest.mark.parametrize(("made", "options"), TRAININGS, ids=str)
def test_updates_are_those_of_the_long_way_and_of_fit(made: Any, options: Any, long_way: Any):
    x, y = X.astype(made.get("dtype", "float32")), Y.astype(made.get("dtype", "float32"))
    y = y[:, -1] if made.get("output") == "last" else y
    own, other, fitted = (Trainer(network(**made), **options, batch_size=5) for _ in range(3))
    seen = watched(own)
    losses = [own.update(x, y) for _ in range(50)]
    assert losses == long_way(lambda: [other.update(x, y) for _ in range(50)])
    fitted.advice = False
    fitted.fit(x, y, epochs=50, shuffle=False, progress=False)
    for one in (other, fitted):
        assert (own.network.theta == one.network.theta).all()
        assert all((a == b).all() for a, b in zip(own.slots, one.slots, strict=True))
        assert own.updates == one.updates == 50
        for a, b in zip(own.history.arrays()[1], one.history.arrays()[1], strict=True):
            assert (a == b).all()
    assert seen.made > 40 if options.get("recompute") is not True else seen.made == 0


LOSSES = ["mse", "half_sse", "mae", elman.losses.Huber(0.3), elman.losses.Gaussian(), elman.losses.Pinball((0.1, 0.9))]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("output", ["sequence", "last", "mean"])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_calls_on_real_numbers_are_those_of_the_long_way(loss: Any, output: Any, dtype: str, long_way: Any):
    net = elman.Network(2, 5, 2, output=output, dtype=dtype, seed=3)
    width = elman.losses.as_loss(loss).target_width(2) or 0
    x = RNG.normal(size=(5, 9, 4)).astype(dtype)[:, ::-1, ::2]  # strides of its own
    y = RNG.normal(size=(5, 9, 2 * width)).astype(dtype)[..., ::2] if output == "sequence" else None
    y = RNG.normal(size=(5, width)).astype(dtype) if y is None else y
    given = [(x, y), (x[0], y[0]), (x[:1, :1], y[:1, :1] if output == "sequence" else y[:1])]
    if width == 1:
        given.append((x, y[..., 0]))
    for own_x, own_y in given:
        value, gradients = net.loss_and_grad(own_x, own_y, loss=loss)
        wanted, others = long_way(lambda a=own_x, b=own_y: net.copy().loss_and_grad(a, b, loss=loss))
        assert type(value) is float
        assert value == wanted
        assert (gradients.flat == others.flat).all()
        found = net.predict(own_x)
        same = long_way(lambda a=own_x: net.copy().predict(a))
        assert (found == same).all()
        assert (found.shape, found.dtype) == (same.shape, same.dtype)
        assert found.flags.carray
        assert found.flags.owndata


@pytest.mark.parametrize("net", [of_ids(), of_ids((elman.Last(),)), of_ids(sparse=True)], ids=["", "last", "sparse"])
def test_calls_on_whole_numbers_are_those_of_the_long_way(net: elman.Network, long_way: Any):
    last = net.layout.last
    for x, y in ((IDS, IDS[:, -1] if last else IDS), (IDS[1], np.array(2) if last else IDS[0])):
        value, gradients = net.loss_and_grad(x, y, loss="cross_entropy")
        wanted, others = long_way(lambda a=x, b=y: net.copy().loss_and_grad(a, b, loss="cross_entropy"))
        assert value == wanted
        assert (gradients.flat == others.flat).all()
        assert (net.predict(x) == long_way(lambda a=x: net.copy().predict(a))).all()
        own, other = (Trainer(net.copy(), loss="cross_entropy") for _ in range(2))
        assert [own.update(x, y) for _ in range(9)] == long_way(
            lambda o=other, a=x, b=y: [o.update(a, b) for _ in "9" * 9]
        )
        assert (own.network.theta == other.network.theta).all()


def test_shapes_weights_and_settings_may_change_between_two_updates(long_way: Any):
    def trained() -> np.ndarray:
        own = Trainer(network(), optimizer=optim.Adam(0.02))
        own.update(X, Y)
        own.update(X[:2, :3], Y[:2, :3])
        own.network.theta = own.network.theta * 0.5
        own.network.parameters["head.bias"][:] = 1
        own.update(X[0], Y[0])
        own.learning_rate = 0.1
        own.update(X, Y)
        own.clip_norm, own.truncate = 0.01, 2
        own.update(X, Y)
        own.loss = elman.losses.MAE()
        own.update(X, Y)
        own.schedule = schedules.Step(1)
        own.update(X, Y)
        own.schedule.observe(1.0)
        own.optimizer = optim.Adam(0.1, beta1=0.5)
        own.fit(X, Y, epochs=2, progress=False)
        own.step({"head.bias": [1.0]})
        own.update(X, Y)
        return np.concatenate([own.network.theta, *own.slots, *own.history.arrays()[1]])

    np.testing.assert_array_equal(trained(), long_way(trained))  # a step's loss is NaN


def test_a_custom_loss_and_a_schedule_of_ones_own_go_on_as_before():
    class Falling(schedules.Schedule):
        def factor(self, update: np.ndarray) -> np.ndarray:
            return 1.0 / (1 + update)

    def fourths(y_hat: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
        error = (y_hat - y) * weight[..., None]
        return float((error**4).sum()), 4 * error**3

    loss = elman.losses.Custom("fourths", fourths)
    own = Trainer(network(), loss=loss, schedule=Falling(), optimizer=optim.SGD(0.1))
    own.update(X, Y)
    own.update(X, Y)
    assert own.history.update_learning_rate.tolist() == [0.1, 0.05]
    value, _ = own.network.loss_and_grad(X, Y, loss=loss)
    assert value == own.network.loss(X, Y, loss=loss)


# ---------------------------------------------------------------------------------------------- the same errors

NAN, HUGE = X.copy(), X.copy()
NAN[3, 2, 1], HUGE[1, 0, 0] = np.nan, np.inf
GIVEN: list[tuple[Any, Any]] = [
    (X.tolist(), Y),
    (X.astype(np.float64), Y.astype(np.float16)),
    (X.astype(">f4"), Y),
    (np.asfortranarray(X), np.asfortranarray(Y)),
    (np.ma.masked_array(X), Y),
    (memoryview(X), Y),
    ([X[0], X[1, :4]], [Y[0], Y[1, :4]]),
    (X[:0], Y[:0]),
    (X[:, :0], Y[:, :0]),
    (X[..., :1], Y),
    (X[0, 0], Y),
    (X[None], Y),
    (X, Y[:3]),
    (X, Y[:, :3]),
    (X, X),
    (X, Y[..., None]),
    (X, Y[0]),
    (X[0], Y),
    (X, None),
    (None, Y),
    ("x", Y),
    (X, np.full(Y.shape, np.nan, np.float32)),
    (X, np.full(Y.shape, -np.inf, np.float32)),
    (X, Y > 0),
    (X, 1j * Y),
    (NAN, Y),
    (HUGE, Y),
    (X, 1e30 * Y),
    (X, {"y": Y}),
    (X.astype("datetime64[s]"), Y),
]


def outcome(call: Callable[[], Any]) -> Any:
    try:
        found = call()
    except Exception as error:
        return type(error), str(error)
    return found.tobytes() if isinstance(found, np.ndarray) else found


@pytest.mark.parametrize("index", range(len(GIVEN)))
def test_what_the_long_way_refuses_or_converts_is_refused_and_converted(index: int, long_way: Any):
    x, y = GIVEN[index]

    def everything() -> list[Any]:
        own = Trainer(network(), clip_value=1e20)
        before = own.network.theta.copy()
        net = network()
        found = [outcome(lambda: net.predict(x)), outcome(lambda: net.loss_and_grad(x, y)[0])]
        found += [outcome(lambda: net.loss_and_grad(x, y)[1].flat), outcome(lambda: own.update(x, y))]
        if isinstance(found[-1], tuple):
            assert (own.network.theta == before).all()
            assert own.updates == 0
        return [*found, own.network.theta.tobytes(), own.updates]

    assert everything() == long_way(everything)


@pytest.mark.parametrize(
    "y", [IDS + 1, IDS - 1, IDS.astype(np.int8), IDS.astype(float), IDS[:, :4]], ids=lambda y: str(y.dtype)
)
@pytest.mark.parametrize("x", [IDS, IDS + 1, -IDS, IDS.astype(np.uint16)], ids=lambda x: str(x.dtype))
def test_whole_numbers_are_refused_alike(x: np.ndarray, y: np.ndarray, long_way: Any):
    def everything() -> list[Any]:
        own = Trainer(of_ids(), loss="cross_entropy")
        return [outcome(lambda: own.network.predict(x)), outcome(lambda: own.update(x, y)), own.network.theta.tobytes()]

    assert everything() == long_way(everything)


@pytest.mark.parametrize("given", [np.datetime64("2020"), np.float32(3), np.array(3), b"x", memoryview(b"xyz"), 3])
def test_objects_that_show_memory_and_are_no_arrays(given: Any, long_way: Any):
    def everything() -> list[Any]:
        found = [outcome(lambda net=net: net.predict(given)) for net in (network(), of_ids())]
        return [*found, outcome(lambda: network().loss_and_grad(X, given)[0])]

    assert everything() == long_way(everything)


@pytest.mark.parametrize("loss", ["mean", None, [], 3, elman.losses.BinaryCrossEntropy(), "cross_entropy", "ctc"])
def test_losses_are_refused_alike(loss: Any, long_way: Any):
    def tried() -> Any:
        return outcome(lambda: network().loss_and_grad(X, Y, loss=loss)[0])

    assert tried() == long_way(tried)


def test_a_gradient_that_is_not_finite_changes_nothing_and_is_told():
    own = Trainer(network(), optimizer=optim.SGD(1.0))
    own.update(X, Y)
    own.network.theta = own.network.theta * 1e38
    before, slots = own.network.theta.copy(), [slot.copy() for slot in own.slots]
    with pytest.raises(elman.TrainingError):
        own.update(X, Y)
    assert np.array_equal(own.network.theta, before)
    assert all((a == b).all() for a, b in zip(own.slots, slots, strict=True))
    assert own.updates == len(own.history.update_loss) == 1


# ------------------------------------------------------------------------------------- threads, signals, copies


def test_a_thread_that_uses_the_weights_sends_updates_the_long_way():
    own = Trainer(network())
    own.update(X, Y)
    own.update(X, Y)
    seen, ready, ended = watched(own), threading.Event(), threading.Event()

    def read() -> None:
        with Reading(own.network.weights):
            ready.set()
            ended.wait(10)

    thread = threading.Thread(target=read)
    thread.start()
    ready.wait(10)
    threading.Timer(0.1, ended.set).start()
    began = time.perf_counter()
    own.update(X, Y)  # waits for the reader
    assert time.perf_counter() - began > 0.05
    thread.join()
    assert (seen.made, seen.declined) == (0, 1)
    own.update(X, Y)
    assert seen.made == 1


def test_beside_a_training_predictions_are_of_its_last_whole_update_and_updates_are_refused():
    own = Trainer(network())
    before, found = own.network.predict(X), []

    def other() -> None:
        found.append(own.network.predict(X))
        found.append(own.network.loss_and_grad(X, Y)[0])
        found.append(outcome(lambda: own.update(X, Y)))
        found.append(outcome(lambda: optim.Adam(0.1).step(own.network, {})))

    value = own.network.loss(X, Y)
    with Training(own.network.weights):
        own.network.theta = 2 * own.network.theta
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert (found[0] == before).all()
    assert found[1] == value
    assert found[2][0] is found[3][0] is RuntimeError
    assert own.updates == 0


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timers")
def test_ctrl_c_finds_an_update_done_and_recorded_or_not_begun():
    own, other = Trainer(network()), Trainer(network())
    for delay in np.linspace(2e-3, 6e-3, 30):
        timer = threading.Timer(delay, lambda: os.kill(os.getpid(), signal.SIGINT))
        interrupted = False
        try:
            timer.start()
            while True:
                own.update(X, Y)
        except KeyboardInterrupt:
            interrupted = True
        timer.join()
        assert interrupted
        for _ in range(own.updates - other.updates):
            other.update(X, Y)
        assert (own.network.theta == other.network.theta).all()
        assert (own.history.update_loss == other.history.update_loss).all()
    assert own.updates > 30


def test_copies_of_a_trainer_and_a_network_go_on_by_themselves():
    own = Trainer(network(), optimizer=optim.Adam(0.05))
    own.update(X, Y)
    for other in (pickle.loads(pickle.dumps(own)), copy.deepcopy(own)):
        before = own.network.theta.copy()
        twin = Trainer(network(), optimizer=optim.Adam(0.05))
        twin.update(X, Y)
        twin.update(X, Y)
        other.update(X, Y)
        assert (other.network.theta == twin.network.theta).all()
        assert (own.network.theta == before).all()
        assert (own.updates, other.updates) == (1, 2)


def test_long_work_gives_way_to_other_threads():
    """What would take long is declined, so the interpreter's lock is given back while it computes."""
    own = Trainer(elman.Network(8, 64, 1, seed=0))
    x = RNG.normal(size=(32, 50, 8)).astype(np.float32)
    seen = watched(own)
    own.update(x, x[..., :1])
    assert (seen.made, seen.declined) == (0, 1)
    calls = own.network._prepared[None]  # pyright: ignore[reportPrivateUsage]
    assert calls.predict(x) is None
    assert calls.predict(x[:2]) is not None
