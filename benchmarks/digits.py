"""`python -m benchmarks.digits`: strings of spoken digits, recognised by CTC.

    python -m benchmarks.digits --data FOLDER --choose [--recipe NAME] [--updates N] [--seed 0]
    python -m benchmarks.digits --data FOLDER [--recipe NAME] [--leave-out SPEAKER|all] [--seed 0] [--checkpoint FOLDER]

FOLDER holds fsdd.npz, 3,000 recordings at 8 kHz. `benchmarks/digit_strings.py` joins them to strings of 3 to 7, one
speaker a string, each recording used equally often, with gaps of noise. Each epoch has new strings of the recordings
that are learned from.

`--choose` learns from the recordings with index 10 to 49 and scores strings of those with index 5 to 9 (5 passes over
300 recordings): by these the recipes were chosen, and it does not look at the test. A run without it learns from all
with index 5 to 49, and scores the strings of those with index 0 to 4 (10 passes over 300 recordings, 600 strings)
once, at the end. `--leave-out` learns from the others' recordings with index 5 to 49 alone and scores the strings of
this speaker's with index 0 to 4, a speaker never heard (10 passes over 50 recordings, 100 strings); "all" does so for
each of the six.

The measure is the label error rate: digits put in, left out or exchanged, divided by the digits said. Its interval,
95 %, is that of strings drawn with replacement. Strings share recordings, each being in one string of each pass, so a
recording that is always misheard counts in all of them; `recordings_without_error` says how many never were: digits of
a string that has the right length, compared place by place.

The recipe "one way" reads strings forwards alone, as a model must that listens while the sound comes.

A recipe is a number of updates, so a run repeats to the bit whatever it takes; the minutes are what it took here. No
validation decides when to stop: the last weights are taken. Each run without `--choose` adds a line to digits.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.digit_strings import RATE, Recordings, Strings, load, strings
from benchmarks.machine import describe
from elman import SpeechModel, show_config

RESULTS = Path(__file__).with_suffix(".json")
COMMON: dict[str, Any] = {"num_layers": 2, "stack": 3, "bands": 40}
RECIPES: dict[str, dict[str, Any]] = {
    "a": {"cell": "gru", "hidden_size": 128, "batch_size": 16, "updates": 4000, "learning_rate": 3e-3, "dropout": 0.3,
          "speed": 0.15, "mask_bands": 8, "mask_seconds": 0.1},
    "b": {"cell": "lstm", "hidden_size": 128, "batch_size": 16, "updates": 4000, "learning_rate": 3e-3, "dropout": 0.3,
          "speed": 0.15, "mask_bands": 8, "mask_seconds": 0.1},
    "c": {"cell": "lstm", "hidden_size": 192, "batch_size": 32, "updates": 5000, "learning_rate": 4e-3, "dropout": 0.4,
          "speed": 0.15, "mask_bands": 8, "mask_seconds": 0.1, "noise": 0.05},
    "d": {"cell": "gru", "hidden_size": 128, "batch_size": 16, "updates": 4000, "learning_rate": 3e-3, "dropout": 0.3,
          "speed": 0.15, "mask_bands": 8, "mask_seconds": 0.1, "stack": 2},
    "one way": {"cell": "gru", "hidden_size": 192, "batch_size": 16, "updates": 4000, "learning_rate": 3e-3,
                "dropout": 0.3, "speed": 0.15, "gain": 6.0, "mask_bands": 8, "mask_seconds": 0.1,
                "bidirectional": False},
}  # fmt: skip
BEST = "a"
TEST, HELD_OUT = 5, 10  # recordings with an index below the first are the test's; below the second, for choosing
TEST_PASSES, CHOOSE_PASSES = 10, 5
TRAIN, CHOOSE, FINAL = range(3)  # what strings are for, part of their seed


def main(arguments: list[str] | None = None) -> int:
    given = parse(arguments)
    path = given.data / "fsdd.npz"
    if not path.exists():
        print(f"left out: {path} is not there", file=sys.stderr)
        return 0
    recordings = load(path)
    speakers = sorted({*recordings.speaker.tolist()})
    if given.leave_out not in (None, "all", *speakers):
        print(f"--leave-out: expected all or one of {', '.join(speakers)}, got {given.leave_out}", file=sys.stderr)
        return 2
    for left_out in speakers if given.leave_out == "all" else [given.leave_out]:
        known, scored = parts(recordings, given.choose, left_out)
        row = run(given, known, scored, left_out)
        print(json.dumps(row, indent=2))
        if not given.choose:
            rows = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
            RESULTS.write_text(json.dumps([*rows, row], indent=1) + "\n")
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.digits", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of fsdd.npz")
    parser.add_argument("--recipe", choices=sorted(RECIPES), default=BEST)
    parser.add_argument("--updates", type=int, help="in place of the recipe's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--choose", action="store_true", help="score other recordings, and leave the test unseen")
    parser.add_argument("--leave-out", metavar="SPEAKER", help="learn from the other speakers; all: each in turn")
    parser.add_argument("--beam", type=int, default=1, help="beginnings of strings that decoding follows")
    parser.add_argument("--checkpoint", type=Path, help="keep the state of training there, and go on from it")
    parser.add_argument("--save", type=Path, help="write the model to this file")
    return parser.parse_args(arguments)


def parts(recordings: Recordings, choose: bool, left_out: str | None) -> tuple[Recordings, Strings]:
    """Returns the recordings to learn from, and the strings to score."""
    index, first = recordings.index, HELD_OUT if choose else TEST
    others = np.ones(len(index), bool) if left_out is None else recordings.speaker != left_out
    known = recordings.take((index >= first) & others)
    own = others if left_out is None else ~others
    if choose:
        held = recordings.take((index >= TEST) & (index < HELD_OUT) & own)
        return known, strings(held, [0, CHOOSE], CHOOSE_PASSES)
    return known, strings(recordings.take((index < TEST) & own), [0, FINAL], TEST_PASSES)


def run(given: argparse.Namespace, known: Recordings, scored: Strings, left_out: str | None) -> dict[str, Any]:
    """Trains by a recipe, and scores it."""
    options = {**COMMON, **RECIPES[given.recipe], "seed": given.seed, "rate": RATE}
    options |= {"updates": given.updates} if given.updates else {}
    model, began = SpeechModel(**options), time.perf_counter()

    def drawn(epoch: int) -> tuple[list[np.ndarray], list[str]]:
        found = strings(known, [given.seed, TRAIN, epoch])
        return found.sounds, found.labels

    folder = given.checkpoint and given.checkpoint / (left_out or "all")
    model.fit(drawn, progress=True, checkpoint=folder, resume=folder)
    seconds = time.perf_counter() - began
    if given.save:
        model.save(given.save)
    score = model.score(scored.sounds, scored.labels, beam_size=given.beam)
    heard = model.predict(scored.sounds, beam_size=given.beam)
    by_speaker = {
        name: model.score(*some(scored, name), beam_size=given.beam).label_error_rate
        for name in sorted({*scored.speakers})
    }
    return {
        "recipe": given.recipe, **options, "beam": given.beam, "left_out": left_out,
        "scored": "validation" if given.choose else "test", **score._asdict(),
        "recordings_without_error": without_error(scored, heard), "by_speaker": by_speaker,
        "updates_done": len(model.history_.update_loss), "parameters": model.network_.num_parameters,
        "training_loss": float(model.losses_[-1]), "training_minutes": round(seconds / 60, 2),
        "date": describe()["date"], "threads": show_config()["threads"], "isa": show_config()["isa"],
    }  # fmt: skip


def some(scored: Strings, speaker: str) -> tuple[list[np.ndarray], list[str]]:
    """Returns the strings of one speaker."""
    rows = [i for i, name in enumerate(scored.speakers) if name == speaker]
    return [scored.sounds[i] for i in rows], [scored.labels[i] for i in rows]


def without_error(scored: Strings, heard: list[str]) -> str:
    """Returns of how many recordings, of all, no use in a string was misheard; a string with too many or too few digits
    counts against all of its recordings."""
    wrong: set[tuple[str, int]] = set()
    used: set[tuple[str, int]] = set()
    for speaker, rows, said, found in zip(scored.speakers, scored.rows, scored.labels, heard, strict=True):
        for place, row in enumerate(rows.tolist()):
            used.add((speaker, row))
            if len(found) != len(said) or found[place] != said[place]:
                wrong.add((speaker, row))
    return f"{len(used - wrong)} of {len(used)}"


if __name__ == "__main__":
    sys.exit(main())
