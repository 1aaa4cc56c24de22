"""Dates as people write them, and as computers do: pairs for models that read one sequence and write another."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from elman.core import checks

__all__ = ["written_dates"]

FIRST, DAYS = date(1930, 1, 1), 43829  # to the end of 2049
ENDINGS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
MONTHS = (  # not the locale's
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FORMS = (
    "{day} {month} {year}",
    "{day} {short} {year}",
    "{day}{ending} of {month} {year}",
    "{month} {day}, {year}",
    "{short} {day}, {year}",
    "{month} the {day}{ending}, {year}",
    "{weekday}, {month} {day}, {year}",
    "{weekday} {day} {month} {year}",
    "the {day}{ending} of {month}, {year}",
    "{day:02}.{number:02}.{year}",
)


def written_dates(n: int, *, seed: int = 0) -> tuple[list[str], list[str]]:
    """Draws n dates between 1930 and 2049; returns them as people write them, in ten forms ("the 3rd of May, 1998"),
    and as computers do ("1998-05-03")."""
    checks.count("n", n)
    rng = np.random.default_rng(checks.whole("seed", seed, low=0))
    sources: list[str] = []
    targets: list[str] = []
    for days, form in zip(rng.integers(DAYS, size=n).tolist(), rng.integers(len(FORMS), size=n).tolist(), strict=True):
        day = FIRST + timedelta(days=days)
        month = MONTHS[day.month - 1]
        sources.append(
            FORMS[form].format(
                day=day.day, ending=ENDINGS.get(day.day, "th"), month=month, short=month[:3],
                number=day.month, year=day.year, weekday=WEEKDAYS[day.weekday()],
            )
        )  # fmt: skip
        targets.append(day.isoformat())
    return sources, targets
