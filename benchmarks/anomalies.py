"""AnomalyDetector on drawn series with planted anomalies, and on two series of a public benchmark.

    python -m benchmarks.anomalies [OPTIONS ...]        planted anomalies caught, and alarms outside, in drawn series
    python -m benchmarks.anomalies --rates              alarms on drawn stationary series, over the accepted number
    python -m benchmarks.anomalies --speed              microseconds of `score_one`
    python -m benchmarks.anomalies --data FOLDER        two series of the Numenta anomaly benchmark (NAB)

OPTIONS are those of AnomalyDetector, such as "rate=1e-4,effort='best'"; without any, the defaults are run. Every
design and default was chosen on the drawn series alone. FOLDER holds nab/*.csv and nab/windows.json. Every run on it
adds one line for each series to anomalies.csv beside this file, so the log shows how often the series were scored.

caught    planted anomalies (labelled windows) with an anomaly inside, of how many
outside   alarms that overlap none of them; an alarm is a run of anomalies, which are less than a day apart
ratio     alarms on a series that does not change, over the rate times its scored rows
"""

from __future__ import annotations

import argparse
import ast
import csv
import datetime
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import elman
from elman.forecast import Series, as_series

LOG = Path(__file__).with_suffix(".csv")
NAB = ("nyc_taxi", "machine_temperature_system_failure")

Window = tuple[int, int]  # first row, last row + 1


class Case(NamedTuple):
    """One series: `windows` are the rows of its anomalies, `kinds` the kind of each."""

    name: str
    series: Series
    windows: list[Window]
    kinds: list[str]


# ---------------------------------------------------------------------------------------- drawn series


def autoregressive(rng: np.random.Generator, rows: int, rho: float, shocks: np.ndarray | None = None) -> np.ndarray:
    """Draws an AR(1) path of unit variance (n,)."""
    shocks = rng.normal(size=rows) if shocks is None else shocks
    path, last = np.empty(rows), rng.normal()
    for i, shock in enumerate((np.sqrt(1 - rho**2) * shocks).tolist()):
        last = rho * last + shock
        path[i] = last
    return path


def heavy(rng: np.random.Generator, rows: int, df: float) -> np.ndarray:
    """Draws Student's t noise of unit variance."""
    return rng.standard_t(df, rows) / np.sqrt(df / (df - 2))


def bumps(hours: np.ndarray, *centres: tuple[float, float, float]) -> np.ndarray:
    """Returns a daily profile: the sum of bumps (hour, width, height) at these hours."""
    apart = [(np.abs(hours - c + 12) % 24 - 12, w, h) for c, w, h in centres]
    return sum((h * np.exp(-0.5 * (a / w) ** 2) for a, w, h in apart), np.zeros_like(hours))


def weekly(rng: np.random.Generator, rows: int, per_day: int) -> np.ndarray:
    """Draws a weekly profile: working days with two peaks, weekends with a late one; positive, about 1."""
    day, hours = np.divmod(np.arange(rows), per_day)
    hours = hours * 24 / per_day
    shift = rng.uniform(-1, 1, 4)
    work = 0.25 + bumps(hours, (8 + shift[0], 2, 0.8), (18 + shift[1], 3, 1.1))
    rest = 0.25 + bumps(hours, (13 + shift[2], 4, 0.8), (1 + shift[3], 2, 0.5))
    factor = 1 + rng.normal(0, 0.05, 7)
    return np.where(day % 7 >= 5, rest, work) * factor[day % 7]


def trips(rng: np.random.Generator, restless: bool = True) -> tuple[np.ndarray, int]:
    """Draws half-hourly trips in a city: days, weeks, a level for each day, multiplicative noise; 200 days."""
    per_day, rows = 48, 200 * 48
    days = 1 + 0.03 * np.repeat(rng.normal(size=200), per_day)
    noise = 0.05 * autoregressive(rng, rows, rng.uniform(0.3, 0.8))
    slow = 0.10 * autoregressive(rng, rows, 1 - 1 / (30 * per_day)) if restless else 0.0
    shape = weekly(rng, rows, per_day)
    if restless:
        shape = shape * (1 + 0.15 * np.sin(2 * np.pi * np.arange(rows) / rows + rng.uniform(0, 6)) * (shape > 0.6))
    return 10_000 * shape * days * np.exp(noise + slow), per_day


def machine(rng: np.random.Generator, restless: bool = True) -> tuple[np.ndarray, int]:
    """Draws five-minute values of a machine: a wandering level, a small daily season, noise of changing variance."""
    per_day, rows = 288, 70 * 288
    spells = np.exp((0.3 if restless else 0.0) * autoregressive(rng, rows, 1 - 1 / per_day))
    fine = 0.8 * autoregressive(rng, rows, rng.uniform(0.5, 0.95), heavy(rng, rows, 5) * spells)
    level = 4 * autoregressive(rng, rows, 1 - 1 / (rng.uniform(0.5, 3) * per_day))
    course = rng.uniform(0, 2) * np.sin(2 * np.pi * np.arange(rows) / per_day)
    if restless:
        level = level + 3 * autoregressive(rng, rows, 1 - 1 / (20 * per_day))
    return 85 + level + course + fine, per_day


def visits(rng: np.random.Generator, restless: bool = True) -> tuple[np.ndarray, int]:
    """Draws hourly counts that grow by a half over 300 days."""
    per_day, rows = 24, 300 * 24
    growth = np.exp((0.4 if restless else 0.0) * np.arange(rows) / rows)
    mean = 120 * weekly(rng, rows, per_day) * growth * np.exp(0.1 * autoregressive(rng, rows, 0.9))
    return rng.poisson(mean).astype(float), per_day


def meter(rng: np.random.Generator, restless: bool = True) -> tuple[np.ndarray, int]:
    """Draws quarter-hourly values without a season: autocorrelated, heavy tails, slowly changing variance."""
    per_day, rows = 96, 120 * 96
    spread = np.exp((0.4 if restless else 0.0) * autoregressive(rng, rows, 1 - 1 / (15 * per_day)))
    return 50 + 3 * spread * autoregressive(rng, rows, 0.9, heavy(rng, rows, 4)), per_day


def load(rng: np.random.Generator, restless: bool = True) -> tuple[np.ndarray, int]:
    """Draws five-minute values of a server: skewed bursts above a floor, with a daily season."""
    per_day, rows = 288, 60 * 288
    hours = np.arange(rows) % per_day / 12
    course = 0.3 * bumps(hours, (14, 5, 1.0))
    slow = (0.2 if restless else 0.0) * autoregressive(rng, rows, 1 - 1 / (10 * per_day))
    return 30 * np.exp(course + slow + 0.15 * autoregressive(rng, rows, 0.8)) + rng.exponential(1.0, rows), per_day


def pump(rng: np.random.Generator, restless: bool = True) -> tuple[np.ndarray, int]:
    """Draws ten-minute levels of a tank that a pump fills whenever it is low: a nonlinear rule without a season."""
    per_day, rows = 144, 80 * 144
    use = 1 + 0.3 * autoregressive(rng, rows, 0.95)
    if restless:
        use = use * np.exp(0.2 * autoregressive(rng, rows, 1 - 1 / (15 * per_day)))
    level, filling, path = 50.0, False, np.empty(rows)
    for i, used in enumerate(use.tolist()):
        level += 4.0 * filling - used
        filling = level < 30.0 or (filling and level < 70.0)
        path[i] = level
    return path + 0.7 * rng.normal(size=rows), per_day


KINDS: dict[str, Callable[..., tuple[np.ndarray, int]]] = {
    each.__name__: each for each in (trips, machine, visits, meter, load, pump)
}


def plant(
    rng: np.random.Generator, values: np.ndarray, per_day: int, count: int = 6
) -> tuple[np.ndarray, list[Window], list[str]]:
    """Plants anomalies in the last 80 % of a series; returns the series, their windows and their kinds."""
    values = values.copy()
    rows = len(values)
    first, each = int(0.2 * rows), int(0.78 * rows / count)
    spread = float(np.median(np.abs(values - np.median(values)))) * 1.48
    change = float(np.median(np.abs(np.diff(values)))) * 1.48
    windows: list[Window] = []
    kinds = ("spike", "shift", "odd days", "failure", "burst", "flat")
    chosen = [kinds[k] for k in rng.permutation(len(kinds))[:count]]
    for k, kind in enumerate(chosen):
        length = {
            "spike": int(rng.integers(1, 4)),
            "shift": int(per_day * rng.uniform(0.3, 3)),
            "odd days": int(rng.integers(1, 4)) * per_day,
            "failure": int(per_day * rng.uniform(0.7, 2)),
            "burst": int(per_day * rng.uniform(0.2, 1)),
            "flat": int(per_day * rng.uniform(0.3, 1.5)),
        }[kind]
        begin = first + k * each + int(rng.integers(0, each - length - per_day))
        if kind == "odd days":
            begin -= begin % per_day
        part = slice(begin, begin + length)
        sign = float(rng.choice([-1.0, 1.0]))
        if kind == "spike":
            values[part] += sign * rng.uniform(10, 25) * change + sign * spread
        elif kind == "shift":
            values[part] += sign * rng.uniform(1.0, 2.0) * spread
        elif kind == "odd days":
            centre = np.median(values[max(0, begin - 7 * per_day) : begin])
            values[part] = centre + rng.uniform(0.3, 0.6) * (values[part] - centre) - rng.uniform(0.4, 0.9) * spread
        elif kind == "failure":
            values[part] -= rng.uniform(3, 6) * spread * np.linspace(0, 1, length) ** 2
        elif kind == "burst":
            values[part] += rng.normal(size=length) * rng.uniform(4, 8) * change
        else:
            values[part] = values[begin]
        windows.append((begin - per_day // 4, begin + length + per_day // 2))
    return values, windows, chosen


def dated(values: np.ndarray, per_day: int) -> Series:
    """Returns values (n,) as a series with dates, `per_day` rows a day."""
    step = np.timedelta64(86400 // per_day, "s")
    return as_series(values, time=np.datetime64("2024-01-01") + step * np.arange(len(values)))


def planted(kind: str, seeds: range) -> Iterator[Case]:
    """Yields one series of a kind with planted anomalies for each seed."""
    for seed in seeds:
        rng = np.random.default_rng([seed, sum(map(ord, kind))])
        values, per_day = KINDS[kind](rng)
        values, windows, kinds = plant(rng, values, per_day)
        yield Case(f"{kind} {seed}", dated(values, per_day), windows, kinds)


# -------------------------------------------------------------------- series that do not change


def white(rng: np.random.Generator, restless: bool = False) -> tuple[np.ndarray, int]:
    """Draws independent normal values."""
    return rng.normal(size=11_000), 48


def slow(rng: np.random.Generator, restless: bool = False) -> tuple[np.ndarray, int]:
    """Draws strongly autocorrelated values."""
    return autoregressive(rng, 20_000, 0.95), 288


def tails(rng: np.random.Generator, restless: bool = False) -> tuple[np.ndarray, int]:
    """Draws independent values with very heavy tails."""
    return heavy(rng, 14_000, 3.0), 24


STATIONARY = {**KINDS, "white": white, "slow": slow, "tails": tails}


def rate_ratio(kind: str, seeds: range, rate: float, **options: Any) -> tuple[int, float]:
    """Returns the number of alarms on drawn series of this kind, and the number that the rate accepts."""
    alarms, allowed = 0, 0.0
    for seed in seeds:
        values, per_day = STATIONARY[kind](np.random.default_rng([seed, 77]), restless=False)
        found = elman.AnomalyDetector(rate=rate, **options).fit(dated(values, per_day)).anomalies_
        alarms += len(found.alarms)
        allowed += rate * (len(found) - found.learned)
    return alarms, allowed


# ------------------------------------------------------------------------------------------- the runs


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


def run_rates(options: dict[str, Any], seeds: range) -> None:
    """Prints alarms on series that do not change, over the number that each rate accepts."""
    for rate in (1e-3, 1e-4, options.get("rate", elman.AnomalyDetector().rate)):
        ratios: list[float] = []
        for kind in STATIONARY:
            alarms, allowed = rate_ratio(kind, seeds, **{**options, "rate": rate})
            ratios.append(alarms / allowed)
            print(f"rate {rate:g}  {kind:8} {alarms:4d} alarms, {allowed:6.1f} allowed: {ratios[-1]:.2f}", flush=True)
        print(f"rate {rate:g}  mean of the ratios {np.mean(ratios):.2f}")


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


def read_nab(path: Path) -> Series:
    """Reads a series at its most common step: the first row of a time counts, missing rows are interpolated."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    times = np.array([row["timestamp"] for row in rows], "datetime64[s]")
    values = np.array([float(row["value"]) for row in rows])
    gaps, counts = np.unique(np.diff(times), return_counts=True)
    step = gaps[counts.argmax()]
    places, first = np.unique((times - times.min()) // step, return_index=True)
    grid = np.arange(places[-1] + 1)
    return as_series(np.interp(grid, places, values[first]), time=times.min() + grid * step)


def run_nab(folder: Path, options: dict[str, Any], log: Path) -> None:
    """Scores the two series of the benchmark, prints the result and adds it to the log."""
    labelled = {Path(name).stem: each for name, each in json.loads((folder / "windows.json").read_text()).items()}
    for name in NAB:
        series = read_nab(folder / f"{name}.csv")
        times = series.times
        assert times is not None
        windows = [
            (int(np.searchsorted(times, np.datetime64(a))), int(np.searchsorted(times, np.datetime64(b), "right")))
            for a, b in labelled[name]
        ]
        begin = time.perf_counter()
        found = elman.AnomalyDetector(**options).fit(series).anomalies_
        seconds = time.perf_counter() - begin
        caught, outside = count(found, windows)
        row = {
            "date": datetime.date.today().isoformat(),
            "series": name,
            "options": ",".join(f"{key}={value!r}" for key, value in options.items()),
            "rows": len(series),
            "windows": len(windows),
            "caught": sum(caught),
            "outside": outside,
            "alarms": len(found.alarms),
            "rate": elman.AnomalyDetector(**options).rate,
            "seconds": round(seconds, 2),
        }
        print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        new = not log.exists()
        with log.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.anomalies", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("options", nargs="?", default="")
    parser.add_argument("--seeds", type=int, default=8, help="drawn series of each kind")
    parser.add_argument("--first", type=int, default=0, help="seed of the first of them; choices were made on 0 to 15")
    parser.add_argument("--rates", action="store_true")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.seeds)
    call = ast.parse(f"f({given.options})", mode="eval").body
    assert isinstance(call, ast.Call)
    options = {word.arg: ast.literal_eval(word.value) for word in call.keywords if word.arg}
    if given.data is not None:
        if not (given.data / "nab" / "windows.json").exists():
            print(f"{given.data / 'nab'}: no windows.json; the benchmark's two series are not here")
            return
        run_nab(given.data / "nab", options, LOG)
    elif given.rates:
        run_rates(options, seeds)
    elif given.speed:
        run_speed(options)
    else:
        run_planted(options, seeds)


if __name__ == "__main__":
    main()
