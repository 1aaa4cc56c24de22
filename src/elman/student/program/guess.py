"""Guesses the shapes of weights that a constructor or a function takes as arguments, from their names."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from elman.student.program.sizes import Sizes
from elman.student.program.words import plain_name

__all__ = ["argument_sets", "is_weight", "weight_sets"]

SIZES = (Sizes(2, 4, 3), Sizes(3, 4, 3))


def is_weight(name: str) -> bool:
    """Returns whether an argument of this name is a weight array by its name: W..., U..., V..., b..."""
    word = plain_name(name)
    if not re.match(r"^(w|u|v|b|r|theta|bias|weight)", word) or re.match(
        r"^(batch|beta|verbose|rate|reg|vocab|weights?$|window)", word
    ):
        return False
    return len(word) <= 5 or word.startswith(("bias", "weight")) or "_" in name


def argument_sets(function: Callable[..., Any]) -> Iterator[tuple[dict[str, Any], Sizes]]:
    """Yields arrays for all required arguments of a constructor that takes weights, in each usual convention."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return
    names = [p.name for p in parameters if p.default is p.empty and p.kind == p.POSITIONAL_OR_KEYWORD]
    if names and all(is_weight(name) for name in names):
        yield from weight_sets(names, getattr(function, "__name__", ""))


def weight_sets(names: list[str], hint: str = "") -> Iterator[tuple[dict[str, np.ndarray], Sizes]]:
    """Yields arrays by name in each usual convention: rows or columns, one, three or four gates, joined or not.

    hint  words that may name the cell
    """
    order = (4, 1, 3) if "lstm" in hint.lower() else (3, 1, 4) if "gru" in hint.lower() else (1, 4, 3)
    for sizes in SIZES:
        for gates in order:
            for joined in (False, True):
                for transposed in (False, True):
                    for bias in ("K1", "K", "1K"):
                        yield (
                            {n: np.zeros(_shape(n, names, sizes, gates, joined, transposed, bias)) for n in names},
                            sizes,
                        )


def _shape(
    name: str, names: list[str], sizes: Sizes, gates: int, joined: bool, transposed: bool, bias: str
) -> tuple[int, ...]:
    d, h, o = sizes
    role = _role(name, names)
    if role in ("bh", "by"):
        size = o if role == "by" else gates * h
        return {"K1": (size, 1), "K": (size,), "1K": (1, size)}[bias]
    shape = {"xh": (gates * h, d), "hh": (gates * h, h), "hy": (o, h)}[role]
    if joined and role in ("xh", "hh"):
        shape = (gates * h, h + d)
    return shape[::-1] if transposed else shape


def _role(name: str, names: list[str]) -> str:
    """Returns which weight a name means: "xh", "hh", "hy", "bh" or "by"."""
    word = plain_name(name)
    rest = re.sub(r"^(weights?|theta|w|u|v|r)", "", word) if not word.startswith("b") else word[1:]
    if word.startswith("b"):
        return "by" if re.search(r"y|out|o$|v|2$|q", rest) and not re.search(r"(hh|h|a|xh|ih)$", rest) else "bh"
    plain = {plain_name(n) for n in names}
    if {"u", "w", "v"} <= plain:  # U input, W recurrent, V output
        return {"u": "xh", "w": "hh", "v": "hy"}.get(word, "hh")
    if {"w", "u"} <= plain and word in ("w", "u"):  # W input, U recurrent
        return "xh" if word == "w" else "hh"
    if re.search(r"y|out|hq|ho$|^v", rest) or word == "v":
        return "hy"
    if re.search(r"x|in|ih$", rest):
        return "xh"
    return "hh"
