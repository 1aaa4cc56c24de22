"""The mark in a folder of checkpoints: which pieces and options they are of."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from elman.core import checks, staging
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
    on from says others. A Trainer cannot tell: it is handed one batch after another."""
    said = {"pieces": _digest(passages), "validation": _digest(validation), "options": json.dumps(options)}
    if resume is not None and (file := Path(checks.path("resume", resume)) / NAME).exists():
        try:
            before = json.loads(file.read_text())
        except ValueError:
            before = None
        if not isinstance(before, dict) or before.keys() != said.keys():
            raise ValueError(f"resume: expected a mark of checkpoints in {file}, got something else")
        if other := [name for name in said if before[name] != said[name]]:
            raise ValueError(f"resume: expected the {' and '.join(other)} of the checkpoints in {resume}, got others")
    if checkpoint is not None:
        folder = Path(checks.path("checkpoint", checkpoint))
        folder.mkdir(parents=True, exist_ok=True)
        staging.write_bytes(folder / NAME, json.dumps(said).encode())


def _digest(passages: Sequence[Passage]) -> str:
    found = hashlib.sha256()
    for keys, begin, end in passages:
        found.update(f"{begin} {end}".encode() + keys[max(begin - 1, 0) : end].tobytes())
    return found.hexdigest()
