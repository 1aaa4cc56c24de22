"""Files of estimators of sequences, for test_files.py and the campaign over altered files.

python tests/golden/make_sequences.py    writes trees/sequence *.safetensors and sequences.json beside this program

They are written anew only before a release; from then on, whatever reads files later must read these, to the numbers in
sequences.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import elman

HERE = Path(__file__).parent
SMALL: dict[str, Any] = {"hidden_size": 2, "members": 1, "epochs": 2, "dropout": 0.0}
RNG = np.random.default_rng(0)
RAGGED = [RNG.normal(size=(steps, 2)) for steps in (3, 5, 2, 4, 1, 6)]
WORDS = [[("the", 1.0), ("cat", 2.5)], [("a", 0.0), ("dog", -1.0), ("ran", 2.0)], [("the", 1.0), ("dog", 3.0)]] * 2
TABLE = RNG.normal(size=(6, 4))


def sequences(folder: Path) -> dict[str, Any]:
    """Fits one estimator of each kind, writes its file, and returns them by name."""
    both: dict[str, Any] = {**SMALL, "members": 2, "pooling": "mean+max", "bidirectional": True}
    made = {
        "sequence classifier": elman.SequenceClassifier(**both).fit(WORDS, ["x", "y", "x"] * 2),
        "sequence classifier several": elman.SequenceClassifier(**SMALL, pooling="attention").fit(
            TABLE, np.eye(3, dtype=int)[[0, 1, 2, 2, 1, 0]]
        ),
        "sequence regressor": elman.SequenceRegressor(**SMALL, cell="lstm", pooling="last").fit(RAGGED, TABLE[:, :2]),
        "sequence tagger": elman.SequenceTagger(**SMALL, num_layers=2, class_weight={1: 2.0}).fit(
            RAGGED, [(row[:, 0] > 0).astype(int) for row in RAGGED]
        ),
    }
    for name, model in made.items():
        model.save(folder / f"{name}.safetensors")
    return made


def answers(model: Any) -> Any:
    """What a model of `sequences`, or of a file of one, says of the sequences that it was fitted to."""
    if isinstance(model, elman.SequenceRegressor):
        return model.predict(RAGGED).tolist()
    if isinstance(model, elman.SequenceTagger):
        return np.concatenate(model.predict_proba(RAGGED)).tolist()
    return model.predict_proba(WORDS if model.columns_.tokens else TABLE).tolist()


def main() -> None:
    expected = {name: answers(model) for name, model in sequences(HERE / "trees").items()}
    (HERE / "sequences.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
