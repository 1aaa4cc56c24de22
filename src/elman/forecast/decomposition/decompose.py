"""`decompose`: takes the seasonal parts out of a series, so that a rule without seasons forecasts the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from elman.core import checks
from elman.forecast.decomposition.annual import Annual, find_annual
from elman.forecast.decomposition.profile import Profile, deviations, find_profile

__all__ = ["Decomposition", "decompose"]

YEARS = 1.99  # that a series must have for the part of a year: 104 weeks
PERIODS = 2  # seasons that a series must have for its profile
JUDGED = 8  # rows at least, in whole seasons, by which sums and factors are compared


@dataclass(frozen=True, eq=False)
class Decomposition:
    """A series without its seasonal parts, and the parts.

    adjusted        (n,) the values without the parts
    seasonal        (n,) all parts together: value = adjusted + seasonal, or adjusted * seasonal
    multiplicative  whether the parts are factors
    profiles        the seasons of whole numbers of rows
    annual          the part of a year; None: there is none
    """

    adjusted: np.ndarray
    seasonal: np.ndarray
    multiplicative: bool
    profiles: tuple[Profile, ...]
    annual: Annual | None

    def ahead(self, rows: int) -> np.ndarray:
        """Returns the parts of the next `rows` rows together: what to add, or the factors."""
        parts = np.zeros(rows)
        for profile in self.profiles:
            parts += np.resize(profile.next, rows)
        if self.annual is not None:
            parts += self.annual.at(len(self.adjusted) + np.arange(rows))
        return np.exp(parts) if self.multiplicative else parts

    def restored(self, forecast: np.ndarray) -> np.ndarray:
        """Returns a forecast of the adjusted values (..., h) with the parts of its rows."""
        parts = self.ahead(forecast.shape[-1])
        return forecast * parts if self.multiplicative else forecast + parts

    @property
    def seasons(self) -> tuple[int, ...]:
        """The lengths of the profiles in rows."""
        return tuple(len(profile.next) for profile in self.profiles)


def decompose(
    values: np.ndarray, seasons: Sequence[int] = (), year: float | None = None, multiplicative: bool | None = None
) -> Decomposition:
    """Returns a series without its seasonal parts (`Decomposition`).

    values          (n,) finite values
    seasons         lengths of seasons in rows; 1 is none, and one of which the series has less than two is left out
    year            number of rows in a year, where it is no whole number; less than two of them: it is left out
    multiplicative  whether the parts are factors, which needs values above 0; None: whichever brings the last rows,
                    of which it knows nothing, nearer to the level around them

    A profile that predicts no better than none is left out.
    """
    values = np.asarray(values, dtype=np.float64)
    lengths = sorted({checks.whole("seasons", m, low=1) for m in seasons} - {1})
    lengths = [m for m in lengths if len(values) >= PERIODS * m]
    year = year if year is not None and len(values) >= YEARS * year else None
    if not lengths and year is None:
        return Decomposition(values, np.zeros(len(values)), False, (), None)
    positive = float(values.min()) > 0.0
    if multiplicative and not positive:
        raise ValueError("multiplicative: expected values above 0 for factors")
    if multiplicative is None:
        multiplicative = positive and _multiplies(values, lengths, year)
    return _taken(values, lengths, year, multiplicative)


def _multiplies(values: np.ndarray, lengths: Sequence[int], year: float | None) -> bool:
    """Returns whether parts that are factors suit values above 0 better than sums, by the rows of the last year, else
    of the last seasons: those before them tell the parts, where they are enough; else all rows do."""
    held = int(np.ceil(year)) if year is not None else lengths[-1] * -(-JUDGED // lengths[-1])
    enough = len(values) - held >= max([PERIODS * m for m in lengths] + [YEARS * (year or 0.0)])
    first = len(values) - held if enough else 0
    width = max([*lengths, 7]) | 1
    errors: list[float] = []
    for kind in (False, True):
        if enough:
            parts = _taken(values[:first], lengths, year, kind).ahead(held)
        else:
            parts = _taken(values, lengths, year, kind).seasonal
        errors.append(_error(values[first:], parts, kind, width))
    return errors[1] < errors[0]


def _taken(values: np.ndarray, lengths: Sequence[int], year: float | None, multiplicative: bool) -> Decomposition:
    """Returns the decomposition into a sum or a product."""
    rest = np.log(values) if multiplicative else values
    profiles: list[Profile] = []
    for season in lengths:
        found = find_profile(deviations(rest, season), season)
        if found.error < found.without:
            profiles.append(found)
            rest = rest - found.past
    annual = find_annual(rest, year) if year is not None else None
    seasonal = np.sum([each.past for each in profiles], axis=0) if profiles else np.zeros(len(values))
    if annual is not None:
        seasonal = seasonal + annual.at(np.arange(len(values)))
    adjusted = np.exp(np.log(values) - seasonal) if multiplicative else values - seasonal
    return Decomposition(
        adjusted, np.exp(seasonal) if multiplicative else seasonal, multiplicative, tuple(profiles), annual
    )


def _error(values: np.ndarray, parts: np.ndarray, multiplicative: bool, width: int) -> float:
    """Returns how far the values without these parts are from their own level, in units of the values. The level is a
    mean of `width` rows, an odd number, or of as many as there are."""
    width = min(width, (len(values) - 1) // 2 * 2 - 1)
    if width < 3:
        return 0.0
    adjusted = values / parts if multiplicative else values - parts
    level = np.convolve(adjusted, np.full(width, 1.0 / width), "valid")
    inner = slice(width // 2, width // 2 + len(level))
    fitted = level * parts[inner] if multiplicative else level + parts[inner]
    return float(np.abs(values[inner] - fitted).mean())
