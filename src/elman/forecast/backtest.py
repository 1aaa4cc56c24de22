"""What the last windows of one or many series say about a forecaster: errors beside the baselines', and the verdict."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from elman import plots
from elman.core.staging import replacing
from elman.forecast.baselines import NAIVE2
from elman.forecast.metrics import MEASURES, measure
from elman.series.files import needs_polars, write_rows
from elman.series.lines import line
from elman.series.series import Series

__all__ = ["NETWORK", "Backtest"]

NETWORK = "network"


@dataclass(frozen=True, eq=False)
class Backtest:
    """W windows of h rows, each forecast from the rows before it alone. MASE, sMAPE, RMSE and RMSSE are per window.

    truth      (W, h), NaN where a value is masked
    forecasts  model -> (W, h): "network", "naive", "seasonal naive", "drift", "naive 2"
    scales     (W,) the unit of each window's MASE, from the rows before it
    labels     (W,) each window's first and last row
    starts     (W,) the index of each window's first row
    series     (W,) whose window each is, by the series' id; empty for one series alone
    root_scales   (W,) the unit of each window's RMSSE; None where it was not taken
    units      (W, h, 2) the size of an error of the network's forecasts that is usual there, below and above; None for
               one short series
    refit      whether each window has a model of its own, which saw the windows before it
    relative   whether errors are ratios: most of the models forecast logarithms
    """

    truth: np.ndarray
    forecasts: Mapping[str, np.ndarray]
    scales: np.ndarray
    labels: tuple[tuple[str, str], ...]
    starts: tuple[int, ...]
    series: tuple[str, ...] = ()
    units: np.ndarray | None = None
    root_scales: np.ndarray | None = None
    refit: bool = False
    relative: bool = False

    @cached_property
    def scores(self) -> Mapping[str, Mapping[str, np.ndarray]]:
        """model -> measure -> (W,)"""
        units = np.full(len(self.truth), np.nan) if self.root_scales is None else self.root_scales
        scores: dict[str, dict[str, np.ndarray]] = {}
        for model, forecasts in self.forecasts.items():
            found = [measure(*each) for each in zip(self.truth, forecasts, self.scales, units, strict=True)]
            scores[model] = {name: np.array([window[name] for window in found]) for name in MEASURES}
        return scores

    @cached_property
    def places(self) -> Mapping[str, list[int]]:
        """The windows of each series, by its id."""
        places: dict[str, list[int]] = {}
        for w, name in enumerate(self.series):
            places.setdefault(name, []).append(w)
        return places

    def __len__(self) -> int:
        return len(self.truth)

    def take(self, windows: Sequence[int] | np.ndarray) -> Backtest:
        """Some of the windows, by their indices."""
        at = np.asarray(windows)
        return Backtest(
            self.truth[at],
            {model: forecasts[at] for model, forecasts in self.forecasts.items()},
            self.scales[at],
            tuple(self.labels[w] for w in at),
            tuple(self.starts[w] for w in at),
            tuple(self.series[w] for w in at) if self.series else (),
            None if self.units is None else self.units[at],
            None if self.root_scales is None else self.root_scales[at],
            self.refit,
            self.relative,
        )

    def of(self, series: str) -> Backtest:
        """The windows of one series. KeyError for one that has none."""
        if series not in self.places:
            raise KeyError(f"series: expected one with windows in the backtest, got {series!r}")
        return replace(self.take(self.places[series]), series=())

    @property
    def horizon(self) -> int:
        return self.truth.shape[1]

    def mean(self, model: str, measure: str = "mase") -> float:
        """A measure's mean over the windows; windows where it is not defined (MASE after a constant) do not count."""
        values = self.scores[model][measure]
        defined = values[np.isfinite(values)]
        return float(defined.mean()) if defined.size else float("nan")

    @property
    def overlapping(self) -> bool:
        """Whether windows share rows: a short series then tells less than their number says."""
        places = list(zip(self.series or [""] * len(self), self.starts, strict=True))
        return any(a[0] == b[0] and b[1] - a[1] < self.horizon for a, b in pairwise(places))

    @property
    def best_baseline(self) -> str:
        """The baseline with the lowest mean MASE, or RMSE where no window has a MASE."""
        baselines = [model for model in self.forecasts if model != NETWORK]
        return min(baselines, key=lambda model: self.mean(model, self._judge))

    @property
    def gain(self) -> float:
        """The share of the best baseline's mean error that the network saves; negative where it loses."""
        best = self.mean(self.best_baseline, self._judge)
        return (
            1.0 - self.mean(NETWORK, self._judge) / best
            if best > 0.0
            else -float(self.mean(NETWORK, self._judge) > 0.0)
        )

    @property
    def network_wins(self) -> bool:
        return self.gain > 0.0

    def residuals(self, model: str) -> np.ndarray:
        """truth - forecast, (W, h)."""
        return self.truth - self.forecasts[model]

    def charts(self, history: Mapping[str, Series]) -> dict[str, plots.BacktestChart]:
        """Returns what a picture shows of each series that has windows, as plain tables by the series' id."""
        best, charts = self.best_baseline, dict[str, plots.BacktestChart]()
        for name, series in history.items():
            rows = self.places.get(name) if self.series else list(range(len(self)))
            if rows:
                starts, ours, theirs = [self.starts[w] for w in rows], self.forecasts[NETWORK], self.forecasts[best]
                truth = line(series, series.observed)
                charts[name] = plots.BacktestChart(truth, starts, ours[rows], theirs[rows], best)
        return charts

    def summary(self) -> list[dict[str, Any]]:
        """For each model: `model`, its mean `mase`, `smape` (percent), `rmse`, `rmsse`, and `owa`."""
        return [
            {"model": model, **{name: self.mean(model, name) for name in MEASURES}, "owa": self.owa(model)}
            for model in self.forecasts
        ]

    def owa(self, model: str) -> float:
        """The mean of sMAPE and MASE, each over that of Naive 2 (Makridakis et al. 2020); NaN where that is 0."""
        if NAIVE2 not in self.forecasts:
            return float("nan")
        ratios = [
            self.mean(model, name) / yardstick if (yardstick := self.mean(NAIVE2, name)) > 0.0 else float("nan")
            for name in ("smape", "mase")
        ]
        return sum(ratios) / 2.0

    def records(self) -> list[dict[str, Any]]:
        """For each window and model: (`series`,) `first`, `last` row, `model`, `mase`, `smape`, `rmse`, `rmsse`."""
        whose = [{"series": name} for name in self.series] or [{}] * len(self)
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
        """Writes `records`, one line a window and model; the file appears whole or not at all."""
        records = self.records()
        cells = [[f"{each:.8g}" if isinstance(each, float) else each for each in row.values()] for row in records]
        return write_rows(path, [list(records[0]), *cells])

    def write_parquet(self, path: str | os.PathLike[str]) -> Path:
        """As `write_csv`, a Parquet file. ModuleNotFoundError without polars."""
        needs_polars()
        import polars

        with replacing(path) as hidden:
            polars.DataFrame(self.records()).write_parquet(hidden)
        return Path(path)

    def verdict(self) -> str:
        """One sentence: by how much the network beats the best baseline, or that it does not."""
        best, name = self.best_baseline, self._judge.upper()
        ours, theirs = self.mean(NETWORK, self._judge), self.mean(best, self._judge)
        better = int(np.sum(self.scores[NETWORK][self._judge] < self.scores[best][self._judge]))
        windows = "1 window" if len(self) == 1 else f"{len(self)} {'overlapping ' if self.overlapping else ''}windows"
        rows = "1 row" if self.horizon == 1 else f"{self.horizon} rows"
        where = f" in {len(self.places)} series" if self.series else ""
        over = f"mean {name} {ours:.3f} against {theirs:.3f} over {windows} of {rows}{where}, better in {better}"
        if self.network_wins:
            return f"The network beats the best baseline, {best}, by {100.0 * self.gain:.1f} %: {over}."
        return (
            f"The network does not beat the best baseline: {over}. {best.capitalize()} is the better forecast here"
            " (best=True, --best)."
        )

    @property
    def _judge(self) -> str:
        return "mase" if np.isfinite(self.scores[NETWORK]["mase"]).any() else "rmse"
