"""What a `Monitor` has learned from the rows behind those that its model was fitted to, as it stands in a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from elman.anomaly.calibration import ErrorDistribution
from elman.anomaly.online.recent import RecentErrors

__all__ = ["LearnedRows", "learned_rows", "resume"]

TRACK = ("last", "highest", "counts", "excess", "rarer", "steeper")  # fields of a `TrackRecord`


@dataclass(frozen=True, eq=False)
class LearnedRows:
    """For the s - 1 positions of all seasons end to end, e experts, w ways of scoring, and the `kept` k - 1 errors; the
    last entry of these arrays is 0, so that none is empty.

    slope        of the level, a row
    quiet        of the alarm (`AlarmState`)
    distribution, seen, due, gross, errors       of the recent errors (`RecentErrors`)
    tables, before, visits, losses, last, last_deviation, chosen   of the seasons (`LearnedSeasons`)
    offset, phase_losses, phase_last             of the season's place (`Phase`)
    track        (6, w) last, highest, counts, excess, rarer and steeper of the ways (`TrackRecord`)
    """

    slope: float
    quiet: int
    distribution: ErrorDistribution
    seen: int
    due: int
    gross: int
    kept: int
    errors: Annotated[np.ndarray, "float64 (k,)"]
    tables: Annotated[np.ndarray, "float64 (s,)"]
    before: Annotated[np.ndarray, "float64 (s,)"]
    visits: Annotated[np.ndarray, "float64 (s,)"]
    losses: Annotated[np.ndarray, "float64 (e,)"]
    last: Annotated[np.ndarray, "float64 (e,)"]
    last_deviation: float
    chosen: int
    offset: int
    phase_losses: tuple[float, float, float]
    phase_last: tuple[float, float, float]
    track: Annotated[np.ndarray, "float64 (6, w)"]

    def check(self, seasons: int, positions: int, ways: int, rest: int) -> None:
        """Raises ValueError for what no monitor reaches with so many seasons, positions in them, and ways."""
        sizes = len(self.tables), len(self.losses), self.track.shape
        if sizes != (positions + 1, 1 + 2 * seasons, (len(TRACK), ways)):
            raise ValueError(f"learned.tables: expected entries for {positions} positions and {ways} ways, got {sizes}")
        arrays = (self.errors, self.tables, self.before, self.visits, self.losses, self.last, self.track)
        if not all(np.isfinite(each).all() for each in arrays):
            raise ValueError("learned.errors: expected finite numbers")
        if not (0 <= self.chosen < len(self.losses) and (self.losses >= 0).all() and min(self.phase_losses) >= 0.0):
            raise ValueError("learned.losses: expected sizes of errors, and one of the experts")
        if not (
            0 <= self.quiet <= rest
            and 0 <= self.kept == len(self.errors) - 1 <= self.seen < self.due
            and self.offset >= 0
            and self.gross >= 0
        ):
            raise ValueError("learned.seen: expected counts of rows that follow one another")
        _, highest, counts, excess, rarer, steeper = self.track
        if min(highest.min(), counts.min(), excess.min(), rarer.min()) < 0.0 or steeper.min() <= 0.0:
            raise ValueError("learned.track: expected counts of 0 or more")
        if (self.visits < 0).any():
            raise ValueError("learned.visits: expected counts of 0 or more")


def learned_rows(monitor: Any) -> LearnedRows:
    """Returns a copy of what a monitor has learned."""
    recent, seasons, phase, track = monitor.recent, monitor.learned, monitor.phase, monitor.track

    def joined(parts: list[list[float]]) -> np.ndarray:
        return np.array([*(each for part in parts for each in part), 0.0])

    return LearnedRows(
        monitor.slope,
        monitor.alarm.quiet,
        recent.distribution,
        recent.seen,
        recent.due,
        recent.gross,
        len(recent.errors),
        joined([recent.errors]),
        joined(seasons.tables),
        joined(seasons.before),
        joined([[*map(float, each)] for each in seasons.visits]),
        np.array(seasons.losses),
        np.array(seasons.last),
        seasons.last_deviation,
        seasons.chosen,
        phase.offset,
        (phase.losses[0], phase.losses[1], phase.losses[2]),
        (phase.last[0], phase.last[1], phase.last[2]),
        np.array([getattr(track, name) for name in TRACK], np.float64),
    )


def resume(monitor: Any, learned: LearnedRows) -> None:
    """Gives a monitor what another one of the same model had learned."""
    seasons, phase, track = monitor.learned, monitor.phase, monitor.track
    monitor.slope, monitor.alarm.quiet = learned.slope, learned.quiet
    monitor.recent = RecentErrors(learned.distribution, learned.errors[:-1], learned.seen, learned.due, learned.gross)
    ends = np.cumsum(seasons.seasons)[:-1]
    seasons.tables, seasons.before, seasons.visits = (
        [part.tolist() for part in np.split(whole[:-1], ends)] if seasons.seasons else []
        for whole in (learned.tables, learned.before, learned.visits)
    )
    seasons.visits = [[int(each) for each in part] for part in seasons.visits]
    seasons.losses, seasons.last = learned.losses.tolist(), learned.last.tolist()
    seasons.last_deviation, seasons.chosen = learned.last_deviation, learned.chosen
    phase.offset, phase.losses, phase.last = learned.offset, [*learned.phase_losses], [*learned.phase_last]
    for name, values in zip(TRACK, learned.track.tolist(), strict=True):
        setattr(track, name, values)
