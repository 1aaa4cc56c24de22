"""The contents of the files of estimators of sequences, and the checks that their parts fit one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np

from elman.core import checks
from elman.estimators.codec import Codec
from elman.network import Network
from elman.sequence.columns import Columns
from elman.sequence.vocabulary import Token, Vocabulary

__all__ = ["CLASSIFIER", "REGRESSOR", "TAGGER", "Common", "FittedClassifier", "FittedRegressor", "Labels"]

MOST_FEATURES = 2**31


@dataclass(frozen=True, eq=False)
class Labels:
    """Classes in their order, and the kind of array that they form."""

    labels: tuple[Token, ...]
    kind: Literal["strings", "whole numbers", "numbers", "flags", "objects"]

    @classmethod
    def of(cls, classes: np.ndarray) -> Labels:
        """Returns the classes of an array (C,). TypeError for objects that no file can hold."""
        kinds: dict[str, Any] = {"U": "strings", "i": "whole numbers", "u": "whole numbers", "f": "numbers"}
        kind = kinds.get(classes.dtype.kind, "flags" if classes.dtype.kind == "b" else "objects")
        listed = tuple(classes.tolist())
        for label in listed:
            if not isinstance(label, bool | int | float | str):
                raise TypeError(f"classes_: expected strings, numbers or flags in a file, got {checks.shown(label)}")
        return cls(listed, kind)

    def array(self) -> np.ndarray:
        """Returns the classes as an array (C,)."""
        types = {"strings": str, "whole numbers": np.int64, "numbers": np.float64, "flags": np.bool_}
        if self.kind in types:
            return np.array(self.labels, types[self.kind])
        classes = np.empty(len(self.labels), object)
        classes[:] = self.labels
        return classes

    def validate(self) -> None:
        """Raises ValueError where the labels are not those of an array of this kind, each once."""
        types: dict[str, Any] = {"strings": str, "whole numbers": int, "numbers": float, "flags": bool}
        kind = types.get(self.kind, object)
        if not all(isinstance(label, kind) for label in self.labels) or len({*self.labels}) != len(self.labels):
            raise ValueError(f"labels: expected different {self.kind}, got {checks.shown(self.labels)}")
        if self.kind == "whole numbers" and not all(-(2**63) <= label < 2**63 for label in self.labels):  # type: ignore[operator]
            raise ValueError(f"labels: expected whole numbers of 64 bits, got {checks.shown(self.labels)}")


@dataclass(frozen=True, eq=False)
class Common:
    """What every fitted estimator of sequences has.

    features  `n_features_in_`;  names  `feature_names_in_`, if there are any
    table     whether X was 2-D, so that all sequences have `features` steps
    epochs    `n_iter_`
    """

    columns: Columns
    networks: tuple[Network, ...]
    features: int
    names: tuple[str, ...] | None
    table: bool
    epochs: int

    def validate(self) -> None:
        """Raises ValueError where the fields do not fit one another."""
        if not 1 <= self.features <= MOST_FEATURES or self.epochs < 0:
            raise ValueError(f"features: expected at least 1, got {self.features}, after {self.epochs} epochs")
        if self.table and (self.columns.count != 1 or self.columns.tokens):
            raise ValueError("table: expected one column of numbers")
        if not self.table and self.features != self.columns.count:
            raise ValueError(f"features: expected the {self.columns.count} columns, got {self.features}")
        if self.names is not None and len(self.names) != self.features:
            raise ValueError(f"names: expected {self.features}, got {len(self.names)}")
        if not self.networks:
            raise ValueError("networks: expected at least one")
        layout = self.networks[0].layout
        for network in self.networks:
            if network.dtype != np.float32 or not np.isfinite(network.theta).all():
                raise ValueError("networks.theta: expected finite numbers, float32")
            if network.layers != layout.layers or network.input_size != max(1, len(self.columns.numeric)):
                raise ValueError("networks: expected the same layers in all, which read the columns")

    def check_outputs(self, count: int, by_step: bool) -> None:
        """Raises ValueError unless the networks have so many outputs, at each step or once."""
        layout = self.networks[0].layout
        if layout.output_size != count or layout.last == by_step:
            raise ValueError(f"networks: expected {count} outputs, got {layout.output_size}")


@dataclass(frozen=True, eq=False)
class FittedClassifier:
    """What `SequenceClassifier.fit` leaves. multilabel: whether each class is one output of its own."""

    common: Common
    classes: Labels
    multilabel: bool

    def validate(self) -> None:
        """Raises ValueError where the fields do not fit one another."""
        if len(self.classes.labels) < (1 if self.multilabel else 2):
            raise ValueError(f"classes: expected at least two, got {len(self.classes.labels)}")
        self.common.check_outputs(len(self.classes.labels), False)


@dataclass(frozen=True, eq=False)
class FittedTagger:
    """What `SequenceTagger.fit` leaves."""

    common: Common
    classes: Labels

    def validate(self) -> None:
        """Raises ValueError where the fields do not fit one another."""
        if len(self.classes.labels) < 2:
            raise ValueError(f"classes: expected at least two, got {len(self.classes.labels)}")
        self.common.check_outputs(len(self.classes.labels), True)


@dataclass(frozen=True, eq=False)
class FittedRegressor:
    """What `SequenceRegressor.fit` leaves.

    mean, scale  of the targets: value = output * scale + mean;  single  whether they were 1-D
    """

    common: Common
    mean: Annotated[np.ndarray, "float64 (O,)"]
    scale: Annotated[np.ndarray, "float64 (O,)"]
    single: bool

    def validate(self) -> None:
        """Raises ValueError where the fields do not fit one another."""
        if not np.isfinite(self.mean).all() or not ((self.scale > 0) & np.isfinite(self.scale)).all():
            raise ValueError("scale: expected finite means, and scales above 0")
        if self.single and len(self.mean) != 1:
            raise ValueError(f"single: expected one target, got {len(self.mean)}")
        self.common.check_outputs(len(self.mean), False)


_SHARED = {"columns/1": Columns, "vocabulary/1": Vocabulary, "fitted sequences/1": Common}
CLASSIFIER = Codec(FittedClassifier, {"sequence classifier/1": FittedClassifier, "labels/1": Labels, **_SHARED})
REGRESSOR = Codec(FittedRegressor, {"sequence regressor/1": FittedRegressor, **_SHARED})
TAGGER = Codec(FittedTagger, {"sequence tagger/1": FittedTagger, "labels/1": Labels, **_SHARED})
