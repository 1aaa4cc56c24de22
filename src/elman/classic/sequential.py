"""Source A: a coding exercise, a recurrent network that learns a sequence."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from elman.classic.core import Core, Size, Weight, column, exercise_update, sequence
from elman.core import checks
from elman.core.layers import Activation

__all__ = ["SequentialRecurrentNetwork"]


class SequentialRecurrentNetwork:
    """A network h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h), y_t = W_hy h_t + b_y, trained by full BPTT.

    W_xh (H, D), W_hh (H, H), W_hy (O, H), b_h (H, 1), b_y (O, 1): views of the network's parameters; an assigned array
    is copied.

    init        the source asks for Xavier weights (normal, standard deviation sqrt(2 / (fan_in + fan_out))) and prints
                examples that do not come from them, but from 0.01 times a standard normal: "small", the default, gives
                its printed numbers, "xavier" draws Xavier weights. Both come from `RandomState(42)`, in the order W_xh,
                W_hh, W_hy; the caller's generator does not change
    activation  of the state: "tanh", "relu" or an `elman.Activation`

    hidden_states (T, H) are those of the last `forward`.
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
        init: Literal["small", "xavier"] = "small",
        activation: Literal["tanh", "relu"] | Activation = "tanh",
    ) -> None:
        checks.choice("init", init, ("small", "xavier"))
        self.core = Core(input_size, hidden_size, output_size, activation)
        self.hidden_states = np.zeros((0, hidden_size))
        generator = np.random.RandomState(42)
        for weight in (self.W_xh, self.W_hh, self.W_hy):
            scale = 0.01 if init == "small" else np.sqrt(2 / sum(weight.shape))
            weight[...] = scale * generator.randn(*weight.shape)

    def forward(self, x: ArrayLike) -> np.ndarray:
        """Returns outputs (T, O) for x (T, D), an array or nested lists."""
        y, self.hidden_states, _ = self.core.forward(sequence("x", x, self.core.sizes[0]))
        return y

    def backward(self, x: ArrayLike, y: ArrayLike, learning_rate: float) -> float:
        """Takes one gradient step for 1/2 sum_t sum_o (y - y_hat)^2, targets y (T, O). Returns the loss before the
        step."""
        return exercise_update(self.core, x, y, learning_rate)
