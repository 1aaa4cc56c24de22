"""The network's side: what it reads of each row, its training, its forecasts of rows that it did not learn from.

A row is its deviation from the season's course and a slow level. From the last two deviations and the place in the
season the network forecasts the next: a low quantile, the median, a high one, the distance between them being how
sure it is. What it adds to is `carry` times the last deviation; its head begins at the quantiles of what that leaves,
so training starts from that forecast.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from elman.core.losses import Pinball
from elman.estimators.ensemble import Ensemble, OnProgress, fit_all, span
from elman.estimators.recipe import Recipe
from elman.estimators.seeds import Use, child
from elman.estimators.training import Job, Round, layout_of
from elman.network import Network

__all__ = [
    "CLIP",
    "EFFORTS",
    "LEAST",
    "QUANTILES",
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


STEPS = 64  # of a window that a network is trained on, where there are so many rows

# The folds choose after which of the snapshots training ends.
_NORMAL = Recipe(1, 16, 800, batch_size=16, learning_rate=3e-3, weight_decay=0.1, snapshots=(0, 50, 100, 200, 400, 800))
EFFORTS = {
    "fast": replace(_NORMAL, updates=200, snapshots=(0, 50, 100, 200)),
    "normal": _NORMAL,
    "best": replace(_NORMAL, hidden_size=32, updates=3200, snapshots=(0, 50, 100, 200, 400, 800, 1600, 3200)),
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
    deviations: np.ndarray,
    units: Units,
    places: np.ndarray,
    recipe: Recipe,
    seed: int,
    on_progress: OnProgress | None = None,
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
    jobs = [_job(x, y, fold != k, recipe) for k in range(FOLDS)]
    folds = fit_all([Ensemble(jobs, child(seed, Use.TRIALS))], on_progress=span(on_progress, 0.0, 0.75))[0]
    answers = np.empty((len(recipe.snapshots), len(x), len(QUANTILES)))
    for k, (job, trained) in enumerate(zip(jobs, folds, strict=True)):
        for i in range(len(answers)):
            # a training that failed has no later snapshots: what it knew before is as good an answer as any other
            network = Network.from_theta(job.layout, trained.thetas[min(i, len(trained.thetas) - 1)])
            answers[i, fold == k] = network.predict(x)[fold == k]
    best = int(np.argmin([_loss(y, each) for each in answers]))
    snapshots = recipe.snapshots[: best + 1]
    job = _job(x, y, np.ones(len(x), bool), replace(recipe, updates=max(1, snapshots[-1]), snapshots=snapshots))
    ((trained,),) = fit_all([Ensemble([job], child(seed, Use.MEMBERS))], on_progress=span(on_progress, 0.75, 1.0))
    return Network.from_theta(job.layout, trained.theta), answers[best]


def _loss(y: np.ndarray, answers: np.ndarray) -> float:
    errors, q = y - answers, np.array(QUANTILES)
    return float(np.maximum(q * errors, (q - 1.0) * errors).mean())


def _job(x: np.ndarray, y: np.ndarray, learned: np.ndarray, recipe: Recipe) -> Job:
    """The training of a network on windows whose rows are all `learned` (n,); it begins at the quantiles of these."""
    steps = max(2 * WARM, min(STEPS, int(learned.sum()) // 4))
    starts = np.flatnonzero(sliding_window_view(learned, steps).all(axis=1))[:: max(1, steps // 8)]
    windows, targets = (sliding_window_view(a, steps, axis=0).transpose(0, 2, 1)[starts] for a in (x, y))
    weight = np.ones(windows.shape[:2], np.float32)
    weight[:, :WARM] = 0.0
    return Job(
        layout_of(recipe, x.shape[1], len(QUANTILES)),
        _Windows(windows, targets, weight),
        recipe,
        Pinball(QUANTILES),
        output_bias=np.quantile(y[learned], QUANTILES),
    )


@dataclass(frozen=True, eq=False)
class _Windows:
    """`TrainingData` of fixed windows (n, T, F), targets (n, T, 1) and weights (n, T)."""

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray

    def rounds(self, recipe: Recipe, rng: np.random.Generator) -> Iterator[Round]:
        """Whole epochs up to each snapshot, at least one up to the first that is not 0."""
        epoch = -(-len(self.x) // recipe.batch_size)  # updates
        done = 0
        for updates in recipe.snapshots:
            due = max(1, updates // epoch) if updates else 0
            yield Round(self.x, self.y, self.weight, max(0, due - done), snapshot=True)
            done = max(done, due)
