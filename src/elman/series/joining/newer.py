"""New rows of fitted series, and new series, joined to a panel."""

from __future__ import annotations

from dataclasses import replace

from elman.series.covariates import Covariates
from elman.series.errors import DataError
from elman.series.panel import Panel
from elman.series.series import Series

__all__ = ["with_newer"]


def with_newer(panel: Panel, newer: Panel) -> Panel:
    """Returns the panel with the rows of `newer` appended to its series, and with the new series of `newer`.

    Raises `DataError` where rows do not follow the last ones, where steps in time or covariates differ from the
    panel's, and where one of the two is a single series and the other is not.
    """
    if panel.single != newer.single:
        raise DataError("new rows: expected " + ("one series" if panel.single else "many"))
    found, first = dict(panel), panel.first
    if panel.single:  # its column may have another name now
        newer = newer.replaced({id: newer.only for id in panel})
    for id, each in newer.items():
        try:
            if id in panel:
                found[id] = panel[id].extended(_alike(each, first.covariates, static=False))
                continue
            steps = ["no dates" if s.calendar is None else s.calendar.name for s in (first, each)]
            if steps[0] != steps[1]:
                raise DataError(f"new series: expected the step of the fitted ones, {steps[0]}, got {steps[1]}")
            found[id] = _alike(each, first.covariates, static=True)
        except DataError as error:
            raise DataError(panel.problem(id, str(error))) from None
    return panel.replaced(found)


def _alike(series: Series, like: Covariates | None, static: bool) -> Series:
    """Returns a series with the covariates that `like` has, in their order; `DataError` where it lacks one.

    static   whether static covariates are compared too; else they are taken from `like`
    """
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
