"""Makes programs of a file's functions, whose weights are global arrays, one dictionary, or arguments."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from elman.student.program import sizes as of
from elman.student.program.guess import is_weight, weight_sets
from elman.student.program.load import StudentError
from elman.student.program.sizes import Sizes
from elman.student.program.subject import Functions, functions_of, quiet
from elman.student.program.words import backward_rank, forward_rank, kinds, plain_name, returned_names

__all__ = ["programs"]


def programs(subject: ModuleType | FunctionType) -> Iterator[Functions]:
    """Yields a file's functions as programs, for each way in which their weights may be given.

    Raises StudentError where nothing looks like a forward or a backward pass.
    """
    module = subject if isinstance(subject, ModuleType) else _module(subject)
    functions = functions_of(module)
    useful = {
        n: f
        for n, f in functions.items()
        if backward_rank(n) is not None or (forward_rank(n) or 9) < 3 or forward_rank(n) == 0
    }
    if not useful:
        raise StudentError(
            f"{module.__name__}: expected a function that computes gradients; it defines {', '.join(functions)}"
        )
    held = [weight for weight in _global_arrays(module) if weight.ndim == 2]
    if held:
        sizes = of.named_sizes(module)
        options = [sizes] if sizes is not None else []
        options += [s for s in of.from_arrays([w.shape for w in held]) if s not in options]
        for option in options:
            yield Functions(module, option)
    names, whole = _weight_arguments(useful)
    if whole:
        yield from _with_dictionary(module, functions, whole)
    if names:
        for arrays, option in [*_initialised(functions, names), *weight_sets(names, " ".join(useful))]:
            yield Functions(module, option, {n: arrays[n] for n in names})


def _module(function: FunctionType) -> ModuleType:
    module = sys.modules.get(function.__module__)
    if module is not None and vars(module) is function.__globals__:
        return module
    held = function.__globals__.get("__elman_module__")
    if isinstance(held, ModuleType):
        return held
    raise StudentError(
        f"{function.__name__}: expected a function of a file that was loaded by load_student, or of a module"
    )


def _global_arrays(module: ModuleType) -> list[np.ndarray]:
    found: list[np.ndarray] = []
    for value in vars(module).values():
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
        found += [item for item in list(inner)[:64] if isinstance(item, np.ndarray) and item.dtype.kind == "f"]
    return found


def _weight_arguments(functions: dict[str, Callable[..., Any]]) -> tuple[list[str], str]:
    """Returns the parameters that are weights, and the one that holds all of them."""
    names: list[str] = []
    whole = ""
    for function in functions.values():
        for name, parameter in inspect.signature(function).parameters.items():
            if parameter.default is not parameter.empty:
                continue
            if kinds(name)[:1] == ["params"]:
                whole = whole or name
            elif is_weight(name) and name not in names:
                names.append(name)
    return names, whole


def _with_dictionary(module: ModuleType, functions: dict[str, Callable[..., Any]], whole: str) -> Iterator[Functions]:
    """Yields programs whose weights are one dictionary: of an initialising function, or with the keys in the source."""
    for name, function in functions.items():
        if not re.search(r"init|make|create|build|new|param", plain_name(name)):
            continue
        for arguments, sizes in of.constructions(function):
            value = _called(function, arguments)
            if isinstance(value, dict) and any(isinstance(v, np.ndarray) for v in value.values()):
                yield Functions(module, sizes, {whole: value})
    try:
        text = "\n".join(inspect.getsource(function) for function in functions.values())
    except (OSError, TypeError):
        return
    keys = list(dict.fromkeys(re.findall(rf"\b{re.escape(whole)}\[[\"'](\w+)[\"']\]", text)))
    for arrays, sizes in weight_sets(keys, " ".join(functions)) if keys else ():
        yield Functions(module, sizes, {whole: arrays})


def _initialised(
    functions: dict[str, Callable[..., Any]], names: list[str]
) -> Iterator[tuple[dict[str, np.ndarray], Sizes]]:
    """Yields the weights that an initialising function returns, where it returns all that are asked for."""
    for name, function in functions.items():
        if not re.search(r"init|make|create|build|param|weights", plain_name(name)):
            continue
        for arguments, sizes in of.constructions(function):
            value = _called(function, arguments)
            if isinstance(value, dict):
                found = value
            elif isinstance(value, tuple | list) and all(isinstance(v, np.ndarray) for v in value):
                said = returned_names(function)
                found = dict(zip(said if len(said) == len(value) else names, value, strict=False))
            else:
                continue
            if set(names) <= found.keys():
                yield found, sizes


def _called(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    try:
        with quiet():
            return function(**arguments)
    except Exception:  # a student's function that cannot be called so is no initialising function
        return None
