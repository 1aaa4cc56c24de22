"""The file of a ledger: an SQLite database of what there is to do, who does it, and what came of it.

A runner is one `run` of one process. It says that it lives by a beat, every few seconds. A task that it took is its
own until it ends, or until the runner is dead: its process is gone, or its last beat is long ago. What several runners
do happens one after the other, each in a transaction that is on the disk when it ends.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import time
import uuid
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, NamedTuple

from elman.core.io import FileError

__all__ = ["Ended", "Row", "Store"]

APPLICATION, FORMAT = 0x656C6D61, 1  # "elma"
PATIENCE = 60.0  # seconds that one waits for another's transaction
BEAT, DEAD = 5.0, 60.0  # seconds between two beats, and since the last one of a runner that is dead
LOOKED_AT = 500  # tasks in one look for free ones
TABLES = """
CREATE TABLE task(
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,  -- digest of function, argument, versions
    function TEXT NOT NULL,
    name TEXT NOT NULL,
    runner TEXT,               -- who does it
    ended REAL,                -- when, seconds since 1970
    seconds REAL,              -- how long it took
    error TEXT,                -- the traceback of one that failed
    result BLOB
);
CREATE INDEX held ON task(runner) WHERE ended IS NULL AND runner IS NOT NULL;
CREATE TABLE runner(id TEXT PRIMARY KEY, place TEXT NOT NULL, pid INTEGER NOT NULL, beat REAL NOT NULL);
"""
_RUNNING: set[str] = set()  # ids of this process's runners


class Ended(NamedTuple):
    """How a task ended: with a result, or with an error."""

    key: str
    seconds: float
    result: bytes | None
    error: str | None


class Row(NamedTuple):
    """What is known of a task."""

    name: str
    ended: float | None
    result: bytes | None
    error: str | None


class Store:
    """A ledger's file, made where there is none; ":memory:" is one that ends with the process."""

    def __init__(self, path: str) -> None:
        self.path, self._lock = path, Lock()
        with self._errors():
            if path != ":memory:" and not Path(path).absolute().parent.is_dir():
                raise FileNotFoundError(2, "the folder does not exist", str(Path(path).parent))
            self._open()

    def _open(self) -> None:
        self._sql = sqlite3.connect(self.path, PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            self._sql.execute("PRAGMA synchronous = FULL")
            with self.transaction():
                if not self._sql.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    for statement in TABLES.split(";\n"):
                        self._sql.execute(statement)
                    self._sql.execute(f"PRAGMA application_id = {APPLICATION}")
                    self._sql.execute(f"PRAGMA user_version = {FORMAT}")
                pragmas = ("application_id", "user_version")
                own, version = (self._sql.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas)
            if own != APPLICATION:
                raise FileError(self.path, "expected a ledger of elman, got another program's database")
            if version != FORMAT:
                raise FileError(
                    self.path, f"expected a ledger of format {FORMAT}, got {version}; a newer elman reads it"
                )
        except BaseException:
            self._sql.close()
            raise

    def close(self) -> None:
        if hasattr(self, "_sql"):
            self._sql.close()

    __del__ = close  # Python 3.13 warns of databases that are left open

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """Yields the database; what the body does to it lasts, all or nothing, and nobody else writes meanwhile."""
        with self._lock, self._errors():
            self._sql.execute("BEGIN IMMEDIATE")
            try:
                yield self._sql
                self._sql.execute("COMMIT")
            except BaseException:
                if self._sql.in_transaction:
                    self._sql.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors(self) -> Generator[None]:
        """Turns errors of SQLite into those that the rest of elman raises for files."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise OSError(5, f"the ledger cannot be used: {error}", self.path) from error
        except sqlite3.DatabaseError as error:
            raise FileError(self.path, f"no ledger, or a damaged one: {error}") from error

    # ------------------------------------------------------------------------------------------- tasks

    def add(self, function: str, names: dict[str, str]) -> None:
        """Adds tasks of a function by their keys, each with a name for people; those that are there stay."""
        rows = [(key, function, name) for key, name in names.items()]
        with self.transaction() as sql:
            sql.executemany("INSERT OR IGNORE INTO task(key, function, name) VALUES (?, ?, ?)", rows)

    def ended(self, keys: Sequence[str], failed: bool = False) -> set[str]:
        """Returns which of the tasks have ended; with `failed`, which of them with an error."""
        found: set[str] = set()
        with self._lock, self._errors():
            for some in _parts(keys):
                where = f"key IN ({_marks(some)}) AND ended IS NOT NULL" + " AND error IS NOT NULL" * failed
                found |= {key for (key,) in self._sql.execute(f"SELECT key FROM task WHERE {where}", some)}
        return found

    def reopen(self, keys: Sequence[str]) -> None:
        """Forgets the errors of tasks, so that they are done again."""
        with self.transaction() as sql:
            for some in _parts(keys):
                sql.execute(
                    "UPDATE task SET runner = NULL, ended = NULL, error = NULL"
                    f" WHERE key IN ({_marks(some)}) AND error IS NOT NULL",
                    some,
                )

    def row(self, key: str) -> Row:
        """Returns what is known of a task; KeyError where it is not there."""
        with self._lock, self._errors():
            found = self._sql.execute("SELECT name, ended, result, error FROM task WHERE key = ?", (key,)).fetchone()
        if found is None:
            raise KeyError(key)
        return Row(*found)

    def failures(self) -> list[tuple[str, str, str]]:
        """Returns function, name and traceback of each task that failed."""
        with self._lock, self._errors():
            return self._sql.execute(
                "SELECT function, name, error FROM task WHERE error IS NOT NULL ORDER BY id"
            ).fetchall()

    def counts(self) -> tuple[int, int, int, float]:
        """Returns how many tasks are done, have failed and are open, and the seconds that those ended took."""
        with self._lock, self._errors():
            return self._sql.execute(
                "SELECT coalesce(sum(ended IS NOT NULL AND error IS NULL), 0), count(error),"
                " coalesce(sum(ended IS NULL), 0), coalesce(sum(seconds), 0.0) FROM task"
            ).fetchone()

    # ----------------------------------------------------------------------------------------- runners

    @contextmanager
    def runner(self) -> Generator[str]:
        """Yields the id of a new runner, which beats until the end; the tasks that it has not ended are free then."""
        me, stop = uuid.uuid4().hex, Event()
        _RUNNING.add(me)
        self._beat(me)
        thread = Thread(target=self._beats, args=(me, stop), name="elman-ledger", daemon=True)
        thread.start()
        try:
            yield me
        finally:
            stop.set()
            thread.join()
            _RUNNING.discard(me)
            with self.transaction() as sql:
                _forget(sql, me)

    def _beats(self, me: str, stop: Event) -> None:
        while not stop.wait(BEAT):
            try:
                self._beat(me)
            except (OSError, FileError):  # the run itself meets it too, and raises it
                return

    def _beat(self, me: str) -> None:
        with self.transaction() as sql:
            sql.execute("INSERT OR REPLACE INTO runner VALUES (?, ?, ?, ?)", (me, _place(), os.getpid(), time.time()))

    def exchange(self, me: str, ended: Iterable[Ended], queue: deque[str], count: int) -> tuple[list[str], int]:
        """Writes how tasks ended and takes others for a runner, in one transaction.

        The tasks that it takes, at most `count`, leave the queue, as do those that have ended; those of other runners
        go to its end. Returns the keys that were taken, and how many had been ended by others. Of a task that was ended
        before, the first result stays.
        """
        now, taken, others = time.time(), list[str](), 0
        with self.transaction() as sql:
            for each in ended:
                sql.execute(
                    "UPDATE task SET ended = ?, seconds = ?, result = ?, error = ?, runner = ?"
                    " WHERE key = ? AND ended IS NULL",
                    (now, each.seconds, each.result, each.error, me, each.key),
                )
            if not count or not queue:
                return taken, others
            living: set[str] = set()
            for runner, place, pid, beat in sql.execute("SELECT * FROM runner").fetchall():
                if now - beat > DEAD or _gone(runner, place, pid):
                    _forget(sql, runner)
                else:
                    living.add(runner)
            for _ in range(min(len(queue), max(LOOKED_AT, 2 * count))):
                key = queue.popleft()
                runner, done = sql.execute("SELECT runner, ended FROM task WHERE key = ?", (key,)).fetchone()
                if done is not None:
                    others += 1
                elif runner not in living:
                    sql.execute("UPDATE task SET runner = ? WHERE key = ?", (me, key))
                    taken.append(key)
                    if len(taken) == count:
                        break
                else:
                    queue.append(key)
        return taken, others


def _forget(sql: sqlite3.Connection, runner: str) -> None:
    """Makes the tasks of a runner free that it has not ended."""
    sql.execute("UPDATE task SET runner = NULL WHERE runner = ? AND ended IS NULL", (runner,))
    sql.execute("DELETE FROM runner WHERE id = ?", (runner,))


def _place() -> str:
    """Returns where the numbers of processes mean what they mean here: the machine, and on Linux the container."""
    try:
        return f"{socket.gethostname()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def _gone(runner: str, place: str, pid: int) -> bool:
    """Returns whether the process of a runner is known to have ended."""
    if os.name != "posix" or place != _place():  # elsewhere, a signal 0 is not a question
        return False
    if pid == os.getpid():  # this process, or an earlier one of the same number
        return runner not in _RUNNING
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False


def _parts(keys: Sequence[str]) -> list[Sequence[str]]:
    return [keys[i : i + LOOKED_AT] for i in range(0, len(keys), LOOKED_AT)]


def _marks(some: Sequence[Any]) -> str:
    return ", ".join("?" * len(some))
