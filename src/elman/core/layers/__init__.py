"""Frozen descriptions of cells and layers, and the layout that gives each its place in theta. Nothing here computes:
both engines read these descriptions and do the arithmetic."""

from elman.core.layers.adaptive_softmax import AdaptiveSoftmax
from elman.core.layers.attention import SCORES, Attention
from elman.core.layers.cells import CELLS, GRU, LSTM, Activation, Cell, CustomCell, Simple, as_cell
from elman.core.layers.concat import MOST_SOURCES, Concat
from elman.core.layers.dense import Dense
from elman.core.layers.dropout import Dropout
from elman.core.layers.embedding import Embedding
from elman.core.layers.last import Last
from elman.core.layers.layer import INPUT, Layer, Signal
from elman.core.layers.pool import POOLINGS, Pool
from elman.core.layers.recurrent import Recurrent
from elman.core.layers.registry import LAYERS
from elman.core.layers.shift import Shift
from elman.core.layers.skip import Skip
from elman.core.layers.wiring.layout import MOST_PARAMETERS, Layout, Parameter, Part, Source, Start, StateSlot
from elman.core.layers.wiring.node import Input, Node

__all__ = [
    "CELLS",
    "GRU",
    "INPUT",
    "LAYERS",
    "LSTM",
    "MOST_PARAMETERS",
    "MOST_SOURCES",
    "POOLINGS",
    "SCORES",
    "Activation",
    "AdaptiveSoftmax",
    "Attention",
    "Cell",
    "Concat",
    "CustomCell",
    "Dense",
    "Dropout",
    "Embedding",
    "Input",
    "Last",
    "Layer",
    "Layout",
    "Node",
    "Parameter",
    "Part",
    "Pool",
    "Recurrent",
    "Shift",
    "Signal",
    "Simple",
    "Skip",
    "Source",
    "Start",
    "StateSlot",
    "as_cell",
]
