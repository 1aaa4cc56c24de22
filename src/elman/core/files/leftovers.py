"""Hidden names that files are written under, and the removal of files that a killed process left behind.

A name is `.elman-HOST-PID-RANDOM` with an ending: it tells whose file it is, so that no other file is ever removed.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import socket
import stat
from contextlib import suppress
from functools import cache
from pathlib import Path

__all__ = ["PREFIX", "hidden_name", "sweep"]

PREFIX = ".elman-"
HIDDEN = re.compile(r"\.elman-([0-9a-f]{8})-([1-9]\d{0,9})-[0-9a-f]{8}(\.[^.]*)?")


def hidden_name(ending: str = "") -> str:
    """Returns a new name of this process: at most 35 bytes and the ending, short enough for any file system."""
    return f"{PREFIX}{_host()}-{os.getpid()}-{secrets.token_hex(4)}{ending}"


def sweep(folder: Path) -> None:
    """Removes the hidden files of processes of this host that have ended; none where that cannot be known."""
    if os.name != "posix":  # elsewhere it is costly to know whether a process runs
        return
    with suppress(OSError):
        for name in os.listdir(folder):
            found = HIDDEN.fullmatch(name) if name.startswith(PREFIX) else None
            if found and found[1] == _host() and not _alive(int(found[2])):
                hidden = folder / name
                if stat.S_ISREG(hidden.lstat().st_mode):
                    hidden.unlink()


@cache
def _host() -> str:
    """Returns a digest of the host's name and, on Linux, of its process table: containers may share
    a folder and a name, but not process ids."""
    table = ""
    with suppress(OSError):
        table = os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(f"{socket.gethostname()} {table}".encode(errors="replace")).hexdigest()[:8]


def _alive(pid: int) -> bool:
    """Returns whether a process runs, or may run."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's, or no process id at all
        return True
    return True
