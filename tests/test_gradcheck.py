"""gradcheck: it passes what is right, finds what is wrong, and tells a kink from a mistake."""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest

import elman
from elman.core.losses import Huber, Pinball, StudentT
from elman.network.gradcheck import GradReport, gradcheck

SUBJECTS = [
    "tanh",
    "relu",
    "lstm",
    "gru",
    elman.LSTM(peepholes=True),
    elman.GRU(reset_after=False),
    elman.Dense(3, "relu"),
    elman.Dense(2, "sigmoid"),
    elman.Embedding(5, 3),
    elman.Recurrent(3, bidirectional=True),
    elman.Last(),
    elman.Skip(),
    "half_sse",
    "mse",
    "mae",
    "huber",
    Huber(0.1),
    "cross_entropy",
    "binary_cross_entropy",
    "pinball",
    Pinball((0.1, 0.5, 0.9)),
    "gaussian",
    "student_t",
    StudentT(2.5),
]


@pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_piece_passes(subject: object, seed: int):
    report = gradcheck(subject, seed=seed)
    assert report.passed, str(report)
    assert report.worst.error <= 1e-6
    assert not any(array.kinks for array in report.arrays)
    assert any(np.any(array.analytic != 0) for array in report.arrays)


def slanted(function, derivative):
    """A network with the user's own activation: the reference engine takes its derivative as it is given."""
    cell = elman.Simple(elman.Activation("own", function, derivative))
    layers = [elman.Recurrent(4, cell), elman.Dense(2)]
    return elman.Network.from_layers(layers, input_size=3, dtype="float64", seed=0)


def test_the_users_own_activation_passes_with_its_derivative():
    report = gradcheck(slanted(np.sin, np.cos))
    assert report.passed, str(report)
    assert report.engine == "reference"


@pytest.mark.parametrize("error", [1.0, 1e-2, 1e-4])
def test_a_wrong_derivative_fails_by_its_error(error: float):
    report = gradcheck(slanted(np.sin, lambda a: (1 + error) * np.cos(a)))
    assert not report.passed
    wrong = {array.name for array in report.arrays if not array.passed}
    assert wrong == {"weight_ih_l0", "weight_hh_l0", "bias_l0", "x", "state h_l0"}
    assert report.worst.error > error / 10
    assert "wrong: " in str(report)
    assert f"{report.worst.analytic:+.8e}" in str(report)
    assert f"{report.worst.numeric:+.8e}" in str(report)


def test_a_wrong_derivative_is_not_hidden_by_a_kink():
    """relu's derivative with a slope of 1.001: at the smooth points the difference shows."""
    report = gradcheck(slanted(lambda a: np.maximum(a, 0), lambda a: 1.001 * (a > 0)))
    assert not report.passed
    assert not any(array.kinks for array in report.arrays)


def test_the_worst_entry_is_the_one_that_was_spoilt(monkeypatch: pytest.MonkeyPatch):
    right = elman.Network.loss_and_grad

    def spoilt(self, *args, **kwargs):
        value, gradients = right(self, *args, **kwargs)
        gradients["weight_hh_l0"][1, 2] += 0.125
        return value, gradients

    monkeypatch.setattr(elman.Network, "loss_and_grad", spoilt)
    report = gradcheck(elman.Network(2, 3, 1, cell="gru", dtype="float64", seed=0))
    assert not report.passed
    assert report.worst.name == "weight_hh_l0"
    assert report.worst.entry == (1, 2)
    assert report.worst.analytic - report.worst.numeric == pytest.approx(0.125, abs=1e-8)
    assert [array.name for array in report.arrays if not array.passed] == ["weight_hh_l0"]


def at_the_kink() -> tuple[elman.Network, np.ndarray, np.ndarray]:
    network = elman.Network(2, 3, 1, cell="tanh", dtype="float64", seed=0)
    x = np.random.default_rng(0).normal(size=(1, 4, 2))
    return network, x, network.predict(x)


def test_targets_that_are_met_exactly_lie_at_the_kink_of_pinball():
    """The derivative there is taken as 0; central differences give the middle of q and q - 1, which is not 0 here."""
    network, x, y = at_the_kink()
    y[0, 1:] += 1.0  # the first step's error alone is 0
    report = gradcheck(network, x, y, loss=Pinball((0.9,)))
    assert report.passed, str(report)
    bias = next(array for array in report.arrays if array.name == "head.bias")
    assert bias.kinks == 1
    assert "at a kink" in str(report)


def test_at_a_kink_a_value_outside_the_one_sided_derivatives_still_fails(monkeypatch: pytest.MonkeyPatch):
    right = elman.Network.loss_and_grad

    def spoilt(self, *args, **kwargs):
        value, gradients = right(self, *args, **kwargs)
        gradients["head.bias"][0] += 3.0
        return value, gradients

    monkeypatch.setattr(elman.Network, "loss_and_grad", spoilt)
    network, x, y = at_the_kink()
    report = gradcheck(network, x, y, loss=Pinball((0.9,)))
    assert [array.name for array in report.arrays if not array.passed] == ["head.bias"]


def test_a_kink_beside_the_point_is_resolved_by_a_finer_step():
    """An error of 3e-6: the step of 1e-5 crosses the kink of |e|, the finer one does not."""
    network, x, y = at_the_kink()
    report = gradcheck(network, x, y - 3e-6, loss="mae")
    assert report.passed, str(report)
    bias = next(array for array in report.arrays if array.name == "head.bias")
    assert bias.kinks == 0
    assert bias.analytic == pytest.approx(1.0)
    assert bias.numeric == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("output", ["sequence", "last"])
def test_a_users_network_with_data_lengths_weights_and_state(output: str):
    rng = np.random.default_rng(1)
    network = elman.Network(
        2, [3, 4], 2, cell="lstm", bidirectional=True, output=output, head=[3], skip=True, dtype="float64", seed=1
    )
    y = rng.normal(size=(3, 5, 2) if output == "sequence" else (3, 2))
    before = network.theta.copy()
    report = elman.gradcheck(
        network,
        rng.normal(size=(3, 5, 2)),
        y,
        loss="huber",
        lengths=[5, 1, 3],
        sample_weight=[1.0, 0.5, 2.0],
        state={"c_l1": rng.normal(size=(3, 4))},
    )
    assert report.passed, str(report)
    np.testing.assert_array_equal(network.theta, before)


def test_one_sequence_without_the_batch_axis():
    rng = np.random.default_rng(1)
    network = elman.Network(2, 3, 1, cell="gru", dtype="float64", seed=0)
    assert gradcheck(network, rng.normal(size=(6, 2)), rng.normal(size=(6, 1))).passed
    assert gradcheck(network, rng.normal(size=(6, 2))).passed


def test_a_float32_network_is_checked_as_a_float64_copy_and_left_alone():
    network = elman.Network(1, 4, 1, seed=0)
    before = network.theta.copy()
    report = gradcheck(network)
    assert report.passed, str(report)
    assert "float64 copy" in report.notes[0]
    assert network.theta.dtype == np.float32
    np.testing.assert_array_equal(network.theta, before)


def test_what_holds_a_network_is_checked_by_it():
    network = elman.Network(1, 2, 1, seed=0)
    assert gradcheck(elman.Trainer(network)).passed
    assert gradcheck(SimpleNamespace(model_=SimpleNamespace(networks=(network,)))).passed


def test_large_arrays_are_sampled_and_it_is_said():
    report = gradcheck(elman.Network(4, 8, 1, seed=0), entries=5)
    assert report.passed
    assert {array.checked for array in report.arrays} == {5, 1}
    assert any("5 entries were drawn" in note for note in report.notes)


def test_a_gradient_that_vanishes_everywhere_passes():
    network = elman.Network(1, 2, 1, dtype="float64", seed=0)
    x = np.random.default_rng(0).normal(size=(2, 3, 1))
    assert gradcheck(network, x, network.predict(x)).passed


def test_the_report_is_plain_data():
    report = gradcheck("gru")
    assert isinstance(report, GradReport)
    assert json.loads(json.dumps(asdict(report)))["engine"] == report.engine


def test_the_module_itself_can_be_called():
    module = importlib.import_module("elman.gradcheck")
    assert module("huber").passed
    assert elman.gradcheck("huber").passed


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"subject": "vanilla"}, ValueError, "subject: expected one of 'tanh'"),
        ({"subject": 3}, TypeError, "subject: expected a Network, a cell, layer"),
        ({"subject": "lstm", "loss": "mes"}, ValueError, "loss: expected one of"),
        ({"subject": "lstm", "tolerance": 0.0}, ValueError, "tolerance: expected"),
        ({"subject": "lstm", "entries": 0}, ValueError, "entries: expected"),
        ({"subject": "lstm", "seed": -1}, ValueError, "seed: expected"),
        ({"subject": "lstm", "x": np.zeros((2, 3, 7))}, ValueError, r"x: expected shape .*3\)"),
        ({"subject": "lstm", "x": "text"}, TypeError, "x: expected real numbers"),
        ({"subject": "lstm", "x": np.full((2, 3, 3), np.nan)}, ValueError, "x: expected finite numbers, got nan"),
        ({"subject": "lstm", "x": np.zeros((2, 3, 3)), "y": np.zeros((2, 3, 1))}, ValueError, "y: expected shape"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, object], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        gradcheck(**arguments)
