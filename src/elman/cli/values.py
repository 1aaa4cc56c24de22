"""The text that a user types after an option, as a value."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import typer

__all__ = [
    "as_levels",
    "as_names",
    "as_path",
    "as_season",
    "as_targets",
    "decoded",
    "decoded_or_empty",
    "model_stem",
    "none_empty",
    "not_empty",
    "source",
    "source_of_file",
]

MODEL_KINDS = (  # what stands before .safetensors in the names of model files
    ".forecaster",
    ".detector",
    ".classifier",
    ".regressor",
    ".tagger",
    ".language",
    ".music",
    ".translation",
    ".speech",
)


def not_empty(text: str | None) -> str | None:
    """Returns the text; BadParameter for an empty one, which is a slip, such as a variable that is not set."""
    if text == "":
        raise typer.BadParameter("expected a word, got an empty one")
    return text


def none_empty(texts: list[str] | None) -> list[str] | None:
    """Returns several texts; BadParameter where one is empty."""
    for text in texts or ():
        not_empty(text)
    return texts


def decoded(text: str | None) -> str | None:
    """Returns text that is not the name of a file, with its letters restored: where the locale knows ASCII alone, other
    letters arrive as bytes. BadParameter for an empty one."""
    if not_empty(text) is None or str(text).isascii():
        return text
    try:
        return os.fsencode(str(text)).decode()
    except UnicodeError:
        return text


def decoded_or_empty(text: str) -> str:
    """As `decoded`, of text that may be empty."""
    return text and (decoded(text) or "")


def as_path(text: str) -> Path:
    """Returns the path of a file or folder; BadParameter for an empty text."""
    return Path(str(not_empty(text)))


def as_levels(text: str | None) -> tuple[float, ...] | None:
    """ "80,95" -> (80.0, 95.0)."""
    try:
        return None if text is None else tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(
            f"--levels: expected percentages with commas between them, such as 80,95, got {text!r}"
        ) from None


def as_names(option: str, text: str | None) -> list[str] | None:
    """ "price,promo" -> ["price", "promo"]."""
    names = None if text is None else [name.strip() for name in text.split(",")]
    if names is not None and not all(names):
        raise ValueError(f"{option}: expected names with commas between them, such as price,promo, got {text!r}")
    return names


def as_targets(target: str | Sequence[str] | None, columns: Sequence[str]) -> str | Sequence[str] | None:
    """ "a,b" -> ["a", "b"] for the values of several columns, unless one column has that name."""
    if not isinstance(target, str) or "," not in target or target in columns:
        return target
    return as_names("--target", target)


def as_season(text: str | None) -> int | tuple[int, ...] | None:
    """ "24" -> 24, "24,168" -> (24, 168)."""
    try:
        lengths = [] if text is None else [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"--season: expected a number of steps, or several with commas between them, got {text!r}"
        ) from None
    return None if not lengths else lengths[0] if len(lengths) == 1 else tuple(lengths)


def source(data: str | None) -> tuple[Path, str]:
    """Returns the file that DATA stands for, and the name with which its outputs begin. A file is taken before a
    bundled series of the same name, and "-" is standard input."""
    from elman import datasets

    name = datasets.names()[0] if data is None else data
    if name in datasets.names() and not Path(name).exists():
        return datasets.path(name), name
    return source_of_file(name)


def source_of_file(data: str) -> tuple[Path, str]:
    """Returns the file that DATA stands for, and the name with which its outputs begin; "-" is standard input."""
    path = Path(data)
    if data == "-":
        return path, "stdin"
    return path, Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem


def model_stem(model: Path) -> str:
    """Returns the name of a model file without its endings: `sales.units` of `sales.units.forecaster.safetensors`."""
    stem = Path(model.stem)
    return stem.stem if stem.suffix in MODEL_KINDS else stem.name
