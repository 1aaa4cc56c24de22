"""Values, options and data that a detector refuses: the errors name them, and the detector stays as it was."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from anomaly_series import QUICK, dates, wave

from elman import AnomalyDetector
from elman.forecast import DataError, as_series


@pytest.fixture(scope="module")
def fitted() -> AnomalyDetector:
    return AnomalyDetector(**QUICK).fit(wave(), time=dates(3000))


@pytest.mark.parametrize(
    ("value", "error"),
    [(math.nan, ValueError), (math.inf, ValueError), (-math.inf, ValueError), ("7", TypeError), (None, TypeError),
     (True, TypeError)],
)  # fmt: skip
def test_score_one_takes_finite_numbers_only(fitted, value, error):
    before = fitted.rows_
    with pytest.raises(error, match="value: expected a finite number"):
        fitted.score_one(value)
    assert fitted.rows_ == before


def test_score_one_takes_numbers_of_other_types(fitted):
    copied, other = (pickle.loads(pickle.dumps(fitted)) for _ in range(2))
    assert copied.score_one(np.float32(100)) == other.score_one(100)
    assert copied.score_one(1e308)[1]


def test_score_one_needs_a_fitted_detector():
    with pytest.raises(RuntimeError, match="expected fit to be called before"):
        AnomalyDetector().score_one(1.0)


def test_detect_refuses_rows_that_do_not_follow(fitted):
    copied = pickle.loads(pickle.dumps(fitted))
    with pytest.raises(DataError, match="the rows begin at 2024-01-01 00:00, expected 2024-03-03 12:00, which follows"):
        copied.detect(as_series(wave(10), time=dates(10)))
    with pytest.raises(DataError, match="index 1: expected a finite number, got nan"):
        copied.detect([1.0, math.nan])
    with pytest.raises(ValueError, match="y: expected at least one value"):
        copied.detect([])
    assert copied.rows_ == 3000
    assert len(copied.detect(as_series(wave(3010)[3000:], time=dates(3010)[3000:]))) == 10
    copied.score_one(100.0)
    assert copied.detect([100.0]).series.labels == ["2024-03-03 17:30"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rate": 0.0}, ValueError, r"rate: expected a finite number in \(0.0, 0.1\], got 0.0"),
        ({"rate": "1e-4"}, TypeError, "rate: expected a finite number"),
        ({"probation": 0}, ValueError, "probation: expected a finite number above 0.0, got 0"),
        ({"probation": 100.5}, TypeError, "probation: expected a whole number of at least 1, got 100.5"),
        ({"probation": 3000}, DataError, "3000 rows are too few to learn from the first 3000 of them: none would be"),
        ({"season": 0}, ValueError, "season: expected a whole number of at least 1, got 0"),
        ({"season": ()}, ValueError, "season: expected a number of rows"),
        ({"effort": "huge"}, ValueError, "effort: expected one of 'fast', 'normal', 'best', got 'huge'"),
        ({"cell": "rnn"}, ValueError, "cell: expected one of"),
        ({"season": 10**9}, DataError, "season: 1000000000 rows are more than the series has"),
        ({"hidden_size": 10**9}, ValueError, "hidden_size: expected"),
        ({"seed": 10**30}, ValueError, "seed: expected"),
        ({"hidden_size": 0}, ValueError, r"hidden_size: expected a whole number in \[1, 4096\], got 0"),
        ({"seed": -1}, ValueError, r"seed: expected a whole number in \[0, 9223372036854775807\], got -1"),
        ({"missing": "drop"}, ValueError, "missing: expected one of"),
    ],
)
def test_invalid_options_are_refused_by_name(options, error, message):
    with pytest.raises(error, match=message):
        AnomalyDetector(**options).fit(wave())


@pytest.mark.parametrize("rate", [1e-12, 1e-30, 1e-320])
def test_the_smallest_rates_have_finite_bounds(rate: float):
    found = AnomalyDetector(rate=rate, effort="fast").fit(wave()).anomalies_
    assert np.isfinite(found.bounds).all()
    assert (found.bounds[:, 0] < found.bounds[:, 1]).all()


def test_detect_refuses_text(fitted):
    with pytest.raises(TypeError, match=r"y: expected numbers, got \['x'\]"):
        fitted.detect(["x"])
    assert fitted.rows_ == 3000


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (wave(60), "60 rows are too few: the first 60 at least are learned from, and one must be left to score"),
        (
            np.where(np.arange(3000) < 450, 3.0, wave()),
            r"each of the first 450 rows, which are learned from, is 3; give a larger probation \(--probation\)",
        ),
        (np.zeros(3000), "every value is 0"),
        (np.where(np.arange(3000) == 7, np.nan, wave()), "index 7: the value is missing"),
        (np.where(np.arange(3000) == 9, np.inf, wave()), "index 9: expected a finite number, got infinity"),
    ],
    ids=["few", "constant probation", "constant", "missing", "infinite"],
)
def test_data_that_cannot_be_used_are_refused(values: np.ndarray, message: str):
    with pytest.raises(DataError, match=message):
        AnomalyDetector(**QUICK).fit(values)


def test_missing_values_are_interpolated():
    values = wave()
    values[7] = np.nan
    assert np.isfinite(AnomalyDetector(missing="interpolate", **QUICK).fit(values).scores_[450:]).all()
