"""`python -m benchmarks.memory_tasks`: the recipes that solve the memory tasks, beside what no memory scores.

    python -m benchmarks.memory_tasks [--quick] [--only adding,copy,...] [--seed 0] [--out memory_tasks.json]

Every recipe trains on sequences drawn afresh for each block of updates. Sequences drawn from another seed validate
after each block: the weights with the lowest validation loss are kept, and the recipe itself was chosen so. The test
sequences, from a third seed, are drawn once, when the training is over. (The digits are a fixed set, cut in three.)

A table is printed and written to memory_tasks.json beside this file; a run with --only replaces its own rows. --quick
trains shorter sequences for less than a minute, to see that all is in order, and writes nothing unless told where.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe
from elman import Dense, Embedding, Last, Network, Recurrent, Trainer, datasets, show_config
from elman.core.layers import Layer, as_cell
from elman.core.optim import Adam
from elman.core.schedules import Cosine
from elman.datasets import Task

RESULTS = Path(__file__).with_suffix(".json")
VALIDATION, TEST, TRAINING = 1, 3, 1000  # seeds: block b of a training draws from TRAINING * (seed + 1) + b
ROWS = {VALIDATION: 500, TEST: 1000}
PARTS = {VALIDATION: "validation", TEST: "test"}


@dataclass(frozen=True)
class Recipe:
    """How one network learns one task.

    stages   (T, updates), one after the other: short sequences first is what makes long ones learnable
    rate     Adam's learning rate; `hold` of all updates run at it, then it falls to 0 along half a cosine
    figure   the test loss that it must reach
    decides  whether answers are right or wrong
    """

    task: str
    cell: str
    H: int
    stages: tuple[tuple[int, int], ...]
    figure: float
    rate: float = 2e-3
    hold: float = 0.5
    batch: int = 64
    clip: float = 1.0
    block: int = 50  # updates between two validations
    decides: bool = False

    @property
    def T(self) -> int:
        return self.stages[-1][0]

    @property
    def updates(self) -> int:
        return sum(count for _, count in self.stages)


GENERATORS: dict[str, Callable[[int, int, int], Task]] = {
    "adding": datasets.adding_problem,
    "copy": datasets.copy_memory,
    "echo": datasets.delayed_echo,
    "parity": datasets.parity,
    "decision": datasets.perceptual_decision,
    "match": datasets.delayed_match,
}

RECIPES = (
    Recipe("adding", "gru", 64, ((50, 2500), (200, 1000), (600, 1000)), 5.3e-5, rate=2e-2, clip=0.05),
    Recipe("adding", "lstm", 64, ((50, 2500), (200, 1000), (600, 1000)), 1e-3, rate=2e-2, clip=0.05),
    Recipe("adding", "relu", 100, ((20, 300), (50, 300), (100, 500), (200, 1000)), 1e-2, rate=1e-3),
    Recipe("copy", "lstm", 128, ((5, 2500), (10, 300), (20, 300), (40, 500), (100, 800)), math.log(8) / 120, rate=5e-3),
    Recipe("echo", "tanh", 64, ((50, 2000),), 1e-3),
    Recipe("parity", "gru", 32, ((5, 500), (20, 300), (100, 300)), 1e-2, rate=5e-3, decides=True),
    Recipe("digits", "gru", 128, ((64, 2000),), 0.25, rate=3e-3, decides=True),
    Recipe("decision", "gru", 32, ((50, 2000),), 0.125, rate=5e-3, decides=True),
    Recipe("match", "gru", 32, ((50, 500),), 1e-2, rate=5e-3, decides=True),
)
QUICK = {
    "adding": ((20, 150),),
    "copy": ((5, 150),),
    "echo": ((20, 150),),
    "parity": ((5, 150),),
    "digits": ((64, 100),),
    "decision": ((20, 100),),
    "match": ((20, 100),),
}


def main(arguments: list[str] | None = None) -> int:
    given = parse(arguments)
    results: list[dict[str, Any]] = []
    for recipe in (recipe for recipe in RECIPES if recipe.task in given.only):
        if given.cells and recipe.cell not in given.cells:
            continue
        recipe = replace(recipe, stages=QUICK[recipe.task]) if given.quick else recipe
        try:
            results.append(solve(recipe, given.seed, say if given.verbose else None))
        except ModuleNotFoundError as missing:
            print(f"{recipe.task}: left out, {missing}", file=sys.stderr)
            continue
        print(table(results[-1:], header=len(results) == 1), flush=True)
    out: Path | None = given.out or (None if given.quick else RESULTS)
    if out:
        write(results, out)
        print(f"wrote {out.name}")
    return 0 if given.quick or all(row["test"] <= row["figure"] for row in results) else 1


def parse(arguments: list[str] | None) -> argparse.Namespace:
    tasks = list(dict.fromkeys(recipe.task for recipe in RECIPES))
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.memory_tasks", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="short sequences and trainings, less than a minute")
    parser.add_argument("--only", type=_words(tasks), default=tasks, help=",".join(tasks))
    parser.add_argument("--cells", type=_words(["tanh", "relu", "lstm", "gru"]), help="of the recipes, these cells'")
    parser.add_argument("--seed", type=int, default=0, help="of weights and training sequences")
    parser.add_argument("--verbose", action="store_true", help="a line for every validation")
    parser.add_argument("--out", type=Path, help="file of the results")
    return parser.parse_args(arguments)


def _words(known: Sequence[str]) -> Callable[[str], list[str]]:
    def words(text: str) -> list[str]:
        listed = [word for word in text.split(",") if word]
        for word in listed:
            if word not in known:
                raise argparse.ArgumentTypeError(f"expected some of {', '.join(known)}, got {word!r}")
        return listed

    return words


# ------------------------------------------------------------------------------------------- one recipe


def solve(recipe: Recipe, seed: int, report: Callable[[str], object] | None = None) -> dict[str, Any]:
    """Trains one network by its recipe and tests it: a row of the table."""
    began = time.perf_counter()
    network, validation = train(recipe, seed, report)
    seconds = time.perf_counter() - began
    test = draw(recipe.task, ROWS[TEST], recipe.T, TEST)
    row = {
        "task": recipe.task,
        "cell": recipe.cell,
        "H": recipe.H,
        "T": recipe.T,
        "updates": recipe.updates,
        "seconds": round(seconds, 1),
        "loss": test.loss,
        "validation": validation,
        "test": score(network, test),
        "figure": recipe.figure,
        "memoryless": test.memoryless,
        "seed": seed,
    }
    if recipe.decides:
        row |= {"wrong": wrong(network, test), "wrong by chance": wrong_by_chance(test)}
    settings = {key: value for key, value in asdict(recipe).items() if key not in row}
    return row | {"recipe": settings, "threads": show_config()["threads"], "date": describe()["date"]}


def train(recipe: Recipe, seed: int, report: Callable[[str], object] | None = None) -> tuple[Network, float]:
    """The network with the lowest validation loss at the recipe's full T, and that loss."""
    network = build(recipe, seed)
    held_out = draw(recipe.task, ROWS[VALIDATION], recipe.T, VALIDATION)
    trainer = Trainer(
        network,
        loss=held_out.loss,
        optimizer=Adam(recipe.rate),
        schedule=Cosine(recipe.updates, hold=int(recipe.hold * recipe.updates)),
        clip_norm=recipe.clip,
        batch_size=recipe.batch,
    )
    best, best_theta, block = score(network, held_out), network.theta.copy(), 0
    for T, updates in recipe.stages:
        while updates:
            count = min(recipe.block, updates)
            task = draw(recipe.task, count * recipe.batch, T, TRAINING * (seed + 1) + block)
            trainer.fit(task.x, task.y, sample_weight=task.weight, epochs=1, shuffle=False, progress=False)
            updates, block = updates - count, block + 1
            value = score(network, held_out)
            if value < best:
                best, best_theta = value, network.theta.copy()
            if report is not None:
                trained = trainer.history.loss[-1]
                report(
                    f"{recipe.task} {recipe.cell}: update {trainer.updates}, T {T}: {trained:.3g}, held out {value:.3g}"
                )
    network.theta = best_theta
    return network, best


def build(recipe: Recipe, seed: int) -> Network:
    """The untrained network; the copy memory's symbols go through an embedding."""
    outputs = {"copy": 9, "digits": 10}.get(recipe.task, 1)
    layers: list[Layer] = [Recurrent(recipe.H, as_cell(recipe.cell)), Dense(outputs)]
    if recipe.task == "copy":
        return Network.from_layers([Embedding(10, 10), *layers], seed=seed)
    if recipe.task in ("adding", "digits"):
        layers.insert(1, Last())
    inputs = {"adding": 2, "decision": 2, "match": 3}.get(recipe.task, 1)
    return Network.from_layers(layers, input_size=inputs, seed=seed)


def draw(task: str, n: int, T: int, seed: int) -> Task:
    """n sequences; of the digits n rows of the training part, or all of the part that the seed stands for."""
    if task != "digits":
        return GENERATORS[task](n, T, seed)
    if seed in PARTS:
        return datasets.sequential_digits(PARTS[seed])  # pyright: ignore[reportArgumentType]
    part = datasets.sequential_digits("train")
    rows = np.random.default_rng(seed).integers(0, len(part.x), n)
    return part._replace(x=part.x[rows], y=part.y[rows])


# ---------------------------------------------------------------------------------------------- scores


def score(network: Network, task: Task) -> float:
    return network.loss(task.x, task.y, loss=task.loss, sample_weight=task.weight)


def wrong(network: Network, task: Task) -> float:
    """The fraction of wrong decisions, of all that are not the same for every sequence."""
    y = network.predict(task.x)
    right = y.argmax(axis=-1) == task.y if task.loss == "cross_entropy" else (y > 0) == (task.y > 0)
    return float(np.mean(~right[:, _asked(task)] if task.y.ndim > 1 else ~right))


def wrong_by_chance(task: Task) -> float:
    """The same for the commonest answer at each step."""
    asked = task.y[:, _asked(task)] if task.y.ndim > 1 else task.y[:, None]
    commonest = np.array(
        [np.max(np.unique(column, return_counts=True)[1]) for column in asked.T.reshape(-1, len(asked))]
    )
    return float(1 - commonest.mean() / len(asked))


def _asked(task: Task) -> np.ndarray:
    """The steps at which sequences differ in their targets (T,)."""
    return (task.y != task.y[:1]).reshape(len(task.y), task.y.shape[1], -1).any(axis=(0, 2))


# ---------------------------------------------------------------------------------------------- output

COLUMNS = ("task", "cell", "H", "T", "updates", "seconds", "validation", "test", "figure", "memoryless", "wrong")


def table(rows: Sequence[dict[str, Any]], header: bool = True) -> str:
    widths = (8, 5, 4, 4, 8, 8, 11, 11, 11, 11, 18)
    lines = [COLUMNS] if header else []
    for row in rows:
        figures = [f"{row[name]:.3g}" for name in ("validation", "test", "figure", "memoryless")]
        decided = f"{row['wrong']:.2%} of {row['wrong by chance']:.1%}" if "wrong" in row else "-"
        lines.append((*(str(row[name]) for name in COLUMNS[:6]), *figures, decided))  # type: ignore[arg-type]
    return "\n".join(" ".join(text.rjust(w) for text, w in zip(line, widths, strict=True)) for line in lines)


def write(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Adds the rows to the file, each in place of an older one of the same task, cell and T."""

    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        return row["task"], row["cell"], row["T"]

    older = json.loads(path.read_text("utf-8"))["rows"] if path.exists() else []
    new = {key(row) for row in rows}
    kept = [row for row in older if key(row) not in new]
    order = [(recipe.task, recipe.cell) for recipe in RECIPES]
    every = sorted([*kept, *rows], key=lambda row: order.index((row["task"], row["cell"])))
    about = {**describe(), "isa": show_config().get("isa")}
    path.write_text(json.dumps({"about": about, "rows": every}, indent=1) + "\n", "utf-8")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
