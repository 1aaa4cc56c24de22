"""Labels of a sequence of outputs, by connectionist temporal classification (Graves et al. 2006): decoding, and the
loss of outputs in an array. `elman.losses.CTC` is the loss with which a network is trained.

Everywhere `outputs` are raw values of O classes at each step, (B, T, O) or one sequence (T, O), of which a row's first
`lengths` (B,) steps count, and one class is the blank. docs/math/ctc.md has the equations.
"""

from __future__ import annotations

from elman.network.ctc.beam import Hypothesis, beam_search
from elman.network.ctc.paths import GreedyStream, Path, align, greedy
from elman.network.ctc.row_losses import loss, loss_and_grad

__all__ = ["GreedyStream", "Hypothesis", "Path", "align", "beam_search", "greedy", "loss", "loss_and_grad"]
