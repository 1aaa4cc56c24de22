"""Public holidays as a feature of dates, by the package `holidays`: the extra `elman[holidays]`."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np

from elman.core import checks

__all__ = ["PREFIX", "days_off", "holiday_feature", "is_feature", "parse_holidays"]

PREFIX = "holidays:"  # of the name of the feature, before the country
NEEDED = "holidays need the package holidays; type: pip install 'elman[holidays]'"
_FORM = re.compile(r"[A-Z]{2,5}(-[A-Za-z0-9]{1,40})?")


def parse_holidays(country: object) -> str:
    """Returns the country of the option `holidays`, "DE" or with a part of it "DE-BY", checked.

    ValueError for one that the package does not know, TypeError for no text, ModuleNotFoundError without the package.
    """
    if not isinstance(country, str):
        raise TypeError(f"holidays: expected a country such as 'DE' or 'DE-BY', got {checks.shown(country)}")
    if not _FORM.fullmatch(country):
        raise ValueError(f"holidays: expected a country such as 'DE' or 'DE-BY', got {country!r}")
    _check_known(country)
    return country


def is_feature(name: str) -> bool:
    """Returns whether the name of a calendar feature is one of holidays, well-formed."""
    return name.startswith(PREFIX) and _FORM.fullmatch(name.removeprefix(PREFIX)) is not None


def holiday_feature(times: np.ndarray, country: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns for each time, datetime64 (n,), 1 where its day is a public holiday, else 0; and 1 where the day before
    or after is one and its own is not."""
    days = times.astype("datetime64[D]")
    if not len(days):
        return np.zeros(0), np.zeros(0)
    years = days.astype("datetime64[Y]").astype(np.int64) + 1970
    off = days_off(country, int(years.min()) - 1, int(years.max()) + 1)
    own = np.isin(days, off)
    beside = np.isin(days - 1, off) | np.isin(days + 1, off)
    return own.astype(np.float64), (beside & ~own).astype(np.float64)


@lru_cache(maxsize=16)
def days_off(country: str, first: int, last: int) -> np.ndarray:
    """Returns the public holidays of a country in the years from `first` to `last`, datetime64[D], in rising order."""
    _check_known(country)
    name, _, part = country.partition("-")
    found = _package().country_holidays(name, subdiv=part or None, years=range(first, last + 1))
    return np.array(sorted(found), dtype="datetime64[D]")


def _check_known(country: str) -> None:
    """Raises ValueError for a country, or a part of one, that the package does not know."""
    name, _, part = country.partition("-")
    known: dict[str, list[str]] = _package().list_supported_countries()
    if name not in known:
        raise ValueError(f"holidays: expected the two letters of a country, such as 'DE', 'FR' or 'US', got {name!r}")
    if part and part not in known[name]:
        parts = f"one of {', '.join(known[name])}" if known[name] else "none"
        raise ValueError(f"holidays: expected a part of {name}, {parts}, got {part!r}")


def _package() -> Any:
    """Returns the package; ModuleNotFoundError, with the command to type, where it is missing."""
    try:
        import holidays
    except ModuleNotFoundError:
        raise ModuleNotFoundError(NEEDED, name="holidays") from None
    return holidays
