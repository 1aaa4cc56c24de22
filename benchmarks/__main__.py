"""`python -m benchmarks`: elman, PyTorch, JAX, ONNX Runtime and NumPy in turn, on the same work, in one run.

Run it from the root of the repository with elman installed (the extra `peers` brings the others). Without options it
takes about half an hour; `--quick` less than two minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.cases import CELLS, Case
from benchmarks.grid import GROUPS, PEERS, Entry, Row, rows
from benchmarks.machine import describe, usable_cores
from benchmarks.report import Result, as_json, as_markdown, lines
from benchmarks.timing import Pace, Workers, measure

RESULTS = Path(__file__).parent / "results"
FULL, QUICK = Pace(9, 0.1, 4.0), Pace(3, 0.01, 0.2, thorough=False)


def main(arguments: list[str] | None = None) -> int:
    given = parse(arguments)
    pace = QUICK if given.quick else FULL
    cores = usable_cores()
    every = rows(given.only, given.cells, given.shapes, given.peers, given.quick)
    chosen = [row for row in every if not cores or row.case.threads <= len(cores)]
    if not chosen:
        print("no case is left by this selection", file=sys.stderr)
        return 2
    results: list[Result] = []
    with Workers(cores, given.isa) as workers:
        peak = peaks(workers, pace)
        for number, row in enumerate(chosen, 1):
            before, began = peak[row.case.dtype], time.perf_counter()
            found = measure(row, workers, pace)
            peak = peaks(workers, pace) if not given.quick else peak
            results.append(Result(row, found, max(before, peak[row.case.dtype])))
            show(results[-1], given.isa, f"{number}/{len(chosen)}", time.perf_counter() - began)
        about = {**describe(), **workers.versions()}
        if given.isa:
            about["held to"] = given.isa
        about["left out"] = [f"{name}: {why}" for name, why in workers.missing.items()]
        if len(chosen) < len(every):
            about["left out"].append(f"{len(every) - len(chosen)} rows that need more than {len(cores)} core")
    folder: Path = given.out
    folder.mkdir(parents=True, exist_ok=True)
    words = [about["date"], str(about.get("isa") or "reference"), *(["quick"] if given.quick else [])]
    for part, whole in ((given.only, GROUPS), (given.cells, CELLS)):
        words += part if len(part) < len(whole) else []
    words += ["x".join(map(str, shape)) for shape in given.shapes or ()]
    name = "-".join(words)
    (folder / f"{name}.md").write_text(as_markdown(results, about), "utf-8")
    (folder / f"{name}.json").write_text(json.dumps(as_json(results, about), indent=1), "utf-8")
    print(f"wrote {name}.md and {name}.json")
    sound = all(item.right for result in results for item in result.found)
    return 0 if sound and all(result.found[0].samples for result in results) else 1


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="a small part of the grid, in less than two minutes")
    parser.add_argument("--only", type=_words(GROUPS), default=list(GROUPS), help=f"groups: {','.join(GROUPS)}")
    parser.add_argument("--cells", type=_words(CELLS), default=list(CELLS), help="tanh,lstm,gru")
    parser.add_argument("--shapes", type=_shape, nargs="+", metavar="B,T,D,H", help="shapes in place of the grid's")
    parser.add_argument("--peers", type=_words(PEERS), default=list(PEERS), help=f"peers: {','.join(PEERS)}")
    parser.add_argument("--isa", choices=["avx2"], help="holds elman, PyTorch, JAX and NumPy to this instruction set")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    given = parser.parse_args(arguments)
    if given.isa:  # ONNX Runtime chooses its instructions by itself
        given.peers = [peer for peer in given.peers if peer != "onnxruntime"]
    return given


def _words(known: object) -> object:
    def words(text: str) -> list[str]:
        listed = [word for word in text.split(",") if word]
        for word in listed:
            if word not in known:  # type: ignore[operator]
                raise argparse.ArgumentTypeError(f"expected some of {', '.join(known)}, got {word!r}")  # type: ignore[call-overload]
        return listed

    return words


def _shape(text: str) -> tuple[int, ...]:
    try:
        B, T, D, H = (int(part) for part in text.split(","))
        if min(B, T, D, H) < 1:
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected four whole numbers such as 32,50,8,64, got {text!r}") from None
    return B, T, D, H


def peaks(workers: Workers, pace: Pace) -> dict[str, float]:
    """FLOP/s of a product of 1024 x 1024 matrices on one thread, the best of NumPy and PyTorch, for each type."""
    found = {}
    for dtype in ("float32", "float64"):
        case = Case("gemm", B=1024, D=1024, H=1024, dtype=dtype)
        row = Row("peak", case, tuple(Entry(name, name, case) for name in ("numpy", "torch")))
        measured = measure(row, workers, replace(pace, rounds=2, slice_seconds=0.03))
        found[dtype] = max((case.flops / item.least for item in measured if item.samples), default=0.0)
    return found


def show(result: Result, isa: str | None, place: str, seconds: float) -> None:
    """One line on the terminal for each row: elman's time, and the ratio to everyone else."""
    parts = []
    for line in lines(result, isa):
        mark = "" if line.get("met", True) else "!"
        if "trouble" in line:
            parts.append(f"{line['contender']}: {line['trouble']}")
        elif line["contender"] == "elman":
            parts.append(f"{line['median_us']:.4g} us {line['gflops']:.3g} GFLOP/s{mark}")
        else:
            parts.append(f"{line['contender']} {line['ratio'] or 0:.2f}{mark}")
    print(f"{place} {result.row.case.name}: {' | '.join(parts)}  ({seconds:.0f} s)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
