"""Numbers as people write them in tables: 1234.5, 1,234.5, 1.234,5, 1 234,5, 1'234, $5, 5 %, (112).

A cell such as 1.234 means one number in one table and another elsewhere, so all cells of a column are read by the same
`Notation`: a `survey` of the column finds those that read every number in it, and `parse_numbers` reads by one of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from elman.series.errors import shorten
from elman.series.tables.cells import blocks

__all__ = [
    "PLAIN",
    "Notation",
    "Survey",
    "examples",
    "is_missing",
    "is_number",
    "parse_number",
    "parse_numbers",
    "survey",
]

# Other programs' words for "no value", and a spreadsheet's errors
MISSING = frozenset(
    {"", "na", "n/a", "nan", "-nan", "null", "(null)", "none", "nil", "nat", "<na>", "n.a.", "-", "--", "\u2013",
     "\u2014", "?", ".", "..", "...", "#n/a", "#n/a n/a", "#na", "#div/0!", "#value!", "#ref!", "#num!", "#null!",
     "#name?", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan", "\\n"}
)  # fmt: skip
# No two neighbours in a pattern match the same character, so that matching takes time linear in the length of a cell
_EXPONENT = r"(?:[eE][+-]?\d+)?"
_POINT = re.compile(rf"[+-]?(?:\d+(?:\.\d*)?|\.\d+){_EXPONENT}|[+-]?inf(?:inity)?", re.IGNORECASE)
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
_PLAIN = b"0123456789+-.eE "  # of cells with these characters only, float() reads those that _POINT matches
_SHAPE = str.maketrans("23456789", "11111111")
_SAME = str.maketrans("\u00a0\u202f\u2009\u2007\u2019\u02bc\u2212", "    ''-")  # spaces, apostrophes, the minus sign


_CURRENCIES = frozenset(
    {"AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "IDR", "ILS", "INR", "JPY", "KRW",
     "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "RON", "RUB", "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD", "ZAR"}
)  # fmt: skip


class Notation(NamedTuple):
    """How numbers are written: the decimal mark, and the mark between groups of digits, "" for none."""

    decimal: str = "."
    thousands: str = ""

    def value(self, core: str) -> float:
        """Returns the number that `core` means, which fits this notation."""
        text = core.replace(self.thousands, "") if self.thousands else core
        return float(text.replace(",", "."))


PLAIN = Notation()
_NOTATIONS = (PLAIN, Notation(".", ","), Notation(".", " "), Notation(".", "'"), Notation(","), Notation(",", "."),
              Notation(",", " "), Notation(",", "'"))  # fmt: skip


def _pattern(notation: Notation) -> re.Pattern[str]:
    decimal, mark = re.escape(notation.decimal), re.escape(notation.thousands)
    whole = r"\d+"
    if notation.thousands:
        middle = rf"(?:{mark}\d{{2,3}})*" if notation == (".", ",") else rf"(?:{mark}\d{{3}})*"  # 12,34,567 in India
        whole = rf"(?:\d+|(?!0)\d{{1,3}}{middle}{mark}\d{{3}})"
    return re.compile(rf"(?:{whole}(?:{decimal}\d*)?|{decimal}\d+){_EXPONENT}")


_PATTERNS = {notation: _pattern(notation) for notation in _NOTATIONS}
_SIGNED = {notation: re.compile(f"[+-]?(?:{pattern.pattern})") for notation, pattern in _PATTERNS.items()}


class Cell(NamedTuple):
    """A number in its parts: the digits and marks, whether it is below zero, its unit, and whether the sign is written
    by brackets or at the end."""

    core: str
    negative: bool
    unit: str
    bookkeeping: bool


class Survey(NamedTuple):
    """What the cells of a column say about its notation.

    fits       the notations that read every number; none: two cells contradict each other
    clash      the rows of two such cells
    doubt      the row of a cell that some of `fits` read as another number than others
    units      currency signs and %, and the first row of each;  unitless   the first number other than 0 without %
    striking   rows that show how numbers are written where that is not plain
    digits     numbers of digits alone: whether there are some below 1000, and some from 1000 on
    """

    fits: tuple[Notation, ...]
    clash: tuple[int, int] | None
    doubt: int | None
    units: dict[str, int]
    unitless: int | None
    striking: tuple[int, ...]
    digits: tuple[bool, bool] = (False, False)


def is_missing(cell: str) -> bool:
    """Returns whether a cell means that there is no value."""
    return cell.strip().lower() in MISSING


def is_number(cell: str) -> bool:
    """Returns whether a cell holds a number in some notation."""
    return parse_number(cell) is not None or bool(_fitting(_parts(cell).core))


def parse_number(cell: str, notation: Notation = PLAIN) -> float | None:
    """Returns the number in a cell, which may be infinity; None where there is none in this notation."""
    text = cell.strip()
    if (_POINT if notation.decimal == "." else _INFINITE).fullmatch(text):
        return float(text)
    if _SIGNED[notation].fullmatch(text):
        return notation.value(text)
    core, negative, *_ = _parts(text)
    if _PATTERNS[notation].fullmatch(core) is None:
        return None
    value = notation.value(core)
    return -value if negative else value


def parse_numbers(cells: Sequence[str], notation: Notation = PLAIN) -> tuple[np.ndarray, list[int]]:
    """Returns the numbers in cells, float64 (n,), NaN where there is none, and the indices of the cells that hold
    something else than a number."""
    if notation.decimal == "." and not "".join(cells).encode().translate(None, _PLAIN):
        try:
            return np.fromiter(map(float, cells), np.float64, len(cells)), []
        except ValueError:  # some cell is empty, a sign alone, or has spaces between its digits
            pass
    elif all(map(_SIGNED[notation].fullmatch, cells)):
        return np.fromiter(map(notation.value, cells), np.float64, len(cells)), []
    values = np.full(len(cells), np.nan)
    unread: list[int] = []
    for i, cell in enumerate(cells):
        if not is_missing(cell):
            value = parse_number(cell, notation)
            if value is None:
                unread.append(i)
            else:
                values[i] = value
    return values, unread


def survey(cells: Sequence[str]) -> Survey:
    """Returns what cells (n,) say about the notation of their numbers. Cells that hold none say nothing."""
    fits, last, clash = set(_NOTATIONS), 0, None
    doubtful: dict[str, int] = {}  # the first cell of which points are a decimal mark or thousands; and of commas
    units: dict[str, int] = {}
    striking: dict[object, int] = {}
    unitless: int | None = None
    short = long = False
    for i, cell in _first_of_each_shape(cells):
        core, _negative, unit, bookkeeping = _parts(cell)
        own = _fitting(core)
        if not own or is_missing(cell):
            continue
        if unit:
            units.setdefault(unit, i)
            striking.setdefault(unit, i)
        elif unitless is None and core.strip("0.,"):
            unitless = i
        if bookkeeping:
            striking.setdefault("brackets", i)
        if len(own) == len(_NOTATIONS):
            short, long = short or len(core) <= 3, long or len(core) > 3
            continue
        if PLAIN not in own:
            striking.setdefault(own, i)
        if (mark := _doubtful_mark(own)) and mark not in doubtful:
            doubtful[mark] = i
        if fits & own:
            fits &= own
            last = i
        elif clash is None:
            clash = (last, i)
    if clash is not None:
        return Survey((), clash, None, units, unitless, ())  # nothing else counts
    both = len({notation.decimal for notation in fits}) > 1
    doubt = min(doubtful.values()) if both and doubtful else None
    rest = tuple(notation for notation in _NOTATIONS if notation in fits)
    if doubt is None and rest[0].decimal == "," and doubtful:
        striking.setdefault("doubtful", min(doubtful.values()))
    return Survey(rest, None, doubt, units, unitless, tuple(sorted(set(striking.values()))), (short, long))


_SHAPES, _LONG = 10_000, 40  # shapes that are remembered at most, and their characters


def _first_of_each_shape(cells: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yields rows and cells, the first of each shape: those that differ in digits other than 0 have the same."""
    seen: set[str] = set()
    start = 0
    for block in blocks(cells):
        shapes = "\n".join(block).translate(_SHAPE).split("\n")
        if len(shapes) != len(block):  # some cells hold line ends
            shapes = [cell.translate(_SHAPE) for cell in block]
        first = dict(zip(reversed(shapes), range(len(block) - 1, -1, -1), strict=True))
        for i in sorted(i for shape, i in first.items() if shape not in seen):
            yield start + i, block[i]
        if len(seen) < _SHAPES:
            seen.update(shape for shape in first if len(shape) <= _LONG)
        start += len(block)


def _doubtful_mark(own: frozenset[Notation]) -> str:
    """Returns the mark of a cell such as 1.234 or 1,234, which has another value where it parts thousands."""
    if PLAIN in own and Notation(",", ".") in own:
        return "."
    return "," if Notation(",") in own and Notation(".", ",") in own else ""


def _fitting(core: str) -> frozenset[Notation]:
    """Returns the notations in which digits and marks are a number."""
    return _fitting_shape(core.translate(_SHAPE)) if len(core) <= _LONG else _fitting_anew(core)


def _fitting_anew(core: str) -> frozenset[Notation]:
    return frozenset(notation for notation, pattern in _PATTERNS.items() if pattern.fullmatch(core))


_fitting_shape = lru_cache(1024)(_fitting_anew)


def _parts(cell: str) -> Cell:
    """Returns a number in its parts; where the cell is no number, its core is none either."""
    text, unit = cell.translate(_SAME).strip(), ""
    negative = signed = bookkeeping = False
    for _ in range(3):  # brackets, a sign and a unit, in any order
        if not signed and text[:1] == "(" and text[-1:] == ")":
            negative = signed = bookkeeping = True
            text = text[1:-1]
        elif not signed and text[:1] in ("+", "-"):
            negative, signed, text = text[0] == "-", True, text[1:]
        elif not signed and text[-1:] == "-":
            negative = signed = bookkeeping = True
            text = text[:-1]
        elif not unit and (size := _unit_size(text[:1], text[:3])):
            unit, text = text[:size], text[size:]
        elif not unit and (size := _unit_size(text[-1:], text[-3:])):
            unit, text = text[-size:], text[:-size]
        else:
            break
        text = text.strip()
    return Cell(text, negative, unit, bookkeeping)


def _unit_size(letter: str, word: str) -> int:
    """Returns how many letters the unit at an end of a cell has, of which `letter` and `word` are 1 and 3; 0: none."""
    if letter == "%" or ((letter > "\x7f" or letter == "$") and unicodedata.category(letter) == "Sc"):
        return 1
    return 3 if word in _CURRENCIES else 0


def examples(cells: Sequence[str], rows: Iterable[int], notation: Notation) -> str:
    """Returns a few cells and the numbers as which they are read, for a note."""
    pairs = ((cells[row].strip(), parse_number(cells[row], notation)) for row in rows)
    shown = [f"{shorten(cell)} is read as {value:.15g}" for cell, value in pairs if value is not None]
    return ", ".join(shown[:4])
