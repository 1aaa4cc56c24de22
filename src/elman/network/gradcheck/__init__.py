"""Compares analytic gradients with central differences, in float64, for any network, cell, layer or loss.

    elman.gradcheck(network, x, y, loss="huber")
    elman.gradcheck(elman.LSTM(peepholes=True))
    elman.gradcheck("pinball")

The report names the worst array, its worst entry and both values there. The module itself can be called, so that
`elman.gradcheck(...)` works however it was imported.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from elman.network.gradcheck.check import gradcheck
from elman.network.gradcheck.report import ArrayCheck, GradReport

__all__ = ["ArrayCheck", "GradReport", "gradcheck"]


class _CallableModule(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> GradReport:
        return gradcheck(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
