"""Hyperparameter search for a `Forecaster` with Optuna.

Every trial is a backtest without the last rows of every series: these rows are for the backtest of the resulting
forecaster, which therefore stays unbiased.
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
SPACE: Mapping[str, Sequence[Any]] = {  # option -> values to choose from
    "context": (None, 1.5, 2.0, 3.0),  # multiples of the default context
    "cell": ("tanh", "gru", "lstm"),
    "hidden_size": (4, 8, 16, 32, 64),
    "updates": (100, 300, 1000, 3000),
    "members": (1, 3, 5),
    "distribution": ("median", "quantiles", "student_t"),
}


class Tuned(NamedTuple):
    """The result of a hyperparameter search.

    forecaster   a forecaster with the best options, not fitted
    score        its mean MASE in the windows of the search
    usual        the mean MASE of the initial options
    trials       for each trial its `score` and the options that were changed; none in the first
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
    executor: Any = None,
    at_once: int = 1,
    **columns: Any,
) -> Tuned:
    """Searches for better options of a forecaster, and returns the best ones with their score.

    y, columns   data and names of columns, as `Forecaster.fit` takes them
    forecaster   forecaster with the initial options, which are the first trial. Its last `windows` horizons are left
                 out of the search; None: `Forecaster()`
    trials       number of trials
    windows      number of backtest windows in each trial
    space        options, and for each the values to choose from; None: `SPACE`
    executor     who computes the trials (see `elman.cluster.Ledger`): "processes", a Dask client or the address of its
                 scheduler, or a Ledger, which keeps their scores; None: this process
    at_once      number of trials that are chosen and computed together, by the scores of those before them

    The same seed of the forecaster and `at_once` give the same trials. `ModuleNotFoundError` without optuna,
    `DataError` for too few rows.
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
    checks.whole("at_once", at_once, low=1)
    known, defaults = _search_data(base, base.read(y, **columns))
    done: list[dict[str, Any]] = []

    def scores(chosen: list[dict[str, Any]]) -> list[float]:
        tried = [_with_context(options, defaults["context"]) for options in chosen]
        made = [Forecaster(**base.get_params()).set_params(horizon=defaults["horizon"], **each) for each in tried]
        found = _computed([(model.get_params(), windows, known) for model in made], executor)
        done.extend({"score": error, **options} for error, options in zip(found, tried, strict=True))
        return found

    best = first = scores([{}])[0]
    if trials > 1:
        quiet = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=base.seed))
            while len(done) < trials:
                asked = [study.ask() for _ in range(min(at_once, trials - len(done)))]
                chosen = [
                    {name: trial.suggest_categorical(name, values) for name, values in space.items()} for trial in asked
                ]
                for trial, error in zip(asked, scores(chosen), strict=True):
                    study.tell(trial, error)
        finally:
            optuna.logging.set_verbosity(quiet)
        best = min(row["score"] for row in done)
    winner = next(row for row in done if row["score"] == best)
    chosen = Forecaster(**base.get_params()).set_params(**{k: v for k, v in winner.items() if k != "score"})
    return Tuned(chosen, best, first, done)


def _computed(trials: list[tuple[dict[str, Any], int, Series | Panel]], executor: Any) -> list[float]:
    """Returns the score of each trial, which an executor computes."""
    if executor is None:
        return [_score(trial) for trial in trials]
    from elman.cluster.ledger import Ledger, TaskError  # which loads SQLite

    ledger = executor if isinstance(executor, Ledger) else Ledger(":memory:", executor)
    results = ledger.run_each(_score, trials, retry=True)
    for name, text in results.failed.items():
        raise TaskError(name, text)
    return list(results.values())


def _score(trial: tuple[dict[str, Any], int, Series | Panel]) -> float:
    """Returns the mean MASE of a forecaster with some options in the last windows of series."""
    options, windows, known = trial
    try:
        return float(Forecaster(**options).backtest(windows, y=known).mean())
    except DataError:  # the context is too long for these rows
        return float("inf")


def _with_context(options: dict[str, Any], usual: int) -> dict[str, Any]:
    """Returns the options with the context in rows in place of a multiple of the usual one."""
    multiple = options.get("context")
    return options if multiple is None else options | {"context": max(1, round(multiple * usual))}


def _search_data(base: Forecaster, read: Series | Panel) -> tuple[Series | Panel, dict[str, int]]:
    """Returns the series without the rows that the final backtest scores, and the default horizon and context."""
    quick = Forecaster(**base.get_params()).set_params(
        windows=0, updates=1, members=1, levels=None, distribution="median"
    )
    fitted = quick.fit(read)
    rows = base.windows * fitted.horizon_
    defaults = {"horizon": fitted.horizon_, "context": fitted.model_.context}
    if isinstance(read, Series):
        known: Series | Panel = read.head(len(read) - rows)
        shortest = len(known)
    else:
        known = Panel({name: series.head(max(0, len(series) - rows)) for name, series in read.items()}, {})
        shortest = min(map(len, known.values()))
    if shortest < 3 * fitted.horizon_:
        raise DataError(f"y: {shortest} rows before the backtest's {rows} are too few to tune on; use fewer windows")
    return known, defaults
