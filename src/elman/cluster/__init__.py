"""Work spread over a Dask cluster, with the results of one machine; needs the extra `cluster`."""

from __future__ import annotations

from elman.cluster.updates.crew import ClusterWarning
from elman.cluster.updates.executor import DaskExecutor, Profile

__all__ = ["ClusterWarning", "DaskExecutor", "Profile"]
