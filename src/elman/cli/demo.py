"""`elman demo sine`: a textbook experiment, run while you watch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from elman.cli import say
from elman.cli.files import Outputs
from elman.cli.words import Json, Out

if TYPE_CHECKING:
    from elman.classic.sine import Experiment

__all__ = ["app"]

AGREE = 1e-9  # largest difference of a weight between the plain NumPy program and ours

app = typer.Typer(help="Textbook experiments, run while you watch: sine.", no_args_is_help=True)


@app.callback()
def _demo() -> None:  # pyright: ignore[reportUnusedFunction]
    pass  # with it, `sine` stays a word of its own while it is the only demonstration


@app.command()
def sine(
    out: Out = None,
    as_json: Json = False,
    epochs: Annotated[
        int | None,
        typer.Option("--epochs", min=1, help="Epochs of the paper's program; default: its 2000.", show_default=False),
    ] = None,
) -> int:
    """Predict a sine wave: a paper's program word for word, and what a better loss makes of it."""
    with Outputs(out, "sine", [".png"]) as outputs:
        from elman.classic import sine as experiment

        if not as_json:
            say.line("A sine wave, predicted one step ahead from its last 10 values: 792 windows train, 198 test.")
            say.line("The paper's program, its own lines:")
        found = experiment.run(epochs, report=None if as_json else lambda text: say.line(f"  {text}"))
        outputs.write(".png", lambda path: experiment.draw(found, path))
        written = outputs.commit()
    if as_json:
        say.as_json(_described(found) | {"files": written})
    else:
        _tell(found)
        say.line(f"Wrote {written[0]}")
    return 0 if found.difference <= AGREE else 1


def _tell(found: Experiment) -> None:
    runs, ours = [found.paper, *found.improved], found.paper
    say.line()
    say.table(
        ["network", "training loss", "test MSE, last step", "updates", "seconds"],
        [[r.name, f"{r.loss:.1e}", f"{r.error:.1e}", f"{r.updates:,}", f"{r.seconds:.2f}"] for r in runs],
    )
    say.line()
    if found.epochs < 2000:
        say.line(f"This was {found.epochs} epochs of the paper's 2000; the errors are not the paper's.")
    say.line(
        f"Plain NumPy: {found.timed_updates:,} updates of the paper's program took {found.timed_seconds:.2f} s; all "
        f"{ours.updates:,} would take about {found.plain_seconds:.0f} s (extrapolated)."
    )
    say.line(
        f"Ours took {ours.seconds:.2f} s, {found.plain_seconds / ours.seconds:.0f} times less. After the timed part "
        f"the two programs' weights differ by at most {found.difference:.0e}"
        + ("." if found.difference <= AGREE else f", more than {AGREE:.0e}: something is wrong.")
    )


def _described(found: Experiment) -> dict[str, Any]:
    runs = [found.paper, *found.improved]
    return {
        "epochs": found.epochs,
        "runs": [
            {"name": r.name, "training_loss": r.loss, "test_mse": r.error, "updates": r.updates, "seconds": r.seconds}
            for r in runs
        ],
        "plain_numpy": {
            "timed_updates": found.timed_updates,
            "timed_seconds": found.timed_seconds,
            "extrapolated_seconds": found.plain_seconds,
            "largest_difference_of_a_weight": found.difference,
        },
    }
