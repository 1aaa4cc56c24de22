"""`elman demo sine`: a paper's experiment with a sine wave, run while you watch."""

from __future__ import annotations

from typing import Annotated

import typer

from elman.cli.console import terminal
from elman.cli.console.demos import AGREE, print_sine, sine_json
from elman.cli.files import Outputs
from elman.cli.options import Json, Out

__all__ = ["sine"]


def sine(
    out: Out = None,
    as_json: Json = False,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs", min=1, max=100_000, help="Epochs of the paper's program; default: its 2000.", show_default=False
        ),
    ] = None,
) -> int:
    """Predict a sine wave: a paper's program as its listing has it, and what a better loss makes of it."""
    with Outputs(out, "sine", [".png"]) as outputs:
        from elman.classic import sine as experiment

        if not as_json:
            terminal.line("A sine wave, predicted one step ahead from its last 10 values: 792 windows train, 198 test.")
            terminal.line(
                "The paper's program, its own lines, then three better networks, in half a minute in all:", now=True
            )
        found = experiment.run(epochs, report=None if as_json else lambda text: terminal.line(f"  {text}", now=True))
        outputs.write(".png", lambda path: experiment.draw(found, path))
        written = outputs.commit()
    if as_json:
        terminal.print_json(sine_json(found) | {"files": written})
    else:
        print_sine(found)
        terminal.line(f"Wrote {written[0]}")
    return 0 if found.difference <= AGREE else 1
