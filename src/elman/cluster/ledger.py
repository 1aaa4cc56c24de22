"""`Ledger`: calls a function for each of many tasks, and keeps on disk what came of them.

What is done is never done again, whatever crashed since: a worker, the machine, or the process that asked for it.
"""

from __future__ import annotations

import functools
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

from elman.cluster.calls import signature
from elman.cluster.digests import digest, name_of, source_of
from elman.cluster.dispatch import dispatch
from elman.cluster.places import place
from elman.cluster.progress import Shown
from elman.cluster.store import Store
from elman.cluster.values import decoded
from elman.core import checks
from elman.core.checks import shown
from elman.core.io import UNFIT, FileError

__all__ = ["Counts", "Ledger", "LedgerWarning", "Results", "TaskError"]


class TaskError(RuntimeError):
    """A task failed: `name` is its name, `traceback` the text of what happened."""

    def __init__(self, name: Any, traceback: str) -> None:
        super().__init__(name, traceback)
        self.name, self.traceback = name, traceback

    def __str__(self) -> str:
        return f"task {self.name!r} failed:\n{self.traceback.rstrip()}"


class LedgerWarning(UserWarning):
    """Some tasks of a run failed."""


class Counts(NamedTuple):
    """What a ledger holds, over all runs."""

    done: int
    failed: int
    open: int  # waiting, or being done
    seconds: float  # that the calls of tasks took which have ended


class Results(Mapping[Any, Any]):
    """The results of tasks by their names, in their order, read from the ledger one at a time.

    `failed` has the traceback of each task that failed, by its name. Such a task is no item, and asking for it by name
    raises TaskError.
    """

    def __init__(self, store: Store, keys: Mapping[Any, str]) -> None:
        self._store, self._keys = store, keys
        failed = store.ended(list(keys.values()), failed=True)
        self.failed: dict[Any, str] = {name: store.row(key).error or "" for name, key in keys.items() if key in failed}

    def __getitem__(self, name: Any) -> Any:
        if name in self.failed:
            raise TaskError(name, self.failed[name])
        row = self._store.row(self._keys[name])
        if row.result is None:
            raise KeyError(name)
        try:
            return decoded(row.result)
        except UNFIT as error:
            raise FileError(self._store.path, f"the result of task {name!r} is damaged: {error}") from error

    def __iter__(self) -> Iterator[Any]:
        return (name for name in self._keys if name not in self.failed)

    def __len__(self) -> int:
        return len(self._keys) - len(self.failed)

    def __contains__(self, name: object) -> bool:
        return name in self._keys and name not in self.failed

    def __repr__(self) -> str:
        return f"Results: {len(self)} done, {len(self.failed)} failed"


class Ledger:
    """Computes many tasks, and keeps their results in a file.

    path      an SQLite file on a local disk, made where there is none; ":memory:" for none, so that nothing lasts
    executor  who computes. None or "threads": threads of this process; "processes": processes of this machine (needs
              joblib); "tcp://HOST:8786": the Dask cluster with this scheduler; a Dask client, or what has a `client`
    workers   number of threads or processes; None: `elman.get_num_threads()`

    Several processes may use the same file at a time: no task is done by two of them. A `Ledger` is an executor too,
    wherever elman takes one.
    """

    def __init__(self, path: str | os.PathLike[str], executor: Any = None, workers: int | None = None) -> None:
        self.path = checks.path("path", path)
        self.executor, self.workers = executor, workers
        self._store = Store(self.path)

    def run(
        self,
        function: Callable[[Any], Any],
        tasks: Mapping[Any, Any] | Sequence[Any],
        *,
        version: str | None = None,
        retry: bool = False,
        progress: bool = False,
        on_progress: Callable[[float], None] | None = None,
    ) -> Results:
        """Calls `function(task)` for each task that the ledger has no result of, and returns the results of all.

        function   a function of a module, not one made inside another function. It returns None, numbers, texts,
                   bytes, arrays, lists, tuples and dicts of such, or a model of elman
        tasks      what it is called with, by name, or as a sequence, whose names are 0, 1, ...
        version    stands for what the function does; while it is the same, results count as those of the function.
                   None: the function's own text stands for it (not that of functions which it calls)
        retry      whether tasks that failed in an earlier run are done again
        progress   whether to show on stderr how far it is;  on_progress  is called with the share that has ended

        A task is known by a digest of the function and its version, of all that the task holds, and of elman's version,
        engine and instruction set: where one changes, the task is done again. What a task raises is kept, listed in
        `Results.failed` and warned of (LedgerWarning), and the others go on.
        """
        results = self.run_each(
            function, tasks, version=version, retry=retry, progress=progress, on_progress=on_progress
        )
        if results.failed:
            name, text = next(iter(results.failed.items()))
            last = text.rstrip().rpartition("\n")[2]
            of = f"{len(results.failed)} of {len(results.failed) + len(results)} tasks failed"
            warnings.warn(f"{self.path}: {of}, {shown(name)} first: {last}", LedgerWarning, stacklevel=2)
        return results

    def run_each(
        self,
        function: Callable[[Any], Any],
        tasks: Mapping[Any, Any] | Sequence[Any],
        *,
        version: str | None = None,
        retry: bool = False,
        progress: bool = False,
        on_progress: Callable[[float], None] | None = None,
        on_ended: Callable[[Any], None] | None = None,
    ) -> Results:
        """Does what `run` does, without a word; `on_ended` is called with the name of each task that has ended."""
        named = tasks if isinstance(tasks, Mapping) else dict(enumerate(tasks))
        keys = self._keys(function, named, version)
        names: dict[str, Any] = {}  # equal tasks are done once
        for name, key in keys.items():
            names.setdefault(key, name)
        self._store.add(name_of(function), {key: shown(name) for key, name in names.items()})
        if checks.flag("retry", retry):
            self._store.reopen(list(names))
        done = self._store.ended(list(names))
        queue = deque(key for key in names if key not in done)
        shown_line = Shown(checks.flag("progress", progress))
        ended, failed = 0, 0

        def note(some: Iterable[str], failures: int, others: int) -> None:
            nonlocal ended, failed
            some = list(some)
            ended, failed = ended + len(some) + others, failed + failures
            shown_line.tell(ended, failed, len(names))
            if on_ended is not None:
                for key in some:
                    on_ended(names[key])
            if on_progress is not None and names:
                on_progress(ended / len(names))

        note(done, len(self._store.ended(list(done), failed=True)), 0)
        if queue:
            with place(self.executor, self.workers) as where, self._store.runner() as me:
                dispatch(
                    where,
                    function,
                    lambda key: named[names[key]],
                    lambda some, count: self._store.exchange(me, some, queue, count),
                    lambda: len(queue),
                    note,
                )
        return Results(self._store, keys)

    def _keys(self, function: Callable[[Any], Any], tasks: Mapping[Any, Any], version: str | None) -> dict[Any, str]:
        """Returns the digest of each task, by its name."""
        if not callable(function):
            raise TypeError(f"function: expected a function of one argument, got {shown(function)}")
        inner, bound = function, []
        while isinstance(inner, functools.partial):
            bound += [inner.args, inner.keywords]
            inner = inner.func
        if not isinstance(owner := getattr(inner, "__self__", None), ModuleType | None):
            bound.append(owner)  # of a method, what it belongs to
        name = getattr(inner, "__qualname__", "<")
        if "<" in name:  # <lambda>, <locals>: what it closes over is not in its name or text
            raise ValueError(f"function: expected a function of a module, known by its name, got {shown(function)}")
        text = source_of(inner) if version is None else version
        base = digest("function", name_of(inner), text, bound, signature())
        return {each: digest(f"tasks[{each!r}]", base, task) for each, task in tasks.items()}

    def counts(self) -> Counts:
        """Returns how many tasks are done, have failed and are open, by whichever process."""
        return Counts(*self._store.counts())

    def failures(self) -> list[tuple[str, str, str]]:
        """Returns function, name and traceback of each task that failed, over all runs."""
        return self._store.failures()

    def close(self) -> None:
        """Closes the file. `Results` cannot be read any more."""
        self._store.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Ledger({self.path!r}): {self.counts()}"
