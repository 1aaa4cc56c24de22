"""Baselines, error measures, folds, seasons and intervals, compared with results by hand and simulations."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.forecast import Backtest
from elman.forecast.evaluation import intervals
from elman.forecast.evaluation.baselines import baselines, drift, naive, seasonal_naive
from elman.forecast.evaluation.coverage import bands_of_windows, coverage
from elman.forecast.evaluation.folds import make_folds
from elman.forecast.evaluation.metrics import interval_score, mase_scale, measure, rmsse_scale
from elman.series.season import autocorrelation, default_horizon, find_season

VALUES = np.array([1.0, 4.0, 2.0, 5.0, 3.0, 7.0])


def test_baselines():
    assert naive(VALUES, 3).tolist() == [7, 7, 7]
    assert seasonal_naive(VALUES, 5, 2).tolist() == [3, 7, 3, 7, 3]
    assert drift(VALUES, 2) == pytest.approx([7 + 6 / 5, 7 + 12 / 5])
    assert list(baselines(VALUES, 2, 1)) == ["naive", "seasonal naive", "drift", "naive 2"]
    assert baselines(VALUES, 2, 1)["seasonal naive"].tolist() == [7, 7]


def test_measures():
    scale = mase_scale(VALUES, 2)
    assert scale == (1 + 1 + 1 + 2) / 4
    found = measure(np.array([1.0, -2.0, 0.0]), np.array([2.0, 2.0, 0.0]), scale)
    assert found["mase"] == pytest.approx((1 + 4) / 3 / 1.25)
    assert found["smape"] == pytest.approx((200 / 3 + 200 + 0) / 3)
    assert found["rmse"] == pytest.approx(math.sqrt(17 / 3))
    assert math.isnan(found["rmsse"])
    assert rmsse_scale(VALUES) == math.sqrt((9 + 4 + 9 + 4 + 16) / 5)
    assert math.isnan(rmsse_scale(np.ones(4)))
    assert measure(VALUES, VALUES + 3, 1.0, 2.0)["rmsse"] == 1.5


def test_the_interval_score():
    """At 80 % it is the width plus ten times the distance of the truth from the interval."""
    truth, low, high = np.array([1.0, 5.0, 9.0]), np.array([2.0, 2.0, 2.0]), np.array([6.0, 6.0, 6.0])
    assert interval_score(truth, low, high, 80.0) == pytest.approx([4 + 10 * 1, 4, 4 + 10 * 3])


def test_coverage_calibrates_on_earlier_windows():
    """An error of 100 in the fourth of several windows does not change the bounds of earlier windows."""
    rng = np.random.default_rng(0)
    truth = rng.choice([-1.0, 1.0], (7, 4))
    truth[3] *= 100
    labels, starts = tuple((str(w), str(w)) for w in range(7)), tuple(range(0, 28, 4))
    forecasts, ids = {"network": np.zeros((7, 4)), "naive": truth + 1}, ("a",) * 7
    backtest = Backtest(truth, forecasts, np.full(7, 2.0), labels, starts, ids, refit=True, single=True)
    bands = bands_of_windows(backtest, 80.0, "network")
    assert np.isnan(bands[0]).all()  # nothing before it
    low, high, told = bands[1:, :, 0], bands[1:, :, 1], truth[1:]
    inside = (told >= low) & (told <= high)
    assert not inside[2].any()
    assert inside[[0, 1, 3, 4, 5]].all()
    (row,) = coverage(backtest, (80.0, 99.9))  # for 99.9 % the residuals before are too few
    assert row["covered"] == pytest.approx(100 * inside.mean())
    assert row["score"] == pytest.approx(interval_score(told, low, high, 80.0).mean() / 2)
    loss = [np.maximum(q * (told - b), (q - 1) * (told - b)) for q, b in ((0.1, low), (0.9, high))]
    assert row["pinball"] == pytest.approx(np.mean(loss) / 2)
    later = replace(backtest, truth=truth * np.array([1.0] * 4 + [7.0] * 3)[:, None])
    assert bands_of_windows(later, 80.0, "network")[:5].tolist()[1:] == bands[1:5].tolist()
    apart = replace(backtest, refit=False)  # no model saw any window: all others calibrate
    assert np.isfinite(bands_of_windows(apart, 80.0, "network")).all()
    (row,) = coverage(backtest, (80.0,), model="naive")  # always one too high
    assert row["covered"] == 100.0


def test_coverage_of_many_series():
    """With errors of known sizes, the intervals of each series follow its size and have their nominal coverage."""
    rng, windows = np.random.default_rng(0), 900
    size = np.resize(np.repeat([0.5, 1.0, 2.0], 3), windows)  # series with three windows each
    truth = size[:, None] * rng.normal(size=(windows, 6))
    names = tuple(str(w // 3) for w in range(windows))
    backtest = Backtest(
        truth, {"network": np.zeros((windows, 6)), "naive": truth + 1}, np.ones(windows),
        (("a", "b"),) * windows, tuple(np.resize([0, 6, 12], windows).tolist()), names, np.ones((windows, 6, 2)),
    )  # fmt: skip
    found = {row["level"]: row["covered"] for row in coverage(backtest, (80.0, 95.0))}
    assert found[80.0] == pytest.approx(80, abs=3)
    assert found[95.0] == pytest.approx(95, abs=2)
    width = np.ptp(bands_of_windows(backtest, 80.0, "network"), axis=2).mean(axis=1)
    assert 2.5 < width[size == 2].mean() / width[size == 0.5].mean() < 4  # less than 4: sizes are pulled together
    for count in (2, 1):  # with one window a series, all have the same size
        some = backtest.take([w for w in range(windows) if w % 3 < count])
        assert coverage(some, (80.0,))[0]["covered"] == pytest.approx(80, abs=3)
        assert np.ptp(np.ptp(bands_of_windows(some, 80.0, "network"), axis=2)) < 5


def test_mase_scale_of_an_exactly_repeated_season():
    assert mase_scale(np.resize([1.0, 3.0], 8), 2) == 2.0
    assert math.isnan(mase_scale(np.ones(8), 2))


def test_m4_hourly_seasonal_naive_reproduces_the_published_figure():
    """Makridakis et al. 2018: sMAPE 13.912, MASE 1.193 for seasonal naive, season 24, over 414 series."""
    from pathlib import Path

    folder = Path(__file__).parents[2] / "shared" / "data"
    if not (folder / "m4_hourly_train.csv").exists():
        pytest.skip("M4 hourly data is not here")
    scores = []
    for train, test in zip(*(_m4(folder / f"m4_hourly_{part}.csv") for part in ("train", "test")), strict=True):
        scores.append(measure(test, seasonal_naive(train, 48, 24), mase_scale(train, 24)))
    assert np.mean([s["smape"] for s in scores]) == pytest.approx(13.912, abs=5e-4)
    assert np.mean([s["mase"] for s in scores]) == pytest.approx(1.193, abs=5e-4)


def _m4(path):
    import csv

    with path.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [np.array([float(cell) for cell in row[1:] if cell]) for row in rows]


# ---------------------------------------------------------------------------------------------- folds


@given(st.integers(2, 400), st.integers(1, 50), st.integers(1, 8), st.integers(3, 90))
def test_folds(rows, horizon, windows, least):
    folds = make_folds(rows, horizon, windows, least)
    assert bool(folds) == (rows >= least + horizon)
    assert len(folds) <= windows
    for fold in folds:
        assert 0 < fold.train < fold.validation < fold.scored <= rows
        assert fold.scored - fold.validation == horizon
        assert fold.validation >= least
    if folds:
        assert folds[-1].scored == rows
        strides = set(np.diff([fold.scored for fold in folds]).tolist())
        assert len(strides) <= 1
        assert strides <= set(range(1, horizon + 1))
    if rows >= least + windows * horizon:
        assert len(folds) == windows
        assert all(a.scored == b.validation for a, b in pairwise(folds))


# -------------------------------------------------------------------------------------------- seasons


def test_autocorrelation_is_numpys():
    values = np.random.default_rng(0).normal(size=50)
    centred = values - values.mean()
    full = np.correlate(centred, centred, "full")[49:]
    assert autocorrelation(values, 10) == pytest.approx(full[:11] / full[0])
    assert autocorrelation(np.ones(5), 3).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("season", [3, 5, 7, 11, 12, 24])
def test_a_season_is_found_with_trend_and_noise(season):
    rng = np.random.default_rng(season)
    values = np.resize(rng.normal(size=season), 12 * season) + 0.05 * np.arange(12 * season)
    values += 0.2 * rng.normal(size=len(values))
    assert find_season(values) == season
    assert find_season(values, (season,)) == season


def test_no_season_is_found_in_noise():
    rng = np.random.default_rng(0)
    found = [find_season(rng.normal(size=200).cumsum(), usual) for _ in range(50) for usual in ((), (12,), (24, 168))]
    found += [find_season(rng.normal(size=200), usual) for _ in range(50) for usual in ((), (12,))]
    assert sum(m != 1 for m in found) <= 0.08 * len(found)  # each known length is tested at 5 %
    assert find_season(np.arange(30.0), (12,)) == 1
    assert find_season(np.array([1.0, 2.0]), ()) == 1


def test_bundled_series_have_their_known_seasons():
    from elman import datasets

    assert find_season(datasets.load_sunspots().values) == 11
    assert find_season(datasets.load_airline().values, (12,)) == 12


def test_default_horizons():
    assert [default_horizon(rows, season) for rows, season in ((144, 12), (300, 1), (5, 1), (900, 1), (900, 168))] == [
        12, 30, 1, 48, 48,
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------ intervals


def test_how_many_residuals_a_level_needs():
    assert [intervals.needed(level) for level in (50, 80, 90, 95, 99)] == [1, 4, 9, 19, 99]
    residuals = np.random.default_rng(0).normal(size=(6, 3))
    assert intervals.calibrate(residuals).half_widths((80.0,)).shape == (1, 3)
    with pytest.raises(ValueError, match=r"95 % needs at least 19 backtest residuals, there are 18"):
        intervals.calibrate(residuals).half_widths((80.0, 95.0))


def test_the_widest_of_19_residuals_is_the_95_percent_interval():
    residuals = np.arange(-9.0, 10.0)[:, None]
    assert intervals.calibrate(residuals).half_widths((95.0,)) == pytest.approx(np.array([[9.0]]))


def test_intervals_grow_with_the_horizon_when_the_errors_do():
    steps = np.sqrt(np.arange(1, 13))
    residuals = np.random.default_rng(1).normal(size=(500, 12)) * steps
    width = intervals.calibrate(residuals).half_widths((80.0,))[0]
    assert (np.diff(width) > 0).all()
    assert width == pytest.approx(1.2816 * steps, rel=0.25)
    assert (
        np.diff(intervals.calibrate(residuals[:, ::-1]).half_widths((80.0,))[0]) == 0
    ).all()  # never narrower further ahead


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_intervals_have_their_nominal_coverage(seed):
    """Exchangeable residuals: a new one is covered with probability ceil((n + 1) level) / (n + 1), here n = 48.

    Over 400 draws of 6 x 8 residuals the share's standard deviation is 0.008 at 80 %, 0.004 at 95 %; five of them.
    """
    rng = np.random.default_rng(seed)
    hits = np.zeros(2)
    for _ in range(400):
        widths = intervals.calibrate(rng.standard_t(4, size=(6, 8))).half_widths((80.0, 95.0))
        hits += (np.abs(rng.standard_t(4, size=8)) <= widths).mean(axis=1)
    assert np.all(np.abs(hits / 400 - [40 / 49, 47 / 49]) < [0.04, 0.021])


def test_bands():
    truth, tested = np.full((5, 2), 2.0), np.full((5, 2), 1.0)
    found = intervals.bands(np.array([3.0, 0.5]), truth, tested, (80.0,), relative=False, floor=0.0)
    assert found[80.0].tolist() == [[2.0, 4.0], [0.0, 1.5]]
    found = intervals.bands(np.array([3.0, 0.5]), truth, tested, (80.0,), relative=True, floor=0.0)
    assert found[80.0] == pytest.approx(np.array([[1.5, 6.0], [0.25, 1.0]]))


@pytest.mark.parametrize(
    ("levels", "error"),
    [
        ("80", TypeError),
        (80, TypeError),
        ((0,), ValueError),
        ((100,), ValueError),
        ((80, 80), ValueError),
        (("a",), TypeError),
    ],
)
def test_bad_levels(levels, error):
    with pytest.raises(error, match=r"levels: expected"):
        intervals.parse_levels(levels)
    assert intervals.parse_levels((95, 80)) == (80.0, 95.0)


# ------------------------------------------------------------------------------------------- verdicts


def _backtest(network: float, naive: float, drift: float, starts: tuple[int, ...] = (0, 3)) -> Backtest:
    truth = np.zeros((2, 3))
    forecasts = {
        "network": truth + network,
        "naive": truth + naive,
        "seasonal naive": truth + 9.0,
        "drift": truth + drift,
    }
    labels = (("a", "c"), ("d", "f"))
    roots = np.array([0.5, 4.0])
    return Backtest(truth, forecasts, np.array([1.0, 2.0]), labels, starts, ("a", "a"), root_scales=roots, single=True)


def test_a_verdict_for_the_network():
    backtest = _backtest(1.0, 4.0, 2.0)
    assert (backtest.best_baseline, backtest.wins, backtest.gain) == ("drift", True, 0.5)
    assert backtest.mean("network") == 0.75
    assert backtest.verdict() == (
        "The network beats the best baseline, drift, by 50.0 %: mean MASE 0.750 against 1.500 over 2 windows of 3 rows,"
        " better in 2."
    )
    assert backtest.records()[4] == {
        "first": "d",
        "last": "f",
        "model": "network",
        "mase": 0.5,
        "smape": 200,
        "rmse": 1,
        "rmsse": 0.25,
    }


def test_a_verdict_says_that_windows_overlap():
    assert "over 2 overlapping windows of 3 rows" in _backtest(1.0, 4.0, 2.0, (0, 2)).verdict()


def test_a_verdict_where_the_errors_are_the_same():
    backtest = _backtest(2.0, 4.0, 2.0)
    assert (backtest.outcome, backtest.wins) == ("about equal", False)
    assert backtest.verdict().startswith(
        "About equal, since the errors are the same: the network against the best baseline, drift: mean"
    )


def test_a_verdict_against_the_network():
    backtest = _backtest(3.0, 4.0, 2.0)
    assert not backtest.wins
    assert "does not beat the best baseline" in backtest.verdict()
    assert "Drift is the better forecast here" in backtest.verdict()


def test_a_verdict_where_mase_is_not_defined():
    truth = np.zeros((1, 2))
    forecasts = {"network": truth + 1.0, "naive": truth + 2.0}
    backtest = Backtest(truth, forecasts, np.array([np.nan]), (("1", "2"),), (0,), ("a",), single=True)
    assert "by 50.0 %: mean RMSE 1.000 against 2.000 over 1 window of 2 rows" in backtest.verdict()
