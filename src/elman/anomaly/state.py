"""The state of a `Monitor`: all that changes from row to row, and the ranges that its numbers lie in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from elman.anomaly.calibration import ROOT_STD, SMOOTHING_CLIP, white_noise_variance
from elman.anomaly.model import AnomalyModel
from elman.anomaly.online.learned import LONGEST
from elman.anomaly.online.states import LearnedRows

__all__ = ["ARRAY_FIELDS", "MAX_LOG_ERROR_SIZE", "MAX_MAGNITUDE", "NUMBER_FIELDS", "MonitorState"]

NUMBER_FIELDS = (
    "threshold",
    "level",
    "deviation",
    "previous_deviation",
    "log_error_size",
    "anomalous_rows",
    "last_value",
    "row",
    "repeats",
)
ARRAY_FIELDS = (
    "effects",
    "smoothed_scores",
    "smoothed_roots",
    "level_variances",
    "spread_means",
    "spread_variances",
)
THRESHOLDS = 0.999, 324.0  # scores of the highest and the lowest false alarm rate
MAX_ROWS = 2**53
MAX_MAGNITUDE = 1e150  # of levels, effects and units, whose products are then finite
MAX_LOG_ERROR_SIZE = 20.0  # bound of `log_error_size`, which series without any error would reach


@dataclass(frozen=True, eq=False)
class MonitorState:
    """All that changes in a `Monitor` from row to row, for k smoothing scales and a season of m rows.

    threshold           scores from it on are anomalies
    level               exponentially smoothed level of the series without its seasonal effects
    deviation           of the last row, in the dispersion of its position in the season
    previous_deviation  of the row before
    log_error_size      logarithm of the recent size of errors, relative to the calibration's
    anomalous_rows      count of recent anomalies: each adds 1, every other row takes 0.5 away
    last_value          the last value
    row                 number of rows seen
    repeats             how many times the last value has come in a row
    effects             (m,) seasonal effects
    smoothed_scores     (k,) exponentially smoothed normal scores
    smoothed_roots      (k,) exponentially smoothed square roots of the sizes of normal scores
    level_variances     (k,) mean squares of `smoothed_scores`
    spread_means        (k,) means of `smoothed_roots`
    spread_variances    (k,) variances of `smoothed_roots`
    stream              state of the network
    learned             what was learned row by row; None in the files of earlier versions
    """

    threshold: float
    level: float
    deviation: float
    previous_deviation: float
    log_error_size: float
    anomalous_rows: float
    last_value: float
    row: int
    repeats: int
    effects: Annotated[np.ndarray, "float64 (m,)"]
    smoothed_scores: Annotated[np.ndarray, "float64 (k,)"]
    smoothed_roots: Annotated[np.ndarray, "float64 (k,)"]
    level_variances: Annotated[np.ndarray, "float64 (k,)"]
    spread_means: Annotated[np.ndarray, "float64 (k,)"]
    spread_variances: Annotated[np.ndarray, "float64 (k,)"]
    stream: Mapping[str, np.ndarray]
    learned: LearnedRows | None

    def check(self, model: AnomalyModel) -> None:
        """Raises ValueError for a state that no `Monitor` of this model can reach."""
        calibration, network = model.calibration, model.network
        scales = calibration.scales
        if len(self.smoothed_scores) != len(scales) or len(self.effects) != len(model.profile):
            raise ValueError(
                "level_variances: expected one number for each scale, and one effect for each position in the season"
            )
        shapes = {slot.name: (1, slot.size) for slot in network.layout.states}
        if {name: each.shape for name, each in self.stream.items()} != shapes:
            raise ValueError(f"stream: expected the state of the network, {shapes}")
        if not all(each.dtype == network.dtype and np.isfinite(each).all() for each in self.stream.values()):
            raise ValueError(f"stream: expected finite numbers, {network.dtype}")
        least = [0.99 * white_noise_variance(scale) for scale in scales]
        ranges: dict[str, tuple[float | list[float], float]] = {
            "threshold": THRESHOLDS,
            "level": (-MAX_MAGNITUDE, MAX_MAGNITUDE),
            "deviation": (-MAX_MAGNITUDE, MAX_MAGNITUDE),
            "previous_deviation": (-MAX_MAGNITUDE, MAX_MAGNITUDE),
            "effects": (-MAX_MAGNITUDE, MAX_MAGNITUDE),
            "log_error_size": (-MAX_LOG_ERROR_SIZE, MAX_LOG_ERROR_SIZE),
            "anomalous_rows": (0.0, float(self.row)),
            "smoothed_scores": (-SMOOTHING_CLIP, SMOOTHING_CLIP),
            "smoothed_roots": (0.0, SMOOTHING_CLIP),
            "level_variances": (least, SMOOTHING_CLIP**2),
            "spread_means": (0.0, SMOOTHING_CLIP),
            "spread_variances": ([ROOT_STD**2 * variance for variance in least], SMOOTHING_CLIP**2),
        }
        for name, (low, high) in ranges.items():
            values = np.asarray(getattr(self, name))
            if not ((values >= low) & (values <= high)).all():
                raise ValueError(f"{name}: expected numbers in a monitor's range, up to {high:g}, got {values}")
        if not (calibration.rows < self.row <= MAX_ROWS and 1 <= self.repeats <= self.row):
            raise ValueError(
                f"row: expected more rows than the {calibration.rows} that the model was fitted to, and a run of some"
                f" of them, got {self.row} and {self.repeats}"
            )
        if self.learned is not None:
            seasons = [m for m in model.seasons if 1 < m <= LONGEST]
            self.learned.check(len(seasons), sum(seasons), 2 + 2 * len(scales), model.span)
