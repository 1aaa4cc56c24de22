from __future__ import annotations

import numpy as np
import pytest

import elman
from elman.layers import GRU, LSTM


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


def test_uniform_draws_biases_too_and_names_leave_the_forget_gate_at_zero():
    p = elman.Network(3, 16, 2, cell=GRU(), init="uniform", seed=0).parameters
    for name in ("bias_l0", "bias_hn_l0", "head.bias"):
        assert p[name].any()
        assert abs(p[name]).max() <= 0.25
    assert not elman.Network(3, 4, 2, init="xavier", seed=0).parameters["bias_l0"].any()


def test_orthogonal_covers_every_matrix():
    p = elman.Network(3, 8, 2, cell="tanh", init="orthogonal", dtype="float64", seed=0).parameters
    np.testing.assert_allclose(p["weight_ih_l0"].T @ p["weight_ih_l0"], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(p["head.weight"] @ p["head.weight"].T, np.eye(2), atol=1e-12)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"init": "he"}, ValueError, "init: expected one of 'xavier', 'orthogonal', 'small', 'uniform', got 'he'"),
        ({"init": 1}, TypeError, "init: .* got 1"),
        ({"seed": -1}, ValueError, "seed: expected a whole number of at least 0, got -1"),
        ({"seed": 0.5}, TypeError, "seed: .* got 0.5"),
    ],
)
def test_refused(options: dict[str, object], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        elman.Network(1, 2, 1, **options)  # type: ignore[arg-type]
