"""`LinearModel`: exact least squares on all windows, penalties by held-out rows, and forecasts that follow a level."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from elman.core import io
from elman.estimators.codec import Codec
from elman.forecast.models import linear_model
from elman.forecast.models.linear_model import LinearModel, train_linear, window_unit
from elman.forecast.window_moments import Regression, Solved, window_moments
from elman.series.errors import DataError
from elman.series.series import Series

CONTEXT, HORIZON = 24, 10


def segments() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=n).cumsum() for n in (80, 34, 35, 200)]


def stacked(parts: list[np.ndarray], width: int) -> np.ndarray:
    return np.concatenate([sliding_window_view(z, width) for z in parts])


def hourly(rows: int = 900, noise: float = 0.3, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time, wander = np.arange(rows), rng.normal(0, 0.1, rows).cumsum()
    return 50 + 5 * np.sin(time / 12 * np.pi) + 2 * np.sin(time / 84 * np.pi) + wander + noise * rng.normal(size=rows)


def test_moments_are_the_sums_over_all_windows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("elman.forecast.window_moments.SEGMENTS_AT_ONCE", 3)
    found, windows = window_moments(segments(), CONTEXT, HORIZON), stacked(segments(), CONTEXT + HORIZON)
    assert found.windows == len(windows)
    np.testing.assert_allclose(found.products, windows[:, :CONTEXT].T @ windows, rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(found.squares, (windows[:, CONTEXT:] ** 2).sum(axis=0), rtol=1e-10)


@pytest.mark.parametrize(("level", "lag"), [(1, 1), (14, 7), (14, 14)])
def test_a_regression_is_the_ridge_solution_of_the_windows(level: int, lag: int):
    windows = stacked(segments(), CONTEXT + HORIZON)
    raw, truth = windows[:, :CONTEXT], windows[:, CONTEXT:]
    x = raw - raw[:, -level:].mean(axis=1, keepdims=True)
    base = raw[:, CONTEXT - lag + np.arange(HORIZON) % lag]
    regression = Regression(window_moments(segments(), CONTEXT, HORIZON), level, lag)
    solved, penalty = Solved(regression.gram), 1e-2
    ridge = penalty * np.linalg.eigvalsh(x.T @ x).mean()
    # least squares of the windows, with the penalty as further rows
    slopes = np.linalg.lstsq(
        np.vstack([x, np.sqrt(ridge) * np.eye(CONTEXT)]), np.vstack([truth - base, np.zeros((CONTEXT, HORIZON))])
    )[0]
    np.testing.assert_allclose(solved.slopes(regression.cross, penalty), slopes, atol=1e-9)
    weights = regression.weights(slopes)
    np.testing.assert_allclose(raw @ weights.T, base + x @ slopes, atol=1e-9)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-9)


def test_the_errors_of_all_penalties_are_those_of_their_solutions():
    trained, held = (
        Regression(window_moments(part, CONTEXT, HORIZON), 14, 7) for part in (segments()[:3], segments()[3:])
    )
    solved, penalties = Solved(trained.gram), (1e-3, 1.0, 100.0)
    windows = stacked(segments()[3:], CONTEXT + HORIZON)
    expected = [
        (
            (windows[:, CONTEXT:] - windows[:, :CONTEXT] @ trained.weights(solved.slopes(trained.cross, each)).T) ** 2
        ).sum()
        for each in penalties
    ]
    np.testing.assert_allclose(solved.errors(trained, held, penalties), expected, rtol=1e-9)


def test_a_linear_series_is_forecast_exactly():
    time = np.arange(700)
    values = 5 + np.sin(2 * np.pi * time / 23.7) + 0.5 * np.cos(2 * np.pi * time / 9.1)  # of no whole season
    model = train_linear([Series(values[:600])], 30, (24,))
    assert model is not None
    found = model.predict({"": Series(values[:600])}, 100).values[0]
    np.testing.assert_allclose(found[:30], values[600:630], atol=0.02)
    np.testing.assert_allclose(found, values[600:], atol=0.1)  # 70 of the rows from forecasts
    repeated = np.resize(values[576:600], 30)
    assert np.abs(found[:30] - values[600:630]).mean() < 0.01 * np.abs(repeated - values[600:630]).mean()


def test_a_shift_and_a_scale_of_the_history_are_those_of_the_forecast():
    values = hourly(1500)
    model = train_linear([Series(values)], 48, (24, 168))
    assert model is not None
    history = {"a": Series(hourly(seed=1)), "b": Series(1e6 + 3.0 * hourly(seed=1))}
    forecasts, scales = model.predict(history, 60)
    assert scales is not None
    np.testing.assert_allclose(forecasts[1], 1e6 + 3.0 * forecasts[0], rtol=1e-9)
    np.testing.assert_allclose(scales[1], 3.0 * scales[0], rtol=1e-6)
    assert scales.shape == (2, 60, 2)
    assert (np.diff(scales[0, [0, 24, 47, 59], 0]) > 0).all()  # errors grow with the steps ahead
    alone = model.predict({"a": history["a"]}, 60)
    np.testing.assert_allclose(alone.values[0], forecasts[0], rtol=1e-12)


def test_a_level_shift_carries_over_where_weights_are_tied_to_the_level():
    weights = np.random.default_rng(0).normal(size=(30, 48)).astype(np.float32)
    weights += (1 - weights.sum(axis=1, keepdims=True)) / 48
    model = LinearModel((24,), weights, np.ones(30), 0.0)
    model.validate()
    values = hourly(300)
    moved = values + 1e8 * (np.arange(300) >= 200)
    plain, shifted = model.predict({"a": Series(values), "b": Series(moved)}).values
    np.testing.assert_allclose(shifted - 1e8, plain, atol=1e-5)


def test_it_is_better_than_the_seasonal_naive_forecast():
    values = hourly(3000)
    model = train_linear([Series(values[:2400])], 168, (24, 168))
    assert model is not None
    errors = np.zeros(2)
    for end in range(2400, 2832, 24):
        truth = values[end : end + 168]
        found = model.predict({"": Series(values[:end])}).values[0]
        errors += [np.abs(found - truth).mean(), np.abs(np.resize(values[end - 168 : end], 168) - truth).mean()]
    assert errors[0] < 0.95 * errors[1]


@pytest.mark.parametrize("rows", [3000, 500])
def test_held_out_values_do_not_change_what_a_fold_is_trained_on(rows: int):
    values, context, horizon = hourly(rows), 168, 48
    held_rows: list[int] = []
    for k in range(4):
        first, end = linear_model._held(rows, context, horizon, k)  # pyright: ignore[reportPrivateUsage]
        changed = values.copy()
        changed[first:end] = 0.0
        one, other = (
            linear_model._Fold.of([[each]], context, horizon, k)  # pyright: ignore[reportPrivateUsage]
            for each in (values, changed)
        )
        for a, b in zip(one.trained, other.trained, strict=True):
            np.testing.assert_array_equal(a, b)
        if one.held:
            (held,) = one.held
            np.testing.assert_allclose(np.diff(held), np.diff(values[first - context : end]), atol=1e-12)
        held_rows += range(first, end)
    assert held_rows == list(range(168, rows) if rows == 3000 else range(rows - rows // 5, rows))


def test_a_level_reverts_to_the_mean_as_far_as_it_did_in_training():
    rng = np.random.default_rng(0)
    noise, values = rng.normal(size=4000), np.zeros(4000)
    for t in range(1, 4000):
        values[t] = 0.98 * values[t - 1] + noise[t]
    model = train_linear([Series(values)], 100, (1,))
    assert model is not None
    assert model.reach > 0.0
    # half of the model reverts as the series does, half keeps the level
    kept = 0.5 + 0.5 * 0.98 ** np.array([1, 50, 100])
    np.testing.assert_allclose(model.weights.sum(axis=1)[[0, 49, 99]], kept, atol=0.1)
    near, far = (np.append(values, np.full(100, level)) for level in (8.0, 1000.0))
    found = model.predict({"near": Series(near), "far": Series(far)}).values
    assert found[0, -1] < 6.0
    assert 900.0 < found[1, -1] < 1000.0


def test_masked_values_are_neither_learned_nor_scored():
    values, wrong = hourly(1500), hourly(1500)
    gone = (400, 401, 700)
    wrong[list(gone)] = 1e6
    one, other = (train_linear([Series(each, filled=gone, masked=True)], 24, (24,)) for each in (values, wrong))
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.weights, other.weights)
    np.testing.assert_array_equal(one.errors, other.errors)
    late = Series(np.append(values, 1e6), filled=(1500,), masked=True)
    known = Series(np.append(values, values[-24]))
    np.testing.assert_array_equal(one.predict({"": late}).values, one.predict({"": known}).values)


def test_series_that_are_never_negative_have_no_negative_forecasts():
    sun = np.maximum(np.sin(np.arange(1200) / 12 * np.pi), 0.0) + 0.1 * np.random.default_rng(0).random(1200)
    model = train_linear([Series(sun)], 24, (24,))
    assert model is not None
    assert (model.predict({"": Series(np.maximum(sun - 0.1, 0.0))}).values >= 0.0).all()


@pytest.mark.parametrize("rows", [2, 30, 100])
def test_too_few_rows_give_no_model(rows: int):
    assert train_linear([Series(hourly(rows))], 48, (24,)) is None


@pytest.mark.parametrize("values", [np.full(500, 3.0), np.resize([1.0, 2.0, 4.0], 600), np.arange(600) * 1e97])
def test_odd_series_are_forecast(values: np.ndarray):
    model = train_linear([Series(values)], 6, (3,))
    assert model is not None
    found = model.predict({"": Series(values)})
    assert np.isfinite(found.values).all()
    assert found.error_scale is not None
    assert (found.error_scale > 0.0).all()
    if values.max() < 10:
        np.testing.assert_allclose(found.values[0], np.resize(values[-3:], 6), rtol=1e-6)


def test_many_series_share_their_weights_whatever_their_units():
    series = [Series(10.0**k * hourly(400, seed=k)) for k in range(6)]
    model = train_linear(series, 48, (24,))
    assert model is not None
    scaled = train_linear([Series(hourly(400, seed=k)) for k in range(6)], 48, (24,))
    assert scaled is not None
    np.testing.assert_allclose(model.weights, scaled.weights, atol=1e-5)


def test_a_model_comes_back_from_a_file(tmp_path: Path):
    model = train_linear([Series(hourly())], 24, (24, 168))
    assert model is not None
    model.validate()
    codec = Codec(LinearModel, {"linear model/1": LinearModel})
    io.write(tmp_path / "f", "linear", *codec.encode(model))
    assert (tmp_path / "f").stat().st_size < 4 * model.weights.size + 8 * len(model.errors) + 2000
    _, description, tensors = io.read(tmp_path / "f")
    loaded = codec.decode(description, tensors)
    history = {"": Series(hourly(seed=3))}
    np.testing.assert_array_equal(loaded.predict(history).values, model.predict(history).values)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seasons", (24, 25)),
        ("seasons", ()),
        ("errors", np.zeros(24)),
        ("reach", -1.0),
        ("weights", np.full((24, 168), np.nan, np.float32)),
        ("weights", np.ones((24, 168), np.float32)),
        ("weights", np.full((24, 100), 1 / 100, np.float32)),
    ],
)
def test_a_model_that_training_does_not_make_is_refused(field: str, value: object):
    weights = np.full((24, 168), 1 / 168, np.float32)
    model = LinearModel((24, 168), weights, np.ones(24), 0.0)
    model.validate()
    with pytest.raises(ValueError, match=field):
        replace(model, **{field: value}).validate()


def test_a_history_shorter_than_the_context_is_continued_backwards():
    model = train_linear([Series(hourly(1500))], 24, (24,))
    assert model is not None
    assert model.context > 100
    short = Series(np.resize(hourly(24), 100))
    model.check_history(short)
    long = Series(np.resize(short.values[4:28], 24 * 30))  # ends as the short one does
    np.testing.assert_allclose(long.values[-100:], short.values[:100], rtol=0)
    np.testing.assert_allclose(*(model.predict({"": each}).values[0] for each in (short, long)), atol=0.1)
    with pytest.raises(DataError, match="at least 48 rows"):
        model.check_history(Series(hourly(47)))


def test_the_unit_of_a_window_is_its_change_over_a_season():
    rows = np.array([[0.0, 2.0, 1.0, 4.0, 3.0, 4.0]])
    np.testing.assert_allclose(window_unit(rows, 2), [[(1 + 2 + 2 + 0) / 4]])
    np.testing.assert_allclose(window_unit(np.resize([1.0, 3.0], 6)[None], 2), [[0.01]])
