"""What a saved `MusicModel` composes: a MIDI file and its picture. `elman train music` and `elman generate` use it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from elman.cli.console import music as console
from elman.cli.console import terminal
from elman.cli.files import Outputs
from elman.cli.generate_options import GenerateOptions
from elman.cli.values import model_stem

if TYPE_CHECKING:
    from elman.music import MusicModel, PianoRoll

__all__ = ["COMPOSED", "write_music", "write_piece"]

COMPOSED = (".composed.mid", ".composed.png")  # what `write_piece` writes


def write_piece(
    outputs: Outputs, model: MusicModel, length: int | None, prompt: Path | None, temperature: float, seed: int
) -> PianoRoll:
    """Composes a piece, writes it as a MIDI file and its picture, and returns it."""
    roll = model.generate(length, prompt, temperature=temperature, seed=seed)
    outputs.write(COMPOSED[0], roll.write_midi)
    outputs.write(COMPOSED[1], lambda path: roll.plot(path, title=f"Composed with seed {seed}"))
    return roll


def write_music(path: Path, model: MusicModel, options: GenerateOptions) -> None:
    """Composes a piece with the model of a file, writes it as a MIDI file with its picture, and prints what it is like.
    The prompt is the path of a MIDI file with which the piece begins."""
    if options.top_k is not None or options.top_p is not None:
        name = "--top-k" if options.top_k is not None else "--top-p"
        raise ValueError(f"{name}: expected none with a model of music; --temperature makes keys more or less likely")
    prompt = Path(options.prompt) if options.prompt else None
    inputs = [path] if prompt is None else [path, prompt]
    with Outputs(options.out, model_stem(path), COMPOSED, inputs) as outputs:
        roll = write_piece(outputs, model, options.length, prompt, options.temperature, options.seed)
        written = outputs.commit()
    if options.as_json:
        terminal.print_json({"model": path, "piece": console.piece_json(roll), "notes": roll.notes, "files": written})
        return
    console.print_piece(model, roll)
    terminal.wrote(written)
