"""The few options of a Forecaster that matter, chosen by Optuna on windows that are then left alone.

Each trial's model is trained without the last `windows` horizons of every series, which belong to the backtest of the
forecaster that comes out, and is scored on the windows before them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from elman.core import checks
from elman.forecast.forecaster import Forecaster
from elman.series.errors import DataError
from elman.series.panel import Panel
from elman.series.series import Series

__all__ = ["Tuned", "tune"]

NEEDED = "tuning needs optuna; type: pip install 'elman[tune]'"
SPACE: Mapping[str, Sequence[Any]] = {
    "context": (None, 1.5, 2.0, 3.0),  # times the rows that the defaults read
    "cell": ("tanh", "gru", "lstm"),
    "hidden_size": (4, 8, 16, 32, 64),
    "updates": (100, 300, 1000, 3000),
    "members": (1, 3, 5),
    "distribution": ("median", "quantiles", "student_t"),
}


class Tuned(NamedTuple):
    """What tuning found.

    forecaster   with the best options, not fitted
    score        its mean MASE in the windows of the search;  usual  that of the options as they were
    trials       for each trial `score` and its options, the first as they were
    """

    forecaster: Forecaster
    score: float
    usual: float
    trials: list[dict[str, Any]]


def tune(
    y: Any,
    *,
    forecaster: Forecaster | None = None,
    trials: int = 20,
    windows: int = 3,
    space: Mapping[str, Sequence[Any]] | None = None,
    **columns: Any,
) -> Tuned:
    """Looks for better options.

    y, columns   as `Forecaster.fit` takes them
    forecaster   what to begin from, which is the first trial; its `windows` last horizons are not looked at
    trials       how many are tried in all;  windows  on how many windows each
    space        options and the values to choose from; None: `SPACE`

    The same seed gives the same trials. `ModuleNotFoundError` without optuna, `DataError` for too few rows.
    """
    try:
        import optuna
    except ModuleNotFoundError:
        raise ModuleNotFoundError(NEEDED, name="optuna") from None
    checks.whole("trials", trials, low=1)
    base = Forecaster() if forecaster is None else forecaster
    space = SPACE if space is None else space
    for option in space:
        checks.choice("space", option, tuple(base.get_params()))
    known, usual = _known(base, base.read(y, **columns))
    done: list[dict[str, Any]] = []

    def score(options: dict[str, Any]) -> float:
        share = options.get("context")
        if share is not None:
            options |= {"context": max(1, round(share * usual["context"]))}
        model = Forecaster(**base.get_params()).set_params(horizon=usual["horizon"], **options)
        try:
            found = model.backtest(windows, y=known).mean("network")
        except DataError:  # a context that these rows are too few for
            found = float("inf")
        done.append({"score": found, **options})
        return found

    best = first = score({})
    if trials > 1:
        quiet = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=base.seed))
            study.optimize(
                lambda trial: score({name: trial.suggest_categorical(name, values) for name, values in space.items()}),
                n_trials=trials - 1,
            )
        finally:
            optuna.logging.set_verbosity(quiet)
        best = min(row["score"] for row in done)
    winner = next(row for row in done if row["score"] == best)
    chosen = Forecaster(**base.get_params()).set_params(**{k: v for k, v in winner.items() if k != "score"})
    return Tuned(chosen, best, first, done)


def _known(base: Forecaster, read: Series | Panel) -> tuple[Any, dict[str, Any]]:
    """The series without what the backtest of the outcome will score, and the horizon and context of the defaults."""
    quick = Forecaster(**base.get_params()).set_params(
        windows=0, updates=1, members=1, levels=None, distribution="median"
    )
    fitted = quick.fit(read)
    rows = base.windows * fitted.horizon_
    usual = {"horizon": fitted.horizon_, "context": fitted.model_.context}
    if isinstance(read, Series):
        known: Any = read.head(len(read) - rows)
        shortest = len(known)
    else:
        known = Panel({name: series.head(max(0, len(series) - rows)) for name, series in read.items()}, {})
        shortest = min(map(len, known.values()))
    if shortest < 3 * fitted.horizon_:
        raise DataError(
            f"y: {shortest} rows before the backtest's {rows} are too few to tune on; ask for fewer windows"
        )
    return known, usual
