"""Texts from where people have them: a str, a file, or a folder of files; read in blocks, and said where one fails."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from elman.core import checks
from elman.series.errors import DataError

__all__ = ["Place", "Source", "as_source"]

BLOCK = 1 << 20  # characters or bytes read at a time
ENDINGS = (".txt", ".text")  # of the files of a folder that are texts


class Place(NamedTuple):
    """Where a character stands: counted from 1."""

    path: Path | None
    line: int
    column: int


class Source:
    """A text that can be read several times, in blocks.

    text      given as a str (or bytes), or None
    paths     else its files, one after the other; where one does not end a line, the next begins a new one
    encoding  of the files
    """

    def __init__(self, text: str | bytes | None, paths: Sequence[Path], encoding: str) -> None:
        self.text, self.paths, self.encoding = text, paths, encoding

    def blocks(self) -> Iterator[str]:
        """Yields the text in blocks; line ends of files are read as line feeds, a byte order mark is left out.
        DataError for a file that is none of its encoding, with the line."""
        return (block for _, block in self._blocks_of_files())

    def raw_blocks(self) -> Iterator[bytes]:
        """Yields the bytes of the text, or of its files one after the other, in blocks."""
        if self.text is not None:
            yield self.text.encode() if isinstance(self.text, str) else self.text
            return
        for path in self.paths:
            with path.open("rb") as file:
                while block := file.read(BLOCK):
                    yield block

    def place(self, index: int) -> Place:
        """Returns where the character number `index`, counted from 0, stands."""
        line = column = 1
        path, seen = None, 0
        for path_now, block in self._blocks_of_files():
            if path_now != path:
                path, line, column = path_now, 1, 1
            part = block[: index - seen]
            lines = part.count("\n")
            line += lines
            column = len(part) - part.rfind("\n") if lines else column + len(part)
            seen += len(block)
            if seen > index:
                break
        return Place(path, line, column)

    def _blocks_of_files(self) -> Iterator[tuple[Path | None, str]]:
        """Yields each block with the file that it comes from."""
        if self.text is not None:
            yield None, self.text if isinstance(self.text, str) else self.text.decode("latin-1")
            return
        encoding = "utf-8-sig" if codecs.lookup(self.encoding).name == "utf-8" else self.encoding
        last, before = "\n", None
        for path in self.paths:
            if last != "\n":
                yield before, "\n"
            try:
                with path.open(encoding=encoding) as file:
                    while block := file.read(BLOCK):
                        last = block[-1]
                        yield path, block
            except UnicodeError as error:
                raise _undecodable(path, self.encoding, error) from None
            before = path


def as_source(name: str, given: object, encoding: str) -> Source:
    """Returns the source that a user gave: a str is the text itself, a `pathlib.Path` a file, or a folder, all of whose
    texts (*.txt) are taken in the order of their names.

    ValueError for a str that is the name of a file, since both could be meant; DataError for a folder without texts.
    """
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise ValueError(
            f"encoding: expected the name of an encoding, such as utf-8 or latin-1, got {encoding!r}"
        ) from None
    if isinstance(given, bytes):
        return Source(given, [], encoding)
    if isinstance(given, str):
        if given and len(given) < 1000 and "\n" not in given and "\0" not in given and os.path.exists(given):
            raise ValueError(
                f"{name}: expected a text, got {given!r}, the name of a {'folder' if os.path.isdir(given) else 'file'};"
                f" give pathlib.Path({given!r}) to read that"
            )
        return Source(given, [], encoding)
    if not isinstance(given, os.PathLike):
        raise TypeError(f"{name}: expected a str, or a pathlib.Path of a file or folder, got {checks.shown(given)}")
    path: Any = Path(given)
    if not path.is_dir():
        if not path.exists():
            raise FileNotFoundError(2, "no such file or folder", str(path))
        if not path.is_file():
            raise DataError("expected a file or folder, got a device or pipe", path=path)
        return Source(None, [path], encoding)
    found = sorted(each for each in path.rglob("*") if each.suffix.lower() in ENDINGS and each.is_file())
    if not found:
        raise DataError(f"the folder holds no text, no file that ends in {' or '.join(ENDINGS)}", path=path)
    return Source(None, found, encoding)


def _undecodable(path: Path, encoding: str, error: UnicodeError) -> DataError:
    """Returns the error for a file that is not of its encoding, with the line where that can be found."""
    with path.open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return DataError(f"expected {encoding}, got what begins like UTF-16; give encoding='utf-16'", path=path)
        file.seek(0)
        for number, line in enumerate(file, 1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError as own:
                byte = line[own.start]
                return DataError(
                    f"expected {encoding}, got the byte 0x{byte:02x} at column {own.start + 1}; give its encoding"
                    " (encoding='latin-1', --encoding), or read it as bytes (level='bytes', --level bytes)",
                    path=path,
                    line=number,
                )
            except UnicodeError:
                break
    return DataError(f"expected {encoding}: {error}; give its encoding, or read it as bytes (level='bytes')", path=path)
