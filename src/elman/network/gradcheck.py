"""Analytic gradients against central differences, in float64, for any network, cell, layer or loss.

    elman.gradcheck(network, x, y, loss="huber")
    elman.gradcheck(elman.LSTM(peepholes=True))
    elman.gradcheck("pinball")

The report names the worst array, its worst entry and both values there. The module itself can be called, so that
`elman.gradcheck(...)` works however it was imported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from elman.core import checks
from elman.core.layers import CELLS, Activation, Cell, Dense, Embedding, Last, Layer, Layout, Recurrent, Simple, Skip
from elman.core.losses import LOSSES, BinaryCrossEntropy, CrossEntropy, Custom, Loss, as_loss, outputs_per_target
from elman.network import Network, arguments

__all__ = ["ArrayCheck", "GradReport", "gradcheck"]

STEP = 1e-5  # of the central differences
FINE = 1e-7  # the smaller step, tried where a kink may lie between the two sides


@dataclass(frozen=True)
class ArrayCheck:
    """One array (a parameter, x or an initial state): how many of its entries were checked, and the worst of them."""

    name: str
    shape: tuple[int, ...]
    checked: int
    error: float  # |analytic - numeric| / max(|analytic|, |numeric|, floor), see GradReport.floor
    entry: tuple[int, ...]
    analytic: float
    numeric: float
    kinks: int  # entries at a kink, where the analytic value lies between the one-sided derivatives
    passed: bool


@dataclass(frozen=True)
class GradReport:
    """What `gradcheck` found.

    floor  entries smaller than this are compared absolutely: a thousandth of the largest gradient, or what float64
           can resolve of the loss
    """

    subject: str
    loss: str
    engine: str
    tolerance: float
    floor: float
    arrays: tuple[ArrayCheck, ...]
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return all(array.passed for array in self.arrays)

    @property
    def worst(self) -> ArrayCheck:
        return max(self.arrays, key=lambda array: (not array.passed, array.error))

    def __str__(self) -> str:
        rows = [("array", "shape", "checked", "error", "worst entry", "analytic", "numeric", "")]
        for a in self.arrays:
            said = "" if a.passed else "<- wrong"
            said += f"{a.kinks} at a kink" if a.kinks else ""
            place, values = str(list(a.entry)), (f"{a.analytic:+.8e}", f"{a.numeric:+.8e}")
            rows.append((a.name, str(a.shape), str(a.checked), f"{a.error:.1e}", place, *values, said))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        worst = self.worst
        verdict = (
            f"passed: every gradient agrees with central differences to {self.tolerance:g} (worst {worst.error:.1e})"
            if self.passed
            else f"wrong: {worst.name}{list(worst.entry)} is {worst.analytic:+.8e}, central differences give "
            f"{worst.numeric:+.8e}"
        )
        head = f"{self.subject}; loss {self.loss}; {self.engine} engine"
        return "\n".join([head, *lines, verdict, *(f"note: {note}" for note in self.notes)])


def gradcheck(
    subject: Any,
    x: Any = None,
    y: Any = None,
    *,
    loss: str | Loss | None = None,
    lengths: Any = None,
    sample_weight: Any = None,
    state: Mapping[str, Any] | None = None,
    tolerance: float = 1e-6,
    entries: int = 200,
    seed: int = 0,
) -> GradReport:
    """Compares the analytic gradients with central differences in float64.

    subject        a Network, or what holds one: a Trainer, a fitted Forecaster (its first); a cell, a layer, an
                   activation or a loss, or its name ("lstm", "huber", ...): a small network is made around it
    x, y           data as for `Network.loss_and_grad`; what is missing is drawn
    loss           name or object; "mse" where none is given
    lengths, sample_weight, state   as for `Network.loss_and_grad`; drawn together with x where x is not given
    tolerance      largest relative error that passes
    entries        of each array, how many are checked at most (drawn)
    seed           of all that is drawn

    Parameters are checked through the loss; x and the initial state through a random linear function of the outputs and
    the final state. Where an activation or loss has a kink (relu, mae, pinball), an entry passes only if a smaller step
    agrees, or if the one-sided derivatives really differ and the analytic value lies between them; the report counts
    the latter. Wrong arguments raise ValueError or TypeError.
    """
    checks.number("tolerance", tolerance, low=0.0, open_low=True)
    checks.whole("entries", entries, low=1)
    rng = np.random.default_rng(checks.whole("seed", seed, low=0))
    network, name, about, notes = _network(subject, rng)
    loss = as_loss(about if loss is None and about else "mse" if loss is None else loss)
    if x is None:
        x, drawn = _inputs(network, rng)
        lengths = drawn if lengths is None else lengths
        state = _state(network, len(x), rng) if state is None else state
    else:
        x = np.array(x) if network.layout.integer_input else arguments.as_real("x", x, network.dtype).copy()
        network.predict(x, lengths=lengths, state=state)  # refuses wrong data before targets are drawn for it
    if y is None:
        y = _targets(network, loss, x, rng)

    def value() -> float:
        return network.loss(x, y, loss=loss, lengths=lengths, sample_weight=sample_weight, state=state)

    options: dict[str, Any] = {"lengths": lengths, "sample_weight": sample_weight, "state": state}
    _, gradients = network.loss_and_grad(x, y, loss=loss, **options)
    parameters = [(key, network.parameters[key], gradients[key]) for key in network.parameters]
    floor, found = _check(value, parameters, tolerance, entries, rng)
    found += _check_inputs(network, x, lengths, state, tolerance, entries, rng)
    if any(array.checked < int(np.prod(array.shape)) for array in found):
        notes.append(f"of larger arrays {entries} entries were drawn")
    return GradReport(
        name, getattr(loss, "name", loss.kind), network.engine, tolerance, floor, tuple(found), tuple(notes)
    )


# ------------------------------------------------------------------------------------ what is to be checked


def _network(subject: Any, rng: np.random.Generator) -> tuple[Network, str, Loss | None, list[str]]:
    """A float64 network to check, its name, the loss that is the subject, if one is, and notes."""
    if hasattr(subject, "model_"):
        subject = subject.model_.networks[0]
    subject = getattr(subject, "network", subject)
    if isinstance(subject, Network):
        notes = [] if subject.dtype == np.float64 else [f"the {subject.dtype} network was checked as a float64 copy"]
        copy = Network.from_theta(subject.layout, subject.weights.copy().astype(np.float64))
        return copy, f"network of {subject.num_parameters} parameters", None, notes
    if isinstance(subject, str):
        known = {**CELLS, **LOSSES}
        subject = known[checks.choice("subject", subject, tuple(known))]
    layers = _around(subject)
    layout = Layout(layers, 1 if isinstance(layers[0], Embedding) else 3)
    network = Network.from_theta(layout, 0.5 * rng.normal(size=layout.size))
    return network, repr(subject), subject if isinstance(subject, Loss) else None, []


def _around(subject: Any) -> list[Layer]:
    """The smallest network with this piece in it."""
    match subject:
        case Activation():
            return [Recurrent(4, Simple(subject)), Dense(2)]
        case Recurrent():
            return [subject, Dense(2)]
        case Dense():
            return [Recurrent(4, Simple()), subject]
        case Embedding():
            return [subject, Recurrent(4, Simple()), Dense(2)]
        case Last() | Skip():
            return [Recurrent(4, Simple()), Dense(2), subject] if isinstance(subject, Skip) else [Recurrent(4), subject]
        case _ if isinstance(subject, Cell):
            return [Recurrent(4, subject), Dense(2)]
        case _ if isinstance(subject, Loss):
            own = subject.outputs if isinstance(subject, Custom) else None
            outputs = own or 3 * outputs_per_target(subject)
            return [Recurrent(4, Simple()), Dense(outputs)]
        case _:
            raise TypeError(
                "subject: expected a Network, a cell, layer, activation or loss, or its name, "
                f"got {checks.shown(subject)}"
            )


def _inputs(network: Network, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """x (3, 5, D) and lengths of which one is 1."""
    first = network.layers[0]
    lengths = np.array([5, 3, 1])
    if isinstance(first, Embedding):
        return rng.integers(0, first.num_embeddings, (3, 5)), lengths
    return rng.normal(size=(3, 5, network.input_size)), lengths


def _state(network: Network, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {slot.name: 0.5 * rng.normal(size=(n, slot.size)) for slot in network.layout.states}


def _targets(network: Network, loss: Loss, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    outer = 1 if network.layout.integer_input else 2
    lead = x.shape[: x.ndim - outer] if network.layout.last else x.shape[: x.ndim - outer + 1]
    if isinstance(loss, CrossEntropy) or (isinstance(loss, Custom) and loss.classes):
        return rng.integers(0, network.output_size, lead)
    width = arguments.target_width(network.layout, loss)
    draw = rng.random if isinstance(loss, BinaryCrossEntropy) else rng.normal
    return draw(size=(*lead, width))


def _check_inputs(
    network: Network,
    x: np.ndarray,
    lengths: Any,
    state: Mapping[str, Any] | None,
    tolerance: float,
    entries: int,
    rng: np.random.Generator,
) -> list[ArrayCheck]:
    """x and the initial state, through sum(dy * y) + sum(dstate * final state) with random dy and dstate."""
    n = 1 if x.ndim == (1 if network.layout.integer_input else 2) else len(x)
    start = {slot.name: np.zeros((n, slot.size)) for slot in network.layout.states}
    for key, given in (state or {}).items():
        start[key] = np.array(given, dtype=np.float64)
    y, tape = network.forward(x, lengths=lengths, state=start)
    dy, dstate = rng.normal(size=y.shape), {key: rng.normal(size=value.shape) for key, value in start.items()}
    _, dx, dstart = network.backward(tape, dy, dstate=dstate)

    def value() -> float:
        out, final = network.predict(x, lengths=lengths, state=start, return_state=True)
        return float((dy * out).sum()) + sum(float((dstate[key] * final[key]).sum()) for key in dstate)

    arrays = [] if dx is None else [("x", x, dx)]
    arrays += [(f"state {key}", start[key], dstart[key]) for key in start]
    return _check(value, arrays, tolerance, entries, rng)[1]


# ------------------------------------------------------------------------------------------- the comparison


def _check(
    value: Callable[[], float],
    arrays: list[tuple[str, np.ndarray, np.ndarray]],
    tolerance: float,
    entries: int,
    rng: np.random.Generator,
) -> tuple[float, list[ArrayCheck]]:
    """The floor, and each (name, array, analytic gradient) compared; `value` reads the arrays anew at each call."""
    middle = value()
    chosen = [list(_entries(array, entries, rng)) for _, array, _ in arrays]
    numeric = [
        np.array([_central(value, array, entry, STEP) for entry in picked])
        for (_, array, _), picked in zip(arrays, chosen, strict=True)
    ]
    largest = max((float(np.abs(values).max(initial=0.0)) for values in numeric), default=0.0)
    # rounding of the loss moves a central difference by about `noise`
    noise = 4 * np.finfo(float).eps * max(abs(middle), 1e-3)
    floor = max(1e-3 * largest, noise / STEP / tolerance)
    found: list[ArrayCheck] = []
    for (name, array, gradient), picked, values in zip(arrays, chosen, numeric, strict=True):
        analytic = np.array([gradient[entry] for entry in picked])
        errors = _errors(analytic, values, floor)
        kinks = 0
        for i in np.flatnonzero(~(errors <= tolerance)):
            allowed = tolerance * max(abs(analytic[i]), floor) + noise / FINE
            fine, low, high = _sides(value, array, picked[i], middle)
            if abs(values[i] - fine) > 2 * allowed and abs(analytic[i] - fine) <= allowed:
                # the kink lay within the wider step; the finer one resolves the difference to `allowed`
                values[i], errors[i] = fine, min(float(_errors(analytic[i], fine, floor)), tolerance)
            elif (
                high - low > 1e-3 * max(abs(low), abs(high)) + 4 * noise / FINE
                and low - allowed <= analytic[i] <= high + allowed
            ):
                kinks += 1
                errors[i] = 0.0
        worst = int(np.argmax(np.where(np.isnan(errors), np.inf, errors)))
        found.append(
            ArrayCheck(
                name,
                array.shape,
                len(picked),
                float(errors[worst]),
                picked[worst],
                float(analytic[worst]),
                float(values[worst]),
                kinks,
                bool((errors <= tolerance).all()),
            )
        )
    return floor, found


def _errors(analytic: Any, numeric: Any, floor: float) -> Any:
    return np.abs(analytic - numeric) / np.maximum(np.maximum(np.abs(analytic), np.abs(numeric)), floor)


def _entries(array: np.ndarray, most: int, rng: np.random.Generator) -> Iterator[tuple[int, ...]]:
    flat = np.arange(array.size) if array.size <= most else np.sort(rng.choice(array.size, most, replace=False))
    for index in flat:
        yield tuple(int(i) for i in np.unravel_index(index, array.shape))


def _central(value: Callable[[], float], array: np.ndarray, entry: tuple[int, ...], step: float) -> float:
    before = array[entry]
    array[entry] = before + step
    above = value()
    array[entry] = before - step
    below = value()
    array[entry] = before
    return (above - below) / (2 * step)


def _sides(
    value: Callable[[], float], array: np.ndarray, entry: tuple[int, ...], middle: float
) -> tuple[float, float, float]:
    """The central difference with the fine step, and the smaller and larger of the one-sided ones."""
    before = array[entry]
    array[entry] = before + FINE
    above = (value() - middle) / FINE
    array[entry] = before - FINE
    below = (middle - value()) / FINE
    array[entry] = before
    return (above + below) / 2, min(above, below), max(above, below)


class _CallableModule(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> GradReport:
        return gradcheck(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
