"""`elman generate MODEL`: what a model makes of its own."""

from __future__ import annotations

from elman.cli.generate_options import GenerateOptions
from elman.cli.generators import GENERATORS
from elman.cli.options import Model
from elman.core import checks

__all__ = ["generate"]


def generate(model: Model, *, options: GenerateOptions) -> None:
    """Let a model that `elman train` wrote make something of its own: text goes to standard output as it comes."""
    from elman.core.io import FileError, load

    loaded = load(model)
    make = GENERATORS.get(type(loaded).__name__)
    if make is None:
        kind = checks.with_article(type(loaded).__name__)
        raise FileError(model, f"holds {kind}, which generates nothing; see elman inspect {model}")
    make(model, loaded, options)
