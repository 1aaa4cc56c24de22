"""The checker of a student's class: every planted mistake is named, right classes pass, the rest says why."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from elman.student import StudentError, check_student, load_student, mistakes

PLANTED = Path(__file__).parent / "planted"


def planted(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"planted_{name}", PLANTED / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FILES = {name: planted(name) for name in ("column", "lists", "rows")}
SOURCES = {"column": "A/B", "lists": "C", "rows": "E"}
SLOPE, TRANSPOSE, BEFORE = "derivative of the nonlinearity is missing", "transpose belongs", "before they were used"

# The mistakes that the checker promises to name, in every signature
EVERYWHERE = {
    "FactorTwo": "a factor 2 too large",
    "MeanForSum": "a mean over the steps where the loss is a sum",
    "MissingSlope": SLOPE,
    "SlopeAtPrevious": "taken at the previous state, tanh'(h_prev)",
    "Untransposed": f"W_hh stands where its {TRANSPOSE}",
    "UpdatedBeforeUse": BEFORE,
    "DroppedDh": "dh that comes from the next step is dropped",
}
WRONG = [(file, cls, (text,)) for file in FILES for cls, text in EVERYWHERE.items()] + [
    ("column", "MeanOverAll", ("a mean over steps and outputs",)),
    ("column", "SlopeOfState", ("takes tanh of h again",)),
    ("column", "SlopeTwice", ("applied twice",)),
    ("column", "BackWithoutSlope", ("lacks 1 - h^2",)),
    ("column", "BackWithoutWeights", ("must be multiplied by W_hh.T",)),
    ("column", "Overwritten", ("overwrites the gradients",)),
    ("column", "WrappedState", ("wraps round",)),
    ("column", "SameState", ("uses h where h_prev",)),
    ("column", "SlopeOfPrevious", ("uses the previous state, 1 - h_prev^2",)),
    ("column", "SummedCarry", ("added up from step to step",)),
    ("column", "LastStepAlone", ("only the last step's error",)),
    ("column", "TransposedGradient", ("gradient of W_hh is transposed",)),
    ("column", "MeanOverOutputs", ("a mean over the outputs",)),
    ("column", "OneWeightDoubled", ("b_y: a factor 2 too large",)),
    ("column", "Unknown", ("the gradient of W_xh, W_hh, b_h is wrong, in no way",)),
    ("column", "Ascent", ("climb the loss",)),
    ("column", "NoBias", ("b_h is never updated",)),
    ("column", "NoUpdate", ("changes no weight",)),
    ("column", "UpdatedInLoop", (BEFORE,)),
    ("column", "SlopeAndFactor", ("a factor 2 too large", SLOPE)),
    ("column", "TwoFlaws", (SLOPE, TRANSPOSE)),
    ("lists", "MissingSlopeText", (SLOPE,)),
    ("rows", "MeanOverAll", ("a mean over steps and outputs",)),
    ("rows", "MissingSlopeSoftmax", (SLOPE,)),
    ("rows", "JavaMistakes", (SLOPE, TRANSPOSE)),
]


@pytest.mark.parametrize(("file", "cls", "texts"), WRONG)
def test_a_planted_mistake_is_named_and_nothing_else_is(file: str, cls: str, texts: tuple[str, ...]):
    report = check_student(getattr(FILES[file], cls))
    assert not report.passed
    assert report.source == SOURCES[file]
    assert len(report.mistakes) == len(texts), report.mistakes
    for text, said in zip(texts, report.mistakes, strict=True):
        assert text in said
    assert "wrong" in str(report)
    assert report.mistakes[0] in str(report)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("file", "cls"),
    [
        ("column", "Right"),
        ("column", "Sigmoid"),
        ("column", "InDictionary"),
        ("lists", "Right"),
        ("lists", "RightText"),
        ("rows", "Right"),
        ("rows", "RightSoftmax"),
    ],
)
def test_a_right_class_passes(file: str, cls: str, seed: int):
    report = check_student(getattr(FILES[file], cls), seed=seed)
    assert report.passed, str(report)
    assert report.worst.error < 1e-6
    assert report.source == SOURCES[file]
    assert "passed" in str(report)


@pytest.mark.parametrize("seed", range(1, 5))
@pytest.mark.parametrize("cls", ["MissingSlope", "DroppedDh", "Untransposed", "MeanForSum"])
def test_the_name_does_not_depend_on_the_draw(cls: str, seed: int):
    report = check_student(FILES["column"].__dict__[cls], seed=seed)
    assert [EVERYWHERE[cls] in said for said in report.mistakes] == [True]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 30))
@pytest.mark.parametrize(("file", "cls", "texts"), WRONG)
def test_every_name_holds_for_many_draws(file: str, cls: str, texts: tuple[str, ...], seed: int):
    mistakes = check_student(getattr(FILES[file], cls), seed=seed).mistakes
    assert [text in mistake for text, mistake in zip(texts, mistakes, strict=True)] == [True] * len(texts), mistakes


@pytest.mark.parametrize(
    ("cls", "gradient", "note"),
    [("Right", "of the program, y_hat - y", "clipped to [-1, 1]"), ("RightText", "of the text, 2/T", "to the norm 5")],
)
def test_both_gradients_and_both_clippings_of_source_c_are_recognised(cls: str, gradient: str, note: str):
    report = check_student(getattr(FILES["lists"], cls))
    assert gradient in report.loss
    assert any(note in said for said in report.notes)


def test_clipping_is_no_mistake():
    by_value = check_student(FILES["column"].ClippedByValue)
    by_norm = check_student(FILES["column"].ClippedByNorm)
    assert by_value.passed
    assert by_norm.passed
    assert by_value.notes == ("large gradients are clipped to [-1, 1]",)
    assert by_norm.notes == ("large gradients are clipped to the norm 5, each weight alone",)


def test_a_program_that_prints_and_overwrites_its_input_is_still_checked(capsys: pytest.CaptureFixture[str]):
    report = check_student(FILES["column"].Talkative)
    assert report.passed, str(report)
    assert set(report.notes) == {"forward prints", "backward prints", "forward changes its input"}
    assert capsys.readouterr().out == ""


def test_a_program_in_float32_is_compared_with_wider_tolerances():
    report = check_student(FILES["column"].Single)
    assert report.passed, str(report)
    assert "float32" in report.notes[0]


def test_where_names_do_not_tell_c_from_e_what_runs_decides():
    report = check_student(FILES["rows"].Unnamed)
    assert report.source == "E"
    assert report.passed, str(report)
    with pytest.raises(StudentError, match="rows wanted"):
        check_student(FILES["rows"].Unnamed, source="C")


def test_a_state_that_survives_is_said():
    report = check_student(FILES["column"].Forgetful)
    assert "not set back to zeros" in report.mistakes[0]


def test_an_object_is_checked_as_it_is_and_left_alone():
    student = FILES["rows"].Right(2, 3, 4)
    student.input_dim, student.output_dim = 2, 4
    before = {name: np.array(value) for name, value in vars(student).items()}
    assert check_student(student).passed
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(student, name), value)


def test_the_report_names_the_worst_entry_with_both_values():
    report = check_student(FILES["column"].NoBias)
    worst = report.worst
    assert worst.name == "b_h"
    assert worst.student == 0.0
    assert worst.numeric != 0.0
    assert f"{worst.numeric:+.6e}" in str(report)


def test_the_checkers_own_equations_agree_with_a_right_class():
    """The mistakes are derived from `mistakes.gradients`: it must be right itself."""
    rng = np.random.default_rng(3)
    right = FILES["column"].Right(2, 4, 3)
    for name in ("W_xh", "W_hh", "W_hy", "b_h", "b_y"):
        setattr(right, name, rng.normal(size=getattr(right, name).shape))
    x, y = rng.normal(size=(5, 2)), rng.normal(size=(5, 3))
    dy = right.forward(x) - y
    weights = {name: getattr(right, name) for name in ("W_xh", "W_hh", "W_hy")}
    weights |= {name: getattr(right, name).ravel() for name in ("b_h", "b_y")}
    ours = mistakes.gradients(mistakes.Exercise(weights, x[:, None], dy[:, None]))
    for name, gradient in zip(("W_xh", "W_hh", "W_hy", "b_h", "b_y"), right.gradients(x, dy), strict=True):
        np.testing.assert_allclose(ours[name].ravel(), gradient.ravel(), rtol=1e-12)


@pytest.mark.parametrize(
    ("file", "cls", "message"),
    [
        ("column", "Crashing", r"backward raised ValueError: .*column\.py, line \d+"),
        ("column", "NoBackward", "it has no backward"),
        (
            "column",
            "OddConstructor",
            r"expected a constructor \(input_size, hidden_size, output_size\) or the like, got \(settings\)",
        ),
        ("column", "OddOutput", r"expected outputs of shape \(5, 3\), got shape \(4, 3\)"),
        ("rows", "WrongProduct", r"forward raised ValueError: shapes .* not aligned.*rows\.py, line \d+"),
    ],
)
def test_what_cannot_be_checked_says_why(file: str, cls: str, message: str):
    with pytest.raises(StudentError, match=message):
        check_student(getattr(FILES[file], cls))


def test_a_class_is_loaded_from_a_file():
    cls = load_student(f"{PLANTED / 'column.py'}:Right")
    assert cls.__name__ == "Right"
    assert check_student(cls).passed


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        (None, "missing.py:RNN", "expected a Python file, but there is none"),
        ("class RNN: pass\nclass Other: pass\n", ":GRU", "expected a class GRU; it defines RNN, Other"),
        ("class RNN: pass\nclass Other: pass\n", "", "exactly one class .* it defines RNN, Other"),
        ("x = 1\n", "", "it defines no class"),
        ("class RNN:\n    def forward(self, x)\n", ":RNN", "line 2: expected ':'"),
        ("import numpy\n\nimport no_such_module\n", ":RNN", "ModuleNotFoundError: .*line 3"),
        ("x = 1\ny = [][x]\n", ":RNN", "IndexError: .*line 2"),
        ("import sys\nsys.exit(3)\n", ":RNN", "SystemExit: 3 .*line 2"),
    ],
)
def test_a_file_that_cannot_be_loaded_says_where(tmp_path: Path, text: str | None, target: str, message: str):
    path = tmp_path / "my_rnn.py"
    if text is None:
        asked = str(tmp_path / target)
    else:
        path.write_text(text)
        asked = f"{path}{target}"
    with pytest.raises(StudentError, match=message):
        load_student(asked)


def test_a_lone_class_needs_no_name(tmp_path: Path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\n@dataclass\nclass Mine:\n    a: int\n"
    )
    assert load_student(str(path)).__name__ == "Mine"


@pytest.mark.parametrize(
    ("argument", "value", "error"), [("source", "Z", ValueError), ("seed", -1, ValueError), ("seed", 0.5, TypeError)]
)
def test_bad_arguments_are_named(argument: str, value: object, error: type[Exception]):
    with pytest.raises(error, match=f"{argument}: expected"):
        check_student(FILES["column"].Right, **{argument: value})
