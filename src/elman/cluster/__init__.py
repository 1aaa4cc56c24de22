"""Past one process: many models with a durable ledger, on threads, processes or a Dask cluster."""

from __future__ import annotations

from elman.cluster.ledger import Counts, Ledger, LedgerWarning, Results, TaskError

__all__ = ["Counts", "Ledger", "LedgerWarning", "Results", "TaskError"]
