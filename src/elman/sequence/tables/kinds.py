"""Numbers or text: what the features hold, which values are missing, and columns that only look like features."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from elman.sequence.tables.layout import Column, Kind, Options
from elman.sequence.tables.order import Groups
from elman.sequence.tables.roles import IDS, normal
from elman.sequence.tables.source import Source
from elman.series.errors import counted, listed, shorten
from elman.series.notes import note
from elman.series.tables.numbers import is_number

__all__ = ["MISSING", "features_of", "note_classes", "numeric", "without_ids"]

MISSING = ("error", "interpolate", "zero")  # what is done about numbers that are missing
_WORDS = frozenset(("na", "n/a", "#n/a", "nan", "null", "none", "nil", "<na>"))  # in a column of text
_FEW = 5  # ids from which on a column that tells them apart looks like ids
_CLASSES = range(3, 13)  # different whole numbers, in columns that may hold classes
_CODES = frozenset(("code", "class", "type", "kind", "category", "state", "event", "token", "zip", "mode", "symbol"))
_SPACES, _LOOKED_AT = 3, 1000  # in a cell of a text, rather than a word; cells by which that is judged


def kind_of(source: Source, name: str, options: Options) -> Kind:
    """Returns whether a column holds numbers or text. A column of both is text where most cells are, and `DataError`
    otherwise, as is one of dates."""
    if options.layout is not None and name in options.layout.names:
        return options.layout.kinds[options.layout.names.index(name)]
    if name in options.categorical:
        return "text"
    found = source.census(name)
    if found.dates:
        raise source.error("a feature holds dates; leave it out with features (--features), or name it with time"
                           " (--time)", name, found.other)  # fmt: skip
    if not found.others:
        return "number"
    if not found.numbers:
        _check_tokens(source, name)
        return "text"
    numbers, others = counted(found.numbers, "number"), counted(found.others, "other cell")
    if found.numbers >= found.others:
        cell = shorten(source.texts(name)[found.other])
        raise source.error(
            f"{cell} among numbers ({numbers}, {others}); correct it, empty it for a missing value, or say"
            f" categorical={name!r} (--categorical) to take all cells as text",
            name, found.other,
        )  # fmt: skip
    note(
        f"column {shorten(name)} is text; {numbers} in it are taken as text too, the first {source.place(found.number)}"
    )
    return "text"


def _check_tokens(source: Source, name: str) -> None:
    """Raises `DataError` for a column of text whose cells are whole texts, or numbers as text."""
    cells = source.texts(name)
    different = list(dict.fromkeys(cells))[:_LOOKED_AT]
    if 2 * sum(cell.count(" ") >= _SPACES for cell in different) > len(different):
        raise source.error(
            f"{shorten(cells[0])}: most cells hold several words, but each row is one step; form='text' (--form text)"
            f" reads each row as a text, categorical={name!r} (--categorical) takes each cell as one word",
            name, 0,
        )  # fmt: skip
    if all(map(is_number, different)):
        raise source.error(
            f"{shorten(cells[0])}: numbers as text; make numbers of them, or say categorical={name!r} to take them as"
            " text",
            name, 0,
        )  # fmt: skip


def features_of(
    source: Source, names: Sequence[str], groups: Groups, options: Options
) -> tuple[np.ndarray, list[Column]]:
    """Returns the features (n, C) of all rows and their columns: float64 where all are numbers, else objects."""
    columns = [Column(name, kind_of(source, name, options)) for name in names]
    parts = [
        numeric(source, name, groups, options.missing) if kind == "number" else _text(source, name)
        for name, kind in columns
    ]
    every = all(kind == "number" for _, kind in columns)
    x = np.empty((source.rows, len(columns)), np.float64 if every else object)
    for k, part in enumerate(parts):
        x[:, k] = part
    return x, columns


def numeric(source: Source, name: str, groups: Groups, missing: str) -> np.ndarray:
    """Returns a column of numbers (n,), with missing ones filled where `missing` says so."""
    values = source.numbers(name)
    absent = np.flatnonzero(np.isnan(values))
    if not absent.size:
        return values
    if missing == "error":
        raise source.error(
            f"no value in {counted(len(absent), 'row')} of the column, first here; missing='interpolate' or 'zero'"
            " (--missing) fills them",
            name, int(absent[0]),
        )  # fmt: skip
    if missing == "zero":
        values[absent] = 0.0
    else:
        for place, rows in zip(groups.ids, np.split(groups.order, groups.starts[1:]), strict=True):
            known = np.flatnonzero(~np.isnan(values[rows]))
            if not known.size:
                raise source.error(f"no value in any row of {shorten(str(place))}; leave it out", name, int(rows[0]))
            values[rows] = np.interp(np.arange(len(rows)), known, values[rows[known]])
    how = "taken as 0" if missing == "zero" else "filled on straight lines between the rows of the same id"
    note(f"column {shorten(name)}: {counted(len(absent), 'missing value')} {how}")
    return values


def _text(source: Source, name: str) -> list[str]:
    """Returns a column of text (n,); `DataError` for an empty cell."""
    cells = source.texts(name)
    if "" in cells:
        raise source.error("expected text, got an empty cell; write a word for what is missing", name, cells.index(""))
    if words := sorted({cell for cell in set(cells) if cell.lower() in _WORDS}):
        note(f"column {shorten(name)}: {listed(words)} are taken as text, not as missing values")
    return cells


# ------------------------------------------------------------------------------------ what only looks like a feature


def without_ids(source: Source, names: Iterable[str], groups: Groups) -> tuple[str, ...]:
    """Returns the columns, which the user has not named, without those that tell the ids apart, as ids do. What is left
    out is noted."""
    kept: list[str] = []
    for name in names:
        if _tells_apart(source, name, groups):
            note(
                f"column {shorten(name)} has another value for each id, like an id, and is no feature; features"
                " (--features) takes it"
            )
        else:
            kept.append(name)
    return tuple(kept)


def _tells_apart(source: Source, name: str, groups: Groups) -> bool:
    """Returns whether a column has one value in each id, text or a whole number, and a different one in each."""
    if len(groups.ids) < _FEW or groups.lengths.max() < 2:
        return False
    if not any(word in IDS or word in ("name", "file", "filename", "subject", "patient", "key", "code", "number", "nr")
               for word in (normal(name), *normal(name).split("_"))):  # fmt: skip
        return False
    cells = np.array(source.texts(name), object)[groups.order]
    firsts = cells[groups.starts]
    return len({*firsts}) == len(groups.ids) and bool((np.repeat(firsts, groups.lengths) == cells).all())


def note_classes(source: Source, columns: Sequence[Column], x: np.ndarray) -> None:
    """Notes columns of few different whole numbers, which may stand for classes."""
    for k, (name, kind) in enumerate(columns):
        if kind != "number" or len(x) < 100:
            continue
        values = np.unique(x[:, k].astype(np.float64))
        named = len(values) >= 3 and not _CODES.isdisjoint(normal(name).split("_"))
        if (len(values) in _CLASSES or named) and (values % 1 == 0).all() and (values >= 0).all():
            note(
                f"column {shorten(name)} holds the whole numbers {_shown(values)} and is taken as a number; if they"
                f" stand for classes, say categorical={name!r} (--categorical)"
            )


def _shown(values: np.ndarray) -> str:
    steps = (np.diff(values) == 1).all()
    few = len(values) <= max(_CLASSES)
    return f"{values[0]:.0f} to {values[-1]:.0f}" if steps or not few else ", ".join(f"{each:.0f}" for each in values)
