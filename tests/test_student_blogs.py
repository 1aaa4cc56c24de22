"""Programs of blogs and courses, in thirty interfaces: the right ones pass, and each line written wrongly is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted.lines import WRONG

from elman.cli import main
from elman.student import StudentError, check_student, load_student
from elman.student.program import load

BLOGS = Path(__file__).parent / "planted" / "blogs"
HOW = {  # program: what must be understood of it
    "batch_classifier": "forward takes a (B, T, D); backward keeps gradients, targets are classes",
    "batches": "forward takes a (B, T, D); backward keeps gradients, given those of its outputs",
    "both_ways": "forward takes a (T, D); backward returns gradients, given",
    "characters": "list of T numbers of classes and a state (H, 1); lossFun returns gradients, targets are classes",
    "course_layers": "rnn_forward takes a (B, T, D) and a state (B, H); rnn_backward returns gradients, given",
    "course_memory": "lstm_forward takes a (B, T, D) and a state (B, H); lstm_backward returns gradients, given",
    "course_model": "rnn_forward takes a list of T numbers of classes and a state (H, 1); rnn_backward returns",
    "gated_unit": "forward takes a (T, D); backward changes the weights",
    "java_style": "train takes a (T, D); train changes the weights, targets are classes",
    "layer_objects": "forward takes a (B, D) and a state (B, H); backward keeps gradients, given",
    "long_memory": "forward takes a list of T numbers of classes; backward returns gradients, targets are classes",
    "memory_cell": "forward takes a (D) and a state (H); backward keeps gradients, given",
    "memory_layer": "forward takes a (T, D); backward keeps gradients, given",
    "numbers": "backward changes the weights",
    "old_style": "forward takes a (T, D); backward changes the weights",
    "one_series": "forward_pass takes a (T, D); backward_pass returns gradients",
    "parts": "forward takes a (T, B, D); backward keeps gradients, given",
    "plain_functions": "forward takes a (T, D); backward returns gradients",
    "sentiment": "forward takes a list of T (D, 1); backprop changes the weights, given those of its outputs",
    "specialisation": "rnn_forward takes a (D, B, T) and a state (H, B); rnn_backward returns gradients, given",
    "stacked_memory": "forward takes a list of T (D, 1); backward returns gradients",
    "strange_names": "go takes a list of T (D, 1); adjust changes the weights",
    "switch": "forward takes a (T, D); loss_and_gradients returns gradients",
    "tagger": "list of T numbers of classes and a state (H, 1); backward returns gradients, targets are classes",
    "tokens": "forward takes a (B, T) of classes; backward returns gradients, targets are classes",
    "trainer_only": "predict takes a (T, D); train_step changes the weights",
    "tutorial_cell": "forward takes a (D, 1) and a state (H, 1); backward returns gradients, given",
    "unit_of_torch": "forward takes a (D) and a state (H); backward keeps gradients, given",
    "weight_decay": "forward takes a (T, D); train_step changes the weights",
    "windows": "predict takes a (B, T, D); fit changes the weights",
    "words": "forward_propagation takes a list of T numbers of classes; bptt returns gradients, targets are classes",
}  # fmt: skip
NAMES = {"parts": "parts.py:Model"}


def test_every_program_is_checked():
    assert {path.stem for path in BLOGS.glob("*.py")} == HOW.keys()
    assert {name for name, *_ in WRONG} <= HOW.keys()


@pytest.mark.parametrize("name", HOW)
def test_a_right_program_passes(name: str):
    report = check_student(load_student(str(BLOGS / NAMES.get(name, f"{name}.py"))))
    assert report.passed, str(report)
    assert HOW[name] in report.understood


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
@pytest.mark.parametrize("name", HOW)
def test_a_right_program_passes_with_any_draw(name: str, seed: int):
    report = check_student(load_student(str(BLOGS / NAMES.get(name, f"{name}.py"))), seed=seed)
    assert report.passed, str(report)


def cases() -> list[object]:
    """The wrong lines; after the first two of each program they are for the long run."""
    seen: dict[str, int] = {}
    found = []
    for name, *line in WRONG:
        seen[name] = seen.get(name, 0) + 1
        marks = [pytest.mark.slow] if seen[name] > 2 else []
        found.append(pytest.param(name, *line, marks=marks, id=f"{name}-{seen[name]}"))
    return found


@pytest.fixture(autouse=True)
def short_loops(monkeypatch: pytest.MonkeyPatch):
    """The training loop at a script's end is given up sooner."""
    monkeypatch.setattr(load, "SECONDS", 0.1)


@pytest.mark.parametrize(("name", "line", "wrong", "said"), cases())
def test_one_wrong_line_is_named_and_nothing_else_is(name: str, line: str, wrong: str, said: str, tmp_path: Path):
    text = (BLOGS / f"{name}.py").read_text()
    assert line in text
    path = tmp_path / f"{name}.py"
    path.write_text(text.replace(line, wrong))
    report = check_student(load_student(f"{tmp_path}/{NAMES.get(name, path.name)}"))
    assert len(report.mistakes) == 1, report.mistakes
    assert said in report.mistakes[0]


def test_one_function_of_a_file_can_be_asked_for():
    report = check_student(load_student(f"{BLOGS / 'course_layers.py'}:rnn_step_backward"))
    assert report.passed, str(report)
    assert report.understood.startswith("rnn_step_forward takes a (B, D)")
    assert {weight.name for weight in report.weights} == {"Wx", "Wh", "b"}


def test_a_skeleton_is_there_where_a_program_cannot_be_called(tmp_path: Path):
    """Filled in, it is checked as any other class."""
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n"
        "class Mine:\n"
        "    def __init__(self, config):\n"
        "        d, h, o = config['d'], config['h'], config['o']\n"
        "        self.A, self.B, self.C = (np.random.randn(*s) for s in ((h, d), (h, h), (o, h)))\n"
        "    def forward(self, item):\n"
        "        self.x, self.h = item['x'], [np.zeros(len(self.B))]\n"
        "        for row in self.x:\n"
        "            self.h.append(np.tanh(self.A @ row + self.B @ self.h[-1]))\n"
        "        return {'answer': np.array(self.h[1:]) @ self.C.T}\n"
        "    def backward(self, item):\n"
        "        e, n = self.forward(item)['answer'] - item['y'], 0\n"
        "        a, b, c = (np.zeros_like(w) for w in (self.A, self.B, self.C))\n"
        "        for t in reversed(range(len(e))):\n"
        "            d = (self.C.T @ e[t] + n) * (1 - self.h[t + 1] ** 2)\n"
        "            a, b = a + np.outer(d, self.x[t]), b + np.outer(d, self.h[t])\n"
        "            c = c + np.outer(e[t], self.h[t + 1])\n"
        "            n = self.B.T @ d\n"
        "        return a, b, c\n"
    )
    with pytest.raises(StudentError, match=r"got \(config\)") as caught:
        check_student(load_student(str(tmp_path / "mine.py")))
    text = caught.value.skeleton
    assert "from mine import Mine" in text
    for line, filled in [
        ("Mine(input_size, hidden_size, output_size)", "Mine({'d': input_size, 'h': hidden_size, 'o': output_size})"),
        ("self.program.W_xh", "self.program.A"),
        ("self.program.W_hh", "self.program.B"),
        ("self.program.W_hy", "self.program.C"),
        ("inputs = [row.reshape(-1, 1) for row in x]", "self.x = x"),
        ("outputs = self.program.forward(inputs)", "outputs = self.program.forward({'x': x})['answer']"),
        ("grads = self.program.backward(y)", "grads = self.program.backward({'x': x, 'y': y})"),
    ]:
        assert line in text
        text = text.replace(line, filled)
    (tmp_path / "check_mine.py").write_text(text)
    report = check_student(load_student(f"{tmp_path}/check_mine.py:Check"))
    assert report.passed, str(report)
    (tmp_path / "mine.py").write_text((tmp_path / "mine.py").read_text().replace("* (1 - self.h[t + 1] ** 2)", ""))
    report = check_student(load_student(f"{tmp_path}/check_mine.py:Check"))
    assert "derivative of the nonlinearity is missing" in report.mistakes[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data = open('none.txt').read()\nn = len(set(data))\nclass RNN:\n    size = n\n", "RNN"),
        ("import time\nclass RNN: pass\nwhile True:\n    time.sleep(0)\n", "RNN"),
        ("class RNN: pass\nrnn = RNN(3)\n", "RNN"),
    ],
)
def test_a_script_is_loaded_though_its_last_part_fails_or_never_ends(tmp_path: Path, text: str, words: str):
    (tmp_path / "script.py").write_text(text)
    assert load_student(str(tmp_path / "script.py")).__name__ == words


def test_python_2_is_named(tmp_path: Path):
    (tmp_path / "old.py").write_text("x = 1\nprint 'x is', x\n")
    with pytest.raises(StudentError, match=r"line 2: .*print\(\.\.\.\)"):
        load_student(str(tmp_path / "old.py"))


def test_the_command_prints_the_skeleton(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "mine.py").write_text(
        "class Mine:\n    def __init__(self, config): self.w = config['w']\n"
        "    def forward(self, x): return x\n    def backward(self, d): return d\n"
    )
    assert main(["gradcheck", str(tmp_path / "mine.py")]) != 0
    said = capsys.readouterr()
    assert "from mine import Mine" in said.out
    assert "expected a constructor" in said.err
    assert main(["gradcheck", str(BLOGS / "tutorial_cell.py")]) == 0
    assert "passed: every gradient agrees" in capsys.readouterr().out


def test_a_step_of_adam_is_no_gradient(tmp_path: Path):
    text = (BLOGS / "weight_decay.py").read_text()
    step = next(line for line in text.splitlines() if "self.P[k] -=" in line)
    (tmp_path / "adam.py").write_text(text.replace(step, step.replace("g[k]", "g[k] / (np.abs(g[k]) + 1e-12)")))
    with pytest.raises(StudentError, match="changes every entry by the same amount, as the first step of Adam"):
        check_student(load_student(str(tmp_path / "adam.py")))


def test_a_weight_decay_is_told():
    report = check_student(load_student(str(BLOGS / "weight_decay.py")))
    assert report.notes == ("weights are drawn to zero: 0.01 times each is added to its gradient",)
