"""Initial values: their distributions, what is exact, and what names stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

import elman
from elman.core.init import INITS, Chrono, Gain, initial
from elman.core.layers import GRU, LSTM, Dense, Embedding, Layout, Recurrent, Simple


def test_the_same_seed_gives_the_same_values_in_both_dtypes():
    single, double = (elman.Network(3, 8, 2, dtype=dtype, seed=5) for dtype in ("float32", "float64"))
    assert (single.theta == double.theta.astype(np.float32)).all()
    assert (single.theta == elman.Network(3, 8, 2, seed=5).theta).all()
    assert (single.theta != elman.Network(3, 8, 2, seed=6).theta).any()


def test_without_a_seed_they_differ():
    assert (elman.Network(3, 8, 2).theta != elman.Network(3, 8, 2).theta).any()


@pytest.mark.parametrize(("cell", "gates"), [("tanh", 1), ("gru", 3), ("lstm", 4)])
def test_recurrent_weights_are_orthogonal_gate_by_gate(cell: str, gates: int):
    w = elman.Network(3, 8, 2, cell=cell, dtype="float64", seed=0).parameters["weight_hh_l0"]
    for gate in w.reshape(gates, 8, 8):
        np.testing.assert_allclose(gate @ gate.T, np.eye(8), atol=1e-12)
    assert len({gate.tobytes() for gate in w.reshape(gates, 8, 8)}) == gates


def test_relu_begins_at_the_identity():
    assert (elman.Network(3, 8, 2, cell="relu", seed=0).parameters["weight_hh_l0"] == np.eye(8)).all()


def test_the_forget_gate_begins_open():
    p = elman.Network(3, 4, 2, cell=LSTM(peepholes=True), seed=0).parameters
    assert p["bias_l0"].tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8
    assert not p["peephole_l0"].any()
    assert not p["head.bias"].any()
    p = elman.Network(3, 4, 2, cell="gru", seed=0).parameters
    assert not p["bias_l0"].any()
    assert not p["bias_hn_l0"].any()


def test_xavier_fills_its_interval_gate_by_gate():
    p = elman.Network(40, 60, 20, dtype="float64", seed=0).parameters
    for name, fan in (("weight_ih_l0", 100), ("head.weight", 80)):
        bound = np.sqrt(6 / fan)
        assert abs(p[name]).max() <= bound
        assert p[name].std() == pytest.approx(bound / np.sqrt(3), rel=0.05)


@pytest.mark.parametrize(("init", "std"), [("small", 0.01), ("uniform", 1 / np.sqrt(3 * 64)), ("xavier", 1 / 8)])
def test_names_set_the_scale_of_recurrent_weights(init: str, std: float):
    w = elman.Network(3, 64, 2, cell="tanh", init=init, dtype="float64", seed=0).parameters["weight_hh_l0"]
    assert w.std() == pytest.approx(std, rel=0.05)
    assert abs(w.mean()) < std / 10


def test_small_and_uniform_begin_as_other_programs_do():
    p = elman.Network(3, 16, 2, cell=GRU(), init="uniform", seed=0).parameters
    for name in ("bias_l0", "bias_hn_l0", "head.bias"):
        assert p[name].any()
        assert abs(p[name]).max() <= 0.25
    p = elman.Network(3, 4, 2, init="small", seed=0).parameters
    assert not p["bias_l0"].any()
    assert abs(p["head.weight"]).max() < 0.05


@pytest.mark.parametrize("init", ["xavier", "orthogonal"])
def test_a_recurrent_name_leaves_the_rest_as_it_is_without_one(init: str):
    """A head behind the recurrent layer is drawn after it, so its distribution is compared, not its numbers."""
    named, plain = (elman.Network(3, 40, 30, init=i, dtype="float64", seed=0).parameters for i in (init, None))
    assert (named["weight_ih_l0"] == plain["weight_ih_l0"]).all()
    assert (named["bias_l0"] == plain["bias_l0"]).all()
    bound = np.sqrt(6 / 70)
    assert 0.98 * bound < abs(named["head.weight"]).max() <= bound
    assert not named["head.bias"].any()


def test_orthogonal_is_the_default_but_for_relu():
    for cell in ("tanh", "lstm", "gru"):
        named, plain = (elman.Network(3, 8, 2, cell=cell, init=i, seed=0).theta for i in ("orthogonal", None))
        assert (named == plain).all()
    w = elman.Network(3, 8, 2, cell="relu", init="orthogonal", dtype="float64", seed=0).parameters["weight_hh_l0"]
    np.testing.assert_allclose(w @ w.T, np.eye(8), atol=1e-12)
    assert abs(w - np.eye(8)).max() > 0.5


def test_orthogonal_matrices_are_uniform():
    """By symmetry each entry has mean 0 and variance 1/H, and the sign of the determinant is fair."""
    draws = [
        elman.Network(1, 4, 1, cell="tanh", dtype="float64", seed=s).parameters["weight_hh_l0"] for s in range(600)
    ]
    entries = np.stack(draws)
    assert abs(entries.mean(axis=0)).max() < 4 * 0.5 / np.sqrt(600)
    np.testing.assert_allclose((entries**2).mean(axis=0), 0.25, atol=4 * 0.25 * np.sqrt(2 / 600))
    assert abs(np.mean(np.linalg.det(entries) > 0) - 0.5) < 4 * 0.5 / np.sqrt(600)


@pytest.mark.parametrize("cell", ["tanh", "relu"])
def test_identity_is_for_simple_cells(cell: str):
    net = elman.Network(3, 5, 2, cell=cell, num_layers=2, bidirectional=True, init="identity", seed=0)
    for name, value in net.parameters.items():
        if name.startswith("weight_hh"):
            assert (value == np.eye(5)).all()
        assert value.any() != ("bias" in name)
    for gated in ("lstm", "gru"):
        with pytest.raises(
            ValueError, match=r"init: expected 'identity' for simple cells alone, got .* at layers\[1\]"
        ):
            elman.Network.from_layers([Recurrent(4, cell), Recurrent(4, gated)], input_size=1, init="identity")


def test_the_identity_sums_what_a_relu_network_is_shown():
    """Le, Jaitly and Hinton's reason for it: without a bias, positive inputs add up and nothing is forgotten."""
    net = elman.Network(1, 6, None, cell="relu", init="identity", dtype="float64", seed=0)
    x = np.random.default_rng(0).uniform(0, 1, (1, 50, 1))
    expected = np.maximum(net.parameters["weight_ih_l0"][:, 0], 0) * x.sum()
    np.testing.assert_allclose(net.predict(x)[0, -1], expected, rtol=1e-12)


# --------------------------------------------------------------------------------------------------- chrono


GATED = ["lstm", "gru", LSTM(peepholes=True), GRU(reset_after=False)]


@pytest.mark.parametrize("cell", GATED, ids=str)
def test_chrono_biases_are_logarithms_of_uniform_times(cell: Any):
    layout = Layout([Recurrent(50, cell)], 1)
    place = next(p for p in layout.parameters if p.name == "bias_l0")
    drawn = [place.view(initial(layout, Chrono(60), np.dtype(np.float64), seed)) for seed in range(40)]
    gates = np.concatenate([bias.reshape(-1, 50) for bias in drawn], axis=1)  # (G, 2000)
    u = np.exp(gates[1])
    assert 1 <= u.min() < 1.2
    assert 58.8 < u.max() <= 59
    assert u.mean() == pytest.approx(30, abs=4 * 58 / np.sqrt(12 * 2000))
    assert u.std() == pytest.approx(58 / np.sqrt(12), rel=0.05)
    others = np.delete(gates, 1, axis=0)
    if len(gates) == 4:  # i, g, o
        assert (others[0] == -gates[1]).all()
        others = others[1:]
    assert not others.any()


@pytest.mark.parametrize("cell", GATED, ids=str)
def test_chrono_gates_keep_the_state_for_so_long(cell: Any):
    """The biases alone, without weights: after k steps (u / (1 + u))^k of a state is left, whichever gate keeps it."""
    net = elman.Network(
        1, 20, None, cell=cell, num_layers=2, bidirectional=True, init=Chrono(40), dtype="float64", seed=0
    )
    for name, value in net.parameters.items():
        if name.startswith("weight"):
            value[:] = 0
    kept = "c" if "c_l0" in net.state_names else "h"
    state = {name: np.ones((1, 20)) for name in net.state_names if name.startswith(kept)}
    _, final = net.predict(np.zeros((1, 7, 1)), state=state, return_state=True)
    for name in state:
        u = np.exp(net.parameters[f"bias_{name[2:]}"][20:40])
        np.testing.assert_allclose(final[name][0], (u / (1 + u)) ** 7, rtol=1e-9)
        assert 1 < u.min() < u.max() < 39


def test_chrono_is_for_gated_cells_and_changes_their_biases_alone():
    named, plain, hundred, other = (
        elman.Network(3, 8, 2, cell="gru", init=init, dtype="float64", seed=0)
        for init in ("chrono", None, Chrono(100), Chrono(10))
    )
    assert (named.theta == hundred.theta).all()
    assert (named.theta != other.theta).any()
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_hn_l0"):
        assert (named.parameters[name] == plain.parameters[name]).all()
    with pytest.raises(
        ValueError, match=r"init: expected Chrono\(T=100\) for LSTM and GRU alone, got Simple.* layers\[0\]"
    ):
        elman.Network(1, 2, 1, cell="tanh", init="chrono")
    with pytest.raises(ValueError, match="T: expected a whole number of at least 3, got 2"):
        Chrono(2)


# ------------------------------------------------------------------------------------------------ every name


@dataclass(frozen=True)
class Normed(LSTM):
    """A cell with the parameters of a layer norm and a learned initial state."""

    kind: ClassVar[str] = "normed"

    def parameter_shapes(self, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        more = {"gain_ih": (4 * hidden_size,), "gain_c": (hidden_size,), "shift_hh": (hidden_size,)}
        return super().parameter_shapes(input_size, hidden_size) | more | {"state_h": (hidden_size,)}


@pytest.mark.parametrize("init", [None, *(name for name in INITS if name != "identity"), Chrono(9)], ids=str)
def test_gains_begin_at_1_shifts_and_states_at_0(init: Any):
    layout = Layout([Recurrent(4, Normed())], 2)
    theta = initial(layout, init, np.dtype(np.float32), 0)
    for place in layout.parameters:
        if place.name.startswith(("gain", "shift", "state")):
            assert (place.view(theta) == place.name.startswith("gain")).all()
        elif place.name.startswith("weight"):
            assert place.view(theta).all()


@pytest.mark.parametrize("init", [None, *(name for name in INITS if name != "chrono")], ids=str)
@pytest.mark.parametrize("leak", [0.25, (0.1, 0.5, 1.0)])
def test_a_leak_begins_where_the_cell_says(init: str | None, leak: Any):
    layout = Layout([Recurrent(3, Simple(leak=leak), bidirectional=True)], 2)
    theta = initial(layout, init, np.dtype(np.float64), 0)
    leaks = [place.view(theta) for place in layout.parameters if place.name.startswith("leak")]
    assert len(leaks) == 2
    for value in leaks:
        assert (value == np.broadcast_to(leak, 3)).all()


@pytest.mark.parametrize("init", [None, *INITS], ids=str)
def test_every_name_draws_the_same_in_both_dtypes_and_for_a_seed(init: str | None):
    cell = Simple("relu") if init == "identity" else "gru"
    layers = [Embedding(7, 3), Recurrent(4, cell, bidirectional=True), Dense(3, "tanh"), Dense(2)]
    one, other = (elman.Network.from_layers(layers, init=init, dtype=d, seed=4) for d in ("float32", "float64"))
    assert (one.theta == other.theta.astype(np.float32)).all()
    assert (one.theta != elman.Network.from_layers(layers, init=init, seed=5).theta).any()
    assert np.isfinite(other.predict([[1, 2, 6]])).all()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"init": "he"}, ValueError, "init: expected one of 'xavier', 'orthogonal', 'identity', 'normal', .* got 'he'"),
        ({"init": 1}, TypeError, "init: .* got 1"),
        ({"seed": -1}, ValueError, "seed: expected a whole number of at least 0, got -1"),
        ({"seed": 0.5}, TypeError, "seed: .* got 0.5"),
    ],
)
def test_refused(options: dict[str, object], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        elman.Network(1, 2, 1, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [None, "orthogonal", "normal", "chrono", Chrono(9)])
def test_a_gain_multiplies_the_recurrent_matrices_alone(name: Any):
    inits = (Gain(1.5, name), name)
    net, plain = (elman.Network(3, 8, 2, cell="gru", dtype="float64", init=init, seed=0) for init in inits)
    for key, array in net.parameters.items():
        factor = 1.5 if key == "weight_hh_l0" else 1.0
        np.testing.assert_allclose(array, factor * plain.parameters[key], rtol=1e-15)


def test_a_normal_matrix_has_the_spectral_radius_of_its_gain():
    """The circular law: the eigenvalues of a normal matrix of deviation g / sqrt(H) fill the disc of radius g."""
    net = elman.Network(1, 400, None, cell="tanh", init=Gain(1.5, "normal"), seed=0)
    values = np.linalg.eigvals(net.parameters["weight_hh_l0"])
    assert abs(values).max() == pytest.approx(1.5, rel=0.1)
    assert (abs(values) < 0.75).mean() == pytest.approx(0.25, abs=0.05)


def test_a_function_draws_what_it_wants_and_leaves_the_rest():
    seen: list[str] = []

    def draw(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray | None:
        seen.append(name)
        return rng.standard_normal(shape) if name == "head.weight" else None

    net, again = (elman.Network(3, 8, 2, init=draw, seed=4) for _ in range(2))
    assert seen[: len(seen) // 2] == list(net.parameters)
    assert (net.theta == again.theta).all()
    assert not net.parameters["head.bias"].any()
    gate = net.parameters["weight_hh_l0"][:8]
    assert gate @ gate.T == pytest.approx(np.eye(8), abs=1e-6)
    assert abs(net.parameters["head.weight"]).max() > 1


@pytest.mark.parametrize(
    ("init", "error", "message"),
    [
        (
            lambda name, shape, rng: np.ones(3),
            ValueError,
            r"init: expected finite numbers of shape \(8, 1\) for weight",
        ),
        (lambda name, shape, rng: np.full(shape, np.nan), ValueError, "init: expected finite numbers"),
        (lambda name, shape, rng: "x", TypeError, "init: expected real numbers for weight_ih_l0, got 'x'"),
        (Chrono, TypeError, r"init: expected one of .* did you mean Chrono\(\)"),
        ("orthogonl", ValueError, r"did you mean 'orthogonal'\?"),
    ],
)
def test_other_values_of_a_function_are_refused(init: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        elman.Network(1, 2, 1, init=init, seed=0)


@pytest.mark.parametrize(("gain", "init"), [(-1.0, None), (1.0, "none"), ("2", None)])
def test_other_gains_are_refused(gain: Any, init: Any):
    with pytest.raises((TypeError, ValueError), match=r"gain|init"):
        Gain(gain, init)
