"""Several variables with one alarm: whose it is, rows that follow, the file, tables, and what cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anomaly_series import QUICK, dates, wave

import elman
from elman import AnomalyDetector
from elman.anomaly import JointAnomalies, MultivariateDetector
from elman.series.errors import DataError

ROWS, SEEN = 1500, 1200
GIVEN: dict[str, Any] = {**QUICK, "rate": 1e-3, "probation": 300}


def table() -> dict[str, np.ndarray]:
    """Two variables with an anomaly each, and one in which both take part, a row apart."""
    found = {"a": wave(ROWS, seed=1), "b": wave(ROWS, seed=2)}
    found["a"][700] += 15
    found["b"][900] -= 15
    found["a"][1400] += 20
    found["b"][1401] += 30
    return found


@pytest.fixture(scope="module")
def whole() -> MultivariateDetector:
    return MultivariateDetector(**GIVEN).fit(table(), time=dates(ROWS))


@pytest.fixture
def half() -> MultivariateDetector:
    return MultivariateDetector(**GIVEN).fit(part(0, SEEN), time=dates(SEEN))


def part(first: int, last: int) -> dict[str, np.ndarray]:
    return {name: values[first:last] for name, values in table().items()}


def test_an_alarm_says_whose_it_is(whole: MultivariateDetector):
    said = {alarm.first: (alarm.variable, alarm.variables, alarm.kind) for alarm in whole.alarms_}
    assert said[700] == ("a", ("a",), "spike")
    assert said[900] == ("b", ("b",), "dip")
    assert {*said[1400][1]} == {"a", "b"}
    assert np.flatnonzero(whole.labels_).tolist() == [*said]
    assert "expected" in whole.alarms_[0].explanation


def test_scores_are_those_of_each_less_what_their_number_costs(whole: MultivariateDetector):
    given: dict[str, Any] = {**GIVEN, "rate": 5e-4}
    alone = [AnomalyDetector(**given).fit(y, time=dates(ROWS)).scores_ for y in table().values()]
    assert whole.scores_.tolist() == (np.max(alone, axis=0) - np.log10(2)).tolist()


def test_rows_that_follow_are_scored_as_in_one_run(whole: MultivariateDetector, half: MultivariateDetector):
    found = half.detect(part(SEEN, ROWS), time=dates(ROWS)[SEEN:])
    assert found.scores.tolist() == whole.scores_[SEEN:].tolist()
    assert found.labels.tolist() == whole.labels_[SEEN:].tolist()
    assert half.rows_ == ROWS


def test_a_saved_one_goes_on_with_the_same_bits(half: MultivariateDetector, tmp_path: Path):
    half.score_one({"a": 300.0, "b": 100.0})  # an alarm, which goes on
    half.save(tmp_path / "both.safetensors")
    loaded = elman.load(tmp_path / "both.safetensors")
    assert isinstance(loaded, MultivariateDetector)
    assert (loaded.get_params(), loaded.rows_) == (half.get_params(), SEEN + 1)
    rows = [{name: float(values[i]) for name, values in table().items()} for i in range(SEEN + 1, ROWS)]
    assert [loaded.score_one(row) for row in rows] == [half.score_one(row) for row in rows]


def test_the_tables_hold_every_variable(whole: MultivariateDetector, tmp_path: Path):
    found = whole.anomalies_
    columns = found.columns()
    assert [*columns][:8] == ["time", "score", "anomaly", "alarm", "variable", "kind", "a", "a expected"]
    assert [i for i, each in enumerate(columns["variable"]) if each] == [alarm.first for alarm in found.alarms]
    lines = found.write_csv(tmp_path / "both.csv").read_text().splitlines()
    assert (lines[0].split(","), len(lines)) == ([*columns], ROWS + 1)
    assert found.plot(tmp_path / "both.png").read_bytes().startswith(b"\x89PNG")
    plain = found.to_dict()
    assert (plain["targets"], plain["anomalies"]) == (["a", "b"], len(plain["alarms"]))
    assert [alarm["variable"] for alarm in plain["alarms"]] == [alarm.variable for alarm in found.alarms]


def test_a_variable_may_have_the_name_of_a_column(whole: MultivariateDetector):
    found = whole.anomalies_
    renamed = JointAnomalies(found.series, {"score": found.tables["a"]}, 1e-3, found.scores, found.labels, ())
    assert renamed.columns()["score"] == found.scores.tolist()
    assert renamed.columns()["score value"] == table()["a"].tolist()


def test_a_file_is_read_by_its_columns(tmp_path: Path, whole: MultivariateDetector):
    a, b = map(np.ndarray.tolist, table().values())
    rows = [f"{time},{x!r},{y!r},text" for time, x, y in zip(dates(ROWS), a, b, strict=True)]
    (tmp_path / "both.csv").write_text("\n".join(["time,a,b,note", *rows]) + "\n")
    found = MultivariateDetector(**GIVEN).fit(tmp_path / "both.csv")
    assert [*found.detectors_] == ["a", "b"]
    assert found.scores_.tolist() == whole.scores_.tolist()


@pytest.mark.parametrize(
    ("y", "given", "error", "said"),
    [
        ({"a": wave(200)}, {}, DataError, "expected two variables or more"),
        ({"a": wave(200), "b": wave(201)}, {}, DataError, "variable 'b': expected the rows of 'a'"),
        ({"a": wave(200), "b": wave(200)}, {"target": ["a"]}, ValueError, "target: expected the names of two"),
        ({"a": wave(200), "b": wave(200)}, {"target": ["a", "c"]}, DataError, "no variable 'c'; there are a, b"),
        ({"a": wave(200), "b": np.ones(200)}, {}, DataError, "series 'b': .* every value is 1"),
    ],
)
def test_what_cannot_be_used(y: Any, given: dict[str, Any], error: type[Exception], said: str):
    with pytest.raises(error, match=said):
        MultivariateDetector(**QUICK).fit(y, **given)


def test_rows_that_do_not_follow_leave_it_as_it_was(half: MultivariateDetector):
    before = half.rows_
    with pytest.raises(DataError, match="the rows begin at"):
        half.detect(part(SEEN, ROWS), time=dates(ROWS)[SEEN - 1 : ROWS - 1])
    with pytest.raises(DataError, match="no variable 'b'"):
        half.detect({"a": table()["a"][SEEN:]}, time=dates(ROWS)[SEEN:])
    with pytest.raises(ValueError, match="values: expected a finite number for each of a, b, got"):
        half.score_one({"a": 1.0})
    assert half.rows_ == before


def test_options_are_those_of_a_detector():
    assert MultivariateDetector(rate=1e-3).get_params() == AnomalyDetector(rate=1e-3).get_params()
    with pytest.raises(ValueError, match="options: expected one of"):
        MultivariateDetector(levels=3)
    with pytest.raises(ValueError, match="rate: "):
        MultivariateDetector(rate=2.0).fit({"a": wave(200), "b": wave(200)})
    with pytest.raises(ValueError, match="expected fit to be called before"):
        MultivariateDetector().score_one({"a": 1.0})
