"""Sounds and labels in a folder: a table beside the files, or a text for each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from elman.series.errors import DataError, counted, listed
from elman.series.tables.delimited import read_table
from elman.speech.wav import ENDINGS

__all__ = ["SoundFolder", "is_labelled", "read_folder", "sound_files"]

FILE = re.compile(r"(?i)(audio|sound|wav)?[ _-]?(files?|file[ _-]?names?|path)|audio|sound|wav")
TEXT = re.compile(r"(?i)labels?|text|transcripts?|transcriptions?|sentence|words?|said")


class SoundFolder(NamedTuple):
    """Files, what is said in each, which files were read beside the sounds, and how all that was found."""

    files: list[Path]
    labels: list[str]
    beside: list[Path]
    notes: tuple[str, ...]


def read_folder(folder: Path) -> SoundFolder:
    """Returns the sounds of a folder with their labels.

    Either the folder has one table (.csv, .tsv), of whose columns one names the files, from the folder on, and one says
    what is said in each; or there are files of text, each beside a sound and of the same name: `one.wav`, `one.txt`.
    Sounds without a label are left out, and told.

    DataError where the folder has neither, both, several tables, or none that fits; and for a file in the table that is
    not there, with its line.
    """
    if not folder.is_dir():
        what = "a file" if folder.exists() else "no such folder"
        raise DataError(f"expected a folder of sounds with their labels, got {what}", path=folder)
    sounds = sound_files(folder)
    if not sounds:
        raise DataError(f"holds no sounds ({', '.join(ENDINGS)})", path=folder)
    tables, texts = _tables(folder), _texts(sounds)
    if len(tables) > 1 or (tables and texts):
        both = " and texts beside the sounds" if texts else ""
        raise DataError(
            f"expected labels in one place, got {listed([each.name for each in tables])}{both}", path=folder
        )
    if tables:
        return _of_table(folder, tables[0], sounds)
    if not texts:
        raise DataError(
            "holds no labels: expected labels.csv, whose columns file and text say what is said in each file, or a text"
            f" beside each sound, as {sounds[0].with_suffix('.txt').name} beside {sounds[0].name}",
            path=folder,
        )
    labels: list[str] = []
    for text in texts.values():
        try:
            labels.append(" ".join(text.read_text(encoding="utf-8-sig").split()))
        except UnicodeDecodeError:
            raise DataError("expected a text in UTF-8", path=text) from None
    notes = (f"labels: the text beside each of {counted(len(texts), 'sound')}", *_left_out(sounds, [*texts]))
    return SoundFolder([*texts], labels, [*texts.values()], notes)


def is_labelled(folder: Path) -> bool:
    """Returns whether a folder has labels, as a table or as texts beside its sounds."""
    return bool(_tables(folder) or _texts(sound_files(folder)))


def sound_files(path: Path) -> list[Path]:
    """Returns a file itself, and of a folder the sounds in it and in all folders in it, in the order of their names."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix.lower() in ENDINGS and file.is_file())


def _tables(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in (".csv", ".tsv") and path.is_file())


def _texts(sounds: list[Path]) -> dict[Path, Path]:
    return {sound: sound.with_suffix(".txt") for sound in sounds if sound.with_suffix(".txt").is_file()}


def _of_table(folder: Path, path: Path, sounds: list[Path]) -> SoundFolder:
    table = read_table(path).without_blank()
    names = [name for name in table.names if FILE.fullmatch(name.strip())]
    texts = [name for name in table.names if TEXT.fullmatch(name.strip()) and name not in names]
    if len(names) != 1 or len(texts) != 1:
        raise DataError(
            f"expected one column of files (file) and one of labels (text), got {listed(table.names)}", path=path
        )
    files: list[Path] = []
    seen: dict[Path, int] = {}
    for i, name in enumerate(table.column(names[0], "file")):
        file, line = folder / name.strip(), int(table.lines[i])
        if not name.strip() or not file.is_file():
            raise DataError(f"expected a file in {folder}, got {name!r}", path=path, line=line, column=names[0])
        if file in seen:
            raise DataError(f"{name!r} stands on line {seen[file]} already", path=path, line=line, column=names[0])
        seen[file] = line
        files.append(file)
    if not files:
        raise DataError("expected a row for each sound, got none", path=path)
    labels = [" ".join(text.split()) for text in table.column(texts[0], "text")]
    notes = (f"labels: {path.name}, its columns {names[0]} and {texts[0]}", *table.notes, *_left_out(sounds, files))
    return SoundFolder(files, labels, [path], notes)


def _left_out(sounds: list[Path], taken: list[Path]) -> tuple[str, ...]:
    others = sorted({*sounds} - {*taken})
    return (f"left out: {counted(len(others), 'sound')} without a label, {others[0].name} first",) if others else ()
