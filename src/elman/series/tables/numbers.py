"""Numbers as people write them in tables: with a decimal point, or with a decimal comma where that is no delimiter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

__all__ = ["MISSING", "decimal_comma", "is_missing", "parse_number", "parse_numbers"]

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "nil", "-", "--", "?", "."})
# No two neighbours in a pattern match the same character, so that matching takes time linear in the length of a cell
_POINT = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?inf(?:inity)?", re.IGNORECASE)
_COMMA = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+(?:[eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+")
_PLAIN = b"0123456789+-.eE "  # of cells with these characters only, float() reads those that _POINT matches


def is_missing(cell: str) -> bool:
    """Returns whether a cell means that there is no value."""
    return cell.strip().lower() in MISSING


def parse_number(cell: str, comma: bool = False) -> float | None:
    """Returns the number in a cell, which may be infinity; None where there is none. `comma`: 1.234,5 means 1234.5."""
    text = cell.strip()
    if comma and _COMMA.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    return float(text) if _POINT.fullmatch(text) else None


def parse_numbers(cells: Sequence[str], comma: bool = False) -> tuple[np.ndarray, list[int]]:
    """Returns the numbers in cells, float64 (n,), NaN where there is none, and the indices of the cells that hold
    something else than a number."""
    if not "".join(cells).encode().translate(None, _PLAIN):
        try:
            return np.fromiter(map(float, cells), np.float64, len(cells)), []
        except ValueError:  # some cell is empty, or a sign alone
            pass
    values = np.full(len(cells), np.nan)
    unread: list[int] = []
    for i, cell in enumerate(cells):
        if not is_missing(cell):
            value = parse_number(cell, comma)
            if value is None:
                unread.append(i)
            else:
                values[i] = value
    return values, unread


def decimal_comma(cells: Iterable[str]) -> bool | None:
    """Returns whether a column has decimal commas; None where its commas may as well separate thousands."""
    found, thousands = False, True
    for cell in cells:
        if "," in cell:
            text = cell.strip()
            if not _COMMA.fullmatch(text):
                return False
            found, thousands = True, thousands and _THOUSANDS.fullmatch(text) is not None
    return None if found and thousands else found
