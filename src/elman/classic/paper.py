"""Source C: a paper's recurrent network from scratch, which predicts a sine wave (`elman.classic.sine` runs it)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from elman.classic.core import FLOAT, Core, Size, Weight, column, sequence
from elman.core import checks
from elman.core.layers import Activation
from elman.network import arguments

__all__ = ["RNN", "generate_sine_wave", "is_reported", "report_line"]


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
    input_size, hidden_size, output_size = Size(0), Size(1), Size(2)

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

        inputs   n windows of T steps: a list of lists of column vectors (D, 1), or (n, T, D)
        targets  one value a window, as in the source: a list of n columns (O, 1), or (n, O). It is then the target of
                 all T steps. Or a target for each step: lists of lists of columns, or (n, T, O)
        report   is called with a line of text at epoch 1 and at every multiple of epochs // 10 (with fewer than 10
                 epochs the source's program divides by zero; here each epoch is reported); None: with nothing

        Raises TrainingError where a loss is not finite; the weights are then those before that update.
        """
        x = sequence("inputs", inputs, self.core.sizes[0], outer=2)
        y = self._targets(targets, *x.shape[:2])
        n, steps = x.shape[:2]
        means, total, done = np.zeros(checks.whole("epochs", epochs, low=1)), 0.0, 0
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
                    if report and is_reported(epoch + 1, epochs):
                        report(report_line(epoch + 1, epochs, float(means[epoch])))
        return means

    def _targets(self, targets: ArrayLike, n: int, steps: int) -> np.ndarray:
        """Returns targets (n, T, O), whether one was given for each window or for each step."""
        outputs = self.core.sizes[2]
        if arguments.as_real("targets", targets, FLOAT).shape in ((n,), (n, outputs), (n, outputs, 1)):
            return np.repeat(np.reshape(sequence("targets", targets, outputs), (n, 1, outputs)), steps, axis=1)
        y = sequence("targets", targets, outputs, outer=2)
        if y.shape[:2] != (n, steps):
            raise ValueError(
                f"targets: expected one value for each of {n} windows, or {n} windows of {steps} steps, "
                f"got {y.shape[0]} of {y.shape[1]}"
            )
        return y

    def _share(self, steps: int) -> float:
        return 1.0 if self.loss_gradient == "program" else 2 / steps


def generate_sine_wave(seq_length: int, total_samples: int) -> tuple[list[list[np.ndarray]], list[np.ndarray]]:
    """Returns the source's windows X and their next values Y of sin(x) at `total_samples` points of [0, 100].

    X  total_samples - seq_length windows: lists of `seq_length` columns (1, 1)
    Y  one column (1, 1) a window
    """
    checks.whole("seq_length", seq_length, low=1)
    checks.whole("total_samples", total_samples, low=seq_length + 1)
    columns = [np.array([[value]]) for value in np.sin(np.linspace(0, 100, total_samples))]
    starts = range(total_samples - seq_length)
    return [columns[i : i + seq_length] for i in starts], [columns[i + seq_length].copy() for i in starts]


def is_reported(epoch: int, epochs: int) -> bool:
    """Returns whether the source's program reports an epoch, counted from 1; of fewer than 10 epochs it is each."""
    return epoch == 1 or epoch % max(1, epochs // 10) == 0


def report_line(epoch: int, epochs: int, loss: float) -> str:
    """Returns the line that reports an epoch's mean loss."""
    return f"Epoch {epoch}/{epochs}, Loss: {loss:.6f}"


def _columns(rows: np.ndarray) -> list[np.ndarray]:
    return [row[:, None] for row in rows]
