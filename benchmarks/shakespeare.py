"""`python -m benchmarks.shakespeare`: tinyshakespeare by characters, in 3 and in 20 minutes, and timed beside PyTorch.

    python -m benchmarks.shakespeare --data FOLDER --minutes 3|20 [--seed 0] [--choose]
    python -m benchmarks.shakespeare --data FOLDER --peer torch [--minutes 3|20]

The last tenth of the text is the test; it is scored once, at the end, by the model as it is and, apart, by one that
learns from it while it reads (dynamic evaluation). `--choose` learns from the first 85.5 % alone and scores the 4.5 %
behind them, by which the recipes were chosen, and does not look at the test; a run without it learns from all of the
first nine tenths, since the plays of the test begin there. A recipe is a number of updates, so a run repeats to the bit
whatever it takes; the minutes are what it took here. Each run adds a line to shakespeare.json beside this file.

`--peer torch` times updates of the same network (embedding, recurrent layers, linear layer), the same batch and window,
with AdamW and clipping by norm, in turns in one process, with as many threads each.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe
from elman import LanguageModel, show_config
from elman.text.training import Recipe, Rows, cut, network_of, rows_of, trainer_of

RESULTS = Path(__file__).with_suffix(".json")
TEST, VALIDATION = 0.1, 0.05
COMMON: dict[str, Any] = {"cell": "gru", "batch_size": 32, "window": 64, "weight_decay": 0.2}
RECIPES: dict[int, dict[str, Any]] = {  # by the minutes that they take
    3: {"hidden_size": 384, "learning_rate": 1e-2, "dropout": 0.35, "updates": 6000},
    20: {"hidden_size": 768, "learning_rate": 7e-3, "dropout": 0.5, "updates": 12000},
}
ADAPT: dict[str, Any] = {"window": 20, "learning_rate": 1e-4}
ROUNDS, SLICE = 7, 2.0  # turns of each contender, and their seconds


def main(arguments: list[str] | None = None) -> int:
    given = parse(arguments)
    path = given.data / "tinyshakespeare.txt"
    if not path.exists():
        print(f"left out: {path} is not there", file=sys.stderr)
        return 0
    text = path.read_text(encoding="utf-8")
    known, test = text[: round((1 - TEST) * len(text))], text[round((1 - TEST) * len(text)) :]
    share = VALIDATION if given.choose else 0.0
    options = {**COMMON, "validation_fraction": share, "seed": given.seed, **RECIPES[given.minutes]}
    if given.updates:
        options["updates"] = given.updates
    if given.peer:
        return beside_torch(LanguageModel(**options), known)
    row = {"minutes": given.minutes, **options} | run(LanguageModel(**options), known, None if given.choose else test)
    row |= {"date": describe()["date"], "threads": show_config()["threads"], "isa": show_config()["isa"]}
    print(json.dumps(row, indent=2))
    if not given.choose:
        rows = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
        RESULTS.write_text(json.dumps([*rows, row], indent=1) + "\n")
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.shakespeare", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of tinyshakespeare.txt")
    parser.add_argument("--minutes", type=int, choices=sorted(RECIPES), default=3, help="which recipe")
    parser.add_argument("--updates", type=int, help="in place of the recipe's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--choose", action="store_true", help="score the validation part, and leave the test unseen")
    parser.add_argument("--peer", choices=["torch"], help="time updates beside this library instead")
    return parser.parse_args(arguments)


def run(model: LanguageModel, known: str, test: str | None) -> dict[str, Any]:
    """Trains by the recipe, and scores the test, if it is given, once plainly and once adapting."""
    began = time.perf_counter()
    model.fit(known, progress=True)
    seconds = time.perf_counter() - began
    row: dict[str, Any] = {
        "training_minutes": round(seconds / 60, 2),
        "passes": len(model.losses_),
        "parameters": model.network_.num_parameters,
        "training_nats": float(model.losses_[-1]),
    }
    if test is None:
        return row | {"validation_nats": float(np.nanmin(model.validation_losses_))}
    began = time.perf_counter()
    row["test_nats_per_character"] = model.score(test).nats_per_character
    row["scoring_seconds"] = round(time.perf_counter() - began, 1)
    row["test_nats_per_character_adapting"] = model.adapt(test, **ADAPT).nats_per_character
    return row


# ------------------------------------------------------------------------------------------- beside PyTorch


def beside_torch(model: LanguageModel, known: str) -> int:
    """Prints characters a second of both, in turns; the middle of all turns."""
    torch: Any = importlib.import_module("torch")
    torch.set_num_threads(show_config()["threads"])
    vocabulary, ids, recipe = model._read(known)  # pyright: ignore[reportPrivateUsage]
    rows = rows_of("text", cut(ids, recipe.validation_fraction)[0], recipe.batch_size, recipe.window)
    contenders = {
        "elman": elman_update(recipe, vocabulary, rows),
        "torch": torch_update(torch, recipe, vocabulary.size, rows),
    }
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    for update in contenders.values():
        update()
    for turn in range(ROUNDS):
        for name in list(contenders)[:: 1 if turn % 2 else -1]:
            done, began = 0, time.perf_counter()
            while time.perf_counter() - began < SLICE:
                contenders[name]()
                done += 1
            speeds[name].append(done * recipe.batch_size * recipe.window / (time.perf_counter() - began))
    middle = {name: statistics.median(own) for name, own in speeds.items()}
    print(f"{recipe.num_layers} x {recipe.cell} {recipe.hidden_size}, {recipe.batch_size} x {recipe.window}, ", end="")
    print(
        f"{show_config()['threads']} threads, torch {torch.__version__}; characters a second, middle of {ROUNDS} turns"
    )
    for name, speed in middle.items():
        print(f"  {name:6s} {speed:10,.0f}   ({min(speeds[name]):,.0f} to {max(speeds[name]):,.0f})")
    print(f"  elman / torch: {middle['elman'] / middle['torch']:.2f}")
    return 0


def windows(rows: Rows, recipe: Recipe) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    """Returns the function that gives one window after the other."""
    begin = -recipe.window

    def following() -> tuple[np.ndarray, np.ndarray]:
        nonlocal begin
        begin = (begin + recipe.window) % (rows.x.shape[1] - recipe.window)
        return rows.x[:, begin : begin + recipe.window], rows.y[:, begin : begin + recipe.window]

    return following


def elman_update(recipe: Recipe, vocabulary: Any, rows: Rows) -> Callable[[], object]:
    trainer = trainer_of(network_of(recipe, vocabulary), recipe, 1 << 20, len(rows.x))
    following = windows(rows, recipe)
    return lambda: trainer.update(*following())


def torch_update(torch: Any, recipe: Recipe, size: int, rows: Rows) -> Callable[[], object]:
    cells = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
    torch.manual_seed(0)
    embedding = torch.nn.Embedding(size, recipe.embedding)
    recurrent = cells[recipe.cell](
        recipe.embedding, recipe.hidden_size, recipe.num_layers, batch_first=True,
        dropout=recipe.dropout if recipe.num_layers > 1 else 0.0,
    )  # fmt: skip
    head, drop = torch.nn.Linear(recipe.hidden_size, size), torch.nn.Dropout(recipe.dropout)
    parameters = [*embedding.parameters(), *recurrent.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, recipe.learning_rate, weight_decay=recipe.weight_decay, foreach=True)
    following, state = windows(rows, recipe), None

    def update() -> None:
        nonlocal state
        x, y = (torch.from_numpy(part.astype(np.int64)) for part in following())
        h, state = recurrent(drop(embedding(x)), state)
        state = tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()
        loss = torch.nn.functional.cross_entropy(head(drop(h)).reshape(-1, size), y.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()

    return update


if __name__ == "__main__":
    sys.exit(main())
