"""The parts of a detector, compared with known values: season profile, tails, score, smoothing, network."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from benchmarks import drawn_series as drawn
from elman.anomaly import calibration
from elman.anomaly.model import fit_model
from elman.anomaly.monitor import Monitor
from elman.anomaly.network import EFFORTS, cross_fit, fit_scaling, season_features
from elman.anomaly.online.events import AlarmState
from elman.anomaly.profile import fit_profile
from elman.anomaly.result import find_alarms

# ------------------------------------------------------------------------------------- the season profile


@pytest.mark.parametrize("slope", [0.0, 0.01])
def test_the_seasonal_effects_are_estimated(slope: float):
    rng = np.random.default_rng(0)
    effects = 3 * np.sin(2 * np.pi * np.arange(24) / 24)
    noise = [rng.normal(0, 0.5, 480) for _ in range(2)][int(slope > 0)]
    values = np.resize(effects, 24 * 20) + slope * np.arange(480) + noise
    profile, transformed, held_out = fit_profile(values, (24, 168))
    assert len(profile) == 24
    assert profile.power == 1.0
    assert np.array_equal(transformed, values)
    assert profile.effects == pytest.approx(effects, abs=0.5)
    assert held_out == pytest.approx(np.resize(effects, 480), abs=0.8)
    assert profile.seasons_seen == 20
    assert profile.dispersion == pytest.approx(np.ones(24), abs=0.3)


def test_a_week_is_the_season_where_days_differ():
    values, per_day = drawn.trips(np.random.default_rng(0), restless=False)
    assert len(fit_profile(values[: 5 * 336], (per_day, 336))[0]) == 336


def test_a_day_is_the_season_where_days_are_alike():
    days = np.resize(np.sin(np.arange(48) / 4), 5 * 336) + np.random.default_rng(0).normal(0, 0.3, 5 * 336)
    assert len(fit_profile(days, (48, 336))[0]) == 48


@pytest.mark.parametrize("walk", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_noise_and_random_walks_have_no_season(seed: int, walk: bool):
    rng = np.random.default_rng(seed)
    noise, steps = rng.normal(size=500), rng.normal(size=500)
    profile, _, held_out = fit_profile(steps.cumsum() if walk else noise, (24, 168))
    assert (len(profile), profile.effects.tolist(), np.abs(held_out).max()) == (1, [0.0], 0.0)


def test_held_out_effects_do_not_depend_on_their_own_season():
    """One season of eight is changed: the held-out effects at its rows stay what the other seasons say."""
    values = np.resize(np.sin(2 * np.pi * np.arange(24) / 24), 192) + np.random.default_rng(0).normal(0, 0.01, 192)
    changed = values.copy()
    changed[48:72] += np.cos(np.arange(24.0)) - np.cos(np.arange(24.0)).mean()
    before, after = (fit_profile(each, (24,))[2][48:72] for each in (values, changed))
    assert after == pytest.approx(before, abs=0.05)  # the moving mean around it changes a little


# ---------------------------------------------------------------------------------------- calibration


def draw(kind: str) -> tuple[np.ndarray, Callable[[float], float]]:
    """20,000 errors of a known distribution, and its cumulative distribution function."""
    rng = np.random.default_rng(0)
    count = 20_000
    if kind == "normal":
        return 3 * rng.normal(size=count) + 1, NormalDist(1, 3).cdf
    if kind == "skewed":
        return rng.exponential(size=count), lambda x: 1 - math.exp(-x)

    def cdf(x: float) -> float:
        return 0.5 + (x / math.sqrt(3) / (1 + x * x / 3) + math.atan(x / math.sqrt(3))) / math.pi

    return rng.standard_t(3, count), cdf


def distribution_of(errors: np.ndarray) -> calibration.ErrorDistribution:
    return calibration.error_distribution(errors)


@pytest.mark.parametrize("q", [0.001, 0.01, 0.2, 0.5, 0.9, 0.99, 0.999, 0.9999])
@pytest.mark.parametrize("kind", ["normal", "t3", "skewed"])
def test_normal_scores_are_those_of_the_distribution(kind: str, q: float):
    errors, cdf = draw(kind)
    found = distribution_of(errors)
    x = float(np.quantile(errors, q))
    truth = NormalDist().inv_cdf(min(max(cdf(x), 1e-9), 1 - 1e-9))
    if kind == "skewed" and q < 0.01:  # the fitted tail goes on below the lower end at 0
        assert truth < found.normal_score(x) < 0
    else:
        assert found.normal_score(x) == pytest.approx(truth, abs=0.25)
    assert found.error_at(found.normal_score(x)) == pytest.approx(x, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("kind", ["normal", "t3", "skewed"])
def test_normal_scores_rise_with_the_error(kind: str):
    found = distribution_of(draw(kind)[0])
    grid = [found.normal_score(x) for x in np.linspace(-30, 30, 400).tolist()]
    assert (np.diff(grid) >= 0).all()
    assert found.normal_score(1e300) == calibration.MAX_NORMAL_SCORE


@pytest.mark.parametrize("scale", [1, 8, 32, 128])
def test_a_score_is_reached_as_often_as_it_says(scale: int):
    """Smoothed normal noise has 10 to the minus 3 runs a row above the level whose score is 3."""
    rng = np.random.default_rng(scale)
    value, smoothed = 0.0, np.empty(400_000)
    for i, shock in enumerate(rng.normal(size=len(smoothed)).tolist()):
        value += (shock - value) / scale
        smoothed[i] = value
    sizes = np.abs(smoothed) * math.sqrt(2 * scale - 1)
    grid = np.linspace(1, 6, 5001)
    level = float(grid[np.searchsorted([calibration.alarm_score(a, scale) for a in grid.tolist()], 3.0)])
    rows = np.flatnonzero(sizes > level)
    runs = 1 + int((np.diff(rows) >= scale).sum())
    assert 0.7 < runs / (1e-3 * len(sizes)) < 1.4


@pytest.mark.parametrize(("degrees_of_freedom", "t"), [(5, 9.678), (10, 5.694), (30, 4.234), (120, 3.836)])
def test_normal_score_of_students_t(degrees_of_freedom: int, t: float):
    """The quantiles at 0.9999 are from tables of the t distribution."""
    assert calibration.student_to_normal(t, degrees_of_freedom) == pytest.approx(3.719, rel=0.04)


@pytest.mark.parametrize(
    ("rest", "alarms"),
    [
        (1, [(3, 4, 4), (9, 9, 9), (30, 30, 30), (41, 41, 41)]),
        (5, [(3, 9, 9), (30, 30, 30), (41, 41, 41)]),
        (11, [(3, 9, 9), (30, 41, 41)]),
    ],
)
def test_an_alarm_is_over_once_enough_rows_were_usual(rest: int, alarms: list[tuple[int, int, int]]):
    """The state that says where alarms begin and the table of a batch agree."""
    scores = np.zeros(60)
    scores[[3, 4, 9, 30, 41]] = [5, 6, 7, 8, 9]
    state = AlarmState(rest)
    labels = np.array([state.begins(score >= 4.0) for score in scores.tolist()])
    found = find_alarms(labels, scores, np.ones((60, 3), int), 4.0, rest)
    assert [(a.first, a.last, a.peak) for a in found] == alarms
    assert np.flatnonzero(labels).tolist() == [first for first, _, _ in alarms]


def test_no_anomaly_gives_no_alarm():
    assert find_alarms(np.zeros(60, bool), np.zeros(60), np.zeros((60, 3), int), 4.0, 12) == ()


# ---------------------------------------------------------------------------------------- the network


def median_gain(values: np.ndarray) -> float:
    """Mean absolute error of the cross-validated medians, over that of the autoregressive forecast alone."""
    recipe = replace(EFFORTS["normal"], updates=400, snapshots=(0, 50, 400), hidden_size=8)
    deviations = values - np.median(values)
    scaling = fit_scaling(deviations)
    _, answers = cross_fit(deviations, scaling, np.zeros((len(values), 0), np.float32), recipe, 0)
    last = np.concatenate([[0.0], deviations[:-1]])
    rest = (deviations - scaling.ar1 * last) / scaling.error
    return float(np.abs(rest - answers[:, 1]).mean() / np.abs(rest - np.median(rest)).mean())


def test_cross_validation_ends_training_early_on_autoregressive_noise():
    """The linear forecast is the best there is, so the network adds nothing to it."""
    assert 0.97 < median_gain(drawn.autoregressive(np.random.default_rng(0), 1500, 0.8)) < 1.02


def test_the_network_learns_a_nonlinear_rule():
    rng = np.random.default_rng(0)
    drawn.autoregressive(rng, 1500, 0.8)
    assert median_gain(drawn.pump(rng, restless=False)[0][:1500]) < 0.7


def test_season_features_are_periodic():
    features = season_features(np.sin(2 * np.pi * np.arange(48) / 48), (24, 48, 336), 1.0)
    assert features.shape == (48, 9)  # sine and cosine of two seasons and their halves, and the change
    assert features[:24, 0] == pytest.approx(features[24:, 0], abs=1e-6)


def test_without_a_season_there_are_no_season_features():
    assert season_features(np.zeros(1), (24,), 1.0).shape == (1, 0)


def test_a_monitor_follows_slowly_growing_errors():
    """Noise doubles within many days: the monitor follows the size of the errors, and alarms stay rare to the end."""
    rng = np.random.default_rng(0)
    values = drawn.autoregressive(rng, 12_000, 0.5) * np.exp(np.linspace(0, np.log(2), 12_000))
    model, errors = fit_model(values[:1800], (1,), 48, replace(EFFORTS["normal"], updates=50, snapshots=(0, 50)), 0)
    monitor = Monitor(model, 3.0, errors)
    scores = np.array([monitor.step(value).score for value in values.tolist()])
    assert 0.4 < monitor.log_error_size < 1.0
    assert (scores[9000:] >= 3.0).sum() < 20


BUMPY = 3 * np.sin(np.arange(600) * np.pi / 12) + np.random.default_rng(0).normal(0, 0.3, 600)


@pytest.mark.parametrize(
    ("power", "values"),
    [(0.5, np.random.default_rng(0).poisson(20 + 18 * np.sin(np.arange(600) * np.pi / 12))), (0.0, np.exp(BUMPY))],
)
def test_counts_are_seen_by_their_square_roots(power: float, values: np.ndarray):
    values = values.astype(float)
    profile, transformed, _ = fit_profile(values, (24,))
    assert profile.power == power
    assert [profile.transformed(value) for value in values.tolist()] == pytest.approx(transformed.tolist())
    assert profile.values(transformed) == pytest.approx(values)
    if power:
        assert profile.values(np.array([profile.transformed(-9.0)])) == pytest.approx([-9.0])
