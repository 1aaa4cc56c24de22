"""Training data that lie in files or on a cluster, and may be larger than memory."""

from elman.train.stored.arrow import ArrowBatches
from elman.train.stored.dask import DaskBatches, is_dask
from elman.train.stored.groups import GroupedBatches

__all__ = ["ArrowBatches", "DaskBatches", "GroupedBatches", "is_dask"]
