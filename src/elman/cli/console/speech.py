"""What the commands print of recognisers of speech, and of what they heard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from elman.cli.console import terminal

if TYPE_CHECKING:
    from elman.speech import SpeechModel, SpeechScore
    from elman.speech.sounds import Sound

__all__ = ["examples", "print_begin", "print_heard", "print_score", "print_speech", "score_json", "speech_json"]

EXAMPLES = 8  # sounds held out that are shown
NOTES = 12


def print_begin(
    name: str, model: SpeechModel, sounds: Sequence[Sound], notes: Sequence[str], minutes: float | None
) -> None:
    """Prints what is about to be trained, how the sounds were found, and the updates that a time stands for."""
    rate = sounds[0].rate
    seconds = sum(len(each.samples) for each in sounds) / rate
    terminal.line(f"{name}: {len(sounds)} sounds, {_lasting(seconds)} at {rate:,} Hz")
    for note in notes[:NOTES]:
        terminal.line(f"  {note}")
    ways = "both ways" if model.bidirectional else "forwards"
    terminal.line(f"a recogniser of {model.level}: {model.num_layers} x {model.cell} of {model.hidden_size}, {ways}")
    terminal.minutes_as_updates(minutes, model.updates)
    terminal.flush()


def print_speech(model: SpeechModel, shown: Sequence[dict[str, str]], seconds: float) -> None:
    """Prints the errors on the sounds held out, beside those of simple answers, and some of what was heard."""
    history = model.history_
    terminal.line()
    kept = f"; the weights of pass {history.best_epoch} are kept" if model.validation_ is not None else ""
    terminal.line(
        f"{history.updates[-1]:,} updates, {len(model.losses_):,} passes over the sounds, in {seconds:.0f} s{kept}."
    )
    if model.validation_ is None:
        return
    terminal.line()
    scores = model.baselines_ | {"this model": model.validation_}
    terminal.table(
        ["", "label error rate", "95 % interval", "sounds without an error"],
        [[name, f"{score.label_error_rate:.1%}", _interval(score), f"{score.exact:.1%}"] for name, score in
         scores.items()],
        f"On {model.validation_.sounds:,} sounds held out ({model.validation_.labels:,} labels), which also decided"
        " which weights are kept",
    )  # fmt: skip
    better = [name for name, score in model.baselines_.items()
              if score.label_error_rate <= model.validation_.label_error_rate]  # fmt: skip
    if better:
        terminal.line()
        terminal.line(f"Not worse than this model: {', '.join(better)}. Train longer (--minutes), or on more sounds.")
    terminal.line()
    terminal.table(["held out", "said", "heard"], [[each["sound"], each["said"], each["heard"]] for each in shown])


def examples(model: SpeechModel, sounds: Sequence[Sound], labels: Sequence[str]) -> list[dict[str, str]]:
    """Returns some of the sounds held out, what is said in them and what the model hears."""
    rows = [int(row) for row in model.held_out_[:EXAMPLES]]
    heard = model.predict([sounds[row] for row in rows]) if rows else []
    return [
        {"sound": name_of(sounds[row]), "said": labels[row], "heard": model.alphabet_.shown(each)}
        for row, each in zip(rows, heard, strict=True)
    ]


def print_heard(found: Sequence[dict[str, Any]]) -> None:
    """Prints what was heard in each sound."""
    said = any(each["said"] is not None for each in found)
    headers = ["sound", "seconds", "heard", *(["said"] if said else [])]
    terminal.table(
        headers,
        [[each["sound"], f"{each['seconds']:.2f}", each["heard"], *([each["said"] or ""] if said else [])]
         for each in found],
    )  # fmt: skip


def print_score(score: SpeechScore) -> None:
    """Prints a label error rate with its interval."""
    terminal.line(
        f"label error rate {score.label_error_rate:.1%} ({_interval(score)}) of {score.labels:,} labels;"
        f" {score.exact:.1%} of {score.sounds:,} sounds without an error"
    )


def speech_json(model: SpeechModel, seconds: float) -> dict[str, Any]:
    """Returns what `print_speech` says, for `--json`."""
    return {
        "level": model.level,
        "rate": model.features_.frames.rate,
        "labels": list(model.alphabet_.tokens),
        "updates": int(model.history_.updates[-1]),
        "passes": len(model.losses_),
        "best_pass": model.history_.best_epoch,
        "seconds": seconds,
        "loss": model.losses_,
        "validation_loss": model.validation_losses_,
        "held_out": None if model.validation_ is None else score_json(model.validation_),
        "baselines": {name: score_json(score) for name, score in model.baselines_.items()},
    }


def score_json(score: SpeechScore) -> dict[str, Any]:
    """Returns a score in JSON's terms."""
    return score._asdict()


def name_of(sound: Sound) -> str:
    """Returns the name of a sound without its folders."""
    return sound.name.replace("\\", "/").rpartition("/")[2]


def _interval(score: SpeechScore) -> str:
    return f"{score.low:.1%} to {score.high:.1%}"


def _lasting(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )
