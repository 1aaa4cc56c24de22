"""Writes files that appear complete or not at all: under a hidden name first, and renamed in the end."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from elman.core import interrupts
from elman.core.files.leftovers import hidden_name, sweep

__all__ = ["Staging", "attempt", "real", "replacing", "write_bytes"]

LONGEST_ENDING = 16  # bytes; a longer one does not tell a file's type


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Generator[Path]:
    """Yields a hidden path beside `path`, with the same ending; the file written there is renamed to `path` in the end.

    Where the body raises, nothing is left behind and an older file stays. An older file's mode is kept, and where
    `path` is a link, its target is written. Every OSError names `path`.
    """
    with Staging() as staging:
        with staging.file(path) as hidden:
            yield hidden
        staging.commit()


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes a file, complete or not at all; every OSError names `path`."""
    with replacing(path) as hidden:
        descriptor = os.open(hidden, os.O_WRONLY | os.O_TRUNC | getattr(os, "O_BINARY", 0))
        try:
            rest = memoryview(data)
            while rest:  # however little the system takes at a time
                count = os.write(descriptor, rest)
                if not count:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                rest = rest[count:]
        finally:
            os.close(descriptor)


@dataclass(frozen=True)
class _Staged:
    path: Path  # as the caller names it
    target: Path  # the file itself, where the path is a link
    hidden: Path  # the name that it is written under
    earlier: Path  # another name of the older file, while files are renamed


class Staging:
    """Several files, written one after the other, which appear together in `commit` or not at all."""

    def __init__(self) -> None:
        self._files: list[_Staged] = []

    def __enter__(self) -> Staging:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._files:
            for name in (each.hidden, each.earlier):
                with suppress(OSError):
                    name.unlink(missing_ok=True)
        self._files.clear()

    @contextmanager
    def file(self, path: str | os.PathLike[str]) -> Generator[Path]:
        """Yields the hidden path to write to, an empty file. Every OSError of the body names `path`."""
        path = Path(path)
        target = real(path)
        sweep(target.parent)
        ending = path.suffix if len(os.fsencode(path.suffix)) <= LONGEST_ENDING else ""
        staged = _Staged(path, target, *(target.with_name(hidden_name(ending)) for _ in range(2)))
        self._files.append(staged)  # before it exists, so that it is removed whatever happens
        with _named(path):
            mode = _create(staged.hidden, _status(target))
            yield staged.hidden
            _finish(staged.hidden, mode)

    def commit(self) -> list[Path]:
        """Renames every file to its path and returns the paths; where one cannot be renamed, all older files stay.

        Ctrl-C waits for the end.
        """
        several = self._files if len(self._files) > 1 else ()
        with interrupts.held():
            try:
                for each in several:
                    with _named(each.path):
                        _keep(each.target, each.earlier)
                for each in self._files:
                    with _named(each.path):
                        os.replace(each.hidden, each.target)
                for folder, path in {each.target.parent: each.path for each in self._files}.items():
                    with _named(path):
                        _sync_folder(folder)
            except BaseException:
                for each in several:
                    with suppress(OSError):
                        _undo(each)
                raise
            paths = [each.path for each in self._files]
            self.__exit__()
        return paths


def real(path: Path) -> Path:
    """Returns the path that is written for `path`: the target of a link, else `path` itself.

    Raises OSError for a folder, device, pipe or socket, for a file in a folder that does not exist, and for a name that
    the file system cannot hold.
    """
    try:
        target = Path(os.path.realpath(path)) if path.is_symlink() else path
        status = _status(target)
    except ValueError:  # a NUL
        raise OSError(errno.EINVAL, "expected the name of a file, got one with a NUL in it", str(path)) from None
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    if status is None and not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "the folder does not exist", str(target.parent))
    if status is not None and stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if status is not None and not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "expected the name of a file, got a device, pipe or socket", str(path))
    return target


def attempt(folder: Path) -> None:
    """Raises OSError where no file can be made in a folder; leaves none there."""
    sweep(folder)
    hidden = folder / hidden_name()
    try:
        os.close(os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    finally:
        hidden.unlink(missing_ok=True)


# ------------------------------------------------------------------------------------------------- inside


def _status(target: Path) -> os.stat_result | None:
    """Returns the status of a file, or None where there is none."""
    try:
        return os.stat(target)
    except (FileNotFoundError, NotADirectoryError):
        return None


@contextmanager
def _named(path: Path) -> Generator[None]:
    """Makes every OSError of the body name `path`; the system's name the hidden file, or none."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error) or type(error).__name__
        raise OSError(error.errno or errno.EIO, why, str(path)) from error


def _create(hidden: Path, older: os.stat_result | None) -> int:
    """Makes an empty file and returns the mode that it shall have: the older file's, else that of a new file.

    While it is written, nobody may read it who may not read the older one.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    if older is None:
        descriptor = os.open(hidden, flags, 0o666)
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        os.close(descriptor)
        return mode
    mode = older.st_mode & 0o777
    descriptor = os.open(hidden, flags, 0o600)
    try:
        if hasattr(os, "fchown"):
            own = os.fstat(descriptor)
            if own.st_gid != older.st_gid:
                try:
                    os.fchown(descriptor, -1, older.st_gid)
                except OSError:  # the group would be another one
                    mode &= ~stat.S_IRWXG
            if own.st_uid != older.st_uid:
                with suppress(OSError):
                    os.fchown(descriptor, older.st_uid, -1)
    finally:
        os.close(descriptor)
    return mode


def _finish(hidden: Path, mode: int) -> None:
    """Gives the file its mode and syncs it to the disk."""
    descriptor = os.open(hidden, os.O_RDWR)
    try:
        if hasattr(os, "fchmod") and stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
            os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _keep(target: Path, earlier: Path) -> None:
    """Gives the file at the target, if there is one, a second name, from which `_undo` restores it."""
    older = _status(target)
    if older is None:
        return
    try:
        os.link(target, earlier)
    except OSError:  # file systems without links, and files of others
        mode = _create(earlier, older)
        shutil.copyfile(target, earlier)
        _finish(earlier, mode)


def _undo(each: _Staged) -> None:
    """Puts back what was at the target before, where the new file has been renamed."""
    if each.hidden.exists():
        return
    if each.earlier.exists():
        os.replace(each.earlier, each.target)
    else:
        each.target.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Syncs a folder, so that the renaming lasts; does nothing where the system cannot sync folders."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EBADF, errno.EINVAL, errno.ENOTSUP):
            raise
