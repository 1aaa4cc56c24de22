"""Guesses which name was meant by one that nobody knows, for error messages: "did you mean 'lstm'?"."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

__all__ = ["checks_names", "meant", "nearest"]

T = TypeVar("T", bound=Callable[..., Any])

# Names that other libraries use and that no likeness of letters leads to.
ELSEWHERE = {
    "rnn": "tanh",
    "elman": "tanh",
    "simplernn": "tanh",
    "l1": "mae",
    "l2": "mse",
    "nll": "cross_entropy",
    "sparse_categorical_crossentropy": "cross_entropy",
    "categorical_crossentropy": "cross_entropy",
    "optim": "optimizer",
    "criterion": "loss",
    "return_sequences": "output",
    "units": "hidden_size",
    "n_layers": "num_layers",
    "hidden_dim": "hidden_size",
    "input_dim": "input_size",
    "output_dim": "output_size",
    "lr": "optimizer",  # of a Trainer, whose rate is the optimiser's
    "learning_rate": "optimizer",
    "rho": "decay",
    "epsilon": "eps",
    "validation_data": "validation",
    "validation_split": "validation",
    "verbose": "progress",
    "callbacks": "callback",
    "early_stopping": "patience",
}


def nearest(word: str, options: Sequence[str]) -> str | None:
    """Returns the option that a word stands for: the same letters, its initials or the word's, a name that other
    libraries use, or what is spelt alike; None where nothing is near."""
    plain = _plain(word)
    for option in options:
        if (plain and plain in (_plain(option), _initials(option))) or _plain(option) == _initials(word):
            return option
    known = {_plain(key): name for key, name in ELSEWHERE.items()}.get(plain)
    if known in options:
        return known
    import difflib  # only where a name is wrong

    close = difflib.get_close_matches(plain, [_plain(option) for option in options], 1, 0.6)
    return next((option for option in options if close and _plain(option) == close[0]), None)


def meant(value: Any, options: Sequence[Any]) -> str:
    """Returns the end of an error message: "; did you mean 'lstm'?", or nothing where nothing is near."""
    if isinstance(value, type):
        return f"; did you mean {value.__name__}(), an object of the class?"
    if not isinstance(value, str) or len(value) > 100:
        return ""
    found = nearest(value, [option for option in options if isinstance(option, str)])
    return "" if found is None else f"; did you mean {found!r}?"


def checks_names(function: T) -> T:
    """Makes a function, or a class, refuse an argument of an unknown name with the names that it knows, and the one
    that was probably meant. It is a decorator."""
    if isinstance(function, type):
        function.__init__ = checks_names(function.__init__)  # type: ignore[misc]
        return function  # type: ignore[return-value]
    code = function.__code__  # type: ignore[attr-defined]
    known = tuple(name for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if name != "self")
    label = function.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def checked(*args: Any, **options: Any) -> Any:
        for name in options:
            if name not in known:
                listed = ", ".join(known)
                raise TypeError(f"{name}: expected an argument of {label} ({listed}){meant(name, known)}")
        return function(*args, **options)

    return checked  # type: ignore[return-value]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _initials(name: str) -> str:
    """Returns the first letters of a name of several words, "" of any other."""
    words = [word for word in re.split(r"[^A-Za-z0-9]+|(?<=[a-z])(?=[A-Z])", name) if word]
    return "".join(word[0] for word in words).lower() if len(words) > 1 else ""
