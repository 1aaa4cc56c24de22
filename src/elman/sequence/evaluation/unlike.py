"""Whether fresh sequences look like those that a model was trained on, column by column."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.sequence.tables.reading import Sequences
from elman.series.errors import shorten

__all__ = ["unlike"]

FAR = 10.0  # standard deviations of the training that the median of a column may lie from its mean


def unlike(model: Any, fresh: Sequences) -> list[str]:
    """Returns what is unlike the training in the columns of fresh sequences, a line each: numbers that lie far from all
    that a fitted estimator has seen, and tokens that it does not know."""
    columns, names, said = model.columns_, [column.name for column in fresh.columns], list[str]()
    if len(names) != columns.count:
        return []  # the estimator says what it expects
    for k, mean, scale in zip(columns.numeric, columns.mean.tolist(), columns.scale.tolist(), strict=True):
        if fresh.columns[k].kind != "number":
            continue
        middle = float(np.median(np.concatenate([each[:, k].astype(np.float64) for each in fresh.x])))
        if abs(middle - mean) > FAR * scale:
            said.append(
                f"column {shorten(names[k])} lies far from all that the model has seen: its median is {middle:.4g}, in"
                f" the training the mean was {mean:.4g} and the standard deviation {scale:.4g}"
            )
    for k, vocabulary in zip(columns.tokens, columns.vocabularies, strict=True):
        known, tokens = {*vocabulary.tokens}, [token for each in fresh.x for token in each[:, k].tolist()]
        unknown = sum(token not in known for token in tokens)
        if unknown:
            part = f"{unknown:,} of {len(tokens):,} words ({100 * unknown / len(tokens):.2g} %)"
            said.append(f"column {shorten(names[k])}: the model does not know {part}")
    return said
