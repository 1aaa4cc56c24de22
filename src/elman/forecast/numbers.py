"""Numbers as people write them in tables: a point or, in files that leave the comma free, a decimal comma."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["MISSING", "decimal_comma", "is_missing", "parse_number"]

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "nil", "-", "--", "?", "."})
_POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE)
_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+")


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return cell.strip().lower() in MISSING


def parse_number(cell: str, comma: bool = False) -> float | None:
    """The number in a cell, infinity included; None where there is none. `comma`: 1.234,5 stands for 1234.5."""
    text = cell.strip()
    if comma and _COMMA.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    return float(text) if _POINT.fullmatch(text) else None


def decimal_comma(cells: Sequence[str]) -> bool | None:
    """Whether a column writes decimal commas; None where its commas may as well part thousands."""
    with_comma = [cell.strip() for cell in cells if "," in cell]
    if not with_comma or not all(_COMMA.fullmatch(text) for text in with_comma):
        return False
    return None if all(_THOUSANDS.fullmatch(text) for text in with_comma) else True
