"""Whether a table is in long form, in wide form, or one of texts: by what the user says, else by plain evidence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from elman.sequence.tables.layout import Form, Options
from elman.sequence.tables.roles import Roles, text_column
from elman.sequence.tables.source import Source
from elman.series.errors import listed, shorten

__all__ = ["Channels", "find_channels", "find_form", "numbered_columns"]

_LEAST = 8  # numbered columns from which on they are taken as the steps of a sequence
_NUMBERED = re.compile(r"(.*?)[ _.\-\[(]*(\d+)[\])]?\Z")


class Channels(NamedTuple):
    """The numbered columns of a wide table.

    names    of the channels, "" for columns that are numbers alone
    steps    the columns of each channel, in the order of their numbers
    moved    whether that is another order than in the table
    """

    names: tuple[str, ...]
    steps: list[list[str]]
    moved: bool


def find_form(source: Source, roles: Roles, options: Options) -> Form:
    """Returns the form of a table. `DataError` where it could be several, or none."""
    if options.form is not None:
        return options.form
    single = roles.id is None or len({*source.ids(roles.id)}) == source.rows
    if not single or options.time is not None or options.per_step:
        if roles.id is None:
            raise source.error(_no_ids(source.names))
        return "long"
    if texts := text_column(roles.rest):
        if len(texts) > 1:
            raise source.error(f"{listed(texts)} may both be the texts; name one with features (--features)")
        if source.census(texts[0]).others:
            return "text"
    if roles.time is None and (channels := find_channels(roles.rest)) and len(channels.steps[0]) >= _LEAST:
        return "wide"
    if roles.id is None:
        raise source.error(_no_ids(source.names))
    if roles.time is not None or source.rows == 1:
        return "long"
    raise source.error(
        f"every id in the column {shorten(roles.id)} stands on one row; if the columns of a row are the steps of a"
        " sequence, say form='wide' (--form wide), if a column holds texts, form='text'; else name the column of the"
        " ids with id (--id)"
    )


def find_channels(names: Sequence[str]) -> Channels | None:
    """Returns columns that are numbered without a gap, such as t0, t1, ... tN, or x_1, y_1, x_2, y_2, ...; None where
    some column is not."""
    found: dict[str, dict[int, str]] = {}
    for name in names:
        numbered = _NUMBERED.fullmatch(name)
        if numbered is None or int(numbered[2]) in found.setdefault(numbered[1], {}):
            return None
        found[numbered[1]][int(numbered[2])] = name
    numbers = [sorted(each) for each in found.values()]
    if not numbers or any(each != numbers[0] for each in numbers):
        return None
    if numbers[0] != list(range(numbers[0][0], numbers[0][0] + len(numbers[0]))) or numbers[0][0] > 1:
        return None
    steps = [[each[number] for number in numbers[0]] for each in found.values()]
    places = {name: place for place, name in enumerate(names)}
    moved = any(places[a] > places[b] for each in steps for a, b in pairwise(each))
    return Channels(tuple(found), steps, moved)


def numbered_columns(names: Sequence[str]) -> list[str]:
    """Returns those of the columns that are numbered, at least eight with the same beginning; none where there are no
    such."""
    parts = {name: found for name in names if (found := _NUMBERED.fullmatch(name))}
    counts = Counter(found[1] for found in parts.values())
    return [name for name, found in parts.items() if counts[found[1]] >= _LEAST]


def _no_ids(names: Sequence[str]) -> str:
    return (
        f"no column is called id; the columns are {listed(names)}; name the one that says to which sequence a row"
        " belongs with id (--id); where each row is a whole sequence, say form='wide' (--form wide), where a text,"
        " form='text'"
    )
