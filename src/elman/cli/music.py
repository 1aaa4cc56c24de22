"""What a saved `MusicModel` composes: a MIDI file and its picture. `elman train music` and `elman generate` use it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from elman.cli.console import music as console
from elman.cli.console import terminal
from elman.cli.files import Outputs
from elman.cli.values import model_stem

if TYPE_CHECKING:
    from elman.music import MusicModel, PianoRoll

__all__ = ["COMPOSED", "generate_music", "write_piece"]

COMPOSED = (".composed.mid", ".composed.png")  # what `write_piece` writes


def write_piece(
    outputs: Outputs, model: MusicModel, length: int, prompt: Path | None, temperature: float, seed: int
) -> PianoRoll:
    """Composes a piece, writes it as a MIDI file and its picture, and returns it."""
    roll = model.generate(length, prompt, temperature=temperature, seed=seed)
    outputs.write(COMPOSED[0], roll.write_midi)
    outputs.write(COMPOSED[1], lambda path: roll.plot(path, title=f"Composed with seed {seed}"))
    return roll


def generate_music(
    model: MusicModel,
    path: Path,
    *,
    prompt: str | None,
    length: int | None,
    temperature: float,
    seed: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Composes a piece with a model of the file `path`, writes it as a MIDI file with its picture, and prints what it
    is like; `prompt` is the path of a MIDI file with which the piece begins."""
    given = None if prompt is None else Path(prompt)
    inputs = [path] if given is None else [path, given]
    with Outputs(out, model_stem(path), COMPOSED, inputs) as outputs:
        roll = write_piece(outputs, model, 128 if length is None else length, given, temperature, seed)
        written = outputs.commit()
    if as_json:
        terminal.print_json({"piece": console.piece_json(roll), "notes": roll.notes, "files": written})
        return
    console.print_piece(model, roll)
    terminal.wrote(written)
