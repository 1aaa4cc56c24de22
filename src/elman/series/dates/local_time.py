"""Times that clocks show, without an offset: recognised where the clocks change, and placed in UTC."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from elman.series.dates.zones import known_zones, to_utc, to_wall

__all__ = ["Recognised", "localized", "recognised", "unwrapped"]

_DAY, _HOUR = 86_400_000_000, 3_600_000_000  # microseconds
_TRIED = 200  # irregular steps at most, that are compared with the clocks of each zone


class Recognised(NamedTuple):
    """The zone whose clocks show given times.

    zone    its name
    times   the times in UTC, datetime64[us] (n,)
    row     the first row that the change of the clocks explains: after an hour that was left out, or that came twice
    """

    zone: str
    times: np.ndarray
    row: int


def localized(walls: np.ndarray, zone: str) -> np.ndarray | int:
    """Returns times that the clocks of a zone show, datetime64[us] (n,) in the order of time, in UTC; or the index of
    the first that the clocks leave out.

    Where the clocks show an hour twice, rows belong to the first hour until they begin again.
    """
    times = to_utc(walls, zone)
    twice = np.flatnonzero(times != to_utc(walls, zone, second=True))
    first, second = times[twice], to_utc(walls[twice], zone, second=True)
    if (absent := np.flatnonzero(to_wall(first, zone) != walls[twice])).size:
        return int(twice[absent[0]])
    for i, row in enumerate(twice.tolist()):
        if row and first[i] <= times[row - 1]:
            times[row] = second[i]
    begun = int(np.count_nonzero(np.equal(twice, np.arange(len(twice))) & (times[twice] == first)))
    if 0 < begun < len(times) - 1:  # a series that begins within the hour: in its second turn, if the next row says so
        step, gap = times[begun + 1] - times[begun], times[begun] - times[begun - 1]
        if gap != step == times[begun] - second[begun - 1]:
            times[:begun] = second[:begun]
    return times


def recognised(walls: np.ndarray) -> Recognised | None:
    """Returns the zone whose clocks show times (n,) of regular steps below a day, judged by an hour that is left out in
    spring or comes twice in autumn; None where no known zone makes the steps more regular."""
    if len(walls) < 3:
        return None
    steps = np.diff(walls).astype(np.int64)
    if np.count_nonzero(steps < 0) > len(steps) // 2:  # the latest row comes first
        found = recognised(walls[::-1])
        return found and Recognised(found.zone, found.times[::-1], len(walls) - 1 - found.row)
    lengths, counts = np.unique(steps, return_counts=True)
    step = int(lengths[counts.argmax()])
    if not 0 < step < _DAY or len(lengths) == 1:
        return None
    again = np.flatnonzero((steps == step - _HOUR) | (steps == step - _HOUR // 2))
    left_out = np.flatnonzero((steps == step + _HOUR) | (steps == step + _HOUR // 2))
    tried = np.concatenate([again, left_out])[:_TRIED]
    if not tried.size:
        return None
    best, before = None, int(np.count_nonzero(steps != step))
    for zone in known_zones():
        elapsed = to_utc(walls[tried + 1], zone, second=True) - to_utc(walls[tried], zone)
        explained = tried[elapsed.astype(np.int64) == step]
        if not explained.size:
            continue
        times = localized(walls, zone)
        if isinstance(times, int):
            continue
        after = int(np.count_nonzero(np.diff(times).astype(np.int64) != step))
        if after < before:
            best, before = Recognised(zone, times, int(explained.min()) + 1), after
        if not before:
            break
    return best


def unwrapped(times: np.ndarray) -> np.ndarray:
    """Returns times (n,) whose years had two digits, with those after a fall of more than 50 years a century later, if
    all are in order then."""
    years = times.astype("datetime64[Y]").astype(np.int64)
    falls = np.diff(years) < -50
    if not falls.any() or np.count_nonzero(falls) > 1:
        return times
    months = times.astype("datetime64[M]")
    later = np.concatenate([[0], np.cumsum(falls)])
    moved = (months + 1200 * later).astype("datetime64[us]") + (times - months)
    return moved if (np.diff(moved) >= np.timedelta64(0)).all() else times
