"""Sources A and B: printed numbers, signatures, one right gradient step; and what all weight attributes share."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import elman
from elman import classic
from elman.student import check_student

X1, X2, X3 = [[1], [2], [3], [4]], [[0.5, 0.5], [1, 1], [1.5, 1.5]], [[0.1], [0.2], [0.3], [0.4], [0.5]]

# Source A's examples: sizes, input, and the first forward pass as printed (small) and as its text would give (xavier)
EXAMPLES = [
    ((1, 5, 1), X1, "small", [-0.0002, -0.0005, -0.0007, -0.001]),
    ((2, 4, 2), X2, "small", [[0.0001, 0.0002], [0.0001, 0.0004], [0.0002, 0.0006]]),
    ((1, 10, 1), X3, "small", [0, 0, 0.0001, 0.0001, 0.0001]),
    ((1, 5, 1), X1, "xavier", [-0.6799, -1.4728, -1.446, -1.7201]),
    ((2, 4, 2), X2, "xavier", [[0.2204, 0.5481], [0.4801, 0.7944], [0.5505, 0.9165]]),
    ((1, 10, 1), X3, "xavier", [0.0315, 0.0785, 0.1356, 0.1828, 0.2466]),
]


@pytest.mark.parametrize(("sizes", "x", "init", "printed"), EXAMPLES)
def test_the_first_outputs_of_source_a(sizes: tuple[int, int, int], x: list[list[float]], init: str, printed: list):
    y = classic.SequentialRecurrentNetwork(*sizes, init=init).forward(x)
    np.testing.assert_array_equal(np.round(y, 4), np.reshape(printed, (len(x), sizes[2])))


def test_the_printed_examples_do_not_come_from_the_texts_initialisation():
    small = classic.SequentialRecurrentNetwork(1, 5, 1)
    xavier = classic.SequentialRecurrentNetwork(1, 5, 1, init="xavier")
    assert abs(xavier.forward(X1) - small.forward(X1)).max() > 0.5
    # the same draws: what differs is the standard deviation, sqrt(2 / (fan_in + fan_out)) for 0.01
    np.testing.assert_allclose(xavier.W_hh / small.W_hh, 100 * np.sqrt(2 / 10), rtol=1e-12)
    np.testing.assert_allclose(xavier.W_xh / small.W_xh, 100 * np.sqrt(2 / 6), rtol=1e-12)


def test_source_a_leaves_the_callers_generator_alone():
    np.random.seed(7)
    expected = np.random.randn(3)
    np.random.seed(7)
    classic.SequentialRecurrentNetwork(2, 4, 2)
    np.testing.assert_array_equal(np.random.randn(3), expected)


def test_source_b_draws_from_the_callers_generator_in_its_order():
    np.random.seed(5)
    expected = [0.01 * np.random.randn(*shape) for shape in ((4, 2), (4, 4), (3, 4))]
    np.random.seed(5)
    network = classic.SimpleRNN(2, 4, 3)
    for weight, value in zip((network.W_xh, network.W_hh, network.W_hy), expected, strict=True):
        np.testing.assert_array_equal(weight, value)
    assert network.b_h.shape == (4, 1)
    assert network.b_y.shape == (3, 1)
    assert not network.b_h.any()
    assert not network.b_y.any()


def plain(network: object, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The equations, step by step."""
    h, states, outputs = np.zeros_like(network.b_h), [], []
    for row in x:
        h = np.tanh(network.W_xh @ row[:, None] + network.W_hh @ h + network.b_h)
        states.append(h[:, 0])
        outputs.append((network.W_hy @ h + network.b_y)[:, 0])
    return np.array(outputs), np.array(states)


BOTH = pytest.mark.parametrize("kind", [classic.SequentialRecurrentNetwork, classic.SimpleRNN])


def spread(network: object, seed: int = 0) -> None:
    """Weights of a useful size."""
    rng = np.random.default_rng(seed)
    for name in ("W_xh", "W_hh", "W_hy", "b_h", "b_y"):
        setattr(network, name, 0.5 * rng.normal(size=getattr(network, name).shape))


@BOTH
def test_forward_is_the_equations_and_keeps_the_hidden_states(kind: type):
    network, x = kind(2, 4, 3), np.random.default_rng(0).normal(size=(5, 2))
    spread(network)
    outputs, states = plain(network, x)
    np.testing.assert_allclose(network.forward(x), outputs, rtol=1e-12)
    np.testing.assert_allclose(network.hidden_states, states, rtol=1e-12)
    np.testing.assert_array_equal(network.forward(x.tolist()), network.forward(x))


@BOTH
def test_the_student_checker_finds_nothing(kind: type):
    report = check_student(kind)
    assert report.passed, str(report)
    assert report.source == "A/B"
    assert report.notes == ()


@BOTH
def test_backward_returns_the_loss_before_the_step(kind: type):
    rng = np.random.default_rng(1)
    network, x, y = kind(2, 4, 3), rng.normal(size=(5, 2)), rng.normal(size=(5, 3))
    spread(network)
    expected = ((plain(network, x)[0] - y) ** 2).sum() / 2
    assert network.backward(x, y, 0.01) == pytest.approx(expected, rel=1e-12)
    assert network.backward(x, y, 0.01) < expected


@pytest.mark.parametrize(
    ("sizes", "x", "y", "rate"),
    [
        ((1, 5, 1), X1, [[2], [3], [4], [5]], 0.01),
        ((2, 4, 2), X2, [[1, 1], [1.5, 1.5], [2, 2]], 0.01),
        ((1, 10, 1), X3, [[0.2], [0.3], [0.4], [0.5], [0.6]], 0.001),
    ],
)
@pytest.mark.parametrize("init", ["small", "xavier"])
def test_the_examples_of_source_a_learn(sizes: tuple[int, int, int], x: list, y: list, rate: float, init: str):
    network = classic.SequentialRecurrentNetwork(*sizes, init=init)
    losses = [network.backward(x, y, rate) for _ in range(300)]
    assert losses[-1] < 0.6 * losses[0]


def test_one_update_of_source_a_is_the_plain_update():
    network = classic.SequentialRecurrentNetwork(1, 5, 1, init="xavier")
    x, y = np.array(X1, float), np.array(X1, float) + 1
    program = classic.PlainRNN(1, 5, 1, 0.01, clip_value=None)
    for name in ("W_xh", "W_hh", "W_hy", "b_h", "b_y"):
        setattr(program, name, getattr(network, name).copy())
    columns, targets = [row[:, None] for row in x], [row[:, None] for row in y]
    program.backward(columns, targets, *program.forward(columns))
    network.backward(x, y, 0.01)
    for name in ("W_xh", "W_hh", "W_hy", "b_h", "b_y"):
        np.testing.assert_allclose(getattr(network, name), getattr(program, name), rtol=1e-12, atol=1e-15)


def test_another_nonlinearity():
    network = classic.SimpleRNN(2, 3, 1, activation=elman.Activation("sine", np.sin, np.cos))
    spread(network)
    x = np.random.default_rng(0).normal(size=(4, 2))
    h = np.zeros((3, 1))
    for row in x:
        h = np.sin(network.W_xh @ row[:, None] + network.W_hh @ h + network.b_h)
    np.testing.assert_allclose(network.forward(x)[-1:], network.W_hy @ h + network.b_y, rtol=1e-12)


# ---------------------------------------------------------------------------------------- weight attributes


def test_weights_are_views_and_assignment_copies_in():
    network = classic.RowSimpleRNN(2, 3, 1)
    given = np.arange(6.0).reshape(2, 3)
    network.Wx = given
    np.testing.assert_array_equal(network.core.view("weight_ih_l0"), given.T)
    given[:] = -1  # the caller's array is not the weight
    assert network.Wx[1, 2] == 5.0
    network.Wx[1, 2] = 9.0  # what is read can be written
    assert network.core.view("weight_ih_l0")[2, 1] == 9.0
    network.Wh += 1.0
    np.testing.assert_array_equal(network.core.view("weight_hh_l0"), network.Wh.T)
    assert np.shares_memory(network.bo, network.core.theta)


def test_a_copy_has_weights_of_its_own():
    network = classic.SimpleRNN(1, 3, 1)
    other = copy.deepcopy(network)
    other.W_xh[:] = 1.0
    assert not (network.W_xh == 1.0).any()


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (np.zeros((3, 2)), ValueError, r"W_xh: expected shape \(3, 1\), got \(3, 2\)"),
        (np.zeros(3), ValueError, r"W_xh: expected shape \(3, 1\), got \(3,\)"),
        ("text", TypeError, "W_xh: expected real numbers"),
    ],
)
def test_a_weight_of_a_wrong_shape_is_refused(value: object, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        classic.SimpleRNN(1, 3, 1).W_xh = value


@BOTH
@pytest.mark.parametrize(
    ("x", "y", "rate", "error", "message"),
    [
        (np.zeros((4, 3)), np.zeros((4, 1)), 0.1, ValueError, r"x: expected shape \(T, 2\), got \(4, 3\)"),
        (np.zeros((0, 2)), np.zeros((0, 1)), 0.1, ValueError, r"x: expected shape \(T, 2\), got \(0, 2\)"),
        ([[1, 2], [3]], np.zeros((2, 1)), 0.1, ValueError, "x: expected real numbers in rows of equal length"),
        ("text", np.zeros((2, 1)), 0.1, TypeError, "x: expected real numbers"),
        ([[1, np.nan]], [[1]], 0.1, ValueError, r"x: expected finite numbers, got nan at \[0, 1\]"),
        (np.zeros((4, 2)), np.zeros((3, 1)), 0.1, ValueError, r"y: expected shape \(4, 1\), got \(3, 1\)"),
        (np.zeros((4, 2)), np.full((4, 1), np.inf), 0.1, ValueError, "y: expected finite numbers, got inf"),
        (np.zeros((4, 2)), np.zeros((4, 1)), -0.1, ValueError, "learning_rate: expected a finite number"),
        (np.zeros((4, 2)), np.zeros((4, 1)), "0.1", TypeError, "learning_rate: expected a finite number"),
    ],
)
def test_bad_data_is_named(kind: type, x: object, y: object, rate: object, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        kind(2, 3, 1).backward(x, y, rate)


@BOTH
@pytest.mark.parametrize("name", ["input_size", "hidden_size", "output_size"])
@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (-1, ValueError), (2.5, TypeError)])
def test_bad_sizes_are_named(kind: type, name: str, value: object, error: type[Exception]):
    sizes = {"input_size": 1, "hidden_size": 2, "output_size": 1, name: value}
    with pytest.raises(error, match=f"{name}: expected a whole number"):
        kind(**sizes)


@pytest.mark.parametrize(
    ("network", "names"),
    [
        (classic.SequentialRecurrentNetwork(2, 4, 3), ("input_size", "hidden_size", "output_size")),
        (classic.SimpleRNN(2, 4, 3), ("input_size", "hidden_size", "output_size")),
        (classic.RNN(2, 4, 3), ("input_size", "hidden_size", "output_size")),
        (classic.PlainRNN(2, 4, 3), ("input_size", "hidden_size", "output_size")),
        (classic.RNNCell(2, 4), ("input_size", "hidden_size")),
        (classic.RowSimpleRNN(2, 4, 3), ("input_dim", "hidden_dim", "output_dim")),
        (classic.SoftmaxRNN(2, 4, 3, 0.1), ("input_size", "hidden_size", "output_size")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_sizes_are_attributes_by_the_sources_names(network: object, names: tuple[str, ...]):
    assert [getattr(network, name) for name in names] == [2, 4, 3][: len(names)]
    if not isinstance(network, classic.PlainRNN):
        with pytest.raises(AttributeError, match=f"{names[1]} cannot be changed: make a new"):
            setattr(network, names[1], 5)


def test_unknown_options_are_named():
    with pytest.raises(ValueError, match="init: expected one of 'small', 'xavier'"):
        classic.SequentialRecurrentNetwork(1, 2, 1, init="zeros")
    with pytest.raises(ValueError, match="activation: expected one of 'tanh', 'relu'"):
        classic.SimpleRNN(1, 2, 1, activation="swish")


def test_weights_that_overflow_stop_training_and_stay():
    network = classic.SimpleRNN(1, 2, 1)
    network.b_y = [[1e200]]
    before = network.core.theta.copy()
    with pytest.raises(elman.TrainingError, match="update 1"):
        network.backward([[1.0]], [[-1e200]], 0.1)
    np.testing.assert_array_equal(network.core.theta, before)
