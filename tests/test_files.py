"""Files of every kind: earlier ones still load, what can be saved loads, and what loads can be used."""

from __future__ import annotations

import importlib.util
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

FOLDER = Path(__file__).parent / "golden" / "files"  # as 0.1.0 wrote them
TREES = FOLDER.with_name("trees")  # as estimators are written now
sys.path.insert(0, str(FOLDER.parent))

import make_files  # noqa: E402
import make_models  # noqa: E402
import make_sequences  # noqa: E402

SKLEARN = importlib.util.find_spec("sklearn") is not None
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())


SEQUENCES: dict[str, Any] = json.loads((FOLDER.parent / "sequences.json").read_text())  # of no earlier version
MODELS: dict[str, Any] = json.loads((FOLDER.parent / "models.json").read_text())
WRITTEN_NOW = [path.stem for path in sorted(TREES.iterdir()) if SKLEARN or not path.stem.startswith("sequence ")]
FILES = [FOLDER / f"{name}.safetensors" for name in EXPECTED] + [TREES / f"{name}.safetensors" for name in WRITTEN_NOW]


def answers(path: Path) -> Any:
    """What the file answers, as `make_files.py` noted it."""
    loaded = elman.load(path)
    if isinstance(loaded, elman.Network):
        return loaded.predict(make_files.rows(loaded)).tolist()
    if isinstance(loaded, elman.AnomalyDetector):
        return [loaded.score_one(value)[0] for value in make_files.MORE]
    if path.stem in SEQUENCES:
        return make_sequences.answers(loaded)
    if path.stem in MODELS:
        return make_models.answers(loaded)
    found = loaded.predict()
    return {k: v.tolist() for k, v in found.items()} if isinstance(found, dict) else found.tolist()


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_files_of_every_version_give_the_same_numbers(path: Path):
    found, expected = answers(path), (EXPECTED | SEQUENCES | MODELS)[path.stem]
    for key in expected if isinstance(expected, dict) else [...]:
        wanted = expected if key is ... else expected[key]
        assert np.array(found if key is ... else found[key]) == pytest.approx(np.array(wanted), rel=2e-4, abs=1e-5)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_files_of_every_version_are_saved_again_with_the_same_bytes(path: Path, tmp_path: Path):
    """Those of estimators as they are written now."""
    elman.load(path).save(tmp_path / "again")
    newest = TREES / path.name if path.stem in WRITTEN_NOW else path
    assert (tmp_path / "again").read_bytes() == newest.read_bytes()


def test_every_kind_of_estimator_has_a_file_as_it_is_written_now():
    known = {name for name in EXPECTED if not name.startswith("network")}
    assert known | {*MODELS} | {*(SEQUENCES if SKLEARN else ())} == {*WRITTEN_NOW}


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
            if folder is None and "validation" in asked:  # version 0.1.0 held out the last rows
                asked = asked | {"validation": (x[5:], y[5:])}
                trainer.fit(x[:5], y[:5], epochs=2, progress=False, **asked)
                asked["validation"] = 0.3
            else:
                trainer.fit(x, y, epochs=2, progress=False, resume=folder, **asked)
        ends.append(trainer.network.theta)
    assert ends[1] == pytest.approx(ends[0], rel=1e-3, abs=1e-5)
    assert isinstance(elman.load(FOLDER / f"{name}.safetensors"), elman.Network)


# ------------------------------------------------------------------------------ descriptions that claim too much


def altered(source: Path, place: str, value: Any, path: Path) -> Path:
    """The file with another value in its description, or at a tensor's beginning; the checksum is right."""
    kind, description, tensors = io.read(source)
    *way, last = place.split("/")
    inside: Any = description
    if way[:1] == ["tensors"]:
        tensors[last].reshape(-1)[: np.size(value)] = value
    else:
        for key in way:
            inside = inside[int(key) if isinstance(inside, list) else key]
        inside[int(last) if isinstance(inside, list) else last] = value
    io.write(path, kind, description, tensors)
    return path


# Estimators as they are written now; a place leads to a value of the description
MANY, ONE, WATCHED = "forecaster many", "forecaster", "detector"
ERRORS, MODEL = "value/model/calibration/distribution", "value/model"
CLAIMS = [
    (ONE, "value/model/horizon", 10**12, "networks: expected .* 1000000000000 outputs, as the model has them"),
    (ONE, "value/model/context", 10**12, "horizon: expected context and horizon of at most 80 rows together"),
    (ONE, "value/model/season", 10**15, r"model\.season: expected a whole number in \[1, 1099511627776\]"),
    (ONE, "value/model/season", 10**9, "expected context, season and lags that fit one another"),
    (ONE, "value/model/lags", 2**62, r"model\.lags: expected a whole number"),
    (ONE, "value/model/shrink", 1.5, r"model\.shrink: expected a finite number in \[0.0, 1.0\], got 1.5"),
    (ONE, "value/model/type", "inputs/1", r"model\.type: expected one of 'combined model/2', .*, got 'inputs/1'"),
    (ONE, "value/model/networks/0/theta/1", 10**12, r"theta: expected \d+ for the axis \d+, got 1000000000000"),
    (ONE, "value/model/networks/0/theta/0", "float64", "model.networks.theta: expected float64"),
    (ONE, "value/model/networks", [], "tensors: expected .*, got"),
    (
        ONE,
        "value/series/value/values/0",
        10**12,
        "times: expected 1000000000000 for the axis n, as .*values has",
    ),
    (ONE, "value/series/value/values", ["int64", 80], r"values: expected a whole number in .*, got 'int64'"),
    (ONE, "value/series/value/values", [8, 10], r"values: expected the axes \(n\), got the shape \(8, 10\)"),
    (ONE, "value/series/value/values", None, "values: expected a shape, got None"),
    (ONE, "value/series/value/calendar/step", 2**62, r"calendar\.step: expected a whole number in"),
    (ONE, "value/series/value/calendar/step", 1, "times: expected those of the calendar"),
    (ONE, "value/series/value/calendar", None, "types: expected .*, got .*'calendar/2'"),
    (ONE, "value/series/value/style/zone", "../../etc/passwd", "zone: expected the name of a time zone"),
    (ONE, "value/series/value/style/zone", "Europe/Berlin", "calendar.zone: expected 'Europe/Berlin', .*got ''"),
    (ONE, "value/series/value/style/template", "%Y-%Y", "template: expected a format in strftime's letters"),
    (ONE, "value/columns/date_format", "%Q", "date_format: expected a format in strftime's letters"),
    (ONE, "value/series/value/style/clock", "%c" * 1000, "clock: expected a time of day"),
    (ONE, "value/series/value/filled", list(range(1, 1000)), r"filled: expected rising rows after the first, below 80"),
    (ONE, "value/series/value/filled", [3, 2], r"filled: expected rising rows after the first, below 80, got \(3, 2\)"),
    (ONE, "value/series/value/name", 3, r"series\['value'\]\.name: expected a string, got 3"),
    (ONE, "value/series", {}, "types: expected .*, got .*'calendar/2'"),
    (ONE, "value/levels", [99.99999], "levels: an interval of 100 % needs at least .* backtest residuals"),
    (ONE, "value/levels", 80, "levels: expected a list, got 80"),
    (ONE, "value/backtest/starts/0", 10**9, "expected windows of 3 rows within the series"),
    (ONE, "value/backtest/starts", [77], r"backtest\.starts: expected 3 for the axis W, as backtest\.truth has, got 1"),
    (ONE, "value/backtest/labels/0", ["then", "now"], "backtest: expected the rows from 2024-03-12 to"),
    (ONE, "value/backtest/labels/0", ["then"], r"labels\[0\]: expected 2 values, got \['then'\]"),
    (ONE, "value/backtest/error_scale", [3, 3, 3], "error_scale: expected 2 for the axis 2, got 3"),
    (ONE, "tensors/backtest.truth", 3.0, "backtest: expected the rows from"),
    (ONE, "tensors/model.networks.theta", np.nan, "theta: expected finite numbers, float32"),
    (ONE, "value/model/horizon", 2, "the description does not fit the tensors"),
    (ONE, "value/model/configuration/base", "first", "base: expected one of 'last', 'season', got 'first'"),
    (ONE, "value/backtest/forecasts", {"network": [3, 3]}, r"forecasts: expected float64 \(9\), got"),
    (ONE, "value/extra", 1, "file: expected the fields .*, and does not know extra"),
    (ONE, "types", ["forecaster/2"], "types: expected some of .*, got 'forecaster/2'"),
    (ONE, "types", ["forecaster/1"], "types: expected .*, got .*'forecaster/1'"),
    (ONE, "options/hidden_size", "4", r"hidden_size: expected a whole number in \[1, 4096\], got '4'"),
    (ONE, "options/freq", "fortnight", "freq: expected a step such as 15min"),
    (ONE, "options/more", 1, "options: expected the fields .*, and does not know more"),
    (MANY, "value/model/spec/context", 7 * 10**9, "horizon: expected context and horizon of at most 80 rows together"),
    (MANY, "value/model/spec/context", 34, "expected seasons, lag and context that fit one another"),
    (MANY, "value/model/spec/seasons", [10**12], "expected seasons, lag and context that fit one another"),
    (MANY, "value/model/spec/skip_seasons", 2**40, r"skip_seasons: expected a whole number in \[0, 1000\]"),
    (MANY, "value/model/spec/skip_seasons", 900, "networks: expected .* inputs"),
    (MANY, "value/model/spec/horizon", 2**40, "networks: expected .* outputs, as the model has them"),
    (MANY, "value/model/spec/horizon", 8, "networks: expected .* 8 outputs, as the model has them"),
    (MANY, "value/model/spec/lag", 3, "expected seasons, lag and context that fit one another"),
    (MANY, "value/model/spec/seasons", [], "expected seasons, lag and context that fit one another"),
    (MANY, "value/series/a", None, r"series\['a'\]: expected a mapping of fields, got None"),
    (
        MANY,
        "value/backtest/ids",
        [],
        "ids: expected",
    ),
    (
        MANY,
        "value/model/spec/distribution",
        "gaussian",
        "distribution: expected one of .*got 'gaussian'",
    ),
    (MANY, "value/model/spec/inputs/past/0/2", 0.0, "past.*: expected a finite number in .*, got 0.0"),
    (MANY, "value/model/spec/inputs/static/0", ["static 1", 1.0], r"static\[0\]\[1\]: expected a list, got 1.0"),
    (MANY, "value/series/a/covariates/future/0", 2**40, r"future: expected float64 \(1099511627866\), got float64"),
    (
        MANY,
        "value/series/a/covariates/past_names",
        ["x"],
        "past_names: expected 2 for the axis P, as .*past has, got 1",
    ),
    (MANY, "value/series/a/covariates/static/0", False, r"static\[0\]: expected a string, got False"),
    (
        MANY,
        "value/backtest/ids/0",
        "c",
        "ids: expected",
    ),
    (MANY, "value/model/networks/0/layers/0/hidden_size", 2**31, "."),
    (MANY, "value/skipped", {"c": 1}, r"skipped\['c'\]: expected a string"),
    (WATCHED, f"{MODEL}/calibration/rows", 10**12, "rows: expected a whole number in"),
    (WATCHED, f"{MODEL}/calibration/rows", 301, "memory: expected memory and seasons of 301 rows"),
    (WATCHED, f"{MODEL}/span", 10**12, r"span: expected a whole number in \[2, 37\], got 1000000000000"),
    (
        WATCHED,
        f"{MODEL}/calibration/scales",
        [8] * 1000,
        "level_variances: expected 1000 for the axis k, as .*scales has, got 2",
    ),
    (WATCHED, f"{MODEL}/calibration/scales", [8, 16], r"scales: expected \(8, 32\) of 300 rows and span 24"),
    (WATCHED, f"{MODEL}/seasons", [2**63], "effects: expected one effect, or as many as one of the seasons has"),
    (WATCHED, f"{MODEL}/seasons", [24, 24], r"seasons: expected rising seasons, got \(24, 24\)"),
    (WATCHED, f"{MODEL}/seasons", [0], r"seasons: expected rising seasons, got \(0,\)"),
    (WATCHED, f"{MODEL}/span", 0, r"span: expected a whole number in \[2, 37\], got 0"),
    (WATCHED, f"{MODEL}/profile/power", 0.3, "power: expected 0, 0.5 or 1, got 0.3"),
    (WATCHED, f"{MODEL}/profile/power", 1.0, "floor: expected a number above 0 for logarithms, else 0"),
    (WATCHED, f"{MODEL}/network/input_size", 3, r"theta: expected \d+ for the axis \d+, got"),
    (WATCHED, f"{MODEL}/memory", 1.0, "memory: expected memory and seasons of 300 rows, got 1.0"),
    (WATCHED, f"{MODEL}/scaling/ar1", 1.5, "scaling: expected units above 0, and an autoregressive coefficient"),
    (WATCHED, "value/continuation", {}, "continuation: expected the fields .*, and lacks name"),
    (WATCHED, "value/continuation/row", 600, "row: expected at most 599, the last row seen, got 600"),
    (WATCHED, "value/continuation/time", 2**62, r"continuation\.time: expected a whole number"),
    (
        WATCHED,
        "value/continuation/time",
        None,
        r"continuation\.time: expected a time and a calendar, or neither, got None",
    ),
    (WATCHED, "options/rate", 0, "rate: expected a finite number in"),
    (WATCHED, "value/monitor/row", 2**62, r"monitor\.row: expected more rows than the 300"),
    (WATCHED, "value/monitor/row", 2**53 - 1, "dates beyond reckoning"),
    (WATCHED, "value/monitor/stream", {}, "tensors: expected .*, got"),
    (
        WATCHED,
        "tensors/monitor.level_variances",
        0.0,
        "level_variances: expected numbers in a monitor.s range, up to 9",
    ),
    (
        WATCHED,
        "tensors/monitor.effects",
        np.nan,
        r"monitor\.effects: expected numbers in a monitor.s range, up to 1e\+150",
    ),
    (WATCHED, f"{ERRORS}/quantiles", [1.0, 0.5], "distribution: expected 13 rising quantiles"),
    (WATCHED, f"{ERRORS}/tails/0/1", "x", r"tails\[0\]\[1\]: expected a finite number, got 'x'"),
    (WATCHED, "tensors/model.network.theta", np.inf, "theta: expected finite numbers"),
]
# 0.1.0's own
EARLIER = [
    (ONE, "model/horizon", 10**12, r"backtest.truth: expected float64 \(3, 1000000000000\), got float64"),
    (ONE, "model/lags", 2**62, r"model\.lags: expected a whole number"),
    (ONE, "series/0/rows", 10**12, r"values: expected float64 \(1000000000000\), got float64 \(80\)"),
    (ONE, "series/0/calendar/step", 1, "times: expected those of the calendar"),
    (ONE, "more", 1, "forecaster: expected the fields .*, and does not know more"),
    (ONE, "backtest", {}, "."),
    (MANY, "series/0/id", "b", "series: expected an id of its own for each"),
    (MANY, "series/0/id", None, "series: expected an id of its own for each"),
    (MANY, "series/0/covariates/known", 2**40, r"future: expected float64 \(1099511627866, 1\), got float64"),
    (MANY, "series/1/covariates", None, "future: expected float64 .90, 1., got float64 .180, 1."),
    (WATCHED, "scales", [8] * 1000, r"levels: expected float64 \(1000\), got float64 \(2\)"),
    (WATCHED, "network/input_size", 2**31 - 1, "theta: expected float32"),
    (WATCHED, "following/row", 600, "row: expected at most 599, the last row seen, got 600"),
    (WATCHED, "tensors/monitor.counts", 2**62, r"monitor\.row: expected more rows than the 300"),
    ("checkpoint", "updates", 10**12, r"history.updates: expected float64 \(3, 1000000000000\)"),
    ("checkpoint", "waited", 10**12, "best, waited: expected .*, 1 epochs ago.*got .*, 1000000000000"),
    ("checkpoint", "optimizer/beta1", 1.0, r"beta1: expected a number in \[0, 1\), got 1.0"),
    ("checkpoint", "optimizer", {}, "optimizer: expected the numbers of one of sgd"),
    ("checkpoint", "settings/dtype", "float64", "settings: expected those of the network, got others"),
    ("checkpoint windows", "done", 10**9, "done: expected at most the 12 updates"),
    ("checkpoint windows", "tensors/history.updates", np.inf, "history.updates: expected losses, norms and rates"),
]


@pytest.mark.parametrize(
    ("folder", "name", "place", "value", "message"),
    [(TREES, *each) for each in CLAIMS] + [(FOLDER, *each) for each in EARLIER],
)
def test_what_a_description_claims_is_compared_with_what_there_is(
    folder: Path, name: str, place: str, value: Any, message: str, tmp_path: Path
):
    with pytest.raises(elman.FileError, match=message):
        elman.load(altered(folder / f"{name}.safetensors", place, value, tmp_path / "f"))


TENSORS = [(path, name) for path in sorted(TREES.iterdir()) for name in io.read(path)[2]]


@pytest.mark.parametrize(("path", "name"), TENSORS, ids=lambda part: getattr(part, "stem", part))
def test_a_tensor_that_is_cut_is_refused(path: Path, name: str, tmp_path: Path):
    kind, description, tensors = io.read(path)
    io.write(tmp_path / "f", kind, description, {**tensors, name: tensors[name][:-1]})
    with pytest.raises(elman.FileError, match=f"the description does not fit the tensors: {name}: expected"):
        elman.load(tmp_path / "f")


# A window's MASE has no unit where the rows before it are constant
FINITE = [(path, name) for path, name in TENSORS if name not in ("series.times", "backtest.scales")]


@pytest.mark.parametrize(("path", "name"), FINITE, ids=lambda part: getattr(part, "stem", part))
def test_a_tensor_that_is_not_finite_is_refused(path: Path, name: str, tmp_path: Path):
    with pytest.raises(elman.FileError, match=r"the description does not fit the tensors: .*expected"):
        elman.load(altered(path, f"tensors/{name}", np.nan, tmp_path / "f"))
