"""Exponential smoothing: its derivatives, its fit to series of every kind, and what is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import elman
from elman.core.smoothing import FORMS, Smoothing
from elman.engines.select import compiled
from elman.engines.smoothing import likelihood, smooth
from elman.estimators.codec import Codec
from elman.forecast.smoothing import SmoothingModels, ThetaModels, fit_smoothing, fit_theta
from elman.forecast.smoothing.fit import fit_choices

SIMPLE = (Smoothing(), Smoothing("additive", "additive"), Smoothing("multiplicative", "additive", True))

Fit = Callable[..., SmoothingModels | ThetaModels]


def drawn(form: Smoothing, n: int = 5, steps: int = 17, season: int = 4) -> tuple[np.ndarray, ...]:
    """Ragged series with gaps, parameters, and states before them."""
    rng = np.random.default_rng(len(form.name) + steps)
    m = season if form.season else 0
    y = np.abs(rng.normal(10.0, 2.0, (n, steps))) + 0.2 * np.arange(steps)
    y[2 % n, 5] = y[3 % n, 0] = np.nan
    lengths = rng.integers(season + 2, steps + 1, n)
    lengths[0] = steps
    parameters = rng.uniform([0.2, 0.05, 0.05, 0.8], [0.7, 0.2, 0.3, 0.98], (n, 4))
    parameters[:, 1] *= form.trend is not None
    parameters[:, 2] *= form.season is not None
    parameters[:, 3] = np.where(form.damped, parameters[:, 3], 1.0)
    trend = rng.normal(0.0, 0.3, n) * (form.trend is not None)
    seasons = rng.uniform(0.8, 1.2, (n, m)) if form.season == "multiplicative" else rng.normal(0.0, 1.0, (n, m))
    return y, lengths, parameters, np.column_stack([rng.normal(10.0, 1.0, n), trend, seasons])


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_the_gradient_is_that_of_finite_differences(form: Smoothing):
    y, lengths, parameters, initial = drawn(form)
    floor = np.full(len(y), 1e-9)
    found = likelihood(form, y, lengths, parameters, initial, floor)
    for name, array in (("parameters", parameters), ("initial", initial)):
        for column in range(array.shape[1]):
            if name == "initial" and column == 1 and form.trend is None:
                continue  # a trend that is not there
            step = np.zeros(array.shape)
            step[:, column] = 1e-6
            sides = [{"parameters": parameters, "initial": initial, name: array + sign * step} for sign in (1.0, -1.0)]
            high, low = (likelihood(form, y, lengths, floor=floor, **side).value for side in sides)
            np.testing.assert_allclose(getattr(found, name)[:, column], (high - low) / 2e-6, rtol=1e-6, atol=1e-6)


@pytest.mark.skipif(compiled() is None, reason="needs the compiled core")
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_the_kernel_is_the_reference(form: Smoothing, monkeypatch: pytest.MonkeyPatch):
    for n, steps in ((1, 6), (3, 17), (29, 40)):
        y, lengths, parameters, initial = drawn(form, n, steps)
        floor = np.full(n, 1e-9)
        wide = np.concatenate([y, y], axis=1)[:, : y.shape[1]]  # strided
        kernel = (
            *likelihood(form, wide, lengths, parameters, initial, floor),
            *smooth(form, y, lengths, parameters, initial),
        )
        alone = likelihood(form, y, lengths, parameters, initial, floor, gradient=False)
        np.testing.assert_array_equal(alone[:2], kernel[:2])
        with monkeypatch.context() as patch:
            patch.setenv("ELMAN_ENGINE", "reference")
            reference = (
                *likelihood(form, y, lengths, parameters, initial, floor),
                *smooth(form, y, lengths, parameters, initial),
            )
        for found, expected in zip(kernel, reference, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10 * np.nanmax(np.abs(expected)))


@pytest.mark.skipif(compiled() is None, reason="needs the compiled core")
@pytest.mark.parametrize("form", [FORMS[2], FORMS[-1]], ids=lambda form: form.name)
def test_threads_change_no_bit(form: Smoothing):
    y, lengths, parameters, initial = drawn(form, 300, 23)
    before = elman.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            elman.set_num_threads(threads)
            results.append(likelihood(form, y, lengths, parameters, initial, np.full(300, 1e-9)))
    finally:
        elman.set_num_threads(before)
    for other in results[1:]:
        for found, expected in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_series_alone_has_the_bits_that_it_has_among_others_and_states_go_on(form: Smoothing):
    y, lengths, parameters, initial = drawn(form)
    together = smooth(form, y, lengths, parameters, initial)
    for i, length in enumerate(lengths):
        one = slice(i, i + 1)
        alone = smooth(form, y[one, :length], lengths[one], parameters[one], initial[one])
        np.testing.assert_array_equal(alone.fitted[0], together.fitted[i, :length])
        np.testing.assert_array_equal(alone.state[0], together.state[i])
        part = smooth(form, y[one, :5], np.array([5]), parameters[one], initial[one])
        rest = smooth(form, y[one, 5:length], lengths[one] - 5, parameters[one], part.state)
        np.testing.assert_array_equal(rest.fitted[0], together.fitted[i, 5:length])
        np.testing.assert_array_equal(rest.state[0], together.state[i])


def test_simple_smoothing_is_the_textbook_recursion_and_carries_its_level_over_a_gap():
    y, level, expected = np.array([3.0, 5.0, np.nan, 4.0]), 2.0, []
    for known in y:
        expected.append(level)
        level += 0.3 * (known - level) if np.isfinite(known) else 0.0
    found = smooth(Smoothing(), y[None], np.array([4]), np.array([[0.3, 0.0, 0.0, 1.0]]), np.array([[2.0, 0.0]]))
    np.testing.assert_allclose(found.fitted[0], expected, rtol=1e-15)
    np.testing.assert_allclose(found.state[0], [level, 0.0], rtol=1e-15)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_forecasts_are_one_step_forecasts_over_rows_that_are_missing_and_variances_those_of_simulated_rows(
    form: Smoothing,
):
    rng = np.random.default_rng(5)
    h, m, paths = 10, 4, 40_000
    y, _, parameters, initial = drawn(form, 1, 17)
    models = fit_smoothing([y[0]], m, [Smoothing()])
    width, states, spread = initial.shape[1], np.zeros((1, 2 + m)), 0.1 if form.positive else 1.5
    states[:, :width] = initial
    models = replace(models, forms=(form.name,), parameters=parameters, initial=states, variance=np.array([spread**2]))
    models = models.updated([y[0]])
    gap = np.full(h, np.nan)
    fitted = models.fitted_values([np.concatenate([y[0], gap])])[0]
    np.testing.assert_allclose(models.forecast(h)[0], fitted[-h:], rtol=1e-12)

    level, trend = (np.full(paths, each) for each in models.state[0, :2])
    season = np.tile(models.state[0, 2:], (paths, 1))
    alpha, beta, gamma, phi = parameters[0]
    simulated = np.empty((paths, h))
    for k in range(h):
        base, s = level + phi * trend, season[:, k % m]
        product = form.season == "multiplicative"
        mu = base * s if product else base + s
        error = spread * rng.normal(size=paths) * (mu if form.positive else 1.0)
        simulated[:, k] = mu + error
        u, v = (error / s, error / base) if product else (error, error)
        level, trend, season[:, k % m] = base + alpha * u, phi * trend + beta * u, s + gamma * v
    np.testing.assert_allclose(models.variances(h)[0], simulated.var(axis=0), rtol=0.05)


def test_parameters_that_made_a_series_are_found_again():
    rng = np.random.default_rng(4)
    made = []
    for _ in range(6):
        level, season, y = 100.0, np.array([10.0, -4.0, 3.0, -9.0]), []
        for t in range(600):
            error = rng.normal(0.0, 2.0)
            y.append(level + season[t % 4] + error)
            level += 0.6 * error
            season[t % 4] += 0.2 * error
        made.append(np.array(y))
    form = Smoothing("additive", season="additive")
    models = fit_smoothing(made, 4, [form])
    np.testing.assert_allclose(models.parameters[:, [0, 2]].mean(axis=0), [0.6, 0.2], atol=0.05)
    np.testing.assert_allclose(models.variance.mean(), 4.0, rtol=0.1)


@pytest.mark.parametrize("fit", [fit_smoothing, fit_theta])
def test_series_of_every_kind_have_finite_forecasts(fit: Fit):
    rng = np.random.default_rng(1)
    gaps = rng.normal(50.0, 5.0, 30)
    gaps[[0, 7, 8, 29]] = np.nan
    series = {
        "one row": [3.0],
        "two": [3.0, 4.0],
        "three": [3.0, 4.0, 6.0],
        "four": [1.0, 0.0, -1.0, 2.0],
        "constant": [5.0] * 20,
        "zero": [0.0] * 12,
        "straight": np.arange(20.0),
        "with a zero": np.r_[0.0, rng.uniform(1.0, 2.0, 20)],
        "negative": rng.normal(-5.0, 1.0, 25),
        "tiny": rng.uniform(1.0, 2.0, 20) * 1e-90,
        "huge": rng.uniform(1.0, 2.0, 20) * 1e90,
        "gaps": gaps,
        "season": 10.0 + np.tile([1.0, 2.0, -1.0, 5.0], 6) + rng.normal(0.0, 0.1, 24),
    }
    values = [np.array(each, np.float64) for each in series.values()]
    models = fit(values, 4)
    forecast = dict(zip(series, models.forecast(5), strict=True))
    for name, each in forecast.items():
        known = values[list(series).index(name)]
        size = np.nanmax(np.abs(known))
        assert np.isfinite(each).all(), name
        assert np.abs(each).max() <= 3.0 * size + 1e-300, name
    np.testing.assert_allclose(forecast["constant"], 5.0, rtol=1e-6)
    np.testing.assert_allclose(forecast["straight"], np.arange(20.0, 25.0), rtol=0.02)
    np.testing.assert_allclose(forecast["season"], np.array([11.0, 12.0, 9.0, 15.0, 11.0]), atol=0.5)
    assert np.isfinite(models.variances(5)).all()
    assert (models.variances(5) >= 0.0).all()


@pytest.mark.parametrize("fit", [fit_smoothing, fit_theta])
def test_a_long_season_is_found_and_one_longer_than_the_series_is_not_looked_for(fit: Fit):
    rng = np.random.default_rng(6)
    season = 100.0 + 30.0 * np.sin(2.0 * np.pi * np.arange(52) / 52)
    models = fit([np.tile(season, 5)[:length] + rng.normal(0.0, 2.0, length) for length in (260, 230)], 52)
    expected = [season[260 % 52 + np.arange(10)], season[230 % 52 + np.arange(10)]]
    np.testing.assert_allclose(models.forecast(10), expected, atol=8.0)
    assert fit([season], 10**9).season == 1


@pytest.mark.parametrize("fit", [fit_smoothing, fit_theta])
def test_models_are_the_same_alone_and_go_on_with_newer_values(fit: Fit):
    rng = np.random.default_rng(2)
    season = np.tile([4.0, -4.0, 0.0, 1.0], 15)
    values = [20.0 + season[:length] + rng.normal(0.0, 1.0, length).cumsum() * 0.2 for length in (60, 31, 44)]
    options = {"forms": (*SIMPLE, FORMS[6], FORMS[-1])} if fit is fit_smoothing else {}
    models = fit([each[:-4] for each in values], 4, **options)
    alone = fit([values[1][:-4]], 4, **options)
    np.testing.assert_allclose(alone.forecast(6)[0], models.forecast(6)[1], rtol=1e-6)
    np.testing.assert_array_equal(models.take(np.array([1])).forecast(6)[0], models.forecast(6)[1])
    newer = models.updated(values)
    fitted = models.fitted_values(values)
    for i, each in enumerate(values):
        np.testing.assert_allclose(fitted[i][-4], models.forecast(1)[i, 0], rtol=1e-9)
        assert len(fitted[i]) == len(each)
    np.testing.assert_array_equal(newer.lengths, [60, 31, 44])
    np.testing.assert_allclose(newer.updated([each[:-4] for each in values]).forecast(3), models.forecast(3))
    assert not np.allclose(newer.forecast(1), models.forecast(1))


@pytest.mark.parametrize("fit", [fit_smoothing, fit_theta])
def test_models_come_back_from_a_file_as_they_were(fit: Fit):
    rng = np.random.default_rng(3)
    models = fit([rng.uniform(5.0, 9.0, length) for length in (12, 30)], 4)
    kind = type(models)
    codec = Codec(kind, {"models/1": kind})
    again = codec.decode(*codec.encode(models))
    assert isinstance(again, SmoothingModels | ThetaModels)
    np.testing.assert_array_equal(again.forecast(7), models.forecast(7))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0, np.inf]],), "values: expected series"),
        (([[np.nan]],), "values: expected series"),
        (([[1.0, 2.0]], 0), "season: expected"),
    ],
)
def test_wrong_arguments_are_named(arguments: tuple[Any, ...], message: str):
    for fit in (fit_smoothing, fit_theta):
        with pytest.raises(ValueError, match=message):
            fit(*([np.array(each) for each in arguments[0]], *arguments[1:]))
    with pytest.raises(ValueError, match="season: expected None or 'additive' with an additive error"):
        Smoothing("additive", None, False, "multiplicative")


def test_several_choices_are_those_of_one_after_another() -> None:
    rng = np.random.default_rng(5)
    values = [10 + rng.normal(size=rows).cumsum() for rows in (30, 17, 4, 3)]
    damped = tuple(form for form in FORMS if form.damped)
    for found, forms in zip(fit_choices(values, 4, [FORMS, damped]), (FORMS, damped), strict=True):
        alone = fit_smoothing(values, 4, forms)
        assert found.forms == alone.forms
        for name in ("parameters", "initial", "state", "criterion", "log_likelihood", "variance"):
            np.testing.assert_array_equal(getattr(found, name), getattr(alone, name))
