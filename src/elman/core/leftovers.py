"""Hidden names that files are written under, and the removal of those that a killed process left behind.

A name is `.elman-HOST-PID-RANDOM` and an ending: it says whose file it is, so that nothing else is ever removed.
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
    """A new name of this process: at most 35 bytes and the ending, so it fits wherever a file of any name does."""
    return f"{PREFIX}{_host()}-{os.getpid()}-{secrets.token_hex(4)}{ending}"


def sweep(folder: Path) -> None:
    """Removes the hidden files of this host's processes that are gone; no others, and none where that is unknown."""
    if os.name != "posix":  # elsewhere nothing says so cheaply whether a process is there
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
    """This host, and on Linux its table of processes: containers may share a folder and a name, but no process ids."""
    table = ""
    with suppress(OSError):
        table = os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(f"{socket.gethostname()} {table}".encode(errors="replace")).hexdigest()[:8]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's, or no process id at all
        return True
    return True
