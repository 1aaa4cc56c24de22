"""The experiment of `elman demo memory`: a GRU learns the adding problem."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

__all__ = ["STAGES", "AddingRun", "draw", "learn"]

BLOCKS = 42  # blocks of updates, each trained on new sequences and followed by a validation
STAGES = (50, 200)  # steps of a sequence in the first third of the updates, and in the others


class AddingRun(NamedTuple):
    """What `elman demo memory` measured."""

    losses: np.ndarray  # (U,) the loss of each update
    switch: int  # the update from which the sequences have their full length
    ends: np.ndarray  # (b,) how many updates were done at each validation
    validation: np.ndarray  # (b,) mean squared error of held-out sequences of the full length
    test: float  # mean squared error of the test sequences
    memoryless: float  # the same, of the best answer that uses no memory
    sums: np.ndarray  # (n,) the sums that the test sequences ask for
    answers: np.ndarray  # (n,) the answers of the network
    seconds: float  # what the training took


def learn(updates: int | None, seed: int, report: Callable[[str, float], object] | None) -> AddingRun:
    """Trains a network on the adding problem, validates it after each block of updates and tests it at the end.

    updates   how many; None: 2500, or 20 on the reference engine
    report    is called with a line of text and the share of the updates that is done, from time to time; None: nothing
              is reported
    """
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
    # seed 0 gives the sequences for validation, 1 those for the test, later ones those for training
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
            report(f"after {trainer.updates:5,} updates: error {validation[-1]:.2e}", trainer.updates / total)
    seconds = time.perf_counter() - began
    return AddingRun(
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


def draw(found: AddingRun, path: Path) -> None:
    """Draws the loss of every update, the validations, and the error without memory, into a PNG file."""
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
