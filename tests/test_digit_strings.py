"""Strings of spoken digits, as benchmarks/digits.py joins and scores them: who, how often, which recordings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import digits
from benchmarks.digit_strings import RATE, Recordings, lengths, load, strings

SPEAKERS = ("ann", "bob")


def recordings() -> Recordings:
    """Two speakers, ten digits, twelve recordings each; every sample says which recording it is of."""
    rows = [(digit, speaker, index) for speaker in SPEAKERS for digit in range(10) for index in range(12)]
    digit, speaker, index = (np.array(each) for each in zip(*rows, strict=True))
    return Recordings([np.full(600 + 7 * i, 2000 + 20 * i, np.int16) for i in range(len(rows))], digit, speaker, index)


def test_each_recording_is_used_once_in_a_pass_and_a_string_is_of_one_speaker():
    known = recordings()
    found = strings(known, [0, 1], passes=3)
    assert (np.bincount(np.concatenate(found.rows)) == 3).all()
    assert len(found.sounds) == 3 * 2 * 24  # a fifth of the recordings, always
    assert {len(label) for label in found.labels} == {3, 4, 5, 6, 7}
    for rows, label, speaker in zip(found.rows, found.labels, found.speakers, strict=True):
        assert "".join(map(str, known.digit[rows])) == label
        assert {*known.speaker[rows].tolist()} == {speaker}


def test_recordings_lie_in_a_string_as_they_are_with_gaps_of_noise_around():
    known = recordings()
    found = strings(known, [0, 1])
    levels = []
    for sound, rows in zip(found.sounds, found.rows, strict=True):
        assert sound.dtype == np.float32
        at, gaps = 0, []
        for row in rows:
            samples = known.samples[row] / np.float32(32768)
            begin = at + int((sound[at:] == samples[0]).argmax())
            np.testing.assert_array_equal(sound[begin : begin + len(samples)], samples)
            gaps.append(sound[at:begin])
            at = begin + len(samples)
        gaps.append(sound[at:])
        assert all(0.05 * RATE - 1 <= len(gap) <= 0.30 * RATE for gap in gaps)
        power = np.mean(np.concatenate([known.samples[row] / 32768 for row in rows]) ** 2)
        levels.append(10 * np.log10(np.mean(np.concatenate(gaps) ** 2) / power))
    assert -61 < min(levels) < -50 < -40 < max(levels) < -29


def test_strings_are_a_function_of_the_seed():
    one, same, other = (strings(recordings(), seed) for seed in ([0, 1], [0, 1], [0, 2]))
    assert one.labels == same.labels != other.labels
    assert all((a == b).all() for a, b in zip(one.sounds, same.sounds, strict=True))


@pytest.mark.parametrize("count", [3, 7, 23, 50, 500])
def test_lengths_take_all_recordings(count: int):
    for seed in range(20):
        found = lengths(count, np.random.default_rng(seed))
        assert found.sum() == count
        assert ((found >= 3) & (found <= 7)).all()


@pytest.mark.parametrize("left_out", [None, "bob"])
@pytest.mark.parametrize("choose", [False, True])
def test_what_is_scored_is_never_learned_from(choose: bool, left_out: str | None):
    known, scored = digits.parts(recordings(), choose, left_out)
    assert known.index.min() == (10 if choose else 5)
    assert {*scored.speakers} == ({*SPEAKERS} if left_out is None else {"bob"})
    assert {*known.speaker.tolist()} == ({*SPEAKERS} if left_out is None else {"ann"})
    assert len(scored.labels) == (5 if choose else 10) * 10 * (1 if left_out else 2)
    heard = {float(value) for sound in scored.sounds for value in sound}
    assert not heard & {float(np.float32(each[0] / 32768)) for each in known.samples}


def test_recordings_without_an_error_are_counted():
    scored = strings(recordings().take(recordings().index < 5), [0], passes=2)
    assert digits.without_error(scored, scored.labels) == "100 of 100"
    heard = [*scored.labels]
    wrong = "1" if heard[0][0] != "1" else "2"
    heard[0] = wrong + heard[0][1:]
    assert digits.without_error(scored, heard) == "99 of 100"
    heard[1] = heard[1][:-1]  # too short: none of its recordings counts
    again = {(scored.speakers[1], row) for row in scored.rows[1].tolist()} | {(scored.speakers[0], scored.rows[0][0])}
    assert digits.without_error(scored, heard) == f"{100 - len(again)} of 100"


def test_a_run_learns_scores_and_keeps_its_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    known = recordings()
    np.savez(
        tmp_path / "fsdd.npz", samples=np.concatenate(known.samples), lengths=[len(each) for each in known.samples],
        digit=known.digit, speaker=known.speaker, index=known.index,
    )  # fmt: skip
    again = load(tmp_path / "fsdd.npz")
    assert all((one == other).all() for one, other in zip(again.samples, known.samples, strict=True))
    monkeypatch.setattr(digits, "RESULTS", tmp_path / "digits.json")
    monkeypatch.setattr(digits, "RECIPES", {"a": {"hidden_size": 4, "updates": 2, "batch_size": 16}})
    monkeypatch.setattr(digits, "TEST_PASSES", 1)
    assert digits.main(["--data", str(tmp_path), "--choose"]) == 0
    assert not digits.RESULTS.exists()
    assert digits.main(["--data", str(tmp_path), "--leave-out", "bob", "--checkpoint", str(tmp_path / "kept")]) == 0
    (row,) = json.loads(digits.RESULTS.read_text())
    assert (row["scored"], row["left_out"], row["sounds"], row["labels"]) == ("test", "bob", 10, 50)
    assert digits.main(["--data", str(tmp_path), "--leave-out", "eve"]) == 2
    assert digits.main(["--data", str(tmp_path / "none")]) == 0
    assert "left out:" in capsys.readouterr().err
