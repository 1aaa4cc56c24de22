"""Computes the gradients that well-known mistakes give, and finds the one that a student's gradient equals.

The exercise, with T steps: h_t = act(W_xh x_t + W_hh h_{t-1} + b_h), y_t = W_hy h_t + b_y, h_{-1} = 0, and backwards
(dy_t is the loss's derivative with respect to y_t)

    dh_t = W_hy' dy_t + W_hh' da_{t+1}        da_t = act'(a_t) dh_t
    dW_hy = sum dy_t h_t'    dW_xh = sum da_t x_t'    dW_hh = sum da_t h_{t-1}'    db_h = sum da_t    db_y = sum dy_t
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np

__all__ = [
    "ACTIVATIONS",
    "FLAWS",
    "Exercise",
    "distance",
    "explains",
    "factor_name",
    "gradients",
    "joint",
    "search",
    "states",
]

Gradients = dict[str, np.ndarray]

# name -> (function of a, its derivative written with h)
ACTIVATIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]] = {
    "tanh": (np.tanh, lambda h: 1 - h * h),
    "sigmoid": (lambda a: 1 / (1 + np.exp(-a)), lambda h: h * (1 - h)),
    "relu": (lambda a: np.maximum(a, 0), lambda h: (h > 0).astype(h.dtype)),
    "linear": (lambda a: a, np.ones_like),
}

# Each flaw is one line of the loop written wrongly. Flaws of one group exclude each other.
FLAWS: dict[str, tuple[str, str]] = {
    "no slope": ("slope", "the derivative of the nonlinearity is missing: dh must be multiplied by 1 - h^2"),
    "slope at tanh(h_prev)": ("slope", "the derivative is taken at the previous state, tanh'(h_prev): it is 1 - h^2"),
    "slope of h_prev": ("slope", "the derivative uses the previous state, 1 - h_prev^2: it is 1 - h^2"),
    "slope at tanh(h)": ("slope", "the derivative takes tanh of h again, 1 - tanh(h)^2: it is 1 - h^2"),
    "slope twice": ("slope", "the derivative 1 - h^2 is applied twice"),
    "W_hh untransposed": ("carry", "W_hh stands where its transpose belongs: dh_prev = W_hh.T @ da"),
    "dropped dh": ("carry", "the dh that comes from the next step is dropped: dh = W_hy.T @ dy + dh_next"),
    "carry without W_hh": ("carry", "what goes to the step before must be multiplied by W_hh.T: dh_next = W_hh.T @ da"),
    "carry without slope": ("carry", "what goes to the step before lacks 1 - h^2: it is W_hh.T @ (dh * (1 - h^2))"),
    "carry summed": ("carry", "dh_next is added up from step to step: it must be replaced at each step"),
    "h for h_prev": ("dW_hh", "the gradient of W_hh uses h where h_prev, the state before the step, belongs"),
    "wrapped h_prev": ("dW_hh", "the first step's h_prev is the last state (index -1 wraps round): it is zeros"),
    "dW_hh transposed": ("dW_hh", "the gradient of W_hh is transposed: it is outer(da, h_prev)"),
    "overwritten": ("sum", "each step overwrites the gradients: they must be added up over the steps (+=)"),
    "last step alone": ("dy", "only the last step's error enters: the loss is a sum over all steps"),
}  # fmt: skip


class Exercise(NamedTuple):
    """A student's weights in the common form, and the data of the check."""

    weights: Mapping[str, np.ndarray]  # W_xh (H, D), W_hh (H, H), W_hy (O, H), b_h (H,), b_y (O,)
    x: np.ndarray  # (T, D)
    dy: np.ndarray  # (T, O)
    activation: str = "tanh"


def states(weights: Mapping[str, np.ndarray], x: np.ndarray, activation: str = "tanh") -> np.ndarray:
    """Returns the hidden states h (T, H)."""
    act = ACTIVATIONS[activation][0]
    h = np.zeros((len(x), len(weights["W_hh"])))
    for t in range(len(x)):
        h[t] = act(weights["W_xh"] @ x[t] + (weights["W_hh"] @ h[t - 1] if t else 0) + weights["b_h"])
    return h


def gradients(case: Exercise, flaws: frozenset[str] = frozenset()) -> Gradients:
    """Returns the gradients of W_xh, W_hh, W_hy, b_h, b_y: right without flaws, else wrong in the way of each flaw."""
    h = states(case.weights, case.x, case.activation)
    slope = ACTIVATIONS[case.activation][1]
    w_hh, w_hy = case.weights["W_hh"], case.weights["W_hy"]
    total = {name: np.zeros_like(value) for name, value in case.weights.items()}
    carried = np.zeros(len(w_hh))
    last = len(h) - 1
    for t in range(last, -1, -1):
        dy = case.dy[t] * (0 if "last step alone" in flaws and t < last else 1)
        h_prev = h[t - 1] if t else np.zeros_like(h[0])
        dh = w_hy.T @ dy + (0 if "dropped dh" in flaws else carried)
        da = dh * _slope(slope, h[t], h_prev, flaws)
        if "h for h_prev" in flaws:
            h_prev = h[t]
        elif "wrapped h_prev" in flaws:
            h_prev = h[t - 1]
        d_hh = np.outer(h_prev, da) if "dW_hh transposed" in flaws else np.outer(da, h_prev)
        step = {"W_xh": np.outer(da, case.x[t]), "W_hh": d_hh, "W_hy": np.outer(dy, h[t]), "b_h": da, "b_y": dy}
        for name, value in step.items():
            total[name] = value if "overwritten" in flaws else total[name] + value
        back = np.eye(len(w_hh)) if "carry without W_hh" in flaws else w_hh if "W_hh untransposed" in flaws else w_hh.T
        passed = back @ (dh if "carry without slope" in flaws else da)
        carried = carried + passed if "carry summed" in flaws else passed
    return total


def _slope(
    slope: Callable[[np.ndarray], np.ndarray], h: np.ndarray, h_prev: np.ndarray, flaws: frozenset[str]
) -> np.ndarray:
    """Returns the derivative of the activation, with the flaws of its group."""
    if "no slope" in flaws:
        return np.ones_like(h)
    if "slope at tanh(h_prev)" in flaws:
        return slope(np.tanh(h_prev))
    if "slope of h_prev" in flaws:
        return slope(h_prev)
    if "slope at tanh(h)" in flaws:
        return slope(np.tanh(h))
    return slope(h) ** 2 if "slope twice" in flaws else slope(h)


def joint(student: Gradients, case: Exercise, tolerance: float) -> list[str] | None:
    """Returns texts for one mistake, or two together, also times a factor, that explain all gradients; None for none.

    student   the gradients by role
    """
    for flaws in _sets(case.activation):
        found = explains(gradients(case, flaws), student, case.dy.shape, tolerance)
        if found is not None:
            return [*found, *(text for flaw, (_, text) in FLAWS.items() if flaw in flaws)]
    return None


def search(student: Gradients, case: Exercise, tolerance: float) -> tuple[dict[str, list[str]], list[str]]:
    """Returns the mistakes in `student`, text -> the weights it is about, and the weights that stay unexplained.

    Mistakes that explain all weights at once come first (their list of weights is empty); where there are none, those
    that explain single weights.
    """
    found = joint(student, case, tolerance)
    if found is not None:
        return {text: [] for text in found}, []
    wrong = {flaws: gradients(case, flaws) for flaws in _sets(case.activation) if len(flaws) < 2}
    said: dict[str, list[str]] = {}
    lost: list[str] = []
    for name, value in student.items():
        if distance(value, wrong[frozenset()][name]) <= tolerance:
            continue
        for flaws, values in wrong.items():
            found = explains({name: values[name]}, {name: value}, case.dy.shape, tolerance)
            if found is not None:
                text = "; ".join([*found, *(text for flaw, (_, text) in FLAWS.items() if flaw in flaws)])
                said.setdefault(text, []).append(name)
                break
        else:
            lost.append(name)
    return said, lost


def _sets(activation: str) -> Iterator[frozenset[str]]:
    """Yields no flaw, each flaw, and each pair from different groups, in this order."""
    known = [f for f in FLAWS if activation == "tanh" or not f.startswith("slope at")]
    yield frozenset()
    yield from (frozenset({flaw}) for flaw in known)
    yield from (frozenset(pair) for pair in combinations(known, 2) if FLAWS[pair[0]][0] != FLAWS[pair[1]][0])


def explains(expected: Gradients, student: Gradients, sizes: tuple[int, ...], tolerance: float) -> list[str] | None:
    """Returns [] for the expected gradients, [the meaning of a factor] for a multiple of them, else None."""
    a = np.concatenate([value.ravel() for value in student.values()])
    b = np.concatenate([expected[name].ravel() for name in student])
    if not b.any():
        return None
    factor = float(a @ b / (b @ b))
    if any(distance(student[name], factor * value) > tolerance for name, value in expected.items() if name in student):
        return None
    name = factor_name(factor, sizes[0], sizes[1], tolerance)
    return [name] if name else []


def factor_name(factor: float, steps: int, outputs: int, tolerance: float) -> str:
    """Returns what a constant factor on the gradient means; "" for 1."""
    t, o = steps, outputs
    known = {
        1.0: "",
        2.0: "a factor 2 too large: the half in 1/2 (y_hat - y)^2 makes its derivative y_hat - y",
        0.5: "a factor 2 too small: the half in the loss was taken twice",
        1 / t: "a mean over the steps where the loss is a sum (a factor 1/T)",
        1 / o: "a mean over the outputs where the loss is a sum (a factor 1/O)",
        1 / (t * o): "a mean over steps and outputs where the loss is a sum (a factor 1/(T O))",
        2 / t: "the derivative of a mean of squares over the steps (a factor 2/T), where the loss is half a sum",
        2 / (t * o): "the derivative of a mean of squares (a factor 2/(T O)), where the loss is half a sum",
    }
    for value, text in known.items():
        if abs(abs(factor) - value) <= tolerance * value:
            uphill = "the sign is wrong: the weights climb the loss instead of descending it" if factor < 0 else ""
            return "; ".join(part for part in (uphill, text) if part)
    return f"the gradients are the right ones times {factor:.4g}"


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Returns |a - b| relative to |b|, in the maximum norm."""
    size = float(np.abs(b).max(initial=0.0))
    return float(np.abs(a - b).max(initial=0.0)) / max(size, 1e-12)
