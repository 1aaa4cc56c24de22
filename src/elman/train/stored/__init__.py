"""Training data that lie in files or on a cluster, and may be larger than memory."""

from elman.train.stored.arrow import ArrowBatches
from elman.train.stored.dask import DaskBatches, is_dask

__all__ = ["ArrowBatches", "DaskBatches", "is_dask"]
