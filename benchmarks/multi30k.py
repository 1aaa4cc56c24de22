"""`python -m benchmarks.multi30k`: German to English on Multi30k, within half an hour.

    python -m benchmarks.multi30k --data FOLDER [--recipe NAME] [--seed 0] [--choose] [--checkpoint FOLDER]
                                  [--picture FILE]

FOLDER holds the files train, val and test_2016_flickr .lc.norm.tok.de.gz and .en.gz: tokenised and lower-case, a line a
caption, taken as they are. A model learns from the 29,000 pairs of the training part; words or subwords are those of
that part. The 1,014 pairs of the validation part say which epoch is kept, and by `--choose`, which does not look at
the test, which recipe, beam and length penalty. A run without it scores the 1,000 pairs of test 2016 once: BLEU by
sacrebleu with tokenize="none" on the raw references, whose signature is printed. A recipe is a number of updates, so a
run repeats to the bit whatever it takes; the minutes are what it took here. `--checkpoint` keeps the training there
after each epoch and goes on from what is there. Each run adds a line to multi30k.json beside this file.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import describe
from elman import EncoderDecoder, show_config
from elman.seq2seq.baselines import nearest_targets

RESULTS = Path(__file__).with_suffix(".json")
PARTS = {"train": "train", "validation": "val", "test": "test_2016_flickr"}
COMMON: dict[str, Any] = {
    "level": "subwords", "vocabulary_size": 4000, "hidden_size": 256, "dropout": 0.4, "label_smoothing": 0.1,
    "batch_size": 64, "learning_rate": 2e-3, "updates": 9000,
}  # fmt: skip
RECIPES: dict[str, dict[str, Any]] = {"a": {"weight_decay": 0.2}, "b": {"weight_decay": 0.5}}
BEST = "a"
BEAM: dict[str, Any] = {"beam_size": 5, "length_penalty": 1.0}
TRIED = [{"beam_size": 1, "length_penalty": 0.0}] + [
    {"beam_size": beam, "length_penalty": penalty} for beam in (5, 10) for penalty in (0.6, 1.0, 1.4)
]
LEGIBLE = range(7, 16)  # words of the caption whose alignment is drawn


def main(arguments: list[str] | None = None) -> int:
    given = parse(arguments)
    missing = [path for part in PARTS for path in files(given.data, part) if not path.exists()]
    if missing:
        print(f"left out: {missing[0]} is not there", file=sys.stderr)
        return 0
    train, validation = read(given.data, "train"), read(given.data, "validation")
    options = {**COMMON, "seed": given.seed, **RECIPES[given.recipe]}
    if given.updates:
        options["updates"] = given.updates
    model, seconds = trained(EncoderDecoder(**options), train, validation, given.checkpoint)
    row: dict[str, Any] = {
        "recipe": given.recipe,
        **options,
        "training_minutes": round(seconds / 60, 2),
        "epochs": len(model.losses_),
        "best_epoch": model.history_.best_epoch,
        "parameters": model.network_.num_parameters,
        "validation_nats_a_piece": float(model.validation_losses_.min()),
    }
    if given.choose:
        row["validation_bleu"] = [{**how, "bleu": bleu(model, validation, how)[0]} for how in TRIED]
        print(json.dumps(row, indent=2))
        return 0
    row |= {**BEAM, "validation_bleu": bleu(model, validation, BEAM)[0]}
    began = time.perf_counter()
    row["test_bleu"], row["signature"] = bleu(model, read(given.data, "test"), BEAM)
    row["test_seconds"] = round(time.perf_counter() - began, 1)
    sources, references = read(given.data, "test")
    row["test_bleu_nearest_source"] = corpus_bleu(nearest_targets(*train, sources, "words"), references)[0]
    row["test_bleu_copy"] = corpus_bleu(sources, references)[0]
    row |= {"date": describe()["date"], "threads": show_config()["threads"], "isa": show_config()["isa"]}
    print(json.dumps(row, indent=2))
    rows = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    RESULTS.write_text(json.dumps([*rows, row], indent=1) + "\n")
    picture(model, validation[0], given.picture)
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.multi30k", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of the files")
    parser.add_argument("--recipe", choices=sorted(RECIPES), default=BEST)
    parser.add_argument("--updates", type=int, help="in place of the recipe's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--choose", action="store_true", help="score the validation part, and leave the test unseen")
    parser.add_argument("--checkpoint", type=Path, help="a folder for the state of training, which goes on from there")
    parser.add_argument("--picture", type=Path, default=Path("multi30k.alignment.png"), help="where an alignment goes")
    return parser.parse_args(arguments)


def files(folder: Path, part: str) -> list[Path]:
    return [folder / f"{PARTS[part]}.lc.norm.tok.{language}.gz" for language in ("de", "en")]


def read(folder: Path, part: str) -> tuple[list[str], list[str]]:
    """Returns the German lines of a part and the English ones."""
    sources, targets = (
        gzip.decompress(path.read_bytes()).decode("utf-8").removesuffix("\n").split("\n")
        for path in files(folder, part)
    )
    assert len(sources) == len(targets)
    return sources, targets


def trained(
    model: EncoderDecoder, train: Any, validation: Any, checkpoint: Path | None
) -> tuple[EncoderDecoder, float]:
    """Trains a model; returns it and the seconds that its epochs took, of all runs where it went on."""
    model.fit(*train, validation=validation, progress=True, checkpoint=checkpoint, resume=checkpoint)
    return model, sum(epoch.seconds for epoch in model.history_.epochs)


def bleu(model: EncoderDecoder, pairs: Any, how: dict[str, Any]) -> tuple[float, str]:
    return corpus_bleu(model.predict(pairs[0], **how), pairs[1])


def corpus_bleu(written: list[str], references: list[str]) -> tuple[float, str]:
    """Returns sacrebleu's BLEU, and its signature."""
    metric = importlib.import_module("sacrebleu").BLEU(tokenize="none", force=True)
    return round(metric.corpus_score(written, [references]).score, 2), str(metric.get_signature())


def picture(model: EncoderDecoder, sources: list[str], path: Path) -> None:
    """Draws what each word looks at, of the first caption of a legible length."""
    source = next(text for text in sources if len(text.split()) in LEGIBLE)
    model.align(source, model.predict([source], **BEAM)[0]).plot(path)


if __name__ == "__main__":
    sys.exit(main())
