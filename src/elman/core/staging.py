"""Files that appear whole or not at all: each is written under a hidden name beside its own, then all are renamed."""

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
from elman.core.leftovers import hidden_name, sweep

__all__ = ["Staging", "attempt", "real", "replacing", "write_bytes"]

LONGEST_ENDING = 16  # bytes; a longer one is no ending that says what a file is


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Generator[Path]:
    """Gives a hidden path beside `path`, with its ending; what was written there takes its name in the end.

    Where the body raises, nothing is left behind and an older file stays. An older file's mode is kept, and where
    `path` is a link, what it leads to is written. OSError names `path`.
    """
    with Staging() as staging:
        with staging.file(path) as hidden:
            yield hidden
        staging.commit()


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes a file whole or not at all; OSError names `path`."""
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
    target: Path  # what it leads to
    hidden: Path  # the name that it is written under
    earlier: Path  # another name of what stands at the target, while files are renamed


class Staging:
    """Several files, written one after the other, that appear together in `commit` or not at all."""

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
        """Gives the hidden path that the file is to be written to, an empty file so far.

        An OSError of the body names `path`, whatever it named: the hidden path, or nothing (a full disk).
        """
        path = Path(path)
        target = real(path)
        sweep(target.parent)
        ending = path.suffix if len(os.fsencode(path.suffix)) <= LONGEST_ENDING else ""
        staged = _Staged(path, target, *(target.with_name(hidden_name(ending)) for _ in range(2)))
        self._files.append(staged)  # before it is there, so that nothing comes between
        with _named(path):
            mode = _create(staged.hidden, _status(target))
            yield staged.hidden
            _finish(staged.hidden, mode)

    def commit(self) -> list[Path]:
        """Gives every file its name and returns these; where one cannot take it, none has, and what stood there stays.
        Ctrl-C waits for the end."""
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
    """The file that is written where `path` is asked for: what a link leads to, else `path` itself.

    OSError for a folder, device, pipe or socket, for one in a folder that does not exist, and for a name that the file
    system cannot hold.
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
    """Tries whether files can be made in a folder, and leaves none there. OSError where they cannot."""
    sweep(folder)
    hidden = folder / hidden_name()
    try:
        os.close(os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    finally:
        hidden.unlink(missing_ok=True)


# ------------------------------------------------------------------------------------------------- inside


def _status(target: Path) -> os.stat_result | None:
    try:
        return os.stat(target)
    except (FileNotFoundError, NotADirectoryError):
        return None


@contextmanager
def _named(path: Path) -> Generator[None]:
    """The system names the hidden file, or none; its errors are to name the file that was asked for."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error) or type(error).__name__
        raise OSError(error.errno or errno.EIO, why, str(path)) from error


def _create(hidden: Path, older: os.stat_result | None) -> int:
    """An empty file, which its writer may write and nobody may read who may not read the older one; returns the mode
    that it is to have: the older one's, else that of any new file of this user."""
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
    """Onto the disk, and open to those it is for."""
    descriptor = os.open(hidden, os.O_RDWR)
    try:
        if hasattr(os, "fchmod") and stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
            os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _keep(target: Path, earlier: Path) -> None:
    """A second name for what stands at the target, if anything does."""
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
    """What stood at the target before, if the file was renamed already."""
    if each.hidden.exists():
        return
    if each.earlier.exists():
        os.replace(each.earlier, each.target)
    else:
        each.target.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Makes the renaming itself last; where a folder cannot be synced at all, that is the system's business."""
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
