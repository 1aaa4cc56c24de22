"""Exponential smoothing and Theta models beside statsforecast's, frozen by golden/make_smoothing.py."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from smoothing_series import SEASON, SERIES

from elman.core.smoothing import FORMS, Smoothing
from elman.engines.smoothing import likelihood
from elman.forecast.smoothing import fit_smoothing, fit_theta

FROZEN = dict(np.load(Path(__file__).parent / "golden" / "smoothing.npz"))
AHEAD = 12


@pytest.mark.parametrize("name", SERIES)
def test_the_series_are_those_that_were_frozen(name: str):
    np.testing.assert_allclose(FROZEN[name], SERIES[name], rtol=1e-12)


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_likelihood_and_forecasts_are_statsforecasts_at_its_parameters(form: Smoothing, name: str):
    y, frozen = SERIES[name], FROZEN[f"ets-{name}-{form.name}"]
    width = 2 + (SEASON if form.season else 0)
    parameters, initial, expected, ahead = np.split(frozen, [4, 4 + width, 5 + width])
    arguments = y[None], np.array([len(y)]), parameters[None], initial[None], np.array([1e-300])
    found = likelihood(form, *arguments, gradient=False).value
    np.testing.assert_allclose(-found, expected, rtol=1e-9)
    models = fit_smoothing([y], SEASON, [Smoothing()])
    states = np.zeros((1, 2 + SEASON))
    states[0, :width] = initial
    models = replace(models, forms=(form.name,), parameters=parameters[None], initial=states).updated([y])
    # Where a trend is damped, theirs goes on with phi b, phi b, phi^2 b, ...: the second row repeats a power
    alike = 1 if form.damped else AHEAD
    np.testing.assert_allclose(models.forecast(AHEAD)[0, :alike], ahead[:alike], rtol=1e-7)


def test_the_fitted_likelihood_is_as_high_as_statsforecasts():
    """Within 0.5 %; as high wherever its parameters are allowed here: in version 2.1.1 beta may be above alpha, and
    gamma above 1 - alpha."""
    near, above = [], []
    for form in FORMS:
        models = fit_smoothing(list(SERIES.values()), SEASON, [form], prior=False)
        assert models.forms == (form.name,) * len(SERIES)
        for name, concentrated in zip(SERIES, models.log_likelihood, strict=True):
            n = len(SERIES[name])
            frozen = FROZEN[f"ets-{name}-{form.name}"]
            alpha, beta, gamma, expected = *frozen[:3], frozen[-AHEAD - 1]
            ours = concentrated + 0.5 * n * (1.0 + np.log(2.0 * np.pi / n))
            near.append(ours > expected - 0.005 * abs(expected))
            if beta <= alpha and gamma <= 1.0 - alpha:
                above.append(ours > expected - 0.01)
    assert np.mean(near) >= 0.95
    assert len(above) >= 60
    assert np.mean(above) >= 0.95


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("kind", ["STM", "OTM", "DSTM", "DOTM"])
def test_theta_models_are_statsforecasts_at_its_parameters_and_fit_as_well(kind: str, name: str):
    y, frozen = SERIES[name], FROZEN[f"theta-{name}-{kind}"]
    level, alpha, theta, squares = frozen[:4]
    models = fit_theta([y], 1, [kind])
    fitted = ((y - models.fitted_values([y])[0])[3:] ** 2).sum()
    assert fitted <= squares * 1.001
    theirs = replace(
        models, level=np.array([level]), alpha=np.array([alpha]), share=np.array([1.0 - 1.0 / theta])
    ).updated([y])
    np.testing.assert_allclose(((y - theirs.fitted_values([y])[0])[3:] ** 2).sum(), squares, rtol=1e-6)
    np.testing.assert_allclose(theirs.forecast(AHEAD)[0], frozen[4:], rtol=1e-4)
