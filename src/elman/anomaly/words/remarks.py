"""What a reader should know of the alarms of a fitted detector, in a line each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elman.anomaly.profile import MIN_SEASONS
from elman.anomaly.result import Anomalies

__all__ = ["remarks"]

FAR_MORE, AT_LEAST = 5.0, 6  # alarms are far more than the rate allows beyond so many times it, and more than so many
NAMED = 3  # gross values that are named


def remarks(found: Anomalies, gross: np.ndarray, asked: Sequence[int], season: int) -> tuple[str, ...]:
    """Returns a line for each: gross values, a season that the first rows do not hold, and far too many alarms.

    gross    rows of gross values among those learned from
    asked    seasons that the user named, (1,) for none;  season  that was found in the first rows, 1 for none
    """
    lines: list[str] = []
    label, values = found.series.label, found.series.values
    if len(gross):
        named = ", ".join(f"{values[i]:.6g} at {label(i)}" for i in gross[:NAMED].tolist())
        more = f" and {len(gross) - NAMED} more" if len(gross) > NAMED else ""
        lines.append(
            f"gross values in the first {found.learned} rows: {named}{more}; they were flagged, and not learned from"
        )
    late = [m for m in asked if m > 1 and found.learned < MIN_SEASONS * m]
    if late and season == 1:
        lines.append(
            f"the first {found.learned} rows hold too little of a season of {late[0]} rows; it is learned from the rows"
            " after them, so the first of these are scored without it"
        )
    elif max(asked) > 1 and season == 1:
        lines.append(f"the first {found.learned} rows show no season of {asked[0]} rows; it takes part once it helps")
    allowed = found.rate * (len(found) - found.learned)
    count = sum(alarm.first >= found.learned for alarm in found.alarms)
    if count > AT_LEAST + FAR_MORE * allowed:
        lines.append(
            f"{count} alarms, where the rate allows {allowed:.2g}: the series changes in ways that its first"
            f" {found.learned} rows do not show; a larger probation may help"
        )
    return tuple(lines)
