from __future__ import annotations

import numpy as np
import pytest

from elman.core import checks


@pytest.mark.parametrize(("value", "expected"), [(3, 3), (np.int32(3), 3), (np.uint8(1), 1)])
def test_whole_takes_integers_of_any_kind(value: object, expected: int):
    result = checks.whole("n", value, low=1, high=3)
    assert result == expected
    assert type(result) is int


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (0, ValueError, r"n: expected a whole number in \[1, 3\], got 0"),
        (4, ValueError, r"n: expected a whole number in \[1, 3\], got 4"),
        (2.0, TypeError, r"n: expected a whole number in \[1, 3\], got 2.0"),
        (True, TypeError, r"n: .* got True"),
        ("2", TypeError, r"n: .* got '2'"),
        (None, TypeError, r"n: .* got None"),
    ],
)
def test_whole_refuses(value: object, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        checks.whole("n", value, low=1, high=3)


@pytest.mark.parametrize(
    ("value", "options", "error", "message"),
    [
        (float("nan"), {}, ValueError, "p: expected a finite number, got nan"),
        (float("inf"), {}, ValueError, "p: expected a finite number, got inf"),
        (0.0, {"low": 0.0, "open_low": True}, ValueError, "p: expected a finite number above 0.0, got 0.0"),
        (1.5, {"low": 0.0, "high": 1.0}, ValueError, r"p: expected a finite number in \[0.0, 1.0\], got 1.5"),
        (-1, {"low": 0.0}, ValueError, "p: expected a finite number of at least 0.0, got -1"),
        (2, {"high": 1.0}, ValueError, "p: expected a finite number of at most 1.0, got 2"),
        ("0.5", {}, TypeError, "p: expected a finite number, got '0.5'"),
        (True, {}, TypeError, "p: expected a finite number, got True"),
        ([1.0, 2.0], {}, TypeError, "p: expected a finite number"),
    ],
)
def test_number_refuses(value: object, options: dict[str, object], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        checks.number("p", value, **options)  # type: ignore[arg-type]


def test_number_takes_what_floats_are_made_of():
    assert checks.number("p", np.float32(0.5), 0.0, 1.0) == 0.5
    assert checks.number("p", 1, 0.0, 1.0) == 1.0


def test_flag_takes_true_and_false_alone():
    assert checks.flag("f", True) is True
    for value in (1, 0, None, "yes", np.True_):
        with pytest.raises(TypeError, match="f: expected True or False"):
            checks.flag("f", value)


def test_choice_lists_what_there_is():
    assert checks.choice("c", "b", ("a", "b")) == "b"
    with pytest.raises(ValueError, match="c: expected one of 'a', 'b', got 'z'"):
        checks.choice("c", "z", ("a", "b"))
    for value in (3, None, np.zeros(2), ["a"]):
        with pytest.raises(TypeError, match="c: expected one of 'a', 'b', got"):
            checks.choice("c", value, ("a", "b"))


def test_shown_is_short():
    assert checks.shown(np.zeros((1000, 3), "float32")) == "array of shape (1000, 3) and float32"
    assert len(checks.shown(list(range(1000)))) == 80
