"""`MusicModel`: learns from pieces of music, scores others, and composes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.core import checks
from elman.estimators.base import Estimator
from elman.estimators.codec import Codec
from elman.estimators.ensemble import OnProgress
from elman.estimators.seeds import Use, child
from elman.music.baselines import Score, baselines, nll, score_of
from elman.music.chords import KeysInOrder
from elman.music.encoding import Passage, passages
from elman.music.figures import Figures, figures_of
from elman.music.keyboard import FASTEST, SLOWEST
from elman.music.marginals import marginals
from elman.music.midi.pieces import as_pieces, as_roll
from elman.music.options import CONSTRAINTS, encoding_of
from elman.music.roll import PianoRoll
from elman.music.stream import MusicStream
from elman.music.training import Training, layout_of, train
from elman.network import Network
from elman.series import notes

__all__ = ["FittedMusic", "MusicModel"]

PASSAGE = 128  # steps that are learned from in one go
BLOCK = 1024  # steps that are predicted in one go
WHOLE = 10  # from so many pieces on, whole ones are held out for validation; else the end of each
MOST_HELD_OUT = 256  # passages that validate after each epoch
MOST_STEPS = 10**6  # that one call composes
HELD_OUT = 1000  # the child of the seed that draws the pieces to validate on; `Use` has the others


@dataclass(frozen=True, eq=False)
class FittedMusic:
    """What `MusicModel.fit` leaves.

    tempo                  beats a minute: the median of the pieces'
    figures                of the pieces that were learned from
    validation, baselines  scores on the pieces held out; None and none where there are none
    """

    networks: tuple[Network, ...]
    tempo: float
    figures: Figures
    validation: Score | None
    baselines: Mapping[str, Score]

    def validate(self) -> None:
        """Raises ValueError where the fields do not fit one another."""
        if not self.networks or len({_layers(each) for each in self.networks}) > 1:
            raise ValueError("networks: expected at least one, all with the same layers")
        if not SLOWEST <= self.tempo <= FASTEST:
            raise ValueError(f"tempo: expected {SLOWEST:g} to {FASTEST:g} beats a minute, got {self.tempo}")


class MusicModel(Estimator):
    """Learns which of the piano's keys sound in each step of a piece after the steps before, and composes pieces so.

    joint           whether the keys of a step come one after another, from low to high, each knowing the lower ones, so
                    that chords fit together; else each key is on or off independently of the others
    steps_per_beat  the grid of time: steps of a beat (a quarter note). Notes are moved to the nearest step
    beats_per_bar   beats of a bar; the networks know which step of the bar is next
    cell            "tanh", "relu", "gru" or "lstm";  hidden_size, num_layers  units of each recurrent layer, and layers
    dropout         of the recurrent layers' outputs, recurrent_dropout of their states, in training
    members         networks, whose probabilities are averaged
    updates         updates of each network's weights, made up to whole epochs
    batch_size      passages of at most 128 steps in an update
    learning_rate, weight_decay   of AdamW; the rate falls to 0 along half a cosine
    transpose       passages are shifted by up to so many semitones, drawn in each epoch; 0: none
    validation_fraction   share of the pieces held out, drawn by the seed (the end of each where there are fewer than
                    10): the weights are those of the epoch that was best there, and scores are reported on it
    skip_bad        leave out and report MIDI files that cannot be read
    seed            of all random numbers: the same seed and pieces give the same model

    Options are stored unchanged and checked in `fit`, which sets `networks_`, `tempo_`, `figures_` (of the pieces),
    `validation_` and `baselines_` (`Score`s on what was held out), `history_` (one a network) and `notes_`.
    """

    _constraints = CONSTRAINTS
    _file_kind = "music model"
    _codec = Codec(FittedMusic, {"music/1": FittedMusic, "figures/1": Figures, "score/1": Score})

    def __init__(
        self,
        *,
        joint: bool = True,
        steps_per_beat: int = 4,
        beats_per_bar: int = 4,
        cell: str = "gru",
        hidden_size: int = 200,
        num_layers: int = 1,
        dropout: float = 0.5,
        recurrent_dropout: float = 0.2,
        members: int = 1,
        updates: int = 1500,
        batch_size: int = 8,
        learning_rate: float = 5e-3,
        weight_decay: float = 0.01,
        transpose: int = 0,
        validation_fraction: float = 0.1,
        skip_bad: bool = False,
        seed: int = 0,
    ) -> None:
        self.joint = joint
        self.steps_per_beat = steps_per_beat
        self.beats_per_bar = beats_per_bar
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.members = members
        self.updates = updates
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.transpose = transpose
        self.validation_fraction = validation_fraction
        self.skip_bad = skip_bad
        self.seed = seed

    # ------------------------------------------------------------------------------------------- fit

    def fit(
        self,
        pieces: Any,
        *,
        validation: Any = None,
        on_progress: OnProgress | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        resume: str | os.PathLike[str] | None = None,
    ) -> MusicModel:
        """Learns from pieces and returns the model.

        pieces       a folder of MIDI files, a file, a `PianoRoll` or an array (T, 88), or a list of these
        validation   pieces to hold out, in place of a share of `pieces`
        on_progress  is called with the share of the training that is done, by any thread
        checkpoint   a folder: after each epoch everything that the training depends on is written there
        resume       such a folder: the training goes on from there, bit for bit as if it had never stopped; from the
                     start where it holds nothing. ValueError where its checkpoints are of other pieces or options

        `DataError` for pieces that cannot be used, `ValueError` or `TypeError` for options and arguments.
        """
        options = self.checked_options()
        steps, skip_bad = options["steps_per_beat"], options["skip_bad"]
        found = as_pieces("pieces", pieces, steps, skip_bad)
        held = as_pieces("validation", validation, steps, skip_bad) if validation is not None else None
        keys = [roll.keys for roll in found.rolls.values()]
        learned, held_out = self._split(keys) if held is None else (keys, _whole(r.keys for r in held.rolls.values()))
        if not any(len(each) > 1 for each in learned):
            raise ValueError("pieces: expected one of at least two steps, since each step is learned from those before")
        encoding = encoding_of(options)
        validating = [each for one in held_out for each in passages(one.keys, PASSAGE, one.begin)][:MOST_HELD_OUT]
        training = Training(
            encoding,
            layout_of(encoding, options),
            [each for one in learned for each in passages(one, PASSAGE)],
            validating,
            options,
        )
        seeds = [child(options["seed"], Use.MEMBERS, member) for member in range(options["members"])]
        networks, histories = train(training, seeds, on_progress, checkpoint, resume)
        told = found.notes + (held.notes if held is not None else ())
        self.networks_, self.history_, self.notes_ = networks, histories, told
        self.tempo_ = float(np.median([roll.tempo for roll in found.rolls.values()]))
        self.figures_ = figures_of(learned)
        scored = [each for each in held_out if each.end - max(each.begin - 1, 0) > 1]
        self.validation_ = score_of(self._losses(each) for each in scored) if scored else None
        rest = [each.keys[max(each.begin - 1, 0) :] for each in scored]
        self.baselines_ = dict(baselines(learned, rest)) if scored else {}
        notes.warn(told, stacklevel=2)
        return self

    def _split(self, pieces: Sequence[np.ndarray]) -> tuple[list[np.ndarray], list[Passage]]:
        """Returns the pieces to learn from, and what is held out of them."""
        fraction = self.checked_options()["validation_fraction"]
        if not fraction:
            return list(pieces), []
        if len(pieces) < WHOLE:
            cuts = [len(keys) - round(fraction * len(keys)) for keys in pieces]
            ends = [Passage(keys, cut, len(keys)) for keys, cut in zip(pieces, cuts, strict=True) if cut < len(keys)]
            return [keys[:cut] for keys, cut in zip(pieces, cuts, strict=True)], ends
        order = np.random.default_rng(child(self.seed, HELD_OUT)).permutation(len(pieces))
        drawn = set(order[: max(1, round(fraction * len(pieces)))].tolist())
        return [keys for i, keys in enumerate(pieces) if i not in drawn], _whole(pieces[i] for i in sorted(drawn))

    # ----------------------------------------------------------------------------------------- scoring

    def predict(self, piece: Any) -> np.ndarray:
        """Returns the probability that each key sounds in each step of a piece, float64 (T, 88).

        It is conditional on the steps before and, for a joint model, on the lower keys of the same step. `piece` is a
        MIDI file, a `PianoRoll` or an array (T, 88).
        """
        self.check_fitted()
        return self._predicted(as_roll("piece", piece, self.steps_per_beat).keys)

    def marginals(self, piece: Any, *, particles: int = 256) -> np.ndarray:
        """Returns the probability that each key sounds by the steps before alone, whichever other keys of its step do.

        For a joint model it is a mean over chords, the more exact the more `particles` represent them
        (`music/marginals.py`); without `joint` it is what `predict` returns. float64 (T, 88), for the same pieces.
        """
        self.check_fitted()
        count = checks.whole("particles", particles, low=1, high=2**16)
        keys = as_roll("piece", piece, self.steps_per_beat).keys
        encoding = encoding_of(self.checked_options())
        if not isinstance(encoding, KeysInOrder):
            return self._predicted(keys)
        return marginals(encoding, self.networks_, keys, count)

    def score(self, pieces: Any) -> Score:
        """Returns how well pieces are predicted, in nats a step (`Score`); they are given as to `fit`."""
        self.check_fitted()
        rolls = as_pieces("pieces", pieces, self.steps_per_beat, self.skip_bad).rolls.values()
        return score_of(nll(roll.keys, self._predicted(roll.keys)) for roll in rolls)

    def _losses(self, passage: Passage) -> np.ndarray:
        """Returns the losses of a passage's steps, behind that of the step before them."""
        keys = passage.keys[: passage.end]
        return nll(keys, self._predicted(keys))[max(passage.begin - 1, 0) :]

    def _predicted(self, keys: np.ndarray) -> np.ndarray:
        encoding = encoding_of(self.checked_options())
        states: list[Any] = [None] * len(self.networks_)
        found: list[np.ndarray] = []
        for passage in passages(keys, BLOCK):
            x = encoding.example(passage).x
            logits: list[np.ndarray] = []
            for member, network in enumerate(self.networks_):
                y, states[member] = network.predict(x[None], state=states[member], return_state=True)
                logits.append(y[0])
            found.append(encoding.probabilities(passage, logits))
        return np.concatenate(found)

    # --------------------------------------------------------------------------------------- composing

    def stream(self, *, temperature: float = 1.0, seed: int = 0) -> MusicStream:
        """Returns a stream, which composes step by step, at the beginning of a piece."""
        self.check_fitted()
        encoding, layout = encoding_of(self.checked_options()), self.networks_[0].layout
        return MusicStream(encoding, layout, [each.weights.copy() for each in self.networks_], temperature, seed)

    def generate(self, length: int = 128, prompt: Any = None, *, temperature: float = 1.0, seed: int = 0) -> PianoRoll:
        """Composes `length` steps and returns them as a `PianoRoll`, behind the prompt.

        prompt       the beginning of the piece: a MIDI file, a `PianoRoll` or an array (T, 88); None: nothing
        temperature  1: as probable as it was learned; below 1 probable keys become more so, 0: always the most
                     probable; above 1 all become alike
        seed         of the draws: the same seed gives the same piece
        """
        steps = checks.whole("length", length, low=1, high=MOST_STEPS)
        stream = self.stream(temperature=temperature, seed=seed)
        roll = None if prompt is None else as_roll("prompt", prompt, self.steps_per_beat)
        given = np.zeros((0, 88), bool) if roll is None else roll.keys
        if len(given):
            stream.follow(given)
        keys = np.concatenate([given, np.stack([stream.step() for _ in range(steps)])])
        tempo, told = (self.tempo_, ()) if roll is None else (roll.tempo, roll.notes)
        return PianoRoll(keys, self.steps_per_beat, tempo, told, len(given))

    # ------------------------------------------------------------------------------------------ files

    def _fitted(self) -> FittedMusic:
        return FittedMusic(tuple(self.networks_), self.tempo_, self.figures_, self.validation_, self.baselines_)

    def _restore(self, fitted: FittedMusic) -> None:
        options = self.checked_options()
        layout = layout_of(encoding_of(options), options)
        same = _layers(fitted.networks[0]) == (layout.layers, layout.input_size)
        if not same or len(fitted.networks) != options["members"]:
            raise ValueError("networks: expected those of the options, got others")
        self.networks_, self.tempo_, self.figures_ = list(fitted.networks), fitted.tempo, fitted.figures
        self.validation_, self.baselines_ = fitted.validation, dict(fitted.baselines)


def _layers(network: Network) -> tuple[Any, int]:
    """Returns what decides the shapes of a network's parameters."""
    return network.layers, network.input_size


def _whole(pieces: Any) -> list[Passage]:
    """Returns each piece as one passage."""
    return [Passage(keys, 0, len(keys)) for keys in pieces]
