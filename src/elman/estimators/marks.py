"""The mark in a folder of checkpoints: which data and options they are of."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from elman.core import checks, staging

__all__ = ["mark"]


def mark(
    name: str,
    said: Mapping[str, str],
    checkpoint: str | os.PathLike[str] | None,
    resume: str | os.PathLike[str] | None,
) -> None:
    """Marks a folder of checkpoints with what they are of, in the file `name` in it. ValueError where the mark of the
    folder to go on from says something else. A Trainer cannot tell where it is handed one batch after another.

    said   what decides the training, each by a word for messages: digests of data, options as text
    """
    if resume is not None and (file := Path(checks.path("resume", resume)) / name).exists():
        try:
            before = json.loads(file.read_text())
        except ValueError:
            before = None
        if not isinstance(before, dict) or before.keys() != said.keys():
            raise ValueError(f"resume: expected a mark of checkpoints in {file}, got something else")
        if other := [word for word in said if before[word] != said[word]]:
            raise ValueError(f"resume: expected the {' and '.join(other)} of the checkpoints in {resume}, got others")
    if checkpoint is not None:
        folder = Path(checks.path("checkpoint", checkpoint))
        folder.mkdir(parents=True, exist_ok=True)
        staging.write_bytes(folder / name, json.dumps(said).encode())
