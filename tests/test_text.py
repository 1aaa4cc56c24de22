"""LanguageModel: what it scores is what its network says, what it writes is what its stream draws, and its files."""

from __future__ import annotations

import copy
import math
import pickle
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_estimators import CHECKS

import elman
from elman import LanguageModel, datasets
from elman.estimators.base import NotFittedError
from elman.text import baselines, training
from elman.text.encoding import encoded
from elman.text.report import report
from elman.text.source import as_source
from elman.text.vocabulary import Bytes, Characters

TEXT = "the quick brown fox jumps over the lazy dog\n" * 40
QUICK: dict[str, Any] = {"hidden_size": 12, "updates": 30, "batch_size": 4, "window": 16, "learning_rate": 0.03}


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return LanguageModel(**QUICK, validation_fraction=0.1).fit(TEXT)


# ------------------------------------------------------------------------------------------- learning


def test_it_learns_what_is_regular():
    learned = LanguageModel(**(QUICK | {"updates": 250, "hidden_size": 24}), dropout=0.0).fit(TEXT)
    assert learned.score(TEXT).bits_per_character < 0.3 < 3 < learned.score(TEXT[::-1]).bits_per_character
    assert learned.generate("the quick ", 33, temperature=0.0) == "brown fox jumps over the lazy dog"


def test_rows_are_the_text_cut_and_their_targets_what_follows():
    ids = np.arange(103, dtype=np.uint8)
    x, y = training.rows_of("text", ids, 4, 10)
    assert x.shape == (4, 25)
    assert (y == x + 1).all()
    assert x.base is y.base is ids
    assert (x.ravel() == np.arange(100)).all()
    assert training.rows_of("text", ids, 32, 30).x.shape == (3, 34)  # fewer rows, none shorter than a window


def test_the_end_is_held_out():
    known, held_out = training.cut(np.arange(100), 0.1)
    assert held_out is not None
    assert known.tolist() == [*range(90)]
    assert held_out.tolist() == [*range(89, 100)]
    assert training.cut(np.arange(100), 0.0)[1] is None


def test_the_epoch_with_the_lowest_validation_loss_is_kept():
    overtrained = QUICK | {"hidden_size": 32, "updates": 200, "learning_rate": 0.05, "dropout": 0.0}
    noise = "".join(np.random.default_rng(0).choice(list("abcdef"), 600))
    found = LanguageModel(**overtrained, validation_fraction=0.3).fit(noise)
    ids = encoded("text", as_source("text", noise, "utf-8"), found.vocabulary_)
    held_out = training.cut(ids, 0.3)[1]
    x, y = training.rows_of("validation", held_out, 4, 16)
    best = found.network_.loss(x, y, loss="cross_entropy")
    assert best == pytest.approx(found.validation_losses_.min(), rel=1e-6)
    assert found.validation_losses_[-1] > found.validation_losses_.min()


@pytest.mark.parametrize(
    ("updates", "epochs", "done"), [(1, 1, 1), (10, 1, 10), (27, 1, 27), (30, 1, 27), (60, 2, 54), (100, 4, 108)]
)
def test_a_budget_is_whole_passes_or_the_first_part_of_each_row(updates: int, epochs: int, done: int):
    found = LanguageModel(**(QUICK | {"updates": updates})).fit(TEXT)
    assert (len(found.losses_), found.history_.updates[-1]) == (epochs, done)


def test_a_training_goes_on_to_the_same_bits(tmp_path: Path):
    options = QUICK | {"updates": 104}
    whole = LanguageModel(**options).fit(TEXT)

    def stop(trainer: elman.Trainer) -> None:
        if trainer.epochs == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LanguageModel(**options).fit(TEXT, checkpoint=tmp_path, every=10, callback=stop)
    again = LanguageModel(**options).fit(TEXT, checkpoint=tmp_path, resume=tmp_path)
    assert (again.network_.theta == whole.network_.theta).all()
    with pytest.raises(ValueError, match="x was"):
        LanguageModel(**options).fit(TEXT.replace("fox", "cat"), resume=tmp_path)


def test_partial_fit_goes_on_with_the_vocabulary_it_has(model: LanguageModel):
    other = LanguageModel(**QUICK)
    other.vocabulary_, other.network_ = model.vocabulary_, model.network_.copy()
    other.losses_ = other.validation_losses_ = np.zeros(1)
    before = other.score(TEXT).nats
    other.partial_fit(TEXT)
    assert other.score(TEXT).nats < before == model.score(TEXT).nats
    with pytest.raises(ValueError, match="got 'é'"):
        other.partial_fit("é" + TEXT)
    assert LanguageModel(**QUICK).partial_fit(TEXT).network_.theta.any()


# -------------------------------------------------------------------------------------------- scoring


@pytest.mark.parametrize("text", [TEXT[:500], "dog", TEXT[5:7]])
def test_a_score_is_the_surprise_at_each_character_after_those_before(model: LanguageModel, text: str):
    stream, nats = model.network_.stream(), 0.0
    ids = model.vocabulary_.encode(text)
    for now, then in pairwise(ids):
        logits = stream.step(np.array(now)).astype(np.float64)
        nats += np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[then]
    score = model.score(text)
    assert score.nats == pytest.approx(nats, rel=1e-5)
    assert (score.pieces, score.characters, score.unit) == (len(text) - 1, len(text) - 1, "character")
    assert score.bits_per_character == pytest.approx(score.nats_per_character / math.log(2))
    assert score.perplexity == pytest.approx(math.exp(score.nats / score.pieces))


def test_bytes_are_scored_by_byte():
    found = LanguageModel(**QUICK, level="bytes").fit(TEXT)
    assert found.score("dög").pieces == 3
    assert found.score("dög".encode()) == found.score("dög")
    assert isinstance(found.generate(length=7), bytes)


def test_a_model_that_adapts_foresees_each_window_before_it_learns_from_it(model: LanguageModel):
    text, theta = TEXT[7:107], model.network_.theta.copy()
    first = model.adapt(text, window=200, learning_rate=0.01)  # one window: scored as it is
    assert first.nats == pytest.approx(model.score(text).nats, rel=1e-6)
    adapted = model.adapt(TEXT, window=20, learning_rate=0.01)
    assert adapted.nats < 0.9 * model.score(TEXT).nats
    assert (model.network_.theta == theta).all()
    # The truth of its first two windows: the second is foreseen with the weights after the first update.
    model = LanguageModel(**QUICK, dropout=0.0).fit(TEXT)
    ids = model.vocabulary_.encode(text)
    network = model.network_.copy()
    trainer = elman.Trainer(network, loss="cross_entropy", optimizer=elman.optim.Adam(0.01), clip_norm=1.0)
    state = network.predict(ids[:60], return_state=True)[1]
    nats = 60 * trainer.update(ids[:60], ids[1:61])
    nats += 39 * network.loss(ids[60:99], ids[61:], loss="cross_entropy", state=state)
    assert model.adapt(text, window=60, learning_rate=0.01).nats == pytest.approx(nats, rel=1e-5)


def test_what_was_adapted_is_kept_where_that_is_asked():
    own = LanguageModel(**QUICK).fit(TEXT)
    before = own.score(TEXT).nats
    own.adapt(TEXT, learning_rate=0.01, keep=True)
    assert own.score(TEXT).nats < before


# -------------------------------------------------------------------------------------------- writing


def test_the_same_text_at_once_and_piece_by_piece(model: LanguageModel):
    how: dict[str, Any] = {"temperature": 0.8, "top_k": 9, "top_p": 0.95, "seed": 4}
    pieces = list(model.stream("the ", 50, **how))
    assert "".join(piece.text for piece in pieces) == model.generate("the ", 50, **how)
    assert model.generate("the ", 50, **how) != model.generate("the ", 50, **{**how, "seed": 5})
    network = model.network_
    logits = network.predict(model.vocabulary_.encode("the "))[-1].astype(np.float64)
    np.testing.assert_allclose(pieces[0].probabilities, np.exp(logits) / np.exp(logits).sum(), rtol=1e-5)
    assert pieces[0].probability == pieces[0].probabilities[pieces[0].id]


def test_a_long_prompt_is_read_in_parts(model: LanguageModel, monkeypatch: pytest.MonkeyPatch):
    whole = model.generate(TEXT[:100], 20)
    monkeypatch.setattr("elman.text.generation.AT_ONCE", 7)
    assert model.generate(TEXT[:100], 20) == whole


def test_no_prompt_begins_as_after_a_line_feed(model: LanguageModel):
    assert model.generate("", 30) == model.generate("\n", 30)
    assert Characters("abc").start == 0
    assert Characters(" abc").start == 0
    assert Bytes().start == 10


def test_a_stream_has_no_end_of_its_own(model: LanguageModel):
    stream = model.stream()
    assert len([next(stream) for _ in range(700)]) == 700


# -------------------------------------------------------------------------------------------- options


@pytest.mark.parametrize("name", CHECKS)
def test_checks_of_scikit_learn(name: str):
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    getattr(checks, name)("LanguageModel", LanguageModel(**QUICK))


def test_it_is_fitted_once_it_has_learned(model: LanguageModel):
    with pytest.raises(NotFittedError, match="LanguageModel: expected fit to be called before"):
        LanguageModel().generate()
    assert pickle.loads(pickle.dumps(model)).generate("the ", 20) == model.generate("the ", 20)
    assert copy.deepcopy(model).score(TEXT) == model.score(TEXT)


# ---------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("level", ["characters", "bytes"])
def test_a_saved_model_writes_the_same(level: str, tmp_path: Path):
    found = LanguageModel(**QUICK, level=level).fit(TEXT)
    found.save(tmp_path / "m.safetensors")
    loaded = elman.load(tmp_path / "m.safetensors")
    assert loaded.generate("the ", 40) == found.generate("the ", 40) if level == "characters" else True
    assert loaded.score(TEXT) == found.score(TEXT)
    assert loaded.get_params() == found.get_params()
    loaded.save(tmp_path / "again.safetensors")
    assert (tmp_path / "m.safetensors").read_bytes() == (tmp_path / "again.safetensors").read_bytes()


# ------------------------------------------------------------------------------------------ baselines


def test_an_n_gram_model_is_a_distribution_and_the_witten_bell_estimate():
    """p(b | a) after 'aababb' in known: contexts and counts by hand."""
    known = np.array([0, 0, 1, 0, 1, 1])
    nats = baselines.ngram_nats(known, np.array([0]), 2)
    # orders 0 to 5 with the context ...0 1 1: only the contexts (), (1), (1 1)? are known as followed
    p = (3 + 2 * 0.5) / (6 + 2)  # unigram: 3 of 6, two kinds
    p = (1 + 2 * p) / (2 + 2)  # after 1: once 0, once 1
    assert nats == pytest.approx(-math.log(p))
    for size, length in ((2, 40), (5, 300)):
        drawn = np.random.default_rng(1).integers(0, size, length)
        shares = [math.exp(-baselines.ngram_nats(drawn, np.array([piece]), size)) for piece in range(size)]
        assert sum(shares) == pytest.approx(1)


def test_better_models_score_better_on_the_bundled_text():
    ids = Characters("".join(sorted(set(datasets.load_alice())))).encode(datasets.load_alice())
    known, rest = ids[:100_000], ids[100_000:103_000]
    size = int(ids.max()) + 1
    unigram, ngram = baselines.unigram_nats(known, rest, size), baselines.ngram_nats(known, rest, size)
    assert 0.6 * unigram > ngram > 0.35 * unigram > 0.2 * len(rest) * math.log(size)


def test_a_report_scores_the_held_out_text_alone(model: LanguageModel):
    found = report(model, TEXT)
    assert found.model.pieces == 176
    assert found.known == len(TEXT) - 176
    assert found.baselines["uniform"] == pytest.approx(math.log2(model.vocabulary_.size))
    assert set(found.baselines) == {"uniform", "unigram", "6-gram", "xz", "bzip2"}
    assert found.baselines["6-gram"] < 0.2 < found.baselines["unigram"]


# -------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(("level", "size"), [("words", 12), ("subwords", 280)])
def test_words_and_subwords(level: str, size: int, tmp_path: Path):
    pytest.importorskip("tokenizers")
    found = LanguageModel(**QUICK, level=level, vocabulary_size=size).fit(TEXT)
    vocabulary: Any = found.vocabulary_
    assert vocabulary.size <= size
    assert vocabulary.decode(vocabulary.encode("the lazy  dog\n")) == "the lazy  dog\n"
    if level == "subwords":
        assert vocabulary.decode(vocabulary.encode("dög 漢\n")) == "dög 漢\n"
    else:
        assert vocabulary.decode(vocabulary.encode("the cat")) == "the <unk>"
    score = found.score(TEXT[:440])
    assert score.unit == "token"
    assert score.characters == pytest.approx(439, abs=3)
    assert score.pieces < 300
    how: dict[str, Any] = {"temperature": 0.7, "seed": 2}
    assert "".join(p.text for p in found.stream("the ", 30, **how)).startswith(found.generate("the ", 30, **how)[:20])
    found.save(tmp_path / "m.safetensors")
    assert elman.load(tmp_path / "m.safetensors").generate("the ", 30) == found.generate("the ", 30)


def test_of_many_words_the_rare_ones_cost_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("tokenizers")
    monkeypatch.setattr(training, "LARGE", 8)
    monkeypatch.setattr(training, "CUTOFFS", (4, 8))
    found = LanguageModel(**(QUICK | {"updates": 120}), level="words", vocabulary_size=12).fit(TEXT)
    first, last = found.network_.layers[0], found.network_.layers[-1]
    assert isinstance(last, elman.AdaptiveSoftmax)
    assert isinstance(first, elman.Embedding)
    assert first.sparse
    ids = found.vocabulary_.encode(TEXT)
    counts = np.bincount(ids, minlength=12)[1:]  # behind the unknown word
    assert (np.diff(counts) <= 0).all()
    log_p = found.network_.predict(ids[:200]).astype(np.float64)
    nats = -log_p[np.arange(199), ids[1:200]].sum()
    assert found.score_pieces(ids[:200]).nats == pytest.approx(nats, rel=1e-5)
    assert found.score(TEXT).perplexity < 3
    assert found.adapt(TEXT, learning_rate=0.01).nats < found.score(TEXT).nats
    piece = next(found.stream("the "))
    assert piece.probabilities.sum() == pytest.approx(1)
    found.save(tmp_path / "m.safetensors")
    assert elman.load(tmp_path / "m.safetensors").generate("the ", 30) == found.generate("the ", 30)


def test_output_weights_may_be_the_embedding():
    found = LanguageModel(**QUICK, tied=True).fit(TEXT)
    network = found.network_
    assert network.parameters["embedding.weight"].shape == (found.vocabulary_.size, 12)
    assert network.num_parameters < LanguageModel(**QUICK).fit(TEXT).network_.num_parameters
    h = network.hidden([1, 2, 3])[-1]
    expected = h @ network.parameters["embedding.weight"].T + network.parameters["head.bias"]
    np.testing.assert_allclose(network.predict([1, 2, 3]), expected.reshape(3, -1), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="embedding: expected 12, as hidden_size, where tied, got 5"):
        LanguageModel(**QUICK, tied=True, embedding=5).fit(TEXT)


def test_words_without_the_library_say_what_to_type(monkeypatch: pytest.MonkeyPatch):
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'elman\[text\]'"):
        LanguageModel(**QUICK, level="words").fit(TEXT)
