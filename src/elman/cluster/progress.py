"""Shows on stderr how many of many tasks have ended."""

from __future__ import annotations

import sys
import time

__all__ = ["Shown"]

EVERY = 1.0, 30.0  # seconds between two lines: on a terminal, where a line is written anew, and elsewhere


class Shown:
    """Tells how many tasks have ended, how many of them failed, and the time that is left."""

    def __init__(self, enabled: bool) -> None:
        self._enabled, self._terminal = enabled, sys.stderr.isatty()
        self._began = self._told = time.monotonic()
        self._first: int | None = None  # that had ended before, and took this run no time
        self._width = 0

    def tell(self, ended: int, failed: int, total: int) -> None:
        now = time.monotonic()
        self._first = ended if self._first is None else self._first
        last = ended == total
        if not self._enabled or not (last or now - self._told >= EVERY[not self._terminal]):
            return
        self._told, mine = now, ended - self._first
        text = f"{ended:,} of {total:,} tasks" + f", {failed:,} failed" * bool(failed)
        seconds = now - self._began
        if last:
            text += f" in {seconds:,.0f} s"
        elif mine:
            text += f", {seconds / mine * (total - ended):,.0f} s left"
        begin, end = ("\r", "\n" if last else "") if self._terminal else ("", "\n")
        print(begin + text.ljust(self._width), end=end, file=sys.stderr, flush=True)
        self._width = len(text)
