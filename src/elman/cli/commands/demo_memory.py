"""`elman demo memory`: a network learns to remember, while you watch."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from elman.cli import memory_demo
from elman.cli.console import terminal
from elman.cli.console.demos import memory_json, print_memory
from elman.cli.files import Outputs
from elman.cli.options import Json, Out, Seed

__all__ = ["memory"]


def memory(
    out: Out = None,
    as_json: Json = False,
    seed: Seed = 0,
    updates: Annotated[
        int | None,
        typer.Option(
            "--updates", min=1, max=100_000, help="Updates of the weights; default: 2500.", show_default=False
        ),
    ] = None,
) -> None:
    """Learn to remember: the adding problem, whose error falls only once a network keeps what it saw."""
    with Outputs(out, "memory", [".png"]) as outputs:
        if not as_json:
            short, full = memory_demo.STAGES
            terminal.line(f"The adding problem: {full} random numbers in a row, two of them marked. After the last,")
            terminal.line(
                f"their sum is asked. A GRU of 64 units learns it, first on {short} numbers, always on new ones.",
                now=True,
            )
        began = time.monotonic()

        def report(text: str, share: float) -> None:
            terminal.line(f"  {text}; {terminal.left(share, time.monotonic() - began)}", now=True)

        if as_json:
            with terminal.working("learning") as progress:
                found = memory_demo.learn(updates, seed, lambda _, share: progress(share))
        else:
            found = memory_demo.learn(updates, seed, report)
        outputs.write(".png", lambda path: memory_demo.draw(found, path))
        written = outputs.commit()
    if as_json:
        terminal.print_json({**memory_json(found), "seed": seed, "files": written})
        return
    print_memory(found)
    terminal.line(f"{len(found.losses):,} updates took {found.seconds:.0f} s. Wrote {written[0]}")
