"""The choice of the engine: the compiled one where it was built and has every layer and cell, else the reference."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec

import numpy as np

from elman.core import checks
from elman.core.layers import Layout
from elman.core.losses import Custom, Loss
from elman.core.requests import Engine

__all__ = ["compiled", "finite_check", "for_loss", "native", "reference", "select"]


def select(layout: Layout, loss: Loss | None = None) -> Engine:
    """Returns the engine for this layout: the compiled one where it was built and has every cell, else the reference.

    `loss` is the loss that it will be asked for, if any. `ELMAN_ENGINE=reference` chooses the reference engine for
    everything.
    """
    engine = (None if layout.custom else compiled()) or reference()
    return engine if loss is None else for_loss(engine, loss)


def compiled() -> Engine | None:
    """Returns the compiled engine, or None where it was not built or `ELMAN_ENGINE=reference` asks for the other."""
    wanted = checks.choice("ELMAN_ENGINE", os.environ.get("ELMAN_ENGINE", "native"), ("native", "reference"))
    return native() if wanted == "native" else None


def for_loss(engine: Engine, loss: Loss) -> Engine:
    """Returns the engine itself, or one around it that evaluates a loss which the compiled core lacks."""
    if loss.compiled or (engine.name == "reference" and not isinstance(loss, Custom)):
        return engine
    from elman.engines.custom import CustomLossEngine

    return CustomLossEngine(engine)


@cache
def reference() -> Engine:
    """Returns the reference engine."""
    from elman.engines.reference.engine import ReferenceEngine

    return ReferenceEngine()


@cache
def native() -> Engine | None:
    """Returns the compiled engine, or None with one warning where the compiled core was not built."""
    if find_spec("elman._native") is None:
        warnings.warn(
            "elman: the compiled core was not built; everything runs on the slower reference engine "
            "(ELMAN_ENGINE=reference chooses it without this line)",
            RuntimeWarning,
            stacklevel=4,
        )
        return None
    from elman.engines.compiled import NativeEngine

    return NativeEngine()


@cache
def finite_check() -> Callable[[np.ndarray], bool]:
    """Returns a function that tells whether an array of float32 or float64 is finite: the core's or NumPy's."""
    if find_spec("elman._native") is None:
        return lambda array: bool(np.isfinite(array).all())
    from elman._native import is_finite  # type: ignore[attr-defined]

    return is_finite
