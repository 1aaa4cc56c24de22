"""Schedules of the learning rate: what the optimiser's `learning_rate` is multiplied by at each update.

All but Plateau are pure functions of the update's number, counted from 0 over the Trainer's life. Powers and cosines
are taken one number at a time, since an array's may differ in the last bit with the number's place in it; so neither
blocks nor a resumed training change a bit.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from elman.core import checks

__all__ = [
    "Constant",
    "Cosine",
    "Exponential",
    "OneCycle",
    "Plateau",
    "Schedule",
    "Step",
    "WarmUp",
    "as_schedule",
    "factors",
]


class Schedule(ABC):
    """What a Trainer asks of a schedule; one of your own defines `factor` and is kept as a copy of its own."""

    @abstractmethod
    def factor(self, update: np.ndarray) -> np.ndarray:
        """update (U,) int64, counted from 0 -> factors (U,) float64, finite and at least 0."""

    def observe(self, loss: float) -> None:  # noqa: B027  (most schedules look at no loss)
        """Told after every epoch of `fit`: its validation loss, or its training loss where nothing validates."""

    def state(self) -> dict[str, float]:
        """Finite numbers that `restore` takes; empty where the factor depends on the update's number alone."""
        return {}

    def restore(self, state: Mapping[str, float]) -> None:
        """Goes on from what `state` gave; ValueError for anything else."""
        if state:
            raise ValueError(f"state: expected nothing to restore in {self}, got {checks.shown(dict(state))}")


@dataclass(frozen=True)
class Constant(Schedule):
    """`"constant"`: `value` at every update."""

    value: float = 1.0

    def __post_init__(self) -> None:
        checks.number("value", self.value, low=0.0)

    def factor(self, update: np.ndarray) -> np.ndarray:
        return np.full(len(update), float(self.value))


@dataclass(frozen=True)
class _Decay(Schedule):
    """Falls by `gamma` in `every` updates."""

    every: int
    gamma: float = 0.1

    def __post_init__(self) -> None:
        checks.whole("every", self.every, low=1)
        checks.number("gamma", self.gamma, 0.0, 1.0, open_low=True)


@dataclass(frozen=True)
class Step(_Decay):
    """gamma^floor(update / every): falls at once, every so many updates."""

    def factor(self, update: np.ndarray) -> np.ndarray:
        return _each(lambda power: self.gamma**power, update // self.every)


@dataclass(frozen=True)
class Exponential(_Decay):
    """gamma^(update / every): falls evenly, by `gamma` in `every` updates."""

    def factor(self, update: np.ndarray) -> np.ndarray:
        return _each(lambda power: self.gamma**power, update / self.every)


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from 1 to `floor`, where it stays (Loshchilov and Hutter 2017, one cycle).

    updates   how many it takes, with those of `hold`
    hold      so many updates at 1 come first
    """

    updates: int
    floor: float = 0.0
    hold: int = 0

    def __post_init__(self) -> None:
        checks.whole("updates", self.updates, low=1)
        checks.number("floor", self.floor, 0.0, 1.0)
        checks.whole("hold", self.hold, 0, self.updates - 1)

    def factor(self, update: np.ndarray) -> np.ndarray:
        return _anneal(1.0, self.floor, (update - self.hold) / (self.updates - self.hold))


@dataclass(frozen=True)
class WarmUp(Schedule):
    """A straight line, (update + 1) / updates, up to what `then` begins with; `then` counts from its end."""

    updates: int
    then: Schedule = Constant()

    def __post_init__(self) -> None:
        checks.whole("updates", self.updates, low=1)
        object.__setattr__(self, "then", as_schedule(self.then))

    def factor(self, update: np.ndarray) -> np.ndarray:
        after = np.maximum(update - self.updates, 0)
        return np.minimum((update + 1) / self.updates, 1.0) * self.then.factor(after)

    def observe(self, loss: float) -> None:
        self.then.observe(loss)

    def state(self) -> dict[str, float]:
        return self.then.state()

    def restore(self, state: Mapping[str, float]) -> None:
        self.then.restore(state)


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up to 1 and down again, both by half a cosine (Smith and Topin 2018, in PyTorch's form; momentum stays).

    updates      of the whole cycle; afterwards the rate stays at `end`
    rise         the part of them on the way up
    start, end   the factors at both ends
    """

    updates: int
    rise: float = 0.3
    start: float = 1 / 25
    end: float = 1 / 25e4

    def __post_init__(self) -> None:
        checks.whole("updates", self.updates, low=1)
        checks.number("rise", self.rise, 0.0, 1.0)
        checks.number("start", self.start, 0.0, 1.0)
        checks.number("end", self.end, 0.0, 1.0)

    def factor(self, update: np.ndarray) -> np.ndarray:
        peak = max(self.rise * self.updates - 1, 0.0)
        up = _anneal(self.start, 1.0, update / (peak or 1.0))
        down = _anneal(1.0, self.end, (update - peak) / (self.updates - 1 - peak or 1.0))
        return np.where(update < peak, up, down)


@dataclass
class Plateau(Schedule):
    """`"plateau"`: multiplied by `gamma` after `patience` epochs of `fit` without a lower loss.

    The loss is the validation loss, or the training loss where nothing validates. Between epochs the factor is
    constant; `Trainer.update` alone never changes it.

    threshold   a loss counts as lower if it is so by this part of the best one
    cooldown    epochs after a reduction in which none is counted
    floor       the lowest factor
    """

    gamma: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    cooldown: int = 0
    floor: float = 0.0

    def __post_init__(self) -> None:
        checks.number("gamma", self.gamma, 0.0, 1.0, open_low=True)
        checks.whole("patience", self.patience, low=1)
        checks.number("threshold", self.threshold, 0.0, 1.0)
        checks.whole("cooldown", self.cooldown, low=0)
        checks.number("floor", self.floor, 0.0, 1.0)
        # no field, since it is no setting; also "best", from the first finite loss on
        self._now = {"factor": 1.0, "waited": 0.0, "cooling": 0.0}

    def factor(self, update: np.ndarray) -> np.ndarray:
        return np.full(len(update), self._now["factor"])

    def observe(self, loss: float) -> None:
        now, best = self._now, self._now.get("best", math.inf)
        lower = loss < (best - self.threshold * abs(best) if math.isfinite(best) else best)
        if lower:
            now["best"] = float(loss)
        now["waited"] = 0.0 if lower or now["cooling"] else now["waited"] + 1
        now["cooling"] = max(now["cooling"] - 1, 0.0)
        if now["waited"] >= self.patience:
            now["factor"] = max(now["factor"] * self.gamma, self.floor)
            now["waited"], now["cooling"] = 0.0, float(self.cooldown)

    def state(self) -> dict[str, float]:
        return dict(self._now)

    def restore(self, state: Mapping[str, float]) -> None:
        names = {"factor", "waited", "cooling"}
        if set(state) - {"best"} != names:
            raise ValueError(f"state: expected {', '.join(sorted(names))} and perhaps best, got {checks.shown(state)}")
        checks.number("state['factor']", state["factor"], 0.0, 1.0)
        for name in ("waited", "cooling"):
            checks.number(f"state[{name!r}]", state[name], low=0.0)
        self._now = {name: checks.number(f"state[{name!r}]", value) for name, value in state.items()}


SCHEDULES: dict[str, type[Constant | Plateau]] = {"constant": Constant, "plateau": Plateau}


def as_schedule(schedule: str | Schedule | None) -> Schedule:
    """The schedule a name stands for ("constant", "plateau": the others need a number of updates); None: constant.

    A schedule is copied, so that two Trainers never share one's state.
    """
    if schedule is None:
        return Constant()
    if isinstance(schedule, Schedule):
        return copy.deepcopy(schedule)
    name = isinstance(schedule, str)  # pyright: ignore[reportUnnecessaryIsInstance]
    if not name or schedule not in SCHEDULES:
        raise (ValueError if name else TypeError)(
            "schedule: expected 'constant', 'plateau' or an object such as elman.schedules.Cosine(1000), "
            f"got {checks.shown(schedule)}"
        )
    return SCHEDULES[schedule]()


def factors(schedule: Schedule, first: int, count: int) -> np.ndarray:
    """The factors (count,) of the updates from number `first` on; ValueError where a user's own are none."""
    found = np.asarray(schedule.factor(np.arange(first, first + count, dtype=np.int64)), np.float64)
    if found.shape != (count,):
        raise ValueError(f"schedule: expected factors of shape {(count,)} from {schedule}, got {found.shape}")
    bad = ~(np.isfinite(found) & (found >= 0))
    if bad.any():
        place = int(bad.argmax())
        raise ValueError(
            f"schedule: expected finite factors of at least 0 from {schedule}, got {found[place]} at update "
            f"{first + place}, counted from 0"
        )
    return found


def _anneal(start: float, end: float, part: np.ndarray) -> np.ndarray:
    """Half a cosine from `start` at part <= 0 to `end` at part >= 1, (U,) -> (U,)."""
    return end + (start - end) * _each(lambda part: 0.5 * (1 + math.cos(math.pi * part)), np.clip(part, 0.0, 1.0))


def _each(function: Callable[[float], float], values: np.ndarray) -> np.ndarray:
    return np.array([function(value) for value in values.tolist()], np.float64)
