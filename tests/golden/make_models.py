"""Files of encoder-decoders, recognisers of speech and detectors of several variables, for test_files.py and the
campaign over altered files.

python tests/golden/make_models.py    writes trees/translator.safetensors, recogniser, variables, and models.json

They are written anew only before a release; from then on, whatever reads files later must read these, to the numbers in
models.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import elman

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from speech_sounds import RATE, words  # noqa: E402

SOURCES = ["one two", "two three", "three one", "one", "two", "three"]
TARGETS = [["eins", "zwei"], ["zwei", "drei"], ["drei", "eins"], ["eins"], ["zwei"], ["drei"]]
SOUNDS, LABELS = words(6)
COURSE = 30 + 4 * np.sin(2 * np.pi * np.arange(420) / 12) + np.random.default_rng(0).normal(size=(2, 420))
VARIABLES = {"a": COURSE[0], "b": COURSE[1]}


def models(folder: Path) -> dict[str, Any]:
    """Fits one model of each kind, writes its file, and returns them by name."""
    made: dict[str, Any] = {
        "translator": elman.EncoderDecoder(level=("characters", "tokens"), hidden_size=3, updates=5).fit(
            SOURCES, TARGETS, validation=(SOURCES[:2], TARGETS[:2])
        ),
        "recogniser": elman.SpeechModel(hidden_size=3, bands=8, updates=3).fit(SOUNDS, LABELS, rate=RATE),
        "variables": elman.anomaly.MultivariateDetector(season=12, probation=200, effort="fast", hidden_size=2).fit(
            VARIABLES
        ),
    }
    for name, model in made.items():
        model.save(folder / f"{name}.safetensors")
    return made


def answers(model: Any) -> Any:
    """What a model of `models`, or of a file of one, says of what it was fitted to."""
    if isinstance(model, elman.EncoderDecoder):
        return [model.loss(SOURCES, TARGETS), *model.align(SOURCES[0], TARGETS[0]).weights.ravel().tolist()]
    if isinstance(model, elman.anomaly.MultivariateDetector):
        return [model.score_one({"a": 30.0, "b": value})[0] for value in (31.0, 29.0, 60.0)]
    return model.align(SOUNDS[0], LABELS[0]).log_probability


def main() -> None:
    expected = {name: answers(model) for name, model in models(HERE / "trees").items()}
    (HERE / "models.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
