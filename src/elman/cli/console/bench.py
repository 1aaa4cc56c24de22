"""The timings of `elman bench`, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from elman.cli.console import terminal

__all__ = ["Timing", "print_timings"]


class Timing(NamedTuple):
    """How long one piece of work took, with B rows of T steps and D features, and H units."""

    work: str
    cell: str
    B: int
    T: int
    D: int
    H: int
    micros: dict[str, float]  # contender -> microseconds
    ratios: dict[str, float]  # contender but elman -> its time divided by elman's


def print_timings(found: Sequence[Timing], peers: Sequence[str], machine: Mapping[str, object]) -> None:
    """Prints the rows of a benchmark, under a title that says what ran on which machine."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    isa = f", {machine['isa']}" if machine["isa"] else ""
    plural = "" if machine["threads"] == 1 else "s"
    about = f"elman {machine['version']}, {machine['engine']} engine{isa}, {machine['threads']} thread{plural}, float32"
    table = Table(title=about, title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("work", "cell", "B, T, D, H"):
        table.add_column(heading, no_wrap=True)
    for heading in ("microseconds", *(f"times faster than {peer}" for peer in peers)):
        table.add_column(heading, justify="right")
    before = ""
    for row in found:
        if before not in ("", row.work):
            table.add_section()
        before = row.work
        shape = f"{row.B}, {row.T}, {row.D}, {row.H}"
        ratios = [terminal.figure(row.ratios[peer], 3) for peer in peers]
        table.add_row(row.work, row.cell, shape, terminal.figure(row.micros["elman"], 3), *ratios)
    Console().print(table)
    terminal.line(
        "Each time is of one update (train), one pass (predict) or one step. NumPy is elman's own reference engine,"
    )
    terminal.line(
        "the equations as written, not tuned." + ("" if "torch" in peers else " PyTorch is not installed here.")
    )
