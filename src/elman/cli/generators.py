"""What `elman generate` makes of each kind of model: one entry a kind."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman.cli.console import terminal
from elman.cli.generate_options import GenerateOptions
from elman.cli.music import write_music

if TYPE_CHECKING:
    from elman.text import LanguageModel

__all__ = ["GENERATORS"]


def write_text(path: Path, model: LanguageModel, options: GenerateOptions) -> None:
    """Writes text to stdout, piece by piece, after its prompt."""
    if options.out is not None:
        raise ValueError(f"--out: expected none, since text goes to standard output, got {options.out}")
    from elman.pieces.vocabulary import Bytes

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
