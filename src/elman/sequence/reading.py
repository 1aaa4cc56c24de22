"""How estimators of sequences read X: data frames, arrays and lists, compared with those of the fit."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from elman.core import checks
from elman.sequence.steps import Steps, is_tokens, read_steps
from elman.sequence.tables.layout import Layout
from elman.sequence.tables.reading import sequences
from elman.series.tables.frames import is_frame

__all__ = ["SequenceReader"]


class SequenceReader(BaseEstimator):
    """The part of an estimator that reads X. What it keeps of the fit: `n_features_in_`, `feature_names_in_`,
    `layout_`, and whether X was a table (n, T)."""

    _by_step: ClassVar[bool] = False  # whether each step has a target

    id: str | None
    time: str | None
    layout_: Layout | None  # of the data frame that X came from, where it came from one

    def _of_table(self, x: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        """Returns the sequences of a data frame in long form, and their targets where y is the name of a column;
        anything else as it is."""
        if self.id is None or not is_frame(x):
            if isinstance(y, str):
                raise ValueError(f"y: expected targets, got {y!r}; a column name needs a frame and the option id=")
            if is_frame(x) and is_tokens(x):
                raise ValueError(
                    "X: expected numbers in a wide data frame, a row for each sequence, got text; a frame in long form "
                    "needs the option id=, the name of the column that says whose each row is"
                )
            if reset and self.id is not None:
                raise TypeError(f"X: expected a data frame, since the option id is {self.id!r}, got {checks.shown(x)}")
            if reset:
                self.layout_ = None
            return x, y
        named = y if isinstance(y, str) else None
        layout = None if reset else self.layout_
        found = sequences(x, self.id, self.time, named, named is not None and self._by_step, layout=layout)
        if reset:
            if y is not None and named is None and found.layout.label is not None:
                raise ValueError(
                    f"y: expected {found.layout.label!r}, the frame's column of labels, or a frame without it"
                )
            self.layout_ = found.layout
        return found.x, y if named is None else found.y

    def _read(self, x: Any, reset: bool) -> Steps:
        """Returns the sequences of X, compared with those that were fitted to unless `reset`."""
        if x is None:
            raise ValueError("X: expected sequences, got None")
        rows = isinstance(x, list | tuple)
        if not rows and len(getattr(x, "shape", (0, 0))) < 3 and not is_tokens(x):
            if reset or self._table:
                x = validate_data(self, x, reset=reset, ensure_all_finite=False)
            else:
                x = check_array(x, ensure_all_finite=False)
        steps = read_steps(x)
        width = int(steps.lengths[0]) if steps.table else steps.values.shape[1]
        if reset:
            self.n_features_in_, self._table = width, steps.table
            if not steps.table and hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
            if self.layout_ is not None:
                self.feature_names_in_ = np.array(self.layout_.names, object)
            return steps
        return self._like_fitted(steps)

    def _like_fitted(self, steps: Steps) -> Steps:
        """Returns sequences that are like those of the fit; raises ValueError for any others."""
        name, expected, columns = type(self).__name__, self.n_features_in_, steps.values.shape[1]
        if self._table:
            unlike = steps.lengths[steps.lengths != expected]
            if columns == 1 and not len(unlike):
                return steps
            raise ValueError(
                f"X has {int(unlike[0]) if columns == 1 else columns} features, but {name} is expecting {expected} "
                "features as input: fit had 2-D X (n, T), n sequences of one number a step, all with T steps. Fit 3-D "
                "X (n, T, D), or a list of arrays, for other sequences"
            )
        if columns != expected:
            raise ValueError(
                f"X has {columns} features, but {name} is expecting {expected} features as input, at each step"
                + ("; 2-D X (n, T) is n sequences of one number a step" if steps.table else "")
            )
        return steps
