"""`SpeechModel`: recognises what is said in sounds, as characters or words."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from elman import plots
from elman.core import checks
from elman.estimators.base import Estimator
from elman.network import ctc
from elman.series.errors import DataError, counted
from elman.speech.alignment import Alignment, aligned
from elman.speech.options import CONSTRAINTS
from elman.speech.saved import CODEC, Fitted
from elman.speech.score import SpeechScore, baselines, score_of
from elman.speech.sounds import Reading, Sound, as_sounds, is_one, unit
from elman.speech.stream import SpeechStream
from elman.speech.training import Draw, fits, same_number, seconds_an_update, trained, training_of

__all__ = ["SpeechModel"]

BLOCK = 32  # sounds that are recognised in one go
Where = str | os.PathLike[str] | None


class SpeechModel(Estimator):
    """Learns what is said in sounds from sounds and their labels, whose places are not known, by CTC (Graves et al.
    2006): each step of a recurrent network says one label or none.

    level          what is said is a str of "characters", or a list of "words"
    rate           samples a second (Hz) that the model reads; None: those of the first sound
    channels       of a sound of several channels: it is an "error", their "mean" is taken, or the "first"
    resample       whether sounds at another rate are brought to the model's; else they are an error
    frame_ms, step_ms   a frame of the spectrum, and from one to the next, in milliseconds
    bands, low, high    mel bands of a frame, and the lowest and highest frequency in Hz (None: half the rate)
    stack          frames that are read together as one step, which makes the sequence shorter
    scaling        bands have mean 0 and variance 1 in each "recording", or in all of the "training" sounds together;
                   None: "recording" where bidirectional
    cell, hidden_size, num_layers   of the recurrent layers: "lstm", "gru", "tanh", "relu"
    bidirectional  whether they read sounds backwards too; else the model can `stream`
    dropout        of the recurrent layers' outputs, in training
    speed, gain, noise   sounds are changed at random in training: speed by up to this share, loudness by so many
                   decibels, white noise of up to this share of their deviation
    mask_bands, mask_seconds   two stretches of up to so many bands, or seconds, are hidden in training (SpecAugment)
    updates        of the weights, made up to whole passes;  batch_size  sounds, of similar lengths, of an update
    learning_rate, weight_decay   of AdamW; the rate rises for a twentieth of the updates, then falls to 0
    validation_fraction   share of the sounds held out, drawn by the seed: the weights are those of the pass with the
                   lowest loss there, and scores are reported on it
    patience       training ends after so many passes without a lower one; None: never
    seed           of all random numbers: the same seed, engine and sounds give the same bits

    `fit` leaves `network_`, `alphabet_`, `features_`, `losses_` and `validation_losses_` (nats a sound after each
    pass), `history_`, `validation_` and `baselines_` (`SpeechScore`s on what was held out) and `held_out_` (which
    sounds that were).
    """

    _constraints = CONSTRAINTS
    _file_kind = "speech model"
    _codec = CODEC

    def __init__(
        self,
        *,
        level: str = "characters",
        rate: int | None = None,
        channels: str = "error",
        resample: bool = False,
        frame_ms: float = 25.0,
        step_ms: float = 10.0,
        bands: int = 40,
        low: float = 20.0,
        high: float | None = None,
        stack: int = 3,
        scaling: str | None = None,
        cell: str = "gru",
        hidden_size: int = 128,
        num_layers: int = 2,
        bidirectional: bool = True,
        dropout: float = 0.2,
        speed: float = 0.1,
        gain: float = 0.0,
        noise: float = 0.0,
        mask_bands: int = 0,
        mask_seconds: float = 0.0,
        updates: int = 1000,
        batch_size: int = 16,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.01,
        validation_fraction: float = 0.1,
        patience: int | None = None,
        seed: int = 0,
    ) -> None:
        self.level = level
        self.rate = rate
        self.channels = channels
        self.resample = resample
        self.frame_ms = frame_ms
        self.step_ms = step_ms
        self.bands = bands
        self.low = low
        self.high = high
        self.stack = stack
        self.scaling = scaling
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.speed = speed
        self.gain = gain
        self.noise = noise
        self.mask_bands = mask_bands
        self.mask_seconds = mask_seconds
        self.updates = updates
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.seed = seed

    # ------------------------------------------------------------------------------------------- learning

    def fit(
        self,
        sounds: Iterable[Any] | Draw,
        labels: Iterable[Any] | None = None,
        *,
        rate: int | None = None,
        validation: tuple[Iterable[Any], Iterable[Any]] | None = None,
        progress: bool = False,
        checkpoint: Where = None,
        every: int | None = None,
        resume: Where = None,
        callback: Any = None,
    ) -> SpeechModel:
        """Learns from sounds and what is said in each, and returns the model.

        sounds      a list of files (WAV; FLAC and Ogg with soundfile) and arrays (N,), int16, or floats with full
                    scale 1; or a function that returns (sounds, labels) for a pass, by its number from 1 on, always as
                    many sounds
        labels      a str for each, or a list of words where `level` is "words"; "" for nothing
        rate        of arrays, samples a second; None: `rate` of the model
        validation  (sounds, labels) to hold out, in place of a share of the others
        progress    shows on stderr how training goes, and the time left
        checkpoint, every, resume, callback   as in `Trainer.fit`: where training is interrupted, the same call with
                    `resume` goes on to the bits that it would have had without

        Raises DataError for a sound or label that cannot be used, with its name and what to do: a broken or empty file,
        several channels or another rate without being asked, a sound with more labels than steps.
        """
        training = training_of(self.checked_options(), sounds, labels, rate, validation)
        trainer = trained(
            training, progress=progress, checkpoint=checkpoint, every=every, resume=resume, callback=callback
        )
        self.alphabet_, self.features_, self.network_ = training.alphabet, training.features, trainer.network
        self.history_, self.held_out_ = trainer.history, training.held_out
        self.losses_, self.validation_losses_ = trainer.history.loss, trainer.history.validation_loss
        self.validation_, self.baselines_ = None, {}
        held = training.validation
        if held is not None and any(map(len, held.targets)):
            self.validation_ = self._scored(held.sounds, held.targets)
            self.baselines_ = baselines(training.first.targets, held.targets)
        return self

    def updates_in(self, minutes: float, sounds: Any, labels: Any = None, *, rate: int | None = None) -> int:
        """Returns how many updates on these sounds take so many minutes on this machine, as it is now."""
        seconds = seconds_an_update(training_of(self.checked_options(), sounds, labels, rate, None))
        return max(1, int(60 * checks.number("minutes", minutes, 0.0, open_low=True) / seconds))

    # ---------------------------------------------------------------------------------------- recognising

    def predict(self, sounds: Any, *, beam_size: int = 1, rate: int | None = None) -> Any:
        """Returns what is said in sounds: a list of str, or of lists of words; of one sound, that alone.

        sounds     a list of files and arrays, or one of them
        beam_size  1: the most probable output of each step; more: the most probable labels over all paths, looked for
                   among so many beginnings of them at each step
        rate       of arrays, samples a second; None: the model's

        Raises DataError for what cannot be used, as `fit` does.
        """
        self.check_fitted()
        listed, beam_size = self._sounds("sounds", sounds, rate), checks.count("beam_size", beam_size)
        found: list[Any] = []
        for begin in range(0, len(listed), BLOCK):
            outputs = self._outputs(listed[begin : begin + BLOCK])
            found += [self.alphabet_.decoded(each) for each in _decoded(*outputs, beam_size)]
        return found[0] if is_one(sounds) else found

    def score(
        self, sounds: Iterable[Any], labels: Iterable[Any], *, beam_size: int = 1, rate: int | None = None
    ) -> SpeechScore:
        """Returns the label error rate, its interval, the share of sounds without any error, and the loss, on sounds
        and what is said in each; arguments as for `fit` and `predict`. DataError for a label that is not known."""
        self.check_fitted()
        listed, targets = self._sounds("sounds", sounds, rate), self.alphabet_.encoded("labels", labels)
        same_number("labels", listed, targets)
        return self._scored(listed, targets, checks.count("beam_size", beam_size))

    def align(self, sound: Any, labels: Any = None, *, rate: int | None = None) -> Alignment:
        """Returns where in one sound its labels are heard.

        labels   a str or list of words that is said in it: the most probable path that gives them; None: what
                 `predict` finds

        DataError where the labels do not fit into the steps of the sound.
        """
        self.check_fitted()
        outputs = self._outputs([self._sound(sound, rate)])[0][0]
        target = None if labels is None else self.alphabet_.encoded("labels", [labels])[0]
        if target is not None and not fits(target, len(outputs)):
            raise DataError(f"labels: expected some that fit into {counted(len(outputs), 'step')}, got {len(target)}")
        return aligned(outputs, target, self.alphabet_, self.features_.frames.seconds)

    def stream(self) -> SpeechStream:
        """Returns a stream, which recognises labels while sound comes in. ValueError for a model that reads sounds
        backwards too, or scales each recording as a whole."""
        self.check_fitted()
        if self.network_.layout.bidirectional or self.features_.scaling == "recording":
            raise ValueError(
                "stream: expected a model of one direction whose bands are scaled as in training: fit it with"
                ' bidirectional=False (and scaling=None, or "training")'
            )
        return SpeechStream(self.network_, self.features_, self.alphabet_)

    def plot(
        self, sound: Any, path: Where = None, *, labels: Any = None, rate: int | None = None, ax: Any = None
    ) -> Any:
        """Draws the spectrogram of a sound with the path of its labels; arguments as for `align` and `plots`."""
        only = self._sound(sound, rate)
        found, frames = self.align(only, labels), self.features_.frames
        said = self.alphabet_.shown(found.labels)
        chart = plots.SpeechChart(
            frames.log_mel(unit(only.samples)), frames.step / frames.rate, frames.edges[1:-1], found.spans,
            found.probabilities, found.seconds, self.alphabet_.tokens,
            said if only.name.startswith("sound[") else f"{os.path.basename(only.name)}: {said}",
        )  # fmt: skip
        return plots.speech_plot(chart, path, ax=ax)

    # --------------------------------------------------------------------------------------------- inside

    def _sounds(self, name: str, given: Any, rate: int | None) -> list[Sound]:
        options, frames = self.checked_options(), self.features_.frames
        listed = [given] if is_one(given) else given
        found = as_sounds(name, listed, rate, frames.rate, Reading(options["channels"], options["resample"]))
        for sound in found:
            if len(sound.samples) < frames.least:
                raise DataError(
                    f"{sound.name}: expected at least {frames.least} samples, those of a step, got {len(sound.samples)}"
                )
        return found

    def _sound(self, given: Any, rate: int | None) -> Sound:
        if not is_one(given):
            raise TypeError(f"sound: expected one, a file or an array, got {checks.shown(given)}")
        return self._sounds("sound", given, rate)[0]

    def _outputs(self, sounds: Sequence[Sound]) -> tuple[np.ndarray, np.ndarray]:
        """Returns the network's outputs (B, T, O) of sounds, and the number of steps of each, int64 (B,)."""
        x = [self.features_(unit(each.samples)) for each in sounds]
        return self.network_.predict(x), np.array([len(each) for each in x], np.int64)

    def _scored(self, sounds: Sequence[Sound], targets: Sequence[np.ndarray], beam_size: int = 1) -> SpeechScore:
        """Returns the score of sounds in which targets (U,) are said."""
        found: list[np.ndarray] = []
        loss = 0.0
        for begin in range(0, len(sounds), BLOCK):
            y, steps = self._outputs(sounds[begin : begin + BLOCK])
            found += _decoded(y, steps, beam_size)
            loss += float(ctc.loss(y, list(targets[begin : begin + BLOCK]), lengths=steps, impossible="infinite").sum())
        return score_of([each.tolist() for each in targets], [each.tolist() for each in found], loss / len(sounds))

    def _fitted(self) -> Fitted:
        return Fitted(
            self.alphabet_, self.features_, self.network_, self.losses_, self.validation_losses_, self.validation_,
            self.baselines_,
        )  # type: ignore[arg-type]  # fmt: skip

    def _restore(self, fitted: Fitted) -> None:
        self.alphabet_, self.features_, self.network_ = fitted.alphabet, fitted.features, fitted.network
        self.losses_, self.validation_losses_ = fitted.losses, fitted.validation_losses
        self.validation_, self.baselines_ = fitted.validation, dict(fitted.baselines)


def _decoded(y: np.ndarray, steps: np.ndarray, beam_size: int) -> list[np.ndarray]:
    """Returns the labels, int64 (U,), that outputs (B, T, O) of so many steps (B,) stand for."""
    if beam_size == 1:
        return [path.labels for path in ctc.greedy(y, steps)]
    return [best.labels for (best,) in ctc.beam_search(y, steps, beam_size=beam_size)]
