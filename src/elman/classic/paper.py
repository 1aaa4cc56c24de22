"""Source C: a paper's recurrent network from scratch, which predicts a sine wave (`elman.classic.sine` runs it)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from elman.classic.core import Core, Weight, column, sequence
from elman.core import checks
from elman.core.layers import Activation

__all__ = ["RNN", "reported_epochs"]


class RNN:
    """A network h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h), y_t = W_hy h_t + b_y, one gradient step for each window.

    W_xh (H, D), W_hh (H, H), W_hy (O, H), b_h (H, 1), b_y (O, 1): views of the network's parameters; an assigned array
    is copied. The weights are 0.01 times draws of NumPy's global generator, in this order; the biases are 0.

    The paper contradicts itself twice, so both ways are offered, its program's by default:
    loss_gradient  "program": y_hat - y;  "text": 2/T (y_hat - y), the derivative of its loss
    clip_value     each entry of a gradient is clipped to [-clip_value, clip_value], 1.0 in the program; None: not
    clip_norm      the whole gradient G becomes G clip_norm / |G| where |G| is larger, the text's; None: not
    activation     of the state: "tanh", "relu" or an `elman.Activation`
    """

    W_xh = Weight("weight_ih_l0")
    W_hh = Weight("weight_hh_l0")
    W_hy = Weight("head.weight")
    b_h = Weight("bias_l0", column)
    b_y = Weight("head.bias", column)

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
        activation: Literal["tanh", "relu"] | Activation = "tanh",
    ) -> None:
        self.learning_rate = checks.number("learning_rate", learning_rate, low=0.0)
        for name, limit in (("clip_value", clip_value), ("clip_norm", clip_norm)):
            if limit is not None:
                checks.number(name, limit, low=0.0, open_low=True)
        self.clip_value, self.clip_norm = clip_value, clip_norm
        self.loss_gradient = checks.choice("loss_gradient", loss_gradient, ("program", "text"))
        self.core = Core(input_size, hidden_size, output_size, activation)
        for weight in (self.W_xh, self.W_hh, self.W_hy):
            weight[...] = 0.01 * np.random.randn(*weight.shape)

    def forward(self, inputs: ArrayLike) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Returns outputs (O, 1) and hidden states (H, 1) for column vectors (D, 1), one a step each."""
        y, h, _ = self.core.forward(sequence("inputs", inputs, self.core.sizes[0]))
        return _columns(y), _columns(h)

    def predict(self, inputs: ArrayLike) -> list[np.ndarray]:
        """Returns the outputs of `forward`."""
        return self.forward(inputs)[0]

    def compute_loss(self, outputs: ArrayLike, targets: ArrayLike) -> float:
        """Returns the mean over the steps of the squared error |y_hat_t - y_t|^2."""
        y_hat = sequence("outputs", outputs, self.core.sizes[2])
        y = sequence("targets", targets, self.core.sizes[2], len(y_hat))
        return float(((y_hat - y) ** 2).sum() / len(y))

    def backward(self, inputs: ArrayLike, targets: ArrayLike, outputs: ArrayLike, hidden_states: ArrayLike) -> None:
        """Takes one gradient step on one window. `outputs` give the error; the states are computed again from the
        inputs."""
        x = sequence("inputs", inputs, self.core.sizes[0])
        y = sequence("targets", targets, self.core.sizes[2], len(x))
        y_hat = sequence("outputs", outputs, self.core.sizes[2], len(x))
        sequence("hidden_states", hidden_states, self.core.sizes[1], len(x))
        gradient, _, _ = self.core.backward(self.core.forward(x)[2], self._share(len(x)) * (y_hat - y))
        if self.clip_value is not None:
            np.clip(gradient, -self.clip_value, self.clip_value, out=gradient)
        norm = float(np.linalg.norm(gradient))
        if self.clip_norm is not None and norm > self.clip_norm:
            gradient *= self.clip_norm / norm
        self.core.theta -= self.learning_rate * gradient

    def train(
        self,
        inputs: ArrayLike,
        targets: ArrayLike,
        epochs: int = 1000,
        *,
        report: Callable[[str], object] | None = print,
    ) -> np.ndarray:
        """Takes one gradient step on each window, in order, `epochs` times; returns the mean loss of each epoch
        (epochs,).

        inputs, targets  n windows of T steps: (n, T, D) and (n, T, O), or lists of lists of column vectors
        report           is called with a line of text at epoch 1 and at each tenth part of the epochs: eleven lines
                         (with fewer than 10 epochs the paper's program divides by zero; here each epoch is reported)

        Raises TrainingError where a loss is not finite; the weights are then those before that update.
        """
        x = sequence("inputs", inputs, self.core.sizes[0], outer=2)
        y = sequence("targets", targets, self.core.sizes[2], outer=2)
        if y.shape[:2] != x.shape[:2]:
            raise ValueError(f"targets: expected {x.shape[0]} windows of {x.shape[1]} steps, got {y.shape[:2]}")
        n, steps = x.shape[:2]
        marks = reported_epochs(checks.whole("epochs", epochs, low=1))
        means, total, done = np.zeros(epochs), 0.0, 0
        weight = None if self.loss_gradient == "program" else np.full((n, steps), 2 / steps)
        blocks = self.core.train(
            x, y, self.learning_rate, epochs * n, weight=weight, clip_norm=self.clip_norm, clip_value=self.clip_value
        )
        for losses in blocks:
            # the engine's loss is half the weighted sum of squares
            losses = losses * (2 / steps if weight is None else 1.0)
            while len(losses):
                epoch, part = done // n, losses[: n - done % n]
                total, done, losses = total + float(part.sum()), done + len(part), losses[len(part) :]
                if done % n == 0:
                    means[epoch], total = total / n, 0.0
                    if report and epoch + 1 in marks:
                        report(f"Epoch {epoch + 1}/{epochs}, loss {means[epoch]:.6f}")
        return means

    def _share(self, steps: int) -> float:
        return 1.0 if self.loss_gradient == "program" else 2 / steps


def reported_epochs(epochs: int) -> set[int]:
    """Returns the numbers of epoch 1 and of each tenth part of the epochs; of each epoch where there are fewer than
    10."""
    return {1, *(max(1, epochs * part // 10) for part in range(1, 11))}


def _columns(rows: np.ndarray) -> list[np.ndarray]:
    return [row[:, None] for row in rows]
