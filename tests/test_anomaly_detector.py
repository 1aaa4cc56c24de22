"""The detector: no look-ahead, streaming equals batch, planted anomalies, false alarm rate, files."""

from __future__ import annotations

import csv
import pickle
from pathlib import Path

import numpy as np
import pytest
from anomaly_series import EVERY, QUICK, dates, wave

import elman
from benchmarks import anomalies
from benchmarks import drawn_series as drawn
from elman import AnomalyDetector
from elman.anomaly import Anomalies, result

slow_on_reference = pytest.mark.skipif(
    elman.show_config()["engine"] != "native", reason="half a minute on the reference engine"
)


@pytest.fixture(scope="module")
def fitted() -> AnomalyDetector:
    return AnomalyDetector(**QUICK).fit(wave(), time=dates(3000))


def same(found: Anomalies, other: Anomalies, rows: slice = slice(None)) -> bool:
    return all(
        np.array_equal(getattr(found, name)[rows], getattr(other, name)[rows], equal_nan=name == "scores")
        for name in ("scores", "expected", "bounds", "labels")
    )


# ----------------------------------------------------------------------- no look-ahead, and streaming


@pytest.mark.parametrize("cut", [600, 601, 1500])
def test_no_score_depends_on_later_rows(fitted, cut):
    """Every value from row `cut` on is changed, and no bit before it changes. The model is fitted to 450 rows."""
    values = wave()
    values[cut:] = 1e3 * np.random.default_rng(cut).normal(size=3000 - cut)
    other = AnomalyDetector(**QUICK).fit(values, time=dates(3000))
    assert same(other.anomalies_, fitted.anomalies_, slice(cut))
    assert not np.array_equal(other.scores_[cut:], fitted.scores_[cut:])


def test_streaming_gives_the_bits_of_the_batch(fitted):
    values, times = wave(), dates(3000)
    model = AnomalyDetector(probation=450, **QUICK).fit(values[:1000], time=times[:1000])
    one_by_one = [model.score_one(value) for value in values[1000:2000].tolist()]
    assert [score for score, _ in one_by_one] == fitted.scores_[1000:2000].tolist()
    assert [label for _, label in one_by_one] == fitted.labels_[1000:2000].tolist()
    rest = model.detect(values[2000:])
    assert same(rest, fitted_part(fitted.anomalies_, 2000))
    assert rest.learned == 0
    assert rest.series.labels == fitted.anomalies_.series.labels[2000:]
    assert np.array_equal(rest.series.times, times[2000:])
    assert model.rows_ == fitted.rows_ == 3000


def fitted_part(found: Anomalies, first: int) -> Anomalies:
    parts = (found.scores[first:], found.expected[first:], found.bounds[first:], found.labels[first:])
    return Anomalies(found.series, 0, found.rate, *parts, ())


def test_probation_season_and_bounds(fitted):
    assert (fitted.anomalies_.learned, fitted.season_) == (450, EVERY)
    assert not fitted.labels_[:450].any()
    assert np.isfinite(fitted.scores_).all()
    assert (fitted.anomalies_.bounds[:, 0] < fitted.anomalies_.expected).all()
    assert (fitted.anomalies_.expected < fitted.anomalies_.bounds[:, 1]).all()
    assert AnomalyDetector(probation=0.3, **QUICK).fit(wave()).anomalies_.learned == 900


def test_forecast_errors_are_near_the_smallest_possible(fitted):
    """The shocks of the noise have a standard deviation of 0.8, which no forecast error can be below."""
    errors = wave()[450:] - fitted.anomalies_.expected[450:]
    assert 0.75 < errors.std() < 1.0


# --------------------------------------------------------------------------------- planted anomalies

PLANTED = {
    "a spike": (lambda v: v.__setitem__(slice(1000, 1001), v[1000] + 12), "value"),
    "a level for a day": (lambda v: v.__setitem__(slice(1000, 1048), v[1000:1048] + 5), None),
    "a weak level": (lambda v: v.__setitem__(slice(1000, 1072), v[1000:1072] - 3.0), "level"),
    "noise": (lambda v: v.__setitem__(slice(1000, 1030), v[1000:1030] + 3 * np.random.default_rng(1).normal(size=30)),
              None),
    "a stuck value": (lambda v: v.__setitem__(slice(1000, 1030), v[1000]), None),
    "a day upside down": (lambda v: v.__setitem__(slice(1008, 1056), 200 - v[1008:1056]), None),
    "a slow fall": (lambda v: v.__setitem__(slice(1000, 1072), v[1000:1072] - np.linspace(0, 12, 72)), None),
}  # fmt: skip


@pytest.mark.parametrize("kind", PLANTED)
def test_planted_anomalies_are_found(kind):
    plant, cause = PLANTED[kind]
    values = wave()
    plant(values)
    found = AnomalyDetector(rate=1e-4, **QUICK).fit(values, time=dates(3000)).anomalies_
    inside = [alarm for alarm in found.alarms if alarm.last >= 1000 and alarm.first < 1080]
    assert len(inside) == 1
    assert 1000 <= inside[0].first < 1080
    assert len(found.alarms) <= 2
    assert found.labels[1000:1080].any()
    assert cause in (None, inside[0].cause)


def test_a_stuck_sensor_raises_an_alarm_of_that_cause():
    values = wave()
    values[1000:1060] = values[1000]
    model = AnomalyDetector(season=1, **QUICK).fit(values)
    assert any(alarm.cause == "stuck" and 1000 <= alarm.first < 1060 for alarm in model.anomalies_.alarms)


def test_large_anomalies_change_later_forecasts_little(fitted):
    """A day after three huge values forecasts and bounds are as without them, and the next spike is found."""
    values = wave()
    values[1000:1003] = [1e6, -1e6, 1e6]
    values[1400] += 12
    other = AnomalyDetector(**QUICK).fit(values, time=dates(3000)).anomalies_
    assert np.flatnonzero(other.labels[900:1500]).tolist() == [100, 500]
    assert (other.scores[1000:1003] > 4.5).all()
    calm = slice(1048, 1400)
    assert np.abs(other.expected[calm] - fitted.anomalies_.expected[calm]).mean() < 0.2
    width = np.diff(fitted.anomalies_.bounds[calm]).mean()
    assert np.diff(other.bounds[calm]).mean() == pytest.approx(width, rel=0.1)


def test_the_model_adapts_to_a_lasting_level_shift():
    values = wave(6000)
    values[2000:] += 15
    model = AnomalyDetector(probation=450, **QUICK).fit(values, time=dates(6000))
    assert model.labels_[2000:2010].any()
    assert not model.labels_[4000:].any()
    assert np.abs(values[5000:] - model.anomalies_.expected[5000:]).std() < 1.5


@slow_on_reference
@pytest.mark.parametrize("kind", ["trips", "meter", "slow", "tails"])
def test_the_false_alarm_rate_holds_within_a_factor_of_2(kind):
    """On series that do not change. So few rows can show a high rate only; `benchmarks.anomalies --rates` has more."""
    alarms, allowed = anomalies.rate_ratio(kind, range(3), rate=2e-3, effort="fast")
    assert 0.5 < alarms / allowed < 2.0


@slow_on_reference
def test_a_higher_rate_gives_more_alarms():
    values, per_day = drawn.meter(np.random.default_rng(5))
    series = drawn.dated(values, per_day)
    found = [AnomalyDetector(rate=rate, **QUICK).fit(series).anomalies_ for rate in (1e-2, 1e-3, 1e-5)]
    flagged = [each.labels.sum() for each in found]
    assert flagged[0] > flagged[1] > flagged[2]
    assert found[0].rate == pytest.approx(1e-2)


# ------------------------------------------------------------------------------------ kinds of series


def test_logarithms_are_taken_where_they_fit_better(fitted):
    rng = np.random.default_rng(0)
    noise = np.exp(0.2 * drawn.autoregressive(rng, 3000, 0.5))
    values = np.exp(1.5 * np.sin(2 * np.pi * np.arange(3000) / EVERY)) * noise
    values[2000] = 0.0  # it has no logarithm
    model = AnomalyDetector(**QUICK).fit(values, time=dates(3000))
    assert model.model_.profile.power == 0.0
    assert model.labels_[2000]
    assert fitted.model_.profile.power == 1.0
    assert (model.anomalies_.bounds > 0).all()


def test_scores_do_not_depend_on_unit_and_origin(fitted):
    other = AnomalyDetector(**QUICK).fit(-1e4 - 1e3 * wave(), time=dates(3000))
    assert other.scores_[450:] == pytest.approx(fitted.scores_[450:], abs=0.02)


@pytest.mark.parametrize(("step", "season"), [("1D", 7), ("1h", 24), (None, 12)])
def test_seasons_of_other_steps(step, season):
    """Daily rows, hourly rows, and rows without dates, whose season is estimated."""
    rows = 1500
    values = 5 * np.sin(2 * np.pi * np.arange(rows) / season) + np.random.default_rng(0).normal(size=rows)
    times = None if step is None else np.datetime64("2020-01-01") + np.timedelta64(1, step[1]) * np.arange(rows)
    values[[700, 702]] += 15
    model = AnomalyDetector(**QUICK).fit(values, time=times)
    assert model.season_ == season
    assert model.labels_[700]
    assert (model.scores_[[700, 702]] > 4.5).all()
    first = next(alarm for alarm in model.anomalies_.alarms if alarm.last >= 700)
    assert (first.first, first.last) == (700, 702)


@pytest.mark.parametrize("cell", ["gru", "lstm", "tanh", "relu"])
def test_every_cell_gives_finite_scores(cell):
    assert np.isfinite(AnomalyDetector(effort="fast", cell=cell).fit(wave(700)).scores_[105:]).all()


def test_a_series_of_mostly_equal_values():
    values = np.zeros(1000)
    values[np.random.default_rng(0).integers(0, 1000, 60)] = 1.0
    values[900] = 50.0
    model = AnomalyDetector(rate=1e-3, **QUICK).fit(values)  # 150 fitted rows support no lower rate
    assert np.isfinite(model.scores_[150:]).all()
    assert model.labels_[900]
    assert len(model.anomalies_.alarms) <= 5


@pytest.mark.parametrize("size", [1e-98, 1e98])
def test_tiny_and_huge_values_give_finite_scores(size):
    assert np.isfinite(AnomalyDetector(**QUICK).fit(size * (wave(600) - 100)).scores_[90:]).all()


# ----------------------------------------------------------------------------- reproducibility, files


def test_the_same_seed_gives_the_same_bits(fitted):
    values = wave()
    with_seed = AnomalyDetector(seed=0, **QUICK).fit(values, time=dates(3000))
    assert same(with_seed.anomalies_, fitted.anomalies_)
    threads = elman.get_num_threads()
    elman.set_num_threads(1)
    try:
        assert same(AnomalyDetector(**QUICK).fit(values, time=dates(3000)).anomalies_, fitted.anomalies_)
    finally:
        elman.set_num_threads(threads)


def test_a_saved_and_loaded_detector_continues_with_the_same_bits(tmp_path: Path):
    values = wave(3100)
    values[2990:2995] += 20  # the file is saved within an alarm
    model = AnomalyDetector(season=(48, 336), **QUICK).fit(values[:3000], time=dates(3000))
    model.save(tmp_path / "m.safetensors")
    loaded = elman.load(tmp_path / "m.safetensors")
    loaded.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "m.safetensors").read_bytes()
    assert loaded.get_params() | {"season": (48, 336)} == model.get_params()
    assert (loaded.rows_, loaded.season_) == (3000, 48)
    copied = pickle.loads(pickle.dumps(model))
    more = values[3000:].tolist()
    expected = [model.score_one(value) for value in more]
    assert [loaded.score_one(value) for value in more] == expected
    found = copied.detect(more)
    assert list(zip(found.scores.tolist(), found.labels.tolist(), strict=True)) == expected
    assert found.series.labels[0] == "2024-03-03 12:00"


def test_the_table_as_csv_and_parquet(fitted, tmp_path: Path):
    found = fitted.anomalies_
    path = found.write_csv(tmp_path / "out.csv")
    header, *rows = csv.reader(path.read_text("utf-8").splitlines())
    assert header == ["time", "value", "expected", "lower", "upper", "score", "anomaly", "alarm", "kind"]
    assert [row[0] for row in rows] == found.series.labels
    assert [float(row[5]) for row in rows] == pytest.approx(found.scores.tolist(), rel=1e-6)
    assert [float(row[5]) for row in rows[450:]] == pytest.approx(found.scores[450:].tolist())
    assert [row[6] == "1" for row in rows] == found.labels.tolist()
    polars = pytest.importorskip("polars")
    table = polars.read_parquet(found.write_parquet(tmp_path / "out.parquet"))
    assert table.columns == header
    assert table["score"].to_list()[450:] == found.scores[450:].tolist()
    assert table["score"].null_count() == 0
    assert np.array_equal(table["time"].to_numpy(), found.series.times)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.csv", "out.parquet"]


@pytest.mark.parametrize("id", ["a", ""])
def test_tables_of_many_series_have_a_column_of_ids(fitted, tmp_path: Path, id: str):
    tables = {id: fitted.anomalies_}
    header, *rows = csv.reader(result.write_csv(tables, tmp_path / "out.csv").read_text("utf-8").splitlines())
    assert header[:2] == ["series", "time"]
    assert {row[0] for row in rows} == {id}
    polars = pytest.importorskip("polars")
    table = polars.read_parquet(result.write_parquet(tables, tmp_path / "out.parquet"))
    assert table.columns == header
    assert table["series"].unique().to_list() == [id]


def test_the_name_of_the_model_in_version_0_1_0_still_works(fitted):
    with pytest.warns(FutureWarning, match="learned_ is called model_ now"):
        assert fitted.learned_ is fitted.model_


def test_options_are_get_set_and_shown():
    model = AnomalyDetector(rate=1e-3, seed=2)
    assert repr(model) == "AnomalyDetector(rate=0.001, seed=2)"
    assert AnomalyDetector(**model.get_params()).get_params() == model.get_params()
    assert model.set_params(probation=0.2) is model
    assert model.probation == 0.2
    with pytest.raises(ValueError, match="params: expected one of 'rate'"):
        model.set_params(rates=3)
