"""What an update costs against the vocabulary: `python -m benchmarks.vocabulary [--quick] [--seconds 60] [--out FILE]`.

An update through `Trainer.fit` with Adam, float32, one thread, B = 32 rows of T = 50 words that are drawn by Zipf's
law, so that the frequent ones have low numbers; an embedding of 64 features and a GRU of 64 units.

input    a dense and a sparse embedding, before a head of 10 classes
output   a full softmax and an adaptive one over the vocabulary, behind a sparse embedding

Medians over rounds in which each network has its turn, so that what else the machine does meets all alike. What does
not fit into memory (dense with a million words) is left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np

import elman
from benchmarks.machine import describe
from elman import AdaptiveSoftmax, Dense, Embedding, Recurrent
from elman.core.layers import Layer

B, T, F, H = 32, 50, 64, 64
UPDATES = 4  # of one slice
SIZES = {"input": (1_000, 10_000, 100_000, 1_000_000), "output": (1_000, 10_000, 100_000)}
DENSE_AT_MOST = 100_000


def words(vocabulary: int, rng: np.random.Generator) -> np.ndarray:
    """Draws (B * UPDATES, T + 1) words, word k with a probability that falls as 1 / (k + 3)."""
    shares = 1 / np.arange(3, vocabulary + 3)
    return np.searchsorted(shares.cumsum() / shares.sum(), rng.random((B * UPDATES, T + 1))).clip(0, vocabulary - 1)


def networks(part: str, vocabulary: int) -> dict[str, list[Layer]]:
    """Each way with so many words -> its layers."""
    if part == "input":
        ways = {"sparse": True} | ({"dense": False} if vocabulary <= DENSE_AT_MOST else {})
        return {
            way: [Embedding(vocabulary, F, sparse=sparse), Recurrent(H, "gru"), Dense(10)]
            for way, sparse in ways.items()
        }
    below: list[Layer] = [Embedding(vocabulary, F, sparse=True), Recurrent(H, "gru")]
    cutoffs = [vocabulary // 25, vocabulary // 5]
    return {"full": [*below, Dense(vocabulary)], "adaptive": [*below, AdaptiveSoftmax(vocabulary, cutoffs)]}


def measure(part: str, vocabulary: int, seconds: float) -> list[dict[str, object]]:
    rng = np.random.default_rng(0)
    text = words(vocabulary, rng)
    x, y = text[:, :-1], text[:, 1:] if part == "output" else text[:, 1:] % 10
    trainers = {}
    for way, layers in networks(part, vocabulary).items():
        net = elman.Network.from_layers(layers, seed=0)
        trainers[way] = elman.Trainer(net, loss="cross_entropy", batch_size=B)
        trainers[way].fit(x, y, epochs=1, progress=False)
    samples: dict[str, list[float]] = {way: [] for way in trainers}
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends or not all(samples.values()):
        for way, trainer in trainers.items():
            began = time.perf_counter()
            trainer.fit(x, y, epochs=1, progress=False)
            samples[way].append((time.perf_counter() - began) / UPDATES)
    return [
        {"part": part, "vocabulary": vocabulary, "way": way, "ms": 1e3 * statistics.median(times), "rounds": len(times)}
        for way, times in samples.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="What an update costs against the vocabulary.")
    parser.add_argument("--seconds", type=float, default=60.0, help="of all measurements together")
    parser.add_argument("--quick", action="store_true", help="ten seconds, and no million words")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures and the machine")
    given = parser.parse_args()
    elman.set_num_threads(1)
    cases = [(part, size) for part, sizes in SIZES.items() for size in sizes if not given.quick or size < 1_000_000]
    seconds = (10.0 if given.quick else given.seconds) / len(cases)
    rows: list[dict[str, object]] = []
    print(f"{'part':8}{'words':>11}  {'way':10}{'ms an update':>13}{'rounds':>8}")
    for part, size in cases:
        for row in measure(part, size, seconds):
            rows.append(row)
            print(f"{part:8}{size:>11,}  {row['way']:10}{row['ms']:>13.2f}{row['rounds']:>8}", flush=True)
    if given.out is not None:
        given.out.write_text(json.dumps({"machine": describe(), "rows": rows}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
