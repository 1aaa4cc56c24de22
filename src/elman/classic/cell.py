"""Source D: a tutorial page, one recurrent cell and a loop that trains it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from elman.classic.core import Core, Size, Weight, column, sequence
from elman.core import checks
from elman.core.layers import Activation

__all__ = ["RNNCell", "train_cell"]


class RNNCell:
    """One step, h_next = tanh(W x + U h + b), and its derivative.

    W (H, D), U (H, H): standard normal from NumPy's global generator, in this order, unscaled as in the source;
    b (H, 1) begins at 0. They are views of the core's parameters; an assigned array is copied.

    The source takes the derivative at the wrong place, tanh'(h_prev) instead of tanh'(a) = 1 - h_next^2; its gradient
    is off by a relative 1.9 (see the tests). Here finite differences agree.

    activation  of the state: "tanh", "relu" or an `elman.Activation`
    """

    W = Weight("weight_ih_l0")
    U = Weight("weight_hh_l0")
    b = Weight("bias_l0", column)
    input_size, hidden_size = Size(0), Size(1)

    def __init__(
        self, input_size: int, hidden_size: int, *, activation: Literal["tanh", "relu"] | Activation = "tanh"
    ) -> None:
        self.core = Core(input_size, hidden_size, None, activation)
        for weight in (self.W, self.U):
            weight[...] = np.random.randn(*weight.shape)

    def forward(self, x: ArrayLike, h: ArrayLike) -> np.ndarray:
        """Returns h_next (H, 1) for x (D, 1) and h (H, 1)."""
        return self._run(x, h)[0].T

    def backward(
        self, x: ArrayLike, h: ArrayLike, dh_next: ArrayLike
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Returns dx (D, 1), dh (H, 1), dW (H, D), dU (H, H), db (H, 1) for dL/dh_next (H, 1)."""
        upstream = _vector("dh_next", dh_next, self.core.sizes[1])
        gradient, dx, dh = self.core.backward(self._run(x, h)[2], upstream[None])
        of = (self.core.view(name, gradient) for name in ("weight_ih_l0", "weight_hh_l0", "bias_l0"))
        dW, dU, db = of
        return dx.T, dh[:, None], dW, dU, db[:, None]

    def _run(self, x: ArrayLike, h: ArrayLike) -> tuple[np.ndarray, np.ndarray, Any]:
        width, hidden, _ = self.core.sizes
        return self.core.forward(_vector("x", x, width)[None], _vector("h", h, hidden))


def train_cell(
    cell: RNNCell, inputs: ArrayLike, targets: ArrayLike, learning_rate: float = 0.001, *, epochs: int = 1
) -> list[float]:
    """Runs the source's loop, corrected: `epochs` gradient steps for sum_t |y_t - h_t|^2; returns the losses before
    each.

    inputs   T columns (D, 1), or (T, D); the source has T = 10, D = 10, H = 5
    targets  T columns (H, 1), or (T, H), for the hidden states themselves

    The source's loop keeps states where gradients belong, applies tanh's derivative a second time, goes back through
    the cell's own W and U while it trains others, and begins the backward pass with h_prev = h_T. Here the states are
    kept in the forward pass, and each step of the backward pass starts from the state before that step.
    """
    x = sequence("inputs", inputs, cell.core.sizes[0])
    y = sequence("targets", targets, cell.core.sizes[1], len(x))
    rate = checks.number("learning_rate", learning_rate, low=0.0)
    losses: list[float] = []
    for _ in range(checks.whole("epochs", epochs, low=1)):
        states: list[np.ndarray] = [np.zeros((cell.core.sizes[1], 1))]
        for step in x:
            states.append(cell.forward(step, states[-1]))
        errors = [h - target[:, None] for h, target in zip(states[1:], y, strict=True)]
        gradients = _through_time(cell, x, states, errors)
        for weight, gradient in zip((cell.W, cell.U, cell.b), gradients, strict=True):
            weight -= rate * gradient
        losses.append(float(sum((error**2).sum() for error in errors)))
    return losses


def _through_time(
    cell: RNNCell, x: np.ndarray, states: Sequence[np.ndarray], errors: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Returns dW, dU, db of sum_t |error_t|^2; states[t] is the state before step t."""
    totals = [np.zeros_like(weight) for weight in (cell.W, cell.U, cell.b)]
    dh = np.zeros_like(states[0])
    for t in reversed(range(len(x))):
        _, dh, *step = cell.backward(x[t], states[t], 2 * errors[t] + dh)
        for total, gradient in zip(totals, step, strict=True):
            total += gradient
    return totals


def _vector(name: str, value: Any, size: int) -> np.ndarray:
    """Returns a column (size, 1) or a vector (size,) as (size,)."""
    return sequence(name, value, 1, size)[:, 0]
