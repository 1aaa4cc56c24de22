"""What can be saved loads: saved again it has the same bytes, and it gives the same numbers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import elman
from elman import AnomalyDetector, Forecaster, optim, schedules
from elman.core.layers import GRU, LSTM, Dense, Dropout, Embedding, Last, Recurrent, Simple, Skip
from elman.forecast import DataError, as_series
from elman.series.notes import DataNotice

FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = settings(FEW, max_examples=400)
QUICK: dict[str, Any] = {"effort": "fast", "members": 1, "updates": 4}


def comes_back(model: Any, folder: Path, use: Callable[[Any], Any]) -> None:
    """Saved, loaded, used and saved again."""
    model.save(folder / "first")
    loaded = elman.load(folder / "first")
    loaded.save(folder / "again")
    assert (folder / "again").read_bytes() == (folder / "first").read_bytes()
    assert repr(type(loaded)) == repr(type(model))
    found, expected = use(loaded), use(model)
    assert found == expected
    model.save(folder / "first")
    loaded.save(folder / "again")
    assert (folder / "again").read_bytes() == (folder / "first").read_bytes()
    elman.load(folder / "again")


# ----------------------------------------------------------------------------------------------------- series


@st.composite
def values(draw: st.DrawFn, least: int, most: int) -> np.ndarray:
    """Rows of many kinds: waves and noise, whole numbers, stretches that stand still, large, tiny and negative ones."""
    rows = draw(st.integers(least, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    time = np.arange(rows)
    y = 3.0 * np.sin(2 * np.pi * time / draw(st.sampled_from([5, 7, 12]))) + rng.normal(size=rows)
    kind = draw(st.sampled_from(["wave", "counts", "steps", "rare", "walk", "flat start", "flat end", "two", "spikes"]))
    if kind == "counts":
        y = rng.poisson(1.5, rows).astype(float)
    elif kind == "steps":
        y = np.repeat(rng.normal(size=rows // 9 + 1), 9)[:rows]
    elif kind == "rare":
        y = (rng.random(rows) < 0.05).astype(float)
    elif kind == "walk":
        y = np.cumsum(y)
    elif kind == "flat start":
        y[: rows // 2] = y[0]
    elif kind == "flat end":
        y[rows // 2 :] = y[-1]
    elif kind == "two":
        y = np.where(time % 2 == 0, 1.0, 2.0)
    elif kind == "spikes":
        y[rng.integers(0, rows, 3)] = 1e6 * rng.normal(size=3)
    level = draw(st.sampled_from([0.0, 0.0, 10.0, -1e4, 1e9]))
    return (y + level) * draw(st.sampled_from([1.0, 1.0, -1.0, 1e-30, 1e-98, 1e30, 1e90]))


@st.composite
def times(draw: st.DrawFn, rows: int) -> np.ndarray | None:
    """Dates by several rules, or none."""
    kind = draw(st.sampled_from([None, "D", "h", "15m", "M", "B", "7D"]))
    if kind is None:
        return None
    first = np.datetime64(draw(st.sampled_from(["1969-12-20", "2024-01-01", "0001-01-01", "9000-01-01"])))
    if kind == "M":
        return (first.astype("datetime64[M]") + np.arange(rows)).astype("datetime64[D]")
    if kind == "B":
        return np.busday_offset(first, np.arange(rows), roll="forward")
    unit, count = {"D": ("D", 1), "h": ("h", 1), "15m": ("m", 15), "7D": ("D", 7)}[kind]
    return first.astype("datetime64[us]") + np.timedelta64(count, unit) * np.arange(rows)


# -------------------------------------------------------------------------------------------------- detectors


@st.composite
def detectors(draw: st.DrawFn) -> AnomalyDetector | None:
    y = draw(values(150, 480))
    whole = st.integers(1, 2**63 - 1)
    season = st.one_of(st.none(), st.sampled_from([1, 7, [7, 14], (5, 3), np.int64(12), [np.int32(5)]]), whole)
    probation = st.sampled_from([0.15, 0.45, 0.9, 60, 72, np.float64(0.5), np.int64(100)])
    options = {
        "rate": draw(st.sampled_from([3e-5, 0.1, 1e-300, np.float64(1e-3)])),
        "probation": draw(probation),
        "season": draw(season),
        "cell": draw(st.sampled_from([None, "tanh", "lstm"])),
        "hidden_size": draw(st.integers(1, 3)),
        "seed": draw(st.sampled_from([0, 7, np.int64(3), 2**63 - 1])),
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataNotice)  # of seasons that do not show, which any option may be
            return AnomalyDetector(effort="fast", **options).fit(y, time=draw(times(len(y))))
    except DataError:
        return None


def check_detector(model: AnomalyDetector | None, folder: Path) -> None:
    if model is None:
        return
    last = model._monitor.last_value
    more = [last, last, last * 1.5, -last, 0.0, 1e6]
    comes_back(model, folder, lambda own: [own.score_one(value) for value in more])
    comes_back(model, folder, lambda own: own.detect(more).scores.tolist())


@FEW
@given(detectors())
def test_a_detector(tmp_path: Path, model: AnomalyDetector | None):
    check_detector(model, tmp_path)


@pytest.mark.slow
@MANY
@given(detectors())
def test_many_detectors(tmp_path: Path, model: AnomalyDetector | None):
    check_detector(model, tmp_path)


@pytest.mark.parametrize("rows", [400, 426, 427, 440, 480])
def test_a_detector_of_few_rows_has_no_scales_or_one(rows: int, tmp_path: Path):
    """60 to 72 rows are learned from; fewer than 64 of them calibrate."""
    y = np.sin(np.arange(rows)) + np.random.default_rng(rows).normal(size=rows)
    model = AnomalyDetector(effort="fast", hidden_size=2).fit(y)
    assert model.model_.calibration.scales in ((), (8,))
    check_detector(model, tmp_path)


# ------------------------------------------------------------------------------------------------- forecasters


@st.composite
def forecasters(draw: st.DrawFn) -> Forecaster | None:
    rows = draw(st.integers(60, 140))
    dates = draw(times(rows))
    count = draw(st.sampled_from([0, 0, 1, 3]))  # 0: one series, not a mapping
    beside = draw(st.sets(st.sampled_from(["past", "future", "static"])))
    missing = draw(st.sampled_from(["error", "mask", "interpolate"]))
    options = {
        "horizon": draw(st.sampled_from([None, 1, 3, np.int64(4)])),
        "season": draw(st.sampled_from([None, 1, 7, (7,), [5], (3, 6), [np.int64(7)]])),
        "windows": draw(st.sampled_from([0, 1, 3, np.int32(2)])),
        "levels": draw(st.sampled_from([None, None, (50,), [50, 60.0], np.float64(40).repeat(1).tolist()])),
        "cell": draw(st.sampled_from([None, "lstm", "relu"])),
        "hidden_size": draw(st.integers(1, 3)),
        "distribution": draw(st.sampled_from(["median", "median", "quantiles", "gaussian", "student_t"])),
        "skip_seasons": draw(st.integers(0, 2)),
        "boxcox_lambda": draw(st.sampled_from([None, 0, 0.5, np.float32(1), np.float64(0.3)])),
        "calendar": draw(st.sampled_from([None, "weekday", ("day", "week"), ["month"]])) if dates is not None else None,
        "seed": draw(st.sampled_from([0, np.int64(7)])),
    }
    rng = np.random.default_rng(0)
    word = st.one_of(st.sampled_from(["north", "é\n\"'"]), st.floats(-1e6, 1e6))

    def one() -> Any:
        y = draw(values(rows, rows))
        if missing != "error":
            y[rng.integers(1, rows - 1, 3)] = np.nan
        asked: dict[str, Any] = {"time": dates, "missing": missing}
        if "past" in beside:
            asked["past"] = rng.normal(size=(rows, 2)) * 1e3
        if "future" in beside:
            asked["future"] = rng.normal(size=rows + 60)
        if "static" in beside:
            asked["static"] = [1.5, draw(word)] if count == 0 else [1.5, "a"]
        return as_series(y, **asked)

    try:
        y = one() if count == 0 else {f"s{k}": one() for k in range(count)}
        return Forecaster(missing=missing, **{**QUICK, **options}).fit(y)
    except DataError:
        return None
    except ValueError as error:
        assert "levels: an interval" in str(error) or "windows" in str(error)  # noqa: PT017
        return None


def check_forecaster(model: Forecaster | None, folder: Path) -> None:
    def use(own: Forecaster) -> Any:
        try:
            found = own.forecast()
        except DataError as error:
            return str(error)
        each = {"": found} if not isinstance(found, dict | elman.forecast.Forecasts) else dict(found)
        tested = own.backtest_
        return (
            {
                k: (f.values.tolist(), {i: b.tolist() for i, b in f.intervals.items()}, f.labels)
                for k, f in each.items()
            },
            None if tested is None else (own.verdict(), repr(own.coverage()), repr(tested.summary())),
        )

    if model is not None:
        comes_back(model, folder, use)


@FEW
@given(forecasters())
def test_a_forecaster(tmp_path: Path, model: Forecaster | None):
    check_forecaster(model, tmp_path)


@pytest.mark.slow
@MANY
@given(forecasters())
def test_many_forecasters(tmp_path: Path, model: Forecaster | None):
    check_forecaster(model, tmp_path)


# ----------------------------------------------------------------------------------- networks and checkpoints

share = st.sampled_from([0.0, 0.25, np.float32(0.5), 0])


ACTIVATIONS = ["tanh", "relu", "sigmoid", "softplus"]


@st.composite
def cells(draw: st.DrawFn, size: int) -> Any:
    leak = st.sampled_from([None, 0.5, np.float64(0.25), [0.5] * size, np.full(size, 0.75, np.float32), 1])
    norm = draw(st.booleans())
    kind = draw(st.sampled_from(["simple", "lstm", "gru"]))
    if kind == "simple":
        own = None if norm else draw(leak)
        return Simple(
            draw(st.sampled_from(["tanh", "relu", "sigmoid", "softplus"])), own, own is not None, draw(share), norm
        )
    if kind == "lstm":
        return LSTM(False if norm else draw(st.booleans()), norm)
    return GRU(True if norm else draw(st.booleans()), norm)


@st.composite
def networks(draw: st.DrawFn, windows: bool = False) -> elman.Network:
    stack: list[Any] = []
    embedded = not windows and draw(st.booleans())
    if embedded:
        stack.append(Embedding(draw(st.integers(1, 5)), draw(st.sampled_from([1, np.int64(2)]))))
    for _ in range(draw(st.integers(1, 2))):
        size = draw(st.integers(1, 4))
        cell = draw(cells(size))
        zoneout = draw(share)
        zoneout = (zoneout,) * len(cell.state_names) if draw(st.booleans()) else zoneout
        both = not windows and draw(st.booleans())
        stack.append(Recurrent(np.int64(size), cell, both, draw(share), zoneout, draw(st.booleans())))
        if draw(st.booleans()):
            stack.append(Dropout(draw(share), draw(st.booleans())))
    stack += [Last()] if not windows and draw(st.booleans()) else []
    stack += [Dense(2, draw(st.sampled_from(["linear", *ACTIVATIONS])))] if draw(st.booleans()) else []
    stack.append(Dense(1))
    stack += [Skip()] if not embedded and draw(st.booleans()) else []
    dtype = draw(st.sampled_from(["float32", "float64", np.float64]))
    size = None if embedded else np.int64(2)
    return elman.Network.from_layers(stack, input_size=size, dtype=dtype, seed=draw(st.integers(0, 9)))


@settings(FEW, max_examples=40)
@given(networks())
def test_a_network(tmp_path: Path, model: elman.Network):
    x = np.zeros((2, 3), int) if model.layout.integer_input else np.ones((2, 3, 2))
    comes_back(model, tmp_path, lambda own: (own.predict(x).tolist(), own.layers, own.dtype, own.theta.tolist()))


@settings(FEW, max_examples=30)
@given(
    st.data(),
    st.sampled_from([optim.SGD(0.1), optim.SGD(np.float32(0.1), np.float64(0.5)), optim.RMSprop(), optim.Adagrad(),
                     optim.Adam(np.float32(0.01)), optim.AdamW(decay_all=True)]),
    st.sampled_from([None, "plateau", schedules.Plateau(0.5, 1), schedules.WarmUp(3, schedules.Plateau(0.5, 1)),
                     schedules.Cosine(30, hold=np.int64(3)), schedules.OneCycle(20), schedules.Step(3)]),
    st.sampled_from([None, 1, 2, 3]),
    st.sampled_from([None, 2]),
    st.sampled_from([None, 0.3]),
    st.booleans(),
)  # fmt: skip
def test_checkpoints_go_on_and_load(
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    optimizer: Any,
    schedule: Any,
    every: int | None,
    window: int | None,
    validation: float | None,
    patient: bool,
):
    network = data.draw(networks(windows=window is not None))
    folder = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(0)
    whole = network.layout.integer_input
    x = np.zeros((8, 5), int) if whole else rng.normal(size=(8, 5, 2))
    y = rng.normal(size=(8, 1) if network.layout.last else (8, 5, 1))
    asked = {"window": window, "validation": validation, "patience": 2 if patient and validation else None}
    thetas: list[bytes] = []
    for resume in (None, folder):
        own = elman.Network.from_theta(network.layout, network.theta)
        trainer = elman.Trainer(own, optimizer=optimizer, schedule=schedule, batch_size=3, clip_norm=1.0)
        given = {"checkpoint": folder, "every": every, "keep": 99} if resume is None else {"resume": resume}
        trainer.fit(x, y, epochs=3, progress=False, **asked, **given)
        thetas.append(trainer.network.theta.tobytes())
        for path in sorted(folder.iterdir()):
            assert elman.load(path).layers == network.layers
        if resume is None:  # the last ones are gone, as if it had been stopped
            paths = sorted(path for path in folder.iterdir() if path.name.startswith("update"))
            for path in paths[data.draw(st.integers(1, len(paths))) :]:
                path.unlink()
    assert thetas[0] == thetas[1]
