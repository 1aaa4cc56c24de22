"""What a command says: text in columns, JSON, errors. Plain wherever the output is no terminal."""

from __future__ import annotations

import io
import json
import math
import os
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from typing import Any

__all__ = ["Gone", "as_json", "error", "figure", "figures", "flush", "line", "plainly", "rows", "table", "working"]


class Gone(Exception):
    """Nobody reads stdout any more."""


def line(text: str = "") -> None:
    """One line of text on stdout. Gone where its reader went away; OSError that names it, such as of a full disk."""
    with _stdout():
        print(text)


def flush() -> None:
    """Hands on what was said so far; the errors are those of `line`."""
    with _stdout():
        sys.stdout.flush()


def error(text: str, code: int) -> int:
    """One line on stderr; returns the exit code."""
    with suppress(OSError):  # nowhere is left to say it
        print(f"elman: {' '.join(text.split())}", file=sys.stderr)
    return code


@contextmanager
def plainly() -> Generator[None]:
    """Meanwhile stdout shows what its encoding lacks as \\xe9 or \\u4e2d, instead of failing."""
    stream = sys.stdout
    if not isinstance(stream, io.TextIOWrapper):
        yield
        return
    errors = stream.errors or "strict"
    stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        with suppress(OSError):  # what could not be written was told already
            stream.reconfigure(errors=errors)


@contextmanager
def _stdout() -> Generator[None]:
    try:
        yield
    except OSError as reason:
        with suppress(OSError):  # or Python tries, and complains, once more when it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(reason, BrokenPipeError):
            raise Gone from None
        raise OSError(reason.errno, reason.strerror, "standard output") from None


def figure(value: float, digits: int = 4) -> str:
    """A number as a table shows it: `digits` significant ones, no exponent for everyday sizes, "-" where undefined."""
    if not math.isfinite(value):
        return "-"
    if value and not 1e-3 <= abs(value) < 1e7:
        return f"{value:.{digits - 1}e}"
    whole = len(str(int(abs(value))))
    return f"{value:,.{max(0, digits - whole)}f}" if abs(value) >= 1 else f"{value:.{digits}f}"


def figures(values: Iterable[float], digits: int = 4) -> list[str]:
    """A column of numbers, all with the same decimals: the largest shows `digits` significant ones."""
    listed = list(values)
    largest = max((abs(value) for value in listed if math.isfinite(value)), default=0.0)
    if largest and not 1e-3 <= largest < 1e7:
        return [figure(value, digits) for value in listed]
    decimals = max(0, digits - len(str(int(largest)))) if largest >= 1 else digits
    return [f"{value:,.{decimals}f}" if math.isfinite(value) else "-" for value in listed]


def table(headers: Sequence[str], body: Iterable[Sequence[str]], title: str = "") -> None:
    """Columns: the first to the left, the others to the right; headers in bold on a terminal."""
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
    """Names and values, one pair a line."""
    listed = list(pairs)
    width = max((len(name) for name, _ in listed), default=0)
    for name, value in listed:
        line(f"  {name.ljust(width)}  {value}".rstrip())


@contextmanager
def working(text: str) -> Generator[Callable[[float], None]]:
    """Says on stderr that work goes on: something that moves on a terminal, else one line. What it gives is to be told
    the share that is done."""
    if sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status(f"{text} ...") as status:
            yield lambda share: status.update(f"{text} ... {share:.0%}")
    else:
        print(f"{text} ...", file=sys.stderr, flush=True)
        yield lambda share: None


def as_json(value: Any) -> None:
    """One JSON object on stdout; what is not a number (an undefined measure) is null."""
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")  # elsewhere letters are escaped as JSON does it
    line(json.dumps(_plain(value), indent=2, ensure_ascii=not unicode, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "dtype"):  # NumPy's, which stays unloaded where a command does not need it
        return _plain(value.tolist() if value.dtype.kind != "M" else value.astype(str).tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
