"""A saved recogniser of speech used again: what is said in sounds."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from elman.cli.console import speech as console
from elman.cli.console import terminal
from elman.cli.models.request import Request

__all__ = ["predict"]

HEARD, PICTURE = ".heard.csv", ".heard.png"
COLUMNS = ("file", "seconds", "text")


def predict(request: Request) -> None:
    """Recognises what is said in sounds, or in those of a folder, and scores it where the folder has labels."""
    from elman.series.errors import DataError
    from elman.speech.folder import is_labelled, read_folder, sound_files
    from elman.speech.sounds import Reading, as_sounds

    model, output, beam = request.loaded, request.output, request.beam or 1
    request.refuse("a recogniser of speech", forecast=True, series=True, labelled=True, beam=False, several=False)
    if output.to != "csv":
        raise ValueError(f"--to: expected csv with a recogniser of speech, got {output.to!r}")
    if not request.given:
        raise ValueError(f"DATA: expected sounds; {request.model} holds a recogniser of speech, which keeps none")
    paths = [Path(each) for each in request.given]
    labels: list[str] | None = None
    files, beside, notes = [file for path in paths for file in sound_files(path)], [], ()
    if not files:
        raise DataError("holds no sounds", path=paths[0])
    if len(paths) == 1 and paths[0].is_dir() and is_labelled(paths[0]):
        files, labels, beside, notes = read_folder(paths[0])
    if request.plot and len(files) > 1:
        raise ValueError(f"--plot: expected one sound, got {len(files)}")
    stem = paths[0].resolve().name if paths[0].is_dir() else request.stem
    stem += f"+{len(paths) - 1}" if len(paths) > 1 else ""
    with output.files(stem, [HEARD, *([PICTURE] if request.plot else [])], [request.model, *files, *beside]) as outputs:
        reading = Reading(model.channels, model.resample)
        sounds = as_sounds("DATA", files, None, model.features_.frames.rate, reading)
        heard = [model.alphabet_.shown(each) for each in model.predict(sounds, beam_size=beam)]
        score = None if labels is None else model.score(sounds, labels, beam_size=beam)
        found = [
            {"sound": str(file), "seconds": len(sound.samples) / sound.rate, "heard": text,
             "said": None if labels is None else labels[i]}
            for i, (file, sound, text) in enumerate(zip(files, sounds, heard, strict=True))
        ]  # fmt: skip
        outputs.write(HEARD, lambda path: _write(path, found))
        if request.plot:
            outputs.write(PICTURE, lambda path: model.plot(sounds[0], path))
        written = outputs.commit()
    if output.as_json:
        about = {"score": None if score is None else console.score_json(score), "notes": notes, "files": written}
        terminal.print_json({"sounds": found, **about})
        return
    for note in notes:
        terminal.line(note)
    console.print_heard(found)
    if score is not None:
        terminal.line()
        console.print_score(score)
    terminal.wrote(written)


def _write(path: Path, found: Sequence[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        rows.writerows([each["sound"], f"{each['seconds']:.3f}", each["heard"]] for each in found)
