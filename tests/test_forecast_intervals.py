"""Widths of intervals: how far each series of a panel has a size of its own."""

from __future__ import annotations

import numpy as np
import pytest

from elman.forecast.evaluation.backtest import Backtest
from elman.forecast.evaluation.coverage import pooled_errors


def backtest(sizes: np.ndarray, h: int = 8, seed: int = 0) -> Backtest:
    """A backtest of series with windows whose errors have these sizes (S, W)."""
    rng = np.random.default_rng(seed)
    series, windows = sizes.shape
    truth = rng.normal(size=(series * windows, h)) * sizes.reshape(-1, 1)
    count = len(truth)
    return Backtest(
        truth,
        {"combination": np.zeros((count, h)), "naive": np.zeros((count, h))},
        np.ones(count),
        (("", ""),) * count,
        tuple(100 + h * (w % windows) for w in range(count)),
        tuple(f"s{w // windows}" for w in range(count)),
        np.ones((count, h, 2)),
    )


def spread(sizes: np.ndarray) -> float:
    """Returns the standard deviation of the logarithms of the sizes that the series are given."""
    found = pooled_errors(backtest(sizes), "combination")
    return float(np.std(np.log(list(found.sizes.values()))))


def test_windows_that_have_nothing_in_common_give_their_series_no_size() -> None:
    rng = np.random.default_rng(1)
    sizes = np.exp(rng.normal(size=(200, 2)))
    assert spread(sizes) < 0.1
    found = pooled_errors(backtest(sizes), "combination")
    later = backtest(sizes, seed=7)
    low, high = np.moveaxis(
        found.bands(later.ids, 0.0 * later.truth, np.ones((*later.truth.shape, 2)), [95.0])[0], 2, 0
    )
    assert ((later.truth >= low) & (later.truth <= high)).mean() == pytest.approx(0.95, abs=0.01)


def test_series_whose_windows_are_alike_have_their_own_sizes() -> None:
    rng = np.random.default_rng(2)
    own = np.exp(rng.normal(size=(200, 1)))
    assert spread(np.repeat(own, 2, axis=1)) == pytest.approx(1.0, abs=0.15)
    found = pooled_errors(backtest(np.repeat(own, 2, axis=1)), "combination")
    assert np.corrcoef(np.log(own[:, 0]), np.log([found.sizes[f"s{i}"] for i in range(200)]))[0, 1] > 0.9


@pytest.mark.parametrize("shape", [(1, 4), (2, 1), (2, 2), (3, 2)])
def test_few_series_have_sizes(shape: tuple[int, int]) -> None:
    sizes = np.repeat([[1.0], [10.0], [100.0]][: shape[0]], shape[1], axis=1)
    found = pooled_errors(backtest(sizes), "combination")
    assert np.isfinite([*found.sizes.values()]).all()
    if shape == (3, 2):
        assert found.sizes["s2"] > 10 * found.sizes["s0"]
