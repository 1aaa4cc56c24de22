"""What detectors learn as rows come: late seasons, clocks, trends, gross values, kinds, several variables."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from anomaly_series import QUICK, dates, wave

from elman import AnomalyDetector
from elman.anomaly.calibration import error_distribution
from elman.anomaly.online.events import AlarmState
from elman.anomaly.online.learned import LearnedSeasons
from elman.anomaly.online.phase import Phase
from elman.anomaly.online.recent import RecentErrors
from elman.anomaly.online.robust import find_gross, gross_rows
from elman.anomaly.online.track import FROM, VALUE_SHARE, VALUE_WAY, TrackRecord
from elman.series.notes import DataNotice


def test_an_alarm_begins_once_and_again_after_it_rested():
    state = AlarmState(3)
    said = [state.begins(anomaly) for anomaly in (True, True, False, False, True, False, False, False, True)]
    assert said == [True] + [False] * 7 + [True]


def test_a_season_is_learned_as_it_comes():
    """After two seasons the correction is what was seen, and an expert is chosen that applies it."""
    seasons = LearnedSeasons((24,), 1.0, 0.0)
    course = 5.0 * np.sin(2 * np.pi * np.arange(24) / 24)
    for row in range(24 * 12):
        said = seasons.corrections(row)
        seasons.update(row, course[row % 24], said, course[row % 24] - said[seasons.chosen])
    said = [seasons.corrections(row)[seasons.chosen] for row in range(24)]
    assert said == pytest.approx(course.tolist(), abs=0.3)
    assert seasons.chosen > 0


def test_without_a_season_no_correction_is_chosen():
    seasons = LearnedSeasons((24,), 1.0, 0.0)
    for row, value in enumerate(np.random.default_rng(0).normal(size=2000).tolist()):
        said = seasons.corrections(row)
        seasons.update(row, value, said, value - said[seasons.chosen])
    assert seasons.chosen == 0


def test_a_season_that_moves_is_followed_within_two_days():
    effects = (10.0 * np.exp(-0.5 * ((np.arange(24) - 8) / 1.5) ** 2)).tolist()
    phase = Phase(1, 24.0, 2.0, 0.0)
    noise = np.random.default_rng(0).normal(0, 0.5, 24 * 12).tolist()
    for row in range(24 * 6):
        assert not phase.update(row, effects[row % 24] + noise[row], effects)
    moved = [phase.update(row, effects[(row + 1) % 24] + noise[row], effects) for row in range(24 * 6, 24 * 12)]
    assert phase.offset == 1
    assert moved.index(True) < 48
    assert sum(moved) == 1


def test_gross_values_are_alone_and_do_not_hide_one_another():
    rng = np.random.default_rng(0)
    values = rng.normal(10, 1, 450)
    assert not len(find_gross(values, (1,)))
    values[[50, 300]] = [1000.0, 1100.0]
    assert find_gross(values, (1,)).tolist() == [50, 300]
    step = rng.normal(10, 1, 450) + 30.0 * (np.arange(450) > 200)
    assert not len(find_gross(step, (1,)))
    peaks = rng.normal(10, 1, 450)
    peaks[[60, 260]] += 100.0  # the same position of two seasons
    assert not len(find_gross(peaks, (200,)))
    assert find_gross(peaks, (170,)).tolist() == [60, 260]


@pytest.mark.parametrize("seed", range(5))
def test_heavy_tails_are_no_gross_values(seed: int):
    assert not len(find_gross(np.random.default_rng(seed).standard_t(3, 1000), (1,)))


def test_errors_that_come_again_widen_the_distribution_and_a_gross_one_does_not():
    rng = np.random.default_rng(0)
    first = rng.normal(size=500)
    recent = RecentErrors.after(error_distribution(first), first, 500)
    before = recent.distribution.error_at(4.0)
    for k, error in enumerate(rng.normal(size=500).tolist()):
        recent.add(1e6 if k == 100 else error)
    assert recent.distribution.error_at(4.0) == pytest.approx(before, rel=0.25)
    assert recent.gross == 1
    for error in (3.0 * rng.normal(size=3000)).tolist():
        recent.add(error)
    assert recent.distribution.error_at(4.0) > 2.0 * before


def test_scores_that_come_too_often_count_for_less_and_right_ones_stay():
    rng = np.random.default_rng(0)
    right, often = TrackRecord(()), TrackRecord(())
    for row in range(30_000):
        score = -math.log10(rng.uniform())  # as rare as it says
        right.corrected(VALUE_WAY, score, row)
        often.corrected(VALUE_WAY, 2.0 * score, row)
    assert right.score_for(VALUE_WAY, 4.0 + VALUE_SHARE) == pytest.approx(4.0, abs=0.6)
    assert often.score_for(VALUE_WAY, 4.0) > 6.0
    score = often.score_for(VALUE_WAY, 4.0)
    assert often.corrected(VALUE_WAY, score, 30_000) == pytest.approx(4.0, abs=0.1)
    assert score > FROM


def test_scores_of_the_rows_that_they_were_made_from_are_not_recorded():
    late, all_rows = TrackRecord((), first=1000), TrackRecord(())
    for row in range(0, 1000, 20):
        assert late.corrected(VALUE_WAY, 3.0, row) == 3.0 + VALUE_SHARE
        all_rows.corrected(VALUE_WAY, 3.0, row)
    assert late.score_for(VALUE_WAY, 4.0 + VALUE_SHARE) == 4.0
    assert all_rows.score_for(VALUE_WAY, 4.0 + VALUE_SHARE) > 5.0


@pytest.mark.parametrize("network", [False, True])
def test_a_learned_season_takes_over_only_where_it_beats_the_forecast_with_the_network(network: bool):
    """The season explains four fifths of each value, and the network, where there is one, nine tenths."""
    rng = np.random.default_rng(0)
    season = rng.normal(size=24)
    learned = LearnedSeasons((24,), 1.0, 0.0)
    for row in range(2000):
        value = float(season[row % 24] + 0.2 * rng.normal())
        corrections = learned.corrections(row)
        actual = 0.1 * value if network and not learned.chosen else value - corrections[learned.chosen]
        learned.update(row, value, corrections, actual)
    assert (learned.chosen == 0) == network


def test_one_gross_value_in_the_probation_neither_widens_the_band_nor_goes_unseen():
    values = np.random.default_rng(0).normal(10, 1, 1000)
    values[[50, 600]] = [1000.0, 40.0]
    with pytest.warns(DataNotice, match="gross values in the first 150 rows: 1000 at 51"):
        found = AnomalyDetector(**QUICK).fit(values).anomalies_
    assert [alarm.first for alarm in found.alarms] == [50, 600]
    assert [alarm.kind for alarm in found.alarms] == ["spike", "spike"]
    assert np.diff(found.bounds[599]) < 30
    assert "value is 40, expected 10" in found.explain(found.alarms[1])


def test_several_gross_rows_in_the_probation_are_one_alarm_and_hide_nothing():
    values = np.random.default_rng(5).normal(10, 1, 3000)
    values[60:66] = 500.0
    values[2000] = 40.0
    with pytest.warns(DataNotice, match="500 at 61, 500 at 62, 500 at 63 and 3 more"):
        found = AnomalyDetector(**QUICK).fit(values).anomalies_
    assert [alarm.first for alarm in found.alarms] == [60, 2000]


def test_the_value_nearest_to_the_forecast_is_no_anomaly():
    """Of 0 and 1 none is nearer to a forecast of 0.1 than 0, which the band, made of numbers, may leave out."""
    rng = np.random.default_rng(0)
    values = (rng.uniform(size=3000) < 0.3).astype(float)
    model = AnomalyDetector(rate=1e-3, **QUICK).fit(values).model_
    assert model.step == 1.0
    assert model.nearest(0.0, model.profile.transformed(0.1))
    assert not model.nearest(0.0, model.profile.transformed(0.7))
    assert not model.nearest(0.3, model.profile.transformed(0.3))  # a number in which the series does not come
    counts = rng.poisson(0.05, 3000).astype(float)
    found = AnomalyDetector(rate=1e-3, **QUICK).fit(counts, time=dates(3000)).anomalies_
    single = [alarm for alarm in found.alarms if alarm.cause == "value"]
    assert all(abs(counts[alarm.first] - found.expected[alarm.first]) > 0.5 for alarm in single)


def test_a_season_longer_than_the_probation_is_used_and_said():
    rows = np.arange(4000)
    values = 20 * np.sin(2 * np.pi * rows / 288) + 30 * (rows % 288 < 40) + np.random.default_rng(0).normal(0, 1, 4000)
    values[3000] += 60
    with pytest.warns(DataNotice, match="too little of a season of 288 rows; it is learned from the rows after them"):
        found = AnomalyDetector(season=288, probation=150, **QUICK).fit(values).anomalies_
    assert found.scores[3000] == found.scores[2900:3100].max() > 3.0
    assert len(found.alarms) < 6
    assert np.abs(values - found.expected)[3200:].mean() < 2.5


def test_weekly_values_with_a_trend_raise_few_alarms():
    years = np.arange(2284) * 7 / 365.2425
    course = 3 * np.sin(2 * np.pi * years) + 0.7 * np.sin(4 * np.pi * years)
    values = 315 + 0.8 * years + 0.012 * years**2 + course + 0.3 * np.random.default_rng(0).normal(size=2284)
    weeks = np.datetime64("1958-03-29") + np.timedelta64(7, "D") * np.arange(2284)
    assert len(AnomalyDetector(**QUICK).fit(values, time=weeks).anomalies_.alarms) <= 1


def test_far_too_many_alarms_are_said():
    values = np.random.default_rng(0).normal(size=3000)
    values[600:] *= np.where(np.arange(2400) % 60 < 2, 40.0, 1.0)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        AnomalyDetector(probation=300, season=1, **QUICK).fit(values)
    assert any("alarms, where the rate allows 0.081" in str(each.message) for each in said)


def test_filled_rows_are_not_scored():
    values = wave()
    values[1000:1040] = np.nan
    found = AnomalyDetector(missing="interpolate", **QUICK).fit(values, time=dates(3000)).anomalies_
    assert not found.scores[1000:1040].any()
    assert not found.labels[1000:1100].any()


@pytest.mark.parametrize("other", [11.0, 1e6, -5.0])
def test_values_that_are_nearly_all_equal_say_nothing_of_rarity(other: float) -> None:
    values = np.full(150, 10.0)
    values[60] = other
    assert gross_rows(values).tolist() == []
    assert find_gross(values, (1,)).tolist() == [60]  # by its distance from both its neighbours
