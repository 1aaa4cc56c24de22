"""The words by which steps are printed, such as "monthly" or "every 15 minutes", as the short names of steps."""

from __future__ import annotations

import re

__all__ = ["short_name"]

_UNITS = {"second": "s", "minute": "min", "hour": "h", "day": "D", "week": "W", "month": "M", "quarter": "Q",
          "year": "Y", "business day": "B"}  # fmt: skip
_ADVERBS = {"daily": "day", "annually": "year", "annual": "year"}


def short_name(step: str) -> str:
    """Returns the short name of a step in words: "M" for "monthly" or "month", "15min" for "every 15 minutes" or "15
    minutes", "ME" for "month ends", "B" for "business days". What is in no such words is returned as it is.
    """
    words = " ".join(step.lower().split())
    if match := re.fullmatch(r"(month|quarter|year) ends?", words):
        return f"{_UNITS[match[1]]}E"
    if match := re.fullmatch(r"every (\d{1,6}) months, at the end", words):
        return f"{match[1]}ME"
    if match := re.fullmatch(r"(?:every )?(\d{0,6}) ?([a-z ]+?)s?", words):
        count, word = match[1], match[2]
        word = _ADVERBS.get(word, word.removesuffix("ly") if not count else word)
        if word in _UNITS:
            return f"{count}{_UNITS[word]}"
    return step
