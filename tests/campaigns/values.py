"""What nobody should ask for, and somebody will: extreme options as text and as Python values, and extreme series."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["ODD", "SERIES", "TEXTS", "WHOLE", "WORK"]

# what is typed for a number
WHOLE = [
    "0", "-1", "1", "2", "3", "12", "60", "1000", "1000000", "1000000000", "1" + 400 * "0", "9" * 5000, "-" + 30 * "9",
    "nan", "inf", "-inf", "1e3", "1e308", "1e400", "1e-320", "0.5", "-0.0", "", " ", " 7 ", "1_000", "0x10", "\u0663",
    "x", "1,2", ",", "7,14", "14,7", "2,3", "80", "80,95", "100", "99.9999999", "1e-9", "50,50", "0,5",
]  # fmt: skip
# what of these asks for so many seconds or updates of work, which is then done
WORK = {"3", "12", "60", "1000", "1e3", " 7 ", "1_000", "80", "100", "99.9999999", "\u0663"}
# what is typed for a name
TEXTS = [
    "", " ", "x", "month", "sales", "shop", "größe", "日本", "\udcff", "a\0b", "a\nb", "a,b", ",", "--", "-", "%s",
    "{}", ".", "..", "/", "/dev/null", "/dev/full", "/dev/stdin", "n" * 300, "n" * 50_000, "error", "mask",
    "interpolate", "fast", "median", "quantiles", "gaussian", "student_t", "csv", "parquet", "D", "ME", "0D", "-1D",
    "999999999999D", "month,weekday", "minute",
]  # fmt: skip
# what is handed to a Python argument
ODD: list[Any] = [
    None, 0, 1, 2, 7, -1, 10**9, 10**30, -(10**30), True, False, 0.0, 0.5, 1.0, 2.0, -1.5, 1e300, 1e-320,
    math.nan, math.inf, -math.inf, "", "x", "12", "größe", "x" * 10_000, b"x", (), (1,), (7, 14), (3, 5), [80, 95],
    [1e-9, 99.999], [math.nan], ["x"], {}, {"a": 1}, set(), object(), 1j, np.int64(5), np.float32(3.0), np.array(4),
    np.array([4, 8]), range(3), print, np.datetime64("2020-01-01"), "D", "0D", "mask", "interpolate", "gru", "gaussian",
    "fast", (0.1, 0.5, 0.9),
]  # fmt: skip


def _wave(n: int) -> np.ndarray:
    return np.sin(2.0 * np.pi * np.arange(n) / 12.0)


def _noise(n: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=n)


# finite all of them; what elman refuses among these, it refuses with a DataError
SERIES: dict[str, Callable[[int], np.ndarray]] = {
    "a wave": lambda n: 10.0 + _wave(n) + 0.1 * _noise(n),
    "growing": lambda n: np.exp(2.0 * np.arange(min(n, 110))),
    "growing to 1e99": lambda n: np.exp(np.linspace(0.0, 229.0, n)),
    "shrinking": lambda n: np.exp(-np.linspace(0.0, 229.0, n)),
    "from 1e-99 to 1e99": lambda n: np.exp(np.linspace(-229.0, 229.0, n)),
    "falling below zero": lambda n: -np.exp(np.linspace(0.0, 229.0, n)),
    "growing ever faster": lambda n: np.exp(np.minimum(np.exp(0.1 * np.arange(n)), 229.0)),
    "denormal": lambda n: 5e-324 * (1.0 + np.arange(n) % 7),
    "denormal and huge": lambda n: np.where(np.arange(n) % 2, 1e100, 5e-324),
    "tiny": lambda n: 1e-99 * (2.0 + _wave(n)),
    "huge": lambda n: 1e99 * (2.0 + _wave(n)),
    "huge, both signs": lambda n: 1e99 * _noise(n),
    "beyond reckoning": lambda n: 1e300 * (2.0 + _wave(n)),
    "one outlier": lambda n: np.where(np.arange(n) == n // 2, 1e90, 5.0),
    "an outlier at the end": lambda n: np.where(np.arange(n) == n - 1, 1e90, 0.3),
    "an outlier at the start": lambda n: np.where(np.arange(n) == 0, 1e90, 5.0),
    "a tiny one among zeros": lambda n: np.where(np.arange(n) == n // 2, 1e-90, 0.0),
    "constant, then noise": lambda n: np.where(np.arange(n) < n // 2, 0.1, _noise(n)),
    "noise, then constant": lambda n: np.where(np.arange(n) < n // 2, _noise(n), 0.1),
    "rounding alone": lambda n: 1.0 + 2.2e-16 * (np.arange(n) % 3),
    "large, little noise": lambda n: 1e16 + np.round(4.0 * _noise(n)),
    "from end to end": lambda n: np.where(np.arange(n) % 2, 1e100, -1e100),
    "spikes": lambda n: np.where(np.arange(n) % 29 == 5, 1e60, _noise(n)),
    "the last alone": lambda n: np.where(np.arange(n) == n - 1, 1.0, 0.0),
    "zeros and ones": lambda n: (_noise(n) > 0.0) * 1.0,
    "periodic": lambda n: np.resize([0.1, 0.7, 0.3], n),
    "cubes": lambda n: np.arange(n) ** 3.0,
    "constant": lambda n: np.full(n, 7.0),
    "two rows": lambda n: np.array([1.0, 2.0]),
    "none": lambda n: np.zeros(0),
}
