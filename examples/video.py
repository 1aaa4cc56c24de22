"""Watches short videos of a moving digit: which way does it go, and what comes next?

    pip install 'elman[sklearn]'
    python examples/video.py

A video has 10 frames of 12 x 12 pixels: one of scikit-learn's digits, which moves one pixel a frame in one of eight
ways, and comes in again on the other side. Digits of the test videos are in no training video. A `SequenceClassifier`
learns the way, a `Network` the next frame; beside them: what sees one frame, a copy of the last. `--quick`: short.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPRegressor

from elman import Network, SequenceClassifier, Trainer, optim, schedules

SIZE, FRAMES, KNOWN = 12, 10, 1400  # pixels of a side; frames; digits that train
WAYS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1), "up left": (-1, -1), "up right": (-1, 1),
        "down left": (1, -1), "down right": (1, 1)}  # fmt: skip


def videos(n: int, digits: range, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns n videos (n, FRAMES, pixels) of digits from a range, and the way that each goes (n,)."""
    images, rng = load_digits().images / 16, np.random.default_rng(seed)
    ways = rng.choice([*WAYS], n)
    found = np.zeros((n, FRAMES, SIZE, SIZE), np.float32)
    for video, way in zip(found, ways, strict=True):
        picture = np.pad(images[rng.integers(digits.start, digits.stop)], (0, SIZE - 8))
        begin = rng.integers(SIZE, size=2)
        for t, frame in enumerate(video):
            frame[...] = np.roll(picture, begin + t * np.array(WAYS[way]), (0, 1))
    return found.reshape(n, FRAMES, -1), ways


def moving(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray, epochs: int) -> dict[str, float]:
    """Returns the share of test videos whose motion is told."""
    model = SequenceClassifier(hidden_size=128, epochs=epochs, batch_size=64, learning_rate=3e-3, members=1)
    one = LogisticRegression(max_iter=300).fit(x[:, -1], y)
    return {
        "GRU that sees the frames": model.fit(x, y).score(x_test, y_test),
        "logistic regression, last frame": float(one.score(x_test[:, -1], y_test)),
    }


def coming(x: np.ndarray, x_test: np.ndarray, epochs: int) -> dict[str, float]:
    """Returns the mean squared error of the frames after the second, each foreseen from those before it."""
    network = Network(x.shape[2], 512, x.shape[2], cell="gru", head=256, skip=True, seed=0)
    rate, falls = optim.Adam(2e-3), schedules.Cosine(epochs * -(-len(x) // 64))
    trainer = Trainer(network, optimizer=rate, schedule=falls, clip_norm=1.0, batch_size=64)
    trainer.fit(x[:, :-1], x[:, 1:], epochs=epochs, progress=False)
    single = MLPRegressor(hidden_layer_sizes=(512,), early_stopping=True, max_iter=max(2, epochs // 4), random_state=0)
    single.fit(x[:, :-1].reshape(-1, x.shape[2]), x[:, 1:].reshape(-1, x.shape[2]))
    seen, after = x_test[:, 1:-1], x_test[:, 2:]
    foreseen = {"GRU that saw the frames before": network.predict(x_test[:, :-1])[:, 1:]}
    foreseen["perceptron, one frame"] = single.predict(seen.reshape(-1, x.shape[2])).reshape(after.shape)
    foreseen["copy of the last frame"] = seen
    return {name: float(((own - after) ** 2).mean()) for name, own in foreseen.items()}


def main(count: int = 4000, epochs: int = 30) -> None:
    warnings.filterwarnings("ignore", "Stochastic Optimizer")  # the perceptron's epochs are a budget
    began = time.perf_counter()
    (x, y), (x_test, y_test) = videos(count, range(KNOWN), 0), videos(1000, range(KNOWN, 1797), 2)
    print(f"{count} training videos, {len(x_test)} test videos of other digits, {FRAMES} frames of {SIZE} x {SIZE}")
    for name, share in moving(x, y, x_test, y_test, epochs).items():
        print(f"which of eight ways it goes:  {name:32} {share:7.1%} right")
    for name, error in coming(x, x_test, epochs).items():
        print(f"mean squared error, next frame: {name:32} {error:6.4f}")
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main(**({"count": 100, "epochs": 1} if "--quick" in sys.argv else {}))
