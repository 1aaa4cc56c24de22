"""`EncoderDecoder`: learns from pairs of sequences to write the second of a pair when it reads the first."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from elman.core import checks, fields
from elman.estimators.base import Constraints, Estimator
from elman.pieces.symbols import LEVELS, POLICIES, Pieces
from elman.seq2seq.measures import Score, Written, compared
from elman.seq2seq.network import Recipe, network_of
from elman.seq2seq.pairs import (
    Pairs,
    Policy,
    check_counts,
    learned_vocabularies,
    read_pairs,
    read_sources,
    two_levels,
    without_long,
)
from elman.seq2seq.saved import CODEC, Fitted
from elman.seq2seq.sources import Features
from elman.seq2seq.training import held_out_rows, seconds_an_update, trained
from elman.seq2seq.translation import BEHIND, Alignment, Translation, aligned, attends, shown_source, translated
from elman.series import limits

__all__ = ["EncoderDecoder"]

MOST_PIECES = 2**20
Where = str | os.PathLike[str]


class EncoderDecoder(Estimator):
    """Learns from pairs to write a target when it reads a source: translations, pronunciations, captions.

    An encoder reads the source in both directions; a decoder, whose state begins from the mean of what the encoder
    gives, writes the target piece by piece and looks at each piece back at all steps of the source (attention).

    level         pieces of sources and targets: "characters"; "words" between white space; "subwords", of which any
                  text consists (extra `text`); "tokens", lists of strings or whole numbers. A pair (source, target)
                  where they differ. Sources may be numbers too: frames, n arrays (T, D), or vectors (n, D), each
                  feature of which is standardised
    vocabulary_size, min_count   of sources and of targets at most so many pieces, that occur so often
    unknown       what any other piece is, in training and later: an "error"; left out, "skip"; or "<unk>", a piece of
                  its own. Subwords know no unknown
    cell          of the recurrent layers: "lstm", "gru", "tanh", "relu"
    hidden_size   units of each recurrent layer of the decoder, and of each direction of the encoder's
    num_layers    recurrent layers of each
    embedding     size of the vector that stands for a piece; None: `hidden_size`, at most 256
    attention     how the decoder looks at the source: "general", "dot" (Luong et al. 2015), "additive" (Bahdanau et al.
                  2015), or None: it is told the mean of the encoder at each piece. Sources that are vectors have none
    tied          output weights are the targets' embedding (Press and Wolf 2017)
    shared        sources and targets have one vocabulary and one embedding
    dropout       of embeddings, between layers, and of what is read for the output
    label_smoothing   share of the target's probability that training spreads over all pieces (Szegedy et al. 2016)
    max_length    pairs with a longer source or target, in pieces, are not learned from; None: no bound
    updates       of the weights, rounded to whole passes over the pairs
    batch_size    pairs of an update
    learning_rate, weight_decay   of AdamW; the rate rises for a twentieth of the updates, then falls to 0
    validation_fraction   share of the pairs, drawn by the seed, that is not learned from, unless `fit` is given others;
                  the epoch with the lowest loss there is kept
    seed          of all random numbers: the same seed, engine and pairs give the same bits, with any number of threads

    `fit` leaves `network_`, `source_` and `target_` (vocabularies, or how features are scaled), `losses_` and
    `validation_losses_`: nats for each piece after each epoch, the latter without dropout and smoothing.
    """

    _constraints: ClassVar[Constraints] = {
        "level": [fields.one_of(*LEVELS), two_levels],
        "vocabulary_size": [fields.whole(2, MOST_PIECES)],
        "min_count": [fields.whole(1)],
        "unknown": [fields.one_of(*POLICIES)],
        "cell": [fields.one_of("lstm", "gru", "tanh", "relu")],
        "hidden_size": [fields.whole(1, limits.HIDDEN)],
        "num_layers": [fields.whole(1, 64)],
        "embedding": [fields.whole(1, limits.HIDDEN), None],
        "attention": [fields.one_of("general", "dot", "additive"), None],
        "tied": [fields.flag],
        "shared": [fields.flag],
        "dropout": [fields.number(0.0, 0.99)],
        "label_smoothing": [fields.number(0.0, 0.99)],
        "max_length": [fields.whole(1), None],
        "updates": [fields.whole(1, 2**31)],
        "batch_size": [fields.whole(1, 2**20)],
        "learning_rate": [fields.number(0.0, open_low=True)],
        "weight_decay": [fields.number(0.0)],
        "validation_fraction": [fields.number(0.0, 0.9)],
        "seed": [fields.whole(0, limits.SEED)],
    }
    _file_kind = "encoder decoder"
    _codec = CODEC

    def __init__(
        self,
        *,
        level: str | Sequence[str] = "words",
        vocabulary_size: int = 8000,
        min_count: int = 1,
        unknown: str = "error",
        cell: str = "gru",
        hidden_size: int = 256,
        num_layers: int = 1,
        embedding: int | None = None,
        attention: str | None = "general",
        tied: bool = False,
        shared: bool = False,
        dropout: float = 0.3,
        label_smoothing: float = 0.1,
        max_length: int | None = None,
        updates: int = 2000,
        batch_size: int = 64,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.01,
        validation_fraction: float = 0.05,
        seed: int = 0,
    ) -> None:
        self.level = level
        self.vocabulary_size = vocabulary_size
        self.min_count = min_count
        self.unknown = unknown
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.embedding = embedding
        self.attention = attention
        self.tied = tied
        self.shared = shared
        self.dropout = dropout
        self.label_smoothing = label_smoothing
        self.max_length = max_length
        self.updates = updates
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.seed = seed

    # ------------------------------------------------------------------------------------------- learning

    def fit(
        self,
        sources: Any,
        targets: Sequence[Any],
        *,
        validation: tuple[Any, Sequence[Any]] | None = None,
        progress: bool = False,
        checkpoint: Where | None = None,
        every: int | None = None,
        resume: Where | None = None,
        callback: Any = None,
    ) -> EncoderDecoder:
        """Learns from n pairs, and returns the model.

        sources     n strings, lists of tokens, arrays (T, D), or an array (n, D);  targets  n strings or lists
        validation  (sources, targets) that are not learned from, in place of a share of the pairs
        progress    shows on stderr how training goes, and the time left
        checkpoint, every, resume, callback   as in `Trainer.fit`: where training is interrupted, the same call with
                    `resume` goes on to the bits that it would have had without

        Raises DataError, with its place, for an empty source and an unknown piece; ValueError for unequal numbers of
        sources and targets; TypeError for what is no text of the level.
        """
        source, target, pairs, held_out, recipe = self._read(sources, targets, validation)
        network = network_of(recipe, source, target)
        self._train(
            network, recipe, pairs, held_out,
            progress=progress, checkpoint=checkpoint, every=every, resume=resume, callback=callback,
        )  # fmt: skip
        self.source_, self.target_, self.longest_ = source, target, int(pairs.lengths.max()) - 1
        return self

    def partial_fit(
        self,
        sources: Any,
        targets: Sequence[Any],
        *,
        validation: tuple[Any, Sequence[Any]] | None = None,
        progress: bool = False,
    ) -> EncoderDecoder:
        """Goes on learning from pairs, with the vocabularies and from the weights that the model has, for `updates`
        more; before `fit` it is `fit`. Each call begins with a new optimiser and schedule."""
        if not self.__sklearn_is_fitted__():
            return self.fit(sources, targets, validation=validation, progress=progress)
        recipe, network = self._recipe(), self.network_.copy()
        pairs, held_out = self._split(self.source_, self.target_, sources, targets, validation, recipe)
        self._train(network, recipe, pairs, held_out, progress=progress)
        self.longest_ = max(self.longest_, int(pairs.lengths.max()) - 1)
        return self

    def updates_in(
        self,
        sources: Any,
        targets: Sequence[Any],
        minutes: float,
        *,
        validation: tuple[Any, Sequence[Any]] | None = None,
    ) -> int:
        """Returns how many updates of a training on these pairs take so many minutes on this machine, as measured now
        for a few seconds; `updates=` of that number reproduces it anywhere."""
        budget = 60.0 * checks.number("minutes", minutes, low=0.0, open_low=True)
        source, target, pairs, _, recipe = self._read(sources, targets, validation)
        return max(1, int(budget / seconds_an_update(network_of(recipe, source, target), recipe, pairs)))

    def _train(self, network: Any, recipe: Recipe, pairs: Pairs, held_out: Pairs | None, **options: Any) -> None:
        trainer = trained(network, recipe, pairs, held_out, **options)
        self.network_, self.history_ = network, trainer.history
        self.losses_, self.validation_losses_ = trainer.history.loss, trainer.history.validation_loss

    # -------------------------------------------------------------------------------------------- writing

    def predict(
        self,
        sources: Any,
        *,
        beam_size: int = 1,
        length_penalty: float = 0.6,
        max_length: int | None = None,
        n_best: int = 1,
        return_attention: bool = False,
    ) -> Any:
        """Returns the target that the model writes for each source: a list of strings, or of lists of tokens.

        n_best            above 1: for each source a list of so many targets, the best first
        return_attention  (targets, attentions): a list of arrays (pieces, steps of the source), or of lists of them

        The other arguments are those of `translate`.
        """
        best = checks.whole("n_best", n_best, low=1)
        attended = checks.flag("return_attention", return_attention)
        beam = max(checks.whole("beam_size", beam_size, low=1), best)
        found = self._translated(sources, beam, length_penalty, max_length, best, attended)
        targets = [[one.target for one in row] if best > 1 else row[0].target for row in found]
        if not attended:
            return targets
        return targets, [[one.attention for one in row] if best > 1 else row[0].attention for row in found]

    def translate(
        self,
        sources: Any,
        *,
        beam_size: int = 1,
        length_penalty: float = 0.6,
        max_length: int | None = None,
        return_attention: bool = False,
    ) -> list[Translation]:
        """Returns what the model writes for each source as a record, with its probability.

        beam_size       hypotheses that are followed at once; 1: the most probable piece each time (greedy)
        length_penalty  a: of those that ended the highest log p / ((5 + n) / 6)^a is chosen, n its pieces (Wu et al.
                        2016)
        max_length      pieces after which a target is cut off; None: 20 more than the longest one in training

        Raises DataError, with its place, for an empty source and an unknown piece where `unknown` is "error".
        """
        attended = checks.flag("return_attention", return_attention)
        return [row[0] for row in self._translated(sources, beam_size, length_penalty, max_length, 1, attended)]

    def align(self, source: Any, target: Any) -> Alignment:
        """Returns what each piece of a given target looks at in its source. ValueError for a model without attention.

        `plot` of the result draws it.
        """
        self.check_fitted()
        self._check_attends()
        pairs = read_pairs(self.source_, self.target_, [source], [target])
        weights = aligned(self.network_, pairs)
        shown = self.target_.shown(pairs.y[0, :-1])
        return Alignment(shown_source(self.source_, pairs.source, 0), shown, weights)

    def _translated(
        self, sources: Any, beam: int, penalty: float, longest: int | None, hypotheses: int, attended: bool
    ) -> list[list[Translation]]:
        self.check_fitted()
        if attended:
            self._check_attends()
        most = self.longest_ + BEHIND if longest is None else checks.count("max_length", longest)
        return translated(
            self.network_, self.target_, read_sources(self.source_, sources), beam_size=beam, length_penalty=penalty,
            max_steps=most + 1, hypotheses=hypotheses, return_attention=attended,
        )  # fmt: skip

    def _check_attends(self) -> None:
        if not attends(self.network_):
            raise ValueError("attention: expected a model with an attention, got one that was made without")

    # -------------------------------------------------------------------------------------------- scoring

    def score(self, sources: Any, targets: Sequence[Any], *, beam_size: int = 1, length_penalty: float = 0.6) -> Score:
        """Returns how well the model foresees the targets, and how near to them is what it writes by itself."""
        loss = self.loss(sources, targets)
        written = self.predict(sources, beam_size=beam_size, length_penalty=length_penalty)
        return Score(loss, *self.compared(written, targets))

    def loss(self, sources: Any, targets: Sequence[Any]) -> float:
        """Returns the nats for each piece of the targets, their ends counted too, each foreseen from the true ones
        before it."""
        self.check_fitted()
        pairs = read_pairs(self.source_, self.target_, sources, targets)
        nats = self.network_.loss(**pairs.batch, loss="cross_entropy")
        if not math.isfinite(nats):
            raise ValueError(f"network_: expected weights whose outputs are finite, got a loss of {nats}")
        return nats

    def compared(self, written: Sequence[Any], targets: Sequence[Any]) -> Written:
        """Returns how near what anyone wrote comes to targets, one each, measured as the model is in `score`."""
        self.check_fitted()
        check_counts(written, targets)
        return compared(written, targets, self.target_.level)

    # --------------------------------------------------------------------------------------------- inside

    def _recipe(self) -> Recipe:
        options = self.checked_options()
        options["embedding"] = options["embedding"] or min(256, options["hidden_size"])
        return Recipe(**{name: options[name] for name in Recipe.__dataclass_fields__})

    def _read(
        self, sources: Any, targets: Sequence[Any], validation: Any
    ) -> tuple[Pieces | Features, Pieces, Pairs, Pairs | None, Recipe]:
        """Returns the vocabularies of training pairs, the pairs that train and validate, and the recipe."""
        options, recipe = self.checked_options(), self._recipe()
        policy = Policy(*(options[name] for name in Policy._fields))
        source, target = learned_vocabularies(sources, targets, options["level"], policy, shared=recipe.shared)
        return source, target, *self._split(source, target, sources, targets, validation, recipe), recipe

    def _split(
        self, source: Any, target: Pieces, sources: Any, targets: Sequence[Any], validation: Any, recipe: Recipe
    ) -> tuple[Pairs, Pairs | None]:
        pairs = read_pairs(source, target, sources, targets)
        longest = self.checked_options()["max_length"]
        if validation is None:
            held = held_out_rows(len(pairs.x), recipe.validation_fraction, recipe.seed)
            known = pairs.take(np.setdiff1d(np.arange(len(pairs.x)), held))
            return without_long(known, longest), pairs.take(held) if len(held) else None
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            raise TypeError(f"validation: expected (sources, targets), got {checks.shown(validation)}")
        return without_long(pairs, longest), read_pairs(source, target, validation[0], validation[1], "validation ")

    def _fitted(self) -> Fitted:
        return Fitted(self.source_, self.target_, self.network_, self.longest_, self.losses_, self.validation_losses_)  # type: ignore[arg-type]

    def _restore(self, fitted: Fitted) -> None:
        self.source_, self.target_, self.network_ = fitted.source, fitted.target, fitted.network
        self.longest_, self.losses_, self.validation_losses_ = fitted.longest, fitted.losses, fitted.validation_losses
