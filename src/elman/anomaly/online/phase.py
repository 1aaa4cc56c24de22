"""A season that comes earlier or later than it did, such as days by the clock where daylight saving begins.

Beside the season as it stands, two neighbours forecast every row: the season a little earlier and a little later, by an
hour where a day has several, else by a row. Where one of them was much better for a day or a season, it takes over.
"""

from __future__ import annotations

__all__ = ["Phase"]

MUCH_BETTER = 0.65  # a neighbour takes over where its errors are smaller than this share of the season's own
CLIP = 4.0  # errors count for at most so many usual deviations


class Phase:
    """Where the season stands: position p in row i is (i + offset) % m.

    step    rows by which the neighbours are apart;  memory  rows over which errors are compared
    offset  rows that the season is ahead of where it began
    losses  recent sizes of the errors: of the season, of the one `step` rows ahead, and of the one behind
    last    the last row's deviation from each of the three
    """

    def __init__(self, step: int, memory: float, unit: float, ar1: float) -> None:
        self.step, self.memory, self.bound, self.ar1 = step, memory, CLIP * unit, ar1
        self.offset = 0
        self.losses = [unit, unit, unit]
        self.last = [0.0, 0.0, 0.0]

    def update(self, row: int, deviation: float, effects: list[float]) -> bool:
        """Takes a row's deviation from the level, with its seasonal effect; returns whether the season has moved."""
        m, p = len(effects), row + self.offset
        losses, last = self.losses, self.last
        for k, shift in enumerate((0, self.step, -self.step)):
            apart = deviation - effects[(p + shift) % m]
            losses[k] += (min(abs(apart - self.ar1 * last[k]), self.bound) - losses[k]) / self.memory
            last[k] = apart
        better = 1 if losses[1] < losses[2] else 2
        if losses[better] >= MUCH_BETTER * losses[0]:
            return False
        self.offset = (self.offset + (self.step if better == 1 else -self.step)) % m
        self.losses = [losses[better]] * 3
        self.last = [last[better]] * 3
        return True
