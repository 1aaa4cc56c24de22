"""A Dask cluster on this machine as its two commands start it, whose workers may be killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["Cluster"]

OPTIONS = ["--no-nanny", "--nthreads", "1", "--no-dashboard"]
READY = 240  # seconds until a scheduler and a worker are there, on a busy machine


class Cluster:
    """A Dask scheduler and workers with one thread each. Where one is killed, another takes its place."""

    def __init__(self, folder: Path, workers: int) -> None:
        self._folder, self._file = folder, str(folder / "scheduler.json")
        self._scheduler = self._start("scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1")
        self._workers = [self._worker() for _ in range(workers)]

    def _start(self, command: str, *options: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "dask", command, *options, "--scheduler-file", self._file]
        return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _worker(self) -> subprocess.Popen[bytes]:
        return self._start("worker", *OPTIONS, "--local-directory", str(self._folder))

    def address(self) -> str:
        """Returns the scheduler's address, once all workers are there."""
        from distributed import Client

        with Client(scheduler_file=self._file, timeout=READY, set_as_default=False) as client:
            client.wait_for_workers(len(self._workers), timeout=READY)
            return client.scheduler.address

    def kill(self, which: int) -> None:
        """Kills a worker, and starts another."""
        self._workers[which].kill()
        self._workers[which].wait()
        self._workers[which] = self._worker()

    def close(self) -> None:
        for process in (*self._workers, self._scheduler):
            process.kill()
            process.wait()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
