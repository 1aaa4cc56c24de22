"""Past one process: many tasks with a durable ledger, on threads, processes or a Dask cluster, and one model's updates
on a Dask cluster; with the results of one machine. All but threads needs the extra `cluster`."""

from __future__ import annotations

from elman.cluster.ledger import Counts, Ledger, LedgerWarning, Results, TaskError
from elman.cluster.updates.crew import ClusterWarning
from elman.cluster.updates.executor import DaskExecutor, Profile
from elman.engines.current import computing

__all__ = [
    "ClusterWarning",
    "Counts",
    "DaskExecutor",
    "Ledger",
    "LedgerWarning",
    "Profile",
    "Results",
    "TaskError",
    "computing",
]
