"""Bundles of options: options that several commands share are the fields of one dataclass.

Typer reads a command's options off its signature, so commands that share twenty options would repeat twenty
parameters. Here a command takes a bundle as one parameter, and `expanded` gives typer the signature with the fields of
the bundle in its place.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

__all__ = ["expanded"]

T = TypeVar("T")


def expanded(command: Callable[..., T]) -> Callable[..., T]:
    """Returns the function for typer that calls `command`: each parameter of `command` whose type is a dataclass is
    replaced by the fields of that dataclass, with their types, options and defaults."""
    bundles: dict[str, Any] = {}  # the dataclass of each parameter that is a bundle
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        if not is_dataclass(parameter.annotation):
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        bundles[name] = parameter.annotation
        types = get_type_hints(parameter.annotation, include_extras=True)
        parameters += [
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=types[field.name]
            )
            for field in fields(parameter.annotation)
        ]

    def call(**options: object) -> T:
        given = {name: kind(**{field.name: options.pop(field.name) for field in fields(kind)})
                 for name, kind in bundles.items()}  # fmt: skip
        return command(**options, **given)

    call.__name__, call.__doc__ = command.__name__, command.__doc__
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return call
