"""New rows of fitted series, and new series beside them: joined, where they are of the same kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from elman.series.covariates import Covariates
from elman.series.errors import DataError, shorten
from elman.series.series import Series

__all__ = ["with_newer"]


def with_newer(panel: Mapping[str, Series], newer: Mapping[str, Series]) -> dict[str, Series]:
    """The series of a panel with new rows after their last ones, and those that are new. `DataError` where rows do not
    follow, or where steps in time or covariates differ from the panel's."""
    found = dict(panel)
    first = next(iter(panel.values()))
    for name, each in newer.items():
        try:
            if name in panel:
                found[name] = panel[name].extended(_alike(each, first.covariates, static=False))
                continue
            steps = ["no dates" if s.calendar is None else s.calendar.name for s in (first, each)]
            if steps[0] != steps[1]:
                raise DataError(f"new series: expected the step of the fitted ones, {steps[0]}, got {steps[1]}")
            found[name] = _alike(each, first.covariates, static=True)
        except DataError as error:
            raise error if not name else DataError(f"series {shorten(name)}: {error}") from None
    return found


def _alike(series: Series, like: Covariates | None, static: bool) -> Series:
    """A series with the covariates of `like`, in its order."""
    given = series.covariates
    if like is None or given is None:
        if like is not None and static:
            raise DataError("new series: expected the covariates of the fitted ones beside it, got none")
        return replace(series, covariates=None)
    places: dict[str, list[int]] = {}
    for option in ("past", "future", "static")[: 2 + static]:
        wanted, there = getattr(like, f"{option}_names"), getattr(given, f"{option}_names")
        if absent := [name for name in wanted if name not in there]:
            raise DataError(f"{option}: expected {absent[0]!r} beside the new rows, as before")
        places[option] = [there.index(name) for name in wanted]
    return replace(
        series,
        covariates=Covariates(
            given.past[:, places["past"]],
            given.future[:, places["future"]],
            tuple(given.static[k] for k in places["static"]) if static else like.static,
            like.past_names,
            like.future_names,
            like.static_names,
        ),
    )
