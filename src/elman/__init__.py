"""elman: recurrent neural networks on the CPU at compiled speed."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from elman.version import __version__

if TYPE_CHECKING:
    from elman import (
        anomaly,
        callbacks,
        classic,
        datasets,
        doctor,
        forecast,
        init,
        inspect,
        losses,
        optim,
        plots,
        schedules,
    )
    from elman.anomaly import AnomalyDetector
    from elman.checkpoint import CheckpointWarning
    from elman.config import get_num_threads, set_num_threads, show_config
    from elman.forecast import Forecaster
    from elman.gradcheck import gradcheck
    from elman.history import History
    from elman.io import FileError, load
    from elman.layers import (
        GRU,
        LSTM,
        Activation,
        CustomCell,
        Dense,
        Dropout,
        Embedding,
        Last,
        Recurrent,
        Simple,
        Skip,
    )
    from elman.network import Network
    from elman.stream import Stream
    from elman.training import Trainer, TrainingError

__all__ = [
    "GRU",
    "LSTM",
    "Activation",
    "AnomalyDetector",
    "CheckpointWarning",
    "CustomCell",
    "Dense",
    "Dropout",
    "Embedding",
    "FileError",
    "Forecaster",
    "History",
    "Last",
    "Network",
    "Recurrent",
    "Simple",
    "Skip",
    "Stream",
    "Trainer",
    "TrainingError",
    "__version__",
    "anomaly",
    "callbacks",
    "classic",
    "datasets",
    "doctor",
    "forecast",
    "get_num_threads",
    "gradcheck",
    "init",
    "inspect",
    "load",
    "losses",
    "optim",
    "plots",
    "schedules",
    "set_num_threads",
    "show_config",
]

# Public name -> the module that holds it, loaded when the name is first used.
_HOMES = {
    **dict.fromkeys(("Activation", "Dense", "Dropout", "Embedding", "Last", "Recurrent", "Skip"), "elman.layers"),
    **dict.fromkeys(("GRU", "LSTM", "Simple", "CustomCell"), "elman.layers"),
    **dict.fromkeys(("get_num_threads", "set_num_threads", "show_config"), "elman.config"),
    **dict.fromkeys(("FileError", "load"), "elman.io"),
    **dict.fromkeys(("Trainer", "TrainingError"), "elman.training"),
    "AnomalyDetector": "elman.anomaly",
    "CheckpointWarning": "elman.checkpoint",
    "Forecaster": "elman.forecast",
    "History": "elman.history",
    "Network": "elman.network",
    "Stream": "elman.stream",
    "gradcheck": "elman.gradcheck",
}
_MODULES = (
    "anomaly",
    "callbacks",
    "classic",
    "datasets",
    "doctor",
    "forecast",
    "init",
    "inspect",
    "losses",
    "optim",
    "plots",
    "schedules",
)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"elman.{name}")
    else:
        raise AttributeError(f"module 'elman' has no attribute {name!r}")
    globals()[name] = value
    return value


class _Package(ModuleType):
    """Keeps a public name ahead of the module of the same name, which an import of that module would put here."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        """By name. cloudpickle, which sends functions to joblib's workers, does so for plain modules only."""
        return importlib.import_module, (__name__,)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return sorted(__all__)
