"""Which column of a table holds the ids, the times, the labels, the texts: as named by the user, or by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from elman.sequence.tables.layout import NONE, Options
from elman.sequence.tables.source import Source
from elman.series.errors import DataError, listed, shorten
from elman.series.notes import note

__all__ = ["Roles", "find_roles", "normal", "text_column"]

IDS = frozenset(
    ("id", "ids", "unique_id", "uid", "sequence", "sequence_id", "seq", "seq_id", "series", "series_id", "sample_id",
     "case_id", "sentence", "sentence_id", "sent_id", "trial", "trial_id", "recording_id", "session_id")
)  # fmt: skip
TIMES = frozenset(
    ("time", "times", "t", "step", "steps", "time_step", "timestep", "timestamp", "datetime", "date", "ds", "tick",
     "position", "frame")
)  # fmt: skip
LABELS = frozenset(("label", "labels", "target", "class", "category", "outcome", "sentiment", "tag", "tags"))
INDEX = frozenset(("column_1", "index", "unnamed_0", "row", "row_number", "row_id"))
TEXTS = frozenset(("text", "texts", "sentence", "review", "message", "comment", "tweet", "document", "phrase",
                   "snippet", "body"))  # fmt: skip

_REMEDIES = {
    "id": "name the column of the ids with id (--id), or several that are ids together: a,b",
    "time": "name the column of the times with time (--time), or several that are times together: date,time; none takes"
    " the order of the file",
    "label": "name the column of the labels with label (--label)",
}


class Roles(NamedTuple):
    """The names of the columns of ids, times and labels; None: there is none.

    rest   the other columns
    """

    id: str | None
    time: str | None
    label: str | None
    rest: tuple[str, ...]

    def with_time(self, name: str | None) -> Roles:
        """Returns the roles with another column of times, which is no feature then."""
        return self._replace(time=name, rest=tuple(each for each in self.rest if each != name))


def normal(name: str) -> str:
    """Returns the words of a column's name in lower case, with _ between them: `Sequence ID` -> `sequence_id`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return "_".join(re.findall(r"[^\W_]+", spaced)).lower()


def find_roles(source: Source, options: Options) -> Roles:
    """Returns which columns hold ids, times and labels: those that are named, else those whose names say so, which is
    noted. `DataError` for a name that is not there, for two roles of one column, and where several names would do."""
    given = {"id": options.id, "time": options.time, "label": options.label}
    parts: dict[str, tuple[str, ...]] = {}  # several columns are times together
    for role, name in given.items():
        known = name is None or name == NONE or name in source.names
        parts[role] = () if name is None or name == NONE else (name,)
        if role != "label" and not known and name is not None:
            parts[role] = tuple(part.strip() for part in name.split(","))
        for part in parts[role]:
            if part not in source.names:
                raise source.error(f"{role}: no column {part!r}; the columns are {listed(source.names)}")
    taken = [name for names in parts.values() for name in names]
    for name in taken:
        if taken.count(name) > 1:
            roles = " and ".join(role for role, names in parts.items() if name in names)
            raise source.error(f"column {name!r} is named as {roles}; it can be one of them")
    features = _checked_features(source, options, taken)
    free = [name for name in source.names if name not in taken and (features is None or name not in features)]
    found: dict[str, str | None] = {}
    told: list[str] = []
    for role, names in (("id", IDS), ("time", TIMES), ("label", LABELS)):
        name = given[role]
        if name is None:
            name = _by_name(source, role, names, [each for each in free if each not in found.values()])
            if name is not None:
                told.append(f"{role} {name!r}")
        found[role] = None if name == NONE else name
    if options.needs_label and found["label"] is None:
        raise source.error(f"no column is called label; the columns are {listed(source.names)}; {_REMEDIES['label']}")
    if told:
        note(f"taken by their names: {', '.join(told)}")
    used = {*taken, *found.values()}
    rest = features if features is not None else _without_counter(source, (n for n in source.names if n not in used))
    return Roles(found["id"], found["time"], found["label"], rest)


def text_column(names: Iterable[str]) -> list[str]:
    """Returns the columns whose names say that they hold texts."""
    return [name for name in names if normal(name) in TEXTS]


def _without_counter(source: Source, names: Iterable[str]) -> tuple[str, ...]:
    """Returns the columns without one that has no name, or that of an index, and counts all rows; it is noted."""
    kept: list[str] = []
    for name in names:
        if normal(name) in INDEX and _counts(source, name):
            note(f"column {shorten(name)} counts the rows and is no feature; features (--features) takes it")
        else:
            kept.append(name)
    return tuple(kept)


def _counts(source: Source, name: str) -> bool:
    found = source.census(name)
    if found.others or found.numbers < source.rows or source.rows < 2:
        return False
    values = source.numbers(name)
    return bool((np.diff(values) == 1).all()) and values[0] in (0, 1)


def _checked_features(source: Source, options: Options, taken: Sequence[str]) -> tuple[str, ...] | None:
    for option in ("features", "categorical"):
        for name in getattr(options, option) or ():
            if name not in source.names:
                raise source.error(f"{option}: no column {name!r}; the columns are {listed(source.names)}")
            if name in taken:
                raise source.error(f"{option}: {name!r} holds the ids, times or labels")
    features = options.features
    if features is not None and (not features or len({*features}) < len(features)):
        raise ValueError(f"features: expected names of columns, each once, got {list(features)}")
    return features


def _by_name(source: Source, role: str, names: frozenset[str], free: Sequence[str]) -> str | None:
    """Returns the only column whose name says that it has a role; `DataError` for several."""
    found = [name for name in free if normal(name) in names]
    if not found and role == "label" and not any(normal(name) == "x" for name in source.names):
        found = [name for name in free if normal(name) == "y"]  # beside an x it is a feature
    if len(found) > 1:
        raise _several(source, role, found)
    return found[0] if found else None


def _several(source: Source, role: str, found: Sequence[str]) -> DataError:
    return source.error(f"{role}: {listed(found)} may all be it; {_REMEDIES[role]}")
