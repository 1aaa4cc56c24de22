"""A look at a network on data: saturated gates, dead relu units, gradients that vanish over the sequence."""

from __future__ import annotations

import textwrap
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.core.layers import Layout
from elman.core.losses import Loss, as_loss
from elman.network import Network, arguments
from elman.train.doctor.replay import Replay, fitting_rows, layer_names, widened

if TYPE_CHECKING:
    from elman.train.training import Trainer

__all__ = ["Dead", "Examination", "Finding", "Memory", "Saturation", "Watch", "examine"]

ROWS = 32  # at most: shares of thousands of entries need no more
TANH, SIGMOID = (-0.99, 0.99), (0.01, 0.99)  # saturated beyond
OFTEN = 0.5  # of a gate's entries saturated: worth a word
VANISHED, GROWN = 1e-6, 1e6  # the gradient at the far end, to that at the near end
GATES = {"i": "input gate", "f": "forget gate", "o": "output gate", "r": "reset gate", "z": "update gate"}


class Saturation(NamedTuple):
    """Shares of entries, over rows, valid steps and units, at a gate's two ends."""

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
    """How much of an output's gradient arrives k steps away from it: norms[k] = |dL/dh|, the largest of all rows.

    L is the loss at each row's last step, for the reverse direction that at step 0; without y the sum of the outputs.
    """

    layer: str
    norms: np.ndarray  # (K,) float64

    @property
    def ratio(self) -> float:
        """The far end to the near end; NaN where no gradient set out."""
        return float(self.norms[-1] / self.norms[0]) if self.norms[0] > 0 else float("nan")

    @property
    def reach(self) -> int:
        """Steps after which less than a thousandth is left for good."""
        return int(np.flatnonzero(self.norms >= 1e-3 * self.norms[0])[-1]) + 1


class Finding(NamedTuple):
    """Something to know, in one sentence, with what to try."""

    what: str  # "saturated", "dead", "vanishes", "grows"
    layer: str
    gate: str | None
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, eq=False)
class Examination:
    """What `examine` measured; `str` is a table for the terminal, the findings below it."""

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


def examine(network: Network, x: Any, y: Any = None, loss: str | Loss = "mse", *, lengths: Any = None) -> Examination:
    """Looks at gates, relu units and gradients of a network on data; arguments as for `Network.loss`, y may be missing.

    Of the rows at most 32 are looked at, evenly spaced, in float64 on the reference engine: 2 s for two LSTM layers
    of 128 units over 200 steps. Raises ValueError and TypeError for wrong data, ValueError where one sequence is too
    long for that.
    """
    if not isinstance(network, Network):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"network: expected an elman.Network, got {checks.shown(network)}")
    loss, layout = as_loss(loss), network.layout
    if not layout.chain or loss.ragged:
        raise ValueError("network: expected layers that each read the one before, and targets at its steps")
    value = None
    if y is None:
        network.predict(x, lengths=lengths)  # refuses what a prediction refuses
    else:
        value = network.loss(x, y, loss=loss, lengths=lengths)
    batch, _ = arguments.as_batch(layout, network.dtype, x, y, loss=None if y is None else loss, lengths=lengths)
    n, steps = batch.x.shape[:2]
    rows = min(n, ROWS, fitting_rows(layout, steps))
    if not rows:
        raise ValueError(f"x: expected sequences short enough for a replay, got {steps} steps; give a part of them")
    batch = widened(batch.take(np.linspace(0, n - 1, rows).astype(np.int64)))
    with np.errstate(under="ignore"):  # what vanishes is told in words
        replay = Replay(layout, network.weights.copy().astype(np.float64), batch)
        saturation, dead = _units(replay)
        memory = [one for at_end in (True, False) for one in _memories(replay, None if y is None else loss, at_end)]
    return Examination(rows, steps, value, tuple(saturation), tuple(dead), tuple(memory))


class Watch:
    """A callback for `Trainer.fit`: examines the network on (x, y) after every `every` epochs, with the Trainer's loss.

    Each finding is told once, as a RuntimeWarning; `latest` is the last Examination. A few rows are enough.
    """

    def __init__(self, x: Any, y: Any = None, *, lengths: Any = None, every: int = 1) -> None:
        self.x, self.y, self.lengths = x, y, lengths
        self.every = checks.whole("every", every, low=1)
        self.latest: Examination | None = None
        self._told: set[tuple[str, str, str | None]] = set()

    def __call__(self, trainer: Trainer) -> None:
        if trainer.epochs % self.every:
            return
        self.latest = examine(trainer.network, self.x, self.y, trainer.loss, lengths=self.lengths)
        for finding in self.latest.findings:
            if finding[:3] not in self._told:
                self._told.add(finding[:3])
                warnings.warn(f"epoch {trainer.epochs}: {finding}", RuntimeWarning, stacklevel=2)


# --------------------------------------------------------------------------------------------- measuring


def _units(replay: Replay) -> tuple[list[Saturation], list[Dead]]:
    """Every saturating quantity's shares, and every relu layer's dead units."""
    functions = _functions(replay.layout)
    counts: dict[tuple[str, str, str], np.ndarray] = {}  # layer, kind, gate -> low, high, all
    alive: dict[str, np.ndarray] = {}
    for seen in replay.forward():
        gate = seen.gate or {"activation": "h", "output": "y"}.get(seen.quantity, "")
        function = functions.get((seen.layer, gate))
        if function is None or seen.quantity == "pre-activation":
            continue
        if function == "relu":
            active = np.max(seen.values, axis=0) > 0
            alive[seen.layer] = np.logical_or(alive.get(seen.layer, False), active)
        else:
            low, high = TANH if function == "tanh" else SIGMOID
            key = (seen.layer, seen.kind, gate)
            ends = [int(np.sum(seen.values < low)), int(np.sum(seen.values > high)), seen.values.size]
            counts[key] = counts.get(key, np.zeros(3)) + ends
    saturation = [Saturation(*key, *map(float, count[:2] / count[2])) for key, count in counts.items()]
    return saturation, [
        Dead(name, tuple(map(int, np.flatnonzero(~units))), len(units)) for name, units in alive.items()
    ]


def _functions(layout: Layout) -> dict[tuple[str, str], str]:
    """(layer, gate) -> "tanh", "sigmoid" or "relu"; "h" and "y" for what a cell or a dense layer gives."""
    found: dict[tuple[str, str], str] = {}
    for part in layout.parts:
        layer: Any = part.layer
        for name in layer_names(part):
            if layer.kind == "recurrent" and layer.cell.kind == "simple":
                if layer.cell.activation in ("tanh", "relu"):
                    found[name, "h"] = layer.cell.activation
            elif layer.kind == "recurrent":
                for gate in "ifgorzn":
                    found[name, gate] = "tanh" if gate in "gn" else "sigmoid"
            elif layer.kind == "dense":
                found[name, "y"] = layer.activation
    return {key: function for key, function in found.items() if function in ("tanh", "sigmoid", "relu")}


def _memories(replay: Replay, loss: Loss | None, at_end: bool) -> list[Memory]:
    """Of the forward directions, for the loss at the last steps; of the reverse ones, for the loss at step 0."""
    layout = replay.layout
    names = [name for part in layout.parts if part.states for name in layer_names(part)]
    names = [name for name in names if name.endswith("_reverse") != at_end]
    if not names or (layout.last and not at_end):  # the last step is the reverse direction's first: nothing to carry
        return []
    lengths = replay.lengths[np.argsort(replay.order)]
    weight = np.ones(len(lengths))
    if not layout.last:
        weight = np.arange(replay.steps) == (lengths - 1 if at_end else 0 * lengths)[:, None]
    dy = np.broadcast_to(weight[..., None], replay.y.shape).astype(np.float64)
    if loss is not None:
        dy = replay.derivative(loss, weight.astype(np.float64))[1]
    sums = {name: np.zeros(replay.steps) for name in names}
    for seen in replay.backward(dy):
        if seen.quantity == "dL/dh" and seen.step is not None and seen.layer in sums:
            away = lengths[seen.rows] - 1 - seen.step if at_end else np.full(len(seen.rows), seen.step)
            np.maximum.at(sums[seen.layer], away, _norms(seen.values))
    return [Memory(name, norms[: int(lengths.max())]) for name, norms in sums.items()]


def _norms(rows: np.ndarray) -> np.ndarray:
    """Euclidean norms, also of numbers whose squares underflow: (n, H) -> (n,)."""
    scale = np.abs(rows).max(initial=np.finfo(np.float64).tiny)
    return scale * np.linalg.norm(rows / scale, axis=1)


# ------------------------------------------------------------------------------------------------ in words


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
