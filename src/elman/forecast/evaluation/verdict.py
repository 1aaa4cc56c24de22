"""The verdict of a backtest: whether the model or the best baseline forecast better, or neither clearly."""

from __future__ import annotations

from typing import Protocol

import numpy as np

__all__ = ["EQUAL", "Tested", "outcome", "verdict"]

EQUAL = "about equal"
AGREE = 2 / 3  # share of the windows in which the better model must be better
STANDARD_ERRORS = 2.0  # by how many standard errors of the mean difference the better model must be better


class Tested(Protocol):
    """What a verdict is of: a `Backtest`."""

    @property
    def model(self) -> str: ...
    @property
    def criterion(self) -> str: ...
    @property
    def best_baseline(self) -> str: ...
    @property
    def gain(self) -> float: ...
    @property
    def horizon(self) -> int: ...
    @property
    def overlapping(self) -> bool: ...
    @property
    def single(self) -> bool: ...
    @property
    def ids(self) -> tuple[str, ...]: ...
    @property
    def starts(self) -> tuple[int, ...]: ...
    def errors(self, model: str, measure: str) -> np.ndarray: ...
    def mean(self, model: str, measure: str) -> float: ...
    def owa(self, model: str) -> float: ...


def outcome(tested: Tested) -> str:
    """Returns the name of the model or of the best baseline, whichever is better in the backtest, or "about equal".

    One is better if its error is lower in two thirds of the windows, and on the mean by more than two standard errors
    of the windows' differences (overlapping windows count as so many as their rows fill). One window alone decides.
    """
    return _judged(tested)[0]


def _judged(tested: Tested) -> tuple[str, str]:
    """Returns the outcome, and why it is no other where it is "about equal"."""
    better = tested.model if tested.gain > 0.0 else tested.best_baseline
    differences = _differences(tested)
    if not differences.any():
        return EQUAL, "the errors are the same"
    if len(differences) == 1:
        return better, ""
    wins = (differences < 0.0) if better == tested.model else (differences > 0.0)
    rows = {(id, row) for id, start in zip(tested.ids, tested.starts, strict=True)
            for row in range(start, start + tested.horizon)}  # fmt: skip
    count = max(1.0, len(differences) * len(rows) / (tested.horizon * len(tested.starts)))
    spread = STANDARD_ERRORS * float(differences.std(ddof=1)) / np.sqrt(count)
    if wins.mean() < AGREE:
        return EQUAL, "neither is better in two thirds of the windows"
    if abs(float(differences.mean())) <= spread:
        return EQUAL, "the difference is within the spread of the windows"
    return better, ""


def verdict(tested: Tested) -> str:
    """Returns one or two sentences: by how much the model beats the best baseline, or that it does not, or that the
    two are about equal; and which other measures say otherwise."""
    best, name = tested.best_baseline, tested.criterion.upper()
    ours, theirs = (tested.mean(model, tested.criterion) for model in (tested.model, best))
    count, better = len(tested.starts), int((_differences(tested) < 0.0).sum())
    windows = "1 window" if count == 1 else f"{count} {'overlapping ' if tested.overlapping else ''}windows"
    rows = "1 row" if tested.horizon == 1 else f"{tested.horizon} rows"
    where = "" if tested.single else f" in {len(set(tested.ids))} series"
    over = f"mean {name} {ours:.3f} against {theirs:.3f} over {windows} of {rows}{where}, better in {better}"
    if count == 1:
        over += "; one window alone says little"
    (found, why), others = _judged(tested), _others(tested, best)
    the, but = ("The", "") if not others else (f"By {name} the", f" But by {others} is better: the measures disagree.")
    if found == EQUAL:
        equal = f"About equal, since {why}: the {tested.model} against the best baseline, {best}"
        return f"{equal}: {over}." + (f" By {others} is better." if others else "")
    if found == tested.model:
        return f"{the} {tested.model} beats the best baseline, {best}, by {100.0 * tested.gain:.1f} %: {over}.{but}"
    better = f"{best.capitalize()} is the better forecast here (best=True, --best)."
    return f"{the} {tested.model} does not beat the best baseline: {over}. {better}{but}"


def _differences(tested: Tested) -> np.ndarray:
    """Returns the model's error less the best baseline's, of each window in which both are defined."""
    found = tested.errors(tested.model, tested.criterion) - tested.errors(tested.best_baseline, tested.criterion)
    return found[np.isfinite(found)]


def _others(tested: Tested, best: str) -> str:
    """Returns the measures by which the other model is better, and its name; empty where there are none."""
    measures = {"sMAPE": (tested.mean(tested.model, "smape"), tested.mean(best, "smape"), " %"),
                "OWA": (tested.owa(tested.model), tested.owa(best), "")}  # fmt: skip
    wins = tested.gain > 0.0
    others = [
        f"{measure} ({ours:.4g} against {theirs:.4g}{unit})"
        for measure, (ours, theirs, unit) in measures.items()
        if (ours > theirs if wins else ours < theirs)
    ]
    return f"{' and '.join(others)} {best if wins else 'the ' + tested.model}" if others else ""
