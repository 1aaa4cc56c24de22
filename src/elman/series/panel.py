"""Many series by their ids: what every model is trained on and forecasts from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from elman.series.columns import Columns
from elman.series.errors import DataError, shorten
from elman.series.series import Series

__all__ = ["Panel", "map_series"]

T = TypeVar("T")


class Panel(dict[str, Series]):
    """Series by their ids. One series that was given alone is a panel of one: `Panel.of`.

    skipped   id -> what was wrong, of the series that were left out
    single    whether the only series was given alone: its results are then returned as they are instead of by id
              (`unwrap`), and error messages do not name it
    notes     what a reader should know of how the series were read (`notes.note`)
    names     the names of the columns that the series were read from, as far as they were given by name; newer rows
              are read by the same names
    """

    def __init__(
        self,
        series: Mapping[str, Series],
        skipped: Mapping[str, str] | None = None,
        *,
        single: bool = False,
        names: Columns | None = None,
        notes: Iterable[str] = (),
    ) -> None:
        super().__init__(series)
        if single and len(series) != 1:
            raise ValueError(f"series: expected exactly one for a single panel, got {len(series)}")
        self.skipped = dict(skipped or {})
        self.single = single
        self.names = names or Columns()
        self.notes = tuple(notes)

    @classmethod
    def of(cls, series: Series, names: Columns | None = None) -> Panel:
        """Returns a panel of one series, whose id is the series' name."""
        return cls({series.name: series}, single=True, names=names, notes=series.notes)

    @property
    def first(self) -> Series:
        """The first series; all others have the same step and the same covariates."""
        return next(iter(self.values()))

    @property
    def only(self) -> Series:
        """The series of a panel of one."""
        (series,) = self.values()
        return series

    def unwrap(self, results: Mapping[str, T]) -> T | Mapping[str, T]:
        """Returns the result of the only series where that was given alone, else all `results` by id."""
        return next(iter(results.values())) if self.single else results

    def replaced(self, series: Mapping[str, Series], skipped: Mapping[str, str] | None = None) -> Panel:
        """Returns a panel of other series, such as fewer or longer ones, that is otherwise the same; the series in
        `skipped` were left out too."""
        skipped = self.skipped | dict(skipped or {})
        return Panel(series, skipped, single=self.single, names=self.names, notes=self.notes)

    def problem(self, id: str, text: str) -> str:
        """The message of an error in one series: it begins with the id, unless the series was given alone."""
        return text if self.single else f"series {shorten(id)}: {text}"

    def map(self, make: Callable[[str], T], skip_bad: bool, action: str) -> tuple[dict[str, T], dict[str, str]]:
        """`map_series` over the ids of this panel."""
        return map_series(self, make, skip_bad, action, single=self.single)


def map_series(
    ids: Iterable[str], make: Callable[[str], T], skip_bad: bool, action: str, *, single: bool = False
) -> tuple[dict[str, T], dict[str, str]]:
    """Calls `make` with each id; returns the results by id, and id -> what was wrong with the series left out.

    skip_bad  leave out the series for which `make` raises `DataError`; else the first such error is raised, with the id
    action    what `make` does with a series, as a participle ("used", "forecast"), for the message where all fail
    single    whether there is one series, given alone: its error is raised unchanged

    Raises `DataError` where no series is left.
    """
    found: dict[str, T] = {}
    bad: dict[str, str] = {}
    for id in ids:
        try:
            found[id] = make(id)
        except DataError as error:
            if single:
                raise
            if not skip_bad:
                raise DataError(f"series {shorten(id)}: {error}") from None
            bad[id] = str(error)
    if not found and not bad:
        raise DataError("expected at least one row, got none")
    if not found:
        id, why = next(iter(bad.items()))
        raise DataError(f"none of {len(bad)} series can be {action}; series {shorten(id)}: {why}")
    return found, bad
