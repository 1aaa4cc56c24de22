"""Computes the gradients that well-known mistakes give, and finds the one that a student's gradient equals.

The program, with T steps and B rows: h_t = cell(x_t, h_{t-1}), y_t = W_hy h_t + b_y, and backwards (dy_t is the loss's
derivative by y_t, dh_t what arrives at the state)

    dh_t = W_hy' dy_t + (what the cell of step t + 1 passes back)
    dW_hy = sum dy_t h_t'    db_y = sum dy_t    and the cell's own gradients, summed over the steps

The loop and the output are here; each cell with its derivative and the mistakes in it is in cells.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np

from elman.student.mistakes.cells import Cell, Elman, Flaws, Gradients, Step

__all__ = [
    "Exercise",
    "Terms",
    "distance",
    "explains",
    "factor_name",
    "gradients",
    "joint",
    "known",
    "search",
    "states",
]

# Each mistake is one line of the loop written wrongly. Mistakes of one group exclude each other.
LOOP: dict[str, tuple[str, str]] = {
    "dropped dh": ("carry", "the dh that comes from the next step is dropped: dh = W_hy.T @ dy + dh_next"),
    "carry summed": ("carry", "dh_next is added up from step to step: it must be replaced at each step"),
    "h_prev in dW_hy": ("dW_hy", "the gradient of W_hy uses h_prev, the state before the step: it is outer(dy, h)"),
    "wrapped h_prev in dW_hy": (
        "dW_hy", "the gradient of W_hy uses h_prev, at the first step even the last state: it is outer(dy, h)"
    ),
    "x_prev": ("dW_xh", "the gradient of W_xh uses the input of the step before: it is outer(da, x_t)"),
    "x_next": ("dW_xh", "the gradient of W_xh uses the input of the step after: it is outer(da, x_t)"),
    "overwritten": ("sum", "each step overwrites the gradients: they must be added up over the steps (+=)"),
    "last step alone": ("dy", "only the last step's error enters: the loss is a sum over all steps"),
    "first step skipped": ("loop", "the loop back is truncated: it stops before the first step (t = 0)"),
    "first state skipped": (
        "loop", "the loop back through the states is truncated: it stops before the first step (t = 0)"
    ),
    "last step skipped": ("loop", "the loop back is truncated: it leaves out the last step (t = T - 1)"),
    "only last 2": ("loop", "the loop back is truncated: it covers only the last 2 steps"),
    "only last 3": ("loop", "the loop back is truncated: it covers only the last 3 steps"),
    "truncated after 1": ("carry", "the loop is truncated: errors go back over 1 step only, not to the first"),
    "truncated after 2": ("carry", "the loop is truncated: errors go back over 2 steps only, not to the first"),
    "truncated after 3": ("carry", "the loop is truncated: errors go back over 3 steps only, not to the first"),
}  # fmt: skip


class Exercise(NamedTuple):
    """A student's weights in the common form, and the data of the check."""

    weights: Mapping[str, np.ndarray]  # the cell's, and W_hy (O, H), b_y (O,) where there are outputs
    x: np.ndarray  # (T, B, D)
    dy: np.ndarray | None  # (T, B, O), or (1, B, O) of the last step
    cell: Cell = Elman()
    dh: np.ndarray | None = None  # (T, B, H) or (1, B, H): a gradient that is given at the states themselves
    dc: np.ndarray | None = None  # (1, B, H): at the last cell state
    h0: np.ndarray | None = None  # (B, H)
    c0: np.ndarray | None = None

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Steps, rows and outputs of the loss."""
        given = self.dy if self.dy is not None else self.dh
        assert given is not None
        return given.shape[0], given.shape[1], given.shape[2]


def states(case: Exercise) -> list[Step]:
    """Runs the forward pass; returns each step."""
    size = case.cell.hidden(case.weights)
    zeros = np.zeros((case.x.shape[1], size))
    h, c = (zeros if state is None else state for state in (case.h0, case.c0))
    found: list[Step] = []
    for x in case.x:
        found.append(case.cell.step(case.weights, x, h, c))
        h, c = found[-1].h, found[-1].c
    return found


def gradients(case: Exercise, flaws: Flaws = frozenset()) -> Gradients:
    """Returns the gradients of all weights, of x and of the first states ("h0", "c0"): right without flaws, else wrong
    in the way of each flaw."""
    steps = states(case)
    far = next((int(flaw[-1]) for flaw in flaws if flaw.startswith("truncated after")), None)
    if far is None:
        return _through_time(case, steps, flaws, None)
    total: Gradients = {}
    for t in range(len(steps)):  # the error of each step goes back on its own, `far` steps at most
        for name, value in _through_time(case, steps, flaws, (t, far)).items():
            total[name] = total[name] + value if name in total else value
    return total


def _through_time(case: Exercise, steps: list[Step], flaws: Flaws, alone: tuple[int, int] | None) -> Gradients:
    total = {name: np.zeros_like(value) for name, value in case.weights.items()}
    last = len(steps) - 1
    dh_next, dc_next = np.zeros_like(steps[0].h), np.zeros_like(steps[0].h)
    if case.dc is not None and alone is None:
        dc_next = case.dc[0]
    dx = np.zeros_like(case.x)
    for t in range(last, -1, -1):
        if (t == 0 and "first step skipped" in flaws) or (t == last and "last step skipped" in flaws):
            continue
        if any(f"only last {k}" in flaws and t <= last - k for k in (2, 3)):
            continue
        if alone is not None and not alone[0] - alone[1] <= t <= alone[0]:
            continue
        step = steps[t]
        enters = ("last step alone" not in flaws or t == last) and (alone is None or t == alone[0])
        dh, own = np.zeros_like(step.h), {}
        dy = _at(case.dy, t, last)
        if dy is not None:
            dy = dy * enters
            h = step.h_prev if "h_prev in dW_hy" in flaws else step.c if "c in dW_hy" in flaws else step.h
            if "wrapped h_prev in dW_hy" in flaws:
                h = step.h_prev if t else steps[last].h
            own |= {"W_hy": dy.T @ h, "b_y": dy.sum(axis=0)}
            dh = dh + dy @ case.weights["W_hy"]
        if (given := _at(case.dh, t, last)) is not None:
            dh = dh + given * enters
        if t == 0 and "first state skipped" in flaws:
            dx[0], carried, dc_next = 0, np.zeros_like(dh), np.zeros_like(dh)
        else:
            x = case.x[t]
            if "x_prev" in flaws:
                x = case.x[t - 1] if t else 0 * x
            elif "x_next" in flaws:
                x = case.x[t + 1] if t < last else 0 * x
            wrapped = steps[last].h if t == 0 else step.h_prev
            back = case.cell.back(case.weights, step._replace(x=x), dh, dh_next, dc_next, flaws, wrapped)
            dx[t], carried, dc_next = back.dx, back.dh_prev, back.dc_prev
            own |= back.weights
        for name, value in own.items():
            total[name] = value if "overwritten" in flaws else total[name] + value
        dh_next = dh_next + carried if "carry summed" in flaws else carried
        if "dropped dh" in flaws and t:
            dh_next = np.zeros_like(dh_next)
    return {**total, "x": dx, "h0": dh_next, "c0": dc_next}


def _at(given: np.ndarray | None, t: int, last: int) -> np.ndarray | None:
    """Returns the gradient that enters at step t; one step of it is the last."""
    if given is None:
        return None
    if len(given) == 1 and last > 0:
        return given[0] * (t == last)
    return given[t]


def known(case: Exercise) -> dict[str, tuple[str, str]]:
    """Returns the mistakes that are possible in the program, by name: group and text."""
    loop = LOOP if len(case.x) > 1 else {name: LOOP[name] for name in ("h_prev in dW_hy",)}
    if case.dy is None:
        loop = {name: value for name, value in loop.items() if "W_hy" not in name}
    if len(case.sizes) and case.sizes[0] == 1:
        loop = {name: value for name, value in loop.items() if name not in ("last step alone", "overwritten")}
        loop |= {name: LOOP[name] for name in ("overwritten",) if len(case.x) > 1}
    if case.cell.label == "LSTM" and case.dy is not None:
        loop["c in dW_hy"] = "dW_hy", "the gradient of W_hy uses c, the cell state: it is outer(dy, h)"
    return {**case.cell.flaws(len(case.x)), **loop}


class Terms(NamedTuple):
    """How gradients are compared.

    sizes     steps, rows and outputs
    accepted  factors that are right: the losses that a program may mean
    squares   whether the loss is half a sum of squares
    most      what entries seem to be clipped to
    """

    sizes: tuple[int, int, int]
    tolerance: float
    accepted: tuple[float, ...] = (1.0,)
    squares: bool = True
    most: float | None = None


View = Callable[[Gradients], Gradients]


def joint(student: Gradients, case: Exercise, terms: Terms, view: View, most: int = 2) -> list[str] | None:
    """Returns texts for one mistake, or two together, also times a factor, that explain all gradients; None for none.

    student  the gradients by the student's names
    view     from the common form's gradients to the student's
    most     mistakes at once
    """
    texts = known(case)
    for flaws in _sets(case):
        if len(flaws) > most:
            return None
        found = explains(view(gradients(case, flaws)), student, terms)
        if found is not None:
            return [*found, *(text for flaw, (_, text) in texts.items() if flaw in flaws)]
    return None


def search(student: Gradients, case: Exercise, terms: Terms, view: View) -> tuple[dict[str, list[str]], list[str]]:
    """Returns the mistakes in `student`, text -> the weights it is about, and the weights that stay unexplained: those
    that explain single weights, where none explains all."""
    texts = known(case)
    wrong = {flaws: view(gradients(case, flaws)) for flaws in _sets(case) if len(flaws) < 2}
    said: dict[str, list[str]] = {}
    lost: list[str] = []
    for name, value in student.items():
        if explains({name: wrong[frozenset()][name]}, {name: value}, terms) == []:
            continue
        for flaws, values in wrong.items():
            found = explains({name: values[name]}, {name: value}, terms)
            if found is not None:
                text = "; ".join([*found, *(text for flaw, (_, text) in texts.items() if flaw in flaws)])
                said.setdefault(text, []).append(name)
                break
        else:
            lost.append(name)
    return said, lost


def _sets(case: Exercise) -> Iterator[Flaws]:
    """Yields no flaw, each flaw, and each pair from different groups, in this order."""
    groups = known(case)
    yield frozenset()
    yield from (frozenset({flaw}) for flaw in groups)
    yield from (frozenset(pair) for pair in combinations(groups, 2) if groups[pair[0]][0] != groups[pair[1]][0])


def explains(expected: Gradients, student: Gradients, terms: Terms) -> list[str] | None:
    """Returns [] for the expected gradients, [the meaning of a factor] for a multiple of them, else None."""
    a = np.concatenate([value.ravel() for value in student.values()])
    b = np.concatenate([expected[name].ravel() for name in student])
    square = float(b @ b)
    if not square > 0 or not np.isfinite(square):
        return None
    factor = float(a @ b) / square
    if any(distance(value, factor * expected[name]) > terms.tolerance for name, value in student.items()):
        return [] if _clipped(a, b, terms) else None
    name = factor_name(factor, terms)
    return [name] if name else []


def _clipped(student: np.ndarray, expected: np.ndarray, terms: Terms) -> bool:
    """Returns whether gradients are the expected ones, with entries that are clipped to one value."""
    if terms.most is None:
        return False
    right = (np.clip(factor * expected, -terms.most, terms.most) for factor in terms.accepted)
    return any(distance(student, values) <= terms.tolerance for values in right)


def factor_name(factor: float, terms: Terms) -> str:
    """Returns what a constant factor on the gradient means; "" for one that is right."""
    if any(abs(factor - value) <= terms.tolerance * value for value in terms.accepted):
        return ""
    t, b, o = terms.sizes
    known = {
        1.0: "",
        2.0: "a factor 2 too large",
        0.5: "a factor 2 too small",
        1 / t: "a mean over the steps where the loss is a sum (a factor 1/T)",
        1 / o: "a mean over the outputs where the loss is a sum (a factor 1/O)",
        1 / b: "a mean over the rows of the batch where the loss is a sum (a factor 1/B)",
        1 / (t * o): "a mean over steps and outputs where the loss is a sum (a factor 1/(T O))",
        2 / t: "the derivative of a mean of squares over the steps (a factor 2/T), where the loss is half a sum",
        2 / (t * o): "the derivative of a mean of squares (a factor 2/(T O)), where the loss is half a sum",
    }
    if terms.squares:
        known[2.0] += ": the half in 1/2 (y_hat - y)^2 makes its derivative y_hat - y"
        known[0.5] += ": the half in the loss was taken twice"
    for right in terms.accepted[:1]:
        for value, text in known.items():
            if abs(abs(factor) - value * right) <= terms.tolerance * value * right:
                uphill = "the sign is wrong: the weights climb the loss instead of descending it" if factor < 0 else ""
                return "; ".join(part for part in (uphill, text) if part)
    return f"the gradients are the right ones times {factor / terms.accepted[0]:.4g}"


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Returns |a - b| relative to |b|, in the maximum norm."""
    size = float(np.abs(b).max(initial=0.0))
    return float(np.abs(a - b).max(initial=0.0)) / max(size, 1e-12)
