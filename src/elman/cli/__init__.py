"""The command line, a thin layer over the Python interface. `main` is the entry point.

Exit codes: 0 done, 1 a check found something wrong, 2 wrong usage, 3 bad data or files, or a training that failed, 130
interrupted (Ctrl-C), 143 terminated (SIGTERM), 129 hung up (SIGHUP), 141 nobody reads the output any more (`| head`).
An error is one line on stderr that says where it is and what to do.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence

__all__ = ["main"]

EXTRA = ("typer", "rich", "matplotlib", "narwhals")  # what `pip install 'elman[cli]'` brings


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command (`sys.argv[1:]` by default) and returns its exit code."""
    missing = [name for name in EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        print(f"elman: the command line needs {', '.join(missing)}; type: pip install 'elman[cli]'", file=sys.stderr)
        return 2
    try:
        from elman.cli.app import run

        return run(sys.argv[1:] if arguments is None else list(arguments))
    except KeyboardInterrupt:  # while modules were being loaded
        return 130
