"""When an alarm begins and when it is over: one alarm is one event."""

from __future__ import annotations

__all__ = ["AlarmState"]


class AlarmState:
    """Follows the scores of rows, and says at which of them an alarm begins.

    An alarm begins with a row whose score reaches the threshold while none is going on. It is over, and the next may
    begin, once `rest` rows in a row had lower scores.

    rest   rows below the threshold after which a series has recovered
    quiet  rows since the last one that reached the threshold; `rest` where no alarm is going on
    """

    def __init__(self, rest: int, quiet: int | None = None) -> None:
        self.rest = rest
        self.quiet = rest if quiet is None else quiet

    def begins(self, anomaly: bool) -> bool:
        """Takes whether the next row reaches the threshold; returns whether an alarm begins with it."""
        if not anomaly:
            self.quiet = min(self.quiet + 1, self.rest)
            return False
        recovered = self.quiet >= self.rest
        self.quiet = 0
        return recovered
