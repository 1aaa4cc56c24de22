"""What was measured, as Markdown for people and JSON for programs."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.grid import Asked, Row, asked
from benchmarks.sine import EPOCHS, UPDATES
from benchmarks.timing import Measured

__all__ = ["Result", "as_json", "as_markdown", "lines"]

HEADERS = (
    "contender",
    "median us",
    "min us",
    "ratio",
    "GFLOP/s",
    "of peak",
    "CPU/wall",
    "error of output",
    "of gradient",
    "asked",
    "",
)
LEGEND = """\
Times are of one repetition (an update, a pass, a step). **ratio**: a contender's median time over elman's; above 1,
elman is faster. **GFLOP/s**: of the products needed, at the median. **of peak**: that over the speed of a product of
two 1024 x 1024 matrices, the best of NumPy and PyTorch, on one thread, just before and after the row, times the row's
threads. **error**: largest difference from float64, relative to the array's largest entry. **CPU/wall**: processor time
over time passed; each contender is held to as many cores as the row has threads."""


@dataclass(frozen=True)
class Result:
    """One row, all its contenders, and the speed of a product (FLOP/s, one thread) around it."""

    row: Row
    found: list[Measured]
    peak: float


def lines(result: Result, isa: str | None = None) -> list[dict[str, Any]]:
    """One mapping for each contender; a figure that there is not is None."""
    ours = result.found[0]
    listed = []
    for item in result.found:
        case, wanted = item.entry.case, asked(result.row, item.entry, isa)
        line: dict[str, Any] = {"contender": item.entry.label, "way": item.way, **asdict(case)}
        if not item.samples:
            listed.append(line | {"trouble": item.trouble})
            continue
        speed = case.flops / item.median
        line |= {
            "median_us": item.median * 1e6,
            "min_us": item.least * 1e6,
            "ratio": item.median / ours.median if ours.samples else None,
            "gflops": speed / 1e9,
            "of_peak": speed / (result.peak * case.threads) if result.peak else None,
            "cpu_over_wall": item.cpu_over_wall,
            "output_error": _finite(item.output_error),
            "gradient_error": _finite(item.gradient_error),
            "samples_us": [sample * 1e6 for sample in item.samples],
            "right": item.right,
            "asked": asdict(wanted) if wanted else None,
        }
        line["met"] = item.right and _met(line, wanted)
        listed.append(line)
    return listed


def _finite(value: float) -> float | None:
    return None if math.isnan(value) else value


def _met(line: dict[str, Any], wanted: Asked | None) -> bool:
    if wanted is None:
        return True
    if wanted.what == "micros":
        return line["median_us"] <= wanted.value
    value = line["ratio" if wanted.what == "ratio" else "of_peak"]
    return value is not None and value >= wanted.value


def as_json(results: list[Result], about: dict[str, Any]) -> dict[str, Any]:
    isa = about.get("held to")
    return {
        "about": about,
        "rows": [
            {
                "group": r.row.group,
                "name": r.row.case.name,
                "peak_gflops": r.peak / 1e9,
                "contenders": lines(r, isa),
            }
            for r in results
        ],
    }


def as_markdown(results: list[Result], about: dict[str, Any]) -> str:
    isa = about.get("held to")
    missed, count = [], 0
    for result in results:
        for line in lines(result, isa):
            count += bool(line.get("asked"))
            if line.get("met") is False:
                missed.append(f"- {result.row.case.name}: {_wish(line)}{'' if line['right'] else ', a wrong answer'}")
    text = [f"# Benchmarks, {about['date']}", "", LEGEND, "", "| | |", "|---|---|"]
    text += [f"| {name} | {value} |" for name, value in about.items() if not isinstance(value, list)]
    text += [f"\nLeft out: {note}" for note in about.get("left out", [])]
    text += ["", f"**Of {count} figures asked for, {count - len(missed)} were met.**", *missed]
    for group in dict.fromkeys(result.row.group for result in results):
        text += ["", f"## {group}", "", f"| case | {' | '.join(HEADERS)} |", "|---" * (len(HEADERS) + 1) + "|"]
        for result in results:
            if result.row.group == group:
                text += _table(result, isa)
        if group == "sine":
            text += ["", *(_whole_job(result) for result in results if result.row.group == group)]
    return "\n".join(text) + "\n"


def _table(result: Result, isa: str | None) -> list[str]:
    text = []
    for number, line in enumerate(lines(result, isa)):
        name = result.row.case.name if number == 0 else ""
        label = f"{line['contender']} ({line['way']})" if line["way"] else line["contender"]
        if "trouble" in line:
            text.append(f"| {name} | {label} | left out: {line['trouble']} |" + " |" * (len(HEADERS) - 2))
            continue
        figures = [
            _figure(line["median_us"]),
            _figure(line["min_us"]),
            _figure(line["ratio"]),
            _figure(line["gflops"]),
            "-" if line["of_peak"] is None else f"{line['of_peak']:.0%}",
            f"{line['cpu_over_wall']:.2f}",
            *("-" if line[key] is None else f"{line[key]:.0e}" for key in ("output_error", "gradient_error")),
            _target(line["asked"]),
            "wrong" if not line["right"] else "" if not line["asked"] else "met" if line["met"] else "**missed**",
        ]
        text.append(f"| {name} | {label} | {' | '.join(figures)} |")
    return text


def _whole_job(result: Result) -> str:
    times = [f"{m.entry.label} {m.median * EPOCHS * UPDATES:.1f} s" for m in result.found if m.samples]
    return f"The whole job, {EPOCHS} epochs of {UPDATES} updates, at the median: {', '.join(times)}."


def _target(wanted: dict[str, Any] | None) -> str:
    if not wanted:
        return ""
    value = wanted["value"]
    return {
        "ratio": f"ratio >= {value:.3g}",
        "peak": f"peak >= {value:.0%}",
        "micros": f"at most {value:g} us",
    }[wanted["what"]]


def _wish(line: dict[str, Any]) -> str:
    key = {"ratio": "ratio", "peak": "of_peak", "micros": "median_us"}.get((line["asked"] or {}).get("what", ""))
    found = f", got {_figure(line[key])}" if key else ""
    return f"{line['contender']}, {_target(line['asked']) or 'a right answer'}{found}"


def _figure(value: float | None) -> str:
    """Three significant digits, no exponent."""
    if value is None:
        return "-"
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 1
    return f"{value:,.{max(0, 3 - whole)}f}"
