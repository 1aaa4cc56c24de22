"""Turns states and gradients from users, by name or by layer, into the lists that engines take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elman.core.checks import shown
from elman.core.layers import Layout
from elman.network.arguments.values import as_real, check_finite, check_width, is_finite

__all__ = ["as_gradient", "as_hidden_upstream", "as_state", "as_upstream"]


def as_state(
    name: str, layout: Layout, dtype: np.dtype[Any], state: Mapping[str, ArrayLike] | None, n: int
) -> list[np.ndarray] | None:
    """Returns named states as the list that engines take: each (n, size), zeros where a name is missing."""
    if state is None:
        return None
    if not isinstance(state, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{name}: expected a mapping of names to arrays, got {shown(state)}")
    names = [slot.name for slot in layout.states]
    for key in state:
        if key not in names:
            raise ValueError(f"{name}: expected names among {', '.join(names)}, got {shown(key)}")
    result: list[np.ndarray] = []
    for slot in layout.states:
        value = state.get(slot.name)
        if value is None:
            result.append(np.zeros((n, slot.size), dtype))
            continue
        array = as_real(f"{name}[{slot.name!r}]", value, dtype)
        array = array[None] if n == 1 and array.ndim == 1 else array
        if array.shape != (n, slot.size):
            raise ValueError(f"{name}[{slot.name!r}]: expected shape {(n, slot.size)}, got {array.shape}")
        check_finite(f"{name}[{slot.name!r}]", array, None, False, steps=False)
        result.append(np.ascontiguousarray(array))
    return result


def as_upstream(
    name: str, dtype: np.dtype[Any], value: object, shape: tuple[int, ...], lengths: np.ndarray | None, single: bool
) -> np.ndarray:
    """Returns the gradient by an output of this shape, with the axis B; values past the lengths are not read."""
    array = as_real(name, value, dtype)
    check_width(name, array.shape, [shape])
    rows = array[None] if single else array
    steps = rows.ndim == 3
    if not is_finite(rows):
        valid = None if lengths is None or not steps else np.arange(rows.shape[1]) < lengths[:, None]
        check_finite(name, rows, valid, single, steps=steps)
    return np.ascontiguousarray(rows)


def as_hidden_upstream(
    dtype: np.dtype[Any], dh: object, shapes: Sequence[tuple[int, ...]], lengths: np.ndarray | None, single: bool
) -> list[np.ndarray | None] | None:
    """Returns `dh=`, the gradients by each recurrent layer's output, as a list aligned with `shapes`.

    One array may stand for a list of one; None, for a layer or for all of them, means zeros.
    """
    if dh is None:
        return None
    alone = isinstance(dh, np.ndarray) and len(shapes) == 1 and dh.shape == shapes[0]
    given: Any = [dh] if alone else dh
    if not isinstance(given, list | tuple) or len(given) != len(shapes):
        raise ValueError(f"dh: expected a list of arrays of shapes {[*shapes]}, got {shown(dh)}")
    return [
        None if value is None else as_upstream(f"dh[{i}]", dtype, value, shape, lengths, single)
        for i, (value, shape) in enumerate(zip(given, shapes, strict=True))
    ]


def as_gradient(layout: Layout, dtype: np.dtype[Any], gradients: object) -> np.ndarray:
    """Returns gradients of the parameters, by name or as a vector, as a new vector (P,); a missing name is 0."""
    if not isinstance(gradients, Mapping):
        flat = np.array(as_real("gradients", gradients, dtype))
        check_width("gradients", flat.shape, [(layout.size,)])
        check_finite("gradients", flat, None, True, steps=False)
        return flat
    flat = np.zeros(layout.size, dtype)
    places = {parameter.name: parameter for parameter in layout.parameters}
    for name, value in gradients.items():
        if name not in places:
            raise ValueError(f"gradients: expected names among {', '.join(places)}, got {shown(name)}")
        array = as_real(f"gradients[{name!r}]", value, dtype)
        check_width(f"gradients[{name!r}]", array.shape, [places[name].shape])
        check_finite(f"gradients[{name!r}]", array, None, False, steps=False)
        places[name].view(flat)[...] = array
    return flat
