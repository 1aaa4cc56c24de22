"""Scores configurations of local models on 30 series, to choose the defaults of `Forecaster`.

The two series that elman bundles are not among them.

    pip download --no-deps aeon==1.6.0 statsmodels==0.15.0 pmdarima==2.1.1 -d FOLDER
    python benchmarks/forecast_defaults.py FOLDER [--m4 m4_hourly_train.csv] [CONFIGURATION ...]

The series are read from the three wheels, which are not installed. With --m4, six series of the M4 competition's hourly
training part are added. A configuration is a list of `Recipe` fields, such as "hidden_size=4,members=5"; without one,
those of CONFIGURATIONS are scored. Every configuration is scored by the backtest of `Forecaster`: six windows, with the
horizon and season that it would choose. For each a line is printed and appended to forecast_defaults.csv:

ratio   geometric mean over the series of (network's mean MASE / best baseline's mean MASE)
wins    number of series on which the network is better
mase    the network's MASE, averaged over the series

The network is better than the baselines if the ratio is below 1. The log holds the run by which the defaults were
chosen. Other seeds change the ratio by about 0.01 (0.867 to 0.883), and most configurations do not differ by more.
The run shows that small networks are enough (16 units are worse than 4), and that the simple tanh cell is as good as
the gated cells, and the fastest.
"""

from __future__ import annotations

import argparse
import ast
import csv
import datetime
import io
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from elman.estimators.recipe import Recipe
from elman.forecast.evaluation.backtest import NETWORK, Backtest
from elman.forecast.evaluation.baselines import baselines
from elman.forecast.evaluation.folds import make_folds
from elman.forecast.evaluation.metrics import mase_scale
from elman.forecast.models.efforts import LOCAL
from elman.forecast.models.local_model import Split, train_local
from elman.forecast.models.local_windows import LAGS, min_rows
from elman.series.season import default_horizon, find_season
from elman.series.series import Series

LOG = Path(__file__).with_suffix(".csv")
CONFIGURATIONS = (
    "",
    "cell='gru'",
    "cell='lstm'",
    "hidden_size=2",
    "hidden_size=8",
    "hidden_size=16",
    "lags=1",
    "lags=8",
    "members=1",
    "members=9",
    "updates=600,patience=200",
    "weight_decay=0.01",
    "weight_decay=2.0",
    "learning_rate=0.002",
    "learning_rate=0.01",
    "batch_size=8",
    "batch_size=32",
    "seed=100",
    "seed=200",
    "seed=300",
)


def main() -> None:
    """Scores the configurations of the command line and logs them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the three wheels are")
    parser.add_argument("--m4", type=Path, help="m4_hourly_train.csv")
    parser.add_argument("configurations", nargs="*", default=CONFIGURATIONS)
    given = parser.parse_intermixed_args()
    series = dict(read(given.folder, given.m4))
    print(f"{len(series)} series: {', '.join(series)}")
    for text in given.configurations:
        options = {k.arg: ast.literal_eval(k.value) for k in ast.parse(f"f({text})", mode="eval").body.keywords}
        seed, lags = options.pop("seed", 0), options.pop("lags", LAGS)
        recipe = replace(LOCAL["normal"], **options)
        began = time.perf_counter()
        scores = {name: score(values, usual, recipe, lags, seed) for name, (values, usual) in series.items()}
        report(text or "defaults", recipe, scores, time.perf_counter() - began)


def score(values: np.ndarray, usual: tuple[int, ...], recipe: Recipe, lags: int, seed: int) -> tuple[float, float]:
    """Returns the mean MASE of the network and of the best baseline over six windows."""
    season = find_season(values, usual)
    horizon = default_horizon(len(values), season)
    folds = make_folds(len(values), horizon, 6, min_rows(horizon, season))
    known = [values[: fold.validation] for fold in folds]
    seasons = [find_season(part, usual) for part in known]
    seasons = [m if min_rows(horizon, m) <= len(part) else 1 for m, part in zip(seasons, known, strict=True)]
    member_seeds = np.random.SeedSequence(seed)
    splits = [
        Split(Series(part), fold.train, m, member_seeds) for part, fold, m in zip(known, folds, seasons, strict=True)
    ]
    models = train_local(splits, horizon, None, recipe, lags)
    found = [
        {NETWORK: model.predict({"": Series(part)}).values[0], **baselines(part, horizon, m)}
        for model, part, m in zip(models, known, seasons, strict=True)
    ]
    backtest = Backtest(
        np.array([values[fold.validation : fold.scored] for fold in folds]),
        {name: np.array([each[name] for each in found]) for name in found[0]},
        np.array([mase_scale(part, m) for part, m in zip(known, seasons, strict=True)]),
        tuple(("", "") for _ in folds),
        tuple(fold.validation for fold in folds),
        ("",) * len(folds),
        single=True,
    )
    return backtest.mean(NETWORK), backtest.mean(backtest.best_baseline)


def report(text: str, recipe: Recipe, scores: dict[str, tuple[float, float]], seconds: float) -> None:
    """Prints the scores of a configuration and appends them to the log."""
    ours, best = np.array(list(scores.values())).T
    line = {
        "date": datetime.date.today().isoformat(),
        "configuration": text,
        "ratio": f"{np.exp(np.mean(np.log(ours / best))):.4f}",
        "wins": f"{int((ours < best).sum())}/{len(ours)}",
        "mase": f"{ours.mean():.3f}",
        "seconds": f"{seconds:.0f}",
        "settings": repr(recipe),
        **{name: f"{a / b:.3f}" for name, (a, b) in scores.items()},
    }
    print(
        " ".join(f"{name}={line[name]}" for name in ("ratio", "wins", "mase", "seconds", "configuration")), flush=True
    )
    new = not LOG.exists()
    with LOG.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, line, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(line)


# ------------------------------------------------------------------------------------------- the series


def read(folder: Path, m4: Path | None) -> Iterator[tuple[str, tuple[np.ndarray, tuple[int, ...]]]]:
    """Yields each series: its name, its values, and the seasons that a calendar would suggest."""

    def text(wheel: str, path: str) -> str:
        (found,) = folder.glob(f"{wheel}-*.whl")
        with zipfile.ZipFile(found) as archive:
            return archive.read(f"{wheel}/datasets/{path}").decode("latin-1")

    def column(wheel: str, path: str, index: int) -> np.ndarray:
        rows = list(csv.reader(io.StringIO(text(wheel, path))))[1:]
        return np.array([float(row[index] or "nan") for row in rows])

    yield "lynx", (column("aeon", "data/Lynx/Lynx.csv", 1), ())
    yield "shampoo", (column("aeon", "data/ShampooSales/ShampooSales.csv", 1), (12,))
    yield "solar", (column("aeon", "data/solar/solar.csv", 1), (2, 48))
    yield "nile", (column("statsmodels", "nile/nile.csv", 1), ())
    co2 = column("statsmodels", "co2/co2.csv", 1)[:2280]
    rows = np.arange(len(co2))
    co2 = np.interp(rows, rows[np.isfinite(co2)], co2[np.isfinite(co2)])
    yield "co2", (co2.reshape(-1, 4).mean(axis=1)[-260:], (13,))  # weeks to blocks of four
    months = [column("statsmodels", "elnino/elnino.csv", k) for k in range(1, 13)]
    yield "elnino", (np.column_stack(months).ravel()[-300:], (12,))
    yield "elec_equip", (column("statsmodels", "elec_equip/elec_equip.csv", 1), (12,))
    for index, name in ((2, "realgdp"), (10, "unemp"), (12, "infl")):
        yield name, (column("statsmodels", "macrodata/macrodata.csv", index), (4,))
    for index, name in ((2, "consumption"), (3, "income")):
        yield name, (column("aeon", "data/Uschange/Uschange.csv", index), (4,))
    for name, usual in (("wineind", (12,)), ("woolyrnq", (4,)), ("ausbeer", (4,)), ("austres", (4,)), ("heartrate", ()),
                        ("taylor", (48,))):  # fmt: skip
        values = _array_in(text("pmdarima", f"{name}.py"))
        yield name, (values[np.isfinite(values)][-(672 if name == "taylor" else 480) :], usual)
    lines = text("aeon", "data/m1_yearly_dataset/m1_yearly_dataset.tsf").splitlines()
    yearly = [np.array(line.split(":")[-1].split(","), float) for line in lines if line.strip() and line[0] not in "@#"]
    for i, values in enumerate(sorted(yearly, key=len)[-6:]):  # the longest
        yield f"m1_yearly_{i}", (values, ())
    if m4 is not None:
        with m4.open(newline="", encoding="utf-8") as file:
            hourly = list(csv.reader(file))[1:]
        for row in hourly[::70]:
            yield f"m4_hourly_{row[0]}", (np.array([float(cell) for cell in row[1:] if cell])[-400:], (24,))


def _array_in(source: str) -> np.ndarray:
    """Returns the first literal array in the source of a Python file, which is parsed but not run."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return np.array(ast.literal_eval(next(c for c in calls if getattr(c.func, "attr", "") == "array").args[0]), float)


if __name__ == "__main__":
    main()
