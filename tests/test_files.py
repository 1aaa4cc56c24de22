"""Files of every kind: those of 0.1.0 still load, what can be saved loads, and what loads can be used."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman import optim
from elman.core import io
from elman.train.checkpoint import resume

FOLDER = Path(__file__).parent / "golden" / "files"
sys.path.insert(0, str(FOLDER.parent))

import make_files  # noqa: E402

EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())


def answers(name: str) -> Any:
    """What the file of this name answers, as `make_files.py` noted it."""
    loaded = elman.load(FOLDER / f"{name}.safetensors")
    if isinstance(loaded, elman.Network):
        return loaded.predict(make_files.rows(loaded)).tolist()
    if isinstance(loaded, elman.AnomalyDetector):
        return [loaded.score_one(value)[0] for value in make_files.MORE]
    found = loaded.predict()
    return {k: v.tolist() for k, v in found.items()} if isinstance(found, dict) else found.tolist()


@pytest.mark.parametrize("name", EXPECTED)
def test_files_of_0_1_0_give_the_same_numbers(name: str):
    found, expected = answers(name), EXPECTED[name]
    for key in expected if isinstance(expected, dict) else [...]:
        wanted = expected if key is ... else expected[key]
        assert np.array(found if key is ... else found[key]) == pytest.approx(np.array(wanted), rel=2e-4, abs=1e-5)


@pytest.mark.parametrize("name", EXPECTED)
def test_files_of_0_1_0_are_saved_again_with_the_same_bytes(name: str, tmp_path: Path):
    elman.load(FOLDER / f"{name}.safetensors").save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (FOLDER / f"{name}.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("name", "options", "asked"),
    [
        ("checkpoint windows", {"optimizer": optim.SGD(0.1, 0.9)}, {"window": 2}),
        ("checkpoint", {"schedule": elman.schedules.Plateau()}, {"validation": 0.3, "patience": 3}),
    ],
)
def test_checkpoints_of_0_1_0_go_on(name: str, options: Any, asked: Any, tmp_path: Path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 6, 2)), rng.normal(size=(7, 6, 1))
    path = tmp_path / "update-000000004.safetensors"
    shutil.copy(FOLDER / f"{name}.safetensors", path)
    made = resume.Checkpoint.read(path).plain["made_by"]
    ends: list[np.ndarray] = []
    for folder in (None, tmp_path):
        trainer = elman.Trainer(elman.Network(2, 3, 1, seed=1), batch_size=3, **options)
        with pytest.MonkeyPatch.context() as patch:  # this machine may have another instruction set
            patch.setattr("elman.train.checkpoint.folder.maker", lambda engine: made)
            trainer.fit(x, y, epochs=2, progress=False, resume=folder, **asked)
        ends.append(trainer.network.theta)
    assert ends[1] == pytest.approx(ends[0], rel=1e-3, abs=1e-5)
    assert isinstance(elman.load(FOLDER / f"{name}.safetensors"), elman.Network)


# ------------------------------------------------------------------------------ descriptions that claim too much


def altered(name: str, place: str, value: Any, path: Path) -> Path:
    """The file with another value in its description, or at a tensor's beginning; the checksum is right."""
    kind, description, tensors = io.read(FOLDER / f"{name}.safetensors")
    *way, last = place.split(".")
    inside: Any = description
    if way[:1] == ["tensors"]:
        tensors[place.removeprefix("tensors.")].reshape(-1)[: np.size(value)] = value
    else:
        for key in way:
            inside = inside[int(key) if isinstance(inside, list) else key]
        inside[int(last) if isinstance(inside, list) else last] = value
    io.write(path, kind, description, tensors)
    return path


MANY, ONE, WATCHED = "forecaster many", "forecaster", "detector"


@pytest.mark.parametrize(
    ("name", "place", "value", "message"),
    [
        (ONE, "model.horizon", 10**12, "horizon: expected one that 80 rows teach, got 1000000000000"),
        (ONE, "model.context", 10**12, "horizon: expected one that 80 rows teach"),
        (ONE, "model.season", 10**15, r"model\.season: expected a whole number in \[1, 1099511627776\]"),
        (ONE, "model.season", 10**9, "expected context, season and lags that fit one another"),
        (ONE, "model.lags", 2**62, r"model\.lags: expected a whole number"),
        (ONE, "model.shrink", 1.5, r"model\.shrink: expected a finite number in \[0.0, 1.0\], got 1.5"),
        (ONE, "series.0.rows", 10**12, r"values: expected float64 \(1000000000000\), got float64 \(80\)"),
        (ONE, "series.0.calendar.step", 2**62, r"calendar\.step: expected a whole number in"),
        (ONE, "series.0.calendar.step", 1, "times: expected those of the calendar"),
        (ONE, "series.0.style.clock", "%c" * 1000, "clock: expected one of"),
        (ONE, "series.0.filled", list(range(1, 1000)), r"filled: expected rows below 80, got 999"),
        (ONE, "series.0.name", 3, r"series\[0\]\.name: expected a string, got 3"),
        (ONE, "levels", [99.99999], "levels: an interval of 100 % needs at least .* backtest residuals"),
        (ONE, "options.hidden_size", "4", r"hidden_size: expected a whole number in \[1, 4096\], got '4'"),
        (ONE, "options.freq", "fortnight", "freq: expected a step such as 15min"),
        (ONE, "backtest.starts.0", 10**9, "expected windows of 3 rows within the series"),
        (ONE, "backtest.labels.0", ["then", "now"], "backtest: expected the rows from 2024-03-12 to"),
        (ONE, "tensors.backtest.truth", 3.0, "."),
        (MANY, "model.view.context", 10**12, "expected seasons, lag and context that fit one another"),
        (MANY, "model.view.seasons", [10**12], "expected seasons, lag and context that fit one another"),
        (MANY, "model.view.skip", 2**40, "network: expected .* inputs"),
        (MANY, "model.view.horizon", 2**40, "horizon: expected one that 80 rows teach"),
        (MANY, "model.view.head", "gaussian", "network: expected"),
        (MANY, "model.view.inputs.past.0.2", 0.0, "past.*: expected a finite number in .*, got 0.0"),
        (MANY, "series.0.id", "b", "series: expected one without an id, or several by their ids"),
        (MANY, "series.0.covariates.known", 2**40, r"future: expected float64 \(1099511627866, 1\), got float64"),
        (MANY, "series.1.covariates", None, "covariates: expected those of the model, beside every series"),
        (MANY, "network.layers.0.hidden_size", 2**31, "."),
        (MANY, "skipped", {"c": 1}, r"skipped\.c: expected a string"),
        (WATCHED, "rows", 10**12, "learned: expected memory and seasons of 1000000000000 rows"),
        (WATCHED, "span", 10**12, "span: expected span, longest run and rising seasons of 300 rows"),
        (WATCHED, "scales", [8] * 1000, r"scales: expected \(8, 32\) of 300 rows"),
        (WATCHED, "seasons", [2**63], "course: expected one place, or as many as one of the seasons has"),
        (WATCHED, "following.row", 600, "row: expected at most 599, the last row seen, got 600"),
        (WATCHED, "following.time", 2**62, r"following\.time: expected a whole number"),
        (WATCHED, "options.rate", 0, "rate: expected a finite number in"),
        (WATCHED, "tensors.monitor.counts", 2**62, "monitor.counts: expected more rows than the 300"),
        (WATCHED, "tensors.monitor.counts", 2**53 - 1, "dates beyond reckoning"),
        (WATCHED, "tensors.monitor.levels", 0.0, "monitor.levels: expected numbers up to 9"),
        (WATCHED, "tensors.quantiles", [1.0, 0.5], "tails: expected rising quantiles"),
        (WATCHED, "tensors.theta", np.inf, "theta: expected finite numbers"),
        ("checkpoint", "updates", 10**12, r"history.updates: expected float64 \(3, 1000000000000\)"),
        ("checkpoint", "waited", 10**12, "best, waited: expected .*, 1 epochs ago.*got .*, 1000000000000"),
        ("checkpoint", "optimizer.beta1", 1.0, r"beta1: expected a number in \[0, 1\), got 1.0"),
        ("checkpoint", "optimizer", {}, "optimizer: expected the numbers of one of sgd"),
        ("checkpoint", "settings.dtype", "float64", "settings: expected those of the network, got others"),
        ("checkpoint windows", "done", 10**9, "done: expected at most the 12 updates"),
        ("checkpoint windows", "tensors.history.updates", np.nan, "history.updates: expected finite losses"),
    ],
)  # fmt: skip
def test_what_a_description_claims_is_compared_with_what_there_is(
    name: str, place: str, value: Any, message: str, tmp_path: Path
):
    with pytest.raises(elman.FileError, match=message):
        elman.load(altered(name, place, value, tmp_path / "f"))
