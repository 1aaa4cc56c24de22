"""Classes, numbers and tags of whole sequences: estimators shaped as scikit-learn's own; tables read as
sequences."""

from __future__ import annotations

try:
    import sklearn  # noqa: F401  # pyright: ignore[reportUnusedImport]
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "SequenceClassifier, SequenceRegressor and SequenceTagger are estimators of scikit-learn; type: "
        "pip install 'elman[sklearn]'",
        name="sklearn",
    ) from None

from elman.sequence.classifier import SequenceClassifier
from elman.sequence.regressor import SequenceRegressor
from elman.sequence.tables.reading import Sequences, sequences
from elman.sequence.tagger import SequenceTagger

__all__ = ["SequenceClassifier", "SequenceRegressor", "SequenceTagger", "Sequences", "sequences"]
