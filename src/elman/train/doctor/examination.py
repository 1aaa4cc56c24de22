"""The results of an examination: saturated gates, dead units, gradients over time, and findings in words."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

__all__ = ["Dead", "Examination", "Finding", "Memory", "Saturation"]

OFTEN = 0.5  # the share of a gate's saturated entries from which it is mentioned
VANISHED, GROWN = 1e-6, 1e6  # ratios of the gradient at the far end to that at the near end
GATES = {"i": "input gate", "f": "forget gate", "o": "output gate", "r": "reset gate", "z": "update gate"}


class Saturation(NamedTuple):
    """The shares of a gate's entries, over rows, valid steps and units, that are saturated at its two ends."""

    layer: str
    kind: str
    gate: str  # i, f, g, o; r, z, n; "h" for the activation of a tanh cell; "y" for a dense layer
    low: float  # below 0.01 (sigmoid), -0.99 (tanh)
    high: float  # above 0.99

    @property
    def share(self) -> float:
        return self.low + self.high


class Dead(NamedTuple):
    """Relu units that were 0 at every step of every row."""

    layer: str
    units: tuple[int, ...]
    size: int  # of the layer


class Memory(NamedTuple):
    """The gradient of an output k steps away from it: norms[k] = |dL/dh|, the largest of all rows.

    L is the loss at each row's last step, for the reverse direction that at step 0; without y the sum of the outputs.
    """

    layer: str
    norms: np.ndarray  # (K,) float64

    @property
    def ratio(self) -> float:
        """The gradient at the far end over that at the near end; NaN where that is 0."""
        return float(self.norms[-1] / self.norms[0]) if self.norms[0] > 0 else float("nan")

    @property
    def reach(self) -> int:
        """The number of steps after which the gradient stays below a thousandth."""
        return int(np.flatnonzero(self.norms >= 1e-3 * self.norms[0])[-1]) + 1


class Finding(NamedTuple):
    """One sentence about something unusual, with what to try."""

    what: str  # "saturated", "dead", "vanishes", "grows"
    layer: str
    gate: str | None
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, eq=False)
class Examination:
    """The result of `examine`; `str` is a table with the findings below."""

    rows: int  # looked at
    steps: int
    loss: float | None  # of all rows; None without y
    saturation: tuple[Saturation, ...]
    dead: tuple[Dead, ...]  # of every relu layer, with or without dead units
    memory: tuple[Memory, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        return (
            *(_saturated(one) for one in self.saturation if one.share > OFTEN),
            *(_dead(one) for one in self.dead if one.units),
            *(_fades(one) for one in self.memory if one.ratio < VANISHED),
            *(_grows(one) for one in self.memory if one.ratio > GROWN),
        )

    def __str__(self) -> str:
        loss = "" if self.loss is None else f", loss {self.loss:.6g}"
        lines = [f"Examination of {self.rows} rows, {self.steps} steps{loss}"]
        if self.saturation:
            lines.append("  saturated  low      high")
            lines += [f"  {s.layer + ' ' + s.gate:9}  {s.low:<7.1%}  {s.high:.1%}" for s in self.saturation]
        lines += [f"  {d.layer:9}  {len(d.units)} of {d.size} relu units dead" for d in self.dead]
        lines += [f"  {m.layer:9}  gradient over {len(m.norms) - 1} steps: x {m.ratio:.2g}" for m in self.memory]
        lines += [_wrapped(f"- {finding}") for finding in self.findings] or ["Nothing to remark"]
        return "\n".join(lines)


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 100, subsequent_indent="  ", break_on_hyphens=False)


def _saturated(one: Saturation) -> Finding:
    name = GATES.get(one.gate, "output" if one.gate == "y" else "state" if one.gate == "h" else "candidate")
    text = (
        f"{one.layer}: {one.share:.0%} of the {name}'s entries are saturated ({one.low:.0%} at the lower end, "
        f"{one.high:.0%} at the upper), where next to no gradient passes; try inputs of mean 0 and deviation 1, "
        "smaller initial weights or a smaller learning rate"
    )
    return Finding("saturated", one.layer, one.gate, text)


def _dead(one: Dead) -> Finding:
    units = ", ".join(map(str, one.units[:8])) + (", ..." if len(one.units) > 8 else "")
    text = (
        f"{one.layer}: {len(one.units)} of {one.size} relu units ({units}) are never active on this data and learn "
        "nothing; try a smaller learning rate, a bias above 0, or tanh"
    )
    return Finding("dead", one.layer, None, text)


def _fades(one: Memory) -> Finding:
    text = (
        f"{one.layer}: an output's gradient vanishes over the sequence, to {one.ratio:.1e} of itself in "
        f"{len(one.norms) - 1} steps (below a thousandth after {one.reach}), so what lies further back is hardly "
        "learned; try an LSTM or GRU, an LSTM's forget-gate bias of 1 or more, or orthogonal or identity weights"
    )
    return Finding("vanishes", one.layer, None, text)


def _grows(one: Memory) -> Finding:
    text = (
        f"{one.layer}: an output's gradient grows on its way back, to {one.ratio:.1e} times itself in "
        f"{len(one.norms) - 1} steps; try clip_norm=1.0, truncate= or smaller recurrent weights"
    )
    return Finding("grows", one.layer, None, text)
