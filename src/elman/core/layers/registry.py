"""The registry of layers: every kind that a file may name, and that the engines know."""

from __future__ import annotations

from elman.core.layers.adaptive_softmax import AdaptiveSoftmax
from elman.core.layers.attention import Attention
from elman.core.layers.concat import Concat
from elman.core.layers.dense import Dense
from elman.core.layers.dropout import Dropout
from elman.core.layers.embedding import Embedding
from elman.core.layers.last import Last
from elman.core.layers.layer import Layer
from elman.core.layers.pool import Pool
from elman.core.layers.recurrent import Recurrent
from elman.core.layers.shift import Shift
from elman.core.layers.skip import Skip

__all__ = ["LAYERS"]

LAYERS: dict[str, type[Layer]] = {
    layer.kind: layer
    for layer in (Embedding, Recurrent, Dense, Dropout, Last, Skip, Attention, Shift, Pool, Concat, AdaptiveSoftmax)
}
