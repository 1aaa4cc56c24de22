"""The files that a command writes: the folder is tried before the work; all appear together at the end, or none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["OutputError", "Outputs"]


class OutputError(OSError):
    """An output that cannot be written, said in one line."""


class Outputs:
    """Files `FOLDER/STEM.suffix`, written under temporary names and renamed by `commit`.

    folder      where they go; None: the current folder
    stem        their common name
    suffixes    ".forecast.csv", ...
    inputs      files that no output may overwrite
    Raises `OutputError` where the folder is missing or refuses a file, or an output would overwrite an input.
    """

    def __init__(self, folder: Path | None, stem: str, suffixes: Sequence[str], inputs: Sequence[Path] = ()) -> None:
        self.folder = folder or Path()
        self.paths = {suffix: self.folder / f"{stem}{suffix}" for suffix in suffixes}
        self._waiting: dict[Path, Path] = {}
        if not self.folder.is_dir():
            what = "a file, not a folder" if self.folder.exists() else "no such folder"
            raise OutputError(f"--out {self.folder}: {what}; make it first, or name another")
        self._try()
        for path in self.paths.values():
            if path.is_dir():
                raise OutputError(
                    f"{path}: a folder has the name of an output; move it, or name another folder with --out"
                )
            if any(path.exists() and path.samefile(source) for source in inputs if source.exists()):
                raise OutputError(f"{path}: the output would overwrite the input; name another folder with --out")

    def _try(self) -> None:
        try:
            handle, name = tempfile.mkstemp(prefix=".elman-", dir=self.folder)
        except OSError as reason:
            raise OutputError(
                f"--out {self.folder}: cannot write into this folder ({reason.strerror}); name another"
            ) from None
        os.close(handle)
        os.unlink(name)

    def __enter__(self) -> Outputs:
        return self

    def __exit__(self, *_: object) -> None:
        for waiting in self._waiting:
            waiting.unlink(missing_ok=True)

    def write(self, suffix: str, writer: Callable[[Path], object]) -> None:
        """Calls `writer` with a temporary path that ends like the real one."""
        final = self.paths[suffix]
        waiting = final.with_name(f".{final.stem}.{os.getpid()}{final.suffix}")
        self._waiting[waiting] = final
        writer(waiting)

    def commit(self) -> list[Path]:
        """Gives every file its name; returns them."""
        for waiting, final in self._waiting.items():
            os.replace(waiting, final)
        written = list(self._waiting.values())
        self._waiting.clear()
        return written
