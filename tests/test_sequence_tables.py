"""Tables read as sequences with labels: long, wide and of texts, from files and data frames."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman.sequence import Sequences, sequences
from elman.series.errors import DataError
from elman.series.notes import DataNotice

LONG = "id;t;x;y;label\na;2;1,5;2;yes\na;1;2,5;3;yes\nb;1;3,5;4;no\nb;2;4;5;no\nb;3;0;0;no\n"


def read(text: str, **options: Any) -> Sequences:
    """The sequences in a file of this text, without the warnings that repeat their notes."""
    Path("table.csv").write_text(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sequences("table.csv", **options)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_rows_of_an_id_are_a_sequence_in_the_order_of_time():
    found = read(LONG)
    assert [each.tolist() for each in found.x] == [[[2.5, 3], [1.5, 2]], [[3.5, 4], [4, 5], [0, 0]]]
    assert found.x[0].dtype == np.float64
    assert (found.ids, found.y.tolist()) == (["a", "b"], ["yes", "no"])
    assert found.columns == (("x", "number"), ("y", "number"))
    assert found.notes == (
        "taken by their names: id 'id', time 't', label 'label'",
        "the rows of 1 id were not in order of time and were sorted, the first on line 2",
        "column 'x': '1,5' is read as 1.5",
    )


def test_what_was_taken_for_what_is_a_warning_in_python():
    Path("table.csv").write_text(LONG)
    with pytest.warns(DataNotice) as notices:
        notes = sequences("table.csv").notes
    assert tuple(str(notice.message) for notice in notices) == notes


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([2, 10, 1], [3, 1, 2]),
        (["2024-01-10", "2024-01-09", "2024-02-01"], [2, 1, 3]),
        (["10.1.2024", "9.1.2024", "1.2.2024"], [2, 1, 3]),  # as text, 1.2. would come first
        (["13/2/2024", "1/3/2024", "2/2/2024"], [3, 1, 2]),
        (["03/04/2020", "04/04/2020", "05/04/2020"], [1, 2, 3]),  # day or month first: the same order
    ],
)
def test_times_are_numbers_or_dates(times: list[Any], expected: list[int]):
    rows = "".join(f"a,{time},{k + 1}\n" for k, time in enumerate(times))
    assert read("id,time,x\n" + rows).x[0][:, 0].tolist() == expected


def test_a_column_that_counts_the_rows_of_each_id_is_their_time():
    found = read("id,k,x\na,1,7\nb,1,9\na,0,6\nb,0,8\n")
    assert [each[:, 0].tolist() for each in found.x] == [[6, 7], [8, 9]]
    assert "column 'k' counts the rows of each id and was taken for their time" in found.notes


def test_without_times_the_order_is_that_of_the_file():
    found = read("id,x\na,3\na,1\nb,2\n")
    assert found.x[0][:, 0].tolist() == [3, 1]
    assert read("id,x\na,3\nb,2\na,1\n", time="none").x[0][:, 0].tolist() == [3, 1]
    assert "the rows of each id are in the order of the file, since no column holds their times" in found.notes


def test_tags_are_one_a_step_and_words_stay_as_they_are():
    found = read('sentence_id,word,tag\n1,The,DT\n1,1990,CD\n1,.,.\n2,none,NN\n2,?,.\n2,"""",``\n', per_step=True,
                 categorical="word")  # fmt: skip
    assert [each[:, 0].tolist() for each in found.x] == [["The", "1990", "."], ["none", "?", '"']]
    assert [each.tolist() for each in found.y] == [["DT", "CD", "."], ["NN", ".", "``"]]


def test_numbers_and_text_beside_one_another_are_objects():
    x = read("id,t,a,b\nu,1,1.5,red\nu,2,2,blue\n").x[0]
    assert x.dtype == object
    assert x.tolist() == [[1.5, "red"], [2.0, "blue"]]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "2"], [1, 2]),
        (["1.5", "2"], [1.5, 2.0]),
        (["007", "7"], ["007", "7"]),
        (["NA", "b"], ["NA", "b"]),
        (["1", "b"], ["1", "b"]),
    ],
)
def test_labels_are_numbers_where_all_of_them_are(cells: list[str], expected: list[Any]):
    y = read("id,t,x,label\n" + "".join(f"{k},1,0,{cell}\n" for k, cell in enumerate(cells))).y
    assert y.tolist() == expected
    assert y.dtype.kind == np.array(expected).dtype.kind


STEPS = [f"t{k}" for k in range(12)]


def test_wide_tables_have_their_steps_in_the_order_of_their_numbers():
    names = sorted(STEPS)  # t1, t10, t11, t2
    found = read(",".join(["class", *names]) + "\n" + ",".join(["u", *(name[1:] for name in names)]) + "\n")
    assert found.x[0][:, 0].tolist() == list(range(12))
    assert (found.layout.form, found.y.tolist(), found.ids) == ("wide", ["u"], [1])
    assert any("they are in the order of their numbers" in text for text in found.notes)


def test_wide_tables_may_have_several_channels_and_rows_that_end_early():
    names = [f"{channel}_{k}" for channel in "ab" for k in range(1, 9)]
    row = [*"12345678", *"2345678", ""]
    short = [*"12345", "", "", "", *"12345", "", "", ""]
    found = read("\n".join([",".join(names), ",".join(short), ",".join(short)]))
    assert [each.shape for each in found.x] == [(5, 2), (5, 2)]
    assert [column.name for column in found.columns] == ["a", "b"]
    with pytest.raises(DataError, match=r"line 2, column 'b_8': no value, one of 1 empty cell"):
        read("\n".join([",".join(names), ",".join(row)]))


def test_texts_are_cut_into_words_and_marks():
    found = read('text,label\n"Well-made, isn\'t it?",1\nBad.,0\n')
    assert found.x[0][:, 0].tolist() == ["well-made", ",", "isn't", "it", "?"]
    assert (found.y.tolist(), found.layout.form) == ([1, 0], "text")


@pytest.mark.parametrize(
    ("missing", "expected"), [("zero", [1, 0, 3, 0]), ("interpolate", [1, 2, 3, 3])], ids=lambda value: str(value)
)
def test_missing_numbers_are_filled_within_an_id(missing: str, expected: list[float]):
    found = read("id,t,x\na,1,1\na,2,\na,3,3\na,4,NA\nb,1,9\n", missing=missing)
    assert found.x[0][:, 0].tolist() == expected
    assert any("2 missing values" in text for text in found.notes)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("subject,a,b\n1,2,3\n1,3,4\n", {}, r"no column is called id; the columns are 'subject', 'a', 'b'; name the"),
        ("id,t,x,y,label,class\na,1,1,1,1,1\na,2,1,1,1,1\n", {}, r"label: 'label', 'class' may all be it"),
        ("id,t,x,label\na,1,1,u\na,2,2,v\n", {}, r"line 3, column 'label': 'v' where 'a' has 'u' in its first row"),
        ("id,t,x,label\na,1,1,u\na,2,2,\n", {}, r"line 3, column 'label': no label"),
        ("id,t,x\na,1,1\na,2,2\na,1,3\n", {}, r"line 4, column 't': 'a' has this time on line 2 too"),
        ("id,t,x\na,1,1\na,,2\n", {}, r"line 3, column 't': expected a time, got none"),
        ("id,t,x\na,1,1\na,2,\n", {}, r"line 3, column 'x': no value in 1 row of the column"),
        ("id,t,x\na,1,1\n,2,2\na,3,2\n", {}, r"line 3, column 'id': expected an id"),
        ("id,t,x\na,1,1\na,2,2\na,3,blue\n", {}, r"line 4, column 'x': 'blue' among numbers \(2 numbers, 1 other"),
        ("id,t,x\na,1,1\na,2,inf\n", {}, r"line 3, column 'x': expected a finite number, got 'inf'"),
        ("id,t,x\na,1,\na,2,\n", {"missing": "interpolate"}, r"no value in any row of 'a'"),
        ("id,x\na,1\nb,2\na,3\n", {}, r"line 4, column 'id': 'a' comes again after rows of other ids"),
        ("id,x\na,1\nb,2\n", {}, r"every id in the column 'id' stands on one row; if the columns of a row"),
        ("id,t\na,1\na,2\n", {}, r"no column is left for the features"),
        ("id,t,x\na,1,1\na,2,1\n", {"features": "z"}, r"features: no column 'z'; the columns are 'id', 't', 'x'"),
        ("id,t,x\na,1,1\na,2,1\n", {"id": "x", "label": "x"}, r"column 'x' is named as id and label"),
        ("id,time,x\na,3/4/2024,1\na,2/5/2024,2\n", {}, r"'3/4/2024' may be .* say which with date_format"),
        ("text,label\nGood,1\n,0\n", {}, r"line 3, column 'text': expected a text, got an empty cell"),
        ("id,t,x,label\na,1,1,u\na,2,2,u\n", {"numeric_label": True}, r"column 'label': expected a finite number"),
        (",".join(STEPS) + "\n" + ",".join(["1"] * 12) + "\n" + "," * 11 + "1\n", {}, r"line 3, column 't0': no value"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_an_error_with_its_place(text: str, options: dict[str, Any], message: str):
    with pytest.raises(DataError, match=message):
        read(text, **options)


def test_columns_that_only_look_like_features_are_left_out():
    rows = "".join(f"{k},s{k // 4},{k % 4},{k},{k // 4 + 70},{k % 3}\n" for k in range(120))
    found = read("row,id,time,x,subject,mode\n" + rows)
    assert [column.name for column in found.columns] == ["x", "mode"]
    assert "column 'row' counts the rows and is no feature; features (--features) takes it" in found.notes
    assert any("'subject' has another value for each id" in text for text in found.notes)
    assert any("'mode' holds the whole numbers 0 to 2 and is taken as a number" in text for text in found.notes)
    named = read("row,id,time,x,subject,mode\n" + rows, features=["subject"], categorical=["mode"])
    assert [column.name for column in named.columns] == ["subject"]


# ------------------------------------------------------------------------------------------------ data frames


@pytest.fixture(params=["pandas", "polars"])
def frame(request: pytest.FixtureRequest) -> Any:
    """A table in long form as a data frame, its rows in falling order of time."""
    pandas = pytest.importorskip("pandas")
    days = pandas.to_datetime(["2024-01-02", "2024-01-01", "2024-01-02", "2024-01-01"])
    made = pandas.DataFrame(
        {"id": [7, 7, 8, 8], "time": days, "a": [1, 2, 3, 4], "w": list("uvwu"), "label": [True, True, False, False]}
    )
    return made if request.param == "pandas" else pytest.importorskip("polars").from_pandas(made)


@pytest.mark.filterwarnings("ignore")
def test_frames_keep_their_ids_and_labels(frame: Any):
    found = sequences(frame)
    assert [each.tolist() for each in found.x] == [[[2, "v"], [1, "u"]], [[4, "u"], [3, "w"]]]
    assert (found.ids, found.y.tolist()) == ([7, 8], [True, False])


@pytest.mark.filterwarnings("ignore")
def test_fresh_rows_are_read_as_those_before(frame: Any):
    layout = sequences(frame, categorical="a").layout
    fresh = frame[["w", "a", "time", "id"]]
    found = sequences(fresh, layout=layout)
    assert found.y is None
    assert found.x[0].tolist() == [["2", "v"], ["1", "u"]]
    with pytest.raises(DataError, match="features: no column 'w'; the columns are"):
        sequences(fresh[["a", "time", "id"]], layout=layout)


@pytest.mark.filterwarnings("ignore")
def test_parquet_is_read_as_a_frame(tmp_path: Path):
    polars = pytest.importorskip("polars")
    polars.DataFrame({"id": ["a", "a"], "t": [1, 0], "x": [1.5, None]}).write_parquet(tmp_path / "table.parquet")
    assert sequences(tmp_path / "table.parquet", missing="zero").x[0].tolist() == [[0.0], [1.5]]
    with pytest.raises(DataError, match=r"table.parquet, column 'x': row 1: no value"):
        sequences(tmp_path / "table.parquet")
