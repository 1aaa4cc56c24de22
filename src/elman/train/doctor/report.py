"""Why a training stopped: one update, looked at until the first place where it went wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from elman.core.losses import Custom
from elman.core.optim import SGD
from elman.core.parameters import Parameters
from elman.core.requests import Batch, Records, UpdateRule
from elman.engines.select import select
from elman.train.doctor.replay import Place, Replay, first_beyond, fitting_rows, widened, windowed

if TYPE_CHECKING:
    from elman.train.training import Trainer

__all__ = ["Extreme", "Report", "diagnose"]

LARGE = 1e4  # the bound in a training whose loss exploded, all values finite still
UNUSUAL = 1e3  # a weight of this size is worth a word
UNSCALED = 1e4  # inputs and targets of this size, too
RECENT = 8


class Extreme(NamedTuple):
    """The largest entry, by size, of a parameter or of the data; NaN is larger than all."""

    name: str  # of the parameter; "x", "y"
    at: tuple[int, ...]  # in the parameter; in x and y (row, step, column), the row that of the caller's data
    value: float

    def __str__(self) -> str:
        if self.name in ("x", "y"):
            words = ("row", "step", "column") if len(self.at) == 3 else ("row", "column")
            return f"{self.name} = {self.value:.3g} at " + ", ".join(
                f"{word} {i}" for word, i in zip(words, self.at, strict=True)
            )
        return f"{self.name}[{', '.join(map(str, self.at))}] = {self.value:.3g}"


@dataclass(frozen=True)
class Report:
    """What is known about the update at which a training stopped; `str` says it in words, the first line in short.

    `place` is the first in forward order of values whose square is beyond the network's dtype, NaN included; where
    there is none, the first such gradient on the way back. (Every product of a gradient is of two such values, so
    below that bound only long sums overflow.) For a loss that exploded the bound is 10,000. None where nothing was
    found, or where a single row's replay would take too long or too much memory.
    """

    update: int  # counted from 1, over the Trainer's life
    epoch: int | None
    loss: float
    gradient_norm: float
    exploded: bool  # loss and gradients are finite still, but far beyond those of an untrained network
    learning_rate: float
    rows: tuple[int, ...]  # of the update, in the caller's data
    replayed: tuple[int, ...]  # those of them that were looked at
    place: Place | None
    not_finite: tuple[str, ...]  # parameters whose gradients are not finite
    weights: tuple[Extreme, ...]  # the entries not finite or, squared, beyond the dtype: the first five
    largest_weight: Extreme
    largest_x: Extreme | None  # within lengths; None for integers
    largest_y: Extreme | None
    in_float64: (
        tuple[float, float] | None
    )  # loss and gradient norm of the same update in float64, dropout drawn anew; None: not tried
    recent_losses: tuple[float, ...]  # of the updates before, at most 8
    recent_norms: tuple[float, ...]
    advice: tuple[str, ...]

    @property
    def summary(self) -> str:
        epoch = f" (epoch {self.epoch})" if self.epoch is not None else ""
        what = "the loss exploded: " if self.exploded else ""
        text = f"training stopped at update {self.update}{epoch}: {what}loss {self.loss:.6g}"
        text += f", gradient norm {self.gradient_norm:.6g}"
        if self.not_finite and (self.place is None or self.place.way == "backward"):
            more = f" and {len(self.not_finite) - 3} more" if len(self.not_finite) > 3 else ""
            text += f", not finite in {', '.join(self.not_finite[:3])}{more}"
        if self.weights:
            text += f"; before it, {self.weights[0]}"
        return text + (f"; first in {self.place}" if self.place else "")

    def __str__(self) -> str:
        lines: list[tuple[str, str]] = []
        if self.place is not None:
            unit = f"unit {self.place.unit}: {self.place.value:.3g}"
            back = ", on the way back" if self.place.way == "backward" else ""
            lines.append(("where", f"{self.place.quantity} in {self.place}, {unit}{back}"))
        elif not self.replayed:
            lines.append(("where", "not looked for: one row is too long for a replay"))
        else:
            lines.append(("where", "no single value is out of bounds: a sum over rows and steps is"))
        part = "" if self.replayed == self.rows else f"; looked at: {_listed(self.replayed)}"
        lines.append(("rows", f"{_listed(self.rows)}{part}"))
        bad = self.weights or (self.largest_weight,)
        more = "; ..." if len(self.weights) == 5 else ""
        lines.append(("weights", ("" if self.weights else "largest ") + "; ".join(map(str, bad)) + more))
        data = [str(extreme) for extreme in (self.largest_x, self.largest_y) if extreme is not None]
        if data:
            lines.append(("data", "largest " + "; ".join(data)))
        if self.recent_norms:
            lines.append(("norms", "of the gradients before: " + ", ".join(f"{v:.3g}" for v in self.recent_norms)))
            lines.append(("losses", "before: " + ", ".join(f"{v:.3g}" for v in self.recent_losses)))
        if self.in_float64 is not None:
            loss, norm = self.in_float64
            lines.append(("float64", f"the same update gives loss {loss:.3g}, gradient norm {norm:.3g}"))
        lines += [("try" if i == 0 else "", text) for i, text in enumerate(self.advice)]
        end = "The weights are those after this update" if self.exploded else "The weights are those before this update"
        return "\n".join([self.summary, *(f"  {name:9}{text}" for name, text in lines), end])


def diagnose(
    trainer: Trainer,
    batch: Batch,
    rows: np.ndarray,
    *,
    epoch: int | None,
    loss: float,
    norm: float,
    window: tuple[int, int] | None = None,
    exploded: bool = False,
) -> Report:
    """What happened in the update on some rows of a batch, or on a window of their steps (from, to before).

    The trainer's network holds the weights before the update; with `exploded`, those after it. Of many rows only
    some are replayed: those that do not come out finite, found by halves.
    """
    network, layout, history = trainer.network, trainer.network.layout, trainer.history
    theta = network.theta.copy()
    bound = LARGE if exploded else math.sqrt(float(np.finfo(theta.dtype).max))
    done = len(history.update_loss)
    before = slice(max(0, done - RECENT), done)
    place, wide, names = None, None, ()
    start = 0 if window is None else window[0]
    with np.errstate(all="ignore"):  # what overflows here is what is looked for
        batch = batch if window is None else windowed(layout, theta, batch, rows, *window)
        own = _narrowed(trainer, theta, batch, rows)
        if own.size:
            # a loss of one's own makes draws go by a row's place in the update, not in the data
            drawn = np.flatnonzero(np.isin(rows, own)) if isinstance(trainer.loss, Custom) else own
            key = (trainer.seed, trainer.updates, drawn) if layout.draws else None
            replay = Replay(layout, theta, batch.take(own), key)
            dy = replay.derivative(trainer.loss)[1]
            flat = replay.gradient(dy, trainer.truncate, trainer.activity_penalty)
            names = tuple(name for name, array in Parameters(layout, flat).items() if not np.isfinite(array).all())
            place = first_beyond(replay.forward(), bound, "forward", own)
            if place is None:
                back = replay.backward(dy, trainer.truncate, trainer.activity_penalty)
                place = first_beyond(back, bound, "backward", own)
            if place is not None and place.step is not None:
                place = place._replace(step=place.step + start)
        if theta.dtype == np.float32 and np.isfinite(theta).all() and not exploded:
            wide = _attempt(trainer, theta.astype(np.float64), widened(batch.take(rows)), np.arange(len(rows)))
    batch = batch.take(rows)
    weights = _weights_beyond(Parameters(layout, theta), math.sqrt(float(np.finfo(theta.dtype).max)))
    largest = max((_extreme(name, array) for name, array in Parameters(layout, theta).items()), key=_size)
    x = None if layout.integer_input else _extreme_data("x", batch.x, batch.lengths, rows, start)
    y = batch.y
    targets = None if y is None or y.dtype.kind != "f" else _extreme_data("y", y, batch.lengths, rows, start)
    rate = float(history.update_learning_rate[-1]) if done else trainer.optimizer.learning_rate
    return Report(
        update=trainer.updates + (0 if exploded else 1),
        epoch=epoch,
        loss=loss,
        gradient_norm=norm,
        exploded=exploded,
        learning_rate=rate,
        rows=tuple(map(int, rows)),
        replayed=tuple(map(int, own)),
        place=place,
        not_finite=names,
        weights=weights,
        largest_weight=largest,
        largest_x=x,
        largest_y=targets,
        in_float64=wide,
        recent_losses=tuple(map(float, history.update_loss[before])),
        recent_norms=tuple(map(float, history.gradient_norm[before])),
        advice=_advice(trainer, place, weights, largest, x, targets, wide, rate, bool(done)),
    )


# ------------------------------------------------------------------------------------------------- inside


def _attempt(trainer: Trainer, theta: np.ndarray, batch: Batch, rows: np.ndarray) -> tuple[float, float]:
    """Loss and gradient norm of the update at hand on these rows, theta left alone."""
    layout = trainer.network.layout
    rules = trainer.rules if theta.dtype == trainer.network.dtype else None
    losses, norms, _ = select(layout, trainer.loss).update(
        layout,
        theta.copy(),
        batch,
        trainer.objective(batch),
        UpdateRule(SGD(0.0), None, trainer.clip_value, rules),
        (),
        trainer.updates,
        Records(rows, np.array([0, len(rows)]), np.zeros(1)),
    )
    return float(losses[0]), float(norms[0])


def _narrowed(trainer: Trainer, theta: np.ndarray, batch: Batch, rows: np.ndarray) -> np.ndarray:
    """Rows for the replay: all, if it can hold them; else by halves, towards what is not finite."""
    fitting = 0 if trainer.loss.ragged else fitting_rows(trainer.network.layout, batch.x.shape[1])
    while len(rows) > fitting > 0:
        for half in np.array_split(rows, 2):
            if not all(map(math.isfinite, _attempt(trainer, theta, batch, half))):
                rows = half
                break
        else:
            rows = rows[:fitting]
    return rows if fitting else rows[:0]


def _weights_beyond(parameters: Parameters, bound: float) -> tuple[Extreme, ...]:
    found: list[Extreme] = []
    for name, array in parameters.items():
        for index in np.argwhere(~(np.abs(array) <= bound))[: 5 - len(found)]:
            found.append(Extreme(name, tuple(map(int, index)), float(array[tuple(index)])))
    return tuple(found)


def _extreme(name: str, array: np.ndarray) -> Extreme:
    sizes = np.abs(array)
    index = np.unravel_index(int(np.where(np.isnan(sizes), np.inf, sizes).argmax()), array.shape)
    return Extreme(name, tuple(map(int, index)), float(array[index]))


def _extreme_data(name: str, array: np.ndarray, lengths: np.ndarray | None, rows: np.ndarray, start: int) -> Extreme:
    if lengths is not None and array.ndim == 3:
        array = np.where((np.arange(array.shape[1]) < lengths[:, None])[..., None], array, 0)
    found = _extreme(name, array)
    row, *place = found.at
    if array.ndim == 3:
        place[0] += start
    return found._replace(at=(int(rows[row]), *place))


def _size(extreme: Extreme) -> float:
    return math.inf if math.isnan(extreme.value) else abs(extreme.value)


def _listed(rows: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, rows[:12])) + (", ..." if len(rows) > 12 else "")
    return f"{len(rows)}: {shown}"


def _advice(
    trainer: Trainer,
    place: Place | None,
    weights: tuple[Extreme, ...],
    largest: Extreme,
    x: Extreme | None,
    y: Extreme | None,
    wide: tuple[float, float] | None,
    rate: float,
    trained: bool,
) -> tuple[str, ...]:
    """What to try, the likeliest first."""
    found: list[str] = []
    if weights:
        came = (
            f"the updates before made them so: a learning rate far below {rate:.3g}" if trained else "they were given"
        )
        found.append(f"weights out of bounds ({weights[0]}): {came}; start again from weights that are sound")
    elif _size(largest) > UNUSUAL:
        found.append(f"a learning rate far below {rate:.3g}: a weight has reached {largest}")
    for extreme, name in ((x, "inputs"), (y, "targets")):
        if extreme is not None and _size(extreme) > UNSCALED:
            found.append(f"look at {extreme}; bring {name} to a mean near 0 and a deviation near 1")
    if place is not None and place.way == "forward" and place.kind == "simple" and not found:
        found.append("states of this cell may grow without bound: smaller recurrent weights, or tanh, LSTM or GRU")
    if place is not None and place.quantity in ("dL/dh", "dL/da"):
        found.append("gradients that grow on their way back: truncate=, or smaller recurrent weights")
    if wide is not None and all(map(math.isfinite, wide)) and not weights:
        found.append('dtype="float64", in which this update is finite')
    if not found:
        found.append(f"a learning rate below {rate:.3g}")
    if trainer.clip_norm is None and trained:
        found.append("clip_norm=1.0, which bounds each step of the weights")
    return tuple(found)
