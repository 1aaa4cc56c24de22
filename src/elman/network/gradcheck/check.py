"""Checks a network's gradients: by its parameters through the loss, by x and the state through the outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elman.core import checks
from elman.core.losses import Loss, as_loss
from elman.network import Network, arguments
from elman.network.arguments import Inputs
from elman.network.arguments.named import TARGETS
from elman.network.gradcheck.differences import Analytic, compare
from elman.network.gradcheck.report import ArrayCheck, GradReport
from elman.network.gradcheck.subject import ROWS, draw_inputs, draw_state, draw_targets, network_of
from elman.network.tape import named

__all__ = ["gradcheck"]


def gradcheck(
    subject: Any,
    x: Inputs | None = None,
    y: ArrayLike | None = None,
    *,
    loss: str | Loss | None = None,
    lengths: Inputs | None = None,
    sample_weight: ArrayLike | None = None,
    state: Mapping[str, ArrayLike] | None = None,
    tolerance: float = 1e-6,
    entries: int = 200,
    seed: int = 0,
) -> GradReport:
    """Compares the analytic gradients with central differences in float64.

    subject        a Network, or an object with one (a Trainer, a fitted Forecaster: its first network); a cell, layer,
                   activation or loss, or its name ("lstm", "huber", ...): a small network is made around it
    x, y           data as for `Network.loss_and_grad`; what is missing is drawn
    loss           name or object; "mse" where none is given
    lengths, sample_weight, state   as for `Network.loss_and_grad`; drawn together with x where x is not given
    tolerance      largest relative error that passes
    entries        the most entries of an array that are checked, drawn
    seed           of everything that is drawn

    Parameters are checked through the loss; x and the initial state through a random linear function of the outputs and
    the final state. Where an activation or loss has a kink (relu, mae, pinball), an entry passes only if a smaller step
    agrees, or if the one-sided derivatives really differ and the analytic value lies between them; the report counts
    these as kinks. Wrong arguments raise ValueError or TypeError.
    """
    checks.number("tolerance", tolerance, low=0.0, open_low=True)
    checks.whole("entries", entries, low=1)
    rng = np.random.default_rng(checks.whole("seed", seed, low=0))
    network, name, own_loss, notes = network_of(subject, rng)
    loss = as_loss(own_loss or "mse" if loss is None else loss)
    data: Any = x
    targets: Any = y
    if x is None:
        data, drawn = draw_inputs(network, rng)
        lengths = drawn if lengths is None else lengths
        state = draw_state(network, ROWS, rng) if state is None and not _wired(network) else state
    else:
        several = bool(network.layout.inputs)
        data = {name: _copy(network, array) for name, array in data.items()} if several else _copy(network, x)
        if y is None or not several:
            network.predict(data, lengths=lengths, state=state)  # refuses wrong data before targets are drawn for it
    if y is None:
        targets = draw_targets(network, loss, data, lengths, rng)
    elif TARGETS in network.layout.inputs:
        data[TARGETS] = _copy(network, y)

    def value() -> float:
        return network.loss(data, targets, loss=loss, lengths=lengths, sample_weight=sample_weight, state=state)

    options: dict[str, Any] = {"lengths": lengths, "sample_weight": sample_weight, "state": state}
    _, gradients = network.loss_and_grad(data, targets, loss=loss, **options)
    parameters = [Analytic(key, network.parameters[key], gradients[key]) for key in network.parameters]
    floor, found = compare(value, parameters, tolerance, entries, rng)
    found += _check_inputs(network, data, lengths, state, tolerance, entries, rng)
    if any(array.checked < int(np.prod(array.shape)) for array in found):
        notes = (*notes, f"of larger arrays {entries} entries were drawn")
    return GradReport(name, loss.label, network.engine, tolerance, floor, tuple(found), notes)


def _check_inputs(
    network: Network,
    x: Any,
    lengths: Any,
    state: Mapping[str, Any] | None,
    tolerance: float,
    entries: int,
    rng: np.random.Generator,
) -> list[ArrayCheck]:
    """Checks the gradients of the inputs and of the initial state, through sum(dy * y) + sum(dstate * final state), dy
    and dstate drawn. Initial states that come from within the network are left to it, unless `state` is given."""
    y, tape = network.forward(x, lengths=lengths, state=state)
    start: dict[str, np.ndarray] = {}
    if state is not None or not _wired(network):
        start = {key: np.zeros_like(array) for key, array in named(network.layout, tape.final).items()}
        start |= {key: np.array(given, dtype=np.float64) for key, given in (state or {}).items()}
        y, tape = network.forward(x, lengths=lengths, state=start)
    dy = rng.normal(size=y.shape)
    dstate = {key: rng.normal(size=value.shape) for key, value in named(network.layout, tape.final).items()}
    _, dx, dstart = network.backward(tape, dy, dstate=dstate)

    def value() -> float:
        out, final = network.predict(x, lengths=lengths, state=start or None, return_state=True)
        return float((dy * out).sum()) + sum(float((dstate[key] * final[key]).sum()) for key in dstate)

    inputs, slopes = (x, dx) if network.layout.inputs else ({"x": x}, {"x": dx})
    arrays = [Analytic(name, inputs[name], slope) for name, slope in slopes.items() if slope is not None]
    arrays += [Analytic(f"state {key}", start[key], dstart[key]) for key in start]
    return compare(value, arrays, tolerance, entries, rng)[1]


def _wired(network: Network) -> bool:
    """Whether some initial state comes from another layer or from a vector."""
    return any(start is not None for part in network.layout.parts for group in part.starts for start in group)


def _copy(network: Network, array: Any) -> np.ndarray:
    """A copy that can be changed entry by entry, of the network's type unless it holds whole numbers."""
    given = np.array(array)
    return (
        given
        if given.dtype.kind in "iu" and _integers(network)
        else arguments.as_real("x", given, network.dtype).copy()
    )


def _integers(network: Network) -> bool:
    layout = network.layout
    return layout.integer_input or any(given.kind == "integers" for given in layout.inputs.values())
