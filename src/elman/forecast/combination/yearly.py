"""The part of a year, taken out of series that trained models read, and put back into what they forecast.

A network or a linear model reads a few weeks and cannot see a year in them. As features of the dates, the year would be
read twice for each row ahead; as a part of the series it costs nothing, however far ahead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from elman.forecast.decomposition import Decomposition, decompose
from elman.series.series import Series

__all__ = ["with_year", "without_year"]

Parts = dict[str, Decomposition]  # by the id of a series


def without_year(
    panel: Mapping[str, Series], year: float | None, known: Mapping[str, int] | None = None
) -> tuple[dict[str, Series], Parts]:
    """Returns series without the part of a year, and the parts. A series that does not hold two years keeps its values.

    year    number of rows in a year; None: nothing is taken out
    known   rows of each series by which its part is found, which goes on after them; None: all
    """
    if year is None:
        return dict(panel), {}
    adjusted, parts = dict[str, Series](), Parts()
    for id, series in panel.items():
        values, rows = series.fill_masked(1).values, len(series) if known is None else known[id]
        parts[id] = decompose(values[:rows], (), year)
        later = parts[id].ahead(len(series) - rows)
        rest = values[rows:] / later if parts[id].multiplicative else values[rows:] - later
        adjusted[id] = replace(series, values=np.concatenate([parts[id].adjusted, rest]))
    return adjusted, parts


def with_year(forecasts: np.ndarray, parts: Parts, ids: Sequence[str], first: Sequence[int]) -> np.ndarray:
    """Returns forecasts (N, h) of series without a year with it. Each begins at a row `first` of its series `ids`."""
    if not parts:
        return forecasts
    found = np.empty_like(forecasts)
    for k, (id, row) in enumerate(zip(ids, first, strict=True)):
        part = parts[id].ahead(row - len(parts[id].adjusted) + forecasts.shape[1])[-forecasts.shape[1] :]
        found[k] = forecasts[k] * part if parts[id].multiplicative else forecasts[k] + part
    return found
