"""The results of the experiments of `elman demo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elman.cli.console import terminal

if TYPE_CHECKING:
    from elman.classic.sine import Experiment
    from elman.cli.memory_demo import AddingRun

__all__ = ["AGREE", "memory_json", "print_memory", "print_sine", "sine_json"]

AGREE = 1e-9  # largest difference of a weight between the plain NumPy program and ours


def print_sine(found: Experiment) -> None:
    """Prints the errors and the time of each network, beside the time of the plain NumPy program."""
    runs, ours = [found.paper, *found.improved], found.paper
    terminal.line()
    terminal.table(
        ["network", "training loss", "test MSE, last step", "updates", "seconds"],
        [[r.name, f"{r.loss:.1e}", f"{r.error:.1e}", f"{r.updates:,}", f"{r.seconds:.2f}"] for r in runs],
    )
    terminal.line()
    if found.epochs < 2000:
        terminal.line(f"This was {found.epochs} epochs of the paper's 2000; the errors are not the paper's.")
    terminal.line(
        f"Plain NumPy: {found.timed_updates:,} updates of the paper's program took {found.timed_seconds:.2f} s; all "
        f"{ours.updates:,} would take about {found.plain_seconds:.0f} s (extrapolated)."
    )
    terminal.line(
        f"Ours took {ours.seconds:.2f} s, {found.plain_seconds / ours.seconds:.0f} times less. After the timed part "
        f"the two programs' weights differ by at most {found.difference:.0e}"
        + ("." if found.difference <= AGREE else f", more than {AGREE:.0e}: something is wrong.")
    )


def sine_json(found: Experiment) -> dict[str, object]:
    """Returns what `print_sine` says, for `--json`."""
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


def print_memory(found: AddingRun) -> None:
    """Prints some answers, and the test error beside that of an answer without memory."""
    terminal.line()
    terminal.table(
        ["test sequence", "sum", "answer"],
        [[str(row + 1), f"{found.sums[row]:.3f}", f"{found.answers[row]:.3f}"] for row in range(5)],
    )
    terminal.line()
    terminal.line(
        f"Mean squared error on {len(found.sums):,} test sequences: {found.test:.1e}. An answer without memory scores "
        f"{found.memoryless:.3f}"
        + (f", {found.memoryless / found.test:,.0f} times more." if found.test < found.memoryless / 2 else ".")
    )
    if found.test > found.memoryless / 2:
        terminal.line("It has not learnt to remember yet; the default number of updates is enough.")


def memory_json(found: AddingRun) -> dict[str, object]:
    """Returns what `print_memory` says, for `--json`."""
    return {
        "updates": len(found.losses),
        "seconds": found.seconds,
        "test_mse": found.test,
        "memoryless_mse": found.memoryless,
        "validation_mse": found.validation,
    }
