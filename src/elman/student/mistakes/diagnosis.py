"""Judges the gradients of a program: which are right, and which mistakes explain the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from elman.student.calls import forms
from elman.student.calls.measure import Attempt, clipped, fit, limit
from elman.student.mistakes import loop
from elman.student.mistakes.cells import Gradients
from elman.student.mistakes.loop import Exercise, Terms
from elman.student.mistakes.losses import CLASSES, SQUARES, SWITCHES, Base, bases, factors, standard
from elman.student.mistakes.roles import OUTPUTS, LossOf, Recognised, recognise
from elman.student.program.weights import Weight

__all__ = ["Judged", "OwnLoss", "accepted", "explain", "judge", "of_own_loss", "signature"]

OwnLoss = tuple[str, float] | None  # a standard loss and its factor
CELL = {"x": "dx", "h0": "dh_prev", "c0": "dc_prev"}


class Judged(NamedTuple):
    """A verdict on the gradients."""

    scale: float  # of the numeric gradients
    factors: tuple[float, ...]  # that are right for mistakes too: where nothing is right, the scale is not known
    loss: str
    wrong: list[Weight]
    inputs: dict[str, tuple[np.ndarray, np.ndarray]]  # "x", "h0", "c0" -> the student's and the numeric gradient
    notes: list[str]


def signature(attempt: Attempt) -> str:
    """Returns the source in docs/sources.md that has this interface: "A/B", "C", "D", "E", or "other"."""
    backward, forward = attempt.backward, attempt.numeric.forward
    takes = [role for _, role in backward.roles]
    if "dh" in takes and forward.state and not forms.steps(forward.axes):
        return "D"
    one = forward.axes in ("TK", "T|K1") and not forward.state and attempt.source == "applied"
    if not one or "ids" in backward.target or backward.target.startswith("["):
        return "other"
    if attempt.numeric.seen.y is None or len(attempt.numeric.seen.y) != len(attempt.numeric.data.x):
        return "other"
    if takes[:2] == ["x", "y"] and set(takes[2:]) <= {"rate"} and forward.axes == "TK":
        return "A/B"
    if len(takes) == 4 and takes[:2] == ["x", "y"] and "rate" not in takes:
        columns = np.shape(attempt.numeric.seen.places["y"])[2:] == (1,)
        return "C" if forward.axes == "T|K1" or columns else "E"
    return "other"


def accepted(attempt: Attempt, own: OwnLoss) -> list[float]:
    """Returns the factors on the base loss that are right, the expected one first."""
    base, seen = attempt.fit.base, attempt.numeric.seen
    y = seen.y if seen.y is not None else seen.h
    steps, rows, outputs = y.shape if y is not None else (1, 1, 1)
    if base.name.startswith("the loss"):  # the program returns it
        return [1.0, *([1 / own[1], 1 / own[1] / steps] if own is not None else [])]
    if attempt.backward.upstream:
        return [1.0, *([1 / rows] if rows > 1 else [])]
    if own is not None and own[0] == base.name:
        return [own[1], 1.0]
    kind = signature(attempt)
    if kind in ("A/B", "E") and base.name == SQUARES:
        return [1.0, 2 / steps, 2 / (steps * outputs)]
    if kind == "C":
        return [1.0, 2 / steps, 2 / (steps * outputs)]
    if kind in ("A/B", "E"):
        return [1.0]
    return list(dict.fromkeys([1.0, *factors(steps, rows, outputs)]))


def of_own_loss(attempt: Attempt, own: OwnLoss) -> Attempt:
    """Returns the attempt compared with the loss that the program says it has, where that is another one."""
    if own is None or own[0] == attempt.fit.base.name or attempt.backward.upstream:
        return attempt
    for base in bases(attempt.numeric.seen, attempt.numeric.data, attempt.backward, attempt.target):
        if base.name == own[0]:
            return attempt._replace(fit=fit(attempt.numeric, attempt.found, base))
    return attempt


def judge(attempt: Attempt, own: OwnLoss) -> Judged:
    """Compares every gradient with its numeric one, times the factor that the loss has."""
    measured, numeric = attempt.fit, attempt.numeric
    right, notes = accepted(attempt, own), []
    tolerance = numeric.precision.tolerance
    free = attempt.source == "applied" and not attempt.ran.rate
    factor = measured.factor
    if free and factor > 0 and measured.right:
        notes.append(
            f"the learning rate cannot be set from outside; it seems to be {factor * numeric.precision.rate:.4g}"
        )
        right = [factor]
    inward = {role for name, role in attempt.backward.roles if name.lower() in ("error", "errors", "err")} & {
        "dy",
        "dh",
    }
    if factor < 0 and measured.right and (attempt.source != "applied" or inward):
        notes.append("gradients have the sign of a step downhill: they must be added to the weights")
        right = [-f for f in right]
    scale = next((f for f in right if measured.right and abs(factor - f) <= 10 * tolerance * abs(f)), right[0])
    if measured.base.name in (SQUARES, CLASSES, SWITCHES) and scale != right[0] and signature(attempt) != "C":
        plain = "y_hat - y" if scale == 1 else f"{scale:.4g} (y_hat - y)"
        notes.append(f"the gradient is {plain}" + (", though the loss is a mean" if own and scale == 1 else ""))
    wrong: list[Weight] = []
    most, cut = limit(attempt.found), False
    for weight, expected in measured.numeric.items():
        mine = attempt.found[weight].ravel()[numeric.entries[weight]] if weight in attempt.found else 0 * expected
        right_one = clipped(scale * expected, most)
        cut = cut or not np.array_equal(right_one, scale * expected)
        if not np.abs(mine - right_one).max() <= tolerance * abs(scale) * np.abs(expected).max():
            wrong.append(weight)
    decay = _decay(attempt, scale, wrong)
    if decay is not None:
        notes.append(f"weights are drawn to zero: {decay:.3g} times each is added to its gradient")
        wrong = []
    if cut and not wrong:
        notes.append(f"large gradients are clipped to [-{most:.3g}, {most:.3g}]")
    factors_of = (scale,) if measured.right else (scale, *(f for f in right if f != scale))
    return Judged(scale, factors_of, _loss_text(attempt, scale, own), wrong, _inputs(attempt), notes)


def _decay(attempt: Attempt, scale: float, wrong: list[Weight]) -> float | None:
    """Returns the factor of a weight decay where it alone makes gradients differ; None otherwise."""
    numeric = attempt.numeric
    ratios: list[float] = []
    for weight in wrong:
        places, value = numeric.entries[weight], numeric.weights[weight]
        if weight not in attempt.found:
            return None
        rest = attempt.found[weight].ravel()[places] - scale * attempt.fit.numeric[weight]
        entries = value.ravel()[places]
        ratio = float(rest @ entries) / float(entries @ entries)
        if np.abs(rest - ratio * entries).max() > 1e-4 * np.abs(rest).max():
            return None
        ratios.append(ratio)
    if not ratios or ratios[0] <= 0 or not np.allclose(ratios, ratios[0], rtol=1e-4):
        return None
    return ratios[0]


def _inputs(attempt: Attempt) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns the gradients by inputs and states that the program returned, with the numeric ones."""
    data, found = attempt.numeric.data, {}
    for role, given in attempt.ran.inputs.items():
        core = getattr(data, role)
        mine = forms.read(given, core.shape)
        if mine is None or mine[1].shape != core.shape or (role == "x" and attempt.numeric.forward.ids):
            continue
        attempt.numeric.differentiate(role)
        parts = {part: slopes[role] for part, slopes in attempt.numeric.slopes.items() if role in slopes}
        total = sum(
            np.tensordot(slope, attempt.fit.base.slopes[p], 3)
            for p, slope in parts.items()
            if p in attempt.fit.base.slopes
        )
        if np.any(total):
            found[role] = mine[1], np.reshape(total, core.shape)
    return found


def _loss_text(attempt: Attempt, scale: float, own: OwnLoss) -> str:
    name = attempt.fit.base.name
    if name == CLASSES:
        seen = attempt.numeric.seen.y
        name = "cross-entropy of the softmax outputs" if seen is not None and (seen > 0).all() else CLASSES
    if signature(attempt) == "C" and name == SQUARES:
        text = "the gradient of the program, y_hat - y" if scale == 1 else "the gradient of the text, 2/T (y_hat - y)"
        return f"mean over the steps of the squared error; {text}"
    return name


def explain(attempt: Attempt, judged: Judged, own: OwnLoss) -> list[str]:
    """Returns one text for each mistake behind the gradients."""
    found, numeric = attempt.found, attempt.numeric
    tolerance = numeric.precision.tolerance
    moved = {weight: value for weight, value in found.items() if value.any()}
    still = [weight for weight in numeric.weights if weight not in moved]
    if not moved:
        return [f"{attempt.backward.function} changes no weight: expected weight -= learning_rate * gradient"]
    if any(not np.isfinite(value).all() for value in moved.values()):
        return ["the gradient is not finite"]
    off = [role for role, (mine, right) in judged.inputs.items() if loop.distance(mine, right) > tolerance]
    if not judged.wrong and not off:
        return []
    y = numeric.seen.y if numeric.seen.y is not None else numeric.seen.h
    sizes = (1, 1, 1) if y is None else (y.shape[0], y.shape[1], y.shape[2])
    terms = Terms(sizes, tolerance, judged.factors, attempt.fit.base.name == SQUARES, limit(found))
    recognised = recognise(numeric, _loss_of(attempt))
    cases = list(_cases(attempt, recognised, own)) if recognised is not None else []
    inputs = {role: mine for role, (mine, _) in judged.inputs.items()}

    def view(gradients: Gradients) -> Gradients:
        assert recognised is not None
        return recognised.view(gradients) | {role: gradients[role] for role in inputs}

    if still and cases:  # some mistakes leave a weight without a gradient
        whole = {w.name: found[w] if w in found else np.zeros(numeric.weights[w].shape) for w in numeric.weights}
        for text, case in cases:
            texts = loop.joint(whole | inputs, case, terms, view, 2)
            if texts is not None:
                return [*text, *texts]
    said = [_still(weight, cases, view) for weight in still]
    lost = [weight for weight in judged.wrong if weight not in still]
    if not lost and not off:
        return said
    expected = {w.name: judged.scale / terms.accepted[0] * attempt.fit.numeric[w] for w in moved}
    mine = {w.name: moved[w].ravel()[numeric.entries[w]] for w in moved}
    multiple = loop.explains(expected, mine, terms)
    if multiple:
        return said + multiple
    for most in (1, 2):
        for text, case in cases:
            texts = loop.joint({w.name: v for w, v in moved.items()} | inputs, case, terms, view, most)
            if texts is not None:
                return [*said, *text, *texts]
    unknown = [weight.name for weight in lost] + [CELL[role] for role in off]
    if cases:
        given = {w.name: v for w, v in moved.items()} | inputs
        explained, unexplained = loop.search(given, cases[0][1], terms, view)
        said += [f"{', '.join(CELL.get(n, n) for n in names)}: {text}" for text, names in explained.items()]
        unknown = [CELL.get(name, name) for name in unexplained]
    else:
        explained = {}
        for weight in lost:
            texts = loop.explains({weight.name: expected[weight.name]}, {weight.name: mine[weight.name]}, terms)
            for text in texts or ():
                explained.setdefault(text, []).append(weight.name)
        said += [f"{', '.join(names)}: {text}" for text, names in explained.items()]
        unknown = [name for name in unknown if not any(name in names for names in explained.values())]
    if unknown:
        said.append(f"the gradient of {', '.join(unknown)} is wrong, in no way that this check knows by name")
    return said


def _still(weight: Weight, cases: list[tuple[list[str], Exercise]], view: Callable[[Gradients], Gradients]) -> str:
    """Returns what a gradient of zeros means: that of W_hh is 0 at the first step, where h_prev is."""
    if cases:
        first = view(loop.gradients(cases[0][1], frozenset({"overwritten"})))[weight.name]
        if not first.any():
            return (
                f"{weight.name} is never updated: its gradient is missing, or each step overwrites it and that of the "
                "first step is 0; it must be added up (+=)"
            )
    return f"{weight.name} is never updated: its gradient is missing"


def _loss_of(attempt: Attempt) -> LossOf | None:
    seen = attempt.numeric.seen
    if seen.loss is None:
        return None
    return LossOf(_given_targets(attempt), seen.loss)


def _given_targets(attempt: Attempt) -> np.ndarray:
    """Returns the targets that a function of loss and gradients was given, (T, B, O)."""
    data, form = attempt.numeric.data, attempt.numeric.forward.target
    core = np.eye(data.dy.shape[2])[data.labels] if form.startswith("ids") else data.noise
    return core if "T" in form else core[:1]


def _cases(attempt: Attempt, known: Recognised, own: OwnLoss) -> Iterator[tuple[list[str], Exercise]]:
    """Yields the program as an exercise for each loss that it may mean, the likeliest first, then with the mistakes in
    the output's derivative; each with their texts."""
    numeric = attempt.numeric
    roles = {role for _, role in numeric.forward.roles}
    data = numeric.data
    first = {"h0": data.h0[0] if "h0" in roles else None, "c0": data.c0[0] if "c0" in roles else None}

    def case(raw: np.ndarray | None, base: Base | None) -> Exercise:
        slopes = base.slopes if base is not None else {}
        return Exercise(known.weights, known.x, raw, known.cell, slopes.get("h"), slopes.get("c"), **first)

    if numeric.seen.loss is not None:
        targets = _given_targets(attempt)
        y = OUTPUTS[known.output][0](known.raw)
        found = standard(y, targets, numeric.seen.loss)
        if found is None:
            return
        name, factor = found
        if known.output == "linear" and name == CLASSES:
            y = OUTPUTS["softmax"][0](known.raw)
        yield [], case(factor * (y - targets), None)
        return
    others = bases(numeric.seen, data, attempt.backward, attempt.target)
    chosen = [attempt.fit.base, *(base for base in others if own is None and base.name != attempt.fit.base.name)]
    for base in chosen:
        yield [], case(_raw(base, known), base)
    y, target = numeric.seen.y, attempt.target
    if y is None or target is None or attempt.backward.upstream or known.output == "linear":
        return
    slope = y * (1 - y) if known.output != "tanh" else 1 - y * y
    names = [base.name for base in chosen]
    if SQUARES in names:
        yield [f"the derivative of the output's {known.output} is missing in dy"], case(y - target, None)
    if CLASSES in names or SWITCHES in names:
        applied = f"the derivative of the output's {known.output} is applied"
        yield [f"{applied}, but the cross-entropy's y_hat - y holds it already"], case((y - target) * slope, None)


def _raw(base: Base, known: Recognised) -> np.ndarray | None:
    """Returns the loss's derivative by the outputs before their nonlinearity."""
    if "y" not in base.slopes:
        return None
    if base.raw is not None:
        return base.raw
    y = OUTPUTS[known.output][0](known.raw)
    return OUTPUTS[known.output][1](y, base.slopes["y"])
