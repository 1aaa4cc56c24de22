"""Notes of how data was read: gathered where they arise, and told by `DataNotice`."""

from __future__ import annotations

import pytest

from elman.forecast import DataNotice
from elman.series.notes import gathered, note, of_many, warn


def test_notes_reach_the_innermost_block_once():
    note("nobody listens")
    with gathered() as outer:
        note("a")
        with gathered() as inner:
            note("b")
            note("b")
        note("a")
    assert (outer, inner) == (["a"], ["b"])


def test_notes_of_many_series_are_told_once():
    found = of_many({"north": ["sorted", "filled"], "south": ["sorted"], "east": ["sorted"]})
    assert found == ("series 'north' and 2 more: sorted", "series 'north': filled")


def test_each_note_is_a_warning_at_the_caller():
    with pytest.warns(DataNotice) as caught:
        warn(["a", "b"], stacklevel=1)
    assert [str(each.message) for each in caught] == ["a", "b"]
    assert all(each.filename == __file__ for each in caught)
