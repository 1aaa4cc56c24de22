"""`elman config`: what this installation is made of."""

from __future__ import annotations

from elman.cli.console import terminal
from elman.cli.options import Json

__all__ = ["config"]


def config(as_json: Json = False) -> None:
    """Print which engine, instruction set and threads are in use, and which extras are installed."""
    from elman.engines.config import show_config

    found = show_config()
    if as_json:
        terminal.print_json(found)
        return
    terminal.rows(
        (name, ", ".join(value) if isinstance(value, list) else str(value or "-")) for name, value in found.items()
    )
