"""`LanguageModel`: learns a text, scores others, and writes."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from elman.core import checks, fields
from elman.estimators.base import Constraints, Estimator
from elman.series import limits
from elman.text.adaptation import adapted
from elman.text.encoding import counted_characters, encoded, learned_vocabulary
from elman.text.generation import Piece, Sampling, pieces, written
from elman.text.saved import CODEC, Fitted
from elman.text.score import Score
from elman.text.source import Source, as_source
from elman.text.training import Recipe, network_of, seconds_an_update, trained
from elman.text.vocabulary import Vocabulary

__all__ = ["LanguageModel"]

LEVELS = ("characters", "bytes", "words", "subwords")
MOST_PIECES = 2**20


class LanguageModel(Estimator):
    """Learns to foresee a text piece by piece; then it scores texts and writes its own.

    level         pieces: "characters" of the training text; "bytes" of any file; "words", the most frequent ones, the
                  others being `<unk>`; "subwords", of which any text consists (words and subwords: extra `text`)
    vocabulary_size   of words or subwords
    unknown       a character that the training text lacked is an "error", or left out: "skip"
    encoding      of files
    cell, hidden_size, num_layers   of the recurrent layers: "lstm", "gru", "tanh", "relu"
    embedding     size of the vector that stands for a piece; None: `hidden_size`, at most 64, for words 256
    dropout       of what recurrent layers read and give; recurrent_dropout: of their state (Gal and Ghahramani 2016)
    tied          output weights are the embedding (Press and Wolf 2017), of `hidden_size` numbers for each piece
    window        pieces through which gradients go back; the state goes on from window to window
    batch_size    rows into which the text is cut, and which are read side by side
    updates       of the weights, rounded to whole passes over the text
    learning_rate, weight_decay   of AdamW; the rate rises for a twentieth of the updates, then falls to 0
    validation_fraction   share of the text, at its end, that is not learned from; the epoch with the lowest loss there
                  is kept
    patience      training ends after so many epochs without a lower one; None: never
    seed          of all random numbers: the same seed, engine and text give the same bits

    A text is a str, or a `pathlib.Path` of a file or of a folder, whose *.txt are taken in the order of their names.
    Files are read in blocks and need not fit into memory. `fit` leaves `network_`, `vocabulary_`, `losses_` and
    `validation_losses_`: nats for each piece after each epoch.
    """

    _constraints: ClassVar[Constraints] = {
        "level": [fields.one_of(*LEVELS)],
        "vocabulary_size": [fields.whole(2, MOST_PIECES)],
        "unknown": [fields.one_of("error", "skip")],
        "encoding": [fields.text],
        "cell": [fields.one_of("lstm", "gru", "tanh", "relu")],
        "hidden_size": [fields.whole(1, limits.HIDDEN)],
        "num_layers": [fields.whole(1, 64)],
        "embedding": [fields.whole(1, limits.HIDDEN), None],
        "dropout": [fields.number(0.0, 0.99)],
        "recurrent_dropout": [fields.number(0.0, 0.99)],
        "tied": [fields.flag],
        "window": [fields.whole(1, 2**30)],
        "batch_size": [fields.whole(1, 2**20)],
        "updates": [fields.whole(1, 2**31)],
        "learning_rate": [fields.number(0.0, open_low=True)],
        "weight_decay": [fields.number(0.0)],
        "validation_fraction": [fields.number(0.0, 0.9)],
        "patience": [fields.whole(1), None],
        "seed": [fields.whole(0, limits.SEED)],
    }
    _renamed: ClassVar[Mapping[str, str]] = {"validation": "validation_fraction"}
    _file_kind = "language model"
    _codec = CODEC

    def __init__(
        self,
        *,
        level: str = "characters",
        vocabulary_size: int = 8000,
        unknown: str = "error",
        encoding: str = "utf-8",
        cell: str = "lstm",
        hidden_size: int = 256,
        num_layers: int = 1,
        embedding: int | None = None,
        dropout: float = 0.2,
        recurrent_dropout: float = 0.0,
        tied: bool = False,
        window: int = 100,
        batch_size: int = 32,
        updates: int = 800,
        learning_rate: float = 8e-3,
        weight_decay: float = 0.01,
        validation_fraction: float = 0.05,
        patience: int | None = None,
        seed: int = 0,
    ) -> None:
        self.level = level
        self.vocabulary_size = vocabulary_size
        self.unknown = unknown
        self.encoding = encoding
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.embedding = embedding
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.tied = tied
        self.window = window
        self.batch_size = batch_size
        self.updates = updates
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.seed = seed

    # ------------------------------------------------------------------------------------------- learning

    def fit(
        self,
        text: str | bytes | os.PathLike[str],
        *,
        progress: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        every: int | None = None,
        resume: str | os.PathLike[str] | None = None,
        callback: Any = None,
    ) -> LanguageModel:
        """Learns from a text, and returns the model.

        progress    shows on stderr how training goes, and the time left
        checkpoint, every, resume, callback   as in `Trainer.fit`: where training is interrupted, the same call with
                    `resume` goes on to the bits that it would have had without

        Raises DataError for an empty text, one shorter than a window, a file that is not of its encoding (with the
        line), a folder without texts; ValueError for a str that is the name of a file.
        """
        vocabulary, ids, recipe = self._read(text)
        network = network_of(recipe, vocabulary)
        return self._train(
            vocabulary, network, recipe, ids,
            progress=progress, checkpoint=checkpoint, every=every, resume=resume, callback=callback,
        )  # fmt: skip

    def partial_fit(self, text: str | bytes | os.PathLike[str], *, progress: bool = False) -> LanguageModel:
        """Goes on learning from a text, with the vocabulary and from the weights that the model has, for `updates`
        more; before `fit` it is `fit`. Each call begins with a new optimiser and schedule."""
        if not self.__sklearn_is_fitted__():
            return self.fit(text, progress=progress)
        ids = self._encoded("text", text)
        network, vocabulary = self.network_.copy(), self.vocabulary_
        return self._train(vocabulary, network, self._recipe(vocabulary), ids, progress=progress)

    def updates_in(self, text: str | bytes | os.PathLike[str], minutes: float) -> int:
        """Returns how many updates of a training on this text take so many minutes on this machine, as measured now for
        a few seconds; `updates=` of that number reproduces it anywhere."""
        budget = 60.0 * checks.number("minutes", minutes, low=0.0, open_low=True)
        vocabulary, ids, recipe = self._read(text)
        return max(1, int(budget / seconds_an_update(recipe, vocabulary, ids)))

    def _train(
        self, vocabulary: Vocabulary, network: Any, recipe: Recipe, ids: np.ndarray, **options: Any
    ) -> LanguageModel:
        trainer = trained(network, recipe, ids, **options)
        self.vocabulary_, self.network_ = vocabulary, network
        self.losses_, self.validation_losses_ = trainer.history.loss, trainer.history.validation_loss
        self.history_ = trainer.history
        return self

    # -------------------------------------------------------------------------------------------- scoring

    def score(self, text: str | bytes | os.PathLike[str]) -> Score:
        """Returns how well the model foresees a text; the state runs through all of it, memory does not grow with it.
        DataError for a character that the training text lacked, with its place, unless `unknown` is "skip"."""
        self.check_fitted()
        return self.score_pieces(self._scorable(text))

    def score_pieces(self, ids: np.ndarray) -> Score:
        """As `score`, of pieces (N,) as `pieces` returns them."""
        nats = self.network_.loss(ids[:-1], ids[1:], loss="cross_entropy") * (len(ids) - 1)
        if not math.isfinite(nats):
            raise ValueError(f"network_: expected weights whose outputs are finite, got {nats} nats")
        return self._score(nats, ids)

    def pieces(self, text: str | bytes | os.PathLike[str]) -> np.ndarray:
        """Returns a text as the numbers of its pieces (N,), memory-mapped where it comes from a file."""
        self.check_fitted()
        return self._encoded("text", text)

    def adapt(
        self,
        text: str | bytes | os.PathLike[str],
        *,
        window: int = 20,
        learning_rate: float = 1e-4,
        keep: bool = False,
    ) -> Score:
        """Returns the score of a model that learns from the text while it reads it (dynamic evaluation): each window of
        pieces is foreseen first, and then learned from by one update. Not to be compared with `score`, whose model
        stays as it is.

        keep   the model keeps what it learned; else it is afterwards as it was
        """
        self.check_fitted()
        checks.flag("keep", keep)
        ids, network = self._scorable(text), self.network_.copy()
        nats = adapted(network, ids, checks.count("window", window), learning_rate)
        if keep:
            self.network_ = network
        return self._score(nats, ids)

    def _scorable(self, text: Any) -> np.ndarray:
        ids = self._encoded("text", text)
        if len(ids) < 2:
            raise ValueError(f"text: expected at least two {self.vocabulary_.unit}s, since the first is not scored")
        return ids

    def _score(self, nats: float, ids: np.ndarray) -> Score:
        return Score(nats, len(ids) - 1, counted_characters(self.vocabulary_, ids[1:]), self.vocabulary_.unit)

    # -------------------------------------------------------------------------------------------- writing

    def generate(
        self,
        prompt: str | bytes = "",
        length: int = 500,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
    ) -> Any:
        """Returns the `length` pieces that the model writes after a prompt: a str, or bytes for level "bytes".

        prompt       what stands before; "": the text begins as after a line feed
        temperature, top_k, top_p, seed   how pieces are drawn: see `Stream.sample`

        The same seed gives the same text, in one call or from `stream`.
        """
        how = Sampling(temperature, top_k, top_p, seed)
        return written(self._ready(), self.vocabulary_, self._prompt(prompt), checks.count("length", length), how)

    def stream(
        self,
        prompt: str | bytes = "",
        length: int | None = None,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
    ) -> Iterator[Piece]:
        """Yields the pieces that `generate` returns one by one, each with its probabilities; without an end where
        `length` is None."""
        how, most = (
            Sampling(temperature, top_k, top_p, seed),
            None if length is None else checks.count("length", length),
        )
        return pieces(self._ready(), self.vocabulary_, self._prompt(prompt), most, how)

    def _ready(self) -> Any:
        self.check_fitted()
        return self.network_

    def _prompt(self, prompt: str | bytes) -> np.ndarray:
        if not isinstance(prompt, str | bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"prompt: expected a str, got {checks.shown(prompt)}")
        given = encoded("prompt", Source(prompt, [], "utf-8"), self.vocabulary_) if prompt else []
        return np.asarray(given if len(given) else [self.vocabulary_.start])

    # --------------------------------------------------------------------------------------------- inside

    def _recipe(self, vocabulary: Vocabulary) -> Recipe:
        options = self.checked_options()
        hidden = options["hidden_size"]
        most = hidden if options["tied"] else 256 if options["level"] in ("words", "subwords") else 64
        options["embedding"] = options["embedding"] or min(hidden, most)
        if options["tied"] and options["embedding"] != hidden:
            raise ValueError(f"embedding: expected {hidden}, as hidden_size, where tied, got {options['embedding']}")
        return Recipe(**{name: options[name] for name in Recipe.__dataclass_fields__})

    def _read(self, text: Any) -> tuple[Vocabulary, np.ndarray, Recipe]:
        """Returns the vocabulary of a training text, its pieces (N,), and the recipe."""
        options = self.checked_options()
        source = as_source("text", text, options["encoding"])
        vocabulary = learned_vocabulary(source, options["level"], options["vocabulary_size"], options["unknown"])
        return vocabulary, encoded("text", source, vocabulary), self._recipe(vocabulary)

    def _encoded(self, name: str, text: Any) -> np.ndarray:
        return encoded(name, as_source(name, text, self.checked_options()["encoding"]), self.vocabulary_)

    def _fitted(self) -> Fitted:
        return Fitted(self.vocabulary_, self.network_, self.losses_, self.validation_losses_)  # type: ignore[arg-type]

    def _restore(self, fitted: Fitted) -> None:
        self.vocabulary_, self.network_ = fitted.vocabulary, fitted.network
        self.losses_, self.validation_losses_ = fitted.losses, fitted.validation_losses
