"""Seasons that are learned row by row: those longer than the rows that the model was fitted to, and those that change.

For each season a table holds what was seen at each of its positions beyond the model's own seasonal effects. Beside "no
correction", each table is an expert, and each one averaged over neighbouring positions another. All of them forecast
every row; the one whose errors were smallest lately corrects the next forecast. So a season takes part once it helps.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["LONGEST", "LearnedSeasons"]

LONGEST = 50_000  # rows of a season that is learned
FIRST_RATE, LEAST_RATE = (
    1.5,
    0.1,
)  # the n-th visit of a position moves its entry by 1 / (n + FIRST_RATE), at least by 0.1
MARGIN = 0.97  # an expert takes over where its errors are smaller than this share of those of the one before
MUCH_BETTER = 0.8  # only so great a gain changes the usual size of errors at once
SMOOTHED_OVER = 96  # entries are averaged over about a season / 96 positions
CONFIRMED = 4.0  # deviations beyond so many usual ones count in full only where the season before had one as large


class LearnedSeasons:
    """The tables and the recent errors of the experts.

    seasons   lengths of the seasons, rising
    unit      the size of usual deviations
    ar1       coefficient of the last deviation in the forecast of the next
    """

    def __init__(self, seasons: Sequence[int], unit: float, ar1: float) -> None:
        self.seasons = tuple(m for m in seasons if 1 < m <= LONGEST)
        self.unit, self.ar1 = unit, ar1
        self.tables = [[0.0] * m for m in self.seasons]
        self.before = [[0.0] * m for m in self.seasons]  # the deviation at each position a season ago
        self.visits = [[0] * m for m in self.seasons]
        self.sides = [m // SMOOTHED_OVER for m in self.seasons]
        self.losses = [0.0] * (1 + 2 * len(self.seasons))
        self.last = [0.0] * len(self.losses)  # corrections of the last row
        self.last_deviation = 0.0
        self.chosen = 0
        self.memory = 7.0 * max(self.seasons[0], 24) if self.seasons else 1.0

    def corrections(self, row: int) -> list[float]:
        """Returns what each expert adds to the forecast of a row, of no correction first."""
        found, shorter = [0.0], 0.0
        for table, visits, m, side in zip(self.tables, self.visits, self.seasons, self.sides, strict=True):
            p = row % m
            own = table[p] if visits[p] else shorter
            found.append(own)
            if side and visits[p] and side <= p < m - side:
                near = table[p - side : p + side + 1]
                found.append(sum(near) / len(near))
            else:
                found.append(own)
            shorter = own
        return found

    def update(self, row: int, deviation: float, corrections: list[float], actual: float) -> float:
        """Takes a row's deviation from level and effects, before any correction, and what the experts had said.

        actual   the error of the forecast, which the chosen expert has corrected. The network had its part in it, so
                 another expert must do better without the network to take over
        Returns by what share the usual size of errors changes, because another expert takes over: 1 where none does.
        """
        last, before = self.last, self.last_deviation
        for j, correction in enumerate(corrections):
            own = actual if j == self.chosen else deviation - correction - self.ar1 * (before - last[j])
            error = min(abs(own), CONFIRMED * 4.0 * self.unit)
            self.losses[j] += (error - self.losses[j]) / self.memory
        self.last, self.last_deviation = corrections, deviation
        change = self._choose()
        bound, shorter = CONFIRMED * self.unit, 0.0
        for table, earlier, visits, m in zip(self.tables, self.before, self.visits, self.seasons, strict=True):
            p = row % m
            n = visits[p]
            entry = table[p] if n else shorter
            apart, apart_before = deviation - entry, earlier[p] - entry
            if abs(apart) > bound:
                confirmed = n and apart * apart_before > 0.0
                size = max(min(abs(apart), abs(apart_before)), bound) if confirmed else bound
                apart = size if apart > 0.0 else -size
            table[p] = entry + max(1.0 / (n + FIRST_RATE), LEAST_RATE) * apart
            earlier[p] = deviation
            visits[p] = min(n + 1, 100)
            shorter = entry
        return change

    def skip(self, corrections: list[float]) -> None:
        """Takes a row without a value."""
        self.last_deviation = corrections[self.chosen] + self.ar1 * (self.last_deviation - self.last[self.chosen])
        self.last = corrections

    def _choose(self) -> float:
        """Changes the expert that corrects forecasts where another one was better lately; returns the ratio of both."""
        best, now = min(self.losses), self.losses[self.chosen]
        if best >= MARGIN * now:
            return 1.0
        self.chosen = self.losses.index(best)
        return best / now if best < MUCH_BETTER * now else 1.0
