"""Tasks of systems neuroscience, in trials: fixate, look, remember, and answer when the fixation cue goes out.

Networks that learn them are compared with recordings of animals (Mante et al. 2013; Song, Yang and Wang 2016). Every
trial of a draw has the same timing; `condition` says what it showed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from elman.core import checks
from elman.datasets.task import Task, begin

__all__ = ["COHERENCES", "delayed_match", "ideal_accuracy", "perceptual_decision", "psychometric"]

COHERENCES = (0.032, 0.064, 0.128, 0.256, 0.512)


def perceptual_decision(
    n: int,
    T: int,
    seed: int = 0,
    *,
    coherences: float | Sequence[float] = COHERENCES,
    noise: float = 1.0,
    delay: int = 0,
) -> Task:
    """Draws trials that ask which way noisy evidence points, after the go signal; T >= 10.

    A trial: T//10 steps of fixation, then the evidence, `delay` steps without it, T//5 steps to answer.
    x (n, T, 2)      the fixation cue, 1 until it goes out (the go signal), and the evidence: while it is shown
                     side * coherence + noise * N(0, 1) at each step, else 0
    y (n, T, 1)      0 until the go signal, then the side, -1 or +1 ("mse"); sides have equal chances
    condition (n,)   the trial's coherence, one of `coherences` with equal chances; float64
    memoryless       (T//5) / T: 0 is the best answer of all that do not know the side. Of its decisions half are
                     right, at every coherence (`psychometric` gives a network's, `ideal_accuracy` the most there is)

    Random dots after Britten et al. (1992), reduced to their net evidence as in Song, Yang and Wang (2016).
    """
    rng, fixation, answer = begin(n, T, seed, least=10), T // 10, T // 5
    checks.whole("delay", delay, low=0, high=T - fixation - answer - 1)
    checks.number("noise", noise, low=0.0)
    levels = np.array([checks.number("coherences", level, low=0.0) for level in np.atleast_1d(coherences)])
    if not len(levels):
        raise ValueError(f"coherences: expected at least one number, got {coherences!r}")
    shown, go = slice(fixation, T - answer - delay), T - answer
    coherence, side = rng.choice(levels, n), rng.choice([-1.0, 1.0], n)
    steps = shown.stop - shown.start
    x, y = np.zeros((n, T, 2), np.float32), np.zeros((n, T, 1), np.float32)
    x[:, :go, 0] = 1
    x[:, shown, 1] = (side * coherence)[:, None] + noise * rng.standard_normal((n, steps))
    y[:, go:, 0] = side[:, None]
    return Task(x, y, None, "mse", (T - go) / T, coherence)


def psychometric(task: Task, prediction: np.ndarray) -> dict[float, float]:
    """Returns each condition's fraction of right decisions, which is 1/2 without memory.

    task        of `perceptual_decision` or `delayed_match`
    prediction  (n, T, 1); the decision is the sign of its mean over the steps of the answer. 0 counts as half right
    """
    if task.condition is None:
        raise ValueError("task: expected one of perceptual_decision or delayed_match, got one without conditions")
    prediction = np.asarray(prediction)
    if prediction.shape != task.y.shape:
        raise ValueError(f"prediction: expected shape {task.y.shape}, got {prediction.shape}")
    asked = task.y[0, :, 0] != 0
    right = 0.5 + 0.5 * np.sign(prediction[:, asked, 0].mean(axis=1, dtype=np.float64)) * task.y[:, -1, 0]
    return {float(level): float(right[task.condition == level].mean()) for level in np.unique(task.condition)}


def ideal_accuracy(coherence: float, steps: int, noise: float = 1.0) -> float:
    """Returns the fraction of right decisions of an observer that adds up all `steps` steps of evidence.

    It is Phi(coherence sqrt(steps) / noise), where Phi is the normal distribution function; no observer is better. A
    trial of `perceptual_decision` shows T - T//10 - T//5 - delay steps.
    """
    checks.number("coherence", coherence, low=0.0)
    checks.whole("steps", steps, low=1)
    checks.number("noise", noise, low=0.0, open_low=True)
    return 0.5 * math.erfc(-coherence * math.sqrt(steps / 2) / noise)


def delayed_match(n: int, T: int, seed: int = 0, *, kinds: int = 2, noise: float = 0.1) -> Task:
    """Draws trials of delayed match to sample: is the stimulus the one seen before the delay? T >= 10.

    A trial: T//10 steps of fixation, T//5 of the sample, a delay, T//5 of the test, T//5 to answer.
    x (n, T, 1 + kinds)  the fixation cue, 1 until it goes out (the go signal), and a column for each kind of
                         stimulus: 1 while that kind is shown, plus noise * N(0, 1) at every step
    y (n, T, 1)          0 until the go signal, then 1 where test and sample are of one kind, else -1 ("mse")
    condition (n,)       the sample's kind, in [0, kinds); int64
    memoryless           (T//5) / T: half of the trials match, whatever the test, so 0 is the best answer of all that
                         do not know the sample

    After Miyashita and Chang (1988) and Miller, Erickson and Desimone (1996).
    """
    checks.whole("kinds", kinds, low=2)
    checks.number("noise", noise, low=0.0)
    rng = begin(n, T, seed, least=10)
    period, go = T // 5, T - T // 5
    sample, match = rng.integers(0, kinds, n), rng.choice([-1.0, 1.0], n)
    test = np.where(match > 0, sample, (sample + rng.integers(1, kinds, n)) % kinds)
    x, y = np.zeros((n, T, 1 + kinds), np.float32), np.zeros((n, T, 1), np.float32)
    x[:, :, 1:] = noise * rng.standard_normal((n, T, kinds))
    x[:, :go, 0] = 1
    for kind, start in ((sample, T // 10), (test, go - period)):
        x[:, start : start + period, 1:] += np.eye(kinds, dtype=np.float32)[kind][:, None, :]
    y[:, go:, 0] = match[:, None]
    return Task(x, y, None, "mse", (T - go) / T, sample)
