"""Three sets of the UCR and UEA archives, as the wheel of aeon holds them: `python -m benchmarks.sequence_sets`.

    pip install '.[peers]'

JapaneseVowels, ItalyPowerDemand and BasicMotions with their own split into training and test, by
`SequenceClassifier()` with its defaults and by aeon's `MiniRocketClassifier()` with its own. The defaults were not
chosen on these sets. Asked: 98.5, 96.5 and 97.5 % of the test; published: FCN 99.3, LSTM-FCN 97.1, 100. Seeds 0 to
`--seeds` less one are run, and every score is printed. Sequences of unequal length (JapaneseVowels) are a list for us;
MiniRocket reads them padded with zeros to the longest. `--quick` scores one half of the training part instead.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.machine import describe

SETS = {"JapaneseVowels": (98.5, 99.3), "ItalyPowerDemand": (96.5, 97.1), "BasicMotions": (97.5, 100.0)}


def load(name: str, part: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Returns the sequences (T, D) of a part, "train" or "test", and their classes."""
    from aeon import datasets  # pyright: ignore[reportMissingImports]

    loaders = {
        "JapaneseVowels": datasets.load_japanese_vowels,
        "ItalyPowerDemand": datasets.load_italy_power_demand,
        "BasicMotions": datasets.load_basic_motions,
    }
    x, y = loaders[name](split=part)
    return [np.asarray(each, np.float64).T for each in x], np.asarray(y)


def ours(sequences: list[np.ndarray]) -> Any:
    """Returns sequences as an array (n, T, D) where they are equally long, else as they are."""
    return np.stack(sequences) if len({len(each) for each in sequences}) == 1 else sequences


def padded(sequences: list[np.ndarray], steps: int) -> np.ndarray:
    """Returns sequences as aeon reads them, (n, D, T), with zeros behind their ends."""
    return np.stack([np.pad(each, ((0, steps - len(each)), (0, 0))).T for each in sequences])


def recurrent(seed: int, train: Sequence[Any], test: Sequence[Any]) -> float:
    from elman import SequenceClassifier

    return SequenceClassifier(seed=seed).fit(ours(train[0]), train[1]).score(ours(test[0]), test[1])


def minirocket(seed: int, train: Sequence[Any], test: Sequence[Any]) -> float:
    from aeon.classification.convolution_based import MiniRocketClassifier  # pyright: ignore[reportMissingImports]

    steps = max(len(each) for each in (*train[0], *test[0]))
    model = MiniRocketClassifier(random_state=seed).fit(padded(train[0], steps), train[1])
    return float(model.score(padded(test[0], steps), test[1]))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one seed, halves of the training part")
    given = parser.parse_args(arguments)
    about, seeds, scored = describe(), 1 if given.quick else given.seeds, "training" if given.quick else "test"
    print(f"{about['date']}, {about['processor']}; {scored} accuracy of each seed, % (scored {seeds} times each)\n")
    print("| set | training, scored rows | steps, features | model | mean | each | seconds | asked | published |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in given.sets.split(","):
        train = load(name, "train")
        test = tuple(each[1::2] for each in train) if given.quick else load(name, "test")
        train = tuple(each[::2] for each in train) if given.quick else train
        lengths = {len(each) for each in train[0]}
        size = f"{min(lengths)} to {max(lengths)}" if len(lengths) > 1 else f"{max(lengths)}"
        means: dict[str, float] = {}
        for title, fit in (("SequenceClassifier()", recurrent), ("MiniRocketClassifier()", minirocket)):
            began = time.perf_counter()
            scores = [100 * fit(seed, train, test) for seed in range(seeds)]
            took, means[title] = (time.perf_counter() - began) / seeds, float(np.mean(scores))
            each = " ".join(f"{score:.1f}" for score in scores)
            asked, published = SETS[name] if fit is recurrent else ("", "")
            rows = f"{len(train[0])}, {len(test[0])} | {size}, {train[0][0].shape[1]}"
            line = f"| {name} | {rows} | {title} | {means[title]:.2f} | {each} | {took:.1f} | {asked} | {published} |"
            print(line, flush=True)
        first, second = means.values()
        winner = "a draw" if first == second else f"{max(means, key=lambda title: means[title])} wins"
        print(f"| | | | {winner} by {abs(first - second):.2f} | | | | | |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
