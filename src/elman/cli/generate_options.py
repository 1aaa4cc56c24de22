"""The options of `elman generate`, whatever kind of model it is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from elman.cli import values
from elman.cli.options import Json, Out, Seed

__all__ = ["GenerateOptions"]


@dataclass(frozen=True)
class GenerateOptions:
    """How a model draws what it makes."""

    prompt: Annotated[
        str,
        typer.Option(
            "--prompt",
            callback=values.decoded_or_empty,
            metavar="TEXT|FILE",
            help="What stands before: text, or a MIDI file.",
        ),
    ] = ""
    length: Annotated[
        int | None,
        typer.Option(
            "--length",
            metavar="N",
            min=1,
            help="Characters, or words (default: 500); of music, steps (default: as the median piece has).",
        ),
    ] = None
    temperature: Annotated[
        float,
        typer.Option(
            "--temperature", min=0.0, help="Below 1: what is probable gets more so; 0: always the most probable."
        ),
    ] = 1.0
    top_k: Annotated[
        int | None, typer.Option("--top-k", metavar="N", min=1, help="Draw among so many of the most probable.")
    ] = None
    top_p: Annotated[
        float | None,
        typer.Option("--top-p", min=1e-9, max=1.0, help="Draw among the fewest whose probabilities sum to this."),
    ] = None
    seed: Seed = 0
    out: Out = None
    as_json: Json = False

    @property
    def sampling(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("temperature", "top_k", "top_p", "seed")}
