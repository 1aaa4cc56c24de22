"""`elman train music`: from a folder of MIDI files to a model, a piece that it composed, and its picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elman.cli import values
from elman.cli.console import music as console
from elman.cli.console import terminal
from elman.cli.files import Outputs
from elman.cli.music import COMPOSED, write_piece
from elman.cli.options import Json, Out, Seed
from elman.core import checks

__all__ = ["music"]

SAVED = ".music.safetensors"


def music(
    folder: Annotated[
        str | None,
        typer.Argument(
            callback=values.not_empty,
            metavar="FOLDER",
            help="A folder of MIDI files (.mid, .midi), or one file; default: 60 tunes made by rule.",
            show_default=False,
        ),
    ] = None,
    *,
    independent: Annotated[
        bool,
        typer.Option(
            "--independent", help="Draw the keys of a step independently of one another, not one after another."
        ),
    ] = False,
    steps_per_beat: Annotated[
        int | None,
        typer.Option(
            "--steps-per-beat", metavar="N", min=1, max=96, help="The grid of time; default: 4, and 2 for the tunes."
        ),
    ] = None,
    beats_per_bar: Annotated[
        int, typer.Option("--beats-per-bar", metavar="N", min=1, max=64, help="Beats of a bar.")
    ] = 4,
    cell: Annotated[str, typer.Option("--cell", metavar="tanh|relu|gru|lstm", help="Cell of the networks.")] = "gru",
    hidden_size: Annotated[int, typer.Option("--hidden-size", metavar="N", min=1, help="Units of each network.")] = 200,
    members: Annotated[
        int, typer.Option("--members", metavar="N", min=1, help="Networks, whose probabilities are averaged.")
    ] = 1,
    updates: Annotated[
        int | None, typer.Option("--updates", metavar="N", min=1, help="Updates of each network; default: 1500.")
    ] = None,
    transpose: Annotated[
        int,
        typer.Option("--transpose", metavar="N", min=0, max=12, help="Shift pieces at random, by up to N semitones."),
    ] = 0,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out and report files that cannot be read.")
    ] = False,
    length: Annotated[
        int, typer.Option("--length", metavar="N", min=1, max=10**6, help="Steps of the piece that is composed.")
    ] = 128,
    temperature: Annotated[
        float, typer.Option("--temperature", metavar="X", help="Below 1 likely keys become likelier, above 1 less so.")
    ] = 1.0,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint",
            metavar="FOLDER",
            parser=values.as_path,
            help="Write checkpoints there, and go on from those that are there.",
        ),
    ] = None,
    seed: Seed = 0,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Train a model of music on MIDI files: scores beside baselines, a model file, a piece that it composed."""
    from elman import datasets
    from elman.music import MusicModel, PianoRoll
    from elman.music.midi.pieces import as_pieces

    grid = steps_per_beat or (datasets.TUNE_STEPS_PER_BEAT if folder is None else 4)
    model = MusicModel(
        joint=not independent,
        steps_per_beat=grid,
        beats_per_bar=beats_per_bar,
        cell=cell,
        hidden_size=hidden_size,
        members=members,
        transpose=transpose,
        skip_bad=skip_bad,
        seed=seed,
        **({} if updates is None else {"updates": updates}),
    )
    model.check_options()
    checks.number("--temperature", temperature, low=0.0)
    if folder is None:
        if grid != datasets.TUNE_STEPS_PER_BEAT:
            raise ValueError(f"--steps-per-beat: expected {datasets.TUNE_STEPS_PER_BEAT} with the tunes, got {grid}")
        source, stem = Path("tunes"), "tunes"
        given = [PianoRoll(keys, grid, 100.0) for keys in datasets.tunes(seed=0)]
        pieces = as_pieces("FOLDER", given, grid)
    else:
        source = Path(folder)
        stem = source.resolve().name if source.is_dir() else source.stem
        pieces = as_pieces("FOLDER", source, grid, skip_bad)
    inputs = [Path(name) for name in pieces.rolls] if folder is not None else []
    with Outputs(out, stem, [SAVED, *COMPOSED], inputs) as outputs:
        if not as_json:
            console.print_pieces(pieces, source.name)
        with terminal.working(f"training {members} network{'s' if members > 1 else ''}") as progress:
            model.fit([*pieces.rolls.values()], on_progress=progress, checkpoint=checkpoint, resume=checkpoint)
        roll = write_piece(outputs, model, length, None, temperature, seed)
        outputs.write(SAVED, model.save)
        written = outputs.commit()
    if as_json:
        found = console.model_json(model) | {"notes": pieces.notes, "piece": console.piece_json(roll)}
        terminal.print_json(found | {"files": written})
        return
    console.print_model(model, roll)
    terminal.wrote(written)
