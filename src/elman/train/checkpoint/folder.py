"""The names of the files in a folder of checkpoints, and the versions that made them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from elman.core.files.leftovers import sweep
from elman.engines import config
from elman.version import __version__

__all__ = ["BEST", "UPDATE", "CheckpointWarning", "clean", "files", "maker", "number_of"]

BEST = "best.safetensors"
UPDATE = re.compile(r"update-(\d+)\.safetensors")
FORMER = re.compile(r"\.(update-\d+|best)\.safetensors\.[0-9a-f]{8}\.tmp")  # hidden names of version 0.1.0


class CheckpointWarning(UserWarning):
    """A checkpoint is damaged, and the one before it is used; or another elman or instruction set made it."""


def files(folder: Path) -> list[Path]:
    """Returns the checkpoints of a folder in the order in which they are tried: the last first, the best at the end."""
    found = [path for path in folder.iterdir() if UPDATE.fullmatch(path.name)]
    best = folder / BEST
    return sorted(found, key=number_of, reverse=True) + ([best] if best.exists() else [])


def number_of(path: Path) -> int:
    """Returns the number of updates after which a checkpoint, other than the best, was written."""
    return int(path.stem.removeprefix("update-"))


def clean(folder: Path) -> None:
    """Removes incomplete files of processes that were killed."""
    sweep(folder)
    for path in folder.iterdir():
        if FORMER.fullmatch(path.name):
            path.unlink(missing_ok=True)


@cache
def maker(engine: str) -> dict[str, Any]:
    """Returns what the last bits of a result depend on besides its fingerprint: version, engine, instruction set."""
    return {"elman": __version__, "engine": engine, "isa": config.show_config()["isa"] if engine == "native" else None}
