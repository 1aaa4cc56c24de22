"""Source E: rows, linear and softmax outputs, the classifier, and the source's mistakes shown to be mistakes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import elman
from elman import classic
from elman.classic import RowSimpleRNN, SoftmaxRNN, overview
from elman.student import check_student, mistakes

ROW_NAMES = ("Wx", "Wh", "Wo", "bh", "bo")
NAMES = ("W_xh", "W_hh", "W_hy", "b_h", "b_y")


def spread(network: object, names: tuple[str, ...], seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    for name in names:
        setattr(network, name, 0.6 * rng.normal(size=getattr(network, name).shape))


def differences(network: object, value: Callable[[], float]) -> np.ndarray:
    """Central differences with respect to the network's theta."""
    theta = network.core.theta
    start, result = theta.copy(), np.zeros_like(theta)
    for i in range(len(theta)):
        sides = []
        for step in (1e-5, -1e-5):
            theta[:] = start
            theta[i] += step
            sides.append(value())
        result[i] = (sides[0] - sides[1]) / 2e-5
    theta[:] = start
    return result


def softmax(raw: np.ndarray) -> np.ndarray:
    e = np.exp(raw)
    return e / e.sum(axis=1, keepdims=True)


# ------------------------------------------------------------------------------------------------ in rows


def test_the_two_classes_of_one_name():
    assert classic.RowSimpleRNN is overview.SimpleRNN
    assert classic.SimpleRNN is not overview.SimpleRNN


def test_shapes_and_draws_are_the_sources():
    np.random.seed(4)
    expected = [0.01 * np.random.randn(*shape) for shape in ((2, 4), (4, 4), (4, 3))]
    np.random.seed(4)
    network = RowSimpleRNN(2, 4, 3)
    for name, value in zip(ROW_NAMES, expected, strict=False):
        np.testing.assert_array_equal(getattr(network, name), value)
    assert network.bh.shape == (1, 4)
    assert network.bo.shape == (1, 3)
    assert network.lr == 0.01


@pytest.mark.parametrize("output", ["linear", "softmax"])
def test_forward_is_the_equations_in_rows(output: str):
    network = RowSimpleRNN(2, 4, 3, output=output)
    spread(network, ROW_NAMES)
    X = np.random.default_rng(1).normal(size=(5, 2))
    h, states = np.zeros((1, 4)), []
    for t in range(5):
        h = np.tanh(X[t : t + 1] @ network.Wx + h @ network.Wh + network.bh)
        states.append(h[0])
    raw = np.array(states) @ network.Wo + network.bo
    out, got = network.forward(X)
    np.testing.assert_allclose(got, states, rtol=1e-12)
    np.testing.assert_allclose(out, softmax(raw) if output == "softmax" else raw, rtol=1e-12)
    np.testing.assert_array_equal(network.predict(X), out)


def test_the_sources_product_fits_only_where_d_is_h_and_is_then_another():
    """Its forward pass multiplies Wx . x_t, with Wx (D, H)."""
    network = RowSimpleRNN(2, 4, 3)
    spread(network, ROW_NAMES)
    with pytest.raises(ValueError, match="not aligned"):
        np.dot(network.Wx, np.zeros(2))
    square = RowSimpleRNN(3, 3, 1)
    spread(square, ROW_NAMES)
    x = np.array([[1.0, -0.5, 0.25]])
    right = np.tanh(x @ square.Wx + square.bh)
    np.testing.assert_allclose(square.forward(x)[1], right, rtol=1e-12)
    assert np.abs(np.tanh(np.dot(square.Wx, x[0]) + square.bh) - right).max() > 0.1


@pytest.mark.parametrize("activation", ["tanh", elman.Activation("sine", np.sin, np.cos)])
@pytest.mark.parametrize("output", ["linear", "softmax"])
def test_one_update_passes_finite_differences(output: str, activation: object):
    rng = np.random.default_rng(2)
    network = RowSimpleRNN(2, 4, 3, lr=0.125, output=output, activation=activation)
    spread(network, ROW_NAMES)
    X, y = rng.normal(size=(5, 2)), softmax(rng.normal(size=(5, 3)))

    def value() -> float:
        out = network.predict(X)
        return float(-(y * np.log(out)).sum() if output == "softmax" else ((out - y) ** 2).sum() / 2)

    expected, before = differences(network, value), network.core.theta.copy()
    network.backward(X, y, *network.forward(X))
    np.testing.assert_allclose((before - network.core.theta) / 0.125, expected, rtol=1e-6, atol=1e-8)


def test_the_student_checker_finds_nothing():
    report = check_student(RowSimpleRNN)
    assert report.passed, str(report)
    assert report.source == "E"


@pytest.mark.parametrize("output", ["linear", "softmax"])
def test_train_is_so_many_updates(output: str):
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(6, 2)), softmax(rng.normal(size=(6, 3)))
    one, other = (RowSimpleRNN(2, 4, 3, lr=0.05, output=output) for _ in range(2))
    spread(one, ROW_NAMES)
    spread(other, ROW_NAMES)
    losses = one.train(X, y)
    for _ in range(10):
        other.backward(X, y, *other.forward(X))
    np.testing.assert_array_equal(one.core.theta, other.core.theta)
    assert len(losses) == 10
    assert losses[-1] < losses[0]


# ------------------------------------------------------------------------------------------ the classifier


def delayed(steps: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Symbols of three, and as target the symbol before: without a memory nobody can know it."""
    symbols = np.random.default_rng(seed).integers(0, 3, steps)
    return np.eye(3)[symbols], np.concatenate([[0], symbols[:-1]])


@pytest.fixture(scope="module")
def trained() -> SoftmaxRNN:
    np.random.seed(1)
    network = SoftmaxRNN(3, 8, 3, learning_rate=0.05)
    losses = network.train(*delayed(60), epochs=800)
    assert losses[-1] < 0.1 * losses[0]
    return network


def test_the_classifier_learns_and_is_measured_on_other_data(trained: SoftmaxRNN):
    assert trained.evaluate_accuracy(*delayed(200, seed=1)) > 0.95


def test_with_the_state_forgotten_at_each_step_the_accuracy_is_wrong(trained: SoftmaxRNN):
    """As the source's program evaluates: each step alone, from a state of zeros."""
    x, y = delayed(200, seed=1)
    forgetful = trained.evaluate_accuracy(x, y, carry_state=False)
    assert forgetful == np.mean([trained.predict_proba(x[t : t + 1])[0].argmax() == y[t] for t in range(len(x))])
    assert forgetful < 0.6
    assert trained.evaluate_accuracy(x, y) > forgetful + 0.3


def test_the_single_step_carries_the_state(trained: SoftmaxRNN):
    x, _ = delayed(20, seed=2)
    h, steps = np.zeros(trained.hidden_size), []
    for row in x:
        p, h = trained.forward(row, h)
        steps.append(p)
    np.testing.assert_allclose(steps, trained.predict_proba(x), rtol=1e-12)
    np.testing.assert_allclose(h, np.tanh(trained.W_xh @ x[-1] + trained.W_hh @ _state(trained, x) + trained.b_h))


def _state(network: SoftmaxRNN, x: np.ndarray) -> np.ndarray:
    """The state before the last step."""
    h = np.zeros(network.hidden_size)
    for row in x[:-1]:
        h = np.tanh(network.W_xh @ row + network.W_hh @ h + network.b_h)
    return h


@pytest.mark.parametrize("kind", [SoftmaxRNN, classic.RNNCell, classic.PlainRNN])
def test_the_student_checker_passes_the_other_classes(kind: type):
    report = check_student(kind)
    assert report.passed, str(report)


def test_the_classifier_with_another_nonlinearity():
    network = SoftmaxRNN(2, 4, 3, 0.1, activation=elman.Activation("sine", np.sin, np.cos))
    spread(network, NAMES)
    x, h = np.array([0.5, -1.0]), np.full(4, 0.2)
    p, after = network.forward(x, h)
    np.testing.assert_allclose(after, np.sin(network.W_xh @ x + network.W_hh @ h + network.b_h), rtol=1e-12)
    np.testing.assert_allclose(p, softmax((network.W_hy @ after + network.b_y)[None])[0], rtol=1e-12)


def test_probabilities_are_those_of_the_equations():
    network = SoftmaxRNN(2, 4, 3, learning_rate=0.1)
    spread(network, NAMES)
    x = np.random.default_rng(1).normal(size=(5, 2))
    weights = {name: getattr(network, name) for name in NAMES}
    steps = mistakes.states(mistakes.Exercise(weights, x[:, None], None))
    raw = np.array([step.h[0] for step in steps]) @ network.W_hy.T + network.b_y
    np.testing.assert_allclose(network.predict_proba(x), softmax(raw), rtol=1e-12)


def classified() -> tuple[SoftmaxRNN, np.ndarray, np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """A network, its data, its gradient of the summed cross-entropy by finite differences, and dy."""
    network = SoftmaxRNN(2, 4, 3, learning_rate=0.01)
    spread(network, NAMES)
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(5, 2)), rng.integers(0, 3, 5)

    def value() -> float:
        return float(-np.log(network.predict_proba(x)[np.arange(5), y]).sum())

    flat = differences(network, value)
    places = ("weight_ih_l0", "weight_hh_l0", "head.weight", "bias_l0", "head.bias")
    expected = {name: network.core.view(place, flat) for name, place in zip(NAMES, places, strict=True)}
    return network, x, y, expected, network.predict_proba(x) - np.eye(3)[y]


def test_training_passes_finite_differences():
    network, x, y, expected, _ = classified()
    before = {name: getattr(network, name).copy() for name in NAMES}
    mean = -np.log(network.predict_proba(x)[np.arange(5), y]).mean()
    assert network.train(x, y) == pytest.approx([mean], rel=1e-12)
    for name in NAMES:
        step = (before[name] - getattr(network, name)) / 0.01
        np.testing.assert_allclose(step, expected[name], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("flaw", ["no slope", "W_hh untransposed"])
def test_each_mistake_of_the_sources_program_fails_finite_differences(flaw: str):
    network, x, _, expected, dy = classified()
    case = mistakes.Exercise({name: getattr(network, name) for name in NAMES}, x[:, None], dy[:, None])
    right, wrong = mistakes.gradients(case), mistakes.gradients(case, frozenset({flaw}))
    assert max(mistakes.distance(right[name], expected[name]) for name in NAMES) < 1e-6
    assert mistakes.distance(wrong["W_hh"], expected["W_hh"]) > 0.1


# --------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: RowSimpleRNN(0, 2, 1), ValueError, "input_dim: expected a whole number"),
        (lambda: RowSimpleRNN(1, 2.0, 1), TypeError, "hidden_dim: expected a whole number"),
        (lambda: RowSimpleRNN(1, 2, -1), ValueError, "output_dim: expected a whole number"),
        (lambda: RowSimpleRNN(1, 2, 1, lr=float("nan")), ValueError, "lr: expected a finite number"),
        (lambda: RowSimpleRNN(1, 2, 1, output="tanh"), ValueError, "output: expected one of 'linear', 'softmax'"),
        (lambda: RowSimpleRNN(2, 2, 1).forward(np.zeros((4, 3))), ValueError, r"X: expected shape \(T, 2\)"),
        (lambda: RowSimpleRNN(2, 2, 1).train(np.zeros((4, 2)), np.zeros((3, 1))), ValueError, "y: expected shape"),
        (lambda: RowSimpleRNN(2, 2, 1).train(np.zeros((4, 2)), np.zeros((4, 1)), 0), ValueError, "epochs: expected"),
        (lambda: SoftmaxRNN(2, 2, 3, 0.1).forward(np.zeros(3), np.zeros(2)), ValueError, r"input: expected shape"),
        (lambda: SoftmaxRNN(2, 2, 3, 0.1).forward(np.zeros(2), [1.0]), ValueError, "prev_hidden: expected shape"),
        (lambda: SoftmaxRNN(2, 2, 3, -1), ValueError, "learning_rate: expected"),
        (lambda: SoftmaxRNN(2, 2, 3, 0.1).train(np.zeros((4, 2)), [0, 1, 2, 3]), ValueError, "got 3 at step 3"),
        (lambda: SoftmaxRNN(2, 2, 3, 0.1).train(np.zeros((4, 2)), [0, 1, 2]), ValueError, r"targets: expected shape"),
        (lambda: SoftmaxRNN(2, 2, 3, 0.1).train(np.zeros((2, 2)), [0.0, 1.0]), TypeError, "targets: expected whole"),
        (lambda: SoftmaxRNN(2, 2, 3, 0.1).predict_proba([[np.nan, 1.0]]), ValueError, "inputs: expected finite"),
    ],
)
def test_bad_input_is_named(call: Callable[[], object], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        call()
