"""What SpeechModel refuses, by its name: sounds, labels and options that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from speech_sounds import RATE, words
from test_estimators import NOTHING_TAKES

from elman import SpeechModel
from elman.estimators.base import NotFittedError
from elman.series.errors import DataError

SOUNDS, LABELS = words()
QUICK: dict[str, Any] = {"hidden_size": 12, "num_layers": 1, "updates": 12, "batch_size": 8, "rate": RATE}


@pytest.fixture(scope="module")
def model() -> SpeechModel:
    return SpeechModel(**QUICK).fit(SOUNDS, LABELS)


@pytest.mark.parametrize("value", NOTHING_TAKES)
@pytest.mark.parametrize("name", [*SpeechModel().get_params()])
def test_what_no_option_takes_is_refused_by_its_name(name: str, value: Any):
    with pytest.raises((ValueError, TypeError), match=f"^{name}: expected .*, got "):
        SpeechModel(**{name: value}).fit("no such file", [])


@pytest.mark.parametrize(
    ("sounds", "labels", "options", "error", "said"),
    [
        (SOUNDS, None, {}, TypeError, "labels: expected what is said in each sound, got None"),
        (SOUNDS, LABELS[:-1], {}, ValueError, "labels: expected one for each of 40 sounds, got 39"),
        (SOUNDS, "abc", {}, TypeError, "labels: expected a list, what is said in each sound, got 'abc'"),
        (SOUNDS[:2], ["a", 5], {}, TypeError, r"labels\[1\]: expected a str or a list of words, got 5"),
        (SOUNDS[:2], ["a", ["a"]], {}, ValueError, r'labels\[1\]: expected a str; .*level="words"'),
        (SOUNDS[:2], ["a", ["a", 1]], {"level": "words"}, TypeError, r"labels\[1\]: expected a str or a list of words"),
        (SOUNDS[:2], ["", ""], {}, DataError, "labels: expected something that is said in the sounds"),
        ([], [], {}, DataError, "sounds: expected at least one sound, got none"),
        ([SOUNDS[0], SOUNDS[1][:300]], ["a", "b"], {"validation_fraction": 0.0}, DataError,
         r"sounds\[1\]: expected at least 360 samples, .*300"),
        ([SOUNDS[0][:300]], ["a"], {}, DataError, r"sounds\[0\]: expected at least 360 samples, .*300"),
        ([SOUNDS[0], SOUNDS[1][:1000]], ["a", "bbb"], {"validation_fraction": 0.0}, DataError,
         r"labels\[1\]: expected labels that fit into the 3 steps of sounds\[1\], got 3, which need 5; take shorter"),
        (SOUNDS, LABELS, {"step_ms": 30.0}, ValueError, "step: expected 1 to 200 samples"),
        (SOUNDS, LABELS, {"high": 5000.0}, ValueError, "high: expected low < high <= 4000 Hz"),
        (SOUNDS, LABELS, {"rate": None}, ValueError, "rate: expected the sampling rate of the arrays in Hz"),
        (lambda epoch: 5, None, {}, TypeError, r"sounds\(1\): expected \(sounds, labels\), got 5"),
        (lambda epoch: (SOUNDS, LABELS), LABELS, {}, TypeError, "labels: expected None where sounds is a function"),
        (lambda epoch: (SOUNDS, LABELS if epoch == 1 else ["d"] * 40), None, {}, DataError,
         r"sounds\(2\)\[1\]\[0\]: 'd' is not among the labels that the model learned: 'a', 'b', 'c'"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_from_is_refused_by_its_name(
    sounds: Any, labels: Any, options: Any, error: type[Exception], said: str
):
    with pytest.raises(error, match=said):
        SpeechModel(**(QUICK | options)).fit(sounds, labels)


def test_what_cannot_be_recognised_is_refused_by_its_name(model: SpeechModel, tmp_path: Path):
    with pytest.raises(DataError, match=r"labels\[1\]: 'x' is not among the labels that the model learned"):
        model.score(SOUNDS[:2], ["a", "ax"])
    with pytest.raises(ValueError, match="labels: expected one for each of 2 sounds, got 1"):
        model.score(SOUNDS[:2], ["a"])
    with pytest.raises(DataError, match=r"sounds\[0\]: expected at least 360 samples, those of a step, got 5"):
        model.predict(np.zeros(5))
    with pytest.raises(ValueError, match="beam_size: expected a whole number of at least 1, got 0"):
        model.predict(SOUNDS[:1], beam_size=0)
    with pytest.raises(DataError, match=r"sounds\[0\]: expected 8000 samples a second, got 16000; .*resample=True"):
        model.predict(SOUNDS[:1], rate=16000)
    with pytest.raises(FileNotFoundError):
        model.predict(tmp_path / "none.wav")
    with pytest.raises(ValueError, match=r"validation\[1\]: expected one for each of 2 sounds, got 1"):
        SpeechModel(**QUICK).fit(SOUNDS, LABELS, validation=(SOUNDS[:2], LABELS[:1]))
    with pytest.raises(TypeError, match=r"validation: expected \(sounds, labels\), got 0.3"):
        SpeechModel(**QUICK).fit(SOUNDS, LABELS, validation=0.3)  # type: ignore[arg-type]


def test_nothing_is_recognised_before_fit():
    for call in ("predict", "align"):
        with pytest.raises(NotFittedError):
            getattr(SpeechModel(), call)(SOUNDS[0])
    with pytest.raises(NotFittedError):
        SpeechModel().stream()
