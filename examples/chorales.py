"""Learns from the Bach chorales inside music21, and composes another one.

Run `python examples/chorales.py` where music21 is installed (pip install music21): about three minutes on two cores. It
prints scores beside two baselines, and writes chorale.mid, to listen to, and chorale.png.
"""

from __future__ import annotations

import sys

import numpy as np

from elman import MusicModel, PianoRoll
from elman.music import figures_of

STEPS_PER_BEAT = 2  # an eighth note
LOWEST = 21  # MIDI's number of the first of 88 keys


def chorales(count: int) -> list[PianoRoll]:
    """The first chorales of music21's corpus that have four voices, as piano rolls."""
    from music21 import corpus

    found: list[PianoRoll] = []
    for path in corpus.getComposer("bach"):
        if path.suffix != ".mxl":
            continue
        score = corpus.parse(path)
        if len(score.parts) == 4:
            found.append(roll_of(score))
        if len(found) == count:
            break
    return found


def roll_of(score: object) -> PianoRoll:
    """The keys that sound in each step of a score, whose times are in quarter notes."""
    notes = [note for note in score.flatten().notes if note.duration.quarterLength > 0]  # no grace notes
    spans = [(round(note.offset * STEPS_PER_BEAT), round((note.offset + note.quarterLength) * STEPS_PER_BEAT))
             for note in notes]  # fmt: skip
    keys = np.zeros((max(end for _, end in spans), 88), bool)
    for note, (begin, end) in zip(notes, spans, strict=True):
        for pitch in note.pitches:
            keys[begin : max(end, begin + 1), pitch.midi - LOWEST] = True
    return PianoRoll(keys, STEPS_PER_BEAT, tempo=80)


def main(count: int = 200, updates: int = 1000) -> None:
    try:
        pieces = chorales(count)
    except ModuleNotFoundError:
        print("this example needs the chorales of music21; type: pip install music21")
        return
    print(f"{len(pieces)} chorales, {sum(map(len, pieces)):,} steps of an eighth note")
    model = MusicModel(steps_per_beat=STEPS_PER_BEAT, updates=updates).fit(
        pieces, on_progress=lambda share: print(f"\rtrained {share:.0%}", end="", file=sys.stderr, flush=True)
    )
    print("\nnats a step on chorales held out")
    for name, score in {"network": model.validation_, **model.baselines_}.items():
        print(f"  {name:20} {score.nll:6.3f}")
    composed = model.generate(16 * 4 * STEPS_PER_BEAT, seed=1)  # sixteen bars
    for name, own, other in zip(model.figures_._fields, model.figures_, figures_of([composed.keys]), strict=True):
        print(f"  {name:10} chorales {own:7.2f}   composed {other:7.2f}")
    print("wrote", composed.write_midi("chorale.mid"), "and", composed.plot("chorale.png", title="A chorale, composed"))


if __name__ == "__main__":
    main(*((12, 10) if "--short" in sys.argv else ()))
