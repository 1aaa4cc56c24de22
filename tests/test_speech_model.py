"""SpeechModel: it learns what is said, hears the same alone, in lists and in streams, and its files."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from speech_sounds import RATE, spoken, words
from test_estimators import CHECKS

import elman
from elman import SpeechModel
from elman.core.losses import CTC
from elman.series.errors import DataError
from elman.speech import SpeechScore
from elman.speech.sounds import unit

SOUNDS, LABELS = words()
QUICK: dict[str, Any] = {"hidden_size": 12, "num_layers": 1, "updates": 12, "batch_size": 8, "rate": RATE}
LEARNED: dict[str, Any] = QUICK | {"hidden_size": 16, "updates": 160, "learning_rate": 0.01, "speed": 0.05}


@pytest.fixture(scope="module")
def model() -> SpeechModel:
    return SpeechModel(**LEARNED).fit(SOUNDS, LABELS)


@pytest.fixture(scope="module")
def forward() -> SpeechModel:
    return SpeechModel(**LEARNED, bidirectional=False).fit(SOUNDS, LABELS)


# --------------------------------------------------------------------------------------------------- learning


def test_it_learns_what_is_said(model: SpeechModel, forward: SpeechModel):
    fresh, labels = words(20, seed=9)
    for one in (model, forward):
        assert one.predict(fresh) == labels == one.predict(fresh, beam_size=4)
        score = one.score(fresh, labels)
        assert (score.label_error_rate, score.exact, score.errors) == (0.0, 1.0, 0)
        assert (score.labels, score.sounds) == (sum(map(len, labels)), 20)
        assert 0 < score.loss < 1
        assert 0 < score.high < 0.2  # though there is no error
        assert all(each.label_error_rate > 0.5 for each in one.baselines_.values())


def test_what_is_held_out_scores_and_is_not_learned_from(model: SpeechModel):
    assert len(model.held_out_) == 4
    score = model.score([SOUNDS[i] for i in model.held_out_], [LABELS[i] for i in model.held_out_])
    assert model.validation_ == score
    assert model.validation_losses_[model.history_.best_epoch - 1] == pytest.approx(score.loss, rel=1e-6)
    kept = np.setdiff1d(np.arange(40), model.held_out_)
    others = [LABELS[i] for i in kept]
    held = [LABELS[i] for i in model.held_out_]
    again = SpeechModel(**LEARNED, validation_fraction=0.0).fit(
        [SOUNDS[i] for i in kept], others, validation=([SOUNDS[i] for i in model.held_out_], held)
    )
    np.testing.assert_array_equal(again.network_.theta, model.network_.theta)
    assert len(again.held_out_) == 0


def test_without_validation_the_last_weights_stay():
    found = SpeechModel(**QUICK, validation_fraction=0.0).fit(SOUNDS, LABELS)
    assert found.validation_ is None
    assert found.baselines_ == {}
    assert np.isnan(found.validation_losses_).all()


def test_the_baselines_are_the_best_answers_that_do_not_listen():
    found = SpeechModel(**QUICK).fit(
        [SOUNDS[0]] * 5, ["ab", "ab", "cab", "ab", "cc"], validation=(SOUNDS[:2], ["ab", "b"])
    )
    assert set(found.baselines_) == {"most frequent sequence", "most frequent label, repeated"}
    assert found.baselines_["most frequent sequence"].errors == 1
    assert found.baselines_["most frequent label, repeated"].errors == 2  # "bb": b is as frequent as a, and later


def test_words_are_labels_too():
    texts = [" ".join(label) + " end" for label in LABELS]
    found = SpeechModel(**LEARNED, level="words").fit(SOUNDS, texts)
    assert found.alphabet_.tokens == ("a", "b", "c", "end")
    assert found.predict(SOUNDS[0]) == texts[0].split()
    as_lists = SpeechModel(**LEARNED, level="words").fit(SOUNDS, [text.split() for text in texts])
    np.testing.assert_array_equal(as_lists.network_.theta, found.network_.theta)
    assert found.score(SOUNDS, texts) == as_lists.score(SOUNDS, [text.split() for text in texts])


def test_silence_may_be_a_label_of_nothing():
    silence = [0.01 * np.random.default_rng(i).normal(size=3000) for i in range(12)]
    found = SpeechModel(**LEARNED).fit(SOUNDS + silence, [*LABELS, *[""] * 12])
    assert found.predict(silence[:3]) == ["", "", ""]


def test_a_function_draws_the_sounds_of_each_pass():
    asked: list[int] = []

    def draw(epoch: int) -> tuple[list[np.ndarray], list[str]]:
        asked.append(epoch)
        return words(16, seed=epoch)

    found = SpeechModel(**QUICK).fit(draw)
    assert asked[0] == 1
    assert sorted({*asked}) == [1, 2, 3, 4, 5, 6]  # 12 updates, 2 a pass
    assert found.validation_ is None
    same = SpeechModel(**QUICK, validation_fraction=0.0).fit(lambda epoch: words(16, seed=1))
    fixed = SpeechModel(**QUICK, validation_fraction=0.0).fit(*words(16, seed=1))
    np.testing.assert_array_equal(same.network_.theta, fixed.network_.theta)
    assert (found.network_.theta != same.network_.theta).any()


# ----------------------------------------------------------------------------------------- the same to the bit


def test_the_seed_decides_and_threads_do_not():
    found = SpeechModel(**QUICK, mask_bands=5, mask_seconds=0.1, noise=0.1, gain=6.0, seed=3).fit(SOUNDS, LABELS)
    before = elman.get_num_threads()
    try:
        for threads in (1, 2, 3):
            elman.set_num_threads(threads)
            again = copy.deepcopy(found).fit(SOUNDS, LABELS)
            np.testing.assert_array_equal(again.network_.theta, found.network_.theta)
    finally:
        elman.set_num_threads(before)
    other = copy.deepcopy(found).set_params(seed=4).fit(SOUNDS, LABELS)
    assert (other.network_.theta != found.network_.theta).any()


@pytest.mark.parametrize("every", [None, 1, 3])
@pytest.mark.parametrize("drawn", [False, True])
def test_training_goes_on_from_a_checkpoint_to_the_same_bits(every: int | None, drawn: bool, tmp_path: Path):
    given: Any = ((lambda epoch: words(24, seed=epoch)),) if drawn else (SOUNDS, LABELS)
    whole = SpeechModel(**QUICK, noise=0.1).fit(*given)

    def stop(trainer: Any) -> None:
        if trainer.epochs == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SpeechModel(**QUICK, noise=0.1).fit(*given, checkpoint=tmp_path, every=every, callback=stop)
    found = SpeechModel(**QUICK, noise=0.1).fit(*given, resume=tmp_path)
    np.testing.assert_array_equal(found.network_.theta, whole.network_.theta)
    np.testing.assert_array_equal(found.losses_, whole.losses_)
    others: Any = ((lambda epoch: words(24, seed=7)),) if drawn else (SOUNDS[::-1], LABELS[::-1])
    with pytest.raises(ValueError, match="resume: expected the sounds"):
        SpeechModel(**QUICK, noise=0.1).fit(*others, resume=tmp_path)
    with pytest.raises(ValueError, match="resume: expected the options of the checkpoints"):
        SpeechModel(**QUICK).fit(*given, resume=tmp_path)


def test_a_sound_is_heard_the_same_alone_in_a_list_and_from_a_file(model: SpeechModel, tmp_path: Path):
    wavfile = pytest.importorskip("scipy.io.wavfile")
    some = [(each * 32767).astype(np.int16) for each in SOUNDS[:33]]
    y, steps = model._outputs(model._sounds("x", some, None))
    together = [y[i, : steps[i]] for i in (0, 32)]
    alone = [model._outputs(model._sounds("x", [some[i]], None))[0][0] for i in (0, 32)]
    wavfile.write(tmp_path / "a.wav", RATE, some[0])
    assert model.predict(tmp_path / "a.wav") == model.predict([str(tmp_path / "a.wav")])[0] == model.predict(some)[0]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one, other)
    floats = model._outputs(model._sounds("x", [unit(some[0])], None))[0][0]
    np.testing.assert_array_equal(floats, alone[0])


# ------------------------------------------------------------------------------------------------------ streams


@pytest.mark.parametrize("size", [1, 77, 240, 1000, 100_000])
def test_a_stream_hears_what_predict_hears(forward: SpeechModel, size: int):
    sound = np.concatenate([SOUNDS[0], SOUNDS[5], SOUNDS[7]])
    stream = forward.stream()
    found = [heard for begin in range(0, len(sound), size) for heard in stream.feed(sound[begin : begin + size])]
    assert "".join(each.label for each in found) == forward.predict(sound)
    begins = [span.begin for span in forward.align(sound).spans]
    frames = forward.features_.frames
    np.testing.assert_allclose([each.seconds for each in found], np.array(begins) + frames.least / RATE, atol=1e-9)


def test_the_outputs_of_a_stream_have_the_bits_of_the_whole(forward: SpeechModel):
    whole = forward._outputs(forward._sounds("x", [SOUNDS[3]], None))[0][0]
    stream, found = forward.stream(), []
    step = stream._network.step

    def kept(x: np.ndarray) -> np.ndarray:
        found.append(step(x).copy())
        return found[-1]

    stream._network = type("Kept", (), {"step": staticmethod(kept)})()  # type: ignore[assignment]
    for begin in range(0, len(SOUNDS[3]), 123):
        stream.feed(SOUNDS[3][begin : begin + 123])
    np.testing.assert_array_equal(np.array(found), whole)


def test_the_state_of_a_stream_is_all_that_later_labels_depend_on(forward: SpeechModel):
    stream, other = forward.stream(), forward.stream()
    first, rest = SOUNDS[0][:2000], np.concatenate([SOUNDS[0][2000:], SOUNDS[1]])
    stream.feed(first)
    state = pickle.loads(pickle.dumps(stream.state))
    expected = stream.feed(rest)
    other.feed(SOUNDS[4])
    other.state = state
    assert other.feed(rest) == expected != []
    stream.reset()
    assert stream.feed(first) + stream.feed(rest) == [*forward.stream().feed(np.concatenate([first, rest]))]
    with pytest.raises(ValueError, match="state: expected one that this model's stream gave"):
        stream.state = {"last": 0}
    with pytest.raises(ValueError, match=r"state\['last'\]: expected a whole number in \[0, 3\], got 9"):
        stream.state = state | {"last": 9}


def test_a_stream_refuses_what_no_stream_can_be_of(model: SpeechModel, forward: SpeechModel):
    with pytest.raises(ValueError, match=r"stream: expected a model of one direction .*bidirectional=False"):
        model.stream()
    whole = SpeechModel(**QUICK, bidirectional=False, scaling="recording").fit(SOUNDS, LABELS)
    with pytest.raises(ValueError, match="stream: expected a model of one direction"):
        whole.stream()
    stream = forward.stream()
    with pytest.raises(TypeError, match="samples: expected samples as int16, or as floats"):
        stream.feed(np.zeros(5, np.int64))
    with pytest.raises(ValueError, match="samples: expected finite samples with full scale 1, got nan"):
        stream.feed(np.array([0.0, np.nan]))
    with pytest.raises(ValueError, match=r"samples: expected one channel \(N,\), got array of shape \(5, 2\)"):
        stream.feed(np.zeros((5, 2)))
    assert stream.feed(np.zeros(0)) == []


# ------------------------------------------------------------------------------------------- places and pictures


def test_labels_are_found_where_they_are_said(model: SpeechModel):
    quiet = 0.01 * np.random.default_rng(0).normal(size=1600)
    sound = np.concatenate([quiet, spoken("ab", 1), quiet])
    found = model.align(sound)
    assert found.labels == "ab" == "".join(span.label for span in found.spans)
    (first, second), end = found.spans, len(sound) / RATE
    assert 0.2 < first.begin < first.end <= second.begin < second.end < end - 0.2
    assert all(0.5 < span.probability <= 1 for span in found.spans)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-6)
    assert found.seconds == pytest.approx(0.03)


def test_given_labels_take_their_most_probable_path(model: SpeechModel):
    sound = spoken("aab", 4)
    forced, free = model.align(sound, "aba"), model.align(sound)
    assert forced.labels == "aba"
    assert forced.log_probability < free.log_probability
    best = np.take_along_axis(np.log(free.probabilities.astype(np.float64)), free.path[:, None], 1).sum()
    assert free.log_probability == pytest.approx(best, abs=1e-4)
    same = model.align(sound, free.labels)
    assert same.labels == free.labels
    assert same.log_probability == pytest.approx(free.log_probability, abs=1e-9)
    with pytest.raises(DataError, match=r"labels: .* that fit"):
        model.align(sound, "ab" * 500)
    with pytest.raises(TypeError, match="sound: expected one, a file or an array"):
        model.align([sound])


def test_a_picture_is_drawn(model: SpeechModel, tmp_path: Path):
    pytest.importorskip("matplotlib")
    assert model.plot(SOUNDS[0], tmp_path / "a.png") == tmp_path / "a.png"
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


# -------------------------------------------------------------------------------------------------------- scores


def test_the_loss_of_a_score_is_that_of_the_network(model: SpeechModel):
    x = [model.features_(unit(np.float32(each))) for each in SOUNDS]
    y = [[model.alphabet_.tokens.index(letter) + 1 for letter in label] for label in LABELS]
    assert model.score(SOUNDS, LABELS).loss == pytest.approx(model.network_.loss(x, y, loss=CTC()), rel=1e-6)


def test_errors_are_counted(model: SpeechModel):
    score = model.score([spoken("ab", 1), spoken("c", 2), spoken("aba", 3)], ["ab", "b", "bb"])
    assert isinstance(score, SpeechScore)
    assert (score.errors, score.labels, score.sounds) == (0 + 1 + 2, 5, 3)
    assert score.label_error_rate == pytest.approx(3 / 5)
    assert score.exact == pytest.approx(1 / 3)
    assert score.low <= score.label_error_rate <= score.high
    assert model.score([SOUNDS[0]], ["ab" * 100]).loss == np.inf  # labels that no path of its steps gives


# --------------------------------------------------------------------------------------------------- the estimator


@pytest.mark.parametrize("name", CHECKS)
def test_the_checks_of_scikit_learn(name: str):
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    getattr(checks, name)("SpeechModel", SpeechModel(**QUICK))


def test_it_is_saved_loaded_pickled_and_copied(model: SpeechModel, forward: SpeechModel, tmp_path: Path):
    for one in (model, forward):
        one.save(tmp_path / "m.safetensors")
        one.save(tmp_path / "again.safetensors")
        assert (tmp_path / "m.safetensors").read_bytes() == (tmp_path / "again.safetensors").read_bytes()
        for other in (elman.load(tmp_path / "m.safetensors"), pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
            assert isinstance(other, SpeechModel)
            assert other.get_params() == one.get_params()
            np.testing.assert_array_equal(other.network_.theta, one.network_.theta)
            assert other.predict(SOUNDS) == one.predict(SOUNDS)
            assert other.score(SOUNDS, LABELS) == one.score(SOUNDS, LABELS)
            assert (other.validation_, other.baselines_) == (one.validation_, one.baselines_)


def test_the_parts_of_a_file_fit_one_another(model: SpeechModel):
    fitted = model._fitted()
    other = SpeechModel(**QUICK, bands=20).fit(SOUNDS, LABELS)._fitted()
    for changed, said in (
        ({"network": other.network}, "network: expected inputs of 120 numbers and outputs for 4"),
        ({"alphabet": type(fitted.alphabet)(("a", "b"), "characters")}, "network: expected inputs of 120 numbers"),
    ):
        with pytest.raises(ValueError, match=said):
            type(fitted)(**(vars(fitted) | changed)).validate()
