"""Scores one value at a time: the forecast, its error, and how rare that error is. Each takes a few microseconds."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from elman.anomaly.calibration import (
    MAX_NORMAL_SCORE,
    ROOT_STD,
    SMOOTHING_CLIP,
    TAIL_START,
    alarm_score,
    student_to_normal,
    white_noise_variance,
)
from elman.anomaly.model import MIN_ERROR_UNIT, AnomalyModel, next_level
from elman.anomaly.network import INPUT_CLIP
from elman.anomaly.online.events import AlarmState
from elman.anomaly.online.learned import LearnedSeasons
from elman.anomaly.online.phase import Phase
from elman.anomaly.online.recent import RecentErrors
from elman.anomaly.online.states import learned_rows, resume
from elman.anomaly.online.track import STUCK_WAY, VALUE_WAY, TrackRecord
from elman.anomaly.state import ARRAY_FIELDS, MAX_LOG_ERROR_SIZE, NUMBER_FIELDS, MonitorState
from elman.anomaly.words.explain import FLAT, NONE, kind_of_level, kind_of_spread, kind_of_value

__all__ = ["LEVEL", "SPREAD", "STUCK", "VALUE", "Monitor", "ScoredValue"]

VALUE, LEVEL, SPREAD, STUCK = range(4)  # causes of a score

EMPTY = np.zeros(0)
UPDATE_CLIP = 3.0  # values are clipped to this normal score before they update the state
EXTRAPOLATED_SLOPE = 0.85  # slope of scores that are rarer than the calibration rows can show
CALIBRATION_MEMORY = 4.0  # rows that running means and variances rest on at most, in multiples of the fitted rows
ERROR_SIZE_MEMORY = 7.0  # time constant, in spans, with which the size of errors is followed
SEASON_LEARNING_RATE = 0.15  # least share of a deviation that is added to the seasonal effect
ADAPTATION_DELAY = 3.0  # spans of anomalies after which the state is updated by anomalies too
SMOOTHED_THRESHOLD = 2.5  # standard deviations above which a smoothed normal score is scored
NORMAL_CLIPPED_MEAN = 0.7945  # mean size of a standard normal value, clipped to 3
CLIPPED_VARIANCE_CORRECTION = 1.03  # makes up for squares that are clipped to 3 standard deviations


class ScoredValue(NamedTuple):
    """The result of one step of a `Monitor`.

    score       of the value and the rows before it
    expected    the forecast, of the value as the profile transforms it
    error_unit  unit of the error, on the scale of `expected`
    cause       VALUE, LEVEL, SPREAD or STUCK
    scale       number of rows that raised the score together
    begins      whether an alarm begins with the row
    low, high   values beyond them would have been anomalies on their own, on the scale of `expected`
    kind        of the anomaly, its number among `explain.KINDS`; 0 where the row is none
    """

    score: float
    expected: float
    error_unit: float
    cause: int
    scale: int
    begins: bool
    low: float
    high: float
    kind: int


class Monitor:
    """Scores the values of a series in turn, beginning with the first row that its model was fitted to.

    model      stays as it was fitted
    threshold  scores from it on are anomalies, which update less of the state

    The attributes named in NUMBER_FIELDS and ARRAY_FIELDS are those of `MonitorState`. The rows that the model was
    fitted to change the level and the network's state alone: its forecasts of them are better than those of later rows.
    So the smoothed scores begin, after these rows, as `errors`, the out-of-sample ones of the calibration, leave them.
    """

    def __init__(self, model: AnomalyModel, threshold: float, errors: np.ndarray = EMPTY) -> None:
        profile, calibration = model.profile, model.calibration
        self.model, self.threshold = model, threshold
        self.row = 0
        self.effects = profile.effects.tolist()
        self.level, self.slope = model.level, model.slope
        self.deviation = self.previous_deviation = 0.0
        self.log_error_size = 0.0
        self.anomalous_rows = 0.0
        self.last_value, self.repeats = math.nan, 0
        self.smoothed_scores, self.smoothed_roots = calibration.smoothed(errors)
        self.level_variances = list(calibration.level_variances)
        self.spread_means = [mean for mean, _ in calibration.spread_moments]
        self.spread_variances = [variance for _, variance in calibration.spread_moments]
        self.stream = model.network.stream()
        unit, ar1 = model.scaling.deviation, model.scaling.ar1
        self.recent = RecentErrors.after(calibration.distribution, errors, calibration.rows)
        self.learned = LearnedSeasons(model.seasons, unit, ar1)
        self.phase = Phase(model.hour, float(max(min(model.seasons), 24)), unit, ar1)
        self.alarm = AlarmState(model.span)
        self.track = TrackRecord(calibration.scales, calibration.rows)
        self._prepare()

    def state(self) -> MonitorState:
        """Returns a copy of all that changes from row to row."""
        found: dict[str, Any] = {name: getattr(self, name) for name in NUMBER_FIELDS}
        found |= {name: np.array(getattr(self, name), np.float64) for name in ARRAY_FIELDS}
        return MonitorState(**found, stream=self.stream.state, learned=learned_rows(self))

    @classmethod
    def resumed(cls, model: AnomalyModel, state: MonitorState) -> Monitor:
        """Returns a monitor of this model in the given state, which must have passed `MonitorState.check`."""
        monitor = cls(model, state.threshold)
        for name in NUMBER_FIELDS:
            setattr(monitor, name, getattr(state, name))
        for name in ARRAY_FIELDS:
            setattr(monitor, name, getattr(state, name).tolist())
        monitor.stream.state = dict(state.stream)
        if state.learned is not None:
            resume(monitor, state.learned)
        monitor._renew()
        return monitor

    def _prepare(self) -> None:
        """Computes what `step` needs and the model alone determines."""
        model = self.model
        rows = model.calibration.rows
        self._dispersion = model.profile.dispersion.tolist()
        self._features = model.position_features()
        self._x = np.zeros(model.network.input_size, np.float32)
        self._out = np.zeros(3, np.float32)
        self._score_per_repeat = math.log10(rows) / (model.calibration.longest_run + 2.0)
        self._renew()

    def _renew(self) -> None:
        """Computes what depends on the distribution of errors and on how many rows there were."""
        distribution, rows = self.recent.distribution, self.recent.due  # which stays until the next time
        self._lowest_update, self._highest_update = (distribution.error_at(side * UPDATE_CLIP) for side in (-1, 1))
        self._highest_observed = math.log10(rows) - 1.0  # scores up to it were observed
        self._renew_bounds()

    def _renew_bounds(self) -> None:
        """Computes the errors, in `error_unit`, beyond which a single value is an anomaly."""
        needed = self.track.score_for(VALUE_WAY, self._uncorrected(self.threshold))
        low, high = 1.0, MAX_NORMAL_SCORE
        for _ in range(40):
            middle = (low + high) / 2.0
            low, high = (middle, high) if alarm_score(middle, 1) < needed else (low, middle)
        distribution = self.recent.distribution
        self._low, self._high = distribution.error_at(-high), distribution.error_at(high)

    def step(self, value: float) -> ScoredValue:
        """Scores the next value, a finite number, updates the state, and returns the score."""
        model = self.model
        scaling, scored = model.scaling, self.row >= model.calibration.rows
        given = value
        value = model.profile.transformed(value)
        row = self.row + self.phase.offset
        position = row % len(self.effects)
        dispersion = self._dispersion[position]
        corrections = self.learned.corrections(row)
        seasonal = self.effects[position] + corrections[self.learned.chosen]
        base = self.level + seasonal
        quantiles = self._quantiles(position)
        expected = base + dispersion * (scaling.ar1 * self.deviation + scaling.error * quantiles[1])
        spread = max((quantiles[2] - quantiles[0]) / 2.0, MIN_ERROR_UNIT)
        unit = dispersion * scaling.error * spread * math.exp(self.log_error_size)
        if not (unit > 0.0 and math.isfinite(expected + unit)):
            raise ValueError("detector: its network no longer answers with finite numbers; fit it anew")
        error = (value - expected) / unit
        clipped = expected + unit * min(max(error, self._lowest_update), self._highest_update)
        normal_score = self.recent.distribution.normal_score(error)
        if abs(normal_score) > TAIL_START and model.nearest(given, expected):
            normal_score = math.copysign(TAIL_START, normal_score)  # no other value would have been closer
        self.repeats = self.repeats + 1 if given == self.last_value else 1
        self.last_value = given
        score, cause, scale = self._score(normal_score)
        anomaly = score >= self.threshold
        kind = NONE
        if anomaly:
            usual = scaling.deviation * dispersion
            kind = self._kind(cause, scale, error, kind_of_value(error, seasonal, value - self.level, usual))
        low, high = expected + unit * self._low, expected + unit * self._high
        self._learn(row, value - self.level, corrections, position, value - expected)
        self._update(position, clipped - base, dispersion, abs(normal_score), score)
        if scored and self.recent.add(error):
            self._renew()
        begins = scored and self.alarm.begins(anomaly)
        return ScoredValue(score, expected, unit, cause, scale, begins, low, high, kind)

    def skip(self) -> ScoredValue:
        """Takes a row whose value was filled in: it has no score, and little but the row changes."""
        row = self.row + self.phase.offset
        position = row % len(self.effects)
        corrections = self.learned.corrections(row)
        unit = self._dispersion[position] * self.model.scaling.error * math.exp(self.log_error_size)
        expected = self.level + self.effects[position] + corrections[self.learned.chosen]
        self.previous_deviation, self.deviation = self.deviation, self.model.scaling.ar1 * self.deviation
        self.level, self.slope = next_level(self.level, self.slope, 0.0, self.model.memory)
        self.learned.skip(corrections)
        self.row += 1
        self.alarm.begins(False)
        low, high = expected + unit * self._low, expected + unit * self._high
        return ScoredValue(0.0, expected, unit, VALUE, 1, False, low, high, NONE)

    def _kind(self, cause: int, scale: int, error: float, single: int) -> int:
        """Returns the kind of an anomaly, a number among `explain.KINDS`; `single` is that of the value alone."""
        if cause == VALUE:
            return single
        if cause == STUCK:
            return FLAT
        k = self.model.calibration.scales.index(scale)
        if cause == LEVEL:
            return kind_of_level(self.smoothed_scores[k])
        more = self.smoothed_roots[k] > self.spread_means[k]
        return kind_of_spread(more, scale, max(self.model.seasons) > 1, self.model.span)

    def _learn(self, row: int, deviation: float, corrections: list[float], position: int, error: float) -> None:
        """Lets the seasons that are learned row by row see a value's deviation from the level, and its error."""
        change = self.learned.update(row, deviation - self.effects[position], corrections, error)
        if change != 1.0 and self.row >= self.model.calibration.rows:
            self.log_error_size = max(self.log_error_size + math.log(change), -MAX_LOG_ERROR_SIZE)
        if len(self.effects) > 1:
            self.phase.update(row - self.phase.offset, deviation, self.effects)

    def _quantiles(self, position: int) -> list[float]:
        """Returns the three quantiles that the network forecasts from the last deviations and the position."""
        x, scaling, last = self._x, self.model.scaling, self.deviation
        x[0] = min(max(last / scaling.deviation, -INPUT_CLIP), INPUT_CLIP)
        x[1] = min(max((last - self.previous_deviation) / scaling.error, -INPUT_CLIP), INPUT_CLIP)
        if len(self.effects) > 1:
            x[2:] = self._features[position]
        return self.stream.step(x, self._out).tolist()

    def _score(self, normal_score: float) -> tuple[float, int, int]:
        """Updates the smoothed scores and returns the highest score, its cause and its scale.

        Scored are the value alone, the smoothed normal scores, the smoothed roots of their sizes, and the run of equal
        values.
        """
        corrected, row = self._corrected_way, self.row
        score, cause, scale = corrected(VALUE_WAY, alarm_score(abs(normal_score), 1), row), VALUE, 1
        clipped = min(max(normal_score, -SMOOTHING_CLIP), SMOOTHING_CLIP)
        root = math.sqrt(abs(clipped))
        scores, roots, rows = self.smoothed_scores, self.smoothed_roots, self._calibrated_rows()
        for k, t in enumerate(self.model.calibration.scales if row >= self.model.calibration.rows else ()):
            scores[k] += (clipped - scores[k]) / t
            roots[k] += (root - roots[k]) / t
            level = abs(scores[k]) / math.sqrt(self.level_variances[k])
            spread = abs(roots[k] - self.spread_means[k]) / math.sqrt(self.spread_variances[k])
            if level > SMOOTHED_THRESHOLD or spread > SMOOTHED_THRESHOLD:
                way = 2 + 2 * k + (level <= spread)
                found = corrected(way, alarm_score(student_to_normal(max(level, spread), rows / t), t), row)
                if found > score:
                    score, cause, scale = found, LEVEL if level > spread else SPREAD, t
        if self.repeats > 2:
            found = corrected(STUCK_WAY, self._score_per_repeat * self.repeats, row)
            if found > score:
                score, cause, scale = found, STUCK, self.repeats
        return self._corrected(score), cause, scale

    def _corrected_way(self, way: int, score: float, row: int) -> float:
        """Returns what a score of a way counts for, and renews the bounds where that of single values changes."""
        rarer = self.track.rarer[way], self.track.steeper[way]
        found = self.track.corrected(way, score, row)
        if way == VALUE_WAY and rarer != (self.track.rarer[way], self.track.steeper[way]):
            self._renew_bounds()
        return found

    def _corrected(self, score: float) -> float:
        """Returns a score corrected for the extrapolation beyond what the rows so far can show."""
        observed = self._highest_observed
        return score if score <= observed else observed + EXTRAPOLATED_SLOPE * (score - observed)

    def _uncorrected(self, score: float) -> float:
        """Returns the score that `_corrected` makes this one of."""
        observed = self._highest_observed
        return score if score <= observed else observed + (score - observed) / EXTRAPOLATED_SLOPE

    def _calibrated_rows(self) -> float:
        """Returns the number of rows that the running means and variances rest on."""
        rows = self.model.calibration.rows
        return rows + min(max(self.row - rows, 0), CALIBRATION_MEMORY * rows)

    def _update(self, position: int, deviation: float, dispersion: float, size: float, score: float) -> None:
        """Updates the state by a row.

        deviation   of the clipped value from seasonal effect and level
        dispersion  at the row's position in the season
        size        of its normal score
        score       of the row
        """
        model = self.model
        self.previous_deviation, self.deviation = self.deviation, deviation / dispersion
        bound = 4.0 * model.scaling.deviation * dispersion
        deviation = min(max(deviation, -bound), bound)
        self.level, self.slope = next_level(self.level, self.slope, deviation, model.memory)
        self.row += 1
        if self.row <= model.calibration.rows:
            return
        anomaly = score >= self.threshold
        self.anomalous_rows = self.anomalous_rows + 1.0 if anomaly else max(0.0, self.anomalous_rows - 0.5)
        if anomaly and self.anomalous_rows <= ADAPTATION_DELAY * model.span:
            return
        if len(self.effects) > 1:
            self.effects[position] += max(SEASON_LEARNING_RATE, 1.0 / (model.profile.seasons_seen + 1.0)) * deviation
        change = (min(size, 3.0) / NORMAL_CLIPPED_MEAN - 1.0) / (ERROR_SIZE_MEMORY * model.span)
        self.log_error_size = min(max(self.log_error_size + change, -MAX_LOG_ERROR_SIZE), MAX_LOG_ERROR_SIZE)
        self._update_moments()

    def _update_moments(self) -> None:
        """Updates the running means and variances of the smoothed scores and roots, robustly against outliers."""
        share = 1.0 / (self._calibrated_rows() + 1.0)
        for k, scale in enumerate(self.model.calibration.scales):
            least = white_noise_variance(scale)
            variance = self.level_variances[k]
            square = CLIPPED_VARIANCE_CORRECTION * min(self.smoothed_scores[k] ** 2, 9.0 * variance)
            self.level_variances[k] = max(variance + share * (square - variance), least)
            variance, apart = self.spread_variances[k], self.smoothed_roots[k] - self.spread_means[k]
            bound = 3.0 * math.sqrt(variance)
            self.spread_means[k] += share * min(max(apart, -bound), bound)
            square = CLIPPED_VARIANCE_CORRECTION * min(apart * apart, 9.0 * variance)
            self.spread_variances[k] = max(variance + share * (square - variance), ROOT_STD**2 * least)
