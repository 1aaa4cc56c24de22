"""Source D: the cell passes finite differences; its source's formula and each mistake of its loop do not."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

import elman
from elman.classic import RNNCell, train_cell

D, H, T = 10, 5, 10  # the source's sizes


def cell_and_data(seed: int = 0) -> tuple[RNNCell, np.ndarray, np.ndarray]:
    np.random.seed(seed)
    cell = RNNCell(D, H)
    return cell, np.random.randn(D, 1), np.tanh(np.random.randn(H, 1))


def numeric(value: Callable[[], float], array: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Central differences with respect to `array`, which `value` reads."""
    result = np.zeros_like(array)
    for entry in np.ndindex(array.shape):
        before = array[entry]
        array[entry] = before + step
        above = value()
        array[entry] = before - step
        result[entry] = (above - value()) / (2 * step)
        array[entry] = before
    return result


def relative(a: np.ndarray, b: np.ndarray) -> float:
    """The largest |a - b| over the mean of |a| and |b|: 0 for equal values, 2 at most for values of one sign."""
    return float((2 * np.abs(a - b) / np.maximum(np.abs(a) + np.abs(b), 1e-8)).max())


def test_weights_are_unscaled_draws_of_the_global_generator():
    np.random.seed(3)
    expected = [np.random.randn(H, D), np.random.randn(H, H)]
    np.random.seed(3)
    cell = RNNCell(D, H)
    np.testing.assert_array_equal(cell.W, expected[0])
    np.testing.assert_array_equal(cell.U, expected[1])
    np.testing.assert_array_equal(cell.b, np.zeros((H, 1)))


def test_forward_is_the_equation():
    cell, x, h = cell_and_data()
    cell.b = np.random.randn(H, 1)
    np.testing.assert_allclose(cell.forward(x, h), np.tanh(cell.W @ x + cell.U @ h + cell.b), rtol=1e-12)
    np.testing.assert_array_equal(cell.forward(x.ravel(), h.ravel()), cell.forward(x, h))


@pytest.mark.parametrize("seed", range(3))
def test_the_cells_derivative_passes_finite_differences(seed: int):
    cell, x, h = cell_and_data(seed)
    dh_next = np.random.randn(H, 1)

    def value() -> float:
        return float((dh_next * cell.forward(x, h)).sum())

    for got, array in zip(cell.backward(x, h, dh_next), (x, h, cell.W, cell.U, cell.b), strict=True):
        assert got.shape == array.shape
        np.testing.assert_allclose(got, numeric(value, array), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_sources_formula_is_off_by_a_relative_1_9(seed: int):
    """It takes tanh'(h_prev) where 1 - h_next^2 belongs."""
    cell, x, h = cell_and_data(seed)
    dh_next = np.random.randn(H, 1)
    expected = numeric(lambda: float((dh_next * cell.forward(x, h)).sum()), cell.W)
    source = (dh_next * (1 - np.tanh(h) ** 2)) @ x.T
    assert relative(source, expected) > 1.9
    np.testing.assert_allclose(cell.backward(x, h, dh_next)[2], expected, rtol=1e-6, atol=1e-9)


def test_the_sources_gradient_is_typically_many_times_too_large():
    """1.9 is the error measure's maximum (2), not a factor: the ratio's median is about 17, for saturated units."""
    ratios = []
    for seed in range(200):
        cell, x, h = cell_and_data(seed)
        right = cell.backward(x, h, np.ones(H))[4]
        ratios.append((1 - np.tanh(h) ** 2) / right)
    assert 10 < np.median(ratios) < 30


def test_another_nonlinearity():
    np.random.seed(0)
    cell = RNNCell(D, H, activation=elman.Activation("sine", np.sin, np.cos))
    x, h = np.random.randn(D, 1), np.random.randn(H, 1)
    np.testing.assert_allclose(cell.forward(x, h), np.sin(cell.W @ x + cell.U @ h), rtol=1e-12)
    np.testing.assert_allclose(cell.backward(x, h, np.ones((H, 1)))[4], np.cos(cell.W @ x + cell.U @ h), rtol=1e-12)


# ------------------------------------------------------------------------------------------------ the loop


def sequences(scale: float = 0.3) -> tuple[RNNCell, np.ndarray, np.ndarray]:
    """Smaller weights, so that what the mistakes change is not saturated away."""
    cell, _, _ = cell_and_data()
    cell.W, cell.U = scale * cell.W, scale * cell.U
    return cell, np.random.randn(T, D), np.tanh(np.random.randn(T, H))


def loss(cell: RNNCell, x: np.ndarray, y: np.ndarray) -> float:
    h, total = np.zeros((H, 1)), 0.0
    for step, target in zip(x, y, strict=True):
        h = cell.forward(step, h)
        total += float(((target[:, None] - h) ** 2).sum())
    return total


def loop(cell: RNNCell, x: np.ndarray, y: np.ndarray, mistake: str | None) -> list[np.ndarray]:
    """The training loop's way back, with one of the source's mistakes: dW, dU, db of sum_t |y_t - h_t|^2."""
    states = [np.zeros((H, 1))]
    for step in x:
        states.append(cell.forward(step, states[-1]))
    # the source trains W and U of its own, and its cell holds others
    kept = RNNCell(D, H) if mistake == "other weights" else cell
    totals = [np.zeros_like(cell.W), np.zeros_like(cell.U), np.zeros_like(cell.b)]
    dh = np.zeros((H, 1))
    for t in reversed(range(T)):
        h_prev = states[t]
        if mistake == "states mixed with gradients" and t < T - 1:
            h_prev = dh  # one name for both: the gradient that came back stands where the state belongs
        if mistake == "begins with h_T" and t == T - 1:
            h_prev = states[T]
        upstream = 2 * (states[t + 1] - y[t][:, None]) + dh
        if mistake == "tanh derivative twice":
            upstream = upstream * (1 - states[t + 1] ** 2)
        _, dh, *step = kept.backward(x[t], h_prev, upstream)
        for total, gradient in zip(totals, step, strict=True):
            total += gradient
    return totals


def apart(gradients: list[np.ndarray], expected: list[np.ndarray]) -> float:
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(gradients, expected, strict=True))


@pytest.mark.parametrize(
    "mistake", ["states mixed with gradients", "tanh derivative twice", "other weights", "begins with h_T"]
)
def test_each_mistake_of_the_sources_loop_fails_finite_differences(mistake: str):
    cell, x, y = sequences()
    expected = [numeric(lambda: loss(cell, x, y), weight) for weight in (cell.W, cell.U, cell.b)]
    assert apart(loop(cell, x, y, None), expected) < 1e-6
    assert apart(loop(cell, x, y, mistake), expected) > 0.05


def test_our_loop_takes_the_right_step():
    cell, x, y = sequences()
    before = [cell.W.copy(), cell.U.copy(), cell.b.copy()]
    expected = [numeric(lambda: loss(cell, x, y), weight) for weight in (cell.W, cell.U, cell.b)]
    first = loss(cell, x, y)
    assert train_cell(cell, x, y, learning_rate=1e-3) == [pytest.approx(first, rel=1e-12)]
    steps = [(a - b) / 1e-3 for a, b in zip(before, (cell.W, cell.U, cell.b), strict=True)]
    assert apart(steps, expected) < 1e-6


def test_our_loop_learns_with_the_sources_rate():
    cell, x, y = sequences()
    losses = train_cell(cell, [row[:, None] for row in x], [row[:, None] for row in y], epochs=200)
    assert len(losses) == 200
    assert losses[-1] < 0.5 * losses[0]
    assert all(b < a for a, b in pairwise(losses))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda c: c.forward(np.zeros((3, 1)), np.zeros((H, 1))), ValueError, r"x: expected shape \(10, 1\), got"),
        (lambda c: c.forward(np.zeros((D, 1)), np.zeros((D, 1))), ValueError, r"h: expected shape \(5, 1\), got"),
        (lambda c: c.backward(np.zeros(D), np.zeros(H), np.zeros(2)), ValueError, "dh_next: expected shape"),
        (lambda c: c.forward(np.full(D, np.nan), np.zeros(H)), ValueError, "x: expected finite numbers, got nan"),
        (lambda c: train_cell(c, np.zeros((3, D)), np.zeros((2, H))), ValueError, r"targets: expected shape \(3, 5\)"),
        (lambda c: train_cell(c, np.zeros((3, D)), np.zeros((3, H)), epochs=0), ValueError, "epochs: expected"),
        (lambda c: train_cell(c, np.zeros((3, D)), np.zeros((3, H)), -1.0), ValueError, "learning_rate: expected"),
        (lambda _: RNNCell(0, 2), ValueError, "input_size: expected a whole number"),
        (lambda _: RNNCell(2, "5"), TypeError, "hidden_size: expected a whole number"),
    ],
)
def test_bad_input_is_named(call: Callable[[RNNCell], object], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        call(cell_and_data()[0])
