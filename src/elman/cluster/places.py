"""Where functions are called: on threads, in processes or on Dask workers, all as `concurrent.futures` does it."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Generator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Protocol

from elman.cluster.calls import Unlike
from elman.core import checks
from elman.engines.config import get_num_threads

__all__ = ["Place", "place"]

EXPECTED = 'executor: expected None or "threads", "processes", the address of a Dask scheduler, or a Dask client'
NEEDED = {
    "joblib": "processes need joblib; type: pip install 'elman[cluster]'",
    "distributed": "a Dask cluster needs distributed; type: pip install 'elman[cluster]'",
}
SCHEMES = ("tcp://", "tls://", "ws://", "wss://", "ucx://", "inproc://")
REACHED = 30.0  # seconds in which a scheduler answers, and has a worker
DESERTED = 60.0  # seconds without a worker, after which none is waited for
FRESH = 1.0  # seconds for which one believes how many Dask workers there are


class Place(Protocol):
    """Somewhere to call functions. `lost` are errors of calls that ended with their worker, and not by themselves."""

    @property
    def lost(self) -> tuple[type[BaseException], ...]: ...

    def slots(self) -> int:
        """Returns how many calls run at a time; it may change."""
        ...

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]: ...

    def check(self) -> None:
        """Raises OSError where nothing can be computed any more."""
        ...


@contextmanager
def place(executor: Any, workers: int | None = None) -> Generator[Place]:
    """Yields where an executor calls functions.

    executor  None or "threads", "processes", the address of a Dask scheduler, a Dask client, or an object with a
              `client`
    workers   number of threads or processes; None: `elman.get_num_threads()`
    """
    workers = get_num_threads() if workers is None else checks.count("workers", workers)
    client = getattr(executor, "client", executor)
    if executor in (None, "threads"):
        pool = ThreadPoolExecutor(workers, thread_name_prefix="elman")
        try:
            yield _Threads(pool, workers)
        finally:
            pool.shutdown(cancel_futures=True)
    elif executor == "processes":
        yield _Processes(workers)
    elif isinstance(executor, str):
        if not executor.startswith(SCHEMES):
            raise ValueError(f'{EXPECTED}, "tcp://HOST:8786" say, got {executor!r}')
        with _connected(executor) as client:
            yield _Dask(client)
    elif hasattr(client, "get_executor") and hasattr(client, "scheduler"):
        if client.asynchronous:
            raise ValueError("executor: expected a Dask client that waits, got one with asynchronous=True")
        yield _Dask(client)
    else:
        raise TypeError(f"{EXPECTED}, got {checks.shown(executor)}")


def _connected(address: str) -> Any:
    """Returns a client of the Dask scheduler at an address."""
    with _needed("distributed"):
        from distributed import Client
    try:
        return Client(address, timeout=REACHED, set_as_default=False)
    except OSError as error:  # TimeoutError among them
        raise ConnectionError(f"executor: expected a Dask scheduler at {address}, got no answer: {error}") from None


@contextmanager
def _needed(module: str) -> Generator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(NEEDED[module], name=error.name) from error


class _Threads:
    lost = ()

    def __init__(self, pool: Executor, workers: int) -> None:
        self._workers, self.submit = workers, pool.submit

    def slots(self) -> int:
        return self._workers

    def check(self) -> None:
        pass


class _Processes:
    """Processes of joblib, each with one thread; where one dies, all are started anew. They end when they are idle for
    some seconds, so that the next run finds them."""

    lost = (BrokenExecutor, CancelledError)

    def __init__(self, workers: int) -> None:
        self._workers = workers
        with _needed("joblib"):
            from joblib.externals.loky import get_reusable_executor
        self._start = get_reusable_executor
        self._again()

    def _again(self) -> None:
        self.pool = self._start(self._workers, env={"ELMAN_NUM_THREADS": "1"})

    def slots(self) -> int:
        return self._workers

    def check(self) -> None:
        pass

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        try:
            return self.pool.submit(function, *arguments)
        except BrokenExecutor:
            self._again()
            return self.pool.submit(function, *arguments)


class _Dask:
    """The workers of a Dask cluster, which may come and go."""

    def __init__(self, client: Any) -> None:
        from cloudpickle import dumps
        from distributed import KilledWorker
        from distributed.comm.core import CommClosedError

        try:
            client.wait_for_workers(1, timeout=REACHED)
        except TimeoutError:
            raise TimeoutError(f"executor: the Dask cluster at {client.scheduler.address} has no worker") from None
        if without := [address for address, found in client.run(find_spec, "elman").items() if found is None]:
            raise Unlike(
                f"executor: expected elman on every worker of the Dask cluster, got none on {without[0]}; install the "
                "same elman on every machine"
            )
        self.lost = (KilledWorker, CancelledError, CommClosedError)
        self._client, self._pool = client, client.get_executor(pure=False)
        self._slots, self._asked, self._dumps = 1, 0.0, dumps
        self._seen = time.monotonic()  # when there was a worker

    def slots(self) -> int:
        if time.monotonic() - self._asked > FRESH:
            threads, self._asked = sum(self._client.nthreads().values()), time.monotonic()
            self._slots, self._seen = max(1, threads), self._asked if threads else self._seen
        return self._slots

    def check(self) -> None:
        address, gone = self._client.scheduler.address, ""
        if self._client.status != "running":
            gone = f"the Dask scheduler at {address} is gone"
        elif time.monotonic() - self._seen > DESERTED:
            gone = f"the Dask cluster at {address} has had no worker for {DESERTED:.0f} seconds"
        if gone:
            raise ConnectionError(f"executor: {gone}; a ledger's file has what is done")

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        return self._pool.submit(_unpacked, self._dumps((function, arguments)))


def _unpacked(packed: bytes) -> Any:
    """Calls what was packed. Dask looks for results of its own in all that it is given, but not in bytes."""
    function, arguments = pickle.loads(packed)
    return function(*arguments)
