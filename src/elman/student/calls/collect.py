"""Finds among the arrays that a backward pass gave the gradient of each weight, and of the inputs and states."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.student.calls import forms
from elman.student.calls.data import Data
from elman.student.calls.forward import Forward
from elman.student.program.weights import Weight
from elman.student.program.words import plain_name

__all__ = ["Arrays", "by_weight"]

Arrays = dict[Weight, np.ndarray]


def by_weight(
    given: list[tuple[str, Any]], weights: Arrays, data: Data, forward: Forward | None, *, strict: bool = False
) -> tuple[Arrays, dict[str, np.ndarray]]:
    """Returns the arrays that are gradients by a weight, and those by inputs and states.

    strict  only those whose name says so
    """
    left: list[tuple[str, np.ndarray]] = []
    for name, value in given:
        pieces = list(enumerate(value)) if isinstance(value, list | tuple) else [(None, value)]
        for key, piece in pieces:
            array = forms.plain(piece)
            if array is not None and array.dtype.kind == "f" and array.size:
                left.append((name if key is None else f"{name}[{key}]", array))
    found: Arrays = {}
    for weight, value in weights.items():
        match = next((i for i, (n, a) in enumerate(left) if a.shape == value.shape and named_so(n, weight)), None)
        if match is not None:
            found[weight] = left.pop(match)[1].astype(float)
    inputs: dict[str, np.ndarray] = {}
    for parameter, role in forward.roles if forward is not None else ():
        if role in ("x", "h0", "c0"):
            words = {f"d{plain_name(parameter)}", f"d{role}", f"dprev{role[0]}", f"d{role[0]}prev", f"d{role[0]}"}
            words |= {f"d{plain_name(parameter)}next", f"d{role[0]}next"} if role != "x" else {"dxs", "dxt"}
            match = next((i for i, (n, _) in enumerate(left) if plain_name(n) in words), None)
            if match is not None:
                inputs[role] = left.pop(match)[1].astype(float)
    if not strict and forward is not None and not forms.steps(forward.axes):
        for role in ("x", "h0", "c0"):  # gradients without names, in the order of what was given
            core = getattr(data, role)
            if role in inputs or role not in {given for _, given in forward.roles}:
                continue
            match = next((i for i, (n, a) in enumerate(left) if not n and forms.read(a, core.shape) is not None), None)
            if match is not None:
                inputs[role] = left.pop(match)[1].astype(float)
    if not strict:
        for weight, value in weights.items():
            if weight not in found:
                match = next((i for i, (_, a) in enumerate(left) if a.shape == value.shape), None)
                if match is not None:
                    found[weight] = left.pop(match)[1].astype(float)
    return found, inputs


def named_so(name: str, weight: Weight) -> bool:
    """Returns whether a name is that of the gradient by a weight: dW, grad_W, grads['W'], W_grad, dLdW, grads[0]."""
    key, word = plain_name(weight.key), plain_name(name.rsplit("[", 1)[-1] if "[" in name else name.rsplit(".", 1)[-1])
    holder = plain_name(name.split("[", 1)[0]) if "[" in name else ""
    if isinstance(weight.path[-1], tuple) and word == key and holder.startswith(("grad", "d", "g")):
        return True
    plain = word == key and (not holder or holder.startswith(("grad", "d", "g", "nabla")))
    marks = {
        f"{mark}{key}" for mark in ("d", "grad", "g", "dl", "dld", "djd", "ded", "delta", "nabla", "gradient", "sum")
    }
    return plain or word in marks | {
        f"{key}grad",
        f"{key}gradient",
        f"{key}g",
        f"total{key}",
        f"dtotal{key}",
        f"d{key}total",
    }
