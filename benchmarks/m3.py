"""Forecasts the 3003 series of the M3 competition with the default options of `Forecaster`, one fit for each group.

    python -m benchmarks.m3 --data FOLDER [--options TEXT] [--groups NAME ...] [--peers] [--final]

FOLDER holds GROUP_train.csv and GROUP_test.csv for the groups yearly, quarterly, monthly and other. Without `--final`
the last `horizon` values of the training part are held out, on which every choice was made; with it the competition's
test part is scored, and a line for each group added to m3.csv beside this file, which shows how often that was done.
TEXT are options of `Forecaster`, such as "effort='best',seed=1". With `--peers` AutoETS and AutoTheta of statsforecast
forecast the same values with the same season.

owa       mean of the ratios of sMAPE and MASE to those of Naive 2, both means over the series
promised  the same of the forecaster's own backtest, in which nothing of the scored values is known
80, 95    percentage of the true values that the intervals cover
score     mean interval score at 95 %, divided by the denominator of MASE
"""

from __future__ import annotations

import argparse
import csv
import datetime
import importlib
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import elman
from benchmarks.m4 import options_of
from elman.forecast.evaluation.baselines import naive2
from elman.forecast.evaluation.metrics import interval_score, mase_scale, measure

LOG = Path(__file__).with_suffix(".csv")
GROUPS = {"yearly": (6, 1), "quarterly": (8, 4), "monthly": (18, 12), "other": (8, 1)}  # horizon, season
LEVELS = (80.0, 95.0)

Values = dict[str, np.ndarray]
Bounds = dict[str, dict[float, np.ndarray]]  # id -> level -> (h, 2)


class Group(NamedTuple):
    """The series of a group: what is known, and what is to be forecast."""

    known: Values
    truth: Values
    horizon: int
    season: int


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.m3", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--options", default="")
    parser.add_argument("--groups", nargs="+", choices=list(GROUPS), default=list(GROUPS))
    parser.add_argument("--peers", action="store_true", help="AutoETS and AutoTheta too")
    parser.add_argument("--final", action="store_true", help="score the test part")
    given = parser.parse_args()
    for name in given.groups:
        group = read(given.data, name, given.final)
        rows = {"elman": ours(group, options_of(given.options))}
        if given.peers:
            rows |= {model: theirs(group, model) for model in ("AutoETS", "AutoTheta")}
        for model, row in rows.items():
            shown = {"date": datetime.date.today().isoformat(), "part": "test" if given.final else "hold-out"}
            shown |= {"group": name, "model": model, "options": given.options} | row
            print("  ".join(f"{key} {value}" for key, value in shown.items() if value != ""), flush=True)
            if given.final:
                log(shown)


def read(folder: Path, name: str, final: bool) -> Group:
    """Returns a group of series."""
    horizon, season = GROUPS[name]
    train = values_of(folder / f"{name}_train.csv")
    if final:
        return Group(train, values_of(folder / f"{name}_test.csv"), horizon, season)
    known = {id: values[:-horizon] for id, values in train.items()}
    return Group(known, {id: values[-horizon:] for id, values in train.items()}, horizon, season)


def values_of(path: Path) -> Values:
    """Returns the series of a file by id. Each line holds an id and the values of its series."""
    with path.open(newline="", encoding="utf-8") as file:
        return {row[0]: np.array([float(cell) for cell in row[1:] if cell]) for row in csv.reader(file)}


def ours(group: Group, options: dict[str, Any]) -> dict[str, Any]:
    """Returns the scores of a `Forecaster`."""
    began = time.perf_counter()
    model = elman.Forecaster(**{"horizon": group.horizon, "season": group.season, **options}).fit(group.known)
    found = model.forecast()
    seconds = time.perf_counter() - began
    promised = "" if model.backtest_ is None else round(model.backtest_.owa(model.backtest_.model), 3)
    scores = scored(
        group, {id: each.values for id, each in found.items()}, {i: each.intervals for i, each in found.items()}
    )
    return {**scores, "promised": promised, "seconds": round(seconds, 1)}


def theirs(group: Group, model: str) -> dict[str, Any]:
    """Returns the scores of a model of statsforecast."""
    kind = getattr(importlib.import_module("statsforecast.models"), model)(season_length=group.season)
    began = time.perf_counter()
    asked = {"h": group.horizon, "level": [int(level) for level in LEVELS]}
    found = {id: kind.forecast(values, **asked) for id, values in group.known.items()}
    seconds = time.perf_counter() - began
    bounds = {
        id: {level: np.stack([each[f"lo-{level:g}"], each[f"hi-{level:g}"]], axis=1) for level in LEVELS}
        if f"lo-{LEVELS[0]:g}" in each else {}
        for id, each in found.items()
    }  # fmt: skip
    return {**scored(group, {id: each["mean"] for id, each in found.items()}, bounds), "seconds": round(seconds, 1)}


def scored(group: Group, forecasts: Values, bounds: Bounds) -> dict[str, Any]:
    """Returns OWA, coverages and interval score of forecasts."""
    scales = {id: mase_scale(values, group.season) for id, values in group.known.items()}
    means: list[np.ndarray] = []
    for model in (forecasts, {id: naive2(v, group.horizon, group.season) for id, v in group.known.items()}):
        errors = [measure(group.truth[id], model[id], scales[id]) for id in group.known]
        means.append(np.nanmean([[each["smape"], each["mase"]] for each in errors], axis=0))
    row: dict[str, Any] = {"owa": round(float((means[0] / means[1]).mean()), 4)}
    row |= {"smape": round(float(means[0][0]), 3), "mase": round(float(means[0][1]), 3)}
    for level in LEVELS:
        known = [(group.truth[id], *each[level].T, scales[id]) for id, each in bounds.items() if level in each]
        if known:
            row[f"{level:g}"] = round(
                100.0 * float(np.mean([(y >= low) & (y <= high) for y, low, high, _ in known])), 1
            )
        if known and level == LEVELS[-1]:
            each = [interval_score(y, low, high, level).mean() / scale for y, low, high, scale in known]
            row["score"] = round(float(np.nanmean(each)), 3)
            row["intervals"] = len(known)
    return row


def log(row: dict[str, Any]) -> None:
    new = not LOG.exists()
    names = ("date", "part", "group", "model", "options", "owa", "smape", "mase", "80", "95", "score", "intervals",
             "promised", "seconds")  # fmt: skip
    with LOG.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n", restval="")
        if new:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    main()
