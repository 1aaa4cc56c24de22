"""The recipes for each effort, "fast", "normal" or "best". They count updates, not seconds, so results are repeatable.

The recipes of local models were chosen with `benchmarks/forecast_defaults.py`, those of global ones with
`benchmarks/m4.py`.
"""

from __future__ import annotations

from dataclasses import replace

from elman.estimators.recipe import Recipe

__all__ = ["GLOBAL", "LOCAL", "global_recipe", "smoothed_recipe"]

_LOCAL = Recipe(5, 4, 300, batch_size=16, learning_rate=5e-3, weight_decay=0.5, cell="tanh", patience=100)
LOCAL = {  # effort -> recipe of a local model
    "fast": replace(_LOCAL, members=2, updates=150),
    "normal": _LOCAL,
    "best": replace(_LOCAL, members=15),
}

_FEW = Recipe(5, 16, 500, 16, 5e-3, 0.5, cell="tanh", cosine=True, trial_updates=300)
_SOME = Recipe(3, 32, 1000, 32, 3e-3, 0.1, cosine=True, trial_updates=300)
_MANY = Recipe(2, 64, 4000, 64, 3e-3, 0.01, cosine=True, trial_updates=500)
# effort -> smallest number of rows, summed over all series -> recipe of a global model
GLOBAL: dict[str, dict[int, Recipe]] = {
    "fast": {
        0: replace(_FEW, members=2),
        2000: replace(_SOME, members=1),
        30_000: replace(_MANY, members=1, hidden_size=32, updates=1000, trial_updates=0),
    },
    "normal": {0: _FEW, 2000: _SOME, 30_000: _MANY},
    "best": {
        0: replace(_FEW, members=15),
        2000: replace(_SOME, members=10),
        30_000: replace(_MANY, members=4, hidden_size=128, updates=16_000, trial_updates=1000),
    },
}
# the same of networks that correct exponential smoothing, whose forecasts leave less to learn
_LITTLE = replace(_FEW, members=2, hidden_size=8, updates=150)
SMOOTHED: dict[str, dict[int, Recipe]] = {
    "fast": {0: _LITTLE, 2000: GLOBAL["fast"][2000]},
    "normal": {0: _LITTLE, 2000: _SOME},
    "best": {0: replace(_LITTLE, members=6), 2000: GLOBAL["best"][2000]},
}


def global_recipe(effort: str, rows: int) -> Recipe:
    """Returns the recipe of an effort for a global model trained on `rows` rows, summed over all series.

    More rows allow larger networks, which overfit on few rows.
    """
    return next(recipe for least, recipe in reversed(GLOBAL[effort].items()) if rows >= least)


def smoothed_recipe(effort: str, rows: int) -> Recipe:
    """Returns the recipe of an effort for networks that correct exponential smoothing, as `global_recipe` does.

    It does not grow with 30,000 rows: on the 150,000 rows of M3's monthly series `_SOME` was as good as `_MANY`.
    """
    return next(recipe for least, recipe in reversed(SMOOTHED[effort].items()) if rows >= least)
