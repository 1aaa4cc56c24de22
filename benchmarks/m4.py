"""Forecasts the 414 hourly series of the M4 competition, 48 hours ahead, with one configuration of `Forecaster`.

    python -m benchmarks.m4 --data FOLDER [CONFIGURATION ...]      the last 48 hours of the training part are held out
    python -m benchmarks.m4 --data FOLDER --final CONFIGURATION    the competition's test part

FOLDER holds m4_hourly_train.csv and m4_hourly_test.csv. A configuration is a list of options of `Forecaster`, such as
"effort='best',seed=1"; without one, those of DEFAULTS are run. Every run appends a line to m4.csv in the folder of this
file. Choices are made on the hold-out alone, and the log shows how often the test part was scored.

smape, mase   means over the series, computed as in the competition (season 24)
naive2_smape, naive2_mase   the same of Naive 2; for the test part 18.383 and 2.395 are published
owa           the mean of the ratios smape / naive2_smape and mase / naive2_mase
cover_80, cover_95   fraction of true values inside the intervals
msis_95       mean scaled interval score at 95 %
naive_msis_95 the same of the seasonal naive forecast, with normal intervals from its own errors, whose width grows with
              the square root of the number of seasons ahead
seconds       time to fit and forecast
"""

from __future__ import annotations

import argparse
import ast
import csv
import datetime
import time
from pathlib import Path
from typing import Any

import numpy as np

import elman
from elman.forecast.evaluation.baselines import naive2, seasonal_naive
from elman.forecast.evaluation.metrics import interval_score, mase_scale, measure

LOG = Path(__file__).with_suffix(".csv")
HORIZON, SEASON = 48, 24
COMMON: dict[str, Any] = {"horizon": HORIZON, "season": (24, 168), "windows": 2}
DEFAULTS = ("effort='fast'", "effort='normal'", "effort='best'")

Columns = dict[str, np.ndarray]


def read(path: Path) -> Columns:
    """Returns the series of a file by id. Each line of the file holds an id and the values of its series."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return {row[0]: np.array([float(cell) for cell in row[1:] if cell not in ("", "NA")]) for row in rows}


def mean_scores(known: Columns, truth: Columns, forecasts: Columns) -> tuple[float, float]:
    """Returns the means of sMAPE and MASE over the series."""
    found = [measure(truth[k], forecasts[k], mase_scale(known[k], SEASON)) for k in known]
    return float(np.mean([each["smape"] for each in found])), float(np.mean([each["mase"] for each in found]))


def scaled_score(known: np.ndarray, truth: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """Returns the mean interval score at 95 %, divided by the denominator of MASE."""
    return float(np.mean(interval_score(truth, low, high, 95.0)) / mase_scale(known, SEASON))


def naive_interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns lower and upper bounds of the 95 % intervals of the seasonal naive forecast."""
    forecast = seasonal_naive(values, HORIZON, SEASON)
    width = 1.96 * np.std(values[SEASON:] - values[:-SEASON]) * np.sqrt(1 + np.arange(HORIZON) // SEASON)
    return forecast - width, forecast + width


def run(known: Columns, truth: Columns, options: dict[str, Any]) -> dict[str, Any]:
    """Fits a forecaster with these options to the known values and returns its scores."""
    begin = time.perf_counter()
    model = elman.Forecaster(**{**COMMON, **options}).fit(known)
    found = model.forecast()
    seconds = time.perf_counter() - begin
    smape, mase = mean_scores(known, truth, {k: found[k].values for k in known})
    baseline = mean_scores(known, truth, {k: naive2(known[k], HORIZON, SEASON) for k in known})
    result: dict[str, Any] = {"smape": smape, "mase": mase, "owa": (smape / baseline[0] + mase / baseline[1]) / 2}
    result |= {"naive2_smape": baseline[0], "naive2_mase": baseline[1]}
    for level in model.levels_:
        bounds = {k: found[k].intervals[level] for k in known}
        inside = [(truth[k] >= b[:, 0]) & (truth[k] <= b[:, 1]) for k, b in bounds.items()]
        result[f"cover_{level:g}"] = float(np.mean(inside))
        if level == 95.0:
            result["msis_95"] = float(np.mean([scaled_score(known[k], truth[k], *b.T) for k, b in bounds.items()]))
            result["naive_msis_95"] = float(
                np.mean([scaled_score(known[k], truth[k], *naive_interval(known[k])) for k in known])
            )
    return result | {"seconds": seconds, "spec": str(model.model_.spec)}


def options_of(text: str) -> dict[str, Any]:
    """Returns the options in a text such as "effort='best',seed=1", as a mapping from names to values."""
    call = ast.parse(f"f({text})", mode="eval").body
    assert isinstance(call, ast.Call)
    return {word.arg: ast.literal_eval(word.value) for word in call.keywords if word.arg}


def main() -> None:
    """Runs the configurations of the command line and logs their scores."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.m4", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("configurations", nargs="*", default=DEFAULTS)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--final", action="store_true", help="score the test part; one configuration")
    given = parser.parse_args()
    if given.final and len(given.configurations) != 1:
        parser.error("--final takes one configuration")
    train = read(given.data / "m4_hourly_train.csv")
    if given.final:
        known, truth = train, read(given.data / "m4_hourly_test.csv")
    else:
        known = {k: values[:-HORIZON] for k, values in train.items()}
        truth = {k: values[-HORIZON:] for k, values in train.items()}
    for text in given.configurations:
        found = run(known, truth, options_of(text))
        row = {
            "date": datetime.date.today().isoformat(),
            "part": "test" if given.final else "hold-out",
            "options": text,
        }
        row |= {name: round(value, 4) if isinstance(value, float) else value for name, value in found.items()}
        print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
        new = not LOG.exists()
        with LOG.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)


if __name__ == "__main__":
    main()
