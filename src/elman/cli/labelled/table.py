"""Predictions as a table: a row for each sequence, or for each step of tagged ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elman.sequence.evaluation.report import Predictions
    from elman.sequence.tables.reading import Sequences

__all__ = ["PredictionTable"]

DIGITS = 6


class PredictionTable:
    """The predictions for sequences: id, what is true (where that is known), what is predicted, and the probabilities
    of all classes; of tagged steps their number, their text, and the probability of the tag alone.

    label   the name of what is predicted
    """

    def __init__(self, sequences: Sequences, found: Predictions, label: str) -> None:
        self._sequences, self._found, self._label = sequences, found, label

    def names(self) -> list[str]:
        """Returns the names of the columns."""
        found, known = self._found, [self._label] * (self._sequences.y is not None)
        id = self._sequences.layout.id or "row"
        if isinstance(found.values, list):
            text = [column.name for column in self._sequences.columns if column.kind == "text"]
            return [id, "step", *text, *known, "predicted", "probability"]
        if found.several:
            each = range(found.values.shape[1])
            shares = [f"p_{k}" for k in each if found.classes is not None]
            return [id, *(f"predicted_{k}" for k in each), *shares]
        rest = ["error"] * bool(known) if found.classes is None else [f"p_{label}" for label in found.classes]
        return [id, *known, "predicted", *rest]

    def rows(self) -> Iterator[list[Any]]:
        """Yields the rows."""
        data, found = self._sequences, self._found
        if isinstance(found.values, list):
            yield from self._steps()
            return
        if found.several:
            for k, id in enumerate(data.ids):
                shares = [] if found.classes is None else found.probabilities[k].tolist()
                yield [id, *found.values[k].tolist(), *(round(p, DIGITS) for p in shares)]
            return
        for k, (id, value) in enumerate(zip(data.ids, found.values.tolist(), strict=True)):
            true = [] if data.y is None else [data.y[k].item() if hasattr(data.y[k], "item") else data.y[k]]
            if found.classes is None:
                yield [id, *true, round(value, DIGITS), *(round(value - each, DIGITS) for each in true)]
            else:
                yield [id, *true, value, *(round(float(p), DIGITS) for p in found.probabilities[k])]

    def _steps(self) -> Iterator[list[Any]]:
        data, found = self._sequences, self._found
        text = [k for k, column in enumerate(data.columns) if column.kind == "text"]
        for k, id in enumerate(data.ids):
            tags, best = found.values[k].tolist(), found.probabilities[k].max(axis=1)
            true = None if data.y is None else data.y[k].tolist()
            for step, tag in enumerate(tags):
                known = [] if true is None else [true[step]]
                words = [data.x[k][step, column] for column in text]
                yield [id, step + 1, *words, *known, tag, round(float(best[step]), DIGITS)]

    def write_csv(self, path: Path) -> object:
        """Writes the table as CSV."""
        from elman.series.tables.files import write_rows

        return write_rows(path, [self.names(), *self.rows()])

    def write_parquet(self, path: Path) -> object:
        """Writes the table as Parquet; ModuleNotFoundError without polars."""
        import polars

        return polars.DataFrame(list(self.rows()), schema=self.names(), orient="row").write_parquet(path)
