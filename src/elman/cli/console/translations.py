"""What `elman train translate` prints, and `elman predict` of its models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from elman.cli.console import terminal
from elman.cli.console.texts import counted

if TYPE_CHECKING:
    from elman.seq2seq import EncoderDecoder, Translation
    from elman.seq2seq.files import PairsRead
    from elman.seq2seq.measures import Written
    from elman.seq2seq.report import Report

__all__ = ["legible", "print_begin", "print_pairs", "print_scores", "print_written", "score_rows", "translation_json"]

SHOWN = 5  # examples
WIDEST = 100  # characters of an example's line


def print_pairs(read: PairsRead, name: str, generated: bool) -> None:
    """Prints what was read."""
    if generated:
        terminal.line(
            f"A generated example: {len(read.sources):,} dates as people write them, and as computers do. With your"
            " own: elman train translate PAIRS.csv"
        )
        return
    names = f"{read.source_name} -> {read.target_name}"
    terminal.line(f"{name}: {len(read.sources):,} pairs, {names}", now=True)


def print_begin(model: EncoderDecoder, minutes: float | None) -> None:
    """Prints what is about to be trained, and the updates that a time stands for."""
    level = model.level if isinstance(model.level, str) else " to ".join(model.level)
    looks = "no attention" if model.attention is None else f"{model.attention} attention"
    size = f"{model.num_layers} x {model.cell} of {model.hidden_size} units"
    terminal.line(f"An encoder and a decoder of {level}, {size} each, {looks}", now=True)
    terminal.minutes_as_updates(minutes, model.updates)


def print_scores(model: EncoderDecoder, found: Report | None, seconds: float) -> None:
    """Prints how well the model does on the pairs that are held out, beside simple rules, and some examples."""
    terminal.line()
    terminal.line(
        f"{model.history_.updates[-1]:,} updates, {counted(len(model.losses_))} over the pairs"
        f" in {seconds:.0f} s; the weights of pass {model.history_.best_epoch} are kept."
    )
    if found is None:
        terminal.line("Not tested: --validation-fraction 0.05 tells how good the model is")
        return
    terminal.line(
        f"Held out, and not learned from: {found.held_out:,} of {found.held_out + found.learned:,} pairs, by which the"
        f" pass was chosen; perplexity {math.exp(min(found.loss, 700.0)):.2f} a piece"
    )
    terminal.line()
    written = found.model.pairs
    what = "" if written == found.held_out else f" (the first {written:,} of them)"
    rules = [("this model", found.model), *found.baselines.items()]
    terminal.table(*score_rows(rules), title=f"What it writes{what}, beside simple rules:" if what else "")
    better = [name for name, own in found.baselines.items() if own.error_rate <= found.model.error_rate]
    if better:
        terminal.line()
        terminal.line(f"No worse than this model: {', '.join(better)}. Train longer (--minutes), or on more pairs.")
    terminal.line()
    print_examples(found)


def score_rows(rules: list[tuple[str, Written]]) -> tuple[list[str], list[list[str]]]:
    """Returns a table of scores: its heading and its rows."""
    words = all(own.bleu is not None for _, own in rules)
    heading = ["", "exact match", f"{rules[0][1].unit} error rate", *(["BLEU"] if words else [])]
    rows = sorted(rules, key=lambda rule: rule[1].error_rate)
    return heading, [
        [name, f"{own.exact_match:.1%}", f"{own.error_rate:.1%}", *([f"{own.bleu:.1f}"] if words else [])]
        for name, own in rows
    ]


def print_examples(found: Report) -> None:
    """Prints some of the pairs that are held out, and what the model wrote for them."""
    for source, target, own in list(zip(found.sources, found.targets, found.translations, strict=True))[:SHOWN]:
        right = own.target == target
        terminal.line(f"  {_short(source)}")
        terminal.line(f"    -> {_short(own.target)}" + ("" if right else f"    (true: {_short(target)})"))


def legible(model: EncoderDecoder, found: Report, pieces: range) -> int:
    """Returns which pair's alignment is drawn: the first one right of so many pieces, else the first of so many."""
    sizes = [len(one.pieces) in pieces and len(model.source_.encode(source)) in pieces  # type: ignore[union-attr]
             for one, source in zip(found.translations, found.sources, strict=True)]  # fmt: skip
    right = [one.target == target for one, target in zip(found.translations, found.targets, strict=True)]
    both = [fits and true for fits, true in zip(sizes, right, strict=True)]
    return both.index(True) if any(both) else sizes.index(True) if any(sizes) else 0


def translation_json(model: EncoderDecoder, found: Report | None, seconds: float) -> dict[str, Any]:
    """Returns what `print_scores` says, for `--json`."""
    return {
        "level": model.level,
        "vocabulary": {"source": model.source_.size, "target": model.target_.size},
        "updates": int(model.history_.updates[-1]),
        "passes": len(model.losses_),
        "best_pass": model.history_.best_epoch,
        "seconds": seconds,
        "loss": model.losses_,
        "validation_loss": [value if math.isfinite(value) else None for value in model.validation_losses_.tolist()],
        "held_out": None
        if found is None
        else {"pairs": found.held_out, "loss": found.loss, "perplexity": math.exp(min(found.loss, 700.0)),
              **found.model._asdict()},
        "baselines": None if found is None else {name: own._asdict() for name, own in found.baselines.items()},
        "examples": []
        if found is None
        else [
            {"source": source, "target": target, "written": own.target}
            for source, target, own in list(zip(found.sources, found.targets, found.translations, strict=True))[:SHOWN]
        ],
    }  # fmt: skip


def _text(target: Any) -> str:
    """Returns a target as a line: tokens with spaces between them."""
    return target if isinstance(target, str) else " ".join(map(str, target))


def _short(text: str) -> str:
    return text if len(text) <= WIDEST else text[: WIDEST - 3] + "..."


def print_written(sources: Sequence[str], found: Sequence[Translation], *, all_of_them: bool) -> None:
    """Prints what was written for texts: the targets alone, a line each; of a file, some of them beside their
    sources."""
    if all_of_them:
        for one in found:
            terminal.line(_text(one.target))
        return
    terminal.line(f"{len(found):,} texts" + (f", of which the first {SHOWN}:" if len(found) > SHOWN else ":"))
    for source, one in list(zip(sources, found, strict=True))[:SHOWN]:
        terminal.line(f"  {_short(source)}")
        terminal.line(f"    -> {_short(_text(one.target))}")
