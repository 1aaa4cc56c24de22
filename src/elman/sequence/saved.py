"""The contents of the files of estimators of sequences, and the checks that their parts fit one another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elman.core.layers import Embedding
from elman.estimators.codec import Codec
from elman.network import Network
from elman.sequence.columns import Columns
from elman.sequence.labels import Labels
from elman.sequence.model import layout_for
from elman.sequence.tables.layout import Layout
from elman.sequence.targets import Classes, Indicators, Numbers, Tags
from elman.sequence.vocabulary import Vocabulary

__all__ = ["CODEC", "Fitted"]


@dataclass(frozen=True, eq=False)
class Fitted:
    """What `fit` leaves.

    features  `n_features_in_`;  names  `feature_names_in_`, if there are any
    table     whether X was 2-D, so that all sequences have `features` steps
    epochs    `n_iter_`
    layout    `layout_`, if X came from a table
    """

    columns: Columns
    target: Classes | Tags | Indicators | Numbers
    networks: tuple[Network, ...]
    features: int
    names: tuple[str, ...] | None
    table: bool
    epochs: int
    layout: Layout | None

    def validate(self) -> None:
        """Raises ValueError where the fields do not fit one another."""
        if self.epochs < 0:
            raise ValueError(f"epochs: expected at least 0, got {self.epochs}")
        if self.table and (self.columns.count != 1 or self.columns.tokens or not 1 <= self.features < 2**31):
            raise ValueError(f"table: expected one column of numbers and at least one step, got {self.features}")
        if not self.table and self.features != self.columns.count:
            raise ValueError(f"features: expected the {self.columns.count} columns, got {self.features}")
        if self.names is not None and len(self.names) != self.features:
            raise ValueError(f"names: expected {self.features}, got {len(self.names)}")
        if self.layout is not None and len(self.layout.names) != self.columns.count:
            raise ValueError(f"layout: expected {self.columns.count} features, got {len(self.layout.names)}")
        if not self.networks:
            raise ValueError("networks: expected at least one")
        for network in self.networks:
            if network.dtype != np.float32 or not np.isfinite(network.theta).all():
                raise ValueError("networks.theta: expected finite numbers, float32")
            if network.layers != self.networks[0].layers:
                raise ValueError("networks: expected the same layers in all")
        _check_reads(self.networks[0], self.columns, self.target)


def _check_reads(network: Network, columns: Columns, target: Classes | Tags | Indicators | Numbers) -> None:
    """Raises ValueError unless a network reads these columns, and has the outputs of the target."""
    layout = network.layout
    if layout.output_size != target.outputs or layout.last == target.by_step:
        raise ValueError(f"networks: expected {target.outputs} outputs, got {layout.output_size}")
    # the inputs follow from the columns alone
    options = {"embedding_size": 1, "dropout": 0.0, "num_layers": 1, "hidden_size": 1, "cell": "gru"}
    like = layout_for({**options, "bidirectional": False, "pooling": "last"}, columns, 1, False)
    if (layout.input_size, layout.integer_input, layout.inputs) != (like.input_size, like.integer_input, like.inputs):
        raise ValueError(f"networks: expected to read {columns.count} columns, got {layout.input_size} numbers")
    sizes = [part.layer.num_embeddings for part in layout.parts if isinstance(part.layer, Embedding)]
    if sizes != [len(vocabulary) for vocabulary in columns.vocabularies]:
        raise ValueError("networks: expected an embedding for each vocabulary, with a row for each token")


CODEC = Codec(
    Fitted,
    {
        "fitted sequences/1": Fitted,
        "table layout/1": Layout,
        "columns/1": Columns,
        "vocabulary/1": Vocabulary,
        "labels/1": Labels,
        "classes/1": Classes,
        "tags/1": Tags,
        "indicators/1": Indicators,
        "numbers/1": Numbers,
    },
)
