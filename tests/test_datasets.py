"""The bundled series are the published ones."""

from __future__ import annotations

import numpy as np
import pytest

from elman import datasets


def test_sunspots():
    years, values, name = datasets.load_sunspots()
    assert (years[0], years[-1], len(values), name) == (np.datetime64("1700"), np.datetime64("2008"), 309, "Sunspots")
    assert set(np.diff(years).astype(int)) == {1}
    # the cycle of 1957 was the highest on record, the Maunder minimum ends in 1712
    assert years[values.argmax()] == np.datetime64("1957")
    assert values.max() == 190.2
    assert [y for y, v in zip(years.astype(str), values, strict=True) if v == 0] == ["1711", "1712", "1810"]


def test_airline():
    months, values, name = datasets.load_airline()
    assert (str(months[0]), str(months[-1]), len(values), name) == ("1949-01", "1960-12", 144, "Passengers")
    assert set(np.diff(months).astype(int)) == {1}
    assert (values[0], values[-1], values.max()) == (112, 432, 622)
    assert values.sum() == 40363


def test_names_and_paths():
    assert datasets.names() == ("sunspots", "airline")
    assert all(datasets.path(name).read_text("utf-8").count("\n") > 100 for name in datasets.names())
    with pytest.raises(ValueError, match="name: expected one of 'sunspots', 'airline', got 'sunspot'"):
        datasets.path("sunspot")
