"""Writes a sentence about a picture: two handwritten digits beside or above one another.

    pip install 'elman[sklearn]'
    python examples/captions.py

The pictures are scenes of 20 x 20 pixels made of scikit-learn's digits, two a scene; digits of the test scenes are in
no training scene. A model reads one vector, the pixels; its decoder's state begins from it. Each scene may be told in
two ways ("a three above a seven", "a seven below a three"), of which the training has one, drawn at random; either is
right. A model without memory, which foresees the word at each place from the picture alone, mixes
the two. `--quick`: seconds.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from elman import EncoderDecoder
from elman.seq2seq.baselines import frequent_target, nearest_targets

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CELL, KNOWN, HIDDEN = 10, 1400, 256  # pixels of a quarter of a scene; digits that train; units


def scenes(n: int, digits: range, seed: int) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """Returns n scenes (n, 400) of digits from a range, and both captions of each."""
    data, rng = load_digits(), np.random.default_rng(seed)
    pictures, captions = np.zeros((n, 2 * CELL, 2 * CELL)), []
    for picture in pictures:
        across, order = rng.random() < 0.5, rng.random() < 0.5
        fixed = int(rng.integers(2))  # the row, or column, that both lie in
        names = []
        for place in (0, 1):
            row, column = (fixed, place) if across else (place, fixed)
            chosen = int(rng.integers(digits.start, digits.stop))
            y, x = (CELL * np.array([row, column]) + rng.integers(0, 3, 2)).tolist()
            picture[y : y + 8, x : x + 8] = data.images[chosen] / 16
            names.append(f"a {WORDS[data.target[chosen]]}")
        one, other = ("left of", "right of") if across else ("above", "below")
        both = (f"{names[0]} {one} {names[1]}", f"{names[1]} {other} {names[0]}")
        captions.append(both if order else both[::-1])
    return pictures.reshape(n, -1), captions


def without_memory(x: np.ndarray, captions: list[str], asked: np.ndarray) -> list[str]:
    """Returns captions whose words are foreseen one by one, each place by a network of its own."""
    words, columns = [caption.split() for caption in captions], []
    for place in range(max(map(len, words))):
        y = [own[place] if place < len(own) else "" for own in words]
        network = MLPClassifier((HIDDEN,), early_stopping=True, max_iter=25, random_state=0)
        columns.append(network.fit(x, y).predict(asked) if len(set(y)) > 1 else y[:1] * len(asked))
    return [" ".join(filter(None, row)) for row in zip(*columns, strict=True)]


def main(count: int = 20000, updates: int = 4000) -> None:
    warnings.filterwarnings("ignore", "Stochastic Optimizer")  # the perceptrons' epochs are a budget
    began = time.perf_counter()
    (x, told), (x_test, both) = scenes(count, range(KNOWN), 0), scenes(1000, range(KNOWN, 1797), 2)
    captions = [one for one, _ in told]
    model = EncoderDecoder(hidden_size=HIDDEN, dropout=0.3, updates=updates, batch_size=64, seed=0).fit(x, captions)
    written = {
        "encoder and decoder": model.predict(x_test, beam_size=4),
        "word by word, without memory": without_memory(x, captions, x_test),
        "caption of the nearest scene": nearest_targets(x, captions, x_test, None),
        "most frequent caption": frequent_target(captions, len(x_test)),
    }
    print(f"{count} training scenes, {len(x_test)} test scenes of other digits; exact match with either caption")
    for name, own in written.items():
        print(f"  {name:30} {np.mean([one in true for one, true in zip(own, both, strict=True)]):6.1%}")
    print(f"  such as: {written['encoder and decoder'][0]} (true: {both[0][0]})")
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main(**({"count": 300, "updates": 20} if "--quick" in sys.argv else {}))
