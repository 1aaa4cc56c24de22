"""The report on the update at which a training stopped, as data and as text."""

from __future__ import annotations

from dataclasses import dataclass

from elman.train.doctor.extremes import Extreme
from elman.train.doctor.place import Place

__all__ = ["Extreme", "Report"]


@dataclass(frozen=True)
class Report:
    """What is known about the update at which a training stopped; `str` is a text, whose first line is the summary.

    `place` is the first value of the forward pass whose square is beyond the network's dtype, or that is NaN; where
    there is none, the first such gradient of the backward pass. (A product in a gradient has two factors, so below that
    bound only long sums overflow.) For a loss that exploded the bound is 10,000. None where nothing was found, or where
    the replay of a single row would take too long or too much memory.
    """

    update: int  # counted from 1, over the Trainer's life
    epoch: int | None
    loss: float
    gradient_norm: float
    exploded: bool  # loss and gradients are finite still, but far beyond those of an untrained network
    learning_rate: float
    rows: tuple[int, ...]  # of the update, in the caller's data
    replayed: tuple[int, ...]  # those of them that were computed again
    place: Place | None
    not_finite: tuple[str, ...]  # parameters whose gradients are not finite
    weights: tuple[Extreme, ...]  # the entries not finite or, squared, beyond the dtype: the first five
    largest_weight: Extreme
    largest_x: Extreme | None  # within lengths; None for integers
    largest_y: Extreme | None
    # loss and gradient norm of the same update in float64, dropout drawn anew; None: not tried
    in_float64: tuple[float, float] | None
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


def _listed(rows: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, rows[:12])) + (", ..." if len(rows) > 12 else "")
    return f"{len(rows)}: {shown}"
