"""`MusicModel`: probabilities, scores, streams, pieces, files, checkpoints, and what is refused."""

from __future__ import annotations

import itertools
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_estimators import CHECKS

import elman
from elman import MusicModel, PianoRoll, datasets
from elman.core import io
from elman.estimators.base import NotFittedError
from elman.music import baselines, figures_of
from elman.music.baselines import nll, score_of
from elman.music.chords import END, next_token
from elman.music.encoding import Passage
from elman.music.options import encoding_of
from elman.series.errors import DataError
from elman.series.notes import DataNotice

SMALL: dict[str, Any] = {"hidden_size": 8, "updates": 6, "batch_size": 2, "steps_per_beat": 2}
each_kind = pytest.mark.parametrize("joint", [False, True], ids=["independent", "joint"])


def pieces(n: int = 4) -> list[np.ndarray]:
    return datasets.tunes(n, seed=1, bars=4)


@pytest.fixture(scope="module")
def models() -> dict[bool, MusicModel]:
    return {joint: MusicModel(joint=joint, **SMALL).fit(pieces()) for joint in (False, True)}


# ------------------------------------------------------------------------------------------------ probabilities


@each_kind
def test_the_probabilities_of_all_chords_add_up_to_one(joint: bool):
    """Of sixteen chords of four keys, since no other key is possible."""
    model = MusicModel(joint=joint, **SMALL).fit(pieces())
    some = [30, 34, 40, 41]
    bias = model.networks_[0].parameters["head.bias"]
    bias[np.setdiff1d(np.arange(88), some)] = -1e9
    before = pieces()[0][:5]
    total = 0.0
    for chord in itertools.product([False, True], repeat=4):
        keys = np.concatenate([before, np.zeros((1, 88), bool)])
        keys[-1, some] = chord
        total += np.exp(-nll(keys, model.predict(keys))[-1])
    assert total == pytest.approx(1.0, abs=1e-6)


def test_the_likelihood_of_a_step_is_the_product_over_its_tokens(models: dict[bool, MusicModel]):
    model, keys = models[True], pieces()[1]
    encoding = encoding_of(model.checked_options())
    example = encoding.example(Passage(keys, 0, len(keys)))
    last = np.concatenate([[END], example.y[:-1]])
    chances = next_token(model.networks_[0].predict(example.x), last, 1.0)
    expected = -np.log(chances[np.arange(len(last)), example.y]).sum()
    assert nll(keys, model.predict(keys)).sum() == pytest.approx(expected, rel=1e-9)


def test_independent_probabilities_are_those_of_the_logits(models: dict[bool, MusicModel]):
    model, keys = models[False], pieces()[1]
    x = encoding_of(model.checked_options()).example(Passage(keys, 0, len(keys))).x
    logits = model.networks_[0].predict(x).astype(np.float64)
    np.testing.assert_allclose(model.predict(keys), 1 / (1 + np.exp(-logits)), rtol=1e-12)
    assert 88 * model.networks_[0].loss(x, keys, loss="binary_cross_entropy") == pytest.approx(
        nll(keys, model.predict(keys)).mean(), rel=1e-6
    )


@each_kind
def test_no_step_is_predicted_by_itself_or_by_later_ones(models: dict[bool, MusicModel], joint: bool):
    keys = pieces()[0]
    other = keys.copy()
    other[10:] = ~keys[10:]
    found, changed = models[joint].predict(keys), models[joint].predict(other)
    np.testing.assert_array_equal(found[:10], changed[:10])
    lowest = np.flatnonzero(other[10] | keys[10])[0]
    seen = slice(0, lowest + 1) if joint else slice(None)  # higher keys of a step know the lower ones
    np.testing.assert_array_equal(found[10, seen], changed[10, seen])
    assert (found[11] != changed[11]).any()


@each_kind
def test_long_pieces_are_predicted_in_blocks_with_the_same_numbers(
    models: dict[bool, MusicModel], joint: bool, monkeypatch: pytest.MonkeyPatch
):
    expected = models[joint].predict(pieces()[0])
    monkeypatch.setattr("elman.music.model.BLOCK", 5)
    np.testing.assert_array_equal(models[joint].predict(pieces()[0]), expected)


def test_members_are_averaged():
    model = MusicModel(joint=False, members=2, **SMALL).fit(pieces())
    both = model.predict(pieces()[0])
    networks = model.networks_
    alone: list[np.ndarray] = []
    for network in networks:
        model.networks_ = [network]
        alone.append(model.predict(pieces()[0]))
    np.testing.assert_allclose(both, np.mean(alone, axis=0), rtol=1e-12)
    assert (alone[0] != alone[1]).any()


# ------------------------------------------------------------------------------------------------------ scores


def test_a_score_is_the_mean_over_steps_but_first_ones():
    found = score_of([np.array([9.0, 1.0, 2.0]), np.array([7.0, 6.0]), np.array([5.0])])
    assert found == (3.0, 5.0, (1.5 + 6.0) / 2, 3, 3)


def test_baselines_count_what_was_learned_from():
    """Key 3 sounds in half of the steps, and goes on in half of the cases; all other keys are silent."""
    keys = np.zeros((9, 88), bool)
    keys[[1, 2, 5, 6], 3] = True
    found = baselines([keys], [keys])
    # counts of the eight later steps, and 0.5 for each of the four cases
    often = 5 / 10
    stays, begins = (2.5 + 2.5 / 90) / (5 + 1), 2.5 / 5
    goes_on = (2.5 + 87 * 0.5) / (5 + 87 * 1)
    stays = (2.5 + goes_on) / 6
    silent = 87 * -np.log(1 - 1 / 10)
    assert found["key frequency"].nll == pytest.approx(-np.log(often) + silent)
    steps = [begins, stays, 1 - stays, 1 - begins, begins, stays, 1 - stays, 1 - begins]
    expected = np.mean([-np.log(each) for each in steps]) + 87 * -np.log(1 - 0.5 / 9)
    assert found["last chord repeated"].nll == pytest.approx(expected)


@each_kind
def test_it_learns_a_rule_and_composes_by_it(joint: bool):
    """Four chords in turn, of which none follows itself."""
    chords = np.zeros((4, 88), bool)
    for row, keys in zip(chords, ([30, 34, 37], [35, 39, 42], [37, 41, 44, 47], [28, 32]), strict=True):
        row[keys] = True
    tune = np.tile(chords, (8, 1))
    model = MusicModel(joint=joint, hidden_size=16, updates=150, dropout=0.0, recurrent_dropout=0.0, steps_per_beat=1)
    model.set_params(learning_rate=0.03)
    model.fit([tune] * 8)
    assert model.score(tune).nll < 0.3
    np.testing.assert_array_equal(model.generate(12, tune[:4], temperature=0.1).keys, tune[:16])


def test_composed_pieces_are_like_those_learned_from():
    """Not stuck on a chord, on few keys or in silence; by the figures of the pieces themselves."""
    white = np.isin((np.arange(88) + 21) % 12, (0, 2, 4, 5, 7, 9, 11))
    learned = [keys for keys in datasets.tunes(400, seed=3, bars=4) if not keys[:, ~white].any()]
    assert len(learned) > 15
    model = MusicModel(hidden_size=48, updates=150, learning_rate=0.01, steps_per_beat=2).fit(learned)
    assert model.validation_ is not None
    assert model.validation_.nll < 0.8 * min(score.nll for score in model.baselines_.values())
    composed, own = figures_of(model.generate(128, seed=seed).keys for seed in range(3)), model.figures_
    assert abs(composed.repeated - own.repeated) < 0.25
    assert composed.longest <= 3 * own.longest
    assert composed.silent < 0.05
    assert abs(composed.sounding - own.sounding) < 1.0
    assert composed.in_key > own.in_key - 0.1
    assert own.lowest - 6 <= composed.lowest
    assert composed.highest <= own.highest + 6
    assert composed.highest - composed.lowest > 24


# ------------------------------------------------------------------------------------------ composing, streams


@each_kind
def test_what_is_nearly_certain_is_drawn(models: dict[bool, MusicModel], joint: bool):
    """At a temperature near 0 the likeliest comes, by the probabilities that `predict` gives for it."""
    model, keys = models[joint], pieces()[0][:9]
    stream = model.stream(temperature=0.0)
    stream.follow(keys)
    drawn = stream.step()
    chances = model.predict(np.concatenate([keys, drawn[None]]))[-1]
    if not joint:
        np.testing.assert_array_equal(drawn, chances > 0.5)
        return
    rest = np.append(np.cumprod(np.where(drawn, 1.0, 1.0 - chances))[:-1], 0.0)
    assert rest.shape == (88,)
    begin = 0
    for key in [*np.flatnonzero(drawn).tolist(), END]:
        free = np.concatenate([[1.0], np.cumprod(1.0 - chances[begin:key])])  # no key from `begin` to before this one
        tokens = free[: key - begin] * chances[begin:key]
        assert (free[-1] * (chances[key] if key < END else 1.0)) >= tokens.max(initial=0.0)
        begin = key + 1


@each_kind
def test_draws_come_as_often_as_they_are_probable(models: dict[bool, MusicModel], joint: bool):
    model, keys = models[joint], pieces()[0][:4]
    stream = model.stream(seed=5)
    stream.follow(keys)
    state, drawn = stream.state, []
    for _ in range(400):
        drawn.append(stream.step())
        stream.state = {**state, "random": stream.state["random"]}
    lowest = np.array([np.flatnonzero(each)[0] if each.any() else 88 for each in drawn])
    chances = model.predict(np.concatenate([keys, np.zeros((1, 88), bool)]))[-1]
    expected = chances * np.concatenate([[1.0], np.cumprod(1 - chances)[:-1]])  # that a key is the lowest one
    found = np.bincount(lowest, minlength=89)[:88] / len(lowest)
    assert np.abs(found - expected).max() < 4 * np.sqrt(0.25 / len(lowest))


@each_kind
def test_a_stream_goes_on_from_its_state(models: dict[bool, MusicModel], joint: bool):
    stream, other = models[joint].stream(seed=2), models[joint].stream()
    stream.follow(PianoRoll(pieces()[0][:4], 2))
    state = stream.state
    expected = [stream.step() for _ in range(8)]
    other.state = state
    np.testing.assert_array_equal([other.step() for _ in range(8)], expected)
    np.testing.assert_array_equal(models[joint].generate(8, pieces()[0][:4], seed=2).keys[4:], expected)


@each_kind
def test_a_seed_gives_a_piece_and_another_seed_another(models: dict[bool, MusicModel], joint: bool):
    first, again, other = (models[joint].generate(20, seed=seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.keys, again.keys)
    assert (first.keys != other.keys).any()
    assert (len(first), first.given, first.steps_per_beat) == (20, 0, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": -0.1}, "temperature: expected a finite number"),
        ({"temperature": np.inf}, "temperature: expected a finite number"),
        ({"length": 0}, "length: expected a whole number"),
        ({"length": 10**7}, "length: expected a whole number"),
        ({"seed": -1}, "seed: expected a whole number"),
        ({"prompt": PianoRoll(np.ones((1, 88), bool), 4)}, "prompt: expected a roll of 2 steps a beat"),
        ({"prompt": np.ones((3, 12), bool)}, r"keys: expected shape \(T, 88\)"),
    ],
)
def test_what_nothing_is_composed_by_is_refused(
    models: dict[bool, MusicModel], arguments: dict[str, Any], message: str
):
    with pytest.raises((ValueError, TypeError), match=message):
        models[True].generate(**arguments)


# ------------------------------------------------------------------------------------------------ fit, options


@each_kind
def test_the_same_seed_gives_the_same_bits_whatever_the_threads(joint: bool):
    def theta(seed: int) -> bytes:
        model = MusicModel(joint=joint, members=2, seed=seed, **SMALL).fit(pieces())
        return b"".join(network.theta.tobytes() for network in model.networks_)

    threads = elman.get_num_threads()
    try:
        found = theta(1)
        elman.set_num_threads(1)
        assert theta(1) == found
        assert theta(2) != found
    finally:
        elman.set_num_threads(threads)


@pytest.mark.parametrize("members", [1, 2])
def test_a_training_that_was_stopped_goes_on_to_the_same_bits(tmp_path: Path, members: int):
    options = {**SMALL, "transpose": 3, "members": members, "updates": 16}
    expected = MusicModel(**options).fit(pieces())

    def stop(share: float) -> None:
        if share > 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        MusicModel(**options).fit(pieces(), on_progress=stop, checkpoint=tmp_path)
    resumed = MusicModel(**options).fit(pieces(), checkpoint=tmp_path, resume=tmp_path)
    for found, network in zip(resumed.networks_, expected.networks_, strict=True):
        np.testing.assert_array_equal(found.theta, network.theta)
    again = MusicModel(**options).fit(pieces(), resume=tmp_path)
    np.testing.assert_array_equal(again.networks_[0].theta, expected.networks_[0].theta)


@pytest.mark.parametrize(
    ("options", "data", "message"),
    [
        ({}, pieces(5), "resume: expected the pieces and validation of the checkpoints in .*, got others"),
        ({"updates": 7}, pieces(), "resume: expected the options of the checkpoints in .*, got others"),
    ],
)
def test_checkpoints_of_other_pieces_or_options_are_refused(
    tmp_path: Path, options: dict[str, Any], data: list[np.ndarray], message: str
):
    MusicModel(**SMALL).fit(pieces(), checkpoint=tmp_path)
    with pytest.raises(ValueError, match=message):
        MusicModel(**{**SMALL, **options}).fit(data, resume=tmp_path)


def test_the_progress_ends_at_one():
    told: list[float] = []
    MusicModel(members=2, **SMALL).fit(pieces(), on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_pieces_that_are_held_out_are_not_learned_from():
    """Ten pieces or more: whole ones; fewer: the end of each."""
    many = MusicModel(**SMALL).fit(pieces(20))
    assert many.validation_ is not None
    assert (many.validation_.pieces, many.validation_.steps) == (2, 2 * 31)
    few = MusicModel(**SMALL, validation_fraction=0.25).fit(pieces(4))
    assert few.validation_ is not None
    assert (few.validation_.pieces, few.validation_.steps) == (4, 4 * 8)
    assert MusicModel(**SMALL, validation_fraction=0.0).fit(pieces()).validation_ is None
    given = MusicModel(**SMALL).fit(pieces(2), validation=pieces(3)[2])
    assert given.validation_ == given.score(pieces(3)[2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_size": 0}, "hidden_size: expected a whole number"),
        ({"cell": "grue"}, "cell: expected one of"),
        ({"joint": 1}, "joint: expected True or False"),
        ({"dropout": 1.0}, "dropout: expected a finite number"),
        ({"steps_per_beat": 97}, "steps_per_beat: expected a whole number"),
        ({"transpose": -1}, "transpose: expected a whole number"),
        ({"learning_rate": 0.0}, "learning_rate: expected a finite number"),
    ],
)
def test_options_that_no_fit_takes_are_refused_before_data_are_read(options: dict[str, Any], message: str):
    with pytest.raises((ValueError, TypeError), match=message):
        MusicModel(**options).fit("no such file")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "pieces: expected at least one piece"),
        (np.zeros((1, 88), bool), "pieces: expected one of at least two steps"),
        (np.zeros((5, 80), bool), r"keys: expected shape \(T, 88\)"),
        (3, "pieces: expected a piano roll or a MIDI file, got 3"),
        ([PianoRoll(np.zeros((5, 88), bool), 4)], r"pieces\[0\]: expected a roll of 2 steps a beat"),
    ],
)
def test_what_is_no_music_is_refused(data: Any, message: str):
    with pytest.raises((ValueError, TypeError), match=message):
        MusicModel(**SMALL).fit(data)


def test_what_needs_a_fit_says_so():
    for use in (lambda own: own.predict(pieces()[0]), lambda own: own.score(pieces()), lambda own: own.generate(4)):
        with pytest.raises(NotFittedError, match="MusicModel: expected fit to be called before"):
            use(MusicModel())


# ------------------------------------------------------------------------------------------- folders of files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pytest.importorskip("mido")
    (tmp_path / "in").mkdir()
    for i, keys in enumerate(pieces()):
        path = tmp_path / ("in" if i else "") / f"{i}.mid"
        PianoRoll(keys, 2, 100.0 + i).write_midi(path)
    return tmp_path


def test_a_folder_of_files_is_its_pieces(folder: Path):
    found = MusicModel(**SMALL).fit(folder)
    expected = MusicModel(**SMALL).fit([pieces()[i] for i in (0, 1, 2, 3)])
    np.testing.assert_array_equal(found.networks_[0].theta, expected.networks_[0].theta)
    assert found.tempo_ == pytest.approx(101.5, rel=1e-5)
    assert found.generate(4).tempo == found.tempo_
    assert found.score(folder / "0.mid") == found.score(pieces()[0])


def test_a_bad_file_is_an_error_or_left_out_and_told(folder: Path):
    (folder / "bad.mid").write_bytes(b"MThd")
    with pytest.raises(DataError, match=r"bad\.mid: ends within a message"):
        MusicModel(**SMALL).fit(folder)
    with pytest.warns(DataNotice, match=r"left out: .*bad\.mid: ends within a message"):
        found = MusicModel(**SMALL, skip_bad=True).fit(folder)
    assert len(found.notes_) == 1
    with pytest.raises(
        DataError, match="pieces: expected at least one piece, all of 1 file are bad, the first left out"
    ):
        MusicModel(**SMALL, skip_bad=True).fit(folder / "bad.mid")
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: holds no MIDI files \(\.mid, \.midi\)"):
        MusicModel(**SMALL).fit(folder / "empty")


# ------------------------------------------------------------------------------------------------------- files


@each_kind
def test_a_saved_model_is_the_same(models: dict[bool, MusicModel], joint: bool, tmp_path: Path):
    model = models[joint]
    model.save(tmp_path / "first")
    loaded = elman.load(tmp_path / "first")
    assert type(loaded) is MusicModel
    loaded.save(tmp_path / "again")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "again").read_bytes()
    assert loaded.get_params() == model.get_params()
    assert (loaded.validation_, loaded.baselines_, loaded.figures_) == (
        model.validation_,
        model.baselines_,
        model.figures_,
    )
    np.testing.assert_array_equal(loaded.predict(pieces()[0]), model.predict(pieces()[0]))
    np.testing.assert_array_equal(loaded.generate(9, seed=3).keys, model.generate(9, seed=3).keys)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joint": False}, "networks: expected those of the options, got others"),
        ({"members": 2}, "networks: expected those of the options, got others"),
        ({"hidden_size": 9}, "networks: expected those of the options, got others"),
        ({"beats_per_bar": 3}, "networks: expected those of the options, got others"),
        ({"cell": "none"}, "cell: expected one of"),
    ],
)
def test_an_altered_file_is_refused(
    models: dict[bool, MusicModel], change: dict[str, Any], message: str, tmp_path: Path
):
    models[True].save(tmp_path / "f")
    kind, description, tensors = io.read(tmp_path / "f")
    io.write(tmp_path / "f", kind, {**description, "options": description["options"] | change}, tensors)
    with pytest.raises(elman.FileError, match=message):
        elman.load(tmp_path / "f")


def test_weights_that_are_no_numbers_are_refused(models: dict[bool, MusicModel], tmp_path: Path):
    """Before anything is drawn by them, which might not end."""
    for model in models.values():
        model.save(tmp_path / "f")
        broken = elman.load(tmp_path / "f")
        broken.networks_[0].theta = np.full_like(broken.networks_[0].theta, np.nan)
        for use in (broken.predict, broken.marginals, broken.score):
            with pytest.raises(ValueError, match="finite"):
                use(pieces()[0])
        with pytest.raises(ValueError, match="model: expected weights that give finite outputs"):
            broken.generate(2)


@each_kind
def test_marginals_add_the_chances_of_all_chords(joint: bool):
    """Of sixteen chords of four keys, one by one; with fewer particles about the same."""
    model = MusicModel(joint=joint, **SMALL).fit(pieces())
    some = [30, 34, 40, 41]
    model.networks_[0].parameters["head.bias"][np.setdiff1d(np.arange(88), some)] = -1e9
    before, expected = pieces()[0][:5], np.zeros(88)
    for chord in itertools.product([False, True], repeat=4):
        keys = np.concatenate([before, np.zeros((1, 88), bool)])
        keys[-1, some] = chord
        expected[keys[-1]] += np.exp(-nll(keys, model.predict(keys))[-1])
    keys = np.concatenate([before, np.zeros((1, 88), bool)])
    np.testing.assert_allclose(model.marginals(keys, particles=2**14)[-1], expected, atol=2e-4)
    np.testing.assert_allclose(model.marginals(keys, particles=32)[-1], expected, atol=0.05)


@pytest.mark.parametrize("name", CHECKS)
def test_checks_of_scikit_learn(name: str):
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    getattr(checks, name)("MusicModel", MusicModel(**SMALL))


def test_a_fit_that_ends_in_an_error_leaves_the_model_as_it_was(models: dict[bool, MusicModel]):
    model = MusicModel(**SMALL).fit(pieces())
    before = json.dumps(model.networks_[0].theta.tolist())
    with warnings.catch_warnings(), pytest.raises(ZeroDivisionError):
        model.fit(pieces(5), on_progress=lambda share: 1 / 0)
    assert json.dumps(model.networks_[0].theta.tolist()) == before
