"""The simple cell of the exercises, one step and its derivative, each line also written wrongly.

    a_t = W_xh x_t + W_hh h_{t-1} + b_h    h_t = act(a_t)
    da_t = act'(a_t) dh_t    dW_xh = da_t x_t'    dW_hh = da_t h_{t-1}'    db_h = da_t    dh_{t-1} = W_hh' da_t

Vectors are rows here, (B, H), so that a batch is one matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

__all__ = ["ACTIVATIONS", "Back", "Cell", "Elman", "Flaws", "Gradients", "Step"]

Gradients = dict[str, np.ndarray]
Flaws = frozenset[str]
Weights = Mapping[str, np.ndarray]


class Step(NamedTuple):
    """One step of a forward pass."""

    x: np.ndarray  # (B, D)
    h_prev: np.ndarray  # (B, H)
    c_prev: np.ndarray
    h: np.ndarray
    c: np.ndarray
    saved: dict[str, Any]


class Back(NamedTuple):
    """What goes back from one step."""

    dx: np.ndarray
    dh_prev: np.ndarray
    dc_prev: np.ndarray
    weights: Gradients


class Cell(Protocol):
    """A cell: its step, and the step's derivative with mistakes."""

    @property
    def label(self) -> str: ...
    def hidden(self, weights: Weights) -> int: ...
    def step(self, weights: Weights, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> Step: ...
    def back(
        self, weights: Weights, step: Step, dh: np.ndarray, dh_next: np.ndarray, dc_next: np.ndarray, flaws: Flaws,
        wrapped: np.ndarray,
    ) -> Back:  # fmt: skip
        """Goes back one step.

        dh, dh_next  what arrives at the state from its own output, and from the step after
        wrapped      the state that index t - 1 gives: at the first step, the last one
        """
        ...

    def flaws(self, steps: int) -> dict[str, tuple[str, str]]: ...


# name -> (function of a, its derivative written with h, the text of that)
ACTIVATIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray], str]] = {
    "tanh": (np.tanh, lambda h: 1 - h * h, "1 - h^2"),
    "sigmoid": (lambda a: 1 / (1 + np.exp(-a)), lambda h: h * (1 - h), "h (1 - h)"),
    "relu": (lambda a: np.maximum(a, 0), lambda h: (h > 0).astype(h.dtype), "1 where h > 0"),
    "linear": (lambda a: a, np.ones_like, "1"),
}
REST = ("tanh", "sigmoid", "relu")


class Elman(NamedTuple):
    """h_t = act(W_xh x_t + W_hh h_{t-1} + b_h)."""

    activation: str = "tanh"

    @property
    def label(self) -> str:
        return f"simple cell, {self.activation}"

    def hidden(self, weights: Weights) -> int:
        return len(weights["W_hh"])

    def step(self, weights: Weights, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> Step:
        a = x @ weights["W_xh"].T + h @ weights["W_hh"].T + weights["b_h"]
        return Step(x, h, c, ACTIVATIONS[self.activation][0](a), c, {"a": a})

    def back(
        self, weights: Weights, step: Step, dh: np.ndarray, dh_next: np.ndarray, dc_next: np.ndarray, flaws: Flaws,
        wrapped: np.ndarray,
    ) -> Back:  # fmt: skip
        entering, dh = dh, dh + dh_next
        da = dh * self._slope(step, flaws)
        if "no slope at entry" in flaws:
            da = entering + dh_next * self._slope(step, flaws)
        h_prev = step.h_prev
        if "h for h_prev" in flaws:
            h_prev = step.h
        elif "wrapped h_prev" in flaws:
            h_prev = wrapped
        d_hh = h_prev.T @ da if "dW_hh transposed" in flaws else da.T @ h_prev
        w = weights["W_hh"]
        back = np.eye(len(w)) if "carry without W_hh" in flaws else w.T if "W_hh untransposed" in flaws else w
        passed = (dh if "carry without slope" in flaws else da) @ back
        return Back(da @ weights["W_xh"], passed, dc_next, {"W_xh": da.T @ step.x, "W_hh": d_hh, "b_h": da.sum(axis=0)})

    def _slope(self, step: Step, flaws: Flaws) -> np.ndarray:
        act, slope, _ = ACTIVATIONS[self.activation]
        if "no slope" in flaws:
            return np.ones_like(step.h)
        if "slope at act(h_prev)" in flaws:
            return slope(act(step.h_prev))
        if "slope of h_prev" in flaws:
            return slope(step.h_prev)
        if "slope at act(h)" in flaws:
            return slope(act(step.h))
        if "slope of a" in flaws:
            return slope(step.saved["a"])
        for other in REST:
            if f"slope of {other}" in flaws:
                return ACTIVATIONS[other][1](step.h)
        return slope(step.h) ** 2 if "slope twice" in flaws else slope(step.h)

    def flaws(self, steps: int) -> dict[str, tuple[str, str]]:
        act, text = self.activation, ACTIVATIONS[self.activation][2]
        found: dict[str, tuple[str, str]] = {}
        if act != "linear":
            previous = text.replace("h", "h_prev")
            found = {
                "no slope": (
                    "slope", f"the derivative of the nonlinearity is missing: dh must be multiplied by {text}"
                ),
                "slope of h_prev": ("slope", f"the derivative uses the previous state, {previous}: it is {text}"),
                "slope twice": ("slope", f"the derivative {text} is applied twice"),
                "carry without slope": (
                    "carry", f"what goes to the step before lacks {text}: it is W_hh.T @ (dh * ({text}))"
                ),
            }  # fmt: skip
        if act != "linear" and steps > 1:
            found["no slope at entry"] = (
                "slope",
                f"the derivative of the nonlinearity is missing where the output's error enters: dh * ({text})",
            )  # fmt: skip
        if act in ("tanh", "sigmoid"):
            again = text.replace("h", f"{act}(h)")
            found |= {
                "slope at act(h_prev)": (
                    "slope", f"the derivative is taken at the previous state, {act}'(h_prev): it is {text}"
                ),
                "slope at act(h)": ("slope", f"the derivative takes {act} of h again, {again}: it is {text}"),
                "slope of a": (
                    "slope", f"the derivative uses a, before {act}, {text.replace('h', 'a')}: it is {text}"
                ),
            }  # fmt: skip
        for other in REST:
            if other != act:
                wrong = ACTIVATIONS[other][2]
                right = "no factor" if act == "linear" else text
                found[f"slope of {other}"] = (
                    "slope", f"the derivative of {other}, {wrong}, on a {act} cell: it is {right}"
                )  # fmt: skip
        found |= {
            "W_hh untransposed": ("carry", "W_hh stands where its transpose belongs: dh_prev = W_hh.T @ da"),
            "carry without W_hh": (
                "carry", "what goes to the step before must be multiplied by W_hh.T: dh_next = W_hh.T @ da"
            ),
            "h for h_prev": ("dW_hh", "the gradient of W_hh uses h where h_prev, the state before the step, belongs"),
            "dW_hh transposed": ("dW_hh", "the gradient of W_hh is transposed: it is outer(da, h_prev)"),
        }  # fmt: skip
        if steps > 1:
            found["wrapped h_prev"] = (
                "dW_hh", "the first step's h_prev is the last state (index -1 wraps round): it is zeros"
            )  # fmt: skip
        return found
