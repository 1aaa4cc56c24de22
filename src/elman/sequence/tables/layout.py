"""`Layout`: which columns of a table hold what, so that fresh rows can be read in the same way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

__all__ = ["NONE", "Column", "Form", "Kind", "Layout", "Options"]

Form = Literal["long", "wide", "text"]  # a row is a step of a sequence; a whole sequence; a text
Kind = Literal["number", "text"]

NONE = "none"  # in the place of the name of a column: there is none


class Column(NamedTuple):
    """A feature: its name, and whether it holds numbers or text."""

    name: str
    kind: Kind


@dataclass(frozen=True)
class Layout:
    """Which columns of a table hold what.

    form      of the table
    id, time, label     the names of the columns; None: the table has none
    names     the features: columns, or of a wide table its channels, "" where it has one without a name
    kinds     of the features
    per_step  whether each step has a label
    text      whether labels are text
    """

    form: Form
    id: str | None
    time: str | None
    label: str | None
    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    per_step: bool = False
    text: bool = False

    def validate(self) -> None:
        """Raises ValueError where the fields do not fit one another."""
        if not self.names or len(self.names) != len(self.kinds):
            raise ValueError(f"names: expected at least one, each with a kind, got {len(self.names)}")

    @property
    def columns(self) -> tuple[Column, ...]:
        """The features with their kinds."""
        return tuple(map(Column, self.names, self.kinds))


class Options(NamedTuple):
    """How a table is read; the fields are the arguments of `sequences`, and `needs_label`."""

    id: str | None = None
    time: str | None = None
    label: str | None = None
    per_step: bool = False
    features: tuple[str, ...] | None = None
    categorical: tuple[str, ...] = ()
    form: Form | None = None
    missing: str = "error"
    date_format: str | None = None
    numeric_label: bool = False
    layout: Layout | None = None
    needs_label: bool = False  # whether a table without labels is an error
