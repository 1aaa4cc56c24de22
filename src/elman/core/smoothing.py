"""Forms of exponential smoothing: which error, trend and season a model has (Hyndman, Koehler, Ord and Snyder 2008)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from elman.core import checks

__all__ = ["DAMPED_FORMS", "FORMS", "Bounds", "Smoothing"]

KINDS = ("additive", "multiplicative")


class Bounds(NamedTuple):
    """The lowest and the highest value of a parameter of exponential smoothing."""

    low: float
    high: float


@dataclass(frozen=True)
class Smoothing:
    """A form of exponential smoothing in the taxonomy ETS(error, trend, season); docs/math/smoothing.md has its
    equations.

    error    "additive", or "multiplicative": the standard deviation is proportional to the one-step forecast
    trend    None, or "additive"
    damped   whether the trend fades, by the factor phi a row
    season   None, "additive" or "multiplicative"

    An additive error with a multiplicative season is left out, since its variance is infinite where a state passes 0;
    so are multiplicative trends, which forecast poorly.
    """

    error: str = "additive"
    trend: str | None = None
    damped: bool = False
    season: str | None = None

    def __post_init__(self) -> None:
        checks.choice("error", self.error, KINDS)
        checks.choice("trend", self.trend, (None, "additive"))
        checks.flag("damped", self.damped)
        checks.choice("season", self.season, (None, *KINDS))
        if self.damped and self.trend is None:
            raise ValueError("damped: expected False without a trend, got True")
        if self.error == "additive" and self.season == "multiplicative":
            raise ValueError("season: expected None or 'additive' with an additive error, got 'multiplicative'")

    @property
    def name(self) -> str:
        """The form's usual name, such as "MAdN": error, trend, season."""
        letter = {None: "N", "additive": "A", "multiplicative": "M"}
        return letter[self.error] + letter[self.trend] + "d" * self.damped + letter[self.season]

    @property
    def positive(self) -> bool:
        """Whether the form is for values above zero only."""
        return self.error == "multiplicative"

    def parameters(self, season: int) -> int:
        """Returns how many numbers are learned for a series whose season has so many rows, the variance among them."""
        smoothing = 1 + (self.trend is not None) + self.damped + (self.season is not None)
        states = 1 + (self.trend is not None) + (season - 1 if self.season else 0)
        return smoothing + states + 1


# All forms, simple ones first: of two that are equally good the first is chosen
FORMS = tuple(
    Smoothing(error, trend, damped, season)
    for season in (None, *KINDS)
    for trend, damped in ((None, False), ("additive", True), ("additive", False))
    for error in KINDS
    if not (error == "additive" and season == "multiplicative")
)

DAMPED_FORMS = tuple(form for form in FORMS if form.damped)

# Bounds of the parameters: beta lies below alpha, gamma below 1 - alpha besides. Beyond 0.98 a damped trend cannot be
# told from one that is not; below 0.8 it is gone after a few rows.
ALPHA = BETA = GAMMA = Bounds(1e-4, 0.9999)
PHI = Bounds(0.8, 0.98)
