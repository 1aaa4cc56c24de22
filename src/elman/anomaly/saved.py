"""What the file of a fitted AnomalyDetector holds, and how its parts must fit one another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elman.anomaly.calibration import KNOTS, Calibration, Errors, scales_of
from elman.anomaly.following import Following
from elman.anomaly.learned import LEAST_ROWS, Learned, calibrated, memory_of
from elman.anomaly.monitor import FARTHEST, MonitorState
from elman.anomaly.network import LEAST, QUANTILES, Units
from elman.anomaly.shape import LEAST as LEAST_SEASONS
from elman.anomaly.shape import Shape
from elman.core import checks
from elman.core.stack import is_stack
from elman.estimators.codec import Codec
from elman.series.calendar import Calendar
from elman.series.tables.dates import Style

__all__ = ["CODEC", "Fitted"]

LONGEST = 2**64  # of a season that was asked for, which may be longer than any series


@dataclass(frozen=True, eq=False)
class Fitted:
    """All that `AnomalyDetector.fit` and the rows scored since leave, but for the rows themselves."""

    learned: Learned
    monitor: MonitorState
    following: Following

    def validate(self) -> None:
        """Raises ValueError where the parts do not fit one another."""
        _check_sizes(self.learned)
        _check_network(self.learned)
        _check_numbers(self.learned)
        try:
            self.monitor.check(self.learned)
        except ValueError as error:
            raise ValueError(f"monitor.{error}") from error
        self.following.check_row(self.monitor.row - 1)


CODEC = Codec(
    Fitted,
    {
        "detector/1": Fitted,
        "learned/1": Learned,
        "season/1": Shape,
        "units/1": Units,
        "calibration/1": Calibration,
        "errors/1": Errors,
        "monitor/1": MonitorState,
        "following/1": Following,
        "calendar/1": Calendar,
        "date style/1": Style,
    },
)


def _check_sizes(learned: Learned) -> None:
    """That rows, spans, scales and seasons are such as `learn` makes them."""
    calibration, seasons, m = learned.calibration, learned.seasons, len(learned.shape)
    rows = checks.whole("learned.calibration.rows", calibration.rows, LEAST_ROWS, checks.MOST)
    span = checks.whole("learned.span", learned.span, 2, max(2, rows // 8))
    checks.whole("learned.calibration.longest", calibration.longest, 1, rows)
    if not seasons or not 1 <= seasons[0] <= seasons[-1] <= LONGEST or sorted({*seasons}) != [*seasons]:
        raise ValueError(f"learned.seasons: expected rising seasons, got {checks.shown(seasons)}")
    expected = scales_of(span, calibrated(rows, span))
    if calibration.scales != expected:
        found = checks.shown(calibration.scales)
        raise ValueError(f"learned.calibration.scales: expected {expected} of {rows} rows and span {span}, got {found}")
    if m != 1 and not (m in seasons and rows >= LEAST_SEASONS * m):
        raise ValueError(f"learned.shape.course: expected one place, or as many as one of the seasons has, got {m}")
    if learned.memory != memory_of(span, m, rows) or learned.shape.seen != (rows / m if m > 1 else 1.0):
        raise ValueError(
            f"learned.memory: expected memory and seasons of {rows} rows, got {learned.memory} and {learned.shape.seen}"
        )


def _check_network(learned: Learned) -> None:
    network = learned.network
    if not is_stack(network.layers, len(QUANTILES), "sequence", skip=True):
        raise ValueError("learned.network: expected one recurrent layer that answers three quantiles")
    if network.dtype != np.float32 or not np.isfinite(network.theta).all():
        raise ValueError("learned.network.theta: expected finite numbers, float32")


def _check_numbers(learned: Learned) -> None:
    shape, units, errors = learned.shape, learned.units, learned.calibration.errors
    if not (np.abs(shape.course) <= FARTHEST).all() or not abs(learned.level) <= FARTHEST:
        raise ValueError(f"learned.level: expected level and course up to {FARTHEST:g}")
    least, most = sorted((units.deviation, units.error))
    if not (LEAST <= least <= most <= FARTHEST and 0.0 <= units.carry <= 1.0):
        raise ValueError("learned.units: expected units above zero, and a share that is carried")
    if learned.network.input_size != 2 + learned.places().shape[1]:
        raise ValueError("learned.network: expected one that reads what the season shows")
    if (shape.lowest > 0.0) != shape.log or shape.lowest < 0.0:
        raise ValueError(
            f"learned.shape.lowest: expected a lowest value where logarithms are taken, got {shape.lowest}"
        )
    if not ((shape.widths >= 0.05) & (shape.widths <= 2.0 * len(shape) + 1.0)).all():
        raise ValueError("learned.shape.widths: expected spreads about 1")
    (low, under), (high, over) = errors.tails
    shapes = np.abs([low, high])
    if (
        len(errors.quantiles) != len(KNOTS)
        or not ((shapes >= 1e-3) & (shapes < 1.0)).all()
        or min(under, over) <= 0.0
        or (np.diff(errors.quantiles) <= 0).any()
    ):
        raise ValueError(
            f"learned.calibration.errors: expected {len(KNOTS)} rising quantiles, and tails with a shape and a scale"
        )
