"""Series drawn for `benchmarks.anomalies`: kinds of series with planted anomalies, and kinds that do not change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from elman.forecast import Series, as_series

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


def dated(values: np.ndarray, per_day: float) -> Series:
    """Returns values (n,) as a series with dates, `per_day` rows a day."""
    step = np.timedelta64(round(86400 / per_day), "s")
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


def rising(rng: np.random.Generator, restless: bool = False) -> tuple[np.ndarray, float]:
    """Draws weekly values of 80 years: a year of 52.18 weeks on a level that rises faster and faster."""
    rows = 4200
    years = np.arange(rows) * 7 / 365.2425
    course = 3 * np.sin(2 * np.pi * years) + 0.8 * np.sin(4 * np.pi * years)
    return 315 + 0.8 * years + 0.01 * years**2 + course + 0.4 * autoregressive(rng, rows, 0.5), 1 / 7


def clock(rng: np.random.Generator, restless: bool = False) -> tuple[np.ndarray, int]:
    """Draws hourly values of three years whose days follow the clock: by it, an hour earlier from April to October."""
    rows = 3 * 365 * 24
    hours = np.arange(rows)
    local = hours + ((hours // 24 % 365 > 85) & (hours // 24 % 365 < 300))
    shape = bumps(local % 24 * 1.0, (8, 1.5, 0.6), (18, 2, 0.9)) * (1 - 0.3 * (local // 24 % 7 >= 5))
    return 100 * (1 + shape) + 4 * autoregressive(rng, rows, 0.5), 24


def brief(rng: np.random.Generator, restless: bool = False) -> tuple[np.ndarray, int]:
    """Draws autocorrelated values of which few are learned from (see PROBATIONS)."""
    return autoregressive(rng, 12_000, 0.7), 288


# Kinds that were drawn after all choices had been made: they judge, and nothing is chosen on them.


def calls(rng: np.random.Generator, restless: bool = False) -> tuple[np.ndarray, int]:
    """Draws counts a minute of two weeks, with a day in them, of which the probation holds little more than two."""
    per_day, rows = 1440, 14 * 1440
    hours = np.arange(rows) % per_day / 60
    return rng.poisson(4 + 20 * bumps(hours, (11, 3, 1.0), (16, 3, 0.8))).astype(float), per_day


def wander(rng: np.random.Generator, restless: bool = False) -> tuple[np.ndarray, int]:
    """Draws hourly values of a day's season on a level that walks at random."""
    per_day, rows = 24, 400 * 24
    course = 5 * np.sin(2 * np.pi * np.arange(rows) / per_day)
    return 200 + np.cumsum(0.3 * rng.normal(size=rows)) + course + rng.normal(size=rows), per_day


def sensor(rng: np.random.Generator, restless: bool = False) -> tuple[np.ndarray, int]:
    """Draws ten-minute temperatures that are read in halves of a degree."""
    per_day, rows = 144, 100 * 144
    course = 3 * np.sin(2 * np.pi * np.arange(rows) / per_day)
    return np.round(2 * (20 + course + 0.6 * autoregressive(rng, rows, 0.9))) / 2, per_day


def latency(rng: np.random.Generator, restless: bool = False) -> tuple[np.ndarray, int]:
    """Draws five-minute log-normal times of a server's answers, which follow the day."""
    per_day, rows = 288, 50 * 288
    course = 0.4 * bumps(np.arange(rows) % per_day / 12, (14, 4, 1.0))
    return np.exp(3 + course + 0.6 * rng.normal(size=rows)), per_day


JUDGES = (calls, wander, sensor, latency)
STATIONARY: dict[str, Callable[..., tuple[np.ndarray, float]]] = {
    **KINDS,
    **{each.__name__: each for each in (white, slow, tails, rising, clock, brief, *JUDGES)},
}
PROBATIONS = {"brief": 200}  # rows, where it is not the default
