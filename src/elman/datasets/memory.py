"""Tasks that cannot be solved without memory. Each is drawn from (n, T, seed): the same three give the same bits.

`Task.memoryless` is the score of an answer without memory. docs/memory.md has recipes that solve the tasks.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Literal

import numpy as np

from elman.core import checks
from elman.datasets.task import Task, begin

__all__ = ["adding_problem", "copy_memory", "delayed_echo", "parity", "sequential_digits"]

DIGITS_SPLIT = (1079, 359, 359)  # rows of the parts: 60, 20 and 20 % of 1797


def adding_problem(n: int, T: int, seed: int = 0) -> Task:
    """Draws sequences whose target is the sum of the two marked numbers among T; T >= 2.

    x (n, T, 2)   a number, uniform in [0, 1), and a mark: 1 at one step of the first half (steps 0 .. T//2 - 1) and
                  at one step of the second, 0 elsewhere
    y (n, 1)      the sum of the two marked numbers, asked at the last step ("mse")
    memoryless    1/6 = 0.167, the variance of the sum: the score of the constant answer 1

    Hochreiter and Schmidhuber (1997), in the form of Le, Jaitly and Hinton (2015) and Bai, Kolter and Koltun (2018);
    the paper of 1997 has numbers in [-1, 1] and scales the sum.
    """
    rng = begin(n, T, seed, least=2)
    x = np.zeros((n, T, 2), np.float32)
    x[:, :, 0] = rng.random((n, T), np.float32)
    rows, first, second = np.arange(n), rng.integers(0, T // 2, n), rng.integers(T // 2, T, n)
    x[rows, first, 1] = x[rows, second, 1] = 1
    y = x[rows, first, 0] + x[rows, second, 0]
    return Task(x, y[:, None], None, "mse", 1 / 6)


def copy_memory(n: int, T: int, seed: int = 0, *, symbols: int = 10, kinds: int = 8) -> Task:
    """Draws sequences whose symbols are to be repeated after a delay of T steps; T >= 1.

    x (n, T + 2 symbols)  whole numbers: `symbols` symbols of 1 .. kinds, T - 1 blanks 0, the delimiter kinds + 1, and
                          `symbols` blanks. `np.eye(kinds + 2, dtype="float32")[x]` is the one-hot form
    y (n, T + 2 symbols)  classes in [0, kinds]: T + symbols blanks, then the symbols in their order ("cross_entropy")
    memoryless            symbols ln(kinds) / (T + 2 symbols): blanks while they are due, then a guess of the kinds

    Arjovsky, Shah and Bengio (2016), after Hochreiter and Schmidhuber (1997).
    """
    rng = begin(n, T, seed, least=1)
    checks.whole("symbols", symbols, low=1)
    checks.whole("kinds", kinds, low=2)
    steps = T + 2 * symbols
    x, y = np.zeros((n, steps), np.int64), np.zeros((n, steps), np.int64)
    x[:, :symbols] = y[:, -symbols:] = rng.integers(1, kinds + 1, (n, symbols))
    x[:, symbols + T - 1] = kinds + 1
    return Task(x, y, None, "cross_entropy", symbols * math.log(kinds) / steps)


def delayed_echo(n: int, T: int, seed: int = 0, *, delay: int = 10) -> Task:
    """Draws sequences in which every number is to be repeated `delay` steps later; T > delay >= 1.

    x (n, T, 1)   numbers, uniform in [-1, 1)
    y (n, T, 1)   y_t = x_{t - delay} ("mse"); 0, with weight 0, at the first `delay` steps
    memoryless    1/3, the variance of a number: the score of the constant answer 0

    The short-term memory of Jaeger (2001), with one delay.
    """
    checks.whole("delay", delay, low=1)
    rng = begin(n, T, seed, least=delay + 1)
    x = 2 * rng.random((n, T, 1), np.float32) - 1
    y, weight = np.zeros_like(x), np.ones((n, T), np.float32)
    y[:, delay:] = x[:, :-delay]
    weight[:, :delay] = 0
    return Task(x, y, weight, "mse", 1 / 3)


def parity(n: int, T: int, seed: int = 0) -> Task:
    """Draws bits, whose target at every step is whether the number of ones so far is odd; T >= 1.

    x (n, T, 1)   bits, 0 or 1 with equal chances
    y (n, T, 1)   1 where x_0 + ... + x_t is odd, else 0 ("binary_cross_entropy", of logits)
    memoryless    ln 2 = 0.693: every answer is a coin's toss

    Two states suffice, but each bit changes the answer, so a part of a sequence that is learnt does not help with the
    rest. Hochreiter and Schmidhuber (1997) have the parity at the end alone.
    """
    rng = begin(n, T, seed, least=1)
    bits = rng.integers(0, 2, (n, T, 1))
    odd = np.cumsum(bits, axis=1) % 2
    return Task(bits.astype(np.float32), odd.astype(np.float32), None, "binary_cross_entropy", math.log(2))


def sequential_digits(part: Literal["train", "validation", "test"] = "train", seed: int = 0) -> Task:
    """Returns handwritten digits, read one pixel a step, row by row; the class is asked at the end.

    x (n, 64, 1)  the grey of a pixel, from 0 to 1 in sixteenths
    y (n,)        the digit, a class in [0, 9] ("cross_entropy")
    memoryless    the entropy of this part's digits, near ln 10 = 2.303: an answer by their frequencies

    The 1797 images of 8 x 8 pixels that scikit-learn ships (the test part of Alpaydin and Kaynak's "Optical
    Recognition of Handwritten Digits", UCI, 1998), in an order drawn from `seed`: the first 1079 train, 359 validate,
    359 test. After the pixel-by-pixel digits of Le, Jaitly and Hinton (2015). `ModuleNotFoundError` without
    scikit-learn.
    """
    number = ("train", "validation", "test").index(checks.choice("part", part, ("train", "validation", "test")))
    order = np.random.default_rng(checks.whole("seed", seed, low=0)).permutation(sum(DIGITS_SPLIT))
    start = sum(DIGITS_SPLIT[:number])
    rows = order[start : start + DIGITS_SPLIT[number]]
    images, digits = _digits()
    frequency = np.bincount(digits[rows], minlength=10) / len(rows)
    return Task(images[rows], digits[rows], None, "cross_entropy", float(-np.sum(frequency * np.log(frequency))))


@cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "sequential_digits reads the digits out of scikit-learn; type: pip install 'elman[sklearn]'", name="sklearn"
        ) from None
    images, digits = (np.asarray(array) for array in load_digits(return_X_y=True))
    return (images / 16).astype(np.float32)[:, :, None], digits.astype(np.int64)
