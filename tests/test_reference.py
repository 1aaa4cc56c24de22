"""What the reference engine promises beyond agreement: order, edges, a user's own activation."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from cases import CELLS, draw_theta

import elman
from elman import losses
from elman.core.layers import Activation, Dense, Last, Layout, Recurrent, Simple
from elman.core.requests import Batch, Objective
from elman.engines import select
from elman.engines.reference import losses as terms
from elman.engines.reference.sigmoid import sigmoid
from elman.engines.reference.tree import tree_sum

RUN = select.reference()


# ------------------------------------------------------------------------------------------- scan


@pytest.mark.parametrize("output", ["sequence", "last"])
@pytest.mark.parametrize("cell", CELLS)
def test_nothing_past_a_length_is_read(cell: str, output: str) -> None:
    last = [Last()] if output == "last" else []
    layout = Layout([Recurrent(3, CELLS[cell], True), Recurrent(2, CELLS[cell], True), *last, Dense(2)], 2)
    rng = np.random.default_rng(0)
    theta, x = draw_theta(layout, rng, "float64"), rng.normal(size=(4, 6, 2))
    lengths = np.array([6, 2, 4, 1])
    past = np.arange(6) >= lengths[:, None]
    y, dy = (rng.normal(size=(4, 2) if last else (4, 6, 2)) for _ in range(2))
    found: list[list[np.ndarray]] = []
    for filler in (0.0, np.nan, np.inf):
        hidden_x, hidden_y, hidden_dy = x.copy(), y.copy(), dy.copy()
        hidden_x[past] = filler
        if not last:
            hidden_y[past] = hidden_dy[past] = filler
        batch = Batch(hidden_x, hidden_y, lengths)
        out, final, tape = RUN.forward(layout, theta, batch, 2)
        gradient, dx, dstate0 = RUN.backward(layout, theta, tape, hidden_dy, None, None, None)
        value, slope = RUN.loss_and_grad(layout, theta, batch, Objective(losses.MSE(), shard_size=2))
        assert dx is not None
        assert not dx[past].any()
        assert last or not out[past].any()
        found.append([out, *final, gradient, dx, *dstate0, np.array(value), slope])
    for one, other in pairwise(found):
        for left, right in zip(one, other, strict=True):
            np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("cell", CELLS)
def test_reverse_is_forward_on_the_row_turned_round(cell: str) -> None:
    """Row by row, so that each is turned within its own length."""
    one, both = (Layout([Recurrent(4, CELLS[cell], flag)], 3) for flag in (False, True))
    rng = np.random.default_rng(1)
    theta = draw_theta(both, rng, "float64")
    x, lengths = rng.normal(size=(3, 5, 3)), np.array([5, 1, 3])
    state = [rng.normal(size=(3, slot.size)) for slot in both.states]
    kinds = len(one.states)
    y, final = RUN.predict(both, theta, Batch(x, lengths=lengths, state=state))
    for row, length in enumerate(lengths):
        turned = Batch(x[row : row + 1, :length][:, ::-1], state=[s[row : row + 1] for s in state[kinds:]])
        want, end = RUN.predict(one, theta[one.size :], turned)
        np.testing.assert_allclose(y[row, :length, 4:], want[0, ::-1], rtol=1e-13, atol=1e-15)
        for mine, other in zip(final[kinds:], end, strict=True):
            np.testing.assert_allclose(mine[row], other[0], rtol=1e-13, atol=1e-15)


# --------------------------------------------------------------------------- a user's own activation

SOFTPLUS = Activation("softplus", lambda a: np.logaddexp(0, a), lambda a: 1 / (1 + np.exp(-a)))
SINE = Activation("sine", np.sin, np.cos)


@pytest.mark.parametrize("activation", [SOFTPLUS, SINE], ids=lambda one: one.name)
def test_a_users_activation(activation: Activation) -> None:
    network = elman.Network(2, 4, 1, cell=Simple(activation), num_layers=2, bidirectional=True, dtype="float64", seed=0)
    assert network.engine == "reference"
    rng = np.random.default_rng(0)
    x, y, lengths = rng.normal(size=(3, 5, 2)), rng.normal(size=(3, 5, 1)), [5, 2, 4]
    _, gradients = network.loss_and_grad(x, y, lengths=lengths)
    for v in rng.choice([-1.0, 1.0], (4, network.num_parameters)):
        step, theta, values = 1e-5 / np.linalg.norm(v), network.theta.copy(), []
        for sign in (1, -1):
            network.theta = theta + sign * step * v
            values.append(network.loss(x, y, lengths=lengths))
        network.theta = theta
        want = float(gradients.flat @ v)
        assert (values[0] - values[1]) / (2 * step) == pytest.approx(want, rel=1e-6, abs=1e-8)
    alone = elman.Network(2, 4, None, cell=Simple(activation), dtype="float64", seed=1)
    p = alone.parameters
    first = activation.function(p["weight_ih_l0"] @ x[0, 0] + p["bias_l0"])
    second = activation.function(p["weight_ih_l0"] @ x[0, 1] + p["weight_hh_l0"] @ first + p["bias_l0"])
    np.testing.assert_allclose(alone.predict(x[0, :2]), [first, second], rtol=1e-13)


def test_a_users_activation_steps_and_trains() -> None:
    network = elman.Network(1, 3, 1, cell=Simple(SINE), dtype="float64", seed=0)
    x = np.random.default_rng(0).normal(size=(8, 6, 1))
    stream, y = network.stream(8), network.predict(x)
    for t in range(6):
        np.testing.assert_allclose(stream.step(x[:, t]), y[:, t], rtol=1e-13, atol=1e-15)
    trainer = elman.Trainer(network, optimizer=elman.optim.Adam(0.02))
    first = trainer.update(x, x)
    for _ in range(30):
        final = trainer.update(x, x)
    assert final < first / 2


# ---------------------------------------------------------------------------------------- the tree


@pytest.mark.parametrize("count", [*range(1, 18), 31, 33, 64])
def test_the_tree_adds_aligned_blocks_first(count: int) -> None:
    """Whoever computed the sum of an aligned block of 2^k leaves may send that alone."""

    class Named(str):
        """A leaf that remembers who was added to whom."""

        def __add__(self, other: str) -> Named:
            return Named(f"({self!s} {other!s})")

    leaves = [Named(i) for i in range(count)]
    whole = tree_sum(leaves)  # type: ignore[type-var]
    assert str(whole).replace("(", "").replace(")", "").split() == [str(i) for i in range(count)]
    size = 2
    while size <= count:
        for start in range(0, count - size + 1, size):
            assert str(tree_sum(leaves[start : start + size])) in str(whole)  # type: ignore[type-var]
        size *= 2


def test_the_trees_shape() -> None:
    values = [1e16, 1.0, -1e16, 1.0, 3.0]
    assert tree_sum(values) == ((values[0] + values[1]) + (values[2] + values[3])) + values[4]
    assert tree_sum([1.0]) == 1.0
    np.testing.assert_array_equal(tree_sum([np.ones(3)] * 7), np.full(3, 7.0))


# ------------------------------------------------------------------------------------ losses, edges


@pytest.mark.parametrize("name", ["reference", "native"])
@pytest.mark.parametrize("loss", list(losses.LOSSES.values()), ids=lambda loss: loss.kind)
def test_no_weight_at_all(loss: losses.Loss, name: str) -> None:
    if name == "native":
        pytest.importorskip("elman._native", reason="the compiled core was not built")
    run = select.native() if name == "native" else RUN
    assert run is not None
    layout = Layout([Recurrent(3), Dense(2)], 2)
    rng = np.random.default_rng(0)
    theta, x = draw_theta(layout, rng, "float64"), rng.normal(size=(3, 4, 2))
    if loss.ragged:
        batch = Batch(x, np.ones((3, 1), np.int64), weight=np.zeros(3), y_lengths=np.ones(3, np.int64))
    else:
        width = 2 // losses.outputs_per_target(loss)
        y = np.zeros((3, 4), np.int64) if loss.classes else np.ones((3, 4, width))
        batch = Batch(x, y, weight=np.zeros((3, 4)))
    value, gradient = run.loss_and_grad(layout, theta, batch, Objective(loss, shard_size=2))
    assert value == 0
    assert not gradient.any()


def one_term(loss: losses.Loss, y_hat: list[float], y: list[float] | int) -> tuple[float, np.ndarray]:
    """The value and the slopes of a single step of weight 1, not divided by anything."""
    target = np.array([y]) if isinstance(y, int) else np.array([y], dtype=np.float64)
    return terms.value_and_derivative(loss, np.array([y_hat]), target, np.ones(1), 1.0)


@pytest.mark.parametrize("sign", [1, -1])
def test_kinks(sign: int) -> None:
    """At a kink the derivative is what losses.py documents; beside it, that of its side."""
    assert one_term(losses.MAE(), [2.0], [2.0])[1].item() == 0
    assert one_term(losses.MAE(), [2.0 + sign * 1e-9], [2.0])[1].item() == sign
    pinball = losses.Pinball((0.2,))
    assert one_term(pinball, [2.0], [2.0])[1].item() == 0
    assert one_term(pinball, [2.0 + sign * 1e-9], [2.0])[1].item() == pytest.approx(0.8 if sign > 0 else -0.2)
    value, slope = one_term(losses.Huber(0.5), [sign * 0.5], [0.0])
    assert (value, slope.item()) == (0.125, sign * 0.5)  # both branches meet in value and slope
    value, slope = one_term(losses.Huber(0.5), [sign * 3.0], [0.0])
    assert (value, slope.item()) == (0.5 * (3.0 - 0.25), sign * 0.5)


def test_pinball_columns_are_targets_then_quantiles() -> None:
    loss = losses.Pinball((0.1, 0.9))
    value, slope = one_term(loss, [0.0, 0.0, 0.0, 0.0], [1.0, -1.0])
    np.testing.assert_allclose(slope, [[-0.1, -0.9, 0.9, 0.1]], rtol=1e-15)
    assert value == pytest.approx(0.1 + 0.9 + 0.9 + 0.1)


def test_cross_entropy_of_extreme_logits() -> None:
    value, slope = one_term(losses.CrossEntropy(), [1e4, -1e4, 0.0], 0)
    assert value == 0
    np.testing.assert_array_equal(slope, [[0, 0, 0]])
    value, slope = one_term(losses.CrossEntropy(), [1e4, -1e4, 0.0], 1)
    assert value == 2e4
    np.testing.assert_array_equal(slope, [[1, -1, 0]])
    value, slope = one_term(losses.CrossEntropy(), [1e4, 1e4], 0)
    assert value == pytest.approx(np.log(2), rel=1e-12)
    np.testing.assert_allclose(slope, [[-0.5, 0.5]], rtol=1e-12)


@pytest.mark.parametrize(("logit", "target", "value"), [(1e4, 1, 0), (1e4, 0, 1e4), (-1e4, 1, 1e4), (-1e4, 0, 0)])
def test_binary_cross_entropy_of_extreme_logits(logit: float, target: float, value: float) -> None:
    found, slope = one_term(losses.BinaryCrossEntropy(), [logit], [target])
    assert found == value
    assert slope.item() == (1 if logit > 0 else 0) - target


def test_sigmoid_has_no_overflow_and_a_true_tail() -> None:
    a = np.array([-745.0, -100.0, -40.0, -1.0, 0.0, 1.0, 40.0, 1e4, -1e4])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        s = sigmoid(a)
    assert (s >= 0).all()
    assert s[4] == 0.5
    assert s[-2] == 1
    assert s[-1] == 0
    # far out sigmoid(a) = exp(a), to the relative accuracy of a double; 1 - sigmoid(-a) would be 0 there
    np.testing.assert_allclose(s[1:3], np.exp(a[1:3]), rtol=1e-15)
    assert Fraction(float(s[3])) + Fraction(float(s[5])) == pytest.approx(1, abs=1e-15)
    assert np.isnan(sigmoid(np.array([np.nan]))).all()
