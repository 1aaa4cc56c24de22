"""The textbook classes, one file for each source; docs/sources.md says what each source is and where it is wrong."""

from elman.classic.cell import RNNCell, train_cell
from elman.classic.overview import SimpleRNN as RowSimpleRNN
from elman.classic.overview import SoftmaxRNN
from elman.classic.paper import RNN, generate_sine_wave
from elman.classic.plain import PlainRNN
from elman.classic.sequential import SequentialRecurrentNetwork
from elman.classic.simple import SimpleRNN

__all__ = [
    "RNN",
    "PlainRNN",
    "RNNCell",
    "RowSimpleRNN",
    "SequentialRecurrentNetwork",
    "SimpleRNN",
    "SoftmaxRNN",
    "generate_sine_wave",
    "train_cell",
]
