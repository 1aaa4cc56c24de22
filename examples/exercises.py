"""Recognises which shoulder exercise a person does, whom it has never seen, from the sensors of a smartwatch.

    pip install 'elman[examples]' && pip install --no-deps seglearn==1.2.5
    python examples/exercises.py

The wheel of seglearn (BSD) holds 140 recordings of 7 exercises by 10 people: 6 numbers at 50 Hz, acceleration and
rotation (Burns et al. 2018). Windows of 4 s are classified; people 1 to 6 train, 7 and 8 validate, 9 and 10 are tested.
The network trains on copies of its windows in which the watch sits a little turned. Baselines: a random forest and
logistic regression, on means, deviations, extremes and spectra. `--quick` trains for seconds.
"""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from elman import SequenceClassifier

WINDOW, EVERY = 200, 100  # rows of a window, and from one to the next: 4 s and 2 s
PEOPLE = {"train": (1, 2, 3, 4, 5, 6), "validation": (7, 8), "test": (9, 10)}
NETWORK = {"hidden_size": 32, "bidirectional": True, "pooling": "mean+max", "dropout": 0.3, "members": 5}
NETWORK |= {"epochs": 3, "batch_size": 32, "learning_rate": 0.003, "weight_decay": 0.01}


def windows(data: dict[str, Any], people: tuple[int, ...], every: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the windows (n, T, 6) of these people's recordings, and the exercise of each (n,)."""
    chosen = [(x, y) for x, y, person in zip(data["X"], data["y"], data["subject"], strict=True) if person in people]
    cut = [np.lib.stride_tricks.sliding_window_view(x, WINDOW, axis=0)[::every].transpose(0, 2, 1) for x, _ in chosen]
    names = np.array(data["y_labels"])[[y for _, y in chosen]]
    return np.concatenate(cut), np.repeat(names, [len(each) for each in cut])


def turned(x: np.ndarray, rng: np.random.Generator, degrees: float = 15.0) -> np.ndarray:
    """Returns windows with both sensors turned about a random axis by a random angle, one for each window."""
    axis, angle = rng.normal(size=(len(x), 3)), np.radians(rng.normal(0, degrees, (len(x), 1, 1)))
    a, b, c = (axis / np.linalg.norm(axis, axis=1, keepdims=True)).T
    cross = np.stack([0 * a, -c, b, c, 0 * a, -a, -b, a, 0 * a], axis=1).reshape(-1, 3, 3)
    rotation = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)  # Rodrigues' formula
    return np.concatenate([x[..., :3] @ rotation, x[..., 3:] @ rotation], axis=-1)


def features(x: np.ndarray) -> np.ndarray:
    """Returns what the baselines read of each window: (n, 6 times 18)."""
    spectrum = np.abs(np.fft.rfft(x - x.mean(axis=1, keepdims=True), axis=1))[:, 1:13]
    found = [x.mean(axis=1), x.std(axis=1), x.min(axis=1), x.max(axis=1), np.median(x, axis=1)]
    return np.concatenate([*found, np.abs(np.diff(x, axis=1)).mean(axis=1), spectrum.reshape(len(x), -1)], axis=1)


def main(copies: int = 2, **options: Any) -> None:
    file = Path(find_spec("seglearn").submodule_search_locations[0], "data", "watch_dataset.npy")  # type: ignore
    data, rng = np.load(file, allow_pickle=True).item(), np.random.default_rng(0)
    parts = {name: windows(data, people, EVERY) for name, people in PEOPLE.items()}
    print({name: len(y) for name, (_, y) in parts.items()}, "windows")
    linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    x, y = windows(data, PEOPLE["train"], EVERY // 2)
    four_a_step = lambda x: x.reshape(len(x), WINDOW // 4, -1)  # noqa: E731
    many = np.concatenate([turned(x, rng) for _ in range(copies)])
    for name, model, read, given in (
        ("random forest", RandomForestClassifier(500, random_state=0), features, (x, y)),
        ("logistic regression", linear, features, (x, y)),
        ("SequenceClassifier", SequenceClassifier(**NETWORK | options), four_a_step, (many, np.tile(y, copies))),
    ):
        began, model = time.perf_counter(), model.fit(read(given[0]), given[1])
        scores = [f"{part} {model.score(read(parts[part][0]), parts[part][1]):.1%}" for part in ("validation", "test")]
        print(f"{name:20} {', '.join(scores)}; {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main(**({"copies": 1, "epochs": 1, "members": 1} if "--quick" in sys.argv else {}))
