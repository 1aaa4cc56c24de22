"""Source E: an overview post. Its recurrent network in rows, and its second program, a softmax classifier."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from elman.classic.core import Core, Size, Weight, row, sequence, transposed
from elman.core import checks
from elman.core.layers import Activation
from elman.core.losses import CrossEntropy
from elman.network import arguments

__all__ = ["SimpleRNN", "SoftmaxRNN"]


class SimpleRNN:
    """A network of row vectors: h_t = tanh(x_t Wx + h_{t-1} Wh + bh), out_t = h_t Wo + bo.
    `elman.classic.RowSimpleRNN`.

    Wx (D, H), Wh (H, H), Wo (H, O): 0.01 times draws of NumPy's global generator, in this order; bh (1, H), bo (1, O)
    begin at 0. They are views of the core's parameters; an assigned array is copied.

    The source writes the product as Wx . x_t, whose shapes fit only where D = H, and is then the wrong one; here it is
    x_t Wx.

    activation  of the state: "tanh", "relu" or an `elman.Activation`
    output      "linear", or "softmax": the gradient out - y is then that of the cross-entropy with the rows of y
    """

    Wx = Weight("weight_ih_l0", transposed)
    Wh = Weight("weight_hh_l0", transposed)
    Wo = Weight("head.weight", transposed)
    bh = Weight("bias_l0", row)
    bo = Weight("head.bias", row)
    input_dim, hidden_dim, output_dim = Size(0), Size(1), Size(2)

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        output_dim: int,
        lr: float = 0.01,
        *,
        activation: Literal["tanh", "relu"] | Activation = "tanh",
        output: Literal["linear", "softmax"] = "linear",
    ) -> None:
        for name, size in (("input_dim", input_dim), ("hidden_dim", hidden_dim), ("output_dim", output_dim)):
            checks.whole(name, size, low=1)
        self.lr = checks.number("lr", lr, low=0.0)
        self.output = checks.choice("output", output, ("linear", "softmax"))
        self.core = Core(input_dim, hidden_dim, output_dim, activation)
        for weight in (self.Wx, self.Wh, self.Wo):
            weight[...] = 0.01 * np.random.randn(*weight.shape)

    def forward(self, X: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Returns out (T, O) and h (T, H) for X (T, D)."""
        out, h, _ = self.core.forward(sequence("X", X, self.core.sizes[0]))
        return (_softmax(out) if self.output == "softmax" else out), h

    def backward(self, X: ArrayLike, y: ArrayLike, out: ArrayLike, h: ArrayLike) -> None:
        """Takes one gradient step with the error out - y, y (T, O). The states are computed again from X."""
        x = sequence("X", X, self.core.sizes[0])
        sequence("h", h, self.core.sizes[1], len(x))
        error = sequence("out", out, self.core.sizes[2], len(x)) - sequence("y", y, self.core.sizes[2], len(x))
        gradient, _, _ = self.core.backward(self.core.forward(x)[2], error)
        self.core.theta -= self.lr * gradient

    def train(self, X: ArrayLike, y: ArrayLike, epochs: int = 10) -> list[float]:
        """Takes `epochs` gradient steps on one sequence; returns the loss before each: half the sum of squares, or for
        softmax outputs the cross-entropy summed over the steps."""
        losses: list[float] = []
        target = sequence("y", y, self.core.sizes[2])
        for _ in range(checks.whole("epochs", epochs, low=1)):
            out, h = self.forward(X)
            self.backward(X, target, out, h)
            losses.append(self._loss(out, target))
        return losses

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Returns out (T, O) for X (T, D)."""
        return self.forward(X)[0]

    def _loss(self, out: np.ndarray, y: np.ndarray) -> float:
        if self.output == "softmax":
            return float(-(y * np.log(np.maximum(out, np.finfo(float).tiny))).sum())
        return float(((out - y) ** 2).sum() / 2)


class SoftmaxRNN:
    """A classifier of every step: h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h), p_t = softmax(W_hy h_t + b_y).

    W_xh (H, D), W_hh (H, H), W_hy (O, H): 0.01 times draws of NumPy's global generator, in this order; b_h (H,), b_y
    (O,) begin at 0. They are views of the core's parameters; an assigned array is copied.

    The source's program (in Java) leaves the derivative of tanh out of its backpropagation, multiplies by W_hh where
    the transpose belongs, and forgets the state at each step when it evaluates. Here gradients agree with finite
    differences, and the state is carried; `evaluate_accuracy(..., carry_state=False)` measures as the source does.

    activation  of the state: "tanh", "relu" or an `elman.Activation`
    """

    W_xh = Weight("weight_ih_l0")
    W_hh = Weight("weight_hh_l0")
    W_hy = Weight("head.weight")
    b_h = Weight("bias_l0")
    b_y = Weight("head.bias")
    input_size, hidden_size, output_size = Size(0), Size(1), Size(2)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        learning_rate: float,
        *,
        activation: Literal["tanh", "relu"] | Activation = "tanh",
    ) -> None:
        self.learning_rate = checks.number("learning_rate", learning_rate, low=0.0)
        self.core = Core(input_size, hidden_size, output_size, activation)
        for weight in (self.W_xh, self.W_hh, self.W_hy):
            weight[...] = 0.01 * np.random.randn(*weight.shape)

    def forward(self, input: ArrayLike, prev_hidden: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Runs one step; returns the probabilities (O,) and the next state (H,) for an input (D,) and a state (H,)."""
        x = sequence("input", input, 1, self.input_size)[:, 0]
        y, h, _ = self.core.forward(x[None], sequence("prev_hidden", prev_hidden, 1, self.hidden_size)[:, 0])
        return _softmax(y[0]), h[0]

    def predict_proba(self, inputs: ArrayLike) -> np.ndarray:
        """Returns probabilities (T, O) for inputs (T, D)."""
        return _softmax(self.core.forward(sequence("inputs", inputs, self.core.sizes[0]))[0])

    def train(self, inputs: ArrayLike, targets: ArrayLike, epochs: int = 1) -> np.ndarray:
        """Takes `epochs` gradient steps on one sequence, for the cross-entropy summed over its steps.

        targets (T,) are whole numbers in [0, O). Returns the mean cross-entropy of a step before each update (epochs,).
        """
        x, classes = self._pair(inputs, targets)
        updates = checks.whole("epochs", epochs, low=1)
        # the engine's cross-entropy is a mean over the steps: T times the rate makes it the sum's gradient
        rate = self.learning_rate * len(x)
        return np.concatenate(list(self.core.train(x[None], classes[None], rate, updates, loss=CrossEntropy())))

    def evaluate_accuracy(self, inputs: ArrayLike, targets: ArrayLike, *, carry_state: bool = True) -> float:
        """Returns the share of steps whose most probable class is the target.

        carry_state  False: each step begins from a state of zeros, as the source's program evaluates; what a network
                     remembers is then not measured
        """
        x, classes = self._pair(inputs, targets)
        if checks.flag("carry_state", carry_state):
            probabilities = self.predict_proba(x)
        else:
            probabilities = np.array([self.forward(step, np.zeros(self.hidden_size))[0] for step in x])
        return float((probabilities.argmax(axis=1) == classes).mean())

    def _pair(self, inputs: ArrayLike, targets: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        x = sequence("inputs", inputs, self.core.sizes[0])
        given, top = np.asarray(targets), self.core.sizes[2]
        if given.dtype.kind not in "iu":
            raise TypeError(f"targets: expected whole numbers, the classes, got {checks.shown(given)}")
        arguments.check_width("targets", given.shape, [(len(x),)])
        outside = (given < 0) | (given >= top)
        if outside.any():
            step = int(outside.argmax())
            raise ValueError(f"targets: expected whole numbers in [0, {top - 1}], got {given[step]} at step {step}")
        return x, given.astype(np.int64)


def _softmax(raw: np.ndarray) -> np.ndarray:
    e = np.exp(raw - raw.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
