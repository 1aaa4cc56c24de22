"""Numbers as people write them in tables: a point or, in files that leave the comma free, a decimal comma."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

__all__ = ["MISSING", "decimal_comma", "is_missing", "parse_number", "parse_numbers"]

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "nil", "-", "--", "?", "."})
# No two neighbours in a pattern can match the same character: a long cell is refused in time linear in its length
_POINT = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?inf(?:inity)?", re.IGNORECASE)
_COMMA = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+(?:[eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+")
_PLAIN = b"0123456789+-.eE "  # of such characters, float() reads what _POINT matches and nothing else


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return cell.strip().lower() in MISSING


def parse_number(cell: str, comma: bool = False) -> float | None:
    """The number in a cell, infinity included; None where there is none. `comma`: 1.234,5 stands for 1234.5."""
    text = cell.strip()
    if comma and _COMMA.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    return float(text) if _POINT.fullmatch(text) else None


def parse_numbers(cells: Sequence[str], comma: bool = False) -> tuple[np.ndarray, list[int]]:
    """The numbers in cells, float64 (n,), NaN where there is none; and where something stands that is no number."""
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
    """Whether a column writes decimal commas; None where its commas may as well part thousands."""
    found, thousands = False, True
    for cell in cells:
        if "," in cell:
            text = cell.strip()
            if not _COMMA.fullmatch(text):
                return False
            found, thousands = True, thousands and _THOUSANDS.fullmatch(text) is not None
    return None if found and thousands else found
