"""Dates that stand in several columns, such as year and quarter or day and time, joined row by row."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import overload

from elman.series.dates.reading import reads_as_date

__all__ = ["KINDS", "Joined", "joined"]

_NAMES = {
    "year": "year years yr yyyy jahr année annee año ano anno fy fiscal#year",
    "month": "month months mm mon monat mois mes mese",
    "quarter": "quarter quarters qtr q quartal trimestre",
    "week": "week weeks iso#week wk kw woche semaine semana settimana",
    "day": "day days dd tag jour dia día giorno day#of#month",
    "hour": "hour hours hh hr stunde heure hora ora",
    "minute": "minute minutes minuten",
    "clock": "time clock uhrzeit zeit time#of#day",
}
KINDS = {name.replace("#", " "): kind for kind, names in _NAMES.items() for name in names.split()}


class Joined(Sequence[str]):
    """Cells (n,) made of those of several columns when they are read."""

    def __init__(self, columns: Sequence[Sequence[str]], text: Callable[[Sequence[str]], str]) -> None:
        self._columns, self._text = columns, text

    def __len__(self) -> int:
        return len(self._columns[0])

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        parts = [column[at] for column in self._columns]
        if isinstance(at, slice):
            return list(map(self._text, zip(*parts, strict=True)))
        return self._text([str(part) for part in parts])


def joined(names: Sequence[str], columns: Sequence[Sequence[str]]) -> Joined:
    """Returns the cells of several columns as one date each: what a column holds is told by its name, or else by its
    first cell."""
    firsts = [column[0] if len(column) else "" for column in columns]
    kinds = [_kind(name, cell) for name, cell in zip(names, firsts, strict=True)]
    places = {kind: place for place, kind in reversed([*enumerate(kinds)])}

    def text(cells: Sequence[str]) -> str:
        parts = {kind: cells[place].strip() for kind, place in places.items()}
        day = parts.get("date") or _day({kind: part for kind, part in parts.items() if kind != "clock"})
        if "clock" in parts:
            return f"{day} {parts['clock']}"
        if "hour" in parts:
            return f"{day} {_padded(parts['hour'])}:{_padded(parts.get('minute', '0'))}"
        return day

    return Joined(columns, text)


def _day(parts: dict[str, str]) -> str:
    """Returns the text of a day of its parts, by their kinds."""
    year = parts.get("year", "").removesuffix(".0")
    if "quarter" in parts:
        found = re.search(r"[1-4]", parts["quarter"].removesuffix(".0"))
        return f"{year}Q{found[0] if found else parts['quarter']}"
    if "week" in parts:
        week = _padded(re.sub(r"\D*(\d+)(\.0)?\Z", r"\1", parts["week"]))
        return f"{year}-W{week}-{parts['day'].removesuffix('.0')}" if "day" in parts else f"{year}-W{week}"
    if "month" in parts:
        day = f"-{_padded(parts['day'])}" if "day" in parts else ""
        return f"{year}-{_padded(parts['month'])}{day}"
    return f"{year}-{parts['day'].removesuffix('.0').zfill(3)}" if "day" in parts else year


def _padded(part: str) -> str:
    """Returns a number with two digits, and a name as it is."""
    part = part.removesuffix(".0")
    return part.zfill(2) if part.isdigit() else part


def _kind(name: str, cell: str) -> str:
    """Returns what a column holds, one of the kinds or "date"."""
    words = " ".join(re.findall(r"[^\W\d_]+", name.lower()))
    text = cell.strip()
    if re.fullmatch(r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s?[ap]\.?m\.?)?", text, re.IGNORECASE):
        return "clock"
    if words in KINDS and not (KINDS[words] in ("day", "clock") and reads_as_date(text)):
        return KINDS[words]
    if re.fullmatch(r"\d{4}(?:\.0)?", text):
        return "year"
    if reads_as_date(text):
        return "date"
    if re.fullmatch(r"Q[1-4]", text, re.IGNORECASE):
        return "quarter"
    if re.fullmatch(r"W\d{1,2}", text, re.IGNORECASE):
        return "week"
    return "month" if text[:3].isalpha() else "day"
