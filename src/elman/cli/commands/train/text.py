"""`elman train text`: from a text to a language model, its score beside simple models, a sample and a picture."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from elman.cli import values
from elman.cli.console import terminal, texts
from elman.cli.files import Outputs
from elman.cli.options import Json, Out
from elman.cli.training.resuming import Checkpoint, Resume, resumed_folder
from elman.cli.training.text import TextOptions

__all__ = ["text"]

SAVED, CURVE = ".language.safetensors", ".learning.png"
TEMPERATURE = 0.7  # of the sample


def text(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE|FOLDER]",
            parser=values.as_path,
            help="A text, or a folder of texts (*.txt); default: the bundled Alice's Adventures in Wonderland.",
            show_default=False,
        ),
    ] = None,
    *,
    options: TextOptions,
    checkpoint: Checkpoint = None,
    resume: Resume = False,
    length: Annotated[int, typer.Option("--length", metavar="N", min=1, help="Pieces of the sample shown.")] = 400,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Train a language model on a text: what it scores beside simple models, a sample, a saved model, a picture."""
    from elman import datasets, plots
    from elman.text.report import last_of, report

    model = options.model()
    going_on = resumed_folder(checkpoint, resume, options.minutes)
    plots.needs_matplotlib()
    given, stem = (datasets.text_path("alice"), "alice") if source is None else (source, source.resolve().stem)
    with Outputs(out, stem, [SAVED, CURVE], [given]) as outputs:
        if options.minutes is not None:
            model.set_params(updates=model.updates_in(given, options.minutes))
        began = time.perf_counter()
        if not as_json:
            texts.print_begin(given, model, options.minutes)
        model.fit(given, progress=True, checkpoint=checkpoint, resume=going_on)
        seconds = time.perf_counter() - began
        found = report(model, given) if model.validation_fraction else None
        prompt = last_of(model, given)
        sample = model.generate(prompt, length, temperature=TEMPERATURE, seed=model.seed)
        outputs.write(SAVED, model.save)
        outputs.write(CURVE, lambda path: plots.learning_curve(model.history_, path))
        written = outputs.commit()
    if as_json:
        about = {"prompt": texts.shown(prompt), "sample": texts.shown(sample), "files": written}
        terminal.print_json(texts.text_json(model, found, seconds) | about)
        return
    texts.print_text(model, found, seconds)
    texts.print_sample(prompt, sample, TEMPERATURE)
    terminal.wrote(written)
    terminal.line(f"More: elman generate {written[0]} --length 1000 --temperature 0.7")
