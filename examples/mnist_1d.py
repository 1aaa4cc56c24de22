"""Classifies the digits of MNIST-1D (Greydanus 2020), 40 numbers a row, with recurrent networks.

    pip install 'elman[sklearn]' mnist1d
    python examples/mnist_1d.py

The data are those of the package's `make_dataset()` with its default arguments, which draws them: 4,000 training rows
and 1,000 test rows. The last 800 training rows choose between three networks; the chosen one trains on all 4,000. Each
reads a window of numbers a step, on copies of its rows that are moved, stretched and tilted. `--quick`: seconds.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from mnist1d.data import make_dataset
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from elman import SequenceClassifier

STEPS, COPIES, EPOCHS, MEMBERS = 40, 10, 4, 5
COMMON = {"pooling": "mean+max+last", "dropout": 0.0, "batch_size": 50, "learning_rate": 0.003, "weight_decay": 0.001}
CANDIDATES: dict[str, dict[str, Any]] = {  # width of a window, and options of the network
    "GRU, 1 layer of 64": {"width": 9, "hidden_size": 64},
    "GRU, 2 layers of 48": {"width": 9, "hidden_size": 48, "num_layers": 2},
    "GRU, 3 layers of 32": {"width": 9, "hidden_size": 32, "num_layers": 3},
}


def windows(x: np.ndarray, width: int) -> np.ndarray:
    """Returns the numbers around each step, (n, T, width); the first and the last number go on past the ends."""
    padded = np.pad(x, ((0, 0), (width // 2, width // 2)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, width, axis=1)


def altered(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns each row moved by up to 4 steps, stretched by 10 %, scaled by 15 %, tilted, and with a little noise."""
    n, steps = len(x), np.arange(STEPS)
    at = (steps - STEPS / 2) * rng.uniform(0.9, 1.1, (n, 1)) + STEPS / 2 + rng.uniform(-4, 4, (n, 1))
    rows = np.stack([np.interp(places, steps, row) for places, row in zip(at, x, strict=True)])
    rows = rows * rng.uniform(0.85, 1.15, (n, 1)) + rng.uniform(-0.5, 0.5, (n, 1)) * np.linspace(-1, 1, STEPS)
    return rows + rng.normal(0, 0.03, rows.shape)


def fit(x: np.ndarray, y: np.ndarray, width: int, copies: int, **options: Any) -> SequenceClassifier:
    rng = np.random.default_rng(0)
    many = np.concatenate([altered(x, rng) for _ in range(copies)])
    return SequenceClassifier(**COMMON, **options).fit(windows(many, width), np.tile(y, copies))


def main(rows: int = 4000, copies: int = COPIES, epochs: int = EPOCHS, members: int = MEMBERS) -> None:
    data, began = make_dataset(), time.perf_counter()
    x, y, x_test, y_test = data["x"][:rows], data["y"][:rows], data["x_test"], data["y_test"]
    print(f"{len(x)} training rows, {len(x_test)} test rows of {STEPS} numbers")
    train, held_out = slice(0, rows * 4 // 5), slice(rows * 4 // 5, rows)  # the rows come shuffled
    found = {}
    for name, options in CANDIDATES.items():
        model = fit(x[train], y[train], copies=copies, epochs=epochs, members=1, **options)
        found[name] = model.score(windows(x[held_out], options["width"]), y[held_out])
        print(f"  {name:21} validation {found[name]:6.1%}", flush=True)
    best = max(found, key=lambda name: found[name])
    model = fit(x, y, copies=copies, epochs=epochs, members=members, **CANDIDATES[best])
    score = model.score(windows(x_test, CANDIDATES[best]["width"]), y_test)  # the only look at the test rows
    parameters = sum(network.num_parameters for network in model.networks_)
    print(f"test, one final run: {best}, {members} networks, {parameters:,} parameters: {score:.1%}")
    baselines = {
        "logistic regression": LogisticRegression(max_iter=1000),
        "perceptron": MLPClassifier(early_stopping=True, random_state=0),
    }
    for name, baseline in baselines.items():
        print(f"  {name:21} test {baseline.fit(x, y).score(x_test, y_test):6.1%}")
    print("  published             GRU 91 %, CNN 94 %")
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main(**({"rows": 250, "copies": 1, "epochs": 1, "members": 1} if "--quick" in sys.argv else {}))
