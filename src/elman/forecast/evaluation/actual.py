"""What came in the rows of a forecast: found by its times, and compared with what was forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from elman.forecast.evaluation.metrics import mase_scale, measure, rmsse_scale
from elman.series.errors import DataError
from elman.series.series import Series

__all__ = ["actual_errors", "actual_values"]


def actual_values(truth: Series | np.ndarray | Sequence[float], history: Series, times: np.ndarray) -> np.ndarray:
    """Returns what came at the times (h,) that follow a history, (h,), NaN where it is not known.

    truth   a series, of which the rows at these times are taken; one without times, or numbers (m,), are the first m
            rows

    `DataError` for a series that has none of these times, `ValueError` for numbers that are none or too many.
    """
    found = np.full(len(times), np.nan)
    if isinstance(truth, Series) and truth.times is not None:
        row = np.searchsorted(truth.times, times)
        there = (row < len(truth)) & (truth.times[np.minimum(row, len(truth) - 1)] == times)
        found[there] = truth.observed[row[there]]
        if not there.any():
            labels = history.labels_ahead(len(times))
            raise DataError(
                f"actual: expected rows of the forecast, {labels[0]} to {labels[-1]}, got {truth.label(0)} to"
                f" {truth.label(len(truth) - 1)}",
                column=truth.time_name,
            )
        return found
    values = np.asarray(truth.observed if isinstance(truth, Series) else truth, dtype=np.float64)
    if values.ndim != 1 or not 1 <= len(values) <= len(times) or np.isinf(values).any():
        raise ValueError(
            f"actual: expected 1 to {len(times)} finite numbers, one for each row, got shape {values.shape}"
        )
    found[: len(values)] = values
    return found


def actual_errors(
    actual: np.ndarray,
    forecast: np.ndarray,
    intervals: Mapping[float, np.ndarray],
    history: Series,
    season: int,
) -> dict[str, float]:
    """Returns the errors of a forecast (h,) against what came (h,), NaN where that is not known.

    intervals   level in percent -> bounds (h, 2);  season   that of MASE
    """
    known = np.isfinite(actual)
    scales = mase_scale(history.observed, season), rmsse_scale(history.observed)
    found = {"rows": int(known.sum()), **measure(actual, forecast, *scales)}
    for level, bounds in intervals.items():
        inside = (actual >= bounds[:, 0]) & (actual <= bounds[:, 1])
        found[f"covered_{level:g}"] = 100.0 * float(inside[known].mean()) if known.any() else float("nan")
    return found
