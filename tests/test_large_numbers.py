"""Layer normalisation of numbers whose squares overflow: the answer is that of float64."""

from __future__ import annotations

import numpy as np
import pytest
from cases import both

from elman.core.layers import GRU, LSTM, Dense, Layout, Recurrent, Simple
from elman.core.losses import MSE
from elman.core.requests import Batch, Objective

CELLS = {
    "tanh": Simple(layer_norm=True),
    "relu": Simple("relu", layer_norm=True),
    "lstm": LSTM(layer_norm=True),
    "gru": GRU(layer_norm=True),
}


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e17, 1e19, 1e25, 1e30, 1e36])
@pytest.mark.parametrize("cell", CELLS)
def test_layer_norm_of_large_inputs(cell: str, size: float):
    layout = Layout([Recurrent(24, CELLS[cell]), Dense(2)], 5)
    rng = np.random.default_rng(1)
    theta = (0.4 * rng.normal(size=layout.size)).astype(np.float32)
    x = (size * rng.normal(size=(3, 6, 5))).astype(np.float32)
    y = rng.normal(size=(3, 6, 2)).astype(np.float32)
    reference, native = both()
    wide = Batch(x.astype(np.float64), y.astype(np.float64))
    exact = reference.predict(layout, theta.astype(np.float64), wide)[0]
    slopes = reference.loss_and_grad(layout, theta.astype(np.float64), wide, Objective(MSE()))[1]
    for engine in (reference, native):
        np.testing.assert_allclose(engine.predict(layout, theta, Batch(x))[0], exact, rtol=2e-4, atol=2e-4)
        if size > 1e30:  # one over the deviation, times small gradients, is below float32's smallest number
            continue
        found = engine.loss_and_grad(layout, theta, Batch(x, y), Objective(MSE()))[1]
        np.testing.assert_allclose(found, slopes, rtol=2e-3, atol=2e-4 * np.abs(slopes).max())


@pytest.mark.parametrize("size", [1.0, 1e150, 1e200, 1e290])
def test_layer_norm_does_not_depend_on_the_unit(size: float):
    """Without eps, which counts for nothing here, normalisation takes out any factor."""
    layout = Layout([Recurrent(24, LSTM(layer_norm=True)), Dense(2)], 5)
    rng = np.random.default_rng(1)
    theta = 0.4 * rng.normal(size=layout.size)
    x = 1e9 * rng.normal(size=(3, 6, 5))
    for engine in both():
        expected = engine.predict(layout, theta, Batch(x))[0]
        np.testing.assert_allclose(engine.predict(layout, theta, Batch(x * size))[0], expected, rtol=1e-11)


def test_layer_norm_of_what_is_not_finite_is_not_finite():
    layout = Layout([Recurrent(24, LSTM(layer_norm=True)), Dense(2)], 5)
    theta = np.full(layout.size, 0.1)
    for engine in both():
        for value in (np.nan, np.inf):
            x = np.ones((1, 3, 5))
            x[0, 1, 2] = value
            with np.errstate(invalid="ignore"):
                found = engine.predict(layout, theta, Batch(x))[0]
            assert np.isfinite(found[0, 0]).all()
            assert np.isnan(found[0, 1:]).all()
