"""`elman train classify | regress | tag`, and their models used by `elman predict` and `elman inspect`."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import elman
from elman.cli import main
from elman.datasets import labelled
from elman.series.tables.files import write_rows

pytest.importorskip("sklearn")

QUICK = ("--epochs", "3", "--hidden-size", "4", "--effort", "fast")
KINDS = {  # command: the table, how many sequences, the column of its labels, the noun, the ending of the picture
    "classify": (labelled.gestures, 40, "label", "classifier", "confusion"),
    "regress": (labelled.pendulum, 30, "length", "regressor", "residuals"),
    "tag": (labelled.travel, 30, "tag", "tagger", "confusion"),
}


def write(name: str, table: labelled.LabelledTable, without: str | None = None) -> None:
    kept = [k for k, column in enumerate(table.names) if column != without]
    write_rows(name, [[row[k] for k in kept] for row in (table.names, *table.rows)])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tables, and what each command writes of them."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for command, (make, n, label, *_) in KINDS.items():
            write(f"{command}.csv", make(n))
            assert main(["train", command, f"{command}.csv", "--label", label, *QUICK]) == 0
    return folder


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def model_of(folder: Path, command: str) -> str:
    _, _, label, noun, _ = KINDS[command]
    return str(folder / f"{command}.{label}.{noun}.safetensors")


def table(path: Path | str) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("command", KINDS)
def test_a_model_its_picture_and_its_predictions_are_written(command: str, trained: Path):
    _, n, label, _, picture = KINDS[command]
    assert (trained / f"{command}.{label}.{picture}.png").read_bytes().startswith(b"\x89PNG")
    rows = table(trained / f"{command}.{label}.held_out.csv")
    assert len({row["id"] for row in rows}) == round(0.2 * n)
    assert elman.load(model_of(trained, command)).layout_.label == label


@pytest.mark.parametrize("command", KINDS)
def test_predictions_are_those_of_the_model_on_the_same_ids(command: str, trained: Path):
    model = elman.load(model_of(trained, command))
    assert main(["predict", model_of(trained, command), str(trained / f"{command}.csv"), "--out", "."]) == 0
    label = KINDS[command][2]
    rows = table(f"{command}.{label}.predictions.csv")
    found = elman.sequence.sequences(trained / f"{command}.csv", layout=model.layout_)
    expected = model.predict(found.x)
    expected = np.concatenate(expected) if isinstance(expected, list) else expected
    if command == "regress":
        np.testing.assert_allclose([float(row["predicted"]) for row in rows], expected, atol=1e-5)
    else:
        assert [row["predicted"] for row in rows] == expected.tolist()
    held = {row["id"]: row["predicted"] for row in table(trained / f"{command}.{label}.held_out.csv")}
    again = {row["id"]: row["predicted"] for row in rows}
    assert all(again[id] == value for id, value in held.items())
    assert Path(f"{command}.{label}.predictions.png").exists()


@pytest.mark.parametrize("command", KINDS)
def test_sequences_without_labels_are_predicted_without_a_score(
    command: str, trained: Path, capsys: pytest.CaptureFixture[str]
):
    make, n, label, *_ = KINDS[command]
    write("fresh.csv", make(n), without=label)
    assert main(["predict", model_of(trained, command), "fresh.csv", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["test"] is None
    assert label not in found["columns"]
    assert [Path(path).name for path in found["files"]] == [f"fresh.{label}.predictions.csv"]
    assert not list(Path().glob("*.png"))


def test_json_says_what_the_text_says(trained: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["train", "classify", str(trained / "classify.csv"), *QUICK]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert found["test"]["verdict"] in text
    assert found["trained"] in text
    scores = found["test"]["scores"]
    assert list(scores) == ["network", "most frequent class", "logistic regression on summary statistics"]
    counts, classes = np.array(found["test"]["confusion"]["counts"]), found["test"]["classes"]
    assert counts.sum() == found["test"]["sequences"] == 8
    assert scores["network"]["accuracy"] == counts.trace() / counts.sum()
    assert [each["recall"] for each in classes] == [counts[k, k] / counts[k].sum() for k in range(4)]


def test_the_same_seed_gives_the_same_test(trained: Path, capsys: pytest.CaptureFixture[str]):
    data = str(trained / "tag.csv")
    scores: list[object] = []
    for seed in ("1", "1", "2"):
        assert main(["train", "tag", data, "--seed", seed, "--json", *QUICK]) == 0
        scores.append(json.loads(capsys.readouterr().out)["test"]["scores"])
    assert scores[0] == scores[1] != scores[2]


def test_each_class_is_held_out_alike(trained: Path):
    rows = table(trained / "classify.label.held_out.csv")
    assert sorted(row["label"] for row in rows) == sorted(2 * list(labelled.GESTURES))


def test_a_file_of_its_own_tests(trained: Path, capsys: pytest.CaptureFixture[str]):
    write("later.csv", labelled.gestures(12, seed=1))
    shutil.copy(trained / "classify.csv", "first.csv")
    assert main(["train", "classify", "first.csv", "--test", "later.csv", *QUICK]) == 0
    assert "Test: 12 held-out sequences (all of later.csv)" in capsys.readouterr().out
    assert len(table("first.label.held_out.csv")) == 12


def test_sequences_that_are_in_both_parts_are_told(trained: Path, capsys: pytest.CaptureFixture[str]):
    shutil.copy(trained / "classify.csv", "first.csv")
    assert main(["train", "classify", "first.csv", "--test", "first.csv", *QUICK]) == 0
    assert "Note: 40 sequences of the test are equal to one that is learned from" in capsys.readouterr().out


def test_without_a_test_nothing_is_said_of_its_quality(trained: Path, capsys: pytest.CaptureFixture[str]):
    shutil.copy(trained / "classify.csv", "all.csv")
    assert main(["train", "classify", "all.csv", "--holdout", "0", *QUICK]) == 0
    assert "Not tested: --holdout 0.2 or --test FILE" in capsys.readouterr().out
    assert sorted(path.name for path in Path().iterdir()) == ["all.csv", "all.label.classifier.safetensors"]


def test_texts_and_wide_tables_are_taken_too(capsys: pytest.CaptureFixture[str]):
    words = ["good fine great", "bad poor dull"]
    write_rows("films.csv", [["text", "label"], *([f"{words[k % 2]} film {k}", "+-"[k % 2]] for k in range(20))])
    assert main(["train", "classify", "films.csv", *QUICK]) == 0
    assert "Note: each row is a text: column 'text' was cut into words" in capsys.readouterr().out
    rows = [[k % 2, *(k % 2 + step / 10 for step in range(9))] for k in range(20)]
    write_rows("waves.csv", [["class", *(f"t{step}" for step in range(9))], *rows])
    assert main(["train", "classify", "waves.csv", *QUICK]) == 0
    assert "Note: each row is a sequence: its steps are the 9 columns 't0' to 't8'" in capsys.readouterr().out
    for name, label in (("films", "label"), ("waves", "class")):
        assert main(["predict", f"{name}.{label}.classifier.safetensors", f"{name}.csv"]) == 0


@pytest.mark.parametrize("command", KINDS)
def test_without_data_a_generated_example_shows_the_form(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    make, n, label, *_ = KINDS[command]
    monkeypatch.setattr(labelled, make.__name__, lambda: make(n))
    assert main(["train", command, *QUICK]) == 0
    assert f"With your own: elman train {command} DATA" in capsys.readouterr().out
    rows = table(f"{make.__name__}.example.csv")
    assert len({row["id"] for row in rows}) == n
    assert label in rows[0]


def test_inspect_says_what_was_learned(trained: Path, capsys: pytest.CaptureFixture[str]):
    for command in KINDS:
        assert main(["inspect", model_of(trained, command)]) == 0
    out = capsys.readouterr().out
    for said in (
        "label, 4 classes: anticlockwise, clockwise, figure eight, up and down",
        "length, values",
        "tag, 5 classes at each step: -, day, destination, origin, stop",
        "long form, id id, time step",
        "word (text, ",
    ):
        assert said in out


ROWS = "id,time,x,label\n" + "".join(f"s{k},{t},{k % 2 + t},{k % 2}\n" for k in range(8) for t in range(3))


@pytest.mark.parametrize(
    ("text", "arguments", "code", "message"),
    [
        (ROWS.replace("label", "mark"), ["classify"], 3, "no column is called label; the columns are 'id', 'time'"),
        (ROWS.replace(",1\n", ",0\n"), ["classify"], 3, "column 'label': one class alone, 0; at least two are needed"),
        (ROWS, ["classify", "--label", "x", "--features", "label"], 3, "where 's0' has 0 in its first row"),
        (ROWS.replace(",1\n", ",1.5\n"), ["classify"], 3, "are values rather than classes; elman train regress"),
        (ROWS.replace(",1\n", ",yes\n"), ["regress"], 3, "column 'label': expected a finite number, got 'yes'"),
        (ROWS, ["classify", "--holdout", "1"], 2, "holdout: expected a share from 0 to below 1, got 1"),
        (ROWS, ["classify", "--effort", "much"], 2, "effort: expected one of 'fast', 'normal', 'best', got 'much'"),
        (ROWS, ["classify", "--cell", "gur"], 2, "cell: expected"),
        (ROWS, ["regress", "--balanced"], 2, "--balanced: expected it where classes are learned, not values"),
        (ROWS, ["classify", "--test", "none.csv"], 3, "none.csv: No such file or directory"),
        (ROWS, ["classify", "--form", "tall"], 2, "form: expected one of 'long', 'wide', 'text', got 'tall'"),
        ("id,time,x,label\ns,1,1,1\n", ["regress"], 3, "1 sequence: too few to hold some out"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_one_line(
    text: str, arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
):
    Path("table.csv").write_text(text)
    command, *options = arguments
    assert main(["train", command, "table.csv", *options]) == code
    err = capsys.readouterr().err.splitlines()[-1]
    assert err.startswith("elman: ")
    assert message in err
    assert [path.name for path in Path().iterdir()] == ["table.csv"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--horizon", "3"], 2, "--horizon: expected it with a forecaster, but {model} holds a classifier"),
        (["--freq", "D"], 2, "--freq: expected it with a forecaster or a detector, but {model} holds a classifier"),
        (["--label", "none", "--plot"], 2, "--plot: expected labels in DATA, with which predictions are compared"),
        (["--label", "step"], 3, "column 'step' is named as time and label"),
        (["--id", "pen"], 3, "id: no column 'pen'; the columns are 'id', 'step', 'x', 'y', 'label'"),
    ],
)
def test_options_that_do_not_fit_the_model_are_named(
    arguments: list[str], code: int, message: str, trained: Path, capsys: pytest.CaptureFixture[str]
):
    model = model_of(trained, "classify")
    assert main(["predict", model, str(trained / "classify.csv"), *arguments]) == code
    assert message.format(model=model) in capsys.readouterr().err


def test_predict_asks_for_sequences(trained: Path, capsys: pytest.CaptureFixture[str]):
    model = model_of(trained, "tag")
    assert main(["predict", model]) == 2
    assert f"DATA: expected sequences; {model} holds a tagger, which keeps none" in capsys.readouterr().err


def test_labels_that_were_not_learned_are_told(trained: Path, capsys: pytest.CaptureFixture[str]):
    text = (trained / "classify.csv").read_text()
    Path("some.csv").write_text(text.replace(",clockwise", ",spiral"))
    assert main(["predict", model_of(trained, "classify"), "some.csv"]) == 0
    assert "Note: 'spiral': not learned, so every one counts as an error" in capsys.readouterr().out
    names = {name: str(k) for k, name in enumerate(sorted(labelled.GESTURES, key=len, reverse=True))}
    for name, other in names.items():
        text = text.replace(f",{name}\n", f",{other}\n")
    Path("none.csv").write_text(text)
    assert main(["predict", model_of(trained, "classify"), "none.csv"]) == 3
    assert "none of the labels is one that was learned" in capsys.readouterr().err
