"""What `elman train text` prints."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman.cli.console import terminal

if TYPE_CHECKING:
    from elman.text import LanguageModel
    from elman.text.report import Report

__all__ = ["print_begin", "print_sample", "print_text", "shown", "text_json"]


def print_begin(source: Path, model: LanguageModel, minutes: float | None) -> None:
    """Prints what is about to be trained, and the updates that a time stands for."""
    units = f"{model.cell} of {model.hidden_size} units"
    terminal.line(f"{source.name}: a language model of {model.level}, {model.num_layers} x {units}", now=True)
    terminal.minutes_as_updates(minutes, model.updates)


def print_text(model: LanguageModel, found: Report | None, seconds: float) -> None:
    """Prints the scores of the held-out text."""
    terminal.line()
    terminal.line(
        f"{model.history_.updates[-1]:,} updates, {counted(len(model.losses_))} over the text in {seconds:.0f} s;"
        f" the weights of pass {model.history_.best_epoch} are kept."
    )
    if found is not None:
        score = found.model
        terminal.line(
            f"Held out, and not learned from: the last {score.pieces:,} of {found.known + score.pieces:,} {score.unit}s"
        )
        rows = [("this model", score.bits_per_character, score.perplexity)]
        each = score.characters / score.pieces
        rows += [(name, bits, 2.0 ** min(bits * each, 1000.0)) for name, bits in found.baselines.items()]
        rows.sort(key=lambda row: -row[1])
        terminal.line()
        terminal.table(
            ["", "bits per character", f"perplexity per {score.unit}"],
            [[name, f"{bits:.3f}", f"{perplexity:,.2f}"] for name, bits, perplexity in rows],
        )
        better = [name for name, bits in found.baselines.items() if bits < score.bits_per_character]
        if better:
            terminal.line()
            terminal.line(f"Better than this model: {', '.join(better)}. Train longer (--minutes), or on more text.")


def print_sample(prompt: Any, sample: Any, temperature: float) -> None:
    """Prints how the model goes on, after the last lines of what it learned."""
    terminal.line()
    terminal.line(f"The end of what it learned |> and how it goes on (temperature {temperature:g}):")
    terminal.line()
    terminal.line(f"{shown(prompt)}|>{shown(sample)}")


def shown(text: Any) -> str:
    """Returns a text, or bytes as UTF-8."""
    return text.decode(errors="replace") if isinstance(text, bytes) else text


def text_json(model: LanguageModel, found: Report | None, seconds: float) -> dict[str, Any]:
    """Returns what `print_text` says, for `--json`."""
    score = None if found is None else found.model
    return {
        "level": model.level,
        "vocabulary": model.vocabulary_.size,
        "updates": int(model.history_.updates[-1]),
        "passes": len(model.losses_),
        "best_pass": model.history_.best_epoch,
        "seconds": seconds,
        "loss": model.losses_,
        "validation_loss": [value if math.isfinite(value) else None for value in model.validation_losses_.tolist()],
        "held_out": None
        if score is None
        else {
            "pieces": score.pieces,
            "unit": score.unit,
            "characters": score.characters,
            "bits_per_character": score.bits_per_character,
            "nats_per_character": score.nats_per_character,
            "perplexity": score.perplexity,
        },
        "baselines_bits_per_character": None if found is None else found.baselines,
    }


def counted(passes: int) -> str:
    """Returns "1 pass" or "2 passes"."""
    return "1 pass" if passes == 1 else f"{passes:,} passes"
