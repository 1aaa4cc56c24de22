"""`elman demo sine`, `elman demo memory`: textbook experiments, run while you watch."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from elman.cli import say
from elman.cli.files import Outputs
from elman.cli.words import Json, Out, Seed

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from elman.classic.sine import Experiment

__all__ = ["app"]

AGREE = 1e-9  # largest difference of a weight between the plain NumPy program and ours

app = typer.Typer(help="Textbook experiments, run while you watch: sine, memory.", no_args_is_help=True)


@app.command()
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


# -------------------------------------------------------------------------------------------- memory

BLOCKS = 42  # of updates, each on sequences drawn afresh
STAGES = (50, 200)  # steps of a sequence: the first third of the updates, and the others


class Learned(NamedTuple):
    """What `elman demo memory` measured."""

    losses: np.ndarray  # (U,), of each update, before it
    switch: int  # updates done on the shorter sequences
    ends: np.ndarray  # (b,), the updates done at each validation
    validation: np.ndarray  # (b,), mean squared error of sequences held out, at the full length
    test: float
    memoryless: float
    sums: np.ndarray  # (n,), of the test sequences
    answers: np.ndarray  # (n,)
    seconds: float


@app.command()
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
) -> int:
    """Learn to remember: the adding problem, whose error falls only once a network keeps what it saw."""
    with Outputs(out, "memory", [".png"]) as outputs:
        if not as_json:
            say.line(f"The adding problem: {STAGES[1]} random numbers in a row, two of them marked. After the last,")
            say.line(
                f"their sum is asked. A GRU of 64 units learns it, first on {STAGES[0]} numbers, always on new ones."
            )
        found = _learn(updates, seed, None if as_json else lambda text: say.line(f"  {text}"))
        outputs.write(".png", lambda path: _draw(found, path))
        written = outputs.commit()
    if as_json:
        described = {"updates": len(found.losses), "seconds": found.seconds, "test_mse": found.test}
        described |= {"memoryless_mse": found.memoryless, "validation_mse": found.validation, "seed": seed}
        say.as_json(described | {"files": written})
        return 0
    say.line()
    say.table(
        ["test sequence", "sum", "answer"],
        [[str(row + 1), f"{found.sums[row]:.3f}", f"{found.answers[row]:.3f}"] for row in range(5)],
    )
    say.line()
    say.line(
        f"Mean squared error on {len(found.sums):,} test sequences: {found.test:.1e}. An answer without memory scores "
        f"{found.memoryless:.3f}"
        + (f", {found.memoryless / found.test:,.0f} times more." if found.test < found.memoryless / 2 else ".")
    )
    if found.test > found.memoryless / 2:
        say.line("It has not learnt to remember yet; the default number of updates is enough.")
    say.line(f"{len(found.losses):,} updates took {found.seconds:.0f} s. Wrote {written[0]}")
    return 0


def _learn(updates: int | None, seed: int, report: Callable[[str], object] | None) -> Learned:
    """The training, with a validation after each block of updates, and one test at the end."""
    import numpy as np

    from elman.core.optim import Adam
    from elman.core.schedules import Cosine
    from elman.datasets import adding_problem
    from elman.engines.config import show_config
    from elman.network import Network
    from elman.train.training import Trainer

    native = show_config()["engine"] == "native"
    total = updates or (2500 if native else 20)
    network = Network(2, 64, 1, cell="gru", output="last", seed=seed)
    schedule = Cosine(total, hold=total // 2)
    trainer = Trainer(network, optimizer=Adam(0.02), schedule=schedule, clip_norm=0.05, batch_size=64)
    # seeds: 0 validates, 1 tests, the rest train
    held_out, test = adding_problem(500, STAGES[1], 0), adding_problem(1000, STAGES[1], 1)
    ends, validation, switch, began = [], [], 0, time.perf_counter()
    cuts = np.unique(np.linspace(0, total, BLOCKS + 1).astype(int))
    for block, count in enumerate(np.diff(cuts)):
        later = 3 * block >= len(cuts) - 1
        switch = switch if later else int(cuts[block + 1])
        task = adding_problem(int(count) * 64, STAGES[later], 2 + BLOCKS * seed + block)
        trainer.fit(task.x, task.y, epochs=1, shuffle=False, progress=False)
        ends.append(trainer.updates)
        validation.append(network.loss(held_out.x, held_out.y))
        if report is not None and (block + 1) % (len(cuts) // 10 or 1) == 0:
            report(f"after {trainer.updates:5,} updates: error {validation[-1]:.2e}")
    seconds = time.perf_counter() - began
    return Learned(
        trainer.history.update_loss,
        switch,
        np.array(ends),
        np.array(validation),
        network.loss(test.x, test.y),
        test.memoryless,
        test.y[:, 0],
        network.predict(test.x)[:, 0],
        seconds,
    )


def _draw(found: Learned, path: Path) -> None:
    """The learning curve: every update's loss, the validations, and what no memory scores."""
    from elman.plots import picture

    steps = range(1, len(found.losses) + 1)
    with picture(path, 9, 5) as figure:
        axes = figure.subplots()
        axes.semilogy(steps, found.losses, color="#4c72b0", linewidth=0.6, alpha=0.45, label="each update's sequences")
        axes.semilogy(found.ends, found.validation, color="#4c72b0", linewidth=2, label=f"held out, {STAGES[1]} steps")
        axes.axhline(found.memoryless, color="black", linestyle="--", linewidth=1, label="without memory: 1/6")
        stages = f"{STAGES[0]} steps, then {STAGES[1]}"
        axes.axvline(found.switch, color="grey", linestyle=":", linewidth=1, label=stages)
        axes.set(title="A GRU learns the adding problem", xlabel="update", ylabel="mean squared error")
        axes.legend(loc="lower left", frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.2)
