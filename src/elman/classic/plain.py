"""Source C's program in plain NumPy, as its listing has it: one window and one step at a time. `elman.classic.RNN` must
agree with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from elman.classic.paper import is_reported, report_line

__all__ = ["PlainRNN"]


class PlainRNN:
    """A network with the signature, weights and updates of `elman.classic.RNN`, for lists of column vectors."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        learning_rate: float = 0.001,
        *,
        clip_value: float | None = 1.0,
        clip_norm: float | None = None,
        loss_gradient: Literal["program", "text"] = "program",
    ) -> None:
        self.input_size, self.hidden_size, self.output_size = input_size, hidden_size, output_size
        self.learning_rate, self.loss_gradient = learning_rate, loss_gradient
        self.clip_value, self.clip_norm = clip_value, clip_norm
        self.W_xh = 0.01 * np.random.randn(hidden_size, input_size)
        self.W_hh = 0.01 * np.random.randn(hidden_size, hidden_size)
        self.W_hy = 0.01 * np.random.randn(output_size, hidden_size)
        self.b_h = np.zeros((hidden_size, 1))
        self.b_y = np.zeros((output_size, 1))

    def forward(self, inputs: Sequence[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Returns outputs (O, 1) and hidden states (H, 1) for columns (D, 1)."""
        h = np.zeros_like(self.b_h)
        outputs: list[np.ndarray] = []
        states: list[np.ndarray] = []
        for x in inputs:
            h = np.tanh(self.W_xh @ x + self.W_hh @ h + self.b_h)
            states.append(h)
            outputs.append(self.W_hy @ h + self.b_y)
        return outputs, states

    def compute_loss(self, outputs: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> float:
        """Returns the mean over the steps of the squared error."""
        return sum(float(((o - y) ** 2).sum()) for o, y in zip(outputs, targets, strict=True)) / len(targets)

    def gradients(
        self,
        inputs: Sequence[np.ndarray],
        targets: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        states: Sequence[np.ndarray],
    ) -> list[np.ndarray]:
        """Returns the gradients by W_xh, W_hh, W_hy, b_h, b_y, by backpropagation through time; not clipped."""
        share = 1.0 if self.loss_gradient == "program" else 2 / len(inputs)
        d_xh, d_hh, d_hy, d_bh, d_by = (np.zeros_like(w) for w in (self.W_xh, self.W_hh, self.W_hy, self.b_h, self.b_y))
        dh_next = np.zeros_like(self.b_h)
        for t in reversed(range(len(inputs))):
            dy = share * (outputs[t] - targets[t])
            d_hy += dy @ states[t].T
            d_by += dy
            da = (self.W_hy.T @ dy + dh_next) * (1 - states[t] ** 2)
            d_xh += da @ inputs[t].T
            if t:
                d_hh += da @ states[t - 1].T
            d_bh += da
            dh_next = self.W_hh.T @ da
        return [d_xh, d_hh, d_hy, d_bh, d_by]

    def backward(
        self,
        inputs: Sequence[np.ndarray],
        targets: Sequence[np.ndarray],
        outputs: Sequence[np.ndarray],
        hidden_states: Sequence[np.ndarray],
    ) -> None:
        """Takes one gradient step on one window."""
        gradients = self.gradients(inputs, targets, outputs, hidden_states)
        if self.clip_value is not None:
            gradients = [np.clip(g, -self.clip_value, self.clip_value) for g in gradients]
        norm = float(np.sqrt(sum((g**2).sum() for g in gradients)))
        if self.clip_norm is not None and norm > self.clip_norm:
            gradients = [g * (self.clip_norm / norm) for g in gradients]
        for weight, gradient in zip((self.W_xh, self.W_hh, self.W_hy, self.b_h, self.b_y), gradients, strict=True):
            weight -= self.learning_rate * gradient

    def train(
        self,
        inputs: Sequence[Sequence[np.ndarray]] | np.ndarray,
        targets: Sequence[Any] | np.ndarray,
        epochs: int = 1000,
        *,
        report: Callable[[str], object] | None = print,
    ) -> np.ndarray:
        """Takes one gradient step on each window, in order; returns the mean loss of each epoch (epochs,).

        targets  one column (O, 1) a window, which is then the target of all its steps, or a list of one for each step
        """
        means = np.zeros(epochs)
        windows = [
            ([np.reshape(c, (-1, 1)) for c in x], self._at_each_step(y, len(x)))
            for x, y in zip(inputs, targets, strict=True)
        ]
        for epoch in range(epochs):
            for x, y in windows:
                outputs, states = self.forward(x)
                means[epoch] += self.compute_loss(outputs, y) / len(windows)
                self.backward(x, y, outputs, states)
            if report and is_reported(epoch + 1, epochs):
                report(report_line(epoch + 1, epochs, means[epoch]))
        return means

    def _at_each_step(self, target: Any, steps: int) -> list[np.ndarray]:
        if np.shape(target) in ((), (self.output_size,), (self.output_size, 1)):
            return [np.reshape(target, (-1, 1))] * steps
        return [np.reshape(column, (-1, 1)) for column in target]

    def predict(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Returns the outputs of `forward`."""
        return self.forward(inputs)[0]
