"""The forms of dates that are read: templates, in strftime's letters and a few more, and the pattern of each.

Beside strftime's letters, %q is a quarter, %h a half-year, %N the year after %Y (2001/02), and W and M are letters as
they stand in 2018-W01 and 1949M01. Numbers that count from a fixed date are forms too, each by a name of its own
(`counts`).
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from elman.core import checks

__all__ = ["COUNTS", "DAYS", "DIGITS", "WIDER", "check_template", "pattern"]

_TOKENS = {
    "%Y": r"(?P<year>\d{4})",
    "%y": r"(?P<short>\d\d)",
    "%N": r"(?P<next>\d{4}|\d\d)",
    "%m": r"(?P<month>\d{1,2})",
    "%d": r"(?P<day>\d{1,2})",
    "%j": r"(?P<ordinal>\d{3})",
    "%b": r"(?P<name>[A-Za-z]{3,9})\.?",
    "%B": r"(?P<name>[A-Za-z]{3,9})\.?",
    "%q": r"(?P<quarter>[1-4])",
    "%h": r"(?P<half>[12])",
    "%G": r"(?P<year>\d{4})",
    "%V": r"(?P<week>\d{1,2})",
    "%u": r"(?P<weekday>[1-7])",
    "%H": r"(?P<hour>\d{1,2})",
    "%I": r"(?P<hour>\d{1,2})",
    "%M": r"(?P<minute>\d{1,2})",
    "%S": r"(?P<second>\d{1,2})",
    "%f": r"(?P<fraction>\d{1,9})",
    "%p": r"(?P<meridiem>[AaPp]\.?[Mm]\.?)",
    "%z": r"(?P<offset>\s?(?:Z|UTC|GMT|[+-]\d\d(?::?\d\d)?))",
    "%a": r"(?:[A-Za-z]{3,9}\.?)",
    "%%": "%",
}
_LETTERS = ("%b", "%B", "%p", "%z", "%a")
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s)?"
# an hour alone, as NumPy writes it, needs its T
_CLOCK = (
    r"(?:(?P<gap>[T ]|,\s|\s)(?P<hour>\d{1,2})(?:(?<=T\d\d)(?!:)|(?=\s?[ap]\.?m)|:(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?)(?P<meridiem>\s?[ap]\.?m\.?)?)?"
)
_OFFSET = r"(?P<offset>\s?(?:Z|UTC|GMT|[+-]\d\d(?::?\d\d)?))?"

# Forms with a day, which may have a time of day, come first; the year alone comes last, since any whole number might be
# one.
_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d %b %Y",
         "%d-%b-%Y", "%d/%b/%Y", "%b %d, %Y", "%b %d %Y", "%b-%d-%Y", "%Y-%b-%d", "%Y %b %d", "%G-W%V-%u", "%Y-%j",
         "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%m-%y", "%m-%d-%y", "%y-%m-%d", "%d-%b-%y", "%d %b %y", "%b %d, %y",
         "%d%b%Y", "%Y%m%d")  # fmt: skip
_WIDER = ("%Y/%N", "%Y-%N", "%Y-%m", "%Y/%m", "%m/%Y", "%m-%Y", "%m.%Y", "%b %Y", "%b-%Y", "%b, %Y", "%Y %b", "%Y-%b",
          "%YM%m", "%Y-M%m", "%b-%y", "%b %y", "%b'%y", "%y-%b", "%YQ%q", "%Y-Q%q", "%Y Q%q", "Q%q %Y", "Q%q-%Y",
          "%GW%V", "%G-W%V", "%G W%V", "W%V %G", "W%V-%G", "%YH%h", "%Y-H%h", "%Y H%h", "H%h %Y", "%YS%h", "%Y-S%h",
          "%qQ%Y", "%qQ%y", "Q%q/%Y", "%b/%Y", "%b/%y", "%b%Y", "FY%Y", "FY %Y", "FY%y", "FY %y", "%Y%m%dT%H%M%S",
          "%Y%m%dT%H%M", "%Y%m%dT%H%M%S%z", "%Y%m%dT%H%M%z", "%Y")  # fmt: skip


def _with_full_names(templates: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for each in templates for word in (each, each.replace("%b", "%B"))))


DAYS, WIDER = _with_full_names(_DAYS), _with_full_names(_WIDER)
# forms of digits alone, which any number may be: only where a column is known to hold times
DIGITS = ("%Y%m", "%y%m%d", "%Y%j", "%Y%m%d%H", "%Y%m%d%H%M", "%Y%m%d%H%M%S")
# numbers that count from a fixed date, and years with a fraction
COUNTS = ("years", "seconds", "milliseconds", "serial")
_LONGEST = 80  # characters of a format


class _Parts(NamedTuple):
    """A template cut into its letters and the texts between them, of which there is one more."""

    texts: list[str]
    tokens: list[str]


def check_template(name: str, template: object) -> str:
    """Returns the template of a form as it is: one of COUNTS, or text with each of strftime's letters once at most,
    among them those of a year. TypeError or ValueError for anything else."""
    if not isinstance(template, str):
        raise TypeError(f"{name}: expected a format such as %d/%m/%Y, got {checks.shown(template)}")
    if template in COUNTS:
        return template
    found = _cut(template)
    groups = [group for token in found.tokens for group in re.findall(r"\?P<(\w+)>", _TOKENS.get(token, ""))]
    wrong = [token for token in found.tokens if token not in _TOKENS]
    if wrong or len(groups) != len(set(groups)) or not {"year", "short"} & {*groups} or len(template) > _LONGEST:
        why = f"there is no {wrong[0]}" if wrong else "each part once, and a year among them"
        raise ValueError(
            f"{name}: expected a format in strftime's letters, such as %d/%m/%Y or %Y-%m-%d %H:%M, or one of"
            f" {', '.join(COUNTS)}, got {checks.shown(template)} ({why})"
        )
    if not template.isprintable():
        raise ValueError(f"{name}: expected a format of characters that can be printed, got {checks.shown(template)}")
    return template


@cache
def pattern(template: str) -> re.Pattern[str]:
    """Returns the pattern of the cells that a template can read: those of DAYS with or without a time of day."""
    texts, tokens = _cut(template)
    text = _literal(texts[0])
    for i, token in enumerate(tokens):
        part = _TOKENS[token]
        before = tokens[i - 1] if i and not texts[i] else ""
        after = tokens[i + 1] if i + 1 < len(tokens) and not texts[i + 1] else ""
        beside = any(each and each not in _LETTERS for each in (before, after))  # digits that no mark ends
        text += (part.replace(r"\d{1,2}", r"\d\d") if beside else part) + _literal(texts[i + 1])
    if template in DAYS:
        text = (_WEEKDAY if template[:2] in ("%d", "%b", "%B") else "") + text + _CLOCK + _OFFSET
    return re.compile(text + r"\Z", re.IGNORECASE)


def _cut(template: str) -> _Parts:
    pieces = re.split(r"(%.?)", template, flags=re.DOTALL)
    return _Parts(pieces[::2], pieces[1::2])


def _literal(text: str) -> str:
    """Returns the pattern of the text between two letters of a template; a blank stands for any blank."""
    return re.sub(r"\\? ", r"\\s", re.escape(text))
