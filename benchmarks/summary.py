"""Where elman is slowest beside the others: `python -m benchmarks.summary RESULT.json [RESULT.json ...] [--rows 12]`
reads what `python -m benchmarks` wrote, and prints for each machine a table of the cases in which the fastest other
library comes nearest to elman, or is ahead of it, the worst first.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

PEERS = ("torch", "jax", "onnxruntime", "numpy")


class Nearest(NamedTuple):
    """One case, and the fastest of the others in it."""

    case: str
    micros: float  # elman's
    peer: str
    ratio: float  # the peer's time over elman's


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.summary", description=(__doc__ or "").split(":", maxsplit=1)[0]
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="RESULT.json")
    parser.add_argument("--rows", type=int, default=12, help="rows of each table")
    given = parser.parse_args(arguments)
    print("\n\n".join(table(json.loads(path.read_text("utf-8")), given.rows) for path in given.files))
    return 0


def nearest(result: dict[str, Any]) -> list[Nearest]:
    """Returns each case in which another library takes part, the one nearest to elman first."""
    found: list[Nearest] = []
    for row in result["rows"]:
        ours, *others = row["contenders"]
        timed = [one for one in others if one["contender"] in PEERS and one.get("ratio") is not None]
        if ours.get("median_us") is None or not timed:
            continue
        best = min(timed, key=lambda one: one["ratio"])
        found.append(Nearest(row["name"], ours["median_us"], best["contender"], best["ratio"]))
    return sorted(found, key=lambda one: one.ratio)


def table(result: dict[str, Any], rows: int) -> str:
    """Returns a heading that names the machine, how often elman is ahead, and the first rows as Markdown."""
    about, found = result["about"], nearest(result)
    ahead = sum(one.ratio >= 1 for one in found)
    isa = about.get("held to") or about.get("isa") or "reference"
    lines = [
        f"**{about['processor']}, {about['caches']}, {isa}**, {about['date']}: elman is ahead of every other library "
        f"in {ahead} of {len(found)} cases.",
        "",
        "| case | elman, us | fastest of the others | its time over elman's |",
        "|---|---|---|---|",
    ]
    for one in found[:rows]:
        ratio = f"{one.ratio:.2f}" if one.ratio >= 1 else f"**{one.ratio:.2f}**"
        micros = f"{one.micros:,.0f}" if one.micros >= 100 else f"{one.micros:.3g}"
        lines.append(f"| {one.case} | {micros} | {one.peer} | {ratio} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
