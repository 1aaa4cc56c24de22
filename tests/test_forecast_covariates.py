"""What is known beside a series: its layout, that it helps, that nothing later is looked at, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman.forecast import DataError, DataNotice, Forecaster, as_series, read_series
from elman.series.calendar import Calendar
from elman.series.inputs import CovariateWindows, Inputs, covariate_features, parse_calendar
from elman.series.series import Series

DAYS = np.datetime64("2024-01-01") + np.arange(400)
QUICK: dict[str, Any] = {"models": "network", "horizon": 7, "season": 7}


def driven(rows: int = 200, seed: int = 0, noise: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    """A weekly series, half as large again on days that nobody can foresee without `promo`; both one horizon longer."""
    rng = np.random.default_rng(seed)
    time = np.arange(rows + 7)
    promo = (rng.random(rows + 7) < 0.2).astype(float)
    return 50 * (1 + 0.2 * np.sin(2 * np.pi * time / 7) + 0.5 * promo + noise * rng.normal(size=rows + 7)), promo


def panel(count: int = 4) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Values, promotions that go one horizon further, and the truth of that horizon."""
    both = {f"s{k}": driven(200 - 10 * k, k) for k in range(count)}
    values = {name: (k + 1) * y[:-7] for k, (name, (y, _)) in enumerate(both.items())}
    return values, {name: p for name, (_, p) in both.items()}, {n: y[-7:] for n, (y, _) in both.items()}


# -------------------------------------------------------------------------------------------- layout


def test_what_stands_beside_a_step():
    """Against loops: rows read, rows to come, their change from the base, static numbers; zeros before the window."""
    rng = np.random.default_rng(0)
    c, h, rows, lag = 12, 5, 3, 4
    shown = CovariateWindows(
        rng.normal(size=(2, c, 2)), rng.normal(size=(2, c + h, 3)), rng.normal(size=(2, 2)), np.ones((2, c, 1))
    )
    ends = np.array([3, 6, 9, 12])
    found = covariate_features(ends, rows, lag, shown)
    for n in range(2):
        for t, e in enumerate(ends):
            expected: list[float] = []
            for column in [*shown.past[n].T, shown.unknown[n, :, 0]]:
                expected += column[e - rows : e].tolist()
            expected += shown.future[n, e : e + h].ravel().tolist()
            for k in range(h):
                base = e - lag + k % lag
                change = shown.future[n, e + k] - shown.future[n, base]
                expected += (change if base >= 0 else 0 * change).tolist()
            expected += shown.static[n].tolist()
            assert found[n, t] == pytest.approx(expected, rel=1e-6)
    inputs = Inputs((), (("a", 0, 1),) * 2, (("b", 0, 1),) * 3, (("c", 0, 1), ("d", ("x",))))
    assert found.shape[2] == inputs.features(rows, h, masked=True)


def test_scales_and_categories_are_those_of_the_known_rows():
    covariates = {"past": np.arange(10.0), "future": np.append(np.arange(10.0), [1e9, 1e9]), "static": ["b", 3.0]}
    first = as_series(np.arange(10.0), **covariates)
    second = as_series(np.arange(10.0), **{**covariates, "static": ["a", 5.0]})
    inputs = Inputs.of([first, second], ())
    assert inputs.past == (("past 1", 4.5, pytest.approx(np.std(np.arange(10)))),)
    assert inputs.future[0][1:] == inputs.past[0][1:]  # what lies ahead scales nothing
    assert inputs.static == (("static 1", ("a", "b")), ("static 2", 4.0, 1.0))
    assert inputs.static_of(first).tolist() == [0.0, 1.0, -1.0]
    assert inputs.future_of(first, 2)[-1, 0] > 1e8


def test_calendar_features_are_turns_of_the_clock():
    times = np.array(["2024-02-29T18:30", "2024-12-31T00:00", "1969-03-02T06:00"], dtype="datetime64[us]")
    inputs = Inputs(("minute", "hour", "weekday", "day", "month", "week"))
    turns = [(30 / 60, 0, 0), (18.5 / 24, 0, 6 / 24), (3 / 7, 1 / 7, 6 / 7), (28 / 31, 30 / 31, 1 / 31),
             (1 / 12, 11 / 12, 2 / 12), (8 / 53, 52 / 53, 8 / 53)]  # fmt: skip
    for i, time in enumerate(times):
        found = inputs.future_of(Series(np.zeros(1), times[i : i + 1], Calendar("us")), 0)[0]
        assert found[0::2] == pytest.approx([np.sin(2 * np.pi * turn[i]) for turn in turns], abs=1e-12), time
        assert found[1::2] == pytest.approx([np.cos(2 * np.pi * turn[i]) for turn in turns], abs=1e-12), time
    assert parse_calendar("hour") == ("hour",)
    with pytest.raises(ValueError, match=r"calendar: expected one of 'minute', 'hour', .*, got 'fortnight'"):
        Forecaster(calendar=["fortnight"]).fit(driven()[0])
    with pytest.raises(DataError, match="calendar: month need dates, and the series have none"):
        Forecaster(calendar="month").fit(driven()[0])


# ---------------------------------------------------------------------------------------- it helps


@pytest.mark.parametrize("rows", [200, 1100])
def test_what_is_known_ahead_is_used_for_one_series(rows: int):
    """On days that cannot be foreseen by the values: over five seeds, at most half of the error without."""
    y, promo = driven(rows)
    errors = [
        [
            np.abs(Forecaster(windows=0, seed=k, **QUICK).fit(y[:-7], **given).predict() - y[-7:]).mean()
            for k in range(5)
        ]
        for given in ({}, {"future": promo})
    ]
    assert promo[-7:].sum() > 0
    assert np.mean(errors[1]) < 0.5 * np.mean(errors[0])


@pytest.mark.parametrize("head", ["median", "student_t"])
def test_what_is_known_ahead_is_used_for_many(head: str):
    values, promo, truth = panel()
    model = Forecaster(windows=0, distribution=head, updates=800, **QUICK)
    errors = []
    for given in ({}, {"future": promo}):
        found = model.fit(values, **given).predict()
        errors.append(np.mean([np.abs(found[n] / (k + 1) - truth[n]).mean() for k, n in enumerate(values)]))
    assert errors[1] < 0.6 * errors[0]


def test_a_past_covariate_that_leads_is_used():
    """What a sensor shows today is tomorrow's value."""
    rng = np.random.default_rng(0)
    sensor = rng.normal(size=400)
    y = 10 + np.append(0.0, sensor[:-1]) + 0.01 * rng.normal(size=400)
    errors = []
    for given in ({}, {"past": sensor[:-1]}):
        found = Forecaster(horizon=1, season=1, windows=8).fit(y[:-1], **given).backtest_
        errors.append(np.abs(found.residuals("network")).mean())
    assert errors[1] < 0.5 * errors[0]


# ------------------------------------------------------------------------------- what it may look at


@pytest.mark.parametrize("rows", [120, 1100])
@pytest.mark.parametrize(
    "options", [{}, {"distribution": "quantiles"}, {"distribution": "gaussian"}, {"missing": "mask"}]
)
def test_no_later_value_or_past_covariate_is_looked_at(rows: int, options: dict[str, Any]):
    """Everything after the first window's cut changes but what is known ahead within its horizon: the first window's
    forecast stays, bit for bit. A change of what is known ahead within it changes it."""
    y, promo = driven(rows)
    values, past = y[:-7].copy(), np.roll(y, 1)[:-7]
    values[20] = np.nan if options.get("missing") else values[20]
    model = Forecaster(windows=3, updates=30, members=1, **QUICK, **options)
    first = model.fit(values, time=None, past=past, future=promo).backtest_
    cut = first.starts[0]
    changed, later, other = values.copy(), past.copy(), promo.copy()
    changed[cut:] = changed[cut:][::-1] * 3 + 1
    later[cut:] = 17.0
    other[cut + 7 :] = 5.0
    again = model.fit(changed, past=later, future=other).backtest_
    assert again.forecasts["network"][0].tolist() == first.forecasts["network"][0].tolist()
    other[cut] += 1.0
    known = model.fit(values, past=past, future=other).backtest_
    assert known.forecasts["network"][0].tolist() != first.forecasts["network"][0].tolist()


def test_no_later_value_of_any_series_is_looked_at():
    values, promo, _ = panel()
    model = Forecaster(windows=2, updates=30, members=1, **QUICK)
    first = model.fit(values, future=promo, static={name: name for name in values}).backtest_
    for name in values:
        values[name] = values[name].copy()
        values[name][-14:] *= 7.0
    again = model.fit(values, future=promo, static={name: name for name in values}).backtest_
    opening = [w for w, start in enumerate(first.starts) if start == len(values[first.series[w]]) - 14]
    assert len(opening) == len(values)
    for w in opening:
        assert again.forecasts["network"][w].tolist() == first.forecasts["network"][w].tolist()


def test_a_value_filled_from_later_ones_is_not_known_before_them():
    """A hole before a cut is filled on a line to the value after it: at the cut only the one before it was known."""
    values = np.arange(20.0) ** 2
    values[10:13] = np.nan
    series = as_series(values, missing="interpolate")
    assert series.values[12] == pytest.approx(81 + (169 - 81) * 3 / 4)
    assert series.head(13).values.tolist()[9:] == [81.0] * 4
    assert series.head(12).values.tolist()[9:] == [81.0] * 3
    assert series.head(14).values.tolist() == series.values[:14].tolist()


# ---------------------------------------------------------------------------------------- files, reading


def long_csv(folder: Path, tail: int = 7, change: dict[str, str] | None = None) -> Path:
    """Two shops with promotions `tail` rows ahead, visitors, a region."""
    lines = ["shop,day,units,promo,visitors,region"]
    for k, shop in enumerate(("north", "south")):
        y, promo = driven(60, k)
        for i in range(60 + tail):
            value, visitors = (f"{y[i]:.3f}", f"{10 * y[i]:.1f}") if i < 60 else ("", "")
            lines.append(f"{shop},{DAYS[i]},{value},{promo[i]:g},{visitors},{'ab'[k]}")
    text = "\n".join(lines)
    for old, new in (change or {}).items():
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "shops.csv"
    path.write_text(text + "\n")
    return path


COLUMNS: dict[str, Any] = {"id": "shop", "target": "units", "future": "promo", "past": ["visitors"], "static": "region"}


def test_a_file_with_its_future(tmp_path: Path):
    """Rows without a value at the end are the future's; the model is saved with its columns and reads fresh files."""
    path = long_csv(tmp_path)
    model = Forecaster(windows=1, updates=20, members=1, **QUICK).fit(path, **COLUMNS)
    series = model.series_["south"]
    assert (len(series), series.covariates.future.shape, series.covariates.static) == (60, (67, 1), ("b",))
    found = model.forecast()
    assert found["south"].labels == [str(day) for day in DAYS[60:67]]
    model.save(tmp_path / "m.safetensors")
    loaded = elman.load(tmp_path / "m.safetensors")
    assert loaded.forecast()["north"].values.tolist() == found["north"].values.tolist()
    assert loaded.predict(history=path)["north"].tolist() == found["north"].values.tolist()
    assert loaded.model_.spec.inputs == model.model_.spec.inputs


PROMOS = {shop: driven(60, k)[1] for k, shop in enumerate(("north", "south"))}
AHEAD = {shop: promo[60:] for shop, promo in PROMOS.items()}


def frame_ahead() -> Any:
    """The promotions after the last row, the latest first."""
    rows = [(shop, str(DAYS[i]), promo[i]) for shop, promo in PROMOS.items() for i in range(66, 59, -1)]
    return pytest.importorskip("pandas").DataFrame(rows, columns=["shop", "day", "promo"])


@pytest.fixture(scope="module")
def without_future(tmp_path_factory: pytest.TempPathFactory) -> tuple[Forecaster, dict[str, list[float]]]:
    """A model whose history ends with its last values, and what one forecasts whose history holds the future too."""
    folder = tmp_path_factory.mktemp("future")
    whole = Forecaster(windows=0, updates=20, members=1, **QUICK).fit(long_csv(folder), **COLUMNS)
    model = Forecaster(windows=0, updates=20, members=1, **QUICK).fit(long_csv(folder, tail=0), **COLUMNS)
    return model, {name: values.tolist() for name, values in whole.predict().items()}


@pytest.mark.parametrize("kind", ["frame", "file", "arrays"])
def test_the_future_apart_is_as_within_the_history(kind: str, without_future: Any, tmp_path: Path):
    """Rows are found by their dates."""
    model, wanted = without_future
    future: Any = AHEAD if kind == "arrays" else frame_ahead()
    if kind == "file":
        future.to_csv(tmp_path / "ahead.csv", index=False)
        future = tmp_path / "ahead.csv"
    assert {name: values.tolist() for name, values in model.predict(future=future).items()} == wanted


def test_a_future_that_lacks_something_is_refused_with_series_and_date(without_future: Any):
    model, _ = without_future
    lacks = r"series 'north': future: .*'promo' is given up to 2024-02-29.*from 2024-03-01"
    with pytest.raises(DataError, match=lacks):
        model.predict()
    frame = frame_ahead()
    with pytest.raises(DataError, match=r"series 'south': future: expected a row for 2024-03-03, .* there is none"):
        model.predict(future=frame[~((frame.shop == "south") & (frame.day == "2024-03-03"))])
    with pytest.raises(DataError, match=r"series 'south': future: expected its known-future covariates, got none"):
        model.predict(future={"north": AHEAD["north"]})
    frame.loc[2, "promo"] = np.nan
    with pytest.raises(DataError, match=r"series 'north': future: expected a finite number of 'promo' for 2024-03-05"):
        model.predict(future=frame)


def test_a_shorter_forecast_takes_a_shorter_future(without_future: Any):
    model, wanted = without_future
    assert model.predict(horizon=3, future=AHEAD)["north"].tolist() == wanted["north"][:3]
    assert len(model.predict(horizon=3, future={n: a[:3] for n, a in AHEAD.items()})["north"]) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"2024-03-04,,0,,a": "2024-03-04,,,,a"},
            r"series 'north': .*line 65, column 'promo': the covariate is missing",
        ),
        (
            {"north,2024-03-04,,0,,a\n": ""},
            r"series 'north': .*line 65, .*1 row is missing between 2024-03-03 and 2024-03-05",
        ),
        (
            {",a\nnorth,2024-01-09": ",b\nnorth,2024-01-09"},
            r"line 9, column 'region': static: expected one value .*got 'b' after 'a'",
        ),
        ({"2024-03-04,,0,": "2024-03-04,,inf,"}, r"column 'promo': expected a finite number, got 'inf'"),
        ({"2024-03-04,,0,": "2024-03-04,,often,"}, r"line 65, column 'promo': expected a finite number, got 'often'"),
    ],
    ids=["missing ahead", "a day left out", "another region", "infinite", "a word"],
)
def test_bad_covariates(tmp_path: Path, change: dict[str, str], message: str):
    with pytest.raises(DataError, match=message):
        Forecaster(windows=0, **QUICK).fit(long_csv(tmp_path, change=change), **COLUMNS)


def test_covariates_that_do_not_fit(tmp_path: Path):
    y, promo = driven()
    model = Forecaster(windows=0, updates=5, members=1, **QUICK)
    with pytest.raises(ValueError, match="past: expected 200 rows, as y has, got 207"):
        model.fit(y[:-7], past=promo)
    with pytest.raises(ValueError, match="future: expected at least 200 rows, as y has, got 100"):
        model.fit(y[:-7], future=promo[:100])
    with pytest.raises(TypeError, match="future: expected real numbers"):
        model.fit(y[:-7], future=["yes"] * 200)
    with pytest.raises(DataError, match=r"past: expected finite numbers, got nan in row 3, column 0"):
        model.fit(y[:-7], past=np.where(np.arange(200) == 3, np.nan, promo[:-7]))
    with pytest.raises(ValueError, match="future: expected another column than past, got 'promo' for both"):
        model.fit(long_csv(tmp_path), id="shop", target="units", past="promo", future="promo")
    with pytest.raises(DataError, match="static: no column 'country'"):
        model.fit(long_csv(tmp_path), id="shop", target="units", static="country")
    values, promos, _ = panel(2)
    with pytest.raises(DataError, match="future: expected one for every series, got none for 's1'"):
        model.fit(values, future={"s0": promos["s0"]})
    fitted = model.fit(values, future=promos, static={"s0": "x", "s1": "y"})
    with pytest.raises(DataError, match="series 's9': future: the model was trained with 'future 1', which the series"):
        fitted.predict(history={"s9": values["s0"]})
    with pytest.raises(DataError, match="series 's9': static: 'static 1' is 'z', in training it was one of x, y"):
        fitted.predict(history={"s9": as_series(values["s0"], future=promos["s0"], static="z")})
    kept = fitted.set_params(skip_bad=True).forecast(history={"s9": values["s0"], "s1": fitted.series_["s1"]})
    assert list(kept) == ["s1"]
    assert "future: the model was trained with 'future 1'" in kept.skipped["s9"]
    with pytest.raises(DataError, match="none of 1 series can be forecast; series 's9': future: the model"):
        fitted.predict(history={"s9": values["s0"]})
    with pytest.raises(DataError, match="future: the model was trained without known-future covariates"):
        model.fit(y[:-7]).predict(future=promo[-7:])


def test_a_descending_file_with_its_future(tmp_path: Path):
    """Newest first: the rows ahead stand at the beginning."""
    y, promo = driven(60)
    lines = [f"{DAYS[i]},{y[i]:.3f},{promo[i]:g}" if i < 60 else f"{DAYS[i]},,{promo[i]:g}" for i in range(67)]
    (tmp_path / "up.csv").write_text("day,units,promo\n" + "\n".join(lines) + "\n")
    (tmp_path / "down.csv").write_text("day,units,promo\n" + "\n".join(lines[::-1]) + "\n")
    up = read_series(tmp_path / "up.csv", target="units", future="promo")
    with pytest.warns(DataNotice, match="falling order"):
        down = read_series(tmp_path / "down.csv", target="units", future="promo")
    assert up.values.tolist() == down.values.tolist()
    assert up.covariates.future.tolist() == down.covariates.future.tolist()
    assert len(up.covariates.future) == 67


def test_the_commands_with_covariates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """What is known ahead from the same file, or from another; where it is missing, one line says until when it is."""
    pytest.importorskip("typer")
    from elman.cli import main

    monkeypatch.chdir(tmp_path)
    long_csv(tmp_path)
    beside = ["--future", "promo", "--past", "visitors", "--static", "region", "--calendar", "weekday"]
    asked = ["forecast", "shops.csv", "--id", "shop", "--target", "units", "--horizon", "7", "--windows", "2", *beside]
    assert main([*asked, "--effort", "fast"]) == 0
    assert "shops.csv, units: 2 series of 60 rows" in capsys.readouterr().out
    wanted = (tmp_path / "shops.units.forecast.csv").read_text()
    assert main(["predict", "shops.units.forecaster.safetensors", "shops.csv"]) == 0
    assert (tmp_path / "shops.units.forecast.csv").read_text() == wanted
    ahead = ["shop,day,promo"]
    ahead += [f"{s},{DAYS[i]},{driven(60, k)[1][i]:g}" for k, s in enumerate(("north", "south")) for i in range(60, 67)]
    (tmp_path / "ahead.csv").write_text("\n".join(ahead) + "\n")
    (tmp_path / "past").mkdir()
    long_csv(tmp_path / "past", tail=0)
    capsys.readouterr()
    assert main(["predict", "shops.units.forecaster.safetensors", "past/shops.csv"]) == 3
    assert (
        "series 'north': future: the known-future covariate 'promo' is given up to 2024-02-29"
        in capsys.readouterr().err
    )
    assert main(["predict", "shops.units.forecaster.safetensors", "past/shops.csv", "--future", "ahead.csv"]) == 0
    assert (tmp_path / "shops.units.forecast.csv").read_text() == wanted
    assert main(["predict", "shops.units.forecaster.safetensors", "past/shops.csv", "--future", "absent.csv"]) == 3
    assert main([*asked[:-1], "fortnight"]) == 2
    assert "calendar: expected one of" in capsys.readouterr().err
    polars = pytest.importorskip("polars")
    assert main(["predict", "shops.units.forecaster.safetensors", "--to", "parquet"]) == 0
    assert polars.read_parquet(tmp_path / "shops.units.forecast.parquet")["series"].unique().len() == 2
