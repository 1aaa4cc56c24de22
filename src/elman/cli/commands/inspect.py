"""`elman inspect MODEL`: what is in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elman.cli.console import terminal
from elman.cli.labelled.tasks import task_of
from elman.cli.options import Json, Model
from elman.core import checks

if TYPE_CHECKING:
    import numpy as np

__all__ = ["inspect"]


def inspect(model: Model, as_json: Json = False) -> None:
    """Print what a model file holds: its kind, how it was made, its layers and parameters."""
    from elman.core.io import FileError, load, read

    kind, description, tensors = read(model)
    loaded = load(model)
    shapes = {name: {"shape": list(array.shape), "dtype": array.dtype.name} for name, array in tensors.items()}
    if as_json:
        try:
            terminal.print_json({"file": model, "kind": kind, "description": description, "tensors": shapes})
        except RecursionError:  # what the model did not need of an altered description
            raise FileError(model, "its description is nested too deeply to be printed") from None
        return
    count = sum(array.size for array in tensors.values())
    terminal.line(f"{model}: {checks.with_article(kind)}, {count:,} numbers in {len(tensors)} arrays")
    terminal.line()
    terminal.line(repr(loaded))
    if task_of(loaded) is not None:
        from elman.cli.console.labelled import model_rows

        terminal.rows(model_rows(loaded))
    terminal.line()
    terminal.table(
        ["array", "shape", "type", "least", "mean", "largest"],
        [[name, _shape(array.shape), array.dtype.name, *_spread(array)] for name, array in tensors.items()],
    )


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "-"


def _spread(array: np.ndarray) -> list[str]:
    """Returns the least, the mean and the largest number of an array, as text."""
    if not array.size:
        return ["-"] * 3
    return [terminal.figure(float(value)) for value in (array.min(), array.mean(), array.max())]
