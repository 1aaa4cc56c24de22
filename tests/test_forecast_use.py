"""A forecaster in use: new rows, other windows, data frames answered in kind, tables, tuning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman.cli import main
from elman.forecast import DataError, Forecaster, as_series
from elman.forecast.evaluation.baselines import naive2

DAYS = np.datetime64("2024-01-01") + np.arange(200)
QUICK: dict[str, Any] = {"models": "network", "horizon": 7, "season": 7, "members": 1, "updates": 20}


def values(rows: int = 150, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 10 + np.sin(2 * np.pi * np.arange(rows) / 7) + 0.2 * rng.normal(size=rows)


def many(rows: int = 120) -> dict[str, Any]:
    return {name: as_series(values(rows, k), time=DAYS[:rows]) for k, name in enumerate("abc")}


# ------------------------------------------------------------------------------------------ new rows


def test_new_rows_without_training():
    """The same forecast as from the whole history, by the same networks; one row at a time, too."""
    whole = values()
    model = Forecaster(**QUICK).fit(whole[:140], time=DAYS[:140])
    theta = model.model_.networks[0].theta.copy()
    pandas = pytest.importorskip("pandas")
    for i in range(140, 143):
        dates = pandas.DatetimeIndex(DAYS[i : i + 1])
        model.update_state(pandas.Series(whole[i : i + 1], index=dates, name="value"))
    assert len(model.series_) == 143
    assert model.forecast().labels[0] == str(DAYS[143])
    assert model.predict().tolist() == model.predict(history=as_series(whole[:143], time=DAYS[:143])).tolist()
    assert model.model_.networks[0].theta.tolist() == theta.tolist()


@pytest.mark.parametrize("kind", ["frame", "file"])
def test_new_rows_of_a_frame_or_file_are_those_of_an_array(kind: str, tmp_path: Path):
    whole = values()
    frame = pytest.importorskip("pandas").DataFrame({"day": DAYS[:150].astype(str), "units": whole})
    newer = frame[130:]
    if kind == "file":
        newer.to_csv(tmp_path / "new.csv", index=False)
        newer = tmp_path / "new.csv"
    model = Forecaster(**QUICK).fit(frame[:130]).update_state(newer)
    plain = Forecaster(**QUICK).fit(whole[:130]).update_state(whole[130:])
    assert model.forecast().values.tolist() == plain.predict().tolist()


def test_new_rows_of_some_of_many_series_and_of_a_new_one():
    long = {name: each.head(100) for name, each in many().items()}
    panel = Forecaster(**QUICK).fit(long)
    rest = {n: as_series(s.values[100:], time=s.times[100:]) for n, s in many().items() if n != "b"}
    panel.update_state(rest | {"new": many()["a"]})
    assert {name: len(s) for name, s in panel.series_.items()} == {"a": 120, "b": 100, "c": 120, "new": 120}
    assert panel.predict()["c"] == pytest.approx(panel.predict(history=many())["c"], rel=1e-6)


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (141, "1 row is missing between 2024-05-19 and 2024-05-21"),
        (139, "stands on the row before"),
        (100, "comes after"),
    ],
)
def test_rows_that_do_not_follow(first: int, message: str):
    whole = values()
    model = Forecaster(**QUICK).fit(whole[:140], time=DAYS[:140])
    before = model.predict().tolist()
    pandas = pytest.importorskip("pandas")
    newer = pandas.Series(whole[first : first + 3], index=pandas.DatetimeIndex(DAYS[first : first + 3]))
    with pytest.raises(DataError, match=message):
        model.update_state(newer)
    assert (len(model.series_), model.predict().tolist()) == (140, before)
    with pytest.raises(DataError, match="new rows: expected times, as before"):
        model.update_state(whole[140:])
    with pytest.raises(DataError, match="new rows: expected one series"):
        model.update({"a": whole[140:]})


PAST = np.random.default_rng(0).normal(size=(120, 2))
HOURS = np.datetime64("2024-01-01") + np.timedelta64(1, "h") * np.arange(120)


def one(dates: Any = DAYS[:120], **covariates: Any) -> Any:
    return as_series(values(120), time=dates, **covariates)


@pytest.fixture(scope="module")
def with_past() -> Forecaster:
    """Two series with two past covariates each, and a third that came later with one more."""
    model = Forecaster(**QUICK, windows=1).fit({"a": one(past=PAST), "b": one(past=PAST)})
    return model.update_state({"new": one(past=PAST[:, [1, 0, 1]])})


def test_new_series_keep_the_covariates_of_the_fitted_ones(with_past: Forecaster, tmp_path: Path):
    assert with_past.series_["new"].covariates.past.tolist() == PAST[:, [1, 0]].tolist()
    with_past.save(tmp_path / "m")
    assert elman.load(tmp_path / "m").predict()["new"].tolist() == with_past.predict()["new"].tolist()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (one(None, past=PAST), "series 'x': new series: expected the step of the fitted ones, daily, got no dates"),
        (one(HOURS, past=PAST), "series 'x': new series: expected the step of the fitted ones, daily, got hourly"),
        (one(), "series 'x': new series: expected the covariates of the fitted ones beside it, got none"),
        (one(past=PAST[:, 0]), "series 'x': past: expected 'past 2' beside the new rows, as before"),
    ],
)
def test_new_series_of_another_kind_are_refused(bad: Any, message: str, with_past: Forecaster):
    """Else the file that holds all series could not say what they are."""
    with pytest.raises(DataError, match=message):
        with_past.update_state({"x": bad})
    assert [*with_past.series_] == ["a", "b", "new"]


def test_a_short_new_series_is_saved_with_the_others_though_it_cannot_be_forecast(tmp_path: Path):
    model = Forecaster(**QUICK, windows=1, skip_bad=True).fit(many())
    model.update_state({"short": as_series(values(5), time=DAYS[:5])})
    model.save(tmp_path / "m")
    found = elman.load(tmp_path / "m").forecast()
    assert ([*found], [*found.skipped]) == (["a", "b", "c"], ["short"])


def test_an_id_is_a_name():
    with pytest.raises(DataError, match="id: expected a name for every series, got an empty one"):
        Forecaster(**QUICK).fit({"": values(), "a": values()})


def test_an_update_trains_on():
    """After a change of the season's shape, an update has learned what the model had not; its networks are the old ones
    trained on."""
    rng, time = np.random.default_rng(0), np.arange(1600)
    shape = np.where(time < 1200, np.sin(2 * np.pi * time / 7), np.sign(np.sin(2 * np.pi * time / 7)))
    trend = np.where(time < 1200, 0.0, 0.3 * (time - 1200))
    y = 10 + shape + trend + 0.05 * rng.normal(size=1600)
    options: dict[str, Any] = {
        "horizon": 7,
        "season": 7,
        "windows": 0,
        "boxcox_lambda": 1.0,
        "members": 1,
        "updates": 400,
    }
    old = Forecaster(**options).fit(y[:1200]).update_state(y[1200:1593])
    new = Forecaster(**options).fit(y[:1200]).update(y[1200:1593], updates=400)
    errors = [np.abs(model.predict() - y[1593:]).mean() for model in (old, new)]
    assert errors[1] < 0.7 * errors[0]
    short = Forecaster(**QUICK).fit(values()[:140])
    assert short.update(values()[140:]).predict().tolist() == Forecaster(**QUICK).fit(values()).predict().tolist()


def test_progress_is_told():
    """Shares that rise to 1, over the backtest's training and the last one; the same bits as without."""
    told: list[float] = []
    model = Forecaster(**QUICK, effort="fast", windows=2).fit(many(), on_progress=told.append)
    assert told == sorted(told)
    assert (told[-1], min(told) > 0, any(0.4 < share <= 0.5 for share in told)) == (1.0, True, True)
    plain = Forecaster(**QUICK, effort="fast", windows=2).fit(many())
    assert model.predict()["a"].tolist() == plain.predict()["a"].tolist()
    told.clear()
    model.backtest(2, refit=True, on_progress=told.append)
    assert (told == sorted(told), told[-1]) == (True, 1.0)


# ------------------------------------------------------------------------------------------- windows


def test_windows_by_step_and_refit():
    """Where they begin; each is forecast by a model of the rows before it, or all by the first one's."""
    y = {"a": values(150), "b": values(140, 1)}
    model = Forecaster(windows=1, **QUICK).fit(y)
    found = model.backtest(3, step=2)
    assert found.starts == (139, 141, 143, 129, 131, 133)
    again = model.backtest(3, step=2, refit=True)
    for w, (name, start) in enumerate(zip(again.series, again.starts, strict=True)):
        known = {n: each[: len(each) - (len(y[name]) - start)] for n, each in y.items()}
        alone = Forecaster(windows=0, **QUICK).fit(known)
        assert alone.predict()[name] == pytest.approx(again.forecasts["network"][w], rel=1e-6)
        if start in (139, 129):
            assert again.forecasts["network"][w].tolist() == found.forecasts["network"][w].tolist()
    assert again.forecasts["network"].tolist() != found.forecasts["network"].tolist()
    assert (found.refit, again.refit) == (False, True)


def test_windows_of_a_short_series():
    model = Forecaster(windows=2, **QUICK).fit(values(100))
    assert model.backtest_.starts == (86, 93)
    apart = model.backtest(3, step=10)
    assert (apart.starts, apart.refit) == ((73, 83, 93), True)
    first = model.backtest(3, step=10, refit=False)
    assert first.forecasts["network"][0].tolist() == apart.forecasts["network"][0].tolist()
    assert first.forecasts["network"][2].tolist() != apart.forecasts["network"][2].tolist()
    assert len(model.backtest(50, step=30)) == 3
    with pytest.raises(ValueError, match=r"step: expected a whole number in \[1, 1000000\], got 0"):
        model.backtest(step=0)
    with pytest.raises(TypeError, match="refit: expected"):
        model.backtest(refit="yes")  # type: ignore[arg-type]


def test_owa_by_hand():
    """The mean of sMAPE and MASE over Naive 2's, each averaged before they are divided."""
    found = Forecaster(windows=3, **QUICK).fit(values()).backtest_
    rows = {row["model"]: row for row in found.summary()}
    yardstick = [naive2(values()[:start], 7, 7) for start in found.starts]
    assert found.forecasts["naive 2"].tolist() == np.array(yardstick).tolist()
    for row in rows.values():
        assert row["owa"] == pytest.approx(
            (row["smape"] / rows["naive 2"]["smape"] + row["mase"] / rows["naive 2"]["mase"]) / 2
        )
    assert rows["naive 2"]["owa"] == 1.0


# -------------------------------------------------------------------------------------------- frames


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_frames_are_answered_in_their_kind(library: str):
    module = pytest.importorskip(library)
    made = module.DataFrame if library != "pyarrow" else module.table
    frame = made({"day": DAYS[:150].astype("datetime64[us]"), "units": values()})
    model = Forecaster(windows=3, **QUICK).fit(frame)
    plain = model.forecast()
    found = model.predict()
    assert type(found) is type(frame)
    names = found.column_names if library == "pyarrow" else list(found.columns)
    assert names == ["day", "units"]
    assert np.asarray(found["units"]).tolist() == plain.values.tolist()
    assert np.asarray(found["day"]).astype("datetime64[D]").tolist() == DAYS[150:157].tolist()
    bounds = model.predict_interval((80,))
    assert np.asarray(bounds["upper_80"]).tolist() == plain.intervals[80.0][:, 1].tolist()
    quantiles = model.predict_quantiles((0.1, 0.5))
    assert np.asarray(quantiles["q0.5"]).tolist() == plain.values.tolist()
    assert isinstance(model.predict(history=values()), np.ndarray)  # the kind of the history that was given


def test_columns_and_long_frames_in_their_kind():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    column = pandas.Series(values(), index=pandas.DatetimeIndex(DAYS[:150]), name="units")
    model = Forecaster(windows=0, **QUICK).fit(column)
    found = model.predict()
    assert isinstance(found, pandas.Series)
    assert (found.name, str(found.index[0].date())) == ("units", "2024-05-30")
    assert isinstance(Forecaster(windows=0, **QUICK).fit(polars.Series("units", values())).predict(), polars.Series)
    rows = [(name, day, value) for name, s in many().items() for day, value in zip(DAYS[:120], s.values, strict=True)]
    ids, days, numbers = zip(*rows, strict=True)
    long = polars.DataFrame({"shop": ids, "day": np.array(days), "units": numbers})
    model = Forecaster(windows=0, **QUICK).fit(long, id="shop")
    found = model.predict()
    assert found.columns == ["shop", "day", "units"]
    assert found.filter(polars.col("shop") == "b")["units"].to_list() == model.forecast()["b"].values.tolist()


def test_tables_as_parquet(tmp_path: Path):
    polars = pytest.importorskip("polars")
    model = Forecaster(windows=3, **QUICK).fit(many())
    table = polars.read_parquet(model.forecast().write_parquet(tmp_path / "f.parquet"))
    assert table.columns == ["series", "time", "value", "lower_80", "upper_80", "lower_95", "upper_95"]
    assert table.filter(polars.col("series") == "c")["value"].to_list() == model.forecast()["c"].values.tolist()
    assert table["time"].to_numpy().astype("datetime64[D]")[0] == DAYS[120]
    records = polars.read_parquet(model.backtest_.write_parquet(tmp_path / "b.parquet"))
    assert records["mase"].to_list() == pytest.approx([row["mase"] for row in model.backtest_.records()])


# -------------------------------------------------------------------------------------------- tuning


def test_tuning_leaves_the_backtest_alone():
    """The windows that the outcome will be scored on change nothing; the best trial's options come out."""
    pytest.importorskip("optuna")
    from elman.forecast.tune import tune

    y, space = values(), {"hidden_size": (2, 4), "updates": (1, 20, 60), "cell": ("tanh", "gru")}
    base = Forecaster(**{**QUICK, "windows": 2})
    found = tune(y, forecaster=base, trials=6, windows=2, space=space)
    assert len(found.trials) == 6
    assert found.usual == found.trials[0]["score"] >= found.score == min(row["score"] for row in found.trials)
    best = min(found.trials, key=lambda row: row["score"])
    assert {k: v for k, v in found.forecaster.get_params().items() if k in best} == {
        k: v for k, v in best.items() if k != "score"
    }
    changed = y.copy()
    changed[-14:] *= 100
    assert tune(changed, forecaster=base, trials=6, windows=2, space=space).trials == found.trials
    many_series = tune({"a": y, "b": y[:100]}, forecaster=base, trials=2, windows=1, space=space)
    assert np.isfinite(many_series.score)
    with pytest.raises(ValueError, match="space: expected one of"):
        tune(y, space={"layers": (1, 2)})
    with pytest.raises(DataError, match="are too few to tune on"):
        tune(y[:60], forecaster=Forecaster(**{**QUICK, "windows": 6}), trials=2)


# -------------------------------------------------------------------------------------- command line


def write_long(folder: Path, extra: str = "") -> Path:
    lines = [f"{name},{day},{v:.4f}" for name, s in many().items() for day, v in zip(DAYS[:120], s.values, strict=True)]
    path = folder / "long.csv"
    path.write_text("shop,day,units\n" + "\n".join(lines) + f"\n{extra}")
    return path


def test_the_backtest_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    pytest.importorskip("typer")
    monkeypatch.chdir(tmp_path)
    write_long(tmp_path, "tiny,2024-01-01,1\n")
    asked = ["backtest", "long.csv", "--id", "shop", "--horizon", "7", "--windows", "2", "--effort", "fast"]
    assert main(asked) == 3
    assert "series 'tiny'" in capsys.readouterr().err
    assert main([*asked, "--skip-bad"]) == 0
    out = capsys.readouterr().out
    assert "Left out: series 'tiny'" in out
    for word in ("OWA", "naive 2", "intervals of 80 %", "pinball", "better", "over 6 windows of 7 rows in 3 series"):
        assert word in out, word
    names = ["long.csv", "long.units.backtest.csv", "long.units.backtest.png", "long.units.errors.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert len((tmp_path / "long.units.backtest.csv").read_text().splitlines()) == 1 + 6 * 7
    assert len((tmp_path / "long.units.errors.csv").read_text().splitlines()) == 1 + 6 * 12
    assert (tmp_path / "long.units.backtest.png").read_bytes()[:4] == b"\x89PNG"
    assert main([*asked, "--skip-bad", "--json", "--step", "3", "--no-refit"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {row["model"] for row in found["mean"]} == set(found["intervals"])
    assert "best baseline" in found["series"]["a"]["verdict"]
    assert len(found["windows"]) == 6 * 12
    assert main([*asked, "--to", "xml", "--skip-bad"]) == 2
    assert "to: expected one of 'csv', 'parquet', got 'xml'" in capsys.readouterr().err
    assert main(["backtest", "airline", "--windows", "1", "--horizon", "200"]) == 3


def test_a_single_series_in_the_backtest_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip("typer")
    monkeypatch.chdir(tmp_path)
    assert main(["backtest", "airline", "--windows", "2"]) == 0
    out = capsys.readouterr().out
    assert "mean over the last 2 windows" in out
    assert "the combination against the best baseline" in out.rstrip().splitlines()[-1]
    assert elman.datasets.path("airline").exists()
