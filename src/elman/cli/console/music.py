"""What the commands print of pieces of music, models of them, and pieces that these composed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elman.cli.console import terminal

if TYPE_CHECKING:
    from elman.music import Figures, MusicModel, PianoRoll
    from elman.music.midi.pieces import Pieces

__all__ = ["model_json", "piece_json", "print_model", "print_piece", "print_pieces", "verdict"]

NOTES = 12  # notes on how files were read that are printed; --json has all


def print_pieces(pieces: Pieces, source: str) -> None:
    """Prints how many pieces there are, on which grid, and what is told of how they were read."""
    rolls = [*pieces.rolls.values()]
    steps = sum(len(roll) for roll in rolls)
    what = "1 piece" if len(rolls) == 1 else f"{len(rolls)} pieces"
    terminal.line(f"{source}: {what}, {steps:,} steps of 1/{rolls[0].steps_per_beat} beat")
    for note in pieces.notes[:NOTES]:
        terminal.line(f"  {note}")
    if len(pieces.notes) > NOTES:
        terminal.line(f"  and {len(pieces.notes) - NOTES} notes more (--json prints all)")


def print_model(model: MusicModel, roll: PianoRoll) -> None:
    """Prints a model's score beside the baselines', and what the piece that it composed is like."""
    if model.validation_ is not None:
        scores = {"network" if model.members == 1 else f"{model.members} networks": model.validation_}
        scores |= model.baselines_
        terminal.line()
        terminal.table(
            ["", "nats a step"],
            [[name, f"{score.nll:.3f}"] for name, score in scores.items()],
            f"on {model.validation_.steps:,} steps held out (the first of each piece is not scored)",
        )
        terminal.line()
        terminal.line(verdict(model))
    print_piece(model, roll)


def verdict(model: MusicModel) -> str:
    """Returns which predicts better, the model or the better one of the baselines."""
    assert model.validation_ is not None
    name, best = min(model.baselines_.items(), key=lambda pair: pair[1].nll)
    less = best.nll - model.validation_.nll
    if less > 0:
        return f"The network predicts better than the better baseline, {name}, by {less:.3f} nats a step."
    return (
        f"The baseline {name} predicts better than the network, by {abs(less):.3f} nats a step: train longer"
        " (--updates), or give more pieces."
    )


def print_piece(model: MusicModel, roll: PianoRoll) -> None:
    """Prints what a piece is like, beside the pieces that its model learned from."""
    composed = _figures(roll)
    terminal.line()
    pairs = zip(_cells(model.figures_), _cells(composed), strict=True)
    terminal.table(["", "learned from", "composed"], [[name, *pair] for name, pair in zip(_NAMES, pairs, strict=True)])
    terminal.line()
    terminal.line(f"composed: {len(roll) - roll.given} steps, {roll.seconds:.0f} s at {roll.tempo:g} beats a minute")


def model_json(model: MusicModel) -> dict[str, Any]:
    """Returns a model's scores and figures in JSON's terms."""
    return {
        "validation": None if model.validation_ is None else model.validation_._asdict(),
        "verdict": None if model.validation_ is None else verdict(model),
        "baselines": {name: score._asdict() for name, score in model.baselines_.items()},
        "pieces": model.figures_._asdict(),
        "updates": [len(history.update_loss) for history in model.history_],
    }


def piece_json(roll: PianoRoll) -> dict[str, Any]:
    """Returns the figures of the steps of a piece that were composed, and how long it is."""
    return {"steps": len(roll), "given": roll.given, "seconds": roll.seconds, **_figures(roll)._asdict()}


_NAMES = (
    "steps equal to the one before",
    "longest run of equal steps",
    "silent steps",
    "keys in a step",
    "keys of the best scale",
    "range of keys",
)


def _cells(figures: Figures) -> list[str]:
    return [
        f"{figures.repeated:.0%}",
        str(figures.longest),
        f"{figures.silent:.0%}",
        f"{figures.sounding:.1f}",
        f"{figures.in_key:.0%}",
        f"{figures.lowest} to {figures.highest}",
    ]


def _figures(roll: PianoRoll) -> Figures:
    from elman.music import figures_of

    return figures_of([roll.keys[roll.given :]])
