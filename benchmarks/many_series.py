"""10,000 short series fitted and forecast by one model: `python -m benchmarks.many_series` prints time and memory.

The series are drawn: a level, a trend, a season of 7 and noise, 100 points each; 14 ahead, two backtest windows.
"""

from __future__ import annotations

import argparse
import resource
import time
from itertools import pairwise

import numpy as np

import elman


def series(count: int, rows: int = 100) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    steps = np.arange(rows)
    level = 10 ** rng.uniform(0, 4, (count, 1))
    trend = 1 + rng.normal(0, 0.003, (count, 1)) * steps
    season = 1 + rng.uniform(0, 0.4, (count, 1)) * np.sin(2 * np.pi * (steps / 7 + rng.uniform(0, 1, (count, 1))))
    noise = rng.normal(1, 0.05, (count, rows))
    return {f"series {k}": values for k, values in enumerate(level * trend * season * noise)}


def peak() -> float:
    """MiB that this process held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_series", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--effort", default="normal")
    given = parser.parse_args()
    data = series(given.count)
    before = peak()
    times = [time.perf_counter()]
    model = elman.Forecaster(horizon=14, season=7, windows=2, effort=given.effort).fit(data)
    times.append(time.perf_counter())
    forecasts = model.forecast()
    times.append(time.perf_counter())
    fit, forecast = (1e3 * (b - a) / given.count for a, b in pairwise(times))
    print(f"{len(forecasts)} series of 100 points, effort {given.effort}: fit {times[1] - times[0]:.1f} s")
    print(f"a series: fit {fit:.2f} ms, forecast with intervals {forecast:.3f} ms")
    print(f"memory: {peak():.0f} MiB at most, {before:.0f} before the fit")
    print(model.verdict())


if __name__ == "__main__":
    main()
