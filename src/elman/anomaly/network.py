"""The network's side: what it reads of each row, its training, its forecasts of rows that it did not learn from.

A row is its deviation from the season's course and a slow level. From the last two deviations and the place in the
season the network forecasts the next: a low quantile, the median, a high one, the distance between them being how
sure it is. What it adds to is `carry` times the last deviation; its head begins at the quantiles of what that leaves,
so training starts from that forecast.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from elman.core.losses import Pinball
from elman.core.optim import AdamW
from elman.engines.config import get_num_threads
from elman.network import Network
from elman.train.training import Trainer, TrainingError

__all__ = [
    "CLIP",
    "EFFORTS",
    "LEAST",
    "QUANTILES",
    "Settings",
    "Units",
    "cross_fit",
    "place_features",
    "spread",
    "units_of",
]

QUANTILES = (0.2, 0.5, 0.8)
LEAST = 1e-100  # of a unit: what is divided by it is still a number
CLIP = 6.0  # units that the network reads at most
FOLDS = 3  # parts of the rows, each forecast by a network that learned from the others
WARM = 8  # steps of a window that are read, not learned from


@dataclass(frozen=True)
class Settings:
    """How networks are trained. Each of `stages` is a number of updates; the folds choose one, or none at all."""

    cell: str = "gru"
    hidden_size: int = 16
    stages: tuple[int, ...] = (50, 100, 200, 400, 800)
    batch_size: int = 16
    steps: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 0.1
    seed: int = 0


EFFORTS = {
    "fast": Settings(stages=(50, 100, 200)),
    "normal": Settings(),
    "best": Settings(hidden_size=32, stages=(50, 100, 200, 400, 800, 1600, 3200)),
}


@dataclass(frozen=True)
class Units:
    """deviation  what inputs are measured in
    error      what answers are measured in
    carry      the share of a deviation that the next row keeps
    """

    deviation: float
    error: float
    carry: float


def units_of(deviations: np.ndarray) -> Units:
    """Of deviations (n,), however large some are."""
    unit = spread(deviations)
    clipped = np.clip(deviations, -4.0 * unit, 4.0 * unit)
    before, after = clipped[:-1], clipped[1:]
    size = float(before @ before)
    carry = float(np.clip((before @ after) / size, 0.0, 1.0)) if size > 0.0 else 0.0
    return Units(unit, spread(after - carry * before), carry)


def spread(values: np.ndarray) -> float:
    """1.48 times the median distance from the median; where that is 0 the mean distance; at least LEAST."""
    apart = np.abs(values - np.median(values))
    return max(1.4826 * float(np.median(apart)) or float(apart.mean()), LEAST)


def place_features(course: np.ndarray, seasons: Sequence[int], unit: float) -> np.ndarray:
    """What the network reads of a row's place in the season (m, F): the waves of each season and of half of it, and how
    much the course changes."""
    m = len(course)
    if m == 1:
        return np.zeros((1, 0), np.float32)
    with np.errstate(over="ignore"):  # what is infinite is clipped
        change = np.clip((course - np.roll(course, 1)) / unit, -CLIP, CLIP)
    turns = [2.0 * np.pi * k * np.arange(m) / s for s in seasons if s <= m and m % s == 0 for k in (1, 2)]
    return np.column_stack([*map(np.sin, turns), *map(np.cos, turns), change]).astype(np.float32)


def cross_fit(
    deviations: np.ndarray, units: Units, places: np.ndarray, settings: Settings
) -> tuple[Network, np.ndarray]:
    """The network of all rows (n,), whose places read as (n, F); and for each row the quantiles (n, 3) by a network
    that did not learn from it, in units of the error, to be added to what is carried.

    The folds' losses say after how many updates training ends. The same seed gives the same bits with any number of
    threads.
    """
    last = np.concatenate([[0.0], deviations[:-1]])
    earlier = np.concatenate([[0.0], last[:-1]])
    read = np.column_stack([last / units.deviation, (last - earlier) / units.error])
    x = np.column_stack([np.clip(read, -CLIP, CLIP), places]).astype(np.float32)
    y = np.clip((deviations - units.carry * last) / units.error, -4 * CLIP, 4 * CLIP).astype(np.float32)[:, None]
    fold = np.arange(len(x)) * FOLDS // len(x)
    answers = np.empty((1 + len(settings.stages), len(x), 3))
    with ThreadPoolExecutor(max(1, get_num_threads()), thread_name_prefix="elman") as pool:
        jobs = [pool.submit(_fit, x, y, fold != k, settings, settings.stages) for k in range(FOLDS)]
        for k, job in enumerate(jobs):
            answers[:, fold == k] = np.array(job.result()[1])[:, fold == k]
    best = int(np.argmin([_loss(y, each) for each in answers]))
    network, _ = _fit(x, y, np.ones(len(x), bool), settings, settings.stages[:best])
    return network, answers[best]


def _loss(y: np.ndarray, answers: np.ndarray) -> float:
    errors, q = y - answers, np.array(QUANTILES)
    return float(np.maximum(q * errors, (q - 1.0) * errors).mean())


def _fit(
    x: np.ndarray, y: np.ndarray, learned: np.ndarray, settings: Settings, stages: Sequence[int]
) -> tuple[Network, list[np.ndarray]]:
    """A network trained on windows whose rows are all `learned` (n,), and its answers (n, 3) before training and after
    each stage."""
    network = Network(x.shape[1], settings.hidden_size, 3, cell=settings.cell, skip=True, seed=settings.seed)
    for name in ("head.weight", "skip.weight"):
        network.parameters[name][...] = 0.0
    network.parameters["head.bias"][...] = np.quantile(y[learned], QUANTILES)
    steps = max(2 * WARM, min(settings.steps, int(learned.sum()) // 4))
    starts = np.flatnonzero(sliding_window_view(learned, steps).all(axis=1))[:: max(1, steps // 8)]
    windows, targets = (sliding_window_view(a, steps, axis=0).transpose(0, 2, 1)[starts] for a in (x, y))
    weight = np.ones(windows.shape[:2], np.float32)
    weight[:, :WARM] = 0.0
    trainer = Trainer(
        network,
        loss=Pinball(QUANTILES),
        optimizer=AdamW(settings.learning_rate, weight_decay=settings.weight_decay),
        batch_size=settings.batch_size,
        clip_norm=1.0,
        seed=settings.seed,
    )
    epoch = -(-len(starts) // settings.batch_size)  # updates
    answers = [network.predict(x)]
    for stage in stages:
        more = max(1, stage // epoch) - trainer.epochs
        if more > 0:
            before = network.theta.copy()
            try:
                trainer.fit(windows, targets, sample_weight=weight, epochs=more, progress=False)
            except TrainingError:  # what it knew before is as good an answer as any other
                network.theta = before
                answers += [answers[-1]] * (1 + len(stages) - len(answers))
                break
        answers.append(network.predict(x))
    return network, answers
