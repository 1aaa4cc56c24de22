"""Keeps workers busy with tasks: hands them out, collects what came of them, and does again what died with a worker."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from elman.cluster.calls import Unlike, call, signature
from elman.cluster.places import Place
from elman.cluster.store import Ended

__all__ = ["dispatch"]

MOST = 2000  # tasks that are out at a time, beside two for each worker
QUICK = 0.05  # seconds of work that go to a worker in one piece, and during which ends of tasks are gathered
PIECE = 64  # tasks that go to a worker in one piece
SUSPECT, DEADLY = 2, 3  # deaths of workers with a task, after which it runs alone; and of its own
WAIT = 0.25  # seconds until one looks again whether the tasks of others have ended
LOOK = 5.0  # seconds without an end of a task, after which one looks whether there is anybody left to compute


def dispatch(
    place: Place,
    function: Callable[[Any], Any],
    argument: Callable[[str], Any],
    exchange: Callable[[Sequence[Ended], int], tuple[list[str], int]],
    waiting: Callable[[], int],
    note: Callable[[list[str], int, int], None],
) -> None:
    """Calls a function for every task, until all have ended.

    argument  returns what the function is called with for a task, by the task's key
    exchange  writes how some tasks ended, and returns the keys of at most so many others to be done here, and how many
              others have ended that had been `waiting`
    waiting   returns how many tasks are to be done, by whomever
    note      is called with the keys of those that ended here, and the numbers of those that failed and of those that
              ended elsewhere

    More tasks are out than there are workers: as many more as end within two seconds, so that quick ones are never
    waited for, and slow ones are left for other runners. Where a worker dies, its tasks are done again, and those that
    were there at two deaths run alone: one that three more workers die of ends as failed.
    """
    out: dict[Future[Any], list[str]] = {}
    suspects: deque[str] = deque()
    deaths: Counter[str] = Counter()
    arrived: SimpleQueue[Future[Any]] = SimpleQueue()
    pace = _Pace()
    ended: list[Ended] = []
    expected = signature()

    def submit(keys: list[str]) -> None:
        try:
            future = place.submit(call, function, [argument(key) for key in keys], expected)
        except Exception as error:  # what cannot be pickled, or sent
            future = Future()
            future.set_exception(error)
        out[future] = keys
        future.add_done_callback(arrived.put)

    try:
        while True:
            slots = place.slots()
            room = 2 * slots + min(MOST, 2 * pace.rate()) - sum(map(len, out.values()))
            taken, others = exchange(ended, max(0, room)) if ended or room > 0 else ([], 0)
            note([each.key for each in ended], sum(each.error is not None for each in ended), others)
            size = max(1, min(pace.piece(), len(taken) // slots))
            for i in range(0, len(taken), size):
                submit(taken[i : i + size])
            if not out and not waiting():
                if not suspects:
                    return
                submit([suspects.popleft()])
            ended = []
            some = _arrivals(arrived, LOOK if out and not waiting() else WAIT, len(out) - slots)
            if not some:
                place.check()
            for future in some:
                keys = out.pop(future)
                try:
                    ended += [Ended(key, *each) for key, each in zip(keys, future.result(), strict=True)]
                except place.lost as error:
                    place.check()
                    deaths.update(keys)
                    for key in keys:
                        if deaths[key] >= SUSPECT + DEADLY:
                            why = f"{deaths[key]} workers died with this task, the last {DEADLY} with it alone"
                            ended.append(Ended(key, 0.0, None, f"{type(error).__name__}: {why}"))
                        elif deaths[key] >= SUSPECT:
                            suspects.append(key)
                        else:
                            submit([key])
                except Unlike:
                    raise
                except Exception as error:  # what cannot be pickled, say
                    if len(keys) > 1:
                        for key in keys:
                            submit([key])
                    else:
                        ended.append(Ended(keys[0], 0.0, None, f"{type(error).__name__}: {error}"))
            pace.add(ended)
    except BaseException:
        with suppress(Exception):  # which would hide this one
            exchange(ended, 0)
        raise
    finally:
        for future in out:
            future.cancel()


class _Pace:
    """How quickly tasks end."""

    def __init__(self) -> None:
        self._ended: deque[tuple[float, float]] = deque()  # when, and the seconds it took, of the last second

    def add(self, ended: Sequence[Ended]) -> None:
        now = time.monotonic()
        self._ended.extend((now, each.seconds) for each in ended)
        while self._ended and self._ended[0][0] < now - 1.0:
            self._ended.popleft()

    def rate(self) -> int:
        """Returns how many ended within the last second."""
        return len(self._ended)

    def piece(self) -> int:
        """Returns how many make a piece of work."""
        if not self._ended:
            return 1
        mean = sum(seconds for _, seconds in self._ended) / len(self._ended)
        return max(1, min(PIECE, int(QUICK / max(mean, 1e-9))))


def _arrivals(arrived: SimpleQueue[Future[Any]], seconds: float, spare: int) -> list[Future[Any]]:
    """Returns what arrives first within so many seconds, and what follows soon, while it is no more than `spare`."""
    found: list[Future[Any]] = []
    soon = time.monotonic() + QUICK
    try:
        found.append(arrived.get(timeout=seconds))
        while True:
            left = soon - time.monotonic() if len(found) < spare else 0.0
            found.append(arrived.get(left > 0.0, left))
    except Empty:
        return found
