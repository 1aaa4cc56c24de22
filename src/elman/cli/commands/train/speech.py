"""`elman train speech`: from a folder of sounds with labels to a recogniser, its errors beside simple answers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from elman.cli import values
from elman.cli.console import speech as console
from elman.cli.console import terminal
from elman.cli.files import Outputs
from elman.cli.options import Json, Out
from elman.cli.training.resuming import Checkpoint, Resume, resumed_folder
from elman.cli.training.speech import SpeechOptions

__all__ = ["speech"]

SAVED, PICTURE, CURVE = ".speech.safetensors", ".speech.png", ".learning.png"
TONES = 240


def speech(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FOLDER]",
            parser=values.as_path,
            help="A folder of sounds (.wav; .flac, .ogg) with a table labels.csv (file,text), or a .txt beside each"
            " sound; default: sequences of dialling tones made by rule.",
            show_default=False,
        ),
    ] = None,
    *,
    options: SpeechOptions,
    checkpoint: Checkpoint = None,
    resume: Resume = False,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Train a recogniser of speech on sounds and what is said in them: its errors on sounds held out beside those of
    simple answers, a saved model, pictures."""
    from elman import datasets, plots
    from elman.speech.folder import SoundFolder, read_folder
    from elman.speech.sounds import Reading, Sound, as_sounds

    model = options.model(tones=source is None)
    going_on = resumed_folder(checkpoint, resume, options.minutes)
    plots.needs_matplotlib()
    if source is None:
        sounds, labels = datasets.dialled_tones(TONES)
        found = SoundFolder([], labels, [], (f"{TONES} sequences of dialling tones, made by rule (no speech)",))
        given, stem = [Sound(each, datasets.TONES_RATE, f"tones {i + 1}") for i, each in enumerate(sounds)], "tones"
    else:
        found = read_folder(source)
        given = as_sounds("FOLDER", found.files, None, model.rate, Reading(model.channels, model.resample))
        stem = source.resolve().name
    with Outputs(out, stem, [SAVED, PICTURE, CURVE], [*found.files, *found.beside]) as outputs:
        if options.minutes is not None:
            model.set_params(updates=model.updates_in(options.minutes, given, found.labels))
        if not as_json:
            console.print_begin(stem, model, given, found.notes, options.minutes)
        began = time.perf_counter()
        model.fit(given, found.labels, progress=True, checkpoint=checkpoint, resume=going_on)
        seconds = time.perf_counter() - began
        shown = int(model.held_out_[0]) if len(model.held_out_) else 0
        outputs.write(SAVED, model.save)
        outputs.write(PICTURE, lambda path: model.plot(given[shown], path))
        outputs.write(CURVE, lambda path: plots.learning_curve(model.history_, path))
        written = outputs.commit()
    examples = console.examples(model, given, found.labels)
    if as_json:
        about = {"notes": found.notes, "examples": examples, "files": written}
        terminal.print_json(console.speech_json(model, seconds) | about)
        return
    console.print_speech(model, examples, seconds)
    terminal.wrote(written)
    terminal.line(f"More: elman predict {written[0]} sound.wav --plot")
