"""Scores options of `SequenceClassifier` and `SequenceRegressor` on many data sets, to choose their defaults.

    python -m benchmarks.sequence_defaults [--sets NAME,...] [--folds 3] [--log FILE] [OPTIONS ...]

Without OPTIONS, those of CONFIGURATIONS are scored; one is a list such as "hidden_size=16,members=1". The sets are
drawn here, are scikit-learn's digits, or come from the training parts inside the wheel of aeon (extra `peers`), without
JapaneseVowels, ItalyPowerDemand and BasicMotions, by which the project is judged, and which were not looked at. Each
configuration is scored by cross-validation. A line for each set and configuration is printed and appended to
sequence_defaults.csv: the error (of classes the share that is wrong, of numbers 1 - R^2), the mean of -log(probability
of the right class), which tells more than the error of a few rows, and the seconds of a fit.

The last line of a configuration has two geometric means over the sets: `ratio` of (error + 0.01) / (error of the first
configuration + 0.01), and `nll` of the same for the second figure: below 1 is better.
"""

from __future__ import annotations

import argparse
import ast
import csv
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import KFold, StratifiedKFold

import elman

LOG = Path(__file__).with_suffix(".csv")
CONFIGURATIONS = (
    "",
    "members=1",
    "members=10",
    "dropout=0.0",
    "dropout=0.5",
    "pooling='last'",
    "pooling='mean'",
    "pooling='mean+max'",
    "pooling='attention'",
    "bidirectional=False",
    "cell='lstm'",
    "hidden_size=16",
    "hidden_size=64",
    "num_layers=2",
    "weight_decay=0.3",
    "learning_rate=0.004",
    "learning_rate=0.02",
    "batch_size=16",
)
DRAWS = {"motions": 3, "profiles": 3}  # of small sets, whose scores differ from draw to draw
AEON = {
    "ArrowHead": "classification",
    "GunPoint": "classification",
    "OSULeaf": "classification",
    "PickupGestureWiimoteZ": "classification",
    "UnitTest": "classification",
    "CardanoSentiment": "regression",
    "Covid3Month": "regression",
}
Data = tuple[Any, np.ndarray]


# ------------------------------------------------------------------------------------------------ drawn sets


def speakers(rng: np.random.Generator) -> Data:
    """270 ragged rows of 12 features and 7 to 29 steps, of 9 speakers: a way through features, at a pace and offset of
    its own in each row."""
    ways = np.cumsum(rng.normal(0, 1, (9, 6, 12)), axis=1) * 0.5
    rows, labels = [], np.repeat(np.arange(9), 30)
    for label in labels:
        steps = int(rng.integers(7, 30))
        at = np.clip(np.linspace(0, 5, steps) + rng.normal(0, 0.3), 0, 5)
        way = np.stack([np.interp(at, np.arange(6), ways[label, :, j]) for j in range(12)], axis=1)
        drift = np.cumsum(rng.normal(0, 0.25, way.shape), axis=0)
        rows.append(way + drift + rng.normal(0, 0.8, 12) + rng.normal(0, 0.3, way.shape))
    return rows, labels


def motions(rng: np.random.Generator) -> Data:
    """40 rows of 100 steps and 6 features, of 4 motions: oscillations whose strength differs by feature and motion, at
    a phase and pace of their own."""
    labels = np.repeat(np.arange(4), 10)
    strength, pace = rng.gamma(1.5, 1.0, (4, 6)), np.array([0.5, 1.0, 1.4, 2.0])
    rows = []
    for label in labels:
        t = np.arange(100) / 10 * pace[label] * rng.uniform(0.8, 1.25)
        waves = np.stack([np.sin(2 * np.pi * (t + rng.random())) for _ in range(6)], axis=1)
        burst = np.clip(np.sin(np.pi * (np.arange(100) / 100 + rng.uniform(-0.2, 0.2))), 0, 1)[:, None]
        rows.append(strength[label] * rng.uniform(0.6, 1.4) * waves * burst + rng.normal(0, 0.5, (100, 6)))
    return np.array(rows), labels


def profiles(rng: np.random.Generator) -> Data:
    """67 days of 24 hours, of two seasons: profiles with two peaks, the heights and hours of which differ a little."""
    labels = rng.permutation(np.arange(67) % 2)
    hours = np.arange(24)
    rows = []
    for label in labels:
        morning, evening = 8 + 0.8 * label + rng.normal(0, 0.6), 19 + rng.normal(0, 0.6)
        height = np.array([1.0, 1.2 - 0.25 * label]) + rng.normal(0, 0.12, 2)
        early = height[0] * np.exp(-(((hours - morning) / 2.5) ** 2))
        late = height[1] * np.exp(-(((hours - evening) / 3) ** 2))
        row = early + late + rng.normal(0, 0.08, 24)
        rows.append((row - row.mean()) / row.std())
    return np.array(rows), labels


def frequencies(rng: np.random.Generator) -> Data:
    """300 rows of 80 steps: which of four frequencies a noisy wave has, at any phase and height."""
    labels = rng.integers(0, 4, 300)
    t = np.arange(80)
    pace = np.array([0.05, 0.07, 0.09, 0.12])[labels]
    waves = rng.uniform(0.7, 1.5, (300, 1)) * np.sin(2 * np.pi * (pace[:, None] * t + rng.random((300, 1))))
    return waves + rng.normal(0, 0.7, (300, 80)), labels


def events(rng: np.random.Generator) -> Data:
    """400 rows of 60 steps and 3 features: the order in which pulses come on the three features, of six."""
    orders = np.array([[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
    labels = rng.integers(0, 6, 400)
    x = rng.normal(0, 0.3, (400, 60, 3))
    for row, label in enumerate(labels):
        for feature, step in zip(orders[label], np.sort(rng.choice(58, 3, replace=False)), strict=True):
            x[row, step : step + 2, feature] += 2.0
    return x, labels


def first_step(rng: np.random.Generator) -> Data:
    """300 ragged rows of 20 to 60 steps: the sign of the first step, which noise of the same size follows."""
    rows = [rng.normal(0, 1, int(steps)) for steps in rng.integers(20, 61, 300)]
    return rows, np.array([int(row[0] > 0) for row in rows])


def words(rng: np.random.Generator) -> Data:
    """500 rows of 5 to 40 tokens of 300: the sign of the sum of their values, where "not" turns that of the next."""
    names = np.array([f"w{k}" for k in range(300)], object)
    value = np.where(rng.random(300) < 0.3, rng.normal(0, 1, 300), 0.0)
    rows, labels = [], []
    for steps in rng.integers(5, 41, 500):
        ids = np.minimum(rng.geometric(0.015, int(steps)) - 1, 299)
        turned = rng.random(int(steps)) < 0.15
        row: list[str] = []
        for k, turn in zip(ids, turned, strict=True):
            row += ["not", names[k]] if turn else [names[k]]
        rows.append(row)
        labels.append(int((value[ids] * np.where(turned, -1, 1)).sum() > 0))
    return rows, np.array(labels)


def many(rng: np.random.Generator) -> Data:
    """4,000 rows of 30 steps and 3 features: which of three regimes a driven pair of oscillators is in."""
    labels = rng.integers(0, 3, 4000)
    gain = np.array([0.2, 0.5, 0.8])[labels]
    state = rng.normal(size=(4000, 2))
    x = np.empty((4000, 30, 3))
    for t in range(30):
        drive = rng.normal(size=4000)
        state = np.stack([np.tanh(0.9 * state[:, 0] + gain * state[:, 1] + 0.3 * drive),
                          np.tanh(0.9 * state[:, 1] - gain * state[:, 0])], axis=1)  # fmt: skip
        x[:, t] = np.stack([state[:, 0], state[:, 1], drive], axis=1) + rng.normal(0, 0.6, (4000, 3))
    return x, labels


def adding(rng: np.random.Generator) -> Data:
    """600 rows of 40 steps: the sum of the two marked numbers (Hochreiter and Schmidhuber 1997)."""
    x = np.zeros((600, 40, 2))
    x[:, :, 0] = rng.random((600, 40))
    for row in x:
        row[rng.choice(40, 2, replace=False), 1] = 1.0
    return x, (x[:, :, 0] * x[:, :, 1]).sum(axis=1)


def highest(rng: np.random.Generator) -> Data:
    """200 ragged rows of 10 to 50 steps of a random walk: how far its highest point lies above its lowest."""
    rows = [np.cumsum(rng.normal(0, 1, int(steps))) for steps in rng.integers(10, 51, 200)]
    return rows, np.array([np.ptp(row) for row in rows])


def decay(rng: np.random.Generator) -> Data:
    """150 rows of 50 steps: the rate at which a noisy oscillation dies away."""
    rate = rng.uniform(0.01, 0.1, 150)
    t = np.arange(50)
    waves = np.exp(-rate[:, None] * t) * np.sin(0.5 * t + 2 * np.pi * rng.random((150, 1)))
    return waves + rng.normal(0, 0.1, (150, 50)), rate


def _digits(rng: np.random.Generator) -> Data:
    images, labels = load_digits(return_X_y=True)
    rows = rng.permutation(len(images))[:600]
    return images[rows], labels[rows]


def digit_rows(rng: np.random.Generator) -> Data:
    """600 digits, a row of 8 pixels a step."""
    x, y = _digits(rng)
    return x.reshape(-1, 8, 8), y


def digit_pixels(rng: np.random.Generator) -> Data:
    """600 digits, a pixel a step."""
    return _digits(rng)


def from_aeon(name: str) -> Data:
    """The training part of a set inside aeon's wheel; every third step of the longer ones."""
    from aeon import datasets

    x, y = getattr(datasets, f"load_{AEON[name]}")(name, split="train")
    rows = [np.asarray(each, np.float64).T for each in x]
    rows = [row[::3] if len(row) > 200 else row for row in rows]
    return rows, np.asarray(y, float if AEON[name] == "regression" else str)


DRAWN: dict[str, Callable[[np.random.Generator], Data]] = {
    made.__name__: made
    for made in (
        speakers, motions, profiles, frequencies, events, first_step, words, many, adding, highest, decay, digit_rows,
        digit_pixels,
    )
}  # fmt: skip


# --------------------------------------------------------------------------------------------------- scores


def draws_of(name: str) -> list[Data]:
    """Returns a set by its name, several times where it is small and drawn."""
    if name in AEON:
        return [from_aeon(name)]
    return [DRAWN[name](np.random.default_rng([k, *map(ord, name)])) for k in range(DRAWS.get(name, 1))]


class Score(NamedTuple):
    """What a fit is worth, in the mean over the folds and draws; nll is NaN for numbers."""

    error: float
    nll: float
    seconds: float


def score(data: Sequence[Data], options: dict[str, Any], folds: int) -> Score:
    """Returns the scores of a configuration in cross-validation."""
    found: list[Score] = []
    for x, y in data:
        numbers = y.dtype.kind == "f"
        made = elman.SequenceRegressor if numbers else elman.SequenceClassifier
        allowed = {name: value for name, value in options.items() if name in made().get_params()}
        cut = KFold if numbers else StratifiedKFold
        for train, test in cut(folds, shuffle=True, random_state=0).split(np.zeros(len(y)), y):
            began = time.perf_counter()
            model = made(**allowed).fit(rows_of(x, train), y[train])
            seconds = time.perf_counter() - began
            nll = np.nan if numbers else _nll(model, rows_of(x, test), y[test])
            found.append(Score(1.0 - model.score(rows_of(x, test), y[test]), nll, seconds))
    return Score(*(float(np.mean(column)) for column in zip(*found, strict=True)))


def rows_of(x: Any, rows: np.ndarray) -> Any:
    """Returns some sequences of an array or a list."""
    return x[rows] if isinstance(x, np.ndarray) else [x[i] for i in rows]


def _nll(model: elman.SequenceClassifier, x: Any, y: np.ndarray) -> float:
    right = model.predict_proba(x)[np.arange(len(y)), np.searchsorted(model.classes_, y)]
    return float(-np.log(np.maximum(right, 1e-4)).mean())


def main() -> None:
    """Scores the configurations of the command line and logs them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default="", help="names, separated by commas; default: all")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--log", type=Path, default=LOG)
    parser.add_argument("options", nargs="*", default=CONFIGURATIONS)
    given = parser.parse_intermixed_args()
    warnings.simplefilter("ignore", UserWarning)
    sets = {name: draws_of(name) for name in (given.sets.split(",") if given.sets else [*DRAWN, *AEON])}
    first: dict[str, Score] = {}
    for text in given.options:
        call: Any = ast.parse(f"options({text})", mode="eval").body
        options = {each.arg: ast.literal_eval(each.value) for each in call.keywords}
        ratios: list[tuple[float, float]] = []
        for name, data in sets.items():
            found = score(data, options, given.folds)
            before = first.setdefault(name, found)
            ratios.append(tuple(np.log((max(found[i], 0.0) + 0.01) / (max(before[i], 0.0) + 0.01)) for i in (0, 1)))
            line = [text, name, *(f"{value:.4f}" for value in found), given.folds]
            print(*line, sep="  ", flush=True)
            with given.log.open("a", newline="") as file:
                csv.writer(file).writerow(line)
        error, nll = np.exp(np.nanmean(ratios, axis=0))
        print(f"{text or 'defaults'}: ratio {error:.3f}  nll {nll:.3f}", flush=True)


if __name__ == "__main__":
    main()
