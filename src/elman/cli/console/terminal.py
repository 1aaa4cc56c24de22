"""Text, tables, JSON, errors and progress on stdout and stderr, without colours wherever these are no terminal."""

from __future__ import annotations

import io
import json
import math
import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = [
    "ReaderGone",
    "any_encoding",
    "error",
    "figure",
    "figures",
    "flush",
    "is_terminal",
    "left",
    "line",
    "print_json",
    "rows",
    "table",
    "text",
    "working",
    "wrote",
]


EVERY = 5.0  # seconds from one line of progress to the next, where stderr is no terminal


class ReaderGone(Exception):
    """The reader of stdout, such as `head`, has closed it."""


def line(text: str = "", *, now: bool = False) -> None:
    """Prints one line on stdout, where `now` hands it on at once, also into a pipe. Raises ReaderGone where stdout is
    closed, and an OSError that names it for anything else, such as a full disk."""
    with _stdout():
        print(text, flush=now)


def text(part: str | bytes) -> None:
    """Prints a piece of text on stdout at once, without an end of line; the errors are those of `line`. Bytes go out
    as they are; to a terminal, as UTF-8."""
    with _stdout():
        buffer = getattr(sys.stdout, "buffer", None)
        if isinstance(part, bytes) and buffer is not None and not sys.stdout.isatty():
            sys.stdout.flush()
            buffer.write(part)
        else:
            print(part.decode(errors="replace") if isinstance(part, bytes) else part, end="")
        sys.stdout.flush()


def is_terminal() -> bool:
    """Returns whether stdout is a terminal."""
    return sys.stdout.isatty()


def flush() -> None:
    """Hands on what was printed so far; the errors are those of `line`."""
    with _stdout():
        sys.stdout.flush()


def error(text: str, code: int) -> int:
    """Prints one line on stderr and returns the exit code `code`."""
    with suppress(OSError):  # there is no other place to report it
        print(f"elman: {' '.join(text.split())}", file=sys.stderr)
    return code


@contextmanager
def any_encoding() -> Generator[None]:
    """While it is open, stdout shows letters that its encoding lacks as \\xe9 or \\u4e2d, instead of failing."""
    stream = sys.stdout
    if not isinstance(stream, io.TextIOWrapper):
        yield
        return
    errors = stream.errors or "strict"
    stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        with suppress(OSError):  # what could not be written was reported already
            stream.reconfigure(errors=errors)


@contextmanager
def _stdout() -> Generator[None]:
    try:
        yield
    except OSError as reason:
        with suppress(OSError):  # else Python tries again when it ends, and complains
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(reason, BrokenPipeError):
            raise ReaderGone from None
        raise OSError(reason.errno, reason.strerror, "standard output") from None


def figure(value: float, digits: int = 4) -> str:
    """Returns a number as a table shows it, with `digits` significant digits, and no exponent unless it is very small
    or large; "-" for NaN and infinity."""
    if not math.isfinite(value):
        return "-"
    if value and not 1e-3 <= abs(value) < 1e7:
        return f"{value:.{digits - 1}e}"
    whole = len(str(int(abs(value))))
    return f"{value:,.{max(0, digits - whole)}f}" if abs(value) >= 1 else f"{value:.{digits}f}"


def figures(values: Iterable[float], digits: int = 4) -> list[str]:
    """Returns a column of numbers, all with the same decimals: the largest has `digits` significant digits."""
    listed = list(values)
    largest = max((abs(value) for value in listed if math.isfinite(value)), default=0.0)
    if largest and not 1e-3 <= largest < 1e7:
        return [figure(value, digits) for value in listed]
    decimals = max(0, digits - len(str(int(largest)))) if largest >= 1 else digits
    return [f"{value:,.{decimals}f}" if math.isfinite(value) else "-" for value in listed]


def table(headers: Sequence[str], body: Iterable[Sequence[str]], title: str = "") -> None:
    """Prints rows of cells in columns, the first aligned to the left, the others to the right; the headers are bold on
    a terminal."""
    lines = [list(headers), *(list(row) for row in body)]
    widths = [max(len(row[k]) for row in lines) for k in range(len(headers))]
    if title:
        line(title)
    for number, row in enumerate(lines):
        cells = [
            text.ljust(w) if k == 0 else text.rjust(w) for k, (text, w) in enumerate(zip(row, widths, strict=True))
        ]
        text = ("  " + "  ".join(cells)).rstrip()
        line(f"\033[1m{text}\033[0m" if number == 0 and sys.stdout.isatty() else text)


def rows(pairs: Iterable[tuple[str, str]]) -> None:
    """Prints names and values, one pair a line."""
    listed = list(pairs)
    width = max((len(name) for name, _ in listed), default=0)
    for name, value in listed:
        line(f"  {name.ljust(width)}  {value}".rstrip())


@contextmanager
def working(text: str) -> Generator[Callable[[float], None]]:
    """Shows on stderr that work goes on, and what it still needs: animated on a terminal, else in a line now and then.
    Yields the function to be called with the share of the work that is done, from 0 to 1, by any thread."""
    began = time.monotonic()
    if sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status(f"{text} ...") as status:
            yield lambda share: status.update(f"{text} ... {left(share, time.monotonic() - began)}")
        return
    print(f"{text} ...", file=sys.stderr, flush=True)
    due = began + EVERY

    def show(share: float) -> None:
        nonlocal due
        now = time.monotonic()
        if now >= due and share < 1.0:
            due = now + EVERY
            with suppress(OSError):  # progress is no reason to end the work
                print(f"{text} ... {left(share, now - began)}", file=sys.stderr, flush=True)

    yield show


def left(share: float, seconds: float) -> str:
    """Returns the share of the work that is done, and, once that says something, about how long the rest takes when
    that share took so many seconds."""
    if share < 0.02 or seconds < 2.0 or share >= 1.0:
        return f"{share:.0%}"
    rest = seconds * (1.0 - share) / share
    about = f"{rest:.0f} s" if rest < 90 else f"{rest / 60:.0f} min" if rest < 5400 else f"{rest / 3600:.1f} h"
    return f"{share:.0%}, about {about} left"


def wrote(paths: Sequence[Path]) -> None:
    """Prints which files were written, after an empty line."""
    line()
    line("Wrote " + ", ".join(map(str, paths)))


def minutes_as_updates(minutes: float | None, updates: int) -> None:
    """Prints the updates that --minutes stands for, where it was given."""
    if minutes is not None:
        line(
            f"{minutes:g} minutes on this machine, as it is now: about {updates:,} updates (--updates {updates} repeats"
            " this anywhere)",
            now=True,
        )


def print_json(value: object) -> None:
    """Prints one JSON object on stdout; NaN and infinity, such as an undefined measure, are null."""
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")  # other encodings get JSON's escapes for letters
    line(json.dumps(_plain(value), indent=2, ensure_ascii=not unicode, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "dtype"):  # of NumPy, which is not imported here: some commands do not need it
        return _plain(value.tolist() if value.dtype.kind != "M" else value.astype(str).tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
