"""Exponential smoothing and Theta models on the M3 competition's series, beside statsforecast's.

    python -m benchmarks.smoothing --data FOLDER [--final] [--every N]

FOLDER holds m3/yearly_train.csv and so on. The last rows of the training parts are forecast, as many as the competition
asked for; --final forecasts the test parts. statsforecast 2.1.1 must be installed. Every line is printed for one group:

smape, mase   means over the series of each model's forecasts
near          share of the series on which our likelihood of the form that AutoETS chose is at most 0.5 % below its own
              (its logarithm, in statsforecast's scale), both without a prior;  as_high  ... at most 0.05 below
seconds       time to fit, with as many threads as ELMAN_NUM_THREADS says; statsforecast goes series by series
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from elman.core.smoothing import FORMS
from elman.forecast.evaluation.metrics import mase_scale, measure
from elman.forecast.smoothing import fit_smoothing, fit_theta

GROUPS = {"yearly": (1, 6), "quarterly": (4, 8), "monthly": (12, 18), "other": (1, 8)}  # season, horizon
BY_NAME = {form.name: form for form in FORMS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--final", action="store_true")
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    for group, (season, horizon) in GROUPS.items():
        known, truth = parts(options.data, group, horizon, options.final, options.every)
        for name, seconds, forecasts, words in models(known, season, horizon):
            found = [
                measure(after, each, mase_scale(before, season))
                for before, after, each in zip(known, truth, forecasts, strict=True)
            ]
            smape, mase = (float(np.nanmean([each[what] for each in found])) for what in ("smape", "mase"))
            print(f"{group:10} {name:10} smape {smape:7.3f}  mase {mase:6.4f}  {seconds:7.2f} seconds  {words}")


def parts(data: Path, group: str, horizon: int, final: bool, every: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Returns the known rows of every series of a group, and those to be forecast."""
    training = list(read(data / "m3" / f"{group}_train.csv"))[::every]
    if final:
        return training, list(read(data / "m3" / f"{group}_test.csv"))[::every]
    return [each[:-horizon] for each in training], [each[-horizon:] for each in training]


def read(path: Path) -> list[np.ndarray]:
    """Returns the series of a file, of which each line holds an id and the values of one."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [np.array([float(cell) for cell in line.split(",")[1:] if cell.strip()]) for line in lines]


def models(known: list[np.ndarray], season: int, horizon: int) -> Any:
    """Yields the name of each model, the seconds of its fits, its forecasts (n, horizon), and what else there is."""
    start = time.perf_counter()
    smoothing = fit_smoothing(known, season).forecast(horizon)
    yield "smoothing", time.perf_counter() - start, smoothing, ""
    start = time.perf_counter()
    theta = fit_theta(known, season).forecast(horizon)
    yield "theta", time.perf_counter() - start, theta, ""
    seconds, forecasts, names, likelihoods = auto_ets(known, season, horizon)
    near, as_high = compared(known, season, names, likelihoods)
    yield "AutoETS", seconds, forecasts, f"near {near:.4f}  as_high {as_high:.4f}"
    yield "AutoTheta", *auto_theta(known, season, horizon), ""


def auto_ets(known: list[np.ndarray], season: int, horizon: int) -> tuple[float, np.ndarray, list[str], np.ndarray]:
    """Returns seconds, forecasts, names of forms and logarithms of likelihoods of statsforecast's AutoETS."""
    from statsforecast.ets import ets_f, pegelsfcast_C  # pyright: ignore[reportMissingImports]

    start, names = time.perf_counter(), []
    forecasts, likelihoods = np.empty((len(known), horizon)), np.empty(len(known))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i, y in enumerate(known):
            model = ets_f(y, season)
            error, trend, seasonal, damped = model["components"]
            names.append(error + trend + ("d" if damped == "D" else "") + seasonal)
            forecasts[i], likelihoods[i] = pegelsfcast_C(horizon, model), model["loglik"]
    return time.perf_counter() - start, forecasts, names, likelihoods


def auto_theta(known: list[np.ndarray], season: int, horizon: int) -> tuple[float, np.ndarray]:
    """Returns seconds and forecasts of statsforecast's AutoTheta."""
    from statsforecast.theta import auto_theta as fit  # pyright: ignore[reportMissingImports]
    from statsforecast.theta import forecast_theta  # pyright: ignore[reportMissingImports]

    start = time.perf_counter()
    forecasts = np.array([forecast_theta(fit(y, season), horizon)["mean"] for y in known])
    return time.perf_counter() - start, forecasts


def compared(known: list[np.ndarray], season: int, names: list[str], theirs: np.ndarray) -> tuple[float, float]:
    """Returns the shares `near` and `as_high` of the series."""
    ours = np.empty(len(known))
    for name in set(names):
        rows = [i for i, each in enumerate(names) if each == name]
        lengths = np.array([len(known[i]) for i in rows])
        fitted = fit_smoothing([known[i] for i in rows], season, [BY_NAME[name]], prior=False)
        ours[rows] = fitted.log_likelihood + 0.5 * lengths * (1.0 + np.log(2.0 * np.pi / lengths))
    apart = ours - theirs
    return float(np.mean(apart >= -0.005 * np.abs(theirs))), float(np.mean(apart >= -0.05))


if __name__ == "__main__":
    main()
