"""Files as elman 0.1.0 wrote them, for test_files.py: whatever reads files later must read these, to the same numbers.

python tests/golden/make_files.py    writes files/*.safetensors and files/expected.json beside this program

They are never written anew for a change of the reader. Series are drawn small, and networks with few units, so that all
of it is some 50 KB.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import elman
from elman import optim
from elman.forecast import as_series

FOLDER = Path(__file__).with_name("files")
DAYS = np.datetime64("2024-01-01") + np.arange(80)
QUICK: dict[str, Any] = {"effort": "fast", "hidden_size": 2, "members": 1, "updates": 20}


def networks(folder: Path) -> dict[str, elman.Network]:
    stack = [
        elman.Recurrent(3, elman.LSTM(peepholes=True), bidirectional=True, zoneout=(0.1, 0.2)),
        elman.Dropout(0.2, variational=True),
        elman.Recurrent(2, elman.Simple("relu", leak=(0.5, 0.7), noise=0.1), learned_state=True),
        elman.Last(),
        elman.Dense(2, "tanh"),
        elman.Dense(1),
        elman.Skip(),
    ]
    made = {
        "network": elman.Network.from_layers(stack, input_size=2, seed=0),
        "network float64": elman.Network(2, [3, 2], None, cell=elman.GRU(layer_norm=True), dtype="float64", seed=1),
        "network embedding": elman.Network.from_layers(
            [elman.Embedding(5, 2), elman.Recurrent(3, elman.GRU(False)), elman.Dense(4)], seed=2
        ),
    }
    for name, network in made.items():
        network.save(folder / f"{name}.safetensors")
    return made


def rows(network: elman.Network) -> np.ndarray:
    """What the networks are shown."""
    if network.layout.integer_input:
        return np.arange(8).reshape(2, 4) % 5
    return np.sin(np.arange(16.0)).reshape(2, 4, 2)


def training(folder: Path) -> None:
    """A checkpoint in the midst of an epoch of windows, and one after an epoch with the best weights kept."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 6, 2)), rng.normal(size=(7, 6, 1))
    for name, options, asked in (
        ("checkpoint windows", {"optimizer": optim.SGD(0.1, 0.9)}, {"window": 2, "every": 4}),
        ("checkpoint", {"schedule": elman.schedules.Plateau()}, {"validation": 0.3, "patience": 3, "every": 5}),
    ):
        with tempfile.TemporaryDirectory() as kept:
            trainer = elman.Trainer(elman.Network(2, 3, 1, seed=1), batch_size=3, **options)
            trainer.fit(x, y, epochs=2, progress=False, checkpoint=kept, **asked)
            first = min(path for path in Path(kept).iterdir() if path.name.startswith("update"))
            shutil.copy(first, folder / f"{name}.safetensors")


def forecasters(folder: Path) -> dict[str, elman.Forecaster]:
    rng = np.random.default_rng(0)
    time = np.arange(80)

    def wave(k: int) -> np.ndarray:
        return 20 + 5 * k + 3 * np.sin(2 * np.pi * (time + k) / 7) + rng.normal(size=80)

    one, gaps = wave(0), wave(1)
    gaps[[30, 41]] = np.nan
    beside: dict[str, Any] = {
        "past": {name: rng.normal(size=(80, 2)) for name in "ab"},
        "future": {name: rng.normal(size=90) for name in "ab"},
        "static": {"a": ["north", 1.5], "b": ["south", 2.0]},
    }
    both = {"a": wave(2), "b": wave(3)}
    series = {
        name: as_series(y, time=DAYS, **{option: each[name] for option, each in beside.items()})
        for name, y in both.items()
    }
    made = {
        "forecaster": elman.Forecaster(horizon=3, windows=3, levels=(50, 60.0), **QUICK).fit(one, time=DAYS),
        "forecaster bare": elman.Forecaster(horizon=2, season=7, windows=0, **QUICK).fit(one),
        "forecaster masked": elman.Forecaster(
            horizon=3, season=(7,), windows=2, missing="mask", head="quantiles", calendar="weekday", **QUICK
        ).fit(gaps, time=DAYS),
        "forecaster many": elman.Forecaster(horizon=3, season=[7], windows=2, calendar=("day",), **QUICK).fit(series),
        "forecaster sampled": elman.Forecaster(
            horizon=3, season=7, windows=1, head="student_t", skip=0, power=0.5, **QUICK
        ).fit(both),
    }
    for name, model in made.items():
        model.save(folder / f"{name}.safetensors")
    return made


def detectors(folder: Path) -> dict[str, elman.AnomalyDetector]:
    rng = np.random.default_rng(1)
    time = np.arange(600)
    values = 30 + 4 * np.sin(2 * np.pi * time / 24) + rng.normal(size=600)
    hours = np.datetime64("2024-01-01") + np.timedelta64(1, "h") * time
    quick: dict[str, Any] = {"effort": "fast", "hidden_size": 2}
    made = {
        "detector": elman.AnomalyDetector(probation=300, rate=1e-3, **quick).fit(values, time=hours),
        "detector bare": elman.AnomalyDetector(cell="lstm", season=1, **quick).fit(np.exp(values[:560] / 30)),
    }
    for name, model in made.items():
        model.save(folder / f"{name}.safetensors")
    return made


MORE = [30.0, 31.5, 29.0, 45.0]  # that detectors score


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    expected: dict[str, Any] = {}
    for name, network in networks(FOLDER).items():
        expected[name] = network.predict(rows(network)).tolist()
    training(FOLDER)
    for name, model in forecasters(FOLDER).items():
        found = model.predict()
        expected[name] = {k: v.tolist() for k, v in found.items()} if isinstance(found, dict) else found.tolist()
    for name, model in detectors(FOLDER).items():
        expected[name] = [model.score_one(value)[0] for value in MORE]
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
