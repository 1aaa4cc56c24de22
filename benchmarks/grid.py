"""Which cases are timed, by group, who takes part in each, and what was asked of the outcome."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from benchmarks.cases import CELLS, SHAPES, Case

__all__ = ["GROUPS", "Asked", "Entry", "Row", "asked", "rows"]

PEERS = ("torch", "jax", "onnxruntime", "numpy")

# Shapes known from elsewhere, D = H unless given: kind of cell, B, T, D, H
PUBLIC = (
    ("lstm", 16, 150, 256, 256),  # DeepBench, here and below with the input's projection
    ("lstm", 64, 150, 256, 256),
    ("lstm", 16, 25, 512, 512),
    ("lstm", 128, 25, 512, 512),
    ("gru", 32, 1, 512, 512),
    ("tanh", 1, 672, 32, 32),
    ("lstm", 1, 63, 24, 32),  # oneDNN #837
    ("lstm", 1, 15, 250, 200),  # PyTorch #26387
)
SINGLE = (64, 128, 256, 512, 1024)  # units of networks that take one row at a time: 1, 20, 32, H
STREAM_SIZES = (16, 64, 256, 512)
RTNEURAL = (4, 8, 16, 32, 64)  # D = H, stepwise


@dataclass(frozen=True)
class Entry:
    """One contender of a row: usually on the row's case, sometimes on a variant of it."""

    label: str
    contender: str
    case: Case
    copy: int = 0  # a second process of the same contender


@dataclass(frozen=True)
class Row:
    """Entries timed in turn; the first is elman, and ratios are to it."""

    group: str
    case: Case
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Asked:
    """A figure to reach: "ratio" or "peak" at least, "micros" at most."""

    what: str
    value: float


def rows(
    groups: Sequence[str],
    cells: Sequence[str] = CELLS,
    shapes: Sequence[tuple[int, ...]] | None = None,
    peers: Sequence[str] = PEERS,
    quick: bool = False,
) -> list[Row]:
    """The rows of these groups, in order."""
    found = []
    for group in groups:
        for case, others in GROUPS[group](tuple(shapes or (QUICK if quick else SHAPES))):
            if case.cell not in cells or (shapes and group in GRIDS and _shape(case) not in shapes):
                continue
            if quick and group in ("train", "infer") and case.cell == "gru" and case.H == 512:
                continue
            entries = [Entry("elman", "elman", case), *others]
            entries += [Entry(peer, peer, case) for peer in peers if _takes_part(peer, case, group)]
            found.append(Row(group, case, tuple(entries)))
    return found


def _shape(case: Case) -> tuple[int, ...]:
    return case.B, case.T, case.D, case.H


def _takes_part(peer: str, case: Case, group: str) -> bool:
    if group in ("noise", "sine"):
        return peer == "numpy" and group == "sine"
    if group in ("threads", "float64") and peer == "numpy":
        return False
    if case.kind == "step":
        return peer == "torch"
    if case.kind == "gradient" and peer == "numpy":
        return False
    return peer != "onnxruntime" or (case.kind in ("infer", "stream") and case.dtype == "float32")


# ---------------------------------------------------------------------------------------------- the groups

QUICK = (SHAPES[0], SHAPES[3], SHAPES[4])
Found = Iterator[tuple[Case, list[Entry]]]
Shapes = tuple[tuple[int, ...], ...]


def _train(shapes: Shapes) -> Found:
    for cell in CELLS:
        for shape in shapes:
            yield Case("train", cell, *shape), []


def _infer(shapes: Shapes) -> Found:
    for cell in CELLS:
        for shape in shapes:
            yield Case("infer", cell, *shape), []


def _public(shapes: Shapes) -> Found:
    for kind in ("train", "infer"):
        for cell, *shape in PUBLIC[4:] if shapes == QUICK else PUBLIC:
            yield Case(kind, cell, *shape), []


def _single(shapes: Shapes) -> Found:
    for kind in ("train", "infer"):
        for cell in CELLS:
            for H in SINGLE[:2] if shapes == QUICK else SINGLE:
                yield Case(kind, cell, 1, 20, 32, H), []


def _stream(shapes: Shapes) -> Found:
    sizes = [(1, H) for H in STREAM_SIZES] + [(H, H) for H in RTNEURAL]
    for cell in CELLS:
        for D, H in sizes[:4:3] if shapes == QUICK else sizes:
            case = Case("stream", cell, 1, 1, D, H)
            yield case, [Entry("torch, no head", "torch", replace(case, head=False))]


def _calls(shapes: Shapes) -> Found:
    for shape in (SHAPES[0], SHAPES[2]):
        case = Case("update", "lstm", *shape)
        yield case, [Entry("elman, fit", "elman", replace(case, kind="train"))]
        yield Case("gradient", "lstm", *shape), []
    yield Case("step", "lstm", *SHAPES[0]), []


def _ragged(shapes: Shapes) -> Found:
    for kind in ("train", "infer"):
        for cell in CELLS:
            for shape in shapes:
                if shape[0] > 1 and 64 <= shape[3] <= 256 and (shapes != QUICK or shape == SHAPES[3]):
                    case = Case(kind, cell, *shape, ragged=True)
                    yield case, [Entry("elman, padded", "elman", replace(case, ragged=False))]


def _float64(shapes: Shapes) -> Found:
    for cell in CELLS:
        for shape in shapes:
            if shape[3] >= 64 and (shapes != QUICK or shape == SHAPES[3]):
                case = Case("train", cell, *shape, dtype="float64")
                yield case, [Entry("elman, float32", "elman", replace(case, dtype="float32"))]


def _threads(shapes: Shapes) -> Found:
    for cell in CELLS:
        for shape in shapes:
            if shape[0] >= 32 and shape[3] >= 64 and (shapes != QUICK or shape == SHAPES[4]):
                case = Case("train", cell, *shape, threads=2)
                yield case, [Entry("elman, 1 thread", "elman", replace(case, threads=1))]
        for H in (256, 512):
            if shapes != QUICK:
                case = Case("infer", cell, 1, 20, 32, H, threads=2)
                yield case, [Entry("elman, 1 thread", "elman", replace(case, threads=1))]


def _sine(shapes: Shapes) -> Found:
    yield Case("sine", "tanh", 1, 10, 1, 16, dtype="float64"), []


def _noise(shapes: Shapes) -> Found:
    for shape in (SHAPES[0], SHAPES[3], SHAPES[5]):
        case = Case("train", "lstm", *shape)
        yield case, [Entry("elman, again", "elman", case, copy=1)]


GROUPS = {
    "noise": _noise,
    "train": _train,
    "infer": _infer,
    "single": _single,
    "stream": _stream,
    "calls": _calls,
    "ragged": _ragged,
    "float64": _float64,
    "threads": _threads,
    "sine": _sine,
    "public": _public,
}
GRIDS = ("train", "infer", "ragged", "float64", "threads")

# ------------------------------------------------------------------------------------------- what is asked

TRAIN_RATIOS = {
    SHAPES[0]: (80, 60, 150),
    SHAPES[1]: (100, 20, 250),
    SHAPES[2]: (15, 12, 25),
    SHAPES[3]: (5, 2.2, 6),
    SHAPES[4]: (2.5, 1.5, 3.2),
    SHAPES[5]: (1.4, 1.4, 2),
    SHAPES[6]: (1.2, 1.2, 1.5),
}
PEAKS = {64: 0.65, 128: 0.75, 256: 0.82, 512: 0.82}
STEP_RATIOS = {"tanh": 8, "lstm": 11, "gru": 11}
CALL_MICROS = {"update": 8, "gradient": 7, "step": 3}  # of the smallest shape
EXTRA_RATIOS = {"elman, padded": 1 / 0.6, "elman, float32": 0.45}


def asked(row: Row, entry: Entry, isa: str | None = None) -> Asked | None:
    """The figure that this entry should reach, if one was set; held to an instruction set, to be ahead of PyTorch."""
    if isa is not None:
        return Asked("ratio", 1) if entry.label == "torch" else None
    case, cell, label = row.case, CELLS.index(row.case.cell), entry.label
    if label in EXTRA_RATIOS:
        return Asked("ratio", EXTRA_RATIOS[label])
    if label == "elman, 1 thread":
        return Asked("ratio", 0.9 if case.B == 1 else 1.8 if case.H <= 256 else 1.6)
    if row.group == "sine":
        return Asked("ratio", 150) if label == "numpy" else None
    if label == "elman":
        if row.group == "train" and case.cell == "lstm" and case.B >= 32 and case.H in PEAKS:
            return Asked("peak", PEAKS[case.H])
        if row.group == "calls" and _shape(case) == SHAPES[0]:
            return Asked("micros", CALL_MICROS[case.kind])
        return Asked("micros", 1.5) if row.group == "stream" and (case.D, case.H) == (1, 16) else None
    if label not in ("torch", "jax", "onnxruntime"):
        return None
    if label == "torch":
        if case.kind == "update" and _shape(case) == SHAPES[0]:
            return Asked("ratio", 40)
        if row.group == "train":
            return Asked("ratio", TRAIN_RATIOS.get(_shape(case), (1, 1, 1))[cell])
        if row.group == "stream" and case.D == 1:
            if case.H == 16:
                return Asked("ratio", STEP_RATIOS[case.cell])
            if case.cell == "lstm" and case.H >= 256:
                return Asked("ratio", 1.3)
    return Asked("ratio", 1)
