"""The options that say who trains the networks of a command, and where what is trained is kept."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from elman.cli import values

__all__ = ["ExecutorOptions"]


def _address(text: str | None) -> str | None:
    """Returns the address of a scheduler; BadParameter for what is none."""
    if values.not_empty(text) is not None and "://" not in str(text):
        raise typer.BadParameter(f"expected the address of a Dask scheduler, such as tcp://HOST:8786, got {text!r}")
    return text


@dataclass(frozen=True)
class ExecutorOptions:
    """Who trains the networks."""

    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster",
            callback=_address,
            metavar="ADDRESS",
            help="Train on the workers of a Dask cluster, whose scheduler is at tcp://HOST:8786; the results are the"
            " same to the bit.",
        ),
    ] = None
    ledger: Annotated[
        Path | None,
        typer.Option(
            "--ledger",
            metavar="FILE",
            parser=values.as_path,
            help="Keep every trained network in this file; after a crash, the same command goes on from there.",
        ),
    ] = None

    @contextmanager
    def executor(self) -> Generator[Any]:
        """Yields the executor that was asked for, None for the usual one."""
        if self.cluster is None and self.ledger is None:
            yield None
            return
        from elman.cluster import Ledger

        with Ledger(self.ledger or ":memory:", self.cluster) as ledger:
            yield ledger
