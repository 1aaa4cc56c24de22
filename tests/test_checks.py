from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import elman
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


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: elman.Network(1, 2, 1, cell="LSTM"), ValueError, r"cell: .* got 'LSTM'; did you mean 'lstm'\?"),
        (lambda: elman.Network(1, 2, 1, cell="rnn"), ValueError, r"did you mean 'tanh'\?"),
        (lambda: elman.Network(1, 2, 1, cell=elman.GRU), TypeError, r"did you mean GRU\(\), an object of the class\?"),
        (lambda: elman.Network(1, hidden=2, output_size=1), TypeError, r"hidden: .* did you mean 'hidden_size'\?"),
        (lambda: elman.Network(1, 2, 1, init="Xavier"), ValueError, r"did you mean 'xavier'\?"),
        (lambda: elman.Dense(1, "Sigmoid"), ValueError, r"did you mean 'sigmoid'\?"),
        (lambda: elman.LSTM(peephole=True), TypeError, r"peephole: .* LSTM .* did you mean 'peepholes'\?"),
        (lambda: trainer(optimizer="Adam"), ValueError, r"optimizer: .* got 'Adam'; did you mean 'adam'\?"),
        (lambda: trainer(optimizer=elman.optim.SGD), TypeError, r"did you mean SGD\(\)"),
        (lambda: trainer(loss="bce"), ValueError, r"got 'bce'; did you mean 'binary_cross_entropy'\?"),
        (lambda: trainer(loss="MeanSquaredError"), ValueError, r"did you mean 'mse'\?"),
        (lambda: trainer(loss="crossentropy"), ValueError, r"did you mean 'cross_entropy'\?"),
        (
            lambda: trainer(lr=0.1),
            TypeError,
            r"^lr: expected an argument of Trainer \(network, loss, .* did you mean 'optimizer'",
        ),
        (lambda: elman.optim.Adam(lr=0.1), TypeError, r"lr: .* Adam .* did you mean 'learning_rate'\?"),
        (lambda: trainer().fit([[0.0]], [[0.0]], epoch=1), TypeError, r"epoch: .* did you mean 'epochs'\?"),
        (lambda: trainer(loss="qqqq"), ValueError, r"got 'qqqq'$"),
    ],
)
def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(
    call: Callable[[], object], error: type[Exception], message: str
):
    with pytest.raises(error, match=message):
        call()


def trainer(**options: Any) -> elman.Trainer:
    return elman.Trainer(elman.Network(1, 2, 1, seed=0), **options)


@pytest.mark.parametrize(("name", "expected"), [("AnomalyDetector", "an anomaly detector"), ("Network", "a network")])
def test_kinds_have_their_article(name: str, expected: str):
    assert checks.with_article(name) == expected
