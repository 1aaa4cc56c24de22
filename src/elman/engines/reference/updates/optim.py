"""Optimisers: one update of theta (P,) in place; what the optimiser remembers is in `slots`, arrays shaped like it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["OPTIMIZERS", "step"]

Slots = Sequence[np.ndarray]


def step(optimizer: Any, theta: np.ndarray, slots: Slots, gradient: np.ndarray, rate: float, number: int) -> None:
    """Makes update `number` (1, 2, ...) of `optimizer` with learning rate `rate`; theta and slots change in place."""
    OPTIMIZERS[optimizer.kind](optimizer, theta, slots, gradient, rate, number)


def sgd(optimizer: Any, theta: np.ndarray, slots: Slots, g: np.ndarray, rate: float, number: int) -> None:
    """theta -= lr g; with momentum v = momentum v + g, theta -= lr v."""
    if optimizer.momentum:
        (velocity,) = slots
        velocity *= optimizer.momentum
        velocity += g
        g = velocity
    theta -= rate * g


def rmsprop(optimizer: Any, theta: np.ndarray, slots: Slots, g: np.ndarray, rate: float, number: int) -> None:
    """s = decay s + (1 - decay) g^2; theta -= lr g / (sqrt(s) + eps) (Tieleman and Hinton 2012)."""
    (square,) = slots
    square *= optimizer.decay
    square += (1 - optimizer.decay) * (g * g)
    theta -= rate * g / (np.sqrt(square) + optimizer.eps)


def adagrad(optimizer: Any, theta: np.ndarray, slots: Slots, g: np.ndarray, rate: float, number: int) -> None:
    """s = s + g^2; theta -= lr g / (sqrt(s) + eps) (Duchi, Hazan and Singer 2011)."""
    (square,) = slots
    square += g * g
    theta -= rate * g / (np.sqrt(square) + optimizer.eps)


def adam(optimizer: Any, theta: np.ndarray, slots: Slots, g: np.ndarray, rate: float, number: int) -> None:
    """m = b1 m + (1 - b1) g; s = b2 s + (1 - b2) g^2; theta -= lr mhat / (sqrt(shat) + eps) (Kingma and Ba 2015).

    AdamW (Loshchilov and Hutter 2019) first shrinks theta by lr weight_decay theta.
    """
    mean, square = slots
    theta *= 1 - rate * getattr(optimizer, "weight_decay", 0.0)
    mean *= optimizer.beta1
    mean += (1 - optimizer.beta1) * g
    square *= optimizer.beta2
    square += (1 - optimizer.beta2) * (g * g)
    size = rate / (1 - power(optimizer.beta1, number))
    correction = 1 / math.sqrt(1 - power(optimizer.beta2, number))
    theta -= size * mean / (np.sqrt(square) * correction + optimizer.eps)


def power(base: float, number: int) -> float:
    """Returns base^number by squaring, whose bits are the same on every machine and in the compiled core."""
    found = 1.0
    while number > 0:
        found *= base if number & 1 else 1.0
        base, number = base * base, number >> 1
    return found


OPTIMIZERS: dict[str, Callable[[Any, np.ndarray, Slots, np.ndarray, float, int], None]] = {
    "sgd": sgd,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
    "adam": adam,
    "adamw": adam,
}
