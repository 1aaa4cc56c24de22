"""The parts of a recogniser: edit distance and intervals, paths, labels, changes of sounds, folders of sounds."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman import datasets
from elman.pieces.distance import edit_distance
from elman.series.errors import DataError
from elman.speech.alignment import aligned
from elman.speech.augmentation import Augmentation
from elman.speech.features import Features, frames_of, learned_features
from elman.speech.folder import read_folder
from elman.speech.frames import Frames
from elman.speech.labels import Alphabet, learned_alphabet
from elman.speech.score import score_of, wilson
from elman.speech.training import fits

RNG = np.random.default_rng(0)
FRAMES = Frames(8000, 200, 80, 40, 20.0, 4000.0, 3)
NOTHING: dict[str, Any] = {"speed": 0.0, "gain": 0.0, "noise": 0.0, "mask_bands": 0, "mask_seconds": 0.0}


# --------------------------------------------------------------------------------------------------------- scores


@pytest.mark.parametrize(
    ("said", "found", "errors"),
    [("", "", 0), ("abc", "", 3), ("", "ab", 2), ("kitten", "sitting", 3), ("saturday", "sunday", 3), ("abc", "abc", 0),
     ("ab", "ba", 2), ("abcdef", "bcdefg", 2), (["one", "two"], ["one", "too", "two"], 1)],
)  # fmt: skip
def test_the_edit_distance_is_the_fewest_changes(said: Any, found: Any, errors: int):
    assert edit_distance(said, found) == errors == edit_distance(found, said)


def test_the_edit_distance_is_that_of_all_ways_of_aligning():
    def slowly(one: str, other: str) -> int:
        if not one or not other:
            return len(one) + len(other)
        return min(
            slowly(one[1:], other) + 1,
            slowly(one, other[1:]) + 1,
            slowly(one[1:], other[1:]) + (one[0] != other[0]),
        )

    for _ in range(60):
        one, other = ("".join(RNG.choice([*"ab"], RNG.integers(0, 6))) for _ in range(2))
        assert edit_distance(one, other) == slowly(one, other)


def test_wilsons_interval_is_that_of_the_book():
    """Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    for count, of, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611),
                                 (1, 29, 0.0061, 0.1718)):  # fmt: skip
        np.testing.assert_allclose(wilson(count, of), (low, high), atol=5e-5)


def test_the_interval_of_the_error_rate_is_that_of_drawn_sounds():
    said = ["abcde"] * 400
    found = ["abcde" if i % 4 else "abcdx" for i in range(400)]  # an error in a quarter of them: 5 % of labels
    score = score_of(said, found)
    assert (score.errors, score.labels, score.exact) == (100, 2000, 0.75)
    half = 1.96 * np.sqrt(0.25 * 0.75 / 400) / 5  # of a mean of independent sounds
    np.testing.assert_allclose((score.low, score.high), (0.05 - half, 0.05 + half), atol=0.001)
    assert score_of(said, found) == score
    assert score_of(said, found, seed=1).low != score.low
    clean = score_of(said, said)
    np.testing.assert_allclose((clean.low, clean.high), wilson(0, 2000))
    with pytest.raises(ValueError, match="labels: expected at least one label in all sounds together, got none"):
        score_of([""], ["a"])


# ---------------------------------------------------------------------------------------------------------- paths


@pytest.mark.parametrize("labels", [[], [1], [2, 1], [1, 1], [1, 2, 1]])
def test_the_path_of_labels_is_the_best_of_all_paths(labels: list[int]):
    target, alphabet = np.array(labels, np.int64), Alphabet(("a", "b"), "characters")
    for steps in (1, 3, 5):
        outputs = RNG.normal(size=(steps, 3))
        logs = outputs - np.log(np.exp(outputs).sum(axis=1, keepdims=True))
        paths = [path for path in itertools.product(range(3), repeat=steps)
                 if [label for label, _ in itertools.groupby(path) if label] == labels]  # fmt: skip
        assert fits(target, steps) == bool(paths)
        if not paths:
            continue
        best = max(paths, key=lambda path: logs[np.arange(steps), path].sum())
        found = aligned(outputs, target, alphabet, 0.5)
        assert found.path.tolist() == [*best]
        assert found.labels == alphabet.decoded(labels)
        assert found.log_probability == pytest.approx(logs[np.arange(steps), best].sum())


def test_spans_are_the_stretches_of_a_path():
    path = np.array([0, 1, 1, 0, 1, 2, 2, 0])
    probabilities = np.full((8, 3), 0.1)
    probabilities[np.arange(8), path] = [0.8, 0.5, 0.7, 0.8, 0.9, 0.8, 0.6, 0.8]
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    found = aligned(np.log(probabilities), None, Alphabet(("a", "b"), "characters"), 0.5)
    assert found.path.tolist() == path.tolist()
    spans = [("a", 0.5, 1.5), ("a", 2.0, 2.5), ("b", 2.5, 3.5)]
    assert [(each.label, each.begin, each.end) for each in found.spans] == spans
    means = [probabilities[[1, 2], 1].mean(), probabilities[4, 1], probabilities[[5, 6], 2].mean()]
    np.testing.assert_allclose([each.probability for each in found.spans], means, rtol=1e-6)
    np.testing.assert_allclose(found.probabilities, probabilities, rtol=1e-6)


# --------------------------------------------------------------------------------------------------------- labels


def test_labels_are_encoded_and_back():
    alphabet = learned_alphabet("labels", ["ba", "", "cab"], "characters")
    assert alphabet.tokens == ("a", "b", "c")
    assert [each.tolist() for each in alphabet.encoded("labels", ["cb", ""])] == [[3, 2], []]
    assert alphabet.decoded([3, 2]) == "cb"
    words = learned_alphabet("labels", ["two one", ["one", "two words"]], "words")
    assert words.tokens == ("one", "two", "two words")
    assert words.decoded(words.encoded("labels", ["one  two"])[0]) == ["one", "two"]
    assert words.shown(["one", "two"]) == "one two"


@pytest.mark.parametrize("tokens", [(), ("a", "a"), ("ab",)])
def test_an_alphabet_of_a_file_is_checked(tokens: tuple[str, ...]):
    with pytest.raises(ValueError, match="tokens: expected"):
        Alphabet(tokens, "characters").validate()


# ------------------------------------------------------------------------------------------------------- features


def test_bands_have_mean_0_and_variance_1():
    sounds = [RNG.normal(size=4000) * scale for scale in (0.01, 0.1)]
    for scaling in ("recording", "training"):
        features = learned_features(FRAMES, scaling, sounds)
        steps = [features(each).reshape(-1, 40) for each in sounds]
        for some in steps if scaling == "recording" else [np.concatenate(steps)]:
            np.testing.assert_allclose(some.mean(axis=0), 0, atol=1e-4)
            np.testing.assert_allclose(some.std(axis=0), 1, atol=1e-4)
            assert some.dtype == np.float32
        features.validate()


def test_silence_is_finite_on_either_scale():
    features = [learned_features(FRAMES, scaling, [np.zeros(4000)]) for scaling in ("recording", "training")]
    assert all(np.abs(each(np.zeros(3000))).max() < 1e-4 for each in features)


def test_features_of_a_file_are_checked():
    with pytest.raises(ValueError, match="mean: expected finite numbers for 40 bands"):
        Features(FRAMES, "training", np.zeros(3, np.float32), np.ones(3, np.float32)).validate()


def test_milliseconds_become_samples():
    options = {"frame_ms": 25.0, "step_ms": 10.0, "bands": 40, "low": 20.0, "high": None, "stack": 3}
    assert frames_of(8000, options) == FRAMES
    assert (frames_of(22050, options).frame, frames_of(22050, options).high) == (551, 11025.0)


# --------------------------------------------------------------------------------------------------- augmentation


def test_nothing_is_changed_where_nothing_is_asked_for():
    change, x = Augmentation(**NOTHING), RNG.normal(size=(20, 120))
    assert not change.of_samples
    assert change.steps(x, 40, 0.03, RNG) is x


def test_speed_makes_sounds_longer_or_shorter_and_higher_or_lower():
    tone = np.sin(2 * np.pi * 500 * np.arange(8000) / 8000)
    change = Augmentation(**NOTHING | {"speed": 0.2})
    for seed in range(8):
        found = change.samples(tone, np.random.default_rng(seed))
        speed = 8000 / len(found)
        assert 0.8 <= speed <= 1.2
        peak = np.abs(np.fft.rfft(found, 80_000)).argmax() / 10
        assert peak == pytest.approx(500 * speed, abs=1)


def test_gain_and_noise_are_of_the_size_that_is_asked_for():
    x = RNG.normal(size=20_000)
    louder = [change.samples(x, np.random.default_rng(i)) / x for i, change in
              enumerate([Augmentation(**NOTHING | {"gain": 6.0})] * 20)]  # fmt: skip
    decibels = [20 * np.log10(each[0]) for each in louder]
    assert all(np.ptp(each) < 1e-9 for each in louder)
    assert -6 <= min(decibels) < -3 < 3 < max(decibels) <= 6
    noises = [
        (Augmentation(**NOTHING | {"noise": 0.5}).samples(x, np.random.default_rng(i)) - x).std() for i in range(20)
    ]
    assert 0 <= min(noises) < 0.15 < 0.35 < max(noises) < 0.51


def test_masks_hide_bands_and_stretches_of_time_and_leave_the_rest():
    x = RNG.normal(size=(40, 120)).astype(np.float32)
    hidden = []
    for seed in range(30):
        found = Augmentation(**NOTHING | {"mask_bands": 8, "mask_seconds": 0.3}).steps(
            x, 40, 0.03, np.random.default_rng(seed)
        )
        frames = (found != x).reshape(-1, 40)
        bands, steps = frames.all(axis=0), (found != x).all(axis=1)
        np.testing.assert_array_equal(found == 0, (bands[None] | steps.repeat(3)[:, None]).reshape(40, 120))
        hidden.append((bands.sum(), steps.sum()))
    assert max(each[0] for each in hidden) <= 16
    assert max(each[1] for each in hidden) <= 20
    assert len({*hidden}) > 10


# --------------------------------------------------------------------------------------------------------- folders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    wavfile = pytest.importorskip("scipy.io.wavfile")
    (tmp_path / "sounds" / "more").mkdir(parents=True)
    for name in ("one.wav", "two.wav", "more/three.WAV"):
        wavfile.write(tmp_path / "sounds" / name, 8000, np.zeros(800, np.int16))
    return tmp_path / "sounds"


def test_a_table_says_what_is_said(folder: Path):
    (folder / "labels.csv").write_text('file,speaker,text\none.wav,ann,"eins,  zwei"\nmore/three.WAV,bob,007\n')
    found = read_folder(folder)
    assert found.files == [folder / "one.wav", folder / "more/three.WAV"]
    assert found.labels == ["eins, zwei", "007"]
    assert found.beside == [folder / "labels.csv"]
    assert found.notes == (
        "labels: labels.csv, its columns file and text",
        "left out: 1 sound without a label, two.wav first",
    )


def test_texts_lie_beside_the_sounds(folder: Path):
    (folder / "one.txt").write_text("eins\n")
    (folder / "more" / "three.txt").write_text("")
    found = read_folder(folder)
    assert found.files == [folder / "more/three.WAV", folder / "one.wav"]
    assert found.labels == ["", "eins"]
    assert found.notes[0] == "labels: the text beside each of 2 sounds"
    assert "two.wav" in found.notes[1]


def written(**files: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for name, text in files.items():
            (folder / name.replace("_", ".")).write_text(text)

    return write


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (written(), "holds no labels: expected labels.csv, .* three.txt beside three.WAV"),
        (written(labels_csv="file,text\none.wav,a\n", one_txt="a"), "labels in one place, got 'labels.csv' and"),
        (written(labels_csv="file,text\n", more_csv="file,text\n"), "labels in one place, got 'labels.csv', 'more"),
        (written(labels_csv="a,b\none.wav,x\n"), "one column of files .file. and one of labels .text., got 'a'"),
        (written(labels_csv="file,text,label\none.wav,x,y\n"), "expected one column of files"),
        (written(labels_csv="file,text\none.wav,x\nnew.wav,y\n"), "line 3, column 'file': expected a file .*'new.wav'"),
        (written(labels_csv="file,text\none.wav,x\none.wav,y\n"), "line 3, column 'file': 'one.wav' stands on line 2"),
    ],
)  # fmt: skip
def test_labels_that_are_not_plain_are_refused(change: Callable[[Path], None], said: str, folder: Path):
    change(folder)
    with pytest.raises(DataError, match=said):
        read_folder(folder)


def test_what_is_no_folder_of_sounds_is_refused(folder: Path, tmp_path: Path):
    for path, said in (
        (tmp_path / "none", "none: expected a folder of sounds with their labels, got no such folder"),
        (folder / "one.wav", "expected a folder of sounds with their labels, got a file"),
        (tmp_path.joinpath("empty"), "holds no sounds"),
    ):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(DataError, match=said):
            read_folder(path)
    (folder / "one.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"one\.txt: expected a text in UTF-8"):
        read_folder(folder)


# ------------------------------------------------------------------------------------------------- dialled tones


def test_dialled_tones_are_those_of_their_keys_and_a_function_of_the_seed():
    sounds, labels = datasets.dialled_tones(30, seed=2)
    again, same = datasets.dialled_tones(30, seed=2)
    assert labels == same != datasets.dialled_tones(30, seed=3)[1]
    assert all((one == other).all() for one, other in zip(sounds, again, strict=True))
    assert {len(label) for label in labels} == {2, 3, 4, 5, 6}
    assert {*"".join(labels)} == {*"1234567890*#"}
    assert all(each.dtype == np.int16 for each in sounds)
    only = next(i for i, label in enumerate(labels) if {*label} <= {*"147*"})  # the first column: 1209 Hz
    power = np.abs(np.fft.rfft(sounds[only] * 1.0)) ** 2
    high = np.fft.rfftfreq(len(sounds[only]), 1 / 8000) > 1100
    assert np.fft.rfftfreq(len(sounds[only]), 1 / 8000)[high][power[high].argmax()] == pytest.approx(1209, rel=0.02)
