"""One value at a time: what was expected, how far off it is, how rare that is. In plain floats, a few microseconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np

from elman.anomaly.calibration import COUNTED, LARGEST, ROOT, ROOT_SPREAD, least_of, score_of, student_to_normal
from elman.anomaly.learned import FLOOR, Learned
from elman.anomaly.network import CLIP

__all__ = ["LEVEL", "SIZE", "STUCK", "VALUE", "Found", "Monitor", "MonitorState"]

VALUE, LEVEL, SIZE, STUCK = range(4)  # what raised a score

INFLUENCE_BOUND = 3.0  # the largest normal score with which a value acts on later forecasts; larger ones are cut to it
MULTIPLE_SCORES_PENALTY = 0.3  # subtracted, since the reported score is the highest of several
EXTRAPOLATED_SLOPE = 0.85  # slope of scores that are rarer than the rows learned from could show
CALIBRATION_MEMORY = 4.0  # rows over which the usual sizes are followed, in multiples of the rows learned from
SIZE_MEMORY = 7.0  # rows over which the size of errors is followed, in spans
LARGEST_LOG_SIZE = 20.0  # bound of the logarithm of that size, for series without any error
SEASON_LEARNING_RATE = 0.15  # the least share of a deviation that is added to the season's course
ADAPTATION_DELAY = 3.0  # spans after which values that stay unusual are learned from again
SMOOTHED_THRESHOLD = 2.5  # usual sizes above which a smoothed error is scored
LISTS = ("course", "smoothed", "sized", "levels", "usual", "sizes")
NUMBERS = ("limit", "level", "deviation", "earlier", "rough", "unusual", "last", "row", "run")
LIMITS = 0.999, 324.0  # scores of the highest and the lowest rate of false alarms
MOST_ROWS = 2**53
FARTHEST = 1e150  # of levels and units: their products are still numbers


class Found(NamedTuple):
    """score     of the value and what led to it
    expected  what was forecast; in logarithms where the shape is
    unit      of an error there
    cause     VALUE, LEVEL, SIZE or STUCK
    scale     rows that were looked at together
    """

    score: float
    expected: float
    unit: float
    cause: int
    scale: int


@dataclass(frozen=True, eq=False)
class MonitorState:
    """All that changes in a `Monitor` from row to row, under its names there; `stream` is its network's state."""

    limit: float
    level: float
    deviation: float
    earlier: float
    rough: float
    unusual: float
    last: float
    row: int
    run: int
    course: Annotated[np.ndarray, "float64 (m,)"]
    smoothed: Annotated[np.ndarray, "float64 (k,)"]
    sized: Annotated[np.ndarray, "float64 (k,)"]
    levels: Annotated[np.ndarray, "float64 (k,)"]
    usual: Annotated[np.ndarray, "float64 (k,)"]
    sizes: Annotated[np.ndarray, "float64 (k,)"]
    stream: Mapping[str, np.ndarray]

    def check(self, learned: Learned) -> None:
        """Raises ValueError for a state that `Monitor.step` never leaves after such a beginning."""
        calibration, network = learned.calibration, learned.network
        scales = calibration.scales
        if len(self.smoothed) != len(scales) or len(self.course) != len(learned.shape):
            raise ValueError("levels: expected one number for each scale, and one of the course for each place")
        shapes = {slot.name: (1, slot.size) for slot in network.layout.states}
        if {name: each.shape for name, each in self.stream.items()} != shapes:
            raise ValueError(f"stream: expected the state of the network, {shapes}")
        if not all(each.dtype == network.dtype and np.isfinite(each).all() for each in self.stream.values()):
            raise ValueError(f"stream: expected finite numbers, {network.dtype}")
        ranges: dict[str, tuple[float | list[float], float]] = {
            "limit": LIMITS,
            "level": (-FARTHEST, FARTHEST),
            "deviation": (-FARTHEST, FARTHEST),
            "earlier": (-FARTHEST, FARTHEST),
            "course": (-FARTHEST, FARTHEST),
            "rough": (-LARGEST_LOG_SIZE, LARGEST_LOG_SIZE),
            "unusual": (0.0, float(self.row)),
            "smoothed": (-COUNTED, COUNTED),
            "sized": (0.0, COUNTED),
            "levels": ([0.99 * least_of(t) for t in scales], COUNTED**2),
            "usual": (0.0, COUNTED),
            "sizes": ([0.99 * ROOT_SPREAD**2 * least_of(t) for t in scales], COUNTED**2),
        }
        for name, (low, high) in ranges.items():
            values = np.asarray(getattr(self, name))
            if not ((values >= low) & (values <= high)).all():
                raise ValueError(f"{name}: expected numbers up to {high:g} that `step` may leave, got {values}")
        if not (calibration.rows < self.row <= MOST_ROWS and 1 <= self.run <= self.row):
            raise ValueError(
                f"row: expected more rows than the {calibration.rows} learned from, and a run of some of them, got"
                f" {self.row} and {self.run}"
            )


class Monitor:
    """Scores values in turn from the first row on; rows that were learned from change the network's state alone.

    limit  scores from it on are anomalies: little is learned from them
    """

    def __init__(self, learned: Learned, limit: float) -> None:
        shape, calibration = learned.shape, learned.calibration
        self.learned, self.limit = learned, limit
        self.row = 0
        self.course = shape.course.tolist()
        self.level = learned.level
        self.deviation = self.earlier = 0.0  # of the last rows, over the width of their place
        self.rough = 0.0  # logarithm of the errors' size over the calibration's
        self.unusual = 0.0  # rows of late that were anomalies
        self.last, self.run = math.nan, 0  # the last value, and how often it came
        self.smoothed = [0.0] * len(calibration.scales)
        self.sized = [ROOT] * len(calibration.scales)
        self.levels = list(calibration.levels)
        self.usual = [mean for mean, _ in calibration.sizes]
        self.sizes = [variance for _, variance in calibration.sizes]
        self.stream = learned.network.stream()
        self._prepare()

    def bounds(self) -> tuple[float, float]:
        """The errors beyond which a value is an anomaly for its own sake, in units."""
        low, high = 1.0, LARGEST
        for _ in range(60):
            middle = (low + high) / 2.0
            if self._counts(score_of(middle, 1)) < self.limit:
                low = middle
            else:
                high = middle
        errors = self.learned.calibration.errors
        return errors.error(-high), errors.error(high)

    def state(self) -> MonitorState:
        """All that changes from row to row."""
        found: dict[str, Any] = {name: getattr(self, name) for name in NUMBERS}
        found |= {name: np.array(getattr(self, name), np.float64) for name in LISTS}
        return MonitorState(**found, stream=self.stream.state)

    @classmethod
    def resumed(cls, learned: Learned, state: MonitorState) -> Monitor:
        """The monitor that had this `state`, which fits what was learned."""
        monitor = cls(learned, state.limit)
        for name in NUMBERS:
            setattr(monitor, name, getattr(state, name))
        for name in LISTS:
            setattr(monitor, name, getattr(state, name).tolist())
        monitor.stream.state = dict(state.stream)
        return monitor

    def _prepare(self) -> None:
        learned = self.learned
        errors = learned.calibration.errors
        self._widths = learned.shape.widths.tolist()
        self._places = learned.places()
        self._x = np.zeros(learned.network.input_size, np.float32)
        self._out = np.zeros(3, np.float32)
        self._lowest, self._highest = errors.error(-INFLUENCE_BOUND), errors.error(INFLUENCE_BOUND)
        self._shown = math.log10(learned.calibration.rows) - 1.0
        self._stuck = math.log10(learned.calibration.rows) / (learned.calibration.longest + 2.0)

    def step(self, value: float) -> Found:
        """Scores the next value, a finite number, and moves on."""
        learned = self.learned
        shape, units, errors = learned.shape, learned.units, learned.calibration.errors
        given = value
        if shape.log:
            value = math.log(max(value, shape.lowest))
        place = self.row % len(self.course)
        base, width = self.course[place] + self.level, self._widths[place]
        low, middle, high = self._quantiles(place)
        expected = base + width * (units.carry * self.deviation + units.error * middle)
        unit = width * units.error * max((high - low) / 2.0, FLOOR) * math.exp(self.rough)
        if not (unit > 0.0 and math.isfinite(expected + unit)):
            raise ValueError("detector: its network no longer answers with finite numbers; fit it anew")
        error = (value - expected) / unit
        believed = expected + unit * min(max(error, self._lowest), self._highest)
        normal = errors.normal(error)
        self.run = self.run + 1 if given == self.last else 1
        self.last = given
        score, cause, scale = self._judge(normal)
        self._follow(place, believed - base, width, abs(normal), score)
        return Found(score, expected, unit, cause, scale)

    def _quantiles(self, place: int) -> list[float]:
        """The network's answer from the last deviations and the place."""
        x, units, last = self._x, self.learned.units, self.deviation
        x[0] = min(max(last / units.deviation, -CLIP), CLIP)
        x[1] = min(max((last - self.earlier) / units.error, -CLIP), CLIP)
        if len(self.course) > 1:
            x[2:] = self._places[place]
        return self.stream.step(x, self._out).tolist()

    def _judge(self, normal: float) -> tuple[float, int, int]:
        """The highest score of the value alone, of the smoothed scores, of their smoothed sizes, and of a run of equal
        values; and which it was."""
        score, cause, scale = score_of(abs(normal), 1), VALUE, 1
        counted = min(max(normal, -COUNTED), COUNTED)
        root = math.sqrt(abs(counted))
        smoothed, sized, known = self.smoothed, self.sized, self._known()
        for k, t in enumerate(self.learned.calibration.scales):
            smoothed[k] += (counted - smoothed[k]) / t
            sized[k] += (root - sized[k]) / t
            level = abs(smoothed[k]) / math.sqrt(self.levels[k])
            size = abs(sized[k] - self.usual[k]) / math.sqrt(self.sizes[k])
            if level > SMOOTHED_THRESHOLD or size > SMOOTHED_THRESHOLD:
                found = score_of(student_to_normal(max(level, size), known / t), t)
                if found > score:
                    score, cause, scale = found, LEVEL if level > size else SIZE, t
        if self.run > 2 and self._stuck * self.run > score:
            score, cause, scale = self._stuck * self.run, STUCK, self.run
        return self._counts(score), cause, scale

    def _counts(self, score: float) -> float:
        """What the highest of several scores is worth."""
        score = max(0.0, score - MULTIPLE_SCORES_PENALTY)
        return score if score <= self._shown else self._shown + EXTRAPOLATED_SLOPE * (score - self._shown)

    def _known(self) -> float:
        """Rows that the usual sizes rest on."""
        rows = self.learned.calibration.rows
        return rows + min(max(self.row - rows, 0), CALIBRATION_MEMORY * rows)

    def _follow(self, place: int, deviation: float, width: float, size: float, score: float) -> None:
        """Learns from a row: its deviation from course and level, as far as it is believed; the size of its normal
        score."""
        learned = self.learned
        self.earlier, self.deviation = self.deviation, deviation / width
        bound = 4.0 * learned.units.deviation * width
        deviation = min(max(deviation, -bound), bound)
        self.level += deviation / learned.memory
        self.row += 1
        if self.row <= learned.calibration.rows:
            return
        anomaly = score >= self.limit
        self.unusual = self.unusual + 1.0 if anomaly else max(0.0, self.unusual - 0.5)
        if anomaly and self.unusual <= ADAPTATION_DELAY * learned.span:
            return
        if len(self.course) > 1:
            self.course[place] += max(SEASON_LEARNING_RATE, 1.0 / (learned.shape.seen + 1.0)) * deviation
        rougher = (min(size, 3.0) / 0.7945 - 1.0) / (SIZE_MEMORY * learned.span)  # 0.7945: the mean of a normal's
        self.rough = min(max(self.rough + rougher, -LARGEST_LOG_SIZE), LARGEST_LOG_SIZE)
        share = 1.0 / (self._known() + 1.0)
        for k, t in enumerate(learned.calibration.scales):
            # 1.03: what is cut off beyond 3 usual sizes
            usual, least = self.levels[k], least_of(t)
            square = min(self.smoothed[k] ** 2, 9.0 * usual)
            self.levels[k] = max(usual + share * (1.03 * square - usual), least)
            usual, apart = self.sizes[k], self.sized[k] - self.usual[k]
            bound = 3.0 * math.sqrt(usual)
            self.usual[k] += share * min(max(apart, -bound), bound)
            self.sizes[k] = max(
                usual + share * (1.03 * min(apart * apart, 9.0 * usual) - usual), ROOT_SPREAD**2 * least
            )
