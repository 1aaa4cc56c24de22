"""The results of `forecast_peers.py`: scores by elman's metrics, a table, and a file of all figures."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.forecast_sets import DataSet
from benchmarks.forecasters import CONTENDERS, LIBRARIES, Answer
from benchmarks.machine import describe
from elman.forecast.evaluation.baselines import naive2
from elman.forecast.evaluation.metrics import mase_scale, measure, rmsse_scale

__all__ = ["Report", "Run", "score"]

MEASURES = ("mase", "smape", "rmsse")
LEGEND = """\
Each cell holds the **OWA** (the mean of sMAPE and MASE, each relative to Naive 2; lower is better), and the seconds to
fit and forecast all windows, without the import. **Import** and **memory** (of the process itself, not of workers that
it starts) are the largest over the data sets. **Installed** is the size of the library with all its dependencies,
without bytecode. Seeds are fixed, and every contender is fitted anew for each window. With so few windows of a single
series, small differences are not significant."""


class Run(NamedTuple):
    """The result of one contender on one data set: its scores, or the reason why there are none."""

    key: str
    data: DataSet
    scores: dict[str, float]  # mase, smape, rmsse, owa; empty if there was an error
    answer: Answer | None
    trouble: str = ""


def score(key: str, data: DataSet, kind: str, found: Any) -> Run:
    """Returns the run of a contender, scored from the outcome that `forecast_peers.ask` returns."""
    if kind != "ok":
        return Run(key, data, {}, None, found.strip().splitlines()[-1])
    for cutoff, forecasts in zip(data.cutoffs, found.forecasts, strict=True):
        bad = [name for name in cutoff.known if not _sound(forecasts.get(name), data.horizon)]
        if bad:
            return Run(key, data, {}, found, f"no finite forecast of {len(bad)} series, {bad[0]} the first")
    return Run(key, data, _means(data, found.forecasts), found)


def _sound(forecast: np.ndarray | None, horizon: int) -> bool:
    """Returns whether a forecast has finite values for all rows of the horizon."""
    return forecast is not None and forecast.shape == (horizon,) and bool(np.isfinite(forecast).all())


def _means(data: DataSet, forecasts: Any) -> dict[str, float]:
    """Returns the means over series and windows of MASE, sMAPE and RMSSE, and the OWA, relative to Naive 2."""
    season = data.seasons[0]
    ours, naive = [], []
    for cutoff, found in zip(data.cutoffs, forecasts, strict=True):
        for name, known in cutoff.known.items():
            units = mase_scale(known, season), rmsse_scale(known)
            ours.append(measure(cutoff.truth[name], found[name], *units))
            naive.append(measure(cutoff.truth[name], naive2(known, data.horizon, season), *units))
    means = {each: float(np.mean([errors[each] for errors in ours])) for each in MEASURES}
    base = {each: float(np.mean([errors[each] for errors in naive])) for each in MEASURES}
    return means | {"owa": (means["smape"] / base["smape"] + means["mase"] / base["mase"]) / 2}


@dataclass
class Report:
    """All runs so far.

    size      installed size of every contender in megabytes; None: it is not installed
    every     the data sets
    runs      the results
    left_out  why a contender or a data set was left out, one line each
    """

    size: dict[str, float | None]
    every: list[DataSet] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def leave_out(self, why: str) -> None:
        """Records, and prints once, why something was left out."""
        if why not in self.left_out:
            self.left_out.append(why)
            print(why, flush=True)

    def add(self, run: Run) -> None:
        """Adds a run and prints it."""
        self.runs.append(run)
        found = run.trouble
        if run.answer and run.scores:
            found = "  ".join(f"{name} {value:.3f}" for name, value in run.scores.items())
            found += f"  {run.answer.seconds:.1f} s"
        print(f"{run.data.name}: {CONTENDERS[run.key].label}: {found}", flush=True)

    def write(self, folder: Path, part: list[str], threads: int) -> str:
        """Writes the report as Markdown and CSV, and returns the name of the files without their endings.

        part   the contenders and data sets of a partial comparison, for the name of the files; empty: all
        """
        about = {**describe(), "threads": str(threads)}
        about |= {name: text for run in self.runs if run.answer for name, text in run.answer.versions.items()}
        path = folder / "-".join([about["date"], "forecast-peers", *part])
        folder.mkdir(parents=True, exist_ok=True)
        text = [
            f"# Comparison of forecasts with other libraries, {about['date']}",
            "",
            *self.table(),
            "",
            LEGEND,
            "",
            *self._notes(),
            "",
        ]
        text += ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in about.items())]
        text += ["", "## Every figure", "", *self._figures()]
        path.with_suffix(".md").write_text("\n".join(text) + "\n", "utf-8")
        self._write_csv(path.with_suffix(".csv"), about["date"])
        return path.name

    def table(self) -> list[str]:
        """Returns the lines of a Markdown table with one row for each contender."""
        text = _head("contender", *(data.name for data in self.every), "import, s", "memory, MiB", "installed, MB")
        for key in dict.fromkeys(run.key for run in self.runs):
            own = {run.data.name: run for run in self.runs if run.key == key}
            answers = [run.answer for run in own.values() if run.answer]
            cells = [CONTENDERS[key].label, *(_cell(own.get(data.name)) for data in self.every)]
            cells.append(f"{max(each.import_seconds for each in answers):.2f}" if answers else "")
            cells.append(f"{max(each.peak_mib for each in answers):.0f}" if answers else "")
            size = self.size[key]
            cells.append(f"{size:.0f}" if size else "")
            text.append(f"| {' | '.join(cells)} |")
        return text

    def _notes(self) -> list[str]:
        """Returns lines about the data sets, the configuration of each contender, and errors."""
        text = [f"- {data.name}: {data.words}; season {', '.join(map(str, data.seasons))}" for data in self.every]
        used = {run.key: CONTENDERS[run.key] for run in self.runs}
        text += [""]
        for module in dict.fromkeys(each.module for each in used.values()):
            text += [f"- {module}: {LIBRARIES[module]}"] if module in LIBRARIES else []
            indent = "  " * (module in LIBRARIES)
            text += [f"{indent}- {each.label}: {each.words}" for each in used.values() if each.module == module]
        troubles = [f"- {CONTENDERS[r.key].label} on {r.data.name}: {r.trouble}" for r in self.runs if r.trouble]
        text += ["", "Without a figure:", "", *troubles] if troubles else []
        slow = [each.label for key, each in CONTENDERS.items() if each.slow and key not in used]
        text += [f"\n{why}" for why in self.left_out]
        return [*text, f"\nNot run: {'; '.join(slow)} (`--slow`)"] if slow else text

    def _figures(self) -> list[str]:
        """Returns the lines of a Markdown table with all figures of every run."""
        text = _head("data", "contender", "MASE", "sMAPE", "RMSSE", "OWA", "seconds", "memory, MiB")
        for run in self.runs:
            if run.answer and run.scores:
                cells = [run.data.name, CONTENDERS[run.key].label]
                cells += [f"{run.scores[each]:.3f}" for each in (*MEASURES, "owa")]
                text.append(f"| {' | '.join([*cells, f'{run.answer.seconds:.2f}', f'{run.answer.peak_mib:.0f}'])} |")
        return text

    def _write_csv(self, path: Path, date: str) -> None:
        """Writes all figures of every run into a CSV file."""
        columns = ["date", "data", "contender", *MEASURES, "owa", "seconds", "import_seconds", "peak_mib"]
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [*columns, "installed_mb", "versions", "trouble"], lineterminator="\n")
            writer.writeheader()
            for run in self.runs:
                line: dict[str, Any] = {"date": date, "data": run.data.name, "contender": run.key}
                line |= {name: round(value, 4) for name, value in run.scores.items()}
                if run.answer:
                    line |= {name: round(getattr(run.answer, name), 3) for name in columns[-3:]}
                    line["versions"] = " ".join(f"{name} {text}" for name, text in run.answer.versions.items())
                writer.writerow(line | {"installed_mb": round(self.size[run.key] or 0.0, 1), "trouble": run.trouble})


def _head(*names: str) -> list[str]:
    """Returns the first two lines of a Markdown table with these columns."""
    return [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]


def _cell(run: Run | None) -> str:
    """Returns the cell of a run: its OWA and the seconds that it took."""
    if run is None or run.answer is None or not run.scores:
        return "-"
    return f"**{run.scores['owa']:.3f}** in {run.answer.seconds:.{0 if run.answer.seconds >= 10 else 1}f} s"
