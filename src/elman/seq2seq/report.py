"""A trained model beside simple rules, on pairs that it did not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from elman.pieces.symbols import Pieces
from elman.seq2seq.baselines import frequent_target, nearest_targets
from elman.seq2seq.measures import Written
from elman.seq2seq.model import EncoderDecoder
from elman.seq2seq.sources import VECTORS, Features, kind_of
from elman.seq2seq.training import held_out_rows
from elman.seq2seq.translation import Translation

__all__ = ["MOST_WRITTEN", "Report", "parted", "report"]

MOST_WRITTEN = 1000  # pairs for which the model writes


class Report(NamedTuple):
    """Scores on the same pairs.

    loss          nats a piece, over all pairs that are held out
    model         how near the model comes by itself;  baselines  how near simple rules come, by name
    sources, targets, translations   of the pairs that it wrote for, at most MOST_WRITTEN
    learned, held_out   pairs
    """

    loss: float
    model: Written
    baselines: dict[str, Written]
    sources: Sequence[Any]
    targets: Sequence[Any]
    translations: list[Translation]
    learned: int
    held_out: int


def parted(model: EncoderDecoder, values: Any) -> tuple[Any, Any]:
    """Returns the sources or targets that `fit` learns from, and those that it holds out, drawn by its seed."""
    held = held_out_rows(len(values), model.validation_fraction, model.seed)
    learned = np.setdiff1d(np.arange(len(values)), held)
    return _taken(values, learned), _taken(values, held)


def report(
    model: EncoderDecoder,
    learned: tuple[Any, Sequence[Any]],
    held_out: tuple[Any, Sequence[Any]],
    *,
    beam_size: int = 1,
) -> Report:
    """Scores a fitted model and simple rules on pairs that are held out: (sources, targets) each.

    The rules: the target of the nearest source that was learned from; the most frequent target; the source itself,
    where sources and targets are made of the same pieces.
    """
    loss = model.loss(*held_out)
    sources, targets = (_taken(values, np.arange(min(len(values), MOST_WRITTEN))) for values in held_out)
    found = model.translate(sources, beam_size=beam_size)
    rules = _rules(model, learned, sources)
    scores = {name: model.compared(written, targets) for name, written in rules.items()}
    ours = model.compared([each.target for each in found], targets)
    return Report(loss, ours, scores, sources, targets, found, len(learned[1]), len(held_out[1]))


def _rules(model: EncoderDecoder, learned: tuple[Any, Sequence[Any]], sources: Any) -> dict[str, list[Any]]:
    known, targets = learned
    found = {"most frequent target": frequent_target(targets, len(sources))}
    source: Pieces | Features = model.source_
    if not isinstance(source, Features):
        found["target of the nearest source"] = nearest_targets(known, targets, sources, source.level)
        if source.level == model.target_.level:
            found["copy of the source"] = list(sources)
    elif kind_of("sources", sources) == VECTORS:
        found["target of the nearest source"] = nearest_targets(known, targets, sources, None)
    return found


def _taken(values: Any, rows: np.ndarray) -> Any:
    return values[rows] if isinstance(values, np.ndarray) else [values[row] for row in rows.tolist()]
