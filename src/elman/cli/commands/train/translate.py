"""`elman train translate`: from pairs of texts to a model that writes the second of a pair when it reads the first."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from elman.cli import values
from elman.cli.console import terminal, translations
from elman.cli.files import Outputs
from elman.cli.options import Beam, Json, Out
from elman.cli.training.resuming import Checkpoint, Resume, resumed_folder
from elman.cli.training.translate import TranslateOptions

__all__ = ["translate"]

SAVED, CURVE, PICTURE, EXAMPLE = ".translation.safetensors", ".learning.png", ".alignment.png", ".pairs.csv"
PAIRS = 4000  # of the example
DATES: dict[str, Any] = {"level": "characters", "hidden_size": 64, "updates": 420}  # what is enough for it
LEGIBLE = range(4, 26)  # pieces of a pair whose alignment is drawn


def translate(
    pairs: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PAIRS]",
            parser=values.as_path,
            help="A CSV, TSV or Parquet file with a line of names and two columns, sources and targets; or a text file"
            " with a source on each line. Also packed: .gz. Default: a generated example, dates.",
            show_default=False,
        ),
    ] = None,
    targets: Annotated[
        Path | None,
        typer.Argument(
            metavar="[TARGETS]",
            parser=values.as_path,
            help="A text file with the target of each line of the first.",
            show_default=False,
        ),
    ] = None,
    *,
    source: Annotated[
        str | None,
        typer.Option("--source", callback=values.decoded, metavar="COLUMN", help="Column of sources; default: first."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", callback=values.decoded, metavar="COLUMN", help="Column of targets; default: second."),
    ] = None,
    options: TranslateOptions,
    beam: Beam = None,
    checkpoint: Checkpoint = None,
    resume: Resume = False,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Train a model on pairs of texts (translations, spellings and sounds): its scores beside simple rules, examples, a
    saved model, a picture of what it looks at."""
    from elman import plots
    from elman.seq2seq.files import read_pairs, read_parallel
    from elman.seq2seq.report import parted, report
    from elman.series.tables.files import write_rows

    going_on = resumed_folder(checkpoint, resume, options.minutes)
    if targets is not None and (source or target):
        raise ValueError("--source/--target: expected columns of one table, got two files")
    plots.needs_matplotlib()
    if pairs is None:
        read, stem, usual = _example(), "dates", DATES
    else:
        read = read_pairs(pairs, source, target) if targets is None else read_parallel(pairs, targets)
        stem, usual = _stem(pairs), {}
    asked = {name for name in usual if getattr(options, name) is not None or (name == "updates" and options.minutes)}
    options = replace(options, **{name: value for name, value in usual.items() if name not in asked})
    model = options.model(read.sources, read.targets)
    suffixes = [SAVED, CURVE] + [EXAMPLE] * (pairs is None)
    drawn = model.attention is not None and model.validation_fraction > 0
    inputs = [path for path in (pairs, targets) if path is not None]
    with Outputs(out, stem, suffixes + [PICTURE] * drawn, inputs) as outputs:
        if not as_json:
            translations.print_pairs(read, stem if pairs is None else pairs.name, pairs is None)
        if options.minutes is not None:
            model.set_params(updates=model.updates_in(read.sources, read.targets, options.minutes))
        if not as_json:
            translations.print_begin(model, options.minutes)
        began = time.perf_counter()
        model.fit(read.sources, read.targets, progress=True, checkpoint=checkpoint, resume=going_on)
        seconds = time.perf_counter() - began
        (known, sources), (goals, wanted) = parted(model, read.sources), parted(model, read.targets)
        found = report(model, (known, goals), (sources, wanted), beam_size=beam or 4) if len(sources) else None
        outputs.write(SAVED, model.save)
        outputs.write(CURVE, lambda path: plots.learning_curve(model.history_, path))
        if pairs is None:
            rows = [("written", "iso"), *zip(read.sources, read.targets, strict=True)]
            outputs.write(EXAMPLE, lambda path: write_rows(path, rows))
        if drawn and found is not None:
            number = translations.legible(model, found, LEGIBLE)
            alignment = model.align(found.sources[number], found.translations[number].target)
            outputs.write(PICTURE, partial(alignment.plot))
        written = outputs.commit()
    if as_json:
        terminal.print_json(translations.translation_json(model, found, seconds) | {"files": written})
        return
    translations.print_scores(model, found, seconds)
    terminal.wrote(written)
    text = read.sources[0] if found is None else found.sources[0]
    terminal.line(f'More: elman predict {written[0]} "{text}"')


def _example() -> Any:
    from elman import datasets
    from elman.seq2seq.files import PairsRead

    return PairsRead(*datasets.written_dates(PAIRS), "written", "iso")


def _stem(path: Path) -> str:
    """Returns the name with which outputs begin: that of a file without its last ending, and .gz."""
    return values.source_of_file(str(path))[1]
