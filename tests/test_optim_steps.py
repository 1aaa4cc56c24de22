"""Steps of optimisers from gradients of one's own: against Trainers, PyTorch's kept values and the equations; what
optimisers remember, and where."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman import Trainer, optim
from elman.core.layers import Node

GOLDEN = Path(__file__).parent / "golden"
RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 9, 2))
Y = RNG.normal(size=(5, 9, 1))
OPTIMISERS = [
    optim.SGD(0.1),
    optim.SGD(0.1, 0.9),
    optim.RMSprop(0.01),
    optim.Adagrad(0.05),
    optim.Adam(0.01),
    optim.AdamW(0.01, weight_decay=0.5),
]
CLIPS: list[dict[str, float]] = [{}, {"clip_norm": 0.1}, {"clip_value": 0.02}, {"clip_norm": 0.1, "clip_value": 0.05}]

engines = pytest.mark.parametrize("engine", ["native", "reference"])


def network(dtype: str = "float32", **options: Any) -> elman.Network:
    made: dict[str, Any] = {"seed": 1, "dtype": dtype, **options}
    return elman.Network(2, 7, 1, **made)


@engines
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("clip", CLIPS, ids=str)
@pytest.mark.parametrize("optimizer", OPTIMISERS, ids=str)
def test_steps_are_the_updates_of_a_trainer_bit_for_bit(
    optimizer: optim.Optimizer, clip: Any, dtype: str, engine: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ELMAN_ENGINE", engine)
    net = network(dtype, cell=elman.Simple(leak=0.5, learn_leak=True))  # leaks stay in [0, 1]
    updates, steps = Trainer(net.copy(), optimizer=optimizer, **clip), Trainer(net.copy(), optimizer=optimizer, **clip)
    for _ in range(12):
        _, gradients = net.loss_and_grad(X, Y)
        before = gradients.flat.copy()
        norm = optimizer.step(net, gradients, **clip)
        assert type(norm) is float
        assert (gradients.flat == before).all()
        assert steps.step(gradients) == norm
        updates.update(X, Y)
        assert updates.history.gradient_norm[-1] == pytest.approx(norm, rel=1e-6)
        assert (net.theta == steps.network.theta).all()
        assert (net.theta == updates.network.theta).all()
    (state,) = net.optimizer_state.values()
    assert state.pop("updates") == 12
    assert list(state) == list(optimizer.slots)
    assert all((a == b).all() for a, b in zip(state.values(), updates.slots, strict=True))


@engines
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "optimizer", "clip"),
    [
        ("sgd", optim.SGD(0.1), {}),
        ("momentum", optim.SGD(0.1, momentum=0.9), {}),
        ("rmsprop", optim.RMSprop(0.02, decay=0.9), {}),
        ("adagrad", optim.Adagrad(0.1), {}),
        ("adam", optim.Adam(0.05, beta1=0.8, beta2=0.95), {}),
        ("adamw", optim.AdamW(0.05, beta1=0.8, beta2=0.95, weight_decay=0.1, decay_all=True), {}),
        ("clip_norm", optim.SGD(0.1), {"clip_norm": 0.5}),
        ("clip_value", optim.SGD(0.1), {"clip_value": 0.1}),
        ("clip_both", optim.SGD(0.1), {"clip_norm": 0.3, "clip_value": 0.1}),
    ],
)
def test_steps_are_those_of_pytorch(
    name: str, optimizer: optim.Optimizer, clip: Any, dtype: str, engine: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ELMAN_ENGINE", engine)
    with np.load(GOLDEN / "training.npz") as file:
        golden = dict(file)
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    net = elman.Network(2, 3, 2, cell="tanh", dtype=dtype)
    net.theta = golden["in.theta"]
    for want in golden[name]:
        value, gradients = net.loss_and_grad(golden["in.x"], golden["in.y"])
        norm = optimizer.step(net, gradients, **clip)
        assert value == pytest.approx(want[0], rel=tolerance)
        assert norm == pytest.approx(want[1], rel=tolerance)
        assert np.abs(net.theta - want[2:]).max() <= tolerance * np.abs(want[2:]).max()


def test_a_step_takes_vectors_some_names_and_gradients_of_other_types():
    net = network("float64")
    before, opt = net.theta.copy(), optim.SGD(0.5)
    gradient = RNG.normal(size=before.shape)
    assert opt.step(net, gradient) == pytest.approx(np.linalg.norm(gradient))
    assert net.theta == pytest.approx(before - 0.5 * gradient)
    opt.step(net, (-gradient).tolist())
    assert net.theta == pytest.approx(before)
    assert opt.step(net, {"head.bias": [2]}) == 2
    assert net.parameters["head.bias"] == pytest.approx(before[-1:] - 1.0)
    wide = np.zeros((len(before), 2))
    wide[:, 0] = gradient
    opt.step(net, wide[:, 0])
    assert net.theta[:-1] == pytest.approx((before - 0.5 * gradient)[:-1])
    assert net.optimizer_state == {"sgd": {"updates": 4}}


def test_parameters_of_another_network_count_by_their_names():
    """Two layouts may have as many parameters under other names."""
    net, other = network(), elman.Network(2, 7, 1, cell="lstm", seed=0, skip=False)
    _, gradients = other.loss_and_grad(X, Y)
    assert optim.SGD(0.1).step(net, gradients) > 0
    wrong = elman.Network.from_layers([Node(elman.Recurrent(7), "own"), elman.Dense(1)], input_size=2, seed=0)
    assert wrong.num_parameters == net.num_parameters
    with pytest.raises(ValueError, match=r"gradients: expected names among weight_ih_l0, .* got 'own\.weight_ih'"):
        optim.SGD(0.1).step(net, wrong.loss_and_grad(X, Y)[1])


def test_one_optimiser_serves_two_networks_and_each_remembers_for_itself():
    opt, nets = optim.Adam(0.02), [network(), network(seed=2)]
    alone = [Trainer(net.copy(), optimizer=opt) for net in nets]
    for turn in range(10):
        for k, net in enumerate(nets):
            if k == 0 or turn % 3 == 0:
                opt.step(net, net.loss_and_grad(X, Y)[1])
                alone[k].update(X, Y)
    for net, trainer in zip(nets, alone, strict=True):
        assert (net.theta == trainer.network.theta).all()
    assert [int(net.optimizer_state["adam"]["updates"]) for net in nets] == [10, 4]


def test_another_optimiser_of_the_same_kind_goes_on_at_its_own_rate():
    net, trainer = network(), Trainer(network(), optimizer=optim.Adam(0.1))
    for k in range(8):
        trainer.learning_rate = 0.1 / (1 + k)
        optim.Adam(0.1 / (1 + k)).step(net, net.loss_and_grad(X, Y)[1])
        trainer.update(X, Y)
    assert (net.theta == trainer.network.theta).all()
    optim.RMSprop(0.01).step(net, net.loss_and_grad(X, Y)[1])
    assert list(net.optimizer_state) == ["adam", "rmsprop"]
    assert net.optimizer_state["adam"]["updates"] == 8


def test_momentum_may_begin_later():
    net = network("float64")
    plain, momentum = optim.SGD(0.1), optim.SGD(0.1, 0.9)
    theta, gradient = net.theta.copy(), RNG.normal(size=net.theta.shape)
    plain.step(net, gradient)
    momentum.step(net, gradient)
    momentum.step(net, gradient)
    assert net.theta == pytest.approx(theta - 0.1 * gradient * (1 + 1 + 1.9))
    assert net.optimizer_state["sgd"]["updates"] == 3


@engines
def test_steps_of_a_sparse_table_leave_rows_without_gradient_alone(engine: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ELMAN_ENGINE", engine)
    layers = [elman.Embedding(9, 3, sparse=True), elman.Recurrent(4), elman.Dense(9)]
    net = elman.Network.from_layers(layers, seed=2)
    ids = np.array([[1, 2, 3, 2, 1]])
    trainer = Trainer(net.copy(), loss="cross_entropy", optimizer=optim.Adam(0.05))
    before = net.theta.copy()
    for _ in range(5):
        _, gradients = net.loss_and_grad(ids, ids, loss="cross_entropy")
        optim.Adam(0.05).step(net, gradients)
        trainer.update(ids, ids)
    assert (net.theta == trainer.network.theta).all()
    table = net.parameters["embedding.weight"] != before[-27:].reshape(9, 3)
    assert table.any(axis=1).tolist() == [False, True, True, True, *[False] * 5]


def test_a_large_network_takes_the_same_steps():
    """One whose step takes long, and gives the interpreter's lock back."""
    net = elman.Network(2**22, 1, 1, cell="tanh", seed=0)
    assert net.num_parameters > 2**22
    gradient = RNG.normal(size=net.num_parameters).astype(np.float32)
    trainer = Trainer(net.copy(), optimizer=optim.Adam(0.01), clip_norm=1.0)
    for _ in range(2):
        assert optim.Adam(0.01).step(net, gradient, clip_norm=1.0) == trainer.step(gradient)
    assert (net.theta == trainer.network.theta).all()
    size = np.float64(gradient) @ gradient
    assert trainer.history.gradient_norm[0] == pytest.approx(size**0.5)


# ------------------------------------------------------------------------------------------------------- errors


@engines
@pytest.mark.parametrize(
    ("gradients", "error", "message"),
    [
        ({"head": [1.0]}, ValueError, "gradients: expected names among weight_ih_l0, .* got 'head'"),
        ({"head.bias": [1.0, 2.0]}, ValueError, r"gradients\['head.bias'\]: expected shape \(1,\), got \(2,\)"),
        ({"head.bias": [np.nan]}, ValueError, r"gradients\['head.bias'\]: expected finite numbers, got nan"),
        ({"head.bias": "x"}, TypeError, r"gradients\['head.bias'\]: expected real numbers, got"),
        (np.zeros(3), ValueError, r"gradients: expected shape \(\d+,\), got \(3,\)"),
        (np.full(288, np.inf), ValueError, "gradients: expected finite numbers, got inf at row 0"),
        (np.full(288, np.nan, np.float32), ValueError, "gradients: expected finite numbers, got nan at row 0"),
        (np.full(288, 1e200), ValueError, "gradients: expected finite numbers, got inf at row 0"),
        (None, TypeError, "gradients: expected real numbers, got None"),
    ],
)
@pytest.mark.parametrize("clip", [{}, {"clip_value": 1.0}])
def test_gradients_that_do_not_fit_change_nothing(
    gradients: Any, error: type[Exception], message: str, clip: Any, engine: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ELMAN_ENGINE", engine)
    net, opt = network(), optim.Adam(0.1)
    assert net.num_parameters == 288
    opt.step(net, {}, **clip)
    before, state = net.theta.copy(), net.optimizer_state
    with pytest.raises(error, match=message):
        opt.step(net, gradients, **clip)
    assert (net.theta == before).all()
    assert_same(net.optimizer_state, state)


def test_other_arguments_are_refused_by_name():
    net = network()
    with pytest.raises(TypeError, match=r"network: expected an elman\.Network, got"):
        optim.Adam().step(Trainer(net), {})  # type: ignore[arg-type]
    for name in ("clip_norm", "clip_value"):
        for value in (0, -1.0, np.nan):
            with pytest.raises(ValueError, match=f"{name}: expected"):
                optim.Adam().step(net, {}, **{name: value})
    assert net.optimizer_state == {}


# ------------------------------------------------------------------------------------------ what is remembered


def assert_same(a: Mapping[str, Any], b: Mapping[str, Any]) -> None:
    assert {kind: list(one) for kind, one in a.items()} == {kind: list(one) for kind, one in b.items()}
    for kind, one in a.items():
        for name, value in one.items():
            assert np.array_equal(value, b[kind][name])


def trained(steps: int, net: elman.Network | None = None) -> elman.Network:
    net = network() if net is None else net
    for _ in range(steps):
        optim.Adam(0.05).step(net, net.loss_and_grad(X, Y)[1])
    return net


@pytest.mark.parametrize("way", ["pickle", "deepcopy", "state", "npz"])
def test_training_goes_on_from_what_was_kept_bit_for_bit(way: str, tmp_path: Path):
    whole, first = trained(6), trained(3)
    optim.SGD(0.1).step(first, {})
    if way == "pickle":
        second = pickle.loads(pickle.dumps(first))
    elif way == "deepcopy":
        second = copy.deepcopy(first)
    else:
        first.save(tmp_path / "a.safetensors")
        second = elman.load(tmp_path / "a.safetensors")
        assert second.optimizer_state == {}
        state: Any = first.optimizer_state
        if way == "npz":
            np.savez(
                tmp_path / "state.npz", **{f"{kind}/{n}": v for kind, one in state.items() for n, v in one.items()}
            )
            state = {}
            with np.load(tmp_path / "state.npz") as file:
                for name in file:
                    state.setdefault(name.split("/")[0], {})[name.split("/")[1]] = file[name]
        second.optimizer_state = state
    assert_same(second.optimizer_state, first.optimizer_state)
    assert (trained(3, second).theta == whole.theta).all()
    assert first.optimizer_state["adam"]["updates"] == 3


def test_the_state_is_copied_out_and_in_and_may_be_forgotten():
    net = trained(2)
    state = net.optimizer_state
    state["adam"]["mean"][:] = 0
    assert net.optimizer_state["adam"]["mean"].any()
    net.optimizer_state = {}
    trainer = Trainer(net.copy(), optimizer=optim.Adam(0.05))
    trainer.update(X, Y)
    assert (trained(1, net).theta == trainer.network.theta).all()
    assert net.copy().optimizer_state == {}


ZEROS = np.zeros(288)


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        (None, TypeError, "optimizer_state: expected a mapping, got None"),
        ({"adam": None}, TypeError, r"optimizer_state\['adam'\]: expected a mapping, got None"),
        ({"ada": {}}, ValueError, "optimizer_state: expected names among sgd, .*, got 'ada'"),
        (
            {"adam": {"updates": 1}},
            ValueError,
            r"optimizer_state\['adam'\]: expected updates, mean, square, got updates",
        ),
        ({"adagrad": {"square": ZEROS}}, ValueError, "expected updates, square, got square"),
        ({"sgd": {"updates": -1}}, ValueError, r"optimizer_state\['sgd'\]\['updates'\]: expected a whole number"),
        ({"sgd": {"updates": [1, 2]}}, TypeError, r"optimizer_state\['sgd'\]\['updates'\]: expected a whole number"),
        ({"sgd": {"updates": 1, "velocity": ZEROS[1:]}}, ValueError, r"velocity'\]: expected shape \(288,\), got"),
        (
            {"sgd": {"updates": 1, "velocity": ZEROS + np.nan}},
            ValueError,
            r"velocity'\]: expected finite numbers, got nan",
        ),
        ({"sgd": {"updates": 1, "velocity": "x"}}, TypeError, r"velocity'\]: expected real numbers, got"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(state: Any, error: type[Exception], message: str):
    net = trained(1)
    before = net.optimizer_state
    with pytest.raises(error, match=message):
        net.optimizer_state = state
    assert_same(net.optimizer_state, before)


def test_optimisers_stay_frozen_and_equal_by_their_numbers():
    opt = optim.Adam(0.05)
    opt.step(network(), {})
    assert opt == optim.Adam(0.05)
    assert hash(opt) == hash(optim.Adam(0.05))
    with pytest.raises(dataclasses.FrozenInstanceError):
        opt.learning_rate = 1.0  # type: ignore[misc]
