"""A small form of `tests/campaigns/extremes.py`: forecasts, anomalies and every command asked for extremes."""

from __future__ import annotations

import os
import warnings
from collections import Counter

import numpy as np
import pytest

pytest.importorskip("typer")
if os.name != "posix":
    pytest.skip("alarms of POSIX", allow_module_level=True)
from elman.forecast import Forecaster, ForecastWarning
from tests.campaigns.extremes import campaign
from tests.campaigns.values import SERIES


def test_extremes_end_in_one_line_or_finite_numbers():
    counted, wrong = campaign(24, seed=0)
    assert not wrong, "\n".join(wrong)
    kinds = Counter(outcome.split(": ")[1] for outcome in counted.elements())
    assert kinds.keys() >= {"exit 0", "exit 2", "exit 3", "finite", "TypeError"}, counted


@pytest.mark.parametrize("name", ["from 1e-99 to 1e99", "an outlier at the end"])
def test_sizes_far_apart_are_forecast_without_a_word_of_numpys(name: str):
    """The likelihood's slope overflows on the way to its maximum, and a linear model's weights no float32 holds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ForecastWarning)
        own = Forecaster(effort="fast", windows=2, distribution="median").fit(SERIES[name](90))
    assert np.isfinite(own.forecast().values).all()
