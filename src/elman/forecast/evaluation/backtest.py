"""`Backtest`: forecasts of the last windows of one or many series, and their errors compared with the baselines'."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from elman import plots
from elman.core.staging import replacing
from elman.forecast.evaluation import verdict
from elman.forecast.evaluation.baselines import NAIVE2
from elman.forecast.evaluation.metrics import MEASURES, measure
from elman.series.series import Series
from elman.series.tables.files import needs_polars, write_rows

__all__ = ["COMBINATION", "LINEAR", "NETWORK", "ON_SMOOTHING", "TRAINED", "Backtest"]

COMBINATION, NETWORK, LINEAR = "combination", "network", "linear"
ON_SMOOTHING = "network on exponential smoothing"
TRAINED = (COMBINATION, NETWORK, LINEAR, ON_SMOOTHING)  # what is no baseline


@dataclass(frozen=True, eq=False)
class Backtest:
    """The backtest of a forecaster: W windows of h rows, each forecast from the rows before it alone.

    truth        (W, h) true values, NaN where a value is masked
    forecasts    model -> (W, h), that of the forecaster first: "combination" or "network"; then of a combination its
                 "network", its "network on exponential smoothing" and its "linear" model, NaN in windows that they do
                 not forecast; then the baselines: "exponential smoothing", "damped trend", "theta", where seasons were
                 taken out "seasonal mean", "naive", "seasonal naive", "drift", "naive 2", and where a year was seen
                 "year ago"
    scales       (W,) the denominator of each window's MASE, computed from the rows before it
    labels       (W,) the labels of each window's first and last row
    starts       (W,) the index of each window's first row
    ids          (W,) the id of each window's series
    error_scale  (W, h, 2) the expected size of the network's errors below and above its forecasts; None for a local
                 model, which does not estimate it
    root_scales  (W,) the denominator of each window's RMSSE; None: not computed
    refit        whether each window has a model of its own, trained on all rows before it, earlier windows included
    relative     whether errors are ratios, since most of the models forecast logarithms
    single       whether there is one series, which was given alone, without an id
    """

    truth: Annotated[np.ndarray, "float64 (W, h)"]
    forecasts: Mapping[str, Annotated[np.ndarray, "float64 (W, h)"]]
    scales: Annotated[np.ndarray, "float64 (W,)"]
    labels: Annotated[tuple[tuple[str, str], ...], "(W,)"]
    starts: Annotated[tuple[int, ...], "(W,)"]
    ids: Annotated[tuple[str, ...], "(W,)"]
    error_scale: Annotated[np.ndarray, "float64 (W, h, 2)"] | None = None
    root_scales: Annotated[np.ndarray, "float64 (W,)"] | None = None
    refit: bool = False
    relative: bool = False
    single: bool = False

    @cached_property
    def scores(self) -> Mapping[str, Mapping[str, np.ndarray]]:
        """Returns the error of each window: model -> measure -> (W,)."""
        roots = np.full(len(self.truth), np.nan) if self.root_scales is None else self.root_scales
        scores: dict[str, dict[str, np.ndarray]] = {}
        for model, forecasts in self.forecasts.items():
            found = [measure(*each) for each in zip(self.truth, forecasts, self.scales, roots, strict=True)]
            scores[model] = {name: np.array([window[name] for window in found]) for name in MEASURES}
        return scores

    @cached_property
    def places(self) -> Mapping[str, list[int]]:
        """Returns the indices of the windows of each series, by its id."""
        places: dict[str, list[int]] = {}
        for w, id in enumerate(self.ids):
            places.setdefault(id, []).append(w)
        return places

    @property
    def series(self) -> tuple[str, ...]:
        """Returns the id of each window's series, (W,); an empty tuple for one series that was given alone."""
        return () if self.single else self.ids

    def __len__(self) -> int:
        return len(self.truth)

    def __repr__(self) -> str:
        name, best = self.criterion, self.best_baseline
        whose = "" if self.single else f" in {len(self.places)} series"
        ours = f"{self.mean(self.model, name):.3g} ({self.model})"
        means = f"mean {name.upper()} {ours}, {self.mean(best, name):.3g} ({best})"
        return f"Backtest({len(self)} windows of {self.horizon} rows{whose}, {means})"

    def take(self, windows: Sequence[int] | np.ndarray) -> Backtest:
        """Returns a backtest of some of the windows, selected by their indices."""
        at = np.asarray(windows)
        return Backtest(
            self.truth[at],
            {model: forecasts[at] for model, forecasts in self.forecasts.items()},
            self.scales[at],
            tuple(self.labels[w] for w in at),
            tuple(self.starts[w] for w in at),
            tuple(self.ids[w] for w in at),
            None if self.error_scale is None else self.error_scale[at],
            None if self.root_scales is None else self.root_scales[at],
            self.refit,
            self.relative,
            self.single,
        )

    def of(self, series: str) -> Backtest:
        """Returns the backtest of one series, selected by its id. KeyError for a series without windows."""
        if series not in self.places:
            raise KeyError(f"series: expected one with windows in the backtest, got {series!r}")
        return replace(self.take(self.places[series]), single=True)

    @property
    def model(self) -> str:
        """Returns whose forecasts are those of the forecaster: "combination" or "network"."""
        return next(iter(self.forecasts))

    @property
    def horizon(self) -> int:
        """Returns the number of rows of each window, h."""
        return self.truth.shape[1]

    def mean(self, model: str | None = None, measure: str = "mase") -> float:
        """Returns the mean of a measure of a model, None: the forecaster's, over the windows in which it is defined.

        NaN if there are none: MASE, for example, is not defined where all values before the window are equal.
        """
        values = self.scores[model or self.model][measure]
        defined = values[np.isfinite(values)]
        return float(defined.mean()) if defined.size else float("nan")

    @property
    def overlapping(self) -> bool:
        """Returns whether some windows share rows, so that their errors are not independent."""
        places = list(zip(self.ids, self.starts, strict=True))
        return any(a[0] == b[0] and b[1] - a[1] < self.horizon for a, b in pairwise(places))

    @property
    def best_baseline(self) -> str:
        """Returns the name of the baseline with the lowest mean MASE, or RMSE if MASE is defined in no window."""
        baselines = [model for model in self.forecasts if model not in TRAINED]
        return min(baselines, key=lambda model: self.mean(model, self.criterion))

    @property
    def gain(self) -> float:
        """Returns 1 minus the ratio of the model's mean error to the best baseline's; negative if it is worse."""
        best = self.mean(self.best_baseline, self.criterion)
        return (
            1.0 - self.mean(self.model, self.criterion) / best
            if best > 0.0
            else -float(self.mean(self.model, self.criterion) > 0.0)
        )

    @property
    def wins(self) -> bool:
        """Returns whether the model's mean error is below that of the best baseline."""
        return self.gain > 0.0

    @property
    def network_wins(self) -> bool:
        """The former name of `wins`."""
        warnings.warn("Backtest.network_wins is now Backtest.wins", FutureWarning, stacklevel=2)
        return self.wins

    def residuals(self, model: str) -> np.ndarray:
        """Returns the residuals of a model, truth - forecast, (W, h)."""
        return self.truth - self.forecasts[model]

    def charts(
        self, history: Mapping[str, Series], bounds: Mapping[float, np.ndarray] | None = None
    ) -> dict[str, plots.BacktestChart]:
        """Returns the data of a plot for each series that has windows, by the id of the series.

        bounds   level in percent -> bounds (W, h, 2) of the intervals; None: they are not shown
        """
        best, charts = self.best_baseline, dict[str, plots.BacktestChart]()
        for name, series in history.items():
            rows = self.places.get(name) if self.series else list(range(len(self)))
            if rows:
                starts, ours, theirs = [self.starts[w] for w in rows], self.forecasts[self.model], self.forecasts[best]
                truth = series.line(series.observed)
                intervals = {level: each[rows] for level, each in (bounds or {}).items()}
                charts[name] = plots.BacktestChart(
                    truth, starts, ours[rows], theirs[rows], best, intervals, self._subtitle(rows), self.model
                )
        return charts

    def _subtitle(self, windows: Sequence[int]) -> str:
        """Returns the subtitle of a plot of some of the windows: their mean errors."""
        own, name = self.take(windows), self.criterion
        ours, theirs = own.mean(self.model, name), own.mean(self.best_baseline, name)
        return f"Mean {name.upper()}: {ours:.3g} ({self.model}), {theirs:.3g} ({self.best_baseline})"

    def summary(self) -> list[dict[str, Any]]:
        """Returns each model's name as `model` and its mean `mase`, `smape` (percent), `rmse`, `rmsse` and `owa`."""
        return [
            {"model": model, **{name: self.mean(model, name) for name in MEASURES}, "owa": self.owa(model)}
            for model in self.forecasts
        ]

    def owa(self, model: str) -> float:
        """Returns the overall weighted average (OWA) of a model (Makridakis et al. 2020).

        It is the mean of two ratios, the model's sMAPE to that of Naive 2, and its MASE to that of Naive 2. NaN where a
        denominator is 0.
        """
        if NAIVE2 not in self.forecasts:
            return float("nan")
        ratios = [
            self.mean(model, name) / yardstick if (yardstick := self.mean(NAIVE2, name)) > 0.0 else float("nan")
            for name in ("smape", "mase")
        ]
        return sum(ratios) / 2.0

    def records(self) -> list[dict[str, Any]]:
        """Returns one record for each window and model.

        Its fields are `series`, the id (not for one series that was given alone), the labels of the `first` and `last`
        row, `model`, `mase`, `smape`, `rmse` and `rmsse`.
        """
        whose = [{} if self.single else {"series": id} for id in self.ids]
        return [
            {
                **whose[w],
                "first": first,
                "last": last,
                "model": model,
                **{name: float(found[name][w]) for name in MEASURES},
            }
            for w, (first, last) in enumerate(self.labels)
            for model, found in self.scores.items()
        ]

    def write_csv(self, path: str | os.PathLike[str]) -> Path:
        """Writes `records` into a CSV file, one line for each window and model, and returns its path.

        An error leaves no incomplete file.
        """
        records = self.records()
        cells = [[f"{each:.8g}" if isinstance(each, float) else each for each in row.values()] for row in records]
        return write_rows(path, [list(records[0]), *cells])

    def write_parquet(self, path: str | os.PathLike[str]) -> Path:
        """Writes `records` into a Parquet file and returns its path. ModuleNotFoundError without polars."""
        needs_polars()
        import polars

        with replacing(path) as hidden:
            polars.DataFrame(self.records()).write_parquet(hidden)
        return Path(path)

    def verdict(self) -> str:
        """Returns a sentence that says by how much the model beats the best baseline, that it does not, or that the
        two are about equal (`outcome`), and which measures disagree."""
        return verdict.verdict(self)

    @property
    def outcome(self) -> str:
        """Returns the name of the model or of the best baseline, whichever is better, or "about equal" where the
        windows disagree, or the mean difference lies within their spread (`verdict.outcome`)."""
        return verdict.outcome(self)

    def errors(self, model: str, measure: str) -> np.ndarray:
        """Returns a measure of a model's error in each window, (W,); NaN where it is not defined."""
        return self.scores[model][measure]

    @property
    def criterion(self) -> str:
        """Returns the measure that models are compared by: "mase", or "rmse" where MASE is defined in no window."""
        return "mase" if np.isfinite(self.scores[self.model]["mase"]).any() else "rmse"
