"""The command line: words over the Python interface, no logic of its own. `main` is the entry point.

Exit codes: 0 done, 1 a check found something wrong, 2 wrong usage, 3 bad data or files, 130 interrupted. An error is one
line on stderr that names the place and says what to do.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

MISSING = "elman: the command line needs {name}; type: pip install 'elman[cli]'"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command (`sys.argv[1:]` by default) and returns its exit code."""
    try:
        from elman.cli.app import run
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        print(MISSING.format(name=error.name), file=sys.stderr)
        return 2
    return run(sys.argv[1:] if arguments is None else list(arguments))
