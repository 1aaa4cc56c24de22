"""The mark in a folder of checkpoints: which pieces and options they are of."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from typing import Any

from elman.estimators import marks
from elman.music.encoding import Passage

__all__ = ["mark"]

NAME = "music.json"  # in the folder; beside it lie those of the networks


def mark(
    passages: Sequence[Passage],
    validation: Sequence[Passage],
    options: dict[str, Any],
    checkpoint: str | os.PathLike[str] | None,
    resume: str | os.PathLike[str] | None,
) -> None:
    """Marks a folder of checkpoints with digests of pieces and options. ValueError where the mark of the folder to go
    on from says others."""
    said = {"pieces": _digest(passages), "validation": _digest(validation), "options": json.dumps(options)}
    marks.mark(NAME, said, checkpoint, resume)


def _digest(passages: Sequence[Passage]) -> str:
    found = hashlib.sha256()
    for keys, begin, end in passages:
        found.update(f"{begin} {end}".encode() + keys[max(begin - 1, 0) : end].tobytes())
    return found.hexdigest()
