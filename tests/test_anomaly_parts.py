"""The parts of a detector, each against a value from elsewhere: the course, the tails, the score, the smoothing."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from benchmarks import anomalies as drawn
from elman.anomaly import calibration
from elman.anomaly.learned import learn
from elman.anomaly.monitor import Monitor
from elman.anomaly.network import EFFORTS, cross_fit, place_features, units_of
from elman.anomaly.result import alarms_of
from elman.anomaly.shape import find_shape

# ------------------------------------------------------------------------------------------ the course


@pytest.mark.parametrize("slope", [0.0, 0.01])
def test_the_course_of_a_season_is_found(slope: float):
    rng = np.random.default_rng(0)
    course = 3 * np.sin(2 * np.pi * np.arange(24) / 24)
    values = np.resize(course, 24 * 20) + slope * np.arange(480) + rng.normal(0, 0.5, 480)
    shape, taken, at = find_shape(values, (24, 168))
    assert len(shape) == 24
    assert not shape.log
    assert np.array_equal(taken, values)
    assert shape.course == pytest.approx(course, abs=0.5)
    assert at == pytest.approx(np.resize(course, 480), abs=0.8)
    assert shape.seen == 20
    assert shape.widths == pytest.approx(np.ones(24), abs=0.3)


def test_a_week_is_taken_where_days_differ():
    values, per_day = drawn.trips(np.random.default_rng(0), restless=False)
    assert len(find_shape(values[: 5 * 336], (per_day, 336))[0]) == 336
    days = np.resize(np.sin(np.arange(48) / 4), 5 * 336) + np.random.default_rng(0).normal(0, 0.3, 5 * 336)
    assert len(find_shape(days, (48, 336))[0]) == 48


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("walk", [False, True], ids=["noise", "random walk"])
def test_no_course_is_seen_in_noise(walk: bool, seed: int):
    noise = np.random.default_rng(seed).normal(size=(2, 500))
    shape, _, at = find_shape(noise[1].cumsum() if walk else noise[0], (24, 168))
    assert (len(shape), shape.course.tolist(), np.abs(at).max()) == (1, [0.0], 0.0)


def test_a_left_out_season_is_not_looked_at():
    """One season of the first eight changed: the course at its own rows stays what the others say."""
    values = np.resize(np.sin(2 * np.pi * np.arange(24) / 24), 192) + np.random.default_rng(0).normal(0, 0.01, 192)
    changed = values.copy()
    changed[48:72] += np.cos(np.arange(24.0)) - np.cos(np.arange(24.0)).mean()
    before, after = (find_shape(each, (24,))[2][48:72] for each in (values, changed))
    assert after == pytest.approx(before, abs=0.05)  # but for the level about it


# ------------------------------------------------------------------------------------ how rare errors are


@pytest.mark.parametrize("draw", ["normal", "t3", "skewed"])
def test_normal_scores(draw):
    """Errors of known distributions: their normal scores are those that the distribution gives."""
    rng = np.random.default_rng(0)
    count = 20_000
    if draw == "normal":
        errors, cdf = 3 * rng.normal(size=count) + 1, NormalDist(1, 3).cdf
    elif draw == "skewed":
        errors, cdf = rng.exponential(size=count), lambda x: 1 - math.exp(-x)
    else:
        errors = rng.standard_t(3, count)

        def cdf(x: float) -> float:
            return 0.5 + (x / math.sqrt(3) / (1 + x * x / 3) + math.atan(x / math.sqrt(3))) / math.pi

    found = calibration.calibrate(errors, errors, 32).errors
    for q in (0.001, 0.01, 0.2, 0.5, 0.9, 0.99, 0.999, 0.9999):
        x = float(np.quantile(errors, q))
        truth = NormalDist().inv_cdf(min(max(cdf(x), 1e-9), 1 - 1e-9))
        if draw == "skewed" and q < 0.01:  # what ends at 0 is taken for a tail: errors count for less, never for more
            assert truth < found.normal(x) < 0
        else:
            assert found.normal(x) == pytest.approx(truth, abs=0.25)
        assert found.error(found.normal(x)) == pytest.approx(x, rel=1e-6, abs=1e-6)
    grid = [found.normal(x) for x in np.linspace(-30, 30, 400).tolist()]
    assert (np.diff(grid) >= 0).all()
    assert found.normal(1e300) == calibration.LARGEST


@pytest.mark.parametrize("scale", [1, 8, 32, 128])
def test_a_score_is_how_often_it_is_reached(scale):
    """Smoothed normal noise: runs above the level of a score, counted, against 10 to the minus that score."""
    rng = np.random.default_rng(scale)
    value, smoothed = 0.0, np.empty(400_000)
    for i, shock in enumerate(rng.normal(size=len(smoothed)).tolist()):
        value += (shock - value) / scale
        smoothed[i] = value
    sizes = np.abs(smoothed) * math.sqrt(2 * scale - 1)
    grid = np.linspace(1, 6, 5001)
    level = float(grid[np.searchsorted([calibration.score_of(a, scale) for a in grid.tolist()], 3.0)])
    rows = np.flatnonzero(sizes > level)
    runs = 1 + int((np.diff(rows) >= scale).sum())
    assert 0.7 < runs / (1e-3 * len(sizes)) < 1.4


@pytest.mark.parametrize(("freedom", "t"), [(5, 9.678), (10, 5.694), (30, 4.234), (120, 3.836)])
def test_students_t_as_a_normal_score(freedom: float, t: float):
    """Quantiles of the t distribution at 0.9999 from tables."""
    assert calibration.student_to_normal(t, freedom) == pytest.approx(3.719, rel=0.04)


def test_runs():
    labels = np.zeros(60, bool)
    labels[[3, 4, 9, 30, 41]] = True
    scores = np.arange(60.0)
    causes = np.zeros((60, 2), int)
    causes[:, 1] = 1
    assert [(a.first, a.last, a.peak) for a in alarms_of(labels, scores, causes, 11)] == [(3, 9, 9), (30, 30, 30),
                                                                                        (41, 41, 41)]  # fmt: skip
    assert [(a.first, a.last) for a in alarms_of(labels, scores, causes, 12)] == [(3, 9), (30, 41)]
    assert [(a.first, a.last) for a in alarms_of(labels, scores, causes, 1)] == [(3, 4), (9, 9), (30, 30), (41, 41)]
    assert alarms_of(np.zeros(60, bool), scores, causes, 12) == ()


# ---------------------------------------------------------------------------------------- the network


def test_training_ends_where_the_folds_say():
    """On plain autoregressive noise the linear forecast is the best there is; a pump's rule is worth learning."""
    recipe = replace(EFFORTS["normal"], updates=400, snapshots=(0, 50, 400), hidden_size=8)

    def gain(values: np.ndarray) -> float:
        deviations = values - np.median(values)
        units = units_of(deviations)
        places = np.zeros((len(values), 0), np.float32)
        _, answers = cross_fit(deviations, units, places, recipe, 0)
        last = np.concatenate([[0.0], deviations[:-1]])
        rest = (deviations - units.carry * last) / units.error
        return float(np.abs(rest - answers[:, 1]).mean() / np.abs(rest - np.median(rest)).mean())

    rng = np.random.default_rng(0)
    assert 0.97 < gain(drawn.autoregressive(rng, 1500, 0.8)) < 1.02
    assert gain(drawn.pump(rng, restless=False)[0][:1500]) < 0.7


def test_what_is_read_of_a_place():
    features = place_features(np.sin(2 * np.pi * np.arange(48) / 48), (24, 48, 336), 1.0)
    assert features.shape == (48, 9)  # sine and cosine of two seasons and their halves, and the change
    assert features[:24, 0] == pytest.approx(features[24:, 0], abs=1e-6)
    assert place_features(np.zeros(1), (24,), 1.0).shape == (1, 0)


def test_a_monitor_follows_a_size_that_grows_slowly():
    """Noise that doubles within many days: at the end it is as rare a thing as in the beginning to be beyond the
    bounds, and the errors' size is followed."""
    rng = np.random.default_rng(0)
    values = drawn.autoregressive(rng, 12_000, 0.5) * np.exp(np.linspace(0, np.log(2), 12_000))
    learned = learn(values[:1800], (1,), 48, replace(EFFORTS["normal"], updates=50, snapshots=(0, 50)), 0)
    monitor = Monitor(learned, 3.0)
    scores = np.array([monitor.step(value).score for value in values.tolist()])
    assert 0.4 < monitor.rough < 1.0
    assert (scores[9000:] >= 3.0).sum() < 20
