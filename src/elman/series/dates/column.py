"""Which column of a table holds the times, or which columns together: by their names and by what they hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from elman.series.dates.forms import COUNTS
from elman.series.dates.joined import KINDS, joined
from elman.series.dates.reading import read_dates, reads_as_date
from elman.series.errors import DataError, listed, shorten
from elman.series.notes import note
from elman.series.tables.numbers import is_missing, parse_number

__all__ = ["TimeSource", "counts_rows", "find_time", "named_as", "time_cells"]

_LOOKED_AT = 200  # cells of a column, by which it is judged
_TIME = re.compile(  # in the name of a column whose numbers may be times
    r"date|time|year|month|week|day|quarter|period|stamp|jahr|monat|woche|quartal|datum|zeit|ann[ée]e|mois|fecha|anno",
    re.I,
)
_NAMES = frozenset(  # words of a name that say that a column holds times
    re.findall(
        r"\w+",
        "date datetime time timestamp year yr month week day quarter qtr hour period ds fy yyyy yearmonth yyyymm"
        " yyyymmdd jahr monat woche tag quartal datum zeit zeitpunkt stunde année annee mois semaine"
        " jour heure trimestre fecha año ano mes semana dia día hora anno mese giorno ora",
    )
)
_BESIDE = frozenset(("s", "sec", "ms", "min", "h", "d", "utc", "gmt", "of", "index", "unix", "epoch"))  # with a name
_SHORT = frozenset(("ds", "dt", "ts", "ym", "epoch", "unix", "yyyymm", "yyyymmdd"))
_YEARS = frozenset(name for name, kind in KINDS.items() if kind == "year")


class TimeSource(Protocol):
    """The columns of a table or data frame among which the times are looked for (`sources`).

    names     of the columns, in their order
    several   whether the rows are those of several series
    """

    names: tuple[str, ...]
    several: bool

    def cells(self, name: str) -> Any: ...
    def numeric(self, name: str) -> bool: ...
    def error(self, problem: str, name: str | None = None, row: int = 0) -> DataError: ...


def named_as(name: str) -> str:
    """Returns what the name of a column says it holds: "year", "time" or, if nothing, ""."""
    if {*_words(name)} & _YEARS and _means_times(name):
        return "year"
    return "time" if _TIME.search(name) or {*_words(name)} & _SHORT else ""


def time_cells(source: TimeSource, name: str) -> Any:
    """Returns the cells of the column of times, or of several with commas between their names, joined row by row.
    `DataError` for a column that is not there."""
    if name in source.names:
        return source.cells(name)
    parts = [part.strip() for part in name.split(",")]
    for part in parts:
        if part not in source.names:
            raise source.error(f"time: no column {part!r}; the columns are {listed(source.names)}")
    return joined(parts, [_texts(source.cells(part)) for part in parts])


def find_time(source: TimeSource, others: Sequence[str | None], form: str | None = None) -> str | None:
    """Returns the first column, none of `others`, of which most cells read as dates, so that an error names the cells
    that do not; or several columns that are dates only together, with commas between their names. None where no column
    looks like times. `DataError` for one that should hold them, by its name or its place, and does not.

    form   the form of the dates: the first column whose beginning has it
    """
    free = [name for name in source.names if name not in others]
    for name in free if form is not None else ():
        cells = source.cells(name)
        if not isinstance(cells, np.ndarray) and (named_as(name) or form not in COUNTS) and read_dates(cells[:1], form):
            return name
    for name in free:
        cells = source.cells(name)
        if isinstance(cells, np.ndarray):  # datetime64
            return name
        if _holds_dates(name, cells, source.several):
            return _completed(source, name, free)
    _refuse_undated(source, free, len(free) < len(source.names))
    if form is not None:
        problem = f"date_format: no column begins with a date of the form {form}; name it with time (--time)"
        raise source.error(problem)
    return None


def _holds_dates(name: str, cells: Sequence[str], several: bool) -> bool:
    """Returns whether a column holds dates: in its text, or in numbers that its name says to be times."""
    beginning = cells[:_LOOKED_AT]
    if 2 * sum(map(reads_as_date, beginning)) > len(beginning):
        if any(parse_number(cell) is None and not is_missing(cell) for cell in cells):
            return True
        if (named_as(name) or name == "column 1") and read_dates(cells):  # years, or such as 20200131
            return True
    if not beginning or not (named := named_as(name)) or parse_number(beginning[0]) is None or _counted(cells, False):
        return False
    return any(several or _in_order(reading.times) for reading in read_dates(cells, None, named))


def _in_order(times: np.ndarray) -> bool:
    steps = np.diff(times)
    return bool((steps >= np.timedelta64(0)).all() or (steps <= np.timedelta64(0)).all())


# ------------------------------------------------------------------------------------- columns that belong together


def _completed(source: TimeSource, name: str, free: Sequence[str]) -> str:
    """Returns a column of dates with those that it needs, where it has the same date in several rows: month, quarter,
    week, day and time of day. What is told of it is noted."""
    by_kind: dict[str, str] = {}
    for other in free:
        kind = KINDS.get(" ".join(_words(other)))
        if other != name and kind is not None:
            by_kind.setdefault(kind, other)
    parts = [name]
    beginning = _texts(source.cells(name)[:_LOOKED_AT])
    yearly = all(re.fullmatch(r"\s*(?:FY\s?)?\d{4}\s*", cell) for cell in beginning)
    if yearly and "month" not in by_kind:
        chains = [["quarter"], ["week", "day"]]
        chain = next((each for each in chains if each[0] in by_kind), ["day"])
    else:
        chain = ["month", "day"] if yearly else []
    if yearly or not any(":" in cell for cell in beginning):
        chain = [*chain, "clock", "hour", "minute"]
    for kind in chain:
        if kind not in by_kind or not _repeats(source, parts):
            continue
        more = [*parts, by_kind[kind]]
        cells = joined(more, [_texts(source.cells(part)[:_LOOKED_AT]) for part in more])
        if read_dates(cells, None, "time"):
            parts = more
    if len(parts) > 1:
        note(f"times: the columns {listed(parts)} together")
    return ",".join(parts)


def _repeats(source: TimeSource, parts: Sequence[str]) -> bool:
    """Returns whether some rows of a series have the same cells in all of these columns."""
    rows = list(zip(*(_texts(source.cells(part)[:_LOOKED_AT]) for part in parts), strict=True))
    again = not source.several and len({*rows}) < len(rows)
    return again or any(a == b for a, b in pairwise(rows))


def _texts(cells: Any) -> Sequence[str]:
    """Returns the cells as text; days in the place of datetime64."""
    if not isinstance(cells, np.ndarray):
        return cells
    days = cells.astype("datetime64[D]")
    return np.datetime_as_string(days if (days == cells).all() else cells.astype("datetime64[us]")).tolist()


# -------------------------------------------------------------------------------------------- what is refused


def _refuse_undated(source: TimeSource, free: Sequence[str], chosen: bool) -> None:
    """Raises `DataError` for a column that should hold times and does not: the first, if it is text, or one whose name
    says so. Of numbers that count the rows it is noted.

    chosen   whether the target or another column is named
    """
    for place, name in enumerate(free):
        only_times = _means_times(name)
        if place and not only_times and _NAMES.isdisjoint(_words(name)):
            continue
        numeric, cells = source.numeric(name), source.cells(name)
        if all(map(is_missing, cells[:_LOOKED_AT])) or (numeric and not only_times):
            continue
        if not chosen and not any(source.numeric(other) for other in free if other != name):
            continue  # the target, or an error of its own
        if numeric and _counted(cells, source.several):
            note(f"times: the column {shorten(name)} counts the rows, which are numbered from 1")
            continue
        raise _undated(source, name, cells, numeric)


def counts_rows(source: TimeSource, name: str) -> bool:
    """Returns whether a column only counts the rows: one without a name, as data frames write their index, or one whose
    name means times."""
    return (name == "column 1" or _means_times(name)) and _counted(source.cells(name), source.several)


def _means_times(name: str) -> bool:
    """Returns whether the name of a column means times and nothing else."""
    words = {*_words(name)}
    return not words.isdisjoint(_NAMES) and words <= _NAMES | _BESIDE


def _undated(source: TimeSource, name: str, cells: Sequence[str], numeric: bool) -> DataError:
    """Returns the error for a column that should hold times and does not."""
    row = next((i for i, cell in enumerate(cells) if not is_missing(cell) and not reads_as_date(cell)), 0)
    cell, hints = shorten(cells[row].strip()), list[str]()
    distinct = len({*cells[:10_000]})
    kind = KINDS.get(" ".join(_words(name)))
    if not numeric and kind is None and 2 * distinct <= min(len(cells), 10_000):
        hints.append(f"if these are ids of {distinct} series, name the column with id (--id {_quoted(name)})")
    if re.match(r"'\d{1,2}:", cell):
        hints.append("a time of day needs a date; name both columns with time (--time date,time)")
    if kind in ("month", "quarter", "week", "day"):
        hints.append(f"with the year in another column, name both with time (--time year,{_quoted(name)})")
    hints.append("name the column of the dates with time (--time COLUMN), their form with date_format (--date-format)")
    hints.append("time='none' (--time none) numbers the rows")
    return source.error(f"{cell} does not read as a date; {'; '.join(hints)}", name, row)


def _counted(cells: Sequence[str], several: bool) -> bool:
    """Returns whether cells count the rows, from 0 or 1; `several`: of each series anew."""
    numbers = [parse_number(cell) for cell in cells]
    if len(numbers) < 2 or any(number is None for number in numbers):
        return False
    values = np.array(numbers, np.float64)
    steps, first = np.diff(values), values[0]
    again = (values[1:] == first) if several else np.zeros(len(steps), bool)
    return bool(((steps == 1) | again).all()) and 0 <= first <= 1


def _words(name: str) -> list[str]:
    """Returns the words of a column's name, in lower case."""
    if not name.islower():
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    return re.findall(r"[^\W\d_]+", name)


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[\w.,-]+", name) else f"'{name}'"
