"""The files that a command writes: how they are named, tried before the work, and made to appear together or not."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from elman.core.staging import Staging, attempt, real

if TYPE_CHECKING:
    from elman.series.panel import Panel

__all__ = ["OutputError", "Outputs", "named", "named_after"]

LONGEST = 80  # bytes of a target's name in that of a file
_UNSAFE = re.compile(r'[\x00-\x1f\x7f"%*+/:<>?\\|]')  # what some system refuses in a name, and what is used here


def named_after(stem: str, panel: Panel) -> str:
    """Returns the name with which the outputs of a command about series begin: that of the file, `stem`, then that of
    its target, such as `sales.units`, or `sales.units+price` for several."""
    targets = panel.names.target
    return named(stem, [panel.first.name] if targets is None or isinstance(targets, str) else targets)


def named(stem: str, columns: Sequence[str]) -> str:
    """Returns the name of a file, `stem`, and that of one of its columns, or of several: `sales.units`. A stem that
    ends with the column is left as it is."""
    target = "+".join(_UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", name.strip()) for name in columns)
    if len(target.encode()) > LONGEST:
        digest = hashlib.sha256(target.encode()).hexdigest()[:8]  # of long names that begin alike
        target = f"{target.encode()[: LONGEST - 9].decode(errors='ignore')}-{digest}"
    target = os.fsdecode(target.encode())  # as the stem came from the command line, whatever the locale
    return stem if not target or stem.endswith(f".{target}") else f"{stem}.{target}"


class OutputError(OSError):
    """Raised for an output that cannot be written, with a message of one line."""


class Outputs:
    """The files `FOLDER/STEM.suffix` of a command, which `write` writes and `commit` makes visible.

    folder      where they go; None: the current folder
    stem        their common name
    suffixes    ".forecast.csv", ...
    inputs      files that no output may overwrite
    Raises `OutputError` where the folder is missing or cannot be written into, where a name is too long or that of
    something else than a file, and where an output would overwrite an input.
    """

    def __init__(self, folder: Path | None, stem: str, suffixes: Sequence[str], inputs: Sequence[Path] = ()) -> None:
        self.folder = folder or Path()
        self.paths = {suffix: self.folder / f"{stem}{suffix}" for suffix in suffixes}
        self._staging = Staging()
        if not self.folder.is_dir():
            what = "a file, not a folder" if self.folder.exists() else "no such folder"
            raise OutputError(f"--out {self.folder}: {what}; make it first, or name another")
        try:
            attempt(self.folder)
        except OSError as reason:
            raise OutputError(
                f"--out {self.folder}: cannot write into this folder ({reason.strerror}); name another"
            ) from None
        targets = [self._tried(path, inputs) for path in self.paths.values()]
        if len(set(targets)) < len(targets):
            raise OutputError(f"{targets[-1]}: links make two outputs one file; remove them, or name another folder")

    def _tried(self, path: Path, inputs: Sequence[Path]) -> Path:
        """Returns the file that will be written, to which links may lead, after trying whether it can be."""
        try:
            target = real(path)
            if target.parent != path.parent:
                attempt(target.parent)
        except IsADirectoryError:
            raise OutputError(
                f"{path}: a folder has the name of an output; move it, or name another folder with --out"
            ) from None
        except OSError as reason:
            raise OutputError(
                f"{path}: cannot be written ({reason.strerror}); rename the input, or name another folder with --out"
            ) from None
        if any(target.exists() and target.samefile(source) for source in inputs if source.exists()):
            raise OutputError(f"{path}: the output would overwrite the input; name another folder with --out")
        return target

    def __enter__(self) -> Outputs:
        return self

    def __exit__(self, *_: object) -> None:
        self._staging.__exit__()

    def write(self, suffix: str, writer: Callable[[Path], object]) -> None:
        """Calls `writer` with a hidden path that ends like the real one."""
        with self._staging.file(self.paths[suffix]) as hidden:
            writer(hidden)

    def commit(self) -> list[Path]:
        """Gives every file its name and returns the paths."""
        return self._staging.commit()
