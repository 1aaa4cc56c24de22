"""Turns options of a Trainer into constraints of its updates: rates, frozen parameters, masks and signs.

Names are patterns as in a shell: "head.*", "weight_hh_*", "*_l0". Each must match a parameter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elman.core import checks
from elman.core.layers import Layout, Parameter, Recurrent, Simple
from elman.core.optim import AdamW, Optimizer
from elman.core.requests import Constraints
from elman.network import arguments

__all__ = ["make_constraints"]


def make_constraints(
    layout: Layout,
    dtype: np.dtype[Any],
    optimizer: Optimizer,
    rates: Mapping[str, float] | None = None,
    frozen: Iterable[str] = (),
    masks: Mapping[str, ArrayLike] | None = None,
    signs: Mapping[str, ArrayLike] | None = None,
) -> Constraints | None:
    """Returns the constraints of these arguments of `Trainer`; None where there are none.

    Leaks of simple cells are frozen unless they are learned, and then stay in [0, 1]. Weight decay applies to matrices
    alone (not to biases, peepholes, states and leaks), unless the optimiser says otherwise.
    """
    factors = {p.name: 1.0 for p in layout.parameters}
    # nothing as large as theta where nothing has bounds
    size = layout.size if masks is not None or signs is not None or any(_leaks(layout)) else 0
    lower, upper = np.full(size, -np.inf, dtype), np.full(size, np.inf, dtype)
    for parameter, cell in _leaks(layout):
        factors[parameter.name] = float(cell.learn_leak)
        parameter.view(lower)[...], parameter.view(upper)[...] = 0, 1
    for pattern, factor in _mapping("rates", rates).items():
        number = checks.number(f"rates[{pattern!r}]", factor, low=0.0)
        for parameter in _matching("rates", layout, pattern):
            factors[parameter.name] *= number
    several = isinstance(frozen, Iterable) and getattr(frozen, "ndim", 1) != 0  # pyright: ignore
    if isinstance(frozen, str) or not several:
        raise TypeError(f"frozen: expected a list of names, got {checks.shown(frozen)}")
    for pattern in frozen:
        for parameter in _matching("frozen", layout, pattern):
            factors[parameter.name] = 0.0
    for pattern, mask in _mapping("masks", masks).items():
        for parameter in _matching("masks", layout, pattern):
            place = f"masks[{pattern!r}]"
            kept = arguments.as_real(place, mask, dtype)
            arguments.check_width(place, kept.shape, [parameter.shape])
            _only(place, kept, (0, 1))
            parameter.view(lower)[kept == 0] = 0
            parameter.view(upper)[kept == 0] = 0
    signed: dict[str, np.ndarray] = {}
    for pattern, sign in _mapping("signs", signs).items():
        for parameter in _matching("signs", layout, pattern):
            place = f"signs[{pattern!r}]"
            given = arguments.as_real(place, sign, dtype)
            shapes = dict.fromkeys((parameter.shape[-1:], parameter.shape))  # by column, or by entry
            arguments.check_width(place, given.shape, [*shapes])
            _only(place, given, (-1, 0, 1))
            entries = np.broadcast_to(given, parameter.shape)
            contrary = entries * signed.get(parameter.name, 0) < 0
            if contrary.any():
                index = tuple(int(i) for i in np.argwhere(contrary)[0])
                there = f"column {index[-1]}" if given.ndim == 1 else f"the entry {index}"
                there = f"{there} of {parameter.name}"
                raise ValueError(f"{place}: expected the sign that another pattern gives {there}, got the other")
            signed[parameter.name] = entries + signed.get(parameter.name, 0)
            low, high = parameter.view(lower), parameter.view(upper)
            low[entries > 0] = np.maximum(low[entries > 0], 0)
            high[entries < 0] = np.minimum(high[entries < 0], 0)
    bounded = bool(np.isfinite(lower).any() or np.isfinite(upper).any())
    decaying = isinstance(optimizer, AdamW) and optimizer.weight_decay > 0 and not optimizer.decay_all
    decays = {p.name: not decaying or "weight" in p.name for p in layout.parameters}
    if not bounded and all(f == 1 for f in factors.values()) and all(decays.values()):
        return None
    return _segments(layout, factors, decays, *((lower, upper) if bounded else (None, None)))


def _segments(
    layout: Layout,
    factors: dict[str, float],
    decays: dict[str, bool],
    lower: np.ndarray | None,
    upper: np.ndarray | None,
) -> Constraints:
    """Joins neighbouring parameters under the same constraints into one segment."""
    cut: list[Parameter] = []
    for p in sorted(layout.parameters, key=lambda p: p.offset):
        own = (factors[p.name], decays[p.name])
        if not cut or own != (factors[cut[-1].name], decays[cut[-1].name]):
            cut.append(p)
    return Constraints(
        np.array([*(p.offset for p in cut), layout.size], np.int64),
        np.array([factors[p.name] for p in cut]),
        np.array([decays[p.name] for p in cut], np.uint8),
        lower,
        upper,
    )


def _leaks(layout: Layout) -> Iterable[tuple[Parameter, Simple]]:
    """Yields every leak of a simple cell, with the cell."""
    for part in layout.parts:
        if isinstance(part.layer, Recurrent) and isinstance(part.layer.cell, Simple):
            for group in part.parameters:
                yield from ((p, part.layer.cell) for p in group if p.role == "leak")


def _matching(name: str, layout: Layout, pattern: object) -> list[Parameter]:
    """Returns the parameters whose names match; raises ValueError where there is none."""
    if not isinstance(pattern, str):
        raise TypeError(f"{name}: expected names of parameters, got {checks.shown(pattern)}")
    found = [p for p in layout.parameters if fnmatchcase(p.name, pattern)]
    if not found:
        names = ", ".join(p.name for p in layout.parameters)
        raise ValueError(f"{name}: expected a name or pattern among {names}, got {pattern!r}")
    return found


def _mapping(name: str, value: object) -> Mapping[str, Any]:
    if value is not None and not isinstance(value, Mapping):
        raise TypeError(f"{name}: expected a mapping from names of parameters, got {checks.shown(value)}")
    return value or {}


def _only(place: str, array: np.ndarray, values: tuple[int, ...]) -> None:
    """Raises ValueError, with the index, for an entry that is none of these values."""
    wrong = ~np.isin(array, values)
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(f"{place}: expected {', '.join(map(str, values))} alone, got {array[index]} at {index}")
