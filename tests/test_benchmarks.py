"""The benchmarks do what they claim: the same work for all, right answers, arithmetic counted, an honest report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as program
from benchmarks.cases import CELLS, SHAPES, Case
from benchmarks.contenders import Refused
from benchmarks.contenders import elman as ours
from benchmarks.contenders import numpy as plain
from benchmarks.grid import GROUPS, Entry, Row, asked, rows
from benchmarks.report import Result, as_json, as_markdown, lines
from benchmarks.summary import nearest, table
from benchmarks.timing import Measured, Pace, Workers, errors, measure

CALLS = ("update", "gradient", "step")
SMALL = {"B": 3, "T": 5, "D": 2, "H": 4}


def close(answer: dict[str, np.ndarray], case: Case) -> None:
    limit = 1e-5 if case.dtype == "float32" else 1e-12
    output, gradient = errors(answer, plain.witness(case))
    assert output < limit
    assert not gradient > limit
    assert (case.kind in ("train", "update", "gradient", "step")) == bool(gradient == gradient)


def cases(*kinds: str, dtypes: tuple[str, ...] = ("float32",)) -> list[Case]:
    found = []
    for kind in kinds:
        for cell in CELLS:
            for dtype in dtypes:
                if kind == "stream":
                    found.append(Case("stream", cell, 1, 1, 2, 4, dtype=dtype))
                elif kind in CALLS:
                    found.append(Case(kind, cell, **SMALL, dtype=dtype))
                else:
                    found += [Case(kind, cell, **SMALL, dtype=dtype, ragged=ragged) for ragged in (False, True)]
    return found


def name(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", cases("train", "infer", "stream", *CALLS, dtypes=("float32", "float64")), ids=name)
def test_elman_and_the_witness_agree(case: Case):
    """The witness is a program of its own; elman's engines stand by their own tests."""
    work = ours.build(case)
    close(work.answer, case)
    assert work.run(2) >= 2


@pytest.mark.parametrize("case", cases("train", "infer", "stream", *CALLS, dtypes=("float32", "float64")), ids=name)
def test_torch_and_the_witness_agree(case: Case):
    pytest.importorskip("torch")
    from benchmarks.contenders import torch

    close(torch.build(case).answer, case)


@pytest.mark.parametrize("case", cases("train", "infer", "stream", *CALLS[:2]), ids=name)
def test_jax_and_the_witness_agree(case: Case, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("jax")
    from benchmarks.contenders import jax

    monkeypatch.setattr(jax, "SMALL", 0)  # one way is enough; others are the same function, unrolled
    close(jax.build(case).answer, case)


@pytest.mark.parametrize("case", cases("infer", "stream"), ids=name)
def test_onnxruntime_and_the_witness_agree(case: Case):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from benchmarks.contenders import onnxruntime

    close(onnxruntime.build(case).answer, case)


def test_a_block_of_updates_is_as_many_updates():
    """JAX's scan over updates leaves the weights that so many single updates leave."""
    pytest.importorskip("jax")
    from benchmarks.contenders import jax

    case = Case("train", "lstm", 1, 4, 1, 3)
    weights = []
    for block in (1, 4):
        work = jax._train(case, 1, block)
        assert work.run(8) == 8
        (held,) = [
            c.cell_contents
            for c in work.run.__closure__ or ()
            if isinstance(c.cell_contents, list) and isinstance(c.cell_contents[0], dict)
        ]
        weights.append({name: np.asarray(value) for name, value in held[0].items()})
    for key, value in weights[0].items():
        np.testing.assert_allclose(weights[1][key], value, rtol=1e-6, atol=1e-7)
        assert not np.array_equal(value, case.weights()[key].T)


def test_onnxruntimes_bound_steps_carry_the_state():
    pytest.importorskip("onnxruntime")
    from benchmarks.contenders import onnxruntime

    case = Case("stream", "lstm", 1, 1, 2, 4)
    x = np.ascontiguousarray(case.data()[0].swapaxes(0, 1))
    options = onnxruntime.onnxruntime.SessionOptions()
    session = onnxruntime.onnxruntime.InferenceSession(
        onnxruntime._model(case).SerializeToString(), options, ["CPUExecutionProvider"]
    )
    fed = {"x": x, "h": np.zeros((1, 1, 4), np.float32), "c": np.zeros((1, 1, 4), np.float32)}
    run = onnxruntime._bound(session, dict(fed), case)
    assert run(5) == 5
    y = run.__defaults__[0][0]
    longer = ours.network_of(case).predict(np.repeat(x[0], 5, axis=0))
    np.testing.assert_allclose(y.ravel(), longer[-1], rtol=1e-5)


def test_flops_count_what_is_multiplied():
    """Against counting every product's multiply-adds one by one."""
    B, T, D, H = SMALL.values()
    for cell, gates in zip(CELLS, (1, 4, 3), strict=True):
        inputs, states, head = (2 * B * T * n for n in (gates * H * D, gates * H * H, H))
        assert Case("infer", cell, **SMALL).flops == inputs + states + head
        # backward: dW_ih, dW_hh, dW_head, dh from the head, dh from the step after; no dx
        assert Case("train", cell, **SMALL).flops == 2 * inputs + 3 * states + 3 * head
    ragged = Case("train", "lstm", 32, 50, 8, 64, ragged=True)
    assert ragged.flops / Case("train", "lstm", 32, 50, 8, 64).flops == pytest.approx(51 / 100, rel=0.01)


def test_ragged_lengths_are_uniform_and_every_batch_has_the_same():
    case = Case("train", "tanh", 8, 29, 1, 4, ragged=True)
    lengths = case.lengths().reshape(case.batches, 8)
    assert set(lengths[0]) == {1, 5, 9, 13, 17, 21, 25, 29}
    assert (np.sort(lengths, axis=1) == np.sort(lengths[0])).all()
    assert (case.mask().sum(axis=(1, 2)) == case.lengths()).all()


def test_the_sine_job_is_the_papers():
    case = Case("sine", "tanh", 1, 10, 1, 16, dtype="float64")
    work = ours.build(case)
    output, gradient = errors(work.answer, plain.witness(case))
    assert (output, gradient < 1e-11) == (0.0, True)
    assert work.run(1) == 792


# ------------------------------------------------------------------------------------------ the run


def test_the_grid_is_whole_and_every_row_begins_with_elman():
    found = rows(list(GROUPS))
    for kind in ("train", "infer"):
        here = {(r.case.cell, r.case.B, r.case.T, r.case.D, r.case.H) for r in found if r.group == kind}
        assert here == {(cell, *shape) for cell in CELLS for shape in SHAPES}
    for row in found:
        assert row.entries[0].label == "elman"
        assert len({entry.label for entry in row.entries}) == len(row.entries)
        assert row.group == "noise" or any("elman" not in entry.label for entry in row.entries)


def test_a_missing_peer_is_left_out_with_a_line(monkeypatch: pytest.MonkeyPatch):
    case = Case("infer", "tanh", **SMALL)
    row = Row("infer", case, (Entry("elman", "elman", case), Entry("ghost", "ghost", case)))
    with Workers([]) as workers:
        found = measure(row, workers, Pace(2, 0.001, 0.1))
        assert workers.missing.keys() == {"ghost"}
    assert found[0].right
    assert len(found[0].samples) == 2
    assert "ghost" in found[1].trouble
    text = as_markdown([Result(row, found, 1e9)], {"date": "today", "left out": ["ghost: not installed"]})
    assert "left out: No module named 'benchmarks.contenders.ghost'" in text
    assert "Left out: ghost: not installed" in text


def test_a_refusal_is_not_a_failure():
    with pytest.raises(Refused, match="matrix product"):
        ours.build(Case("gemm", B=4, D=4, H=4))


def test_wrong_answers_fail_the_row():
    case = Case("infer", "lstm", **SMALL)
    truth = plain.witness(case)
    swapped = case.weights()
    for key in ("weight_ih_l0", "weight_hh_l0", "bias_l0"):  # f and g change places
        i, f, g, o = np.split(swapped[key], 4)
        swapped[key] = np.concatenate([i, g, f, o])
    x, y = case.data()
    wrong = plain._answer(case, swapped, x, y, case.mask())
    item = Measured(Entry("torch", "torch", case), "", [1.0], 1.0, *errors(wrong, truth))
    assert not item.right
    assert not Measured(Entry("torch", "torch", case), "", [1.0], 1.0, float("inf"), float("nan")).right


def measured(label: str, case: Case, micros: float) -> Measured:
    return Measured(Entry(label, label.split(",")[0], case), "way", [micros * 1e-6] * 3, 1.0, 1e-7, 1e-6)


def test_the_report_says_what_was_asked_and_what_was_missed():
    case = Case("train", "lstm", *SHAPES[3])
    row = Row("train", case, tuple(Entry(name, name, case) for name in ("elman", "torch", "jax")))
    found = [measured("elman", case, 1000), measured("torch", case, 2100), measured("jax", case, 1500)]
    result = Result(row, found, case.flops / 1000e-6 / 0.7)  # elman at 70 % of peak
    first, second, third = lines(result)
    assert first["of_peak"] == pytest.approx(0.7)
    assert first["asked"] == {"what": "peak", "value": 0.65}
    assert (first["met"], second["met"], third["met"]) == (True, False, True)
    assert second["ratio"] == pytest.approx(2.1)
    text = as_markdown([result], {"date": "2026-01-02"})
    assert "**Of 3 figures asked for, 2 were met.**" in text
    assert "- train lstm 32, 50, 8, 64: torch, ratio >= 2.2, got 2.10" in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("| ") and "torch" in line}
    assert widths == {13}
    again = json.loads(json.dumps(as_json([result], {"date": "2026-01-02"})))
    assert again["rows"][0]["contenders"][1]["median_us"] == pytest.approx(2100)
    held = [asked(row, entry, "avx2") for entry in row.entries]
    assert [wanted and wanted.value for wanted in held] == [None, 1, None]


def test_figures_of_the_issue():
    found = {(r.case.name, e.label): asked(r, e) for r in rows(list(GROUPS)) for e in r.entries}
    for key, what, value in (
        (("train gru 1, 100, 1, 16", "torch"), "ratio", 250),
        (("train lstm 64, 50, 128, 512", "elman"), "peak", 0.82),
        (("stream tanh 1, 1, 1, 16", "elman"), "micros", 1.5),
        (("stream lstm 1, 1, 1, 512", "torch"), "ratio", 1.3),
        (("train lstm 64, 50, 128, 512, 2 threads", "elman, 1 thread"), "ratio", 1.6),
        (("train gru 32, 50, 8, 64, ragged", "elman, padded"), "ratio", 1 / 0.6),
        (("train tanh 32, 50, 8, 64, float64", "elman, float32"), "ratio", 0.45),
        (("sine tanh 1, 10, 1, 16, float64", "numpy"), "ratio", 150),
        (("update lstm 1, 10, 1, 16", "torch"), "ratio", 40),
        (("step lstm 1, 10, 1, 16", "elman"), "micros", 3),
    ):
        wanted = found[key]
        assert wanted is not None, key
        assert (wanted.what, wanted.value) == (what, value)


def test_the_program_writes_both_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(program, "QUICK", Pace(2, 0.001, 0.01))
    monkeypatch.setattr(program, "peaks", lambda *_: {"float32": 1e11, "float64": 5e10})
    words = ["--quick", "--only", "infer", "--cells", "tanh", "--shapes", "3,5,2,4", "--peers", "numpy"]
    assert program.main([*words, "--out", str(tmp_path)]) == 0
    (markdown,), (data,) = tmp_path.glob("*.md"), tmp_path.glob("*.json")
    assert "infer tanh 3, 5, 2, 4" in markdown.read_text("utf-8")
    (row,) = json.loads(data.read_text("utf-8"))["rows"]
    assert [line["contender"] for line in row["contenders"]] == ["elman", "numpy"]
    assert all(line["right"] for line in row["contenders"])


@pytest.mark.parametrize("words", [["--shapes", "1,2,3"], ["--only", "nothing"], ["--shapes", "1,2,3,0"]])
def test_wrong_words_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        program.parse(words)
    assert words[1] in capsys.readouterr().err


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_the_translators_learn_alike(cell: str):
    """Nearly the same losses for some updates: of PyTorch's two biases of a gate each takes a step of Adam's."""
    pytest.importorskip("torch")
    from benchmarks.translation_speed import Case as Shape
    from benchmarks.translation_speed import steps_of

    steps = steps_of(Shape(3, 8, 11, 1), cell)
    losses = {name: [step() for _ in range(4)] for name, step in steps.items()}
    for found in losses.values():
        np.testing.assert_allclose(found, losses["elman"], rtol=2e-3)
    assert losses["elman"][-1] < losses["elman"][0]


def test_the_summary_shows_the_worst_cases_first():
    def row(name: str, **ratios: float | None) -> dict[str, object]:
        ours = {"contender": "elman", "median_us": 250.0, "ratio": 1.0}
        return {"name": name, "contenders": [ours, *({"contender": k, "ratio": v} for k, v in ratios.items())]}

    about = {"processor": "a processor", "caches": "L1 32K", "isa": "avx512", "date": "2026-11-21"}
    rows = [row("even", torch=3.0, jax=1.5), row("behind", jax=0.8, numpy=2.0), row("alone", jax=None)]
    result = {"about": about, "rows": rows}
    assert [(one.case, one.peer, one.ratio) for one in nearest(result)] == [
        ("behind", "jax", 0.8),
        ("even", "jax", 1.5),
    ]
    assert "ahead of every other library in 1 of 2 cases" in table(result, 5)
    assert table(result, 1).endswith("| behind | 250 | jax | **0.80** |")
