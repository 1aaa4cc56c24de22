"""Source B: the same exercise as source A, shorter."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from elman.classic.core import Core, Size, Weight, column, exercise_update, sequence
from elman.core.layers import Activation

__all__ = ["SimpleRNN"]


class SimpleRNN:
    """A network h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h), y_t = W_hy h_t + b_y, trained by full BPTT.

    W_xh (H, D), W_hh (H, H), W_hy (O, H), b_h (H, 1), b_y (O, 1): views of the network's parameters; an assigned array
    is copied. The weights are 0.01 times draws of NumPy's *global* generator, in this order, so a caller's
    `np.random.seed` decides; the biases are 0. `activation` of the state: "tanh", "relu" or an `elman.Activation`.

    The source says that forward returns hidden states and output, and prints what it returns as outputs alone. Here
    outputs are returned, and `hidden_states` (T, H) is an attribute.
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
        *,
        activation: Literal["tanh", "relu"] | Activation = "tanh",
    ) -> None:
        self.core = Core(input_size, hidden_size, output_size, activation)
        self.hidden_states = np.zeros((0, hidden_size))
        for weight in (self.W_xh, self.W_hh, self.W_hy):
            weight[...] = 0.01 * np.random.randn(*weight.shape)

    def forward(self, x: ArrayLike) -> np.ndarray:
        """Returns outputs (T, O) for x (T, D)."""
        y, self.hidden_states, _ = self.core.forward(sequence("x", x, self.core.sizes[0]))
        return y

    def backward(self, x: ArrayLike, y: ArrayLike, learning_rate: float) -> float:
        """Takes one gradient step for 1/2 sum_t sum_o (y - y_hat)^2, targets y (T, O); the weights are used as they are
        and updated once, without clipping. Returns the loss before the step."""
        return exercise_update(self.core, x, y, learning_rate)
