"""The network of a recogniser, and its training on batches of sounds of similar lengths."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.core.layers import Dense, Dropout, Layer, Recurrent
from elman.core.losses import CTC
from elman.core.optim import AdamW
from elman.estimators.buckets import batches_by_length
from elman.estimators.budget import rise_and_fall, seconds_a_call
from elman.estimators.marks import mark
from elman.estimators.seeds import child
from elman.network import Network
from elman.series.errors import DataError, counted
from elman.speech.augmentation import Augmentation
from elman.speech.features import Features, frames_of, learned_features
from elman.speech.frames import Frames
from elman.speech.labels import Alphabet, learned_alphabet
from elman.speech.sounds import Reading, Sound, as_sounds, unit
from elman.train.training import Trainer

__all__ = [
    "Draw",
    "Lesson",
    "Training",
    "fits",
    "network_of",
    "same_number",
    "seconds_an_update",
    "trained",
    "training_of",
]

CLIP_NORM = 5.0
NAME = "speech.json"  # the mark in a folder of checkpoints
HELD_OUT = 1000  # the child of the seed that draws the sounds to validate on
Draw = Callable[[int], tuple[Sequence[Any], Sequence[Any]]]  # a pass's number -> its sounds and labels


class Lesson(NamedTuple):
    """Sounds at one rate, and the outputs that are said in each, int64 (U,)."""

    sounds: Sequence[Sound]
    targets: Sequence[np.ndarray]

    def take(self, rows: np.ndarray) -> Lesson:
        """Returns some of the sounds and what is said in them."""
        return Lesson([self.sounds[i] for i in rows], [self.targets[i] for i in rows])


@dataclass(frozen=True, eq=False)
class Training:
    """All that a training depends on, but for its files.

    lesson      returns what is learned from in an epoch, by its number from 1 on; `first` is that of epoch 1
    fixed       whether it is the same in each epoch
    validation  what decides which epoch's weights are kept; None: the last one's are
    held_out    which sounds of the first lesson, as it was given, these are, int64; none where they were given apart
    options     those of the `SpeechModel`, checked
    """

    lesson: Callable[[int], Lesson]
    first: Lesson
    fixed: bool
    validation: Lesson | None
    held_out: np.ndarray
    features: Features
    alphabet: Alphabet
    options: dict[str, Any]

    @property
    def per_epoch(self) -> int:
        """Updates of an epoch."""
        return math.ceil(len(self.first.sounds) / self.options["batch_size"])

    @property
    def epochs(self) -> int:
        """Epochs, so that the updates are at least those asked for."""
        return math.ceil(self.options["updates"] / self.per_epoch)

    def batches(self, epoch: int) -> Iterator[dict[str, Any]]:
        """Yields an epoch's batches, a function of its number: so a training can go on within an epoch."""
        lesson = self.first if self.fixed or epoch == 1 else self.lesson(epoch)
        change, frames = Augmentation.of(self.options), self.features.frames
        rng = np.random.default_rng([self.options["seed"], epoch])
        lengths = np.array([frames.steps(len(sound.samples)) for sound in lesson.sounds])
        for rows in batches_by_length(lengths, self.options["batch_size"], rng):
            x: list[np.ndarray] = []
            for row in rows.tolist():
                own = np.random.default_rng([self.options["seed"], epoch, row])
                steps = self._steps(lesson.sounds[row], change, own)
                if change.of_samples and not fits(lesson.targets[row], len(steps)):  # too fast for what is said in it
                    steps = self.features(unit(lesson.sounds[row].samples))
                x.append(change.steps(steps, frames.bands, frames.seconds, own))
            yield {"x": x, "y": [lesson.targets[row] for row in rows.tolist()]}

    def _steps(self, sound: Sound, change: Augmentation, rng: np.random.Generator) -> np.ndarray:
        samples = unit(sound.samples)
        return self.features(change.samples(samples, rng) if change.of_samples else samples)


def training_of(options: dict[str, Any], sounds: Any, labels: Any, rate: int | None, validation: Any) -> Training:
    """Returns the training that checked options and the arguments of `SpeechModel.fit` ask for."""
    if fixed := not callable(sounds):
        if labels is None:
            raise TypeError("labels: expected what is said in each sound, got None")
        given = (sounds, labels)
    else:
        if labels is not None:
            raise TypeError("labels: expected None where sounds is a function, which returns them, got both")
        given = _pair("sounds(1)", sounds(1))
    reading = Reading(options["channels"], options["resample"])
    first, alphabet = _lesson(("sounds", "labels"), given, rate, options["rate"], reading, options["level"])
    own_rate = first.sounds[0].rate

    def lesson(name: str, given: Any) -> Lesson:
        return _lesson((f"{name}[0]", f"{name}[1]"), _pair(name, given), rate, own_rate, reading, alphabet)[0]

    held, rows = None, np.zeros(0, np.int64)
    if validation is not None:
        held = lesson("validation", validation)
    elif fixed and options["validation_fraction"] and len(first.sounds) > 1:
        rows, kept = _split(len(first.sounds), options)
        held, first = first.take(rows), first.take(kept)
    frames = frames_of(own_rate, options)
    scaling = options["scaling"] or ("recording" if options["bidirectional"] else "training")
    check("labels", first, frames)
    if held is not None:
        check("validation", held, frames)
    features = learned_features(frames, scaling, (unit(each.samples) for each in first.sounds))

    def drawn(epoch: int) -> Lesson:
        name = f"sounds({epoch})"
        found = lesson(name, sounds(epoch))
        check(f"{name}[1]", found, frames)
        return found

    return Training(drawn, first, fixed, held, rows, features, alphabet, options)


def _pair(name: str, given: Any) -> tuple[Any, Any]:
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise TypeError(f"{name}: expected (sounds, labels), got {checks.shown(given)}")
    return given[0], given[1]


def _lesson(
    names: tuple[str, str],
    given: tuple[Any, Any],
    rate: int | None,
    model_rate: int | None,
    reading: Reading,
    known: Alphabet | str,
) -> tuple[Lesson, Alphabet]:
    """Returns sounds and labels, read and checked, and their alphabet: the one that is known, or a new one at a
    level."""
    sounds = as_sounds(names[0], given[0], rate, model_rate, reading)
    alphabet = learned_alphabet(names[1], given[1], known) if isinstance(known, str) else known
    targets = alphabet.encoded(names[1], given[1])
    same_number(names[1], sounds, targets)
    return Lesson(sounds, targets), alphabet


def _split(count: int, options: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Returns which of so many sounds are held out, and which train, rising."""
    order = np.random.default_rng(child(options["seed"], HELD_OUT)).permutation(count)
    out = min(count - 1, max(1, round(options["validation_fraction"] * count)))
    return np.sort(order[:out]), np.sort(order[out:])


def same_number(name: str, sounds: Sequence[Any], labels: Sequence[Any]) -> None:
    """Raises ValueError where there is not one label for each sound."""
    if len(sounds) != len(labels):
        raise ValueError(f"{name}: expected one for each of {counted(len(sounds), 'sound')}, got {len(labels)}")


def fits(target: np.ndarray, steps: int) -> bool:
    """Returns whether so many steps can say a target: one for each label, and one between two equal ones."""
    return steps > 0 and len(target) + int((target[1:] == target[:-1]).sum()) <= steps


def check(name: str, lesson: Lesson, frames: Frames) -> None:
    """Raises DataError, with its name, for a sound that is too short for a step, or for what is said in it."""
    for i, (sound, target) in enumerate(zip(lesson.sounds, lesson.targets, strict=True)):
        steps = frames.steps(len(sound.samples))
        if not steps:
            raise DataError(
                f"{sound.name}: expected at least {frames.least} samples, those of a step, got {len(sound.samples)}"
            )
        if not fits(target, steps):
            needed = len(target) + int((target[1:] == target[:-1]).sum())
            raise DataError(
                f"{name}[{i}]: expected labels that fit into the {steps} steps of {sound.name}, got {len(target)},"
                f" which need {needed}; take shorter steps (step_ms, stack), or leave this sound out"
            )


def network_of(options: dict[str, Any], size: int, alphabet: Alphabet) -> Network:
    """Returns the untrained network: recurrent layers, dropout behind each, an output for each label and for none."""
    layers: list[Layer] = []
    for _ in range(options["num_layers"]):
        layers.append(Recurrent(options["hidden_size"], options["cell"], bidirectional=options["bidirectional"]))
        layers += [Dropout(options["dropout"])] if options["dropout"] else []
    return Network.from_layers([*layers, Dense(alphabet.outputs)], input_size=size, seed=options["seed"])


def trainer_of(network: Network, options: dict[str, Any], updates: int) -> Trainer:
    """Returns a trainer for so many updates."""
    trainer = Trainer(
        network,
        loss=CTC(),
        optimizer=AdamW(options["learning_rate"], weight_decay=options["weight_decay"]),
        schedule=rise_and_fall(updates),
        clip_norm=CLIP_NORM,
        batch_size=options["batch_size"],
        seed=options["seed"],
    )
    trainer.advice = False
    return trainer


def trained(training: Training, **how: Any) -> Trainer:
    """Trains a network and returns its trainer; the weights are those of the epoch with the lowest validation loss,
    without validation those of the last one. `how`: progress, checkpoint, every, resume, callback of `Trainer.fit`."""
    network = network_of(training.options, training.features.frames.size, training.alphabet)
    trainer = trainer_of(network, training.options, training.epochs * training.per_epoch)
    validation = None
    if training.validation is not None:
        x = [training.features(unit(sound.samples)) for sound in training.validation.sounds]
        validation = {"x": x, "y": list(training.validation.targets)}
    said = {
        "sounds": _digest(training.first),
        "validation": "" if training.validation is None else _digest(training.validation),
        "options": json.dumps(training.options),
    }
    mark(NAME, said, how.get("checkpoint"), how.get("resume"))
    trainer.fit(
        lambda: training.batches(trainer.epochs + 1),
        epochs=training.epochs,
        validation=validation,
        patience=None if validation is None else training.options["patience"] or training.epochs,
        **how,
    )
    return trainer


def seconds_an_update(training: Training) -> float:
    """Returns how long an update takes on this machine now, measured for some seconds on a network of its own."""
    network = network_of(training.options, training.features.frames.size, training.alphabet)
    trainer = trainer_of(network, training.options, 1 << 20)
    batches = itertools.chain.from_iterable(map(training.batches, itertools.count(1)))
    return seconds_a_call(lambda: trainer.update(**next(batches)))


def _digest(lesson: Lesson) -> str:
    found = hashlib.sha256()
    for sound, target in zip(lesson.sounds, lesson.targets, strict=True):
        found.update(f"{sound.rate} {len(sound.samples)} {target.tolist()}".encode() + sound.samples.tobytes())
    return found.hexdigest()
