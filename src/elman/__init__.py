"""elman: recurrent neural networks on the CPU at compiled speed."""

from __future__ import annotations

import importlib
import sys
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from elman.core.kinds import READERS
from elman.version import __version__

if TYPE_CHECKING:
    from elman import anomaly, classic, cluster, datasets, forecast, music, plots, seq2seq, sequence, speech, text
    from elman.anomaly import AnomalyDetector
    from elman.core import init, losses, optim, schedules
    from elman.core.io import FileError, load
    from elman.core.layers import (
        GRU,
        LSTM,
        Activation,
        AdaptiveSoftmax,
        Attention,
        Concat,
        CustomCell,
        Dense,
        Dropout,
        Embedding,
        Last,
        Pool,
        Recurrent,
        Shift,
        Simple,
        Skip,
    )
    from elman.engines.config import get_num_threads, set_num_threads, show_config
    from elman.forecast import Forecaster
    from elman.music import MusicModel, PianoRoll
    from elman.network import Network, ctc, inspect
    from elman.network.gradcheck import gradcheck
    from elman.network.stream import Stream
    from elman.seq2seq import EncoderDecoder
    from elman.sequence import SequenceClassifier, SequenceRegressor, SequenceTagger
    from elman.speech import SpeechModel
    from elman.text import LanguageModel
    from elman.train import callbacks, doctor
    from elman.train.checkpoint import CheckpointWarning
    from elman.train.errors import TrainingError
    from elman.train.find_rate import LearningRates, find_learning_rate
    from elman.train.fitting.advice import TrainingWarning
    from elman.train.history import History
    from elman.train.stored import ArrowBatches, DaskBatches
    from elman.train.training import Trainer

__all__ = [
    "GRU",
    "LSTM",
    "Activation",
    "AdaptiveSoftmax",
    "AnomalyDetector",
    "ArrowBatches",
    "Attention",
    "CheckpointWarning",
    "Concat",
    "CustomCell",
    "DaskBatches",
    "Dense",
    "Dropout",
    "Embedding",
    "EncoderDecoder",
    "FileError",
    "Forecaster",
    "History",
    "LanguageModel",
    "Last",
    "LearningRates",
    "MusicModel",
    "Network",
    "PianoRoll",
    "Pool",
    "Recurrent",
    "SequenceClassifier",
    "SequenceRegressor",
    "SequenceTagger",
    "Shift",
    "Simple",
    "Skip",
    "SpeechModel",
    "Stream",
    "Trainer",
    "TrainingError",
    "TrainingWarning",
    "__version__",
    "anomaly",
    "callbacks",
    "classic",
    "cluster",
    "ctc",
    "datasets",
    "doctor",
    "find_learning_rate",
    "forecast",
    "get_num_threads",
    "gradcheck",
    "init",
    "inspect",
    "load",
    "losses",
    "music",
    "optim",
    "plots",
    "schedules",
    "seq2seq",
    "sequence",
    "set_num_threads",
    "show_config",
    "speech",
    "text",
]

# Public name -> the module that holds it, loaded when the name is first used.
_HOMES = {
    **dict.fromkeys(("Activation", "Dense", "Dropout", "Embedding", "Last", "Recurrent", "Skip"), "elman.core.layers"),
    **dict.fromkeys(("AdaptiveSoftmax", "Concat", "Pool"), "elman.core.layers"),
    **dict.fromkeys(("GRU", "LSTM", "Simple", "CustomCell", "Attention", "Shift"), "elman.core.layers"),
    **dict.fromkeys(("get_num_threads", "set_num_threads", "show_config"), "elman.engines.config"),
    **dict.fromkeys(("FileError", "load"), "elman.core.io"),
    "Trainer": "elman.train.training",
    "TrainingError": "elman.train.errors",
    "TrainingWarning": "elman.train.fitting.advice",
    **dict.fromkeys(("LearningRates", "find_learning_rate"), "elman.train.find_rate"),
    "AnomalyDetector": "elman.anomaly",
    **dict.fromkeys(("ArrowBatches", "DaskBatches"), "elman.train.stored"),
    "CheckpointWarning": "elman.train.checkpoint",
    "EncoderDecoder": "elman.seq2seq",
    "Forecaster": "elman.forecast",
    "History": "elman.train.history",
    "LanguageModel": "elman.text",
    **dict.fromkeys(("MusicModel", "PianoRoll"), "elman.music"),
    "Network": "elman.network",
    **dict.fromkeys(("SequenceClassifier", "SequenceRegressor", "SequenceTagger"), "elman.sequence"),
    "SpeechModel": "elman.speech",
    "Stream": "elman.network.stream",
    "gradcheck": "elman.network.gradcheck",
}
# Kind of file -> the class that reads it, loaded when such a file is.
_READERS = {
    "network": ("elman.network.reader", "NetworkReader"),
    "forecaster": ("elman.forecast", "Forecaster"),
    "anomaly detector": ("elman.anomaly", "AnomalyDetector"),
    "joint anomaly detector": ("elman.anomaly", "MultivariateDetector"),
    "language model": ("elman.text", "LanguageModel"),
    "encoder decoder": ("elman.seq2seq", "EncoderDecoder"),
    "music model": ("elman.music", "MusicModel"),
    "speech model": ("elman.speech", "SpeechModel"),
    "checkpoint": ("elman.train.checkpoint.resume", "Checkpoint"),
    **{
        f"sequence {kind}": ("elman.sequence", f"Sequence{kind.title()}")
        for kind in ("classifier", "regressor", "tagger")
    },
}
# Public module -> where it lies; `elman.losses` is one of them, as an attribute and to import from.
_MODULES = {
    **{
        name: f"elman.{name}"
        for name in (
            "anomaly",
            "classic",
            "cluster",
            "datasets",
            "forecast",
            "music",
            "plots",
            "seq2seq",
            "sequence",
            "speech",
            "text",
        )
    },
    **{name: f"elman.core.{name}" for name in ("init", "losses", "optim", "schedules")},
    **{name: f"elman.train.{name}" for name in ("callbacks", "doctor")},
    "inspect": "elman.network.inspect",
    "ctc": "elman.network.ctc",
}
# The same, and names to import from alone: the specification, and where public classes lay before they had floors.
_PLACES = _MODULES | {
    "reference": "elman.engines.reference",
    "config": "elman.engines.config",
    **{name: f"elman.core.{name}" for name in ("io", "layers")},
    **{name: f"elman.network.{name}" for name in ("gradcheck", "stream")},
    **{name: f"elman.train.{name}" for name in ("checkpoint", "history", "training")},
}


def _loaded(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


READERS.update({kind: partial(_loaded, *home) for kind, home in _READERS.items()})


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = _loaded(_HOMES[name], name)
    elif name in _MODULES:
        value = importlib.import_module(_MODULES[name])
    else:
        raise AttributeError(f"module 'elman' has no attribute {name!r}")
    globals()[name] = value
    return value


class _PublicModules(MetaPathFinder, Loader):
    """Finds public modules by their public names (`from elman.losses import Huber`), wherever they lie, and what lies
    in them: one module, whatever it is called."""

    def __init__(self) -> None:
        self._specs: dict[str, ModuleSpec | None] = {}

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if _place(fullname) != fullname else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(_place(spec.name))
        self._specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It has run under its own name, and keeps that."""
        if module.__spec__ is not None:
            module.__spec__ = self._specs[module.__spec__.name]


def _place(fullname: str) -> str:
    package, _, rest = fullname.partition(".")
    name, dot, inside = rest.partition(".")
    return f"{_PLACES[name]}{dot}{inside}" if package == "elman" and name in _PLACES else fullname


sys.meta_path.insert(0, _PublicModules())  # before files are looked for, which would be loaded a second time


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
