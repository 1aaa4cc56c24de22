"""The checkpoints of a training: one file holds all that the next update depends on.

A folder holds `update-000000120.safetensors`, ... (the last few) and `best.safetensors` (after the epoch with the
lowest validation loss, or training loss without validation). Each is a file of `elman.core.io`, of kind "checkpoint":
with a checksum, and written completely or not at all. `elman.load` returns the network in either.
"""

from __future__ import annotations

from elman.train.checkpoint.folder import CheckpointWarning
from elman.train.checkpoint.resume import AskedEpochs, restored, restored_state
from elman.train.checkpoint.writer import CheckpointWriter, write_checkpoint

__all__ = [
    "AskedEpochs",
    "CheckpointWarning",
    "CheckpointWriter",
    "restored",
    "restored_state",
    "write_checkpoint",
]
