"""AnomalyDetector on drawn series with planted anomalies, and on the series of a public benchmark.

    python -m benchmarks.anomalies [OPTIONS ...]        planted anomalies caught, and alarms outside, in drawn series
    python -m benchmarks.anomalies --rates              alarms on drawn stationary series, over the accepted number
    python -m benchmarks.anomalies --speed              microseconds of `score_one`
    python -m benchmarks.anomalies --nab FOLDER         the Numenta anomaly benchmark (NAB): its standard score

OPTIONS are those of AnomalyDetector, such as "rate=1e-4,effort='best'"; without any, the defaults are run. FOLDER is
../shared/data/nab unless said: series and windows.json. How a series was scored is said in `benchmarks.nab`. Every run
on it adds a line for each threshold to anomalies.csv beside this file, so the log shows how often it was scored.

caught    planted anomalies (labelled windows) with an anomaly inside, of how many
outside   alarms that overlap none of them
ratio     alarms on a series that does not change, over the rate times its scored rows
"""

from __future__ import annotations

import argparse
import ast
import csv
import datetime
import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import elman
from benchmarks import nab
from benchmarks.drawn_series import KINDS, PROBATIONS, STATIONARY, Window, dated, planted
from elman.anomaly.model import MIN_ROWS
from elman.forecast import DataError, Series, as_series

LOG = Path(__file__).with_suffix(".csv")
NAB_RATES = (3e-3, 2.5e-3, 2e-3, 1.5e-3, 1e-3, 5e-4, 1e-4, 3e-5)


# ------------------------------------------------------------------------------------------- the runs


def rate_ratio(kind: str, seeds: range, rate: float, **options: Any) -> tuple[int, float]:
    """Returns the number of alarms on drawn series of this kind, and the number that the rate accepts."""
    return rate_ratios(kind, seeds, (rate,), **options)[0]


def rate_ratios(kind: str, seeds: range, rates: Sequence[float], **options: Any) -> list[tuple[int, float]]:
    """Returns the same for each of several rates; a detector is fitted once for all of them."""
    alarms, scored = [0] * len(rates), 0
    for seed in seeds:
        values, per_day = STATIONARY[kind](np.random.default_rng([seed, 77]), restless=False)
        given: dict[str, Any] = {"probation": PROBATIONS.get(kind), **options}
        series, detector = dated(values, per_day), elman.AnomalyDetector(**given)
        probation = detector._probation_rows(series)  # pyright: ignore[reportPrivateUsage]
        found = begun(series, probation, given, rates)
        alarms = [before + len(rows) for before, rows in zip(alarms, found, strict=True)]
        scored += len(series) - probation
    return [(count, rate * scored) for count, rate in zip(alarms, rates, strict=True)]


def begun(series: Series, probation: int, options: dict[str, Any], rates: Sequence[float]) -> list[list[int]]:
    """Returns for each rate the rows at which alarms begin, of a detector that was fitted to the first `probation`
    rows. The row after them is scored at its own rate."""
    given: dict[str, Any] = {**options, "probation": probation}
    fitted = elman.AnomalyDetector(**given).fit(series.head(probation + 1))
    times = None if series.times is None else series.times[probation + 1 :]
    filled = tuple(i - probation - 1 for i in series.filled if i > probation)
    rest = replace(series, values=series.values[probation + 1 :], times=times, filled=filled)
    found: list[list[int]] = []
    for rate in rates:
        with tempfile.TemporaryDirectory() as folder:
            fitted.save(Path(folder) / "detector.safetensors")
            detector = elman.load(Path(folder) / "detector.safetensors")
        detector._monitor.threshold = -math.log10(rate)
        detector._monitor._renew()
        found.append([probation + 1 + alarm.first for alarm in detector.detect(rest).alarms])
    return found


def interval(count: int) -> tuple[float, float]:
    """Returns the bounds of the mean of a Poisson distribution of which `count` was drawn, at 95 %, to a per cent or
    two (Wilson and Hilferty). So 10 alarms, where 10 are allowed, show a rate to a factor of 2."""
    low, high = (
        n * (1 - 1 / (9 * n) + side / (3 * math.sqrt(n))) ** 3
        for n, side in ((max(count, 1), -1.96), (count + 1, 1.96))
    )
    return (low if count else 0.0), high


def count(found: Any, windows: list[Window]) -> tuple[list[bool], int]:
    """Returns for each window whether it holds an anomaly, and how many alarms overlap no window."""
    caught = [bool(found.labels[a:b].any()) for a, b in windows]
    outside = sum(all(alarm.last < a or alarm.first >= b for a, b in windows) for alarm in found.alarms)
    return caught, outside


def run_planted(options: dict[str, Any], seeds: range) -> None:
    """Prints what is caught in drawn series with planted anomalies, and the alarms outside."""
    totals: list[bool] = []
    alarms: list[int] = []
    caught_by_kind: dict[str, list[bool]] = {}
    for kind in KINDS:
        kinds: dict[str, list[bool]] = {}
        own: list[int] = []
        for case in planted(kind, seeds):
            found = elman.AnomalyDetector(**options).fit(case.series).anomalies_
            caught, outside = count(found, case.windows)
            for what, hit in zip(case.kinds, caught, strict=True):
                kinds.setdefault(what, []).append(hit)
                caught_by_kind.setdefault(what, []).append(hit)
            totals += caught
            own.append(outside)
        alarms += own
        each = "  ".join(f"{what} {np.mean(hits):.2f}" for what, hits in sorted(kinds.items()))
        print(f"{kind:8} outside {np.mean(own):.1f} (most {max(own)})  {each}", flush=True)
    each = "  ".join(f"{what} {np.mean(hits):.2f}" for what, hits in sorted(caught_by_kind.items()))
    print(f"all      outside {np.mean(alarms):.2f} (most {max(alarms)})  {each}")
    print(f"caught {sum(totals)} of {len(totals)} ({np.mean(totals):.3f})")


def run_rates(options: dict[str, Any], seeds: range, kinds: Sequence[str]) -> None:
    """Prints alarms on series that do not change, over the number that each rate accepts, with an interval at 95 %."""
    rates = sorted({1e-3, 1e-4, options.pop("rate", elman.AnomalyDetector().rate)}, reverse=True)
    sums = np.zeros((len(rates), 2))
    for kind in kinds:
        for k, (alarms, allowed) in enumerate(rate_ratios(kind, seeds, rates, **options)):
            sums[k] += alarms, allowed
            low, high = (bound / allowed for bound in interval(alarms))
            said = f"{alarms / allowed:.2f} ({low:.2f} to {high:.2f})"
            print(f"rate {rates[k]:g}  {kind:8} {alarms:4d} alarms, {allowed:6.1f} allowed: {said}", flush=True)
    for rate, (alarms, allowed) in zip(rates, sums.tolist(), strict=True):
        print(f"rate {rate:g}  all kinds {alarms:g} alarms, {allowed:.1f} allowed: {alarms / allowed:.2f}")


def run_speed(options: dict[str, Any]) -> None:
    """Prints how long fitting takes, and one call of `score_one`."""
    for kind in KINDS:
        values, per_day = KINDS[kind](np.random.default_rng(0))
        begin = time.perf_counter()
        detector = elman.AnomalyDetector(**options).fit(dated(values, per_day))
        seconds = time.perf_counter() - begin
        more = values[-4000:].tolist()
        rounds: list[float] = []
        for _ in range(5):
            begin = time.perf_counter()
            for value in more:
                detector.score_one(value)
            rounds.append((time.perf_counter() - begin) / len(more))
        print(f"{kind:8} {len(values)} rows fitted and scored in {seconds:.2f} s; score_one {1e6 * min(rounds):.1f} us")


# ------------------------------------------------------------------------------------------------ NAB


class Scored(NamedTuple):
    """What a detector found in a file of NAB at one of several rates: the rows of the file at which its alarms began,
    and the seconds that it took."""

    alarms: list[int]
    seconds: float


def on_grid(file: nab.NabFile) -> tuple[Series, np.ndarray]:
    """Returns a file's values at their most common step, rows that are missing filled in and marked, and for each row
    of the grid (n,) the last row of the file up to it. Of several rows with one time the first counts."""
    gaps, counts = np.unique(np.diff(file.times), return_counts=True)
    step = gaps[counts.argmax()]
    places, first = np.unique((file.times - file.times.min()) // step, return_index=True)
    grid = np.arange(places[-1] + 1)
    series = as_series(np.interp(grid, places, file.values[first]), time=file.times.min() + grid * step)
    rows = first[np.searchsorted(places, grid, "right") - 1]
    return replace(series, filled=tuple(np.setdiff1d(grid, places).tolist())), rows


def run_file(file: nab.NabFile, dates: bool, options: dict[str, Any], rates: Sequence[float]) -> list[Scored]:
    """Returns for each rate the alarms of a detector that was fitted to the rows of a file that are not scored."""
    begin = time.perf_counter()
    try:
        series, rows = on_grid(file) if dates else (as_series(file.values), np.arange(len(file.values)))
        probation = max(MIN_ROWS, int(np.searchsorted(rows, nab.probation_rows(len(file.values)))))
        found = begun(series, probation, options, rates)
    except DataError:  # all the rows learned from, or all rows, are equal
        return [Scored([], time.perf_counter() - begin)] * len(rates)
    seconds = (time.perf_counter() - begin) / len(rates)
    return [Scored(rows[begins].tolist(), seconds) for begins in found]


def run_nab(folder: Path, options: dict[str, Any], rates: Sequence[float], dates: bool, log: Path) -> None:
    """Prints the standard score of NAB at each rate, of which the highest is that of the benchmark's one threshold, and
    the score of the sliding Gaussian beside it, as alarms and as raw rows; adds them to the log."""
    files = list(nab.read_files(folder))
    windows = sum(len(file.windows) for file in files)
    of_family = dict.fromkeys((nab.family(file.name) for file in files), 0)
    for file in files:
        of_family[nab.family(file.name)] += len(file.windows)
    print(f"{len(files)} series, {windows} windows, {'with' if dates else 'without'} dates")
    runs = {file.name: run_file(file, dates, options, rates) for file in files}
    for k, rate in enumerate(rates):
        found = {name: each[k] for name, each in runs.items()}
        # each alarm one row, all at the threshold of this rate
        detections = {name: [(row, 1.0) for row in each.alarms] for name, each in found.items()}
        score, sums = nab.score(files, detections)
        alarms, seconds = (sum(x) for x in zip(*((len(f.alarms), f.seconds) for f in found.values()), strict=True))
        row = {
            "date": datetime.date.today().isoformat(),
            "options": ",".join(f"{key}={value!r}" for key, value in options.items()),
            "dates": int(dates),
            "series": len(files),
            "windows": windows,
            "rate": f"{rate:g}",
            "alarms": alarms,
            "score": round(score, 1),
            "seconds": round(seconds, 1),
        }
        print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        own = dict.fromkeys(of_family, 0.0)
        for file in files:
            own[nab.family(file.name)] += sums[file.name]
        print("    " + by_family(own, of_family), flush=True)
        new = not log.exists()
        with log.open("a", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, list(row), lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)
    gauss = {file.name: nab.sliding_gaussian(file.values) for file in files}
    raw, _, _ = nab.best_score(files, {name: [*enumerate(scores.tolist())] for name, scores in gauss.items()})
    print(f"sliding Gaussian, one threshold, every row: {raw:.1f}")
    for name, (total, sums) in nab.published(files).items():
        print(f"published, each at its own one threshold for all 58 files: {name} {total:.1f}")
        print("    " + by_family(sums, of_family))


def by_family(sums: Mapping[str, float], windows: Mapping[str, int]) -> str:
    """Returns the sums of families in words, 0 where nothing is detected, and 2 a window where all are at once."""
    return ", ".join(f"{name} {sums[name] + n:.2f} of {2 * n}" for name, n in windows.items())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.anomalies", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("options", nargs="?", default="")
    parser.add_argument("--seeds", type=int, default=8, help="drawn series of each kind")
    parser.add_argument("--first", type=int, default=0, help="seed of the first of them; choices were made on 0 to 15")
    parser.add_argument("--rates", action="store_true")
    parser.add_argument("--kinds", help="of the series that do not change, such as white,calls; all unless said")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--nab", type=Path, nargs="?", const=Path("../shared/data/nab"))
    parser.add_argument("--no-dates", action="store_true", help="of NAB's series: their rows as they are")
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.seeds)
    call = ast.parse(f"f({given.options})", mode="eval").body
    assert isinstance(call, ast.Call)
    options = {word.arg: ast.literal_eval(word.value) for word in call.keywords if word.arg}
    if given.nab is not None:
        if not (given.nab / "windows.json").exists():
            print(f"{given.nab}: no windows.json; the benchmark's series are not here")
            return
        rates = [options.pop("rate")] if "rate" in options else NAB_RATES
        run_nab(given.nab, options, rates, not given.no_dates, LOG)
    elif given.rates:
        run_rates(options, seeds, given.kinds.split(",") if given.kinds else [*STATIONARY])
    elif given.speed:
        run_speed(options)
    else:
        run_planted(options, seeds)


if __name__ == "__main__":
    main()
