"""EncoderDecoder: what it learns, scores and writes is what its network says; its options, its files, bad input."""

from __future__ import annotations

import copy
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_estimators import CHECKS

import elman
from elman import EncoderDecoder, datasets
from elman.estimators.base import NotFittedError
from elman.pieces.symbols import Symbols, learned_pieces
from elman.seq2seq import edit_distance
from elman.seq2seq.baselines import frequent_target, nearest_targets
from elman.seq2seq.measures import compared
from elman.seq2seq.report import parted, report
from elman.seq2seq.training import held_out_rows
from elman.series.errors import DataError

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
QUICK: dict[str, Any] = {"level": ("words", "characters"), "hidden_size": 8, "updates": 12, "batch_size": 16}
LEARNING: dict[str, Any] = {"hidden_size": 40, "updates": 500, "batch_size": 32, "learning_rate": 8e-3, "dropout": 0.0}


def numbers(n: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Digits in words, and the digits backwards."""
    rng = np.random.default_rng(seed)
    digits = [rng.integers(10, size=rng.integers(1, 5)) for _ in range(n)]
    return [" ".join(WORDS[d] for d in each) for each in digits], ["".join(map(str, each[::-1])) for each in digits]


SOURCES, TARGETS = numbers(200)


@pytest.fixture(scope="module")
def quick() -> EncoderDecoder:
    return EncoderDecoder(**QUICK).fit(SOURCES, TARGETS)


@pytest.fixture(scope="module")
def learned() -> EncoderDecoder:
    return EncoderDecoder(**(QUICK | LEARNING), label_smoothing=0.0).fit(*numbers(1000))


# ------------------------------------------------------------------------------------------- learning


def test_it_learns_to_read_words_and_write_digits_backwards(learned: EncoderDecoder):
    sources, targets = numbers(100, seed=9)
    score = learned.score(sources, targets)
    assert score.exact_match > 0.9
    assert score.loss < 0.1
    assert score.bleu is None
    assert learned.predict(["one two three"]) == ["321"]
    weights = learned.align("one two three", "321").weights
    assert weights.argmax(axis=1)[:3].tolist() == [2, 1, 0]


@pytest.mark.parametrize("attention", ["general", "dot", "additive", None])
@pytest.mark.parametrize("cell", ["gru", "lstm", "tanh"])
def test_every_attention_and_cell_trains(attention: str | None, cell: str):
    options = QUICK | {"updates": 60, "learning_rate": 0.02, "num_layers": 2, "dropout": 0.1}
    model = EncoderDecoder(**options, attention=attention, cell=cell).fit(SOURCES, TARGETS)
    assert model.validation_losses_[-1] < 0.9 * math.log(11)
    assert len(model.predict(SOURCES[:3])) == 3
    if attention is None:
        with pytest.raises(ValueError, match="attention: expected a model with an attention"):
            model.align("one", "1")


def test_the_epoch_with_the_lowest_validation_loss_is_kept_by_plain_cross_entropy():
    rng = np.random.default_rng(0)
    noise = ["".join(rng.choice(list("abcd"), 6)) for _ in range(60)]
    options: dict[str, Any] = {"level": "characters", "hidden_size": 32, "updates": 200, "batch_size": 16}
    options |= {"learning_rate": 0.03, "dropout": 0.0, "validation_fraction": 0.3, "label_smoothing": 0.1}
    model = EncoderDecoder(**options).fit(noise, noise[::-1])
    assert model.validation_losses_[-1] > model.validation_losses_.min()
    held = held_out_rows(60, 0.3, 0)
    loss = model.loss([noise[i] for i in held], [noise[::-1][i] for i in held])
    assert loss == pytest.approx(model.validation_losses_.min(), rel=1e-6)


def test_validation_pairs_may_be_given():
    own = EncoderDecoder(**(QUICK | {"updates": 26})).fit(SOURCES, TARGETS, validation=numbers(30, seed=3))
    assert own.loss(*numbers(30, seed=3)) == pytest.approx(own.validation_losses_.min(), rel=1e-6)
    assert own.history_.updates[-1] == 26  # two passes over 200 pairs, none of them held out


@pytest.mark.parametrize(("updates", "epochs", "done"), [(3, 1, 3), (12, 1, 12), (30, 2, 24), (31, 3, 36)])
def test_a_budget_is_whole_passes_or_some_of_the_pairs(updates: int, epochs: int, done: int):
    model = EncoderDecoder(**(QUICK | {"updates": updates})).fit(SOURCES, TARGETS)  # 190 pairs train: 12 updates
    assert (len(model.losses_), model.history_.updates[-1]) == (epochs, done)


def test_a_training_goes_on_to_the_same_bits(tmp_path: Path):
    options = QUICK | {"updates": 48}
    whole = EncoderDecoder(**options).fit(SOURCES, TARGETS)

    def stop(trainer: elman.Trainer) -> None:
        if trainer.epochs == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        EncoderDecoder(**options).fit(SOURCES, TARGETS, checkpoint=tmp_path, every=7, callback=stop)
    again = EncoderDecoder(**options).fit(SOURCES, TARGETS, checkpoint=tmp_path, resume=tmp_path)
    assert (again.network_.theta == whole.network_.theta).all()
    with pytest.raises(ValueError, match="y was"):
        EncoderDecoder(**options).fit(SOURCES, [text[::-1] for text in TARGETS], resume=tmp_path)


def test_threads_give_the_same_bits():
    before, thetas = elman.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            elman.set_num_threads(threads)
            model = EncoderDecoder(**(QUICK | {"batch_size": 50})).fit(SOURCES, TARGETS)
            thetas.append((model.network_.theta.tobytes(), model.predict(SOURCES[:9], beam_size=3)))
    finally:
        elman.set_num_threads(before)
    assert thetas[0] == thetas[1] == thetas[2]


def test_partial_fit_goes_on_with_the_vocabularies_it_has(quick: EncoderDecoder):
    own = copy.deepcopy(quick).set_params(learning_rate=0.01)
    before = own.loss(SOURCES, TARGETS)
    own.partial_fit(SOURCES, TARGETS)
    assert own.loss(SOURCES, TARGETS) < before == quick.loss(SOURCES, TARGETS)
    with pytest.raises(DataError, match=r"sources\[1\]: expected words of the training data, got 'ten'"):
        own.partial_fit(["one", "ten"], ["1", "0"])
    assert EncoderDecoder(**QUICK).partial_fit(SOURCES, TARGETS).losses_.size == 1


def test_pairs_that_are_too_long_are_not_learned_from():
    model = EncoderDecoder(**QUICK, max_length=2, validation_fraction=0.0).fit(SOURCES, TARGETS)
    assert model.longest_ == 2
    with pytest.raises(DataError, match="max_length: expected pairs of at most 1 pieces, got none"):
        EncoderDecoder(**QUICK, max_length=1, validation_fraction=0.0).fit(["one two"] * 4, ["12"] * 4)


def test_shared_and_tied_tables():
    sources = ["".join(t) for t in TARGETS]
    options = QUICK | {"level": "characters"}
    plain = EncoderDecoder(**options).fit(sources, TARGETS)
    shared = EncoderDecoder(**options, shared=True, tied=True).fit(sources, TARGETS)
    parameters = shared.network_.parameters
    assert shared.source_ == shared.target_
    assert [name for name in parameters if parameters[name].shape == (11, 8)] == ["source_pieces.weight"]
    assert plain.network_.num_parameters - shared.network_.num_parameters == 10 * 8 + 11 * 8
    with pytest.raises(ValueError, match="shared: expected sources and targets of one level"):
        EncoderDecoder(**QUICK, shared=True).fit(SOURCES, TARGETS)


# -------------------------------------------------------------------------------------------- writing


def test_a_loss_is_the_mean_surprise_at_each_piece_and_the_end(quick: EncoderDecoder):
    """Each piece by the network itself, one source at a time."""
    nats, count = 0.0, 0
    for source, target in zip(SOURCES[:5], TARGETS[:5], strict=True):
        ids, mark = quick.target_.encode(target), quick.target_.size
        x = {"x": np.array([[mark, *ids]]), "source": quick.source_.encode(source)[None]}
        logits = quick.network_.predict(x)[0].astype(np.float64)
        logits -= np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        nats -= logits[np.arange(len(ids) + 1), [*ids, mark]].sum()
        count += len(ids) + 1
    assert quick.loss(SOURCES[:5], TARGETS[:5]) == pytest.approx(nats / count, rel=1e-5)


def test_translations_have_the_probability_that_the_loss_gives_them(learned: EncoderDecoder):
    for one in learned.translate(SOURCES[:3], beam_size=3):
        source = SOURCES[[each.target for each in learned.translate(SOURCES[:3], beam_size=3)].index(one.target)]
        nats = learned.loss([source], [one.target]) * (len(one.pieces) + 1)
        assert one.ended
        assert -one.log_probability == pytest.approx(nats, rel=1e-4, abs=1e-5)
        assert one.pieces == list(one.target)


def test_a_row_alone_is_a_row_among_others(learned: EncoderDecoder):
    assert learned.predict(SOURCES[:7], beam_size=2) == [learned.predict([one], beam_size=2)[0] for one in SOURCES[:7]]


def test_several_hypotheses_and_attention(learned: EncoderDecoder):
    rows, attentions = learned.predict(SOURCES[:4], n_best=3, return_attention=True)
    assert [len(row) for row in rows] == [3] * 4
    assert [row[0] for row in rows] == learned.predict(SOURCES[:4], beam_size=3)
    targets, weights = learned.predict(SOURCES[:4], return_attention=True)
    for source, target, shares in zip(SOURCES[:4], targets, weights, strict=True):
        assert shares.shape == (len(target) + 1, len(source.split()))
        np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-5)
        np.testing.assert_allclose(shares, learned.align(source, target).weights, rtol=1e-3, atol=1e-4)
    assert len(attentions[0]) == 3


def test_a_target_is_cut_off_where_it_is_too_long(learned: EncoderDecoder):
    one = learned.translate(["one two three"], max_length=1)[0]
    assert (one.target, one.ended) == ("3", False) or len(one.target) <= 2


# --------------------------------------------------------------------------------- kinds of sources


def test_tokens_of_ones_own():
    sources = [list(source) for source in TARGETS]
    targets = [[int(d) for d in target] for target in TARGETS]
    model = EncoderDecoder(**(QUICK | {"level": "tokens"})).fit(sources, targets)
    found = model.predict(sources[:3])
    assert all(isinstance(row, list) and all(type(token) is int for token in row) for row in found)
    assert model.score(sources[:3], targets[:3]).unit == "token"
    with pytest.raises(TypeError, match=r"sources\[0\]: expected a list of tokens \(level='tokens'\), got '1'"):
        model.predict(["1"])


def test_frames_and_vectors():
    rng = np.random.default_rng(0)
    frames = [np.repeat(np.eye(10)[list(map(int, target))] * 5 + 3, 2, axis=0) for target in TARGETS]
    options = QUICK | {"level": "characters", "updates": 300, "learning_rate": 0.02, "hidden_size": 24}
    model = EncoderDecoder(**options, dropout=0.0).fit(frames, TARGETS)
    assert model.score(frames, TARGETS).exact_match > 0.8
    assert model.align(frames[0], TARGETS[0]).source[0] == "0"
    vectors = rng.normal(size=(200, 4))
    words = [" ".join("high" if number > 0 else "low" for number in row) for row in vectors]
    model = EncoderDecoder(**(options | {"level": "words"}), dropout=0.0).fit(vectors, words)
    assert model.attention == "general"
    score = model.score(vectors, words)
    assert score.exact_match > 0.6
    assert score.exact_match > 5 * np.mean([word == frequent_target(words, 1)[0] for word in words])
    with pytest.raises(TypeError, match="sources: expected vectors as in training"):
        model.predict(["high"])
    with pytest.raises(ValueError, match=r"sources\[0\]: expected \(D,\), D = 4"):
        model.predict(vectors[:, :3])
    with pytest.raises(DataError, match=r"sources\[1\]: expected finite numbers, got nan at \(2,\)"):
        model.predict(np.array([[0.0] * 4, [0.0, 0.0, np.nan, 0.0]]))


def test_subwords_need_no_policy(tmp_path: Path):
    pytest.importorskip("tokenizers")
    texts = ["the quick brown fox", "jumps over the lazy dog"] * 20
    model = EncoderDecoder(**(QUICK | {"level": "subwords", "vocabulary_size": 300}), shared=True).fit(texts, texts)
    assert model.source_.decode(model.source_.encode("dög  漢 the")) == "dög  漢 the"
    assert model.target_.shown(model.target_.encode("the fox"))[0] == "the"
    model.save(tmp_path / "m.safetensors")
    assert elman.load(tmp_path / "m.safetensors").predict(["the dög"]) == model.predict(["the dög"])


# ------------------------------------------------------------------------------------------- policies


def test_the_policy_for_unknown_pieces_is_stated(quick: EncoderDecoder):
    with pytest.raises(DataError, match=r"sources\[1\]: expected words of the training data, got 'ten'; unknown="):
        quick.predict(["one", "two ten"])
    with pytest.raises(ValueError, match="unknown: expected '<unk>' or 'skip' for the 5 of 10 words"):
        EncoderDecoder(**QUICK, vocabulary_size=5).fit(SOURCES, TARGETS)
    skipping = EncoderDecoder(**QUICK, unknown="skip").fit(SOURCES, TARGETS)
    assert skipping.predict(["one ten two"]) == skipping.predict(["one two"])
    with pytest.raises(DataError, match=r"sources\[0\]: expected at least one piece \(words\), got 'ten'"):
        skipping.predict(["ten"])
    taking = EncoderDecoder(**QUICK, unknown="<unk>").fit(SOURCES, TARGETS)
    assert taking.predict(["ten"]) == taking.predict(["eleven"])


def test_rare_pieces_are_unknown_ones():
    found = learned_pieces(["a a b", "b c"], "words", 9, 2, "<unk>")
    assert found == Symbols("words", ("a", "b"), "<unk>")
    assert found.encode("a c b").tolist() == [0, 2, 1]
    assert found.decode(np.array([0, 2])) == "a <unk>"


# ------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("sources", "targets", "error", "message"),
    [
        (["one", ""], ["1", "2"], DataError, r"sources\[1\]: expected at least one piece \(words\), got ''"),
        (["one", "  "], ["1", "2"], DataError, r"sources\[1\]: expected at least one piece"),
        (["one"], ["1", "2"], ValueError, "targets: expected 1, one for each source, got 2"),
        ([], [], DataError, "sources: expected at least one, got none"),
        ("one", "1", TypeError, "sources: expected a list with one source each, got 'one'"),
        (["one", 5], ["1", "2"], TypeError, r"sources: expected a str \(level='words'\), got 5"),
        (["one", "two"], ["1", None], TypeError, r"targets: expected a str \(level='characters'\), got None"),
        ([np.zeros((0, 2)), np.zeros((3, 2))], ["1", "2"], DataError, r"sources\[0\]: expected at least one step"),
        ([np.zeros((2, 2)), np.zeros((3, 4))], ["1", "2"], ValueError, r"sources\[1\]: expected \(T, D\), D = 2"),
    ],
)
def test_bad_pairs_are_named(sources: Any, targets: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        EncoderDecoder(**QUICK).fit(sources, targets)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "sentences"}, "level: expected one of"),
        ({"level": ("words",)}, "level: expected one of"),
        ({"attention": "concat"}, "attention: expected one of"),
        ({"label_smoothing": 1.0}, "label_smoothing: expected a finite number"),
        ({"unknown": "keep"}, "unknown: expected one of"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], message: str):
    with pytest.raises((TypeError, ValueError), match=message):
        EncoderDecoder(**(QUICK | options)).fit(SOURCES, TARGETS)


def test_an_empty_target_is_one_that_ends_at_once():
    model = EncoderDecoder(**(QUICK | LEARNING | {"updates": 60}), validation_fraction=0.0)
    model.fit(["one", "two"] * 40, ["", "2"] * 40)
    assert model.predict(["one", "two"]) == ["", "2"]


# -------------------------------------------------------------------------------------------- options


@pytest.mark.parametrize("name", CHECKS)
def test_checks_of_scikit_learn(name: str):
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    getattr(checks, name)("EncoderDecoder", EncoderDecoder(**QUICK))


def test_it_is_fitted_once_it_has_learned(quick: EncoderDecoder):
    with pytest.raises(NotFittedError, match="EncoderDecoder: expected fit to be called before"):
        EncoderDecoder().predict(["one"])
    assert pickle.loads(pickle.dumps(quick)).predict(SOURCES[:5]) == quick.predict(SOURCES[:5])
    clone = pytest.importorskip("sklearn.base").clone(quick)
    assert clone.get_params() == quick.get_params()
    assert not clone.__sklearn_is_fitted__()


@pytest.mark.parametrize("kind", ["texts", "frames"])
def test_a_saved_model_writes_the_same(kind: str, tmp_path: Path):
    rng = np.random.default_rng(0)
    sources: Any = SOURCES if kind == "texts" else [rng.normal(size=(rng.integers(1, 6), 3)) for _ in TARGETS]
    model = EncoderDecoder(**QUICK, num_layers=2).fit(sources, TARGETS)
    model.save(tmp_path / "m.safetensors")
    loaded = elman.load(tmp_path / "m.safetensors")
    assert loaded.predict(sources[:9]) == model.predict(sources[:9])
    assert loaded.score(sources[:9], TARGETS[:9]) == model.score(sources[:9], TARGETS[:9])
    assert loaded.get_params() | {"level": None} == model.get_params() | {"level": None}
    loaded.save(tmp_path / "again.safetensors")
    assert (tmp_path / "m.safetensors").read_bytes() == (tmp_path / "again.safetensors").read_bytes()


# ----------------------------------------------------------------------------------- measures, baselines


def test_edit_distances_are_those_of_the_recursion():
    def slow(a: str, b: str) -> int:
        if not a or not b:
            return len(a) + len(b)
        return min(slow(a[1:], b) + 1, slow(a, b[1:]) + 1, slow(a[1:], b[1:]) + (a[0] != b[0]))

    rng = np.random.default_rng(0)
    for _ in range(60):
        a, b = ("".join(rng.choice(list("abc"), rng.integers(0, 7))) for _ in range(2))
        assert edit_distance(a, b) == slow(a, b)
    assert edit_distance("kitten", "sitting") == 3


def test_scores_by_hand():
    found = compared(["a b", "c"], ["a  b d", "c"], "words")
    assert (found.exact_match, found.error_rate, found.pieces, found.unit) == (0.5, 0.25, 4, "word")
    found = compared(["ab"], ["b"], "characters")
    assert (found.error_rate, found.bleu) == (1.0, None)


def test_bleu_is_sacrebleus():
    library = pytest.importorskip("sacrebleu")
    written, true = ["a man rides a horse .", "two dogs run"], ["a man is riding a horse .", "two dogs run fast"]
    expected = library.corpus_bleu(written, [true], tokenize="none", force=True).score
    assert compared(written, true, "words").bleu == pytest.approx(expected)


def test_the_nearest_source_is_the_one_with_most_in_common():
    known = ["a red house", "a blue car", "the red car"]
    asked = ["the red bus", "one blue car", "unlike"]
    assert nearest_targets(known, ["h", "b", "r"], asked, "words") == ["r", "b", "h"]
    assert nearest_targets(np.eye(3), ["x", "y", "z"], np.array([[0.1, 0.2, 0.9]]), None) == ["z"]
    assert frequent_target(["a", "b", "b"], 2) == ["b", "b"]


def test_a_report_scores_the_pairs_that_were_held_out(learned: EncoderDecoder):
    pairs = numbers(1000)
    (sources, held), (targets, wanted) = (parted(learned, values) for values in pairs)
    found = report(learned, (sources, targets), (held, wanted))
    assert (found.learned, found.held_out) == (950, 50)
    assert found.loss == pytest.approx(learned.validation_losses_.min(), rel=1e-5)
    assert set(found.baselines) == {"most frequent target", "target of the nearest source"}
    assert found.model.error_rate < 0.1 < found.baselines["most frequent target"].error_rate


def test_written_dates_are_the_dates_they_say():
    sources, targets = datasets.written_dates(50, seed=1)
    assert sources == datasets.written_dates(50, seed=1)[0]
    for source, target in zip(sources, targets, strict=True):
        year, _, day = target.split("-")
        assert year in source
        assert str(int(day)) in source


def test_a_picture_of_an_alignment(learned: EncoderDecoder, tmp_path: Path):
    pytest.importorskip("matplotlib")
    path = learned.align("one two three", "321").plot(tmp_path / "a.png")
    assert path.read_bytes().startswith(b"\x89PNG")
