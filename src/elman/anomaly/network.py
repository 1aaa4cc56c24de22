"""The network of a detector: its inputs, its training, and its out-of-sample forecasts of the rows it is fitted to.

Each row is a deviation: its difference from seasonal effect and level, divided by the dispersion. From the last two
deviations and the position in the season the network forecasts three quantiles of the next one, of which the median is
the forecast and the distance of the outer two its uncertainty. The network's answers are added to `ar1` times the last
deviation. The biases of its head begin at the quantiles of what remains after that, so training starts from an
autoregressive forecast.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from elman.core.losses import Pinball
from elman.estimators.ensemble import Ensemble, OnProgress, fit, fit_all, span
from elman.estimators.recipe import Recipe
from elman.estimators.seeds import Use, child
from elman.estimators.training import Job, Round, layout_of
from elman.network import Network

__all__ = [
    "EFFORTS",
    "INPUT_CLIP",
    "MIN_SCALE",
    "QUANTILES",
    "Scaling",
    "cross_fit",
    "fit_scaling",
    "robust_scale",
    "season_features",
]

QUANTILES = (0.2, 0.5, 0.8)
MIN_SCALE = 1e-100  # least unit of deviations and errors, which are divided by it
INPUT_CLIP = 6.0  # inputs of the network are clipped to so many units
FOLDS = 3  # of the cross-validation: each is forecast by a network that was trained on the others
WARM_UP_STEPS = 8  # first steps of a training window, which are read but have no part in the loss
WINDOW_STEPS = 64  # length of a training window, where there are enough rows

# Cross-validation chooses the snapshot after which training ends.
_NORMAL = Recipe(1, 16, 800, batch_size=16, learning_rate=3e-3, weight_decay=0.1, snapshots=(0, 50, 100, 200, 400, 800))
EFFORTS = {
    "fast": replace(_NORMAL, updates=200, snapshots=(0, 50, 100, 200)),
    "normal": _NORMAL,
    "best": replace(_NORMAL, hidden_size=32, updates=3200, snapshots=(0, 50, 100, 200, 400, 800, 1600, 3200)),
}


@dataclass(frozen=True)
class Scaling:
    """The units of a network's inputs and answers, and the autoregressive part of its forecasts.

    deviation  unit of the inputs
    error      unit of the answers
    ar1        coefficient of the last deviation in the forecast of the next, in [0, 1]
    """

    deviation: float
    error: float
    ar1: float


def fit_scaling(deviations: np.ndarray) -> Scaling:
    """Estimates the scaling of deviations (n,), robustly against outliers, and returns it."""
    unit = robust_scale(deviations)
    clipped = np.clip(deviations, -4.0 * unit, 4.0 * unit)
    before, after = clipped[:-1], clipped[1:]
    size = float(before @ before)
    ar1 = float(np.clip((before @ after) / size, 0.0, 1.0)) if size > 0.0 else 0.0
    return Scaling(unit, robust_scale(after - ar1 * before), ar1)


def robust_scale(values: np.ndarray) -> float:
    """Returns 1.48 times the median absolute deviation of values (n,), which is the standard deviation of normal ones.

    Where the median absolute deviation is 0 the mean absolute deviation takes its place; the least result is MIN_SCALE.
    """
    sizes = np.abs(values - np.median(values))
    return max(1.4826 * float(np.median(sizes)) or float(sizes.mean()), MIN_SCALE)


def season_features(effects: np.ndarray, seasons: Sequence[int], unit: float) -> np.ndarray:
    """Returns what the network reads about each position in the season, (m, F).

    These are sine and cosine of each season and of half of it, and the change of the effects (m,) from the position
    before, in `unit`. F is 0 without a season.
    """
    m = len(effects)
    if m == 1:
        return np.zeros((1, 0), np.float32)
    with np.errstate(over="ignore"):  # infinite values are clipped
        change = np.clip((effects - np.roll(effects, 1)) / unit, -INPUT_CLIP, INPUT_CLIP)
    angles = [2.0 * np.pi * k * np.arange(m) / s for s in seasons if s <= m and m % s == 0 for k in (1, 2)]
    return np.column_stack([*map(np.sin, angles), *map(np.cos, angles), change]).astype(np.float32)


def cross_fit(
    deviations: np.ndarray,
    scaling: Scaling,
    features: np.ndarray,
    recipe: Recipe,
    seed: int,
    on_progress: OnProgress | None = None,
) -> tuple[Network, np.ndarray]:
    """Trains a network on deviations (n,) with season features (n, F), and others that cross-validate it.

    Returns the network of all rows, and for each row the quantiles (n, 3) that a network trained without it answers,
    in units of the error and without the autoregressive part. The losses of the folds choose the number of updates. The
    same seed gives the same bits with any number of threads.
    """
    last = np.concatenate([[0.0], deviations[:-1]])
    previous = np.concatenate([[0.0], last[:-1]])
    inputs = np.column_stack([last / scaling.deviation, (last - previous) / scaling.error])
    x = np.column_stack([np.clip(inputs, -INPUT_CLIP, INPUT_CLIP), features]).astype(np.float32)
    targets = np.clip((deviations - scaling.ar1 * last) / scaling.error, -4 * INPUT_CLIP, 4 * INPUT_CLIP)
    y = targets.astype(np.float32)[:, None]
    fold = np.arange(len(x)) * FOLDS // len(x)
    jobs = [_job(x, y, fold != k, recipe) for k in range(FOLDS)]
    folds = fit_all([Ensemble(jobs, child(seed, Use.TRIALS))], on_progress=span(on_progress, 0.0, 0.75))[0]
    answers = np.empty((len(recipe.snapshots), len(x), len(QUANTILES)))
    for k, (job, trained) in enumerate(zip(jobs, folds, strict=True)):
        for i in range(len(answers)):
            # a training that diverged has no later snapshots; its last one stands for them
            network = Network.from_theta(job.layout, trained.thetas[min(i, len(trained.thetas) - 1)])
            answers[i, fold == k] = network.predict(x)[fold == k]
    best = int(np.argmin([_pinball_loss(y, each) for each in answers]))
    snapshots = recipe.snapshots[: best + 1]
    job = _job(x, y, np.ones(len(x), bool), replace(recipe, updates=max(1, snapshots[-1]), snapshots=snapshots))
    (trained,) = fit(job, 1, child(seed, Use.MEMBERS), on_progress=span(on_progress, 0.75, 1.0))
    return Network.from_theta(job.layout, trained.theta), answers[best]


def _pinball_loss(y: np.ndarray, answers: np.ndarray) -> float:
    """Returns the mean pinball loss of quantiles (n, 3) for targets (n, 1)."""
    errors, q = y - answers, np.array(QUANTILES)
    return float(np.maximum(q * errors, (q - 1.0) * errors).mean())


def _job(x: np.ndarray, y: np.ndarray, included: np.ndarray, recipe: Recipe) -> Job:
    """Returns the training job of a network on those windows of x and y whose rows are all `included` (n,)."""
    steps = max(2 * WARM_UP_STEPS, min(WINDOW_STEPS, int(included.sum()) // 4))
    starts = np.flatnonzero(sliding_window_view(included, steps).all(axis=1))[:: max(1, steps // 8)]
    windows, targets = (sliding_window_view(a, steps, axis=0).transpose(0, 2, 1)[starts] for a in (x, y))
    weight = np.ones(windows.shape[:2], np.float32)
    weight[:, :WARM_UP_STEPS] = 0.0
    return Job(
        layout_of(recipe, x.shape[1], len(QUANTILES)),
        _Windows(windows, targets, weight),
        recipe,
        Pinball(QUANTILES),
        output_bias=np.quantile(y[included], QUANTILES),
    )


@dataclass(frozen=True, eq=False)
class _Windows:
    """`TrainingData` of fixed windows x (n, T, F), targets y (n, T, 1) and weights (n, T)."""

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray

    def rounds(self, recipe: Recipe, rng: np.random.Generator) -> Iterator[Round]:
        """Yields one round for each snapshot: whole epochs up to it, at least one up to the first that is not 0."""
        updates_per_epoch = -(-len(self.x) // recipe.batch_size)
        done = 0
        for updates in recipe.snapshots:
            due = max(1, updates // updates_per_epoch) if updates else 0
            yield Round(self.x, self.y, self.weight, max(0, due - done), snapshot=True)
            done = max(done, due)
