"""Quantiles, sample paths, powers, masked values: against theory, against loops, and that nothing crosses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman.forecast import DataError, Forecaster, as_series
from elman.forecast.boxcox import derivative, inverse, transform
from elman.forecast.models.efforts import GLOBAL, global_recipe
from elman.forecast.models.global_model import _masked_pinball  # pyright: ignore[reportPrivateUsage]
from elman.forecast.models.recursive_model import PATHS, RecursiveModel
from elman.forecast.models.window_pool import WindowPool
from elman.forecast.models.window_spec import WindowSpec


def weekly(rows: int = 300, seed: int = 0, noise: Any = None) -> np.ndarray:
    """A season of 7 about 10."""
    rng = np.random.default_rng(seed)
    drawn = 0.3 * rng.normal(size=rows) if noise is None else noise(rng, rows)
    return 10 + np.sin(2 * np.pi * np.arange(rows) / 7) + drawn


# -------------------------------------------------------------------------------------------- power


@pytest.mark.parametrize("power", [0.0, 0.25, 0.5, 1.0])
def test_powers_lead_back_and_have_their_slope(power: float):
    y = np.array([1e-3, 0.5, 1.0, 7.0, 1e4])
    z = transform(y, power)
    assert inverse(z, power) == pytest.approx(y, rel=1e-9)
    eps = 1e-6 * np.maximum(np.abs(z), 1)
    assert derivative(y, power) == pytest.approx(
        (inverse(z + eps, power) - inverse(z - eps, power)) / (2 * eps), rel=1e-5
    )


def test_a_power_that_is_asked_for_is_taken():
    values = np.exp(weekly() / 3)
    for rows in (300, 1100):  # the local model, and a global one
        y = np.resize(values, rows)
        model = Forecaster(models="network", horizon=7, windows=0, boxcox_lambda=0.5, updates=5, members=1).fit(y)
        assert (model.model_.spec.boxcox_lambda if rows > 1000 else model.model_.configuration.boxcox_lambda) == 0.5
        assert model.predict().min() >= 0
    with pytest.raises(ValueError, match=r"boxcox_lambda: expected a finite number .*1"):
        Forecaster(boxcox_lambda=2.0).fit(values)
    below = Forecaster(models="network", horizon=7, windows=0, boxcox_lambda=0.0, updates=5, members=1).fit(
        values - values.mean()
    )
    assert below.model_.configuration.boxcox_lambda == 1.0  # nothing below zero has a logarithm


# --------------------------------------------------------------------------------------------- heads


def test_quantiles_widen_on_the_side_where_errors_are():
    """Noise that only reaches up, on two days of the week: so do the intervals, there; and no quantile crosses."""

    def up(rng: np.random.Generator, rows: int) -> np.ndarray:
        return np.where(np.arange(rows) % 7 < 2, 3.0, 0.1) * rng.exponential(size=rows)

    series = {f"s{k}": weekly(400 - 7 * k, k, up)[: 392 - 7 * k] for k in range(6)}  # all end on the same day
    quick: dict[str, Any] = {
        "horizon": 7,
        "season": 7,
        "windows": 3,
        "boxcox_lambda": 1.0,
        "members": 1,
        "updates": 400,
    }
    model = Forecaster(distribution="quantiles", **quick).fit(series)
    found = model.forecast()["s0"]
    low, high = (found.values - found.intervals[80.0][:, 0]), (found.intervals[80.0][:, 1] - found.values)
    assert high[:2].mean() > 1.5 * low[:2].mean()
    assert high[:2].mean() > 5 * high[2:].mean()
    quantiles = model.predict_quantiles((0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95))
    assert min(np.diff(each, axis=1).min() for each in quantiles.values()) > 0
    plain = Forecaster(models="network", **quick).fit(series)
    assert model.coverage()[0]["pinball"] < plain.coverage()[0]["pinball"]


@pytest.mark.parametrize("head", ["gaussian", "student_t"])
def test_paths_of_a_known_process_spread_as_theory_says(head: str):
    """y_t = y_{t-1} / 2 + e, e of size 1: h rows ahead the standard deviation is sqrt((1 - 0.25^h) / 0.75), and the
    median y / 2^h. The tenths of a normal distribution are 2.563 standard deviations apart."""
    rng = np.random.default_rng(0)
    y = np.zeros(6000)
    for t in range(1, len(y)):
        y[t] = 0.5 * y[t - 1] + rng.normal()
    model = Forecaster(horizon=12, season=1, windows=0, distribution=head, context=48, members=1, updates=1500).fit(y)
    assert isinstance(model.model_, RecursiveModel)
    rows = 100 * np.arange(5, 55)
    paths = model.model_.paths({str(row): as_series(y[:row]) for row in rows})
    assert paths.shape == (50, PATHS, 12)
    ahead = np.arange(1, 13)
    low, high = np.quantile(paths, (0.1, 0.9), axis=1)
    spread = (high - low).mean(axis=0) / 2.563
    assert spread == pytest.approx(np.sqrt((1 - 0.25**ahead) / 0.75), rel=0.2)
    expected = y[rows - 1][:, None] * 0.5**ahead
    assert np.abs(np.median(paths, axis=1) - expected).mean() < 0.4  # the mean is known from 48 rows alone, to 0.3
    assert model.predict().tolist() == np.median(model.model_.paths({"y": model.series_})[0], axis=0).tolist()


def test_paths_do_not_depend_on_the_series_beside_them_and_go_as_far_as_one_wishes(tmp_path: Path):
    series = {f"s{k}": weekly(120 + 5 * k, k) for k in range(4)}
    model = Forecaster(horizon=7, season=7, windows=2, distribution="student_t", updates=40, members=2).fit(series)
    whole = model.predict()
    assert model.predict(history={"s2": series["s2"]})["s2"] == pytest.approx(whole["s2"], rel=1e-6)
    longer = model.forecast(horizon=20)["s1"]
    assert longer.values[:7] == pytest.approx(whole["s1"], rel=1e-6)
    assert (longer.recursive_steps, len(longer.intervals[80.0])) == (13, 20)
    model.save(tmp_path / "m.safetensors")
    again = elman.load(tmp_path / "m.safetensors")
    assert again.predict()["s3"].tolist() == whole["s3"].tolist()
    assert again.forecast()["s0"].intervals[80.0].tolist() == model.forecast()["s0"].intervals[80.0].tolist()


def test_rows_of_another_skip():
    """Two seasons before each step, the nearer one last; none: no linear path."""
    read = np.random.default_rng(0).normal(size=(1, 12))
    pool = WindowPool([as_series(read[0])], WindowSpec((3,), 12, 3, 3, 1.0))
    one, two = (WindowSpec((3,), 12, 3, 3, 1.0, skip_seasons=k) for k in (1, 2))
    x, base, unit = two.windows(*pool.last(3)[:3])
    single = one.windows(*pool.last(3)[:3])[0]
    assert x.shape == (1, 4, 6)
    assert x[0, :, 3:].tolist() == single[0].tolist()
    assert x[0, 1:, :3].tolist() == single[0, :-1].tolist()
    assert not x[0, 0, :3].any()
    assert (base.tolist(), unit.shape) == ([read[0, -3:].tolist()], (1, 1))
    without = Forecaster(horizon=7, windows=0, skip_seasons=0, updates=5, members=1).fit(weekly())
    assert "skip.weight" not in without.model_.networks[0].parameters
    assert (
        Forecaster(horizon=7, windows=0, skip_seasons=3, updates=5, members=1).fit(weekly()).model_.spec.recent_rows
        == 21
    )


@pytest.mark.parametrize("word", GLOBAL)
def test_large_networks_are_for_many_rows(word: str):
    sizes = GLOBAL[word]
    least = list(sizes)
    assert (least[0], least) == (0, sorted(least))
    assert [global_recipe(word, rows) for rows in least] == list(sizes.values())
    assert global_recipe(word, least[1] - 1) == sizes[0]


# -------------------------------------------------------------------------------------------- masks


def test_a_masked_target_is_not_learned():
    """The loss of masked targets: against its own finite differences, and the same whatever stands in their place."""
    spec = WindowSpec((2,), 4, 3, 2, 1.0, distribution="quantiles", masked=True)
    loss, rng = _masked_pinball(spec), np.random.default_rng(0)
    y_hat, weight = rng.normal(size=(4, 9)), rng.uniform(0.5, 1, 4)
    known = (rng.random((4, 3)) < 0.6).astype(float)
    y = rng.normal(size=(4, 3))
    value, gradient = loss.function(y_hat, np.concatenate([y, known], axis=1), weight)
    other = np.where(known > 0, y, 1e6)
    again = loss.function(y_hat, np.concatenate([other, known], axis=1), weight)
    assert (again[0], np.asarray(again[1]).tolist()) == (value, np.asarray(gradient).tolist())
    expected = sum(
        2 / 9 * weight[i] * known[i, j] * max(q * (y[i, j] - p), (q - 1) * (y[i, j] - p))
        for i in range(4) for j in range(3)
        for q, p in zip((0.1, 0.5, 0.9), y_hat[i, 3 * j : 3 * j + 3], strict=True)
    )  # fmt: skip
    assert value == pytest.approx(expected)
    for place in np.ndindex(y_hat.shape):
        step = np.zeros_like(y_hat)
        step[place] = 1e-6
        sides = [loss.function(y_hat + s * step, np.concatenate([y, known], axis=1), weight)[0] for s in (1, -1)]
        assert gradient[place] == pytest.approx((sides[0] - sides[1]) / 2e-6, abs=1e-7)


def test_masked_values_are_neither_read_nor_scored():
    """Wild values where a sensor failed: masked, they leave errors as small as without them; NaN in the truth."""
    values = weekly(280)
    rng = np.random.default_rng(3)
    holes = np.sort(rng.choice(np.arange(10, 279), 50, replace=False))
    broken = values.copy()
    broken[holes] = np.nan
    quick: dict[str, Any] = {"models": "network", "horizon": 7, "season": 7, "windows": 4, "members": 2, "updates": 200}
    model = Forecaster(missing="mask", **quick).fit(broken)
    assert model.series_.masked
    assert model.series_.filled == tuple(holes)
    tested = model.backtest_
    scored = np.concatenate([np.arange(start, start + 7) for start in tested.starts])
    assert np.isnan(tested.truth.ravel()).tolist() == np.isin(scored, holes).tolist()
    assert np.isfinite(tested.forecasts["network"]).all()
    whole = Forecaster(distribution="quantiles", **quick).fit(values).backtest_
    assert tested.mean("network") < 1.15 * whole.mean("network")
    assert np.isfinite([row["score"] for row in model.coverage()]).all()


def test_a_masked_value_is_that_of_a_season_before():
    values = np.arange(1.0, 21.0)
    values[[9, 12, 16]] = np.nan
    series = as_series(values, missing="mask")
    assert series.values[[9, 12, 16]].tolist() == [9, 12, 16]  # the last that was known
    assert series.fill_masked(7).values[[9, 12, 16]].tolist() == [3, 6, 3]
    assert np.isnan(series.observed[[9, 12, 16]]).all()
    assert as_series(values, missing="interpolate").observed[9] == 10
    with pytest.raises(DataError, match="the first value is missing"):
        as_series(np.append(np.nan, values), missing="mask")
