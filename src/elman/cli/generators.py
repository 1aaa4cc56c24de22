"""What `elman generate` makes of each kind of model: one entry a kind."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elman.cli import values
from elman.cli.console import terminal
from elman.cli.music import write_music
from elman.cli.options import Json, Out, Seed

if TYPE_CHECKING:
    from elman.text import LanguageModel

__all__ = ["GENERATORS", "GenerateOptions"]


@dataclass(frozen=True)
class GenerateOptions:
    """How a model draws what it makes."""

    prompt: Annotated[
        str, typer.Option("--prompt", callback=values.decoded_or_empty, metavar="TEXT", help="What stands before.")
    ] = ""
    length: Annotated[
        int | None, typer.Option("--length", metavar="N", min=1, help="How many pieces or steps; default: 500.")
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


def write_text(path: Path, model: LanguageModel, options: GenerateOptions) -> None:
    """Writes text to stdout, piece by piece, after its prompt."""
    if options.out is not None:
        raise ValueError(f"--out: expected none, since text goes to standard output, got {options.out}")
    from elman.text.vocabulary import Bytes

    length = options.length or 500
    prompt: Any = options.prompt.encode() if isinstance(model.vocabulary_, Bytes) else options.prompt
    if options.as_json:
        text = model.generate(prompt, length, **options.sampling)
        shown = text.decode(errors="replace") if isinstance(text, bytes) else text
        terminal.print_json(
            {"model": path, "prompt": options.prompt, "text": shown, "length": length, **options.sampling}
        )
        return
    pieces = model.stream(prompt, length, **options.sampling)
    terminal.text(prompt)
    whole = codecs.getincrementaldecoder("utf-8")("replace").decode
    for piece in pieces:
        terminal.text(whole(piece.text) if isinstance(piece.text, bytes) and terminal.is_terminal() else piece.text)
    terminal.line()


# The name of a model's class -> what makes something with it, given its file, the model and the options.
GENERATORS: dict[str, Callable[[Path, Any, GenerateOptions], None]] = {
    "LanguageModel": write_text,
    "MusicModel": write_music,
}
