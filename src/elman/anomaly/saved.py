"""The content of the file of a fitted AnomalyDetector, and the checks that its parts agree with one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.anomaly.calibration import KNOTS, Calibration, ErrorDistribution, smoothing_scales
from elman.anomaly.continuation import Continuation
from elman.anomaly.model import MIN_ROWS, AnomalyModel, calibration_rows, level_memory
from elman.anomaly.network import MIN_SCALE, QUANTILES, Scaling
from elman.anomaly.online.states import LearnedRows
from elman.anomaly.profile import MIN_SEASONS, SeasonProfile
from elman.anomaly.state import MAX_MAGNITUDE, MonitorState
from elman.core import checks
from elman.core.stack import is_stack
from elman.estimators.codec import Codec
from elman.series.calendar import Calendar
from elman.series.dates.style import Style

__all__ = ["CODEC", "FittedDetector"]

MAX_SEASON = 2**64  # the option `season` may name one that is longer than any series


@dataclass(frozen=True, eq=False)
class FittedDetector:
    """What `AnomalyDetector.fit` and the rows scored since then leave, except for the rows themselves."""

    model: AnomalyModel
    monitor: MonitorState
    continuation: Continuation

    def validate(self) -> None:
        """Raises ValueError where the parts contradict one another."""
        _check_sizes(self.model)
        _check_network(self.model)
        _check_numbers(self.model)
        try:
            self.monitor.check(self.model)
        except ValueError as error:
            raise ValueError(f"monitor.{error}") from error
        self.continuation.check_row(self.monitor.row - 1)


def _powered(old: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields of a season profile that knew only whether logarithms are taken."""
    return {"power": 0.0 if old.pop("log") else 1.0, "floor": old.pop("log_floor"), **old}


CODEC = Codec(
    FittedDetector,
    {
        "detector/1": FittedDetector,
        "learned/3": AnomalyModel,
        "season/2": SeasonProfile,
        "units/1": Scaling,
        "calibration/1": Calibration,
        "errors/1": ErrorDistribution,
        "monitor/2": MonitorState,
        "rows/1": LearnedRows,
        "following/1": Continuation,
        "calendar/2": Calendar,
        "date style/2": Style,
    },
    {
        "calendar/1": lambda old: {**old, "zone": ""},
        "date style/1": lambda old: {**old, "zone": ""},
        "season/1": _powered,
        "learned/1": lambda old: {**old, "slope": 0.0, "hour": 1, "step": 0.0},
        "learned/2": lambda old: {**old, "step": 0.0},
        "monitor/1": lambda old: {**old, "learned": None},
    },
)


def _check_sizes(model: AnomalyModel) -> None:
    """Raises ValueError where rows, span, scales and seasons are not as `fit_model` makes them."""
    calibration, seasons, m = model.calibration, model.seasons, len(model.profile)
    rows = checks.whole("model.calibration.rows", calibration.rows, MIN_ROWS, checks.MOST)
    span = checks.whole("model.span", model.span, 2, max(2, rows // 8))
    checks.whole("model.calibration.longest_run", calibration.longest_run, 1, rows)
    if not seasons or not 1 <= seasons[0] <= seasons[-1] <= MAX_SEASON or sorted({*seasons}) != [*seasons]:
        raise ValueError(f"model.seasons: expected rising seasons, got {checks.shown(seasons)}")
    expected = smoothing_scales(span, calibration_rows(rows, span))
    if calibration.scales != expected:
        found = checks.shown(calibration.scales)
        raise ValueError(f"model.calibration.scales: expected {expected} of {rows} rows and span {span}, got {found}")
    if m != 1 and not (m in seasons and rows >= MIN_SEASONS * m):
        raise ValueError(f"model.profile.effects: expected one effect, or as many as one of the seasons has, got {m}")
    seen = model.profile.seasons_seen
    if model.memory != level_memory(span, m, rows) or seen != (rows / m if m > 1 else 1.0):
        raise ValueError(f"model.memory: expected memory and seasons of {rows} rows, got {model.memory} and {seen}")


def _check_network(model: AnomalyModel) -> None:
    """Raises ValueError where the network is not one that a detector trains."""
    network = model.network
    if not is_stack(network.layers, len(QUANTILES), "sequence", skip=True):
        raise ValueError("model.network: expected one recurrent layer that answers three quantiles")
    if network.dtype != np.float32 or not np.isfinite(network.theta).all():
        raise ValueError("model.network.theta: expected finite numbers, float32")


def _check_numbers(model: AnomalyModel) -> None:
    """Raises ValueError where effects, units or the distribution of errors are out of range."""
    profile, scaling, distribution = model.profile, model.scaling, model.calibration.distribution
    if not (abs(model.slope) <= MAX_MAGNITUDE and 1 <= model.hour <= MAX_SEASON):
        raise ValueError("model.slope: expected a slope in range, and at least one row in an hour")
    if not 0.0 <= model.step <= 2.0 * MAX_MAGNITUDE:
        raise ValueError(f"model.step: expected a difference between values, at least 0, got {model.step}")
    if not (np.abs(profile.effects) <= MAX_MAGNITUDE).all() or not abs(model.level) <= MAX_MAGNITUDE:
        raise ValueError(f"model.level: expected level and seasonal effects up to {MAX_MAGNITUDE:g}")
    least, most = sorted((scaling.deviation, scaling.error))
    if not (MIN_SCALE <= least <= most <= MAX_MAGNITUDE and 0.0 <= scaling.ar1 <= 1.0):
        raise ValueError("model.scaling: expected units above 0, and an autoregressive coefficient in [0, 1]")
    if model.network.input_size != 2 + model.position_features().shape[1]:
        raise ValueError("model.network: expected as many inputs as two deviations and the season's features are")
    if profile.power not in (0.0, 0.5, 1.0):
        raise ValueError(f"model.profile.power: expected 0, 0.5 or 1, got {profile.power}")
    if (profile.floor > 0.0) != (profile.power == 0.0) or profile.floor < 0.0:
        raise ValueError(f"model.profile.floor: expected a number above 0 for logarithms, else 0, got {profile.floor}")
    if not ((profile.dispersion >= 0.05) & (profile.dispersion <= 2.0 * len(profile) + 1.0)).all():
        raise ValueError("model.profile.dispersion: expected numbers whose mean is about 1")
    (low, under), (high, over) = distribution.tails
    shapes = np.abs([low, high])
    if (
        len(distribution.quantiles) != len(KNOTS)
        or not ((shapes >= 1e-3) & (shapes < 1.0)).all()
        or min(under, over) <= 0.0
        or (np.diff(distribution.quantiles) <= 0).any()
    ):
        raise ValueError(
            f"model.calibration.distribution: expected {len(KNOTS)} rising quantiles, and tails with shape and scale"
        )
