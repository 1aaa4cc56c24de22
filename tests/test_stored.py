"""Training on data that lie in Parquet and Arrow files, or on Dask: the batches, their order, and bad files."""

from __future__ import annotations

import itertools
import json
import pickle
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from benchmarks import stored
from elman.train.stored.groups import as_memory

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
ROOT = Path(__file__).parents[1]


def sequences(n: int = 50, seed: int = 0, ragged: bool = True) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 9, n) if ragged else np.full(n, 5)
    return {
        "speed": [rng.normal(size=k).tolist() for k in lengths],
        "load": [rng.normal(size=k).tolist() for k in lengths],
        "class": rng.integers(0, 3, n),
        "number": np.arange(n),
    }


def written(folder: Path, n: int = 50, files: int = 3, group: int = 7, **options: Any) -> Path:
    folder.mkdir(exist_ok=True)
    for i in range(files):
        data = sequences(n, i, **options)
        data["number"] = data["number"] + i * n
        pq.write_table(pa.table(data), folder / f"part{i}.parquet", row_group_size=group)
    return folder


def passed(batches: Any, number: int = 1) -> list[dict[str, Any]]:
    return list(batches.epoch(number))


def test_every_row_comes_once_in_an_order_of_its_own_for_each_epoch(tmp_path: Path):
    batches = elman.ArrowBatches(written(tmp_path), x="speed", y="number", batch_size=8, seed=3, memory=16_000)
    assert batches.rows == 150
    assert len(batches) == 19
    orders = []
    for number in (1, 2, 1):
        own = passed(batches, number)
        assert [len(batch["x"]) for batch in own] == [8] * 18 + [6]
        order = np.concatenate([batch["y"] for batch in own])
        np.testing.assert_array_equal(np.sort(order), np.arange(150))
        orders.append(order)
    assert (orders[0] == orders[2]).all()
    assert (orders[0] != orders[1]).any()
    again = elman.ArrowBatches(tmp_path, x="speed", y="number", batch_size=8, seed=4, memory=16_000)
    assert (np.concatenate([batch["y"] for batch in passed(again)]) != orders[0]).any()


def test_without_shuffle_rows_come_in_the_order_of_the_files(tmp_path: Path):
    batches = elman.ArrowBatches(written(tmp_path), x="speed", y="number", batch_size=8, shuffle=False, memory=16_000)
    order = np.concatenate([batch["y"] for batch in passed(batches)])
    np.testing.assert_array_equal(order, np.arange(150))


def test_the_values_are_those_of_the_file(tmp_path: Path):
    folder = written(tmp_path, files=1)
    data = sequences()
    batches = elman.ArrowBatches(folder, x=["speed", "load"], y="number", batch_size=8)
    for batch in passed(batches):
        for x, length, number in zip(batch["x"], batch["lengths"], batch["y"], strict=True):
            assert length == len(data["speed"][number])
            np.testing.assert_array_equal(x[:length, 0], data["speed"][number])
            np.testing.assert_array_equal(x[:length, 1], data["load"][number])
            assert not x[length:].any()


@pytest.mark.parametrize("form", ["numbers", "fixed lists", "lists of lists", "targets at each step", "arrow file"])
def test_forms_of_columns(tmp_path: Path, form: str):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 4, 2)).astype(np.float32)
    y = rng.normal(size=20)
    path = tmp_path / "data.parquet"
    columns: Any = "x"
    target: Any = "y"
    if form == "numbers":
        table, columns = pa.table({**{f"t{t}": x[:, t, 0] for t in range(4)}, "y": y}), [f"t{t}" for t in range(4)]
        x = x[:, :, :1]
    elif form == "fixed lists":
        values = pa.FixedSizeListArray.from_arrays(pa.array(x[:, :, 0].ravel()), 4)
        table = pa.table({"x": values, "y": y})
        x = x[:, :, :1]
    elif form == "targets at each step":
        table = pa.table({"x": x[:, :, 0].tolist(), "y": x[:, :, 1].tolist()})
        x, y = x[:, :, :1], x[:, :, 1]
    else:
        table = pa.table({"x": x.tolist(), "y": y})
    if form == "arrow file":
        path = tmp_path / "data.arrow"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=6)
    else:
        pq.write_table(table, path, row_group_size=6)
    batches = passed(elman.ArrowBatches(path, x=columns, y=target, batch_size=7, shuffle=False))
    np.testing.assert_allclose(np.concatenate([batch["x"] for batch in batches]), x, rtol=1e-6)
    np.testing.assert_allclose(np.concatenate([batch["y"] for batch in batches]), y, rtol=1e-6)


def trainer(seed: int = 0, **options: Any) -> elman.Trainer:
    network = elman.Network(2, 8, 3, cell="gru", output="last", seed=seed)
    return elman.Trainer(network, loss=elman.losses.CrossEntropy(), batch_size=8, seed=1, **options)


def files(folder: Path, **options: Any) -> Any:
    given: dict[str, Any] = {"x": ["speed", "load"], "y": "class", "batch_size": 8, "seed": 1, "memory": 16_000}
    return elman.ArrowBatches(folder, **{**given, **options})


def test_fit_is_updates_on_the_same_batches(tmp_path: Path):
    folder = written(tmp_path)
    fitted, by_hand = trainer(), trainer()
    history = fitted.fit(files(folder), epochs=2, progress=False)
    for number in (1, 2):
        for batch in passed(files(folder), number):
            by_hand.update(batch["x"], batch["y"], lengths=batch["lengths"])
    assert len(history.update_loss) == 38
    assert fitted.network.theta.tobytes() == by_hand.network.theta.tobytes()


@pytest.mark.parametrize("ragged", [True, False])
def test_batches_that_are_handed_over_together_are_those_of_the_epoch(tmp_path: Path, ragged: bool):
    folder = written(tmp_path, ragged=ragged)
    if not ragged:
        for path in folder.iterdir():
            table = pq.read_table(path)
            for i, name in enumerate(("speed", "load")):
                table = table.set_column(i, name, table.column(name).cast(pa.list_(pa.float64(), 5)))
            pq.write_table(table, path, row_group_size=7)
    sizes = set[int]()
    for memory in (16_000, 200_000):
        batches = files(folder, memory=memory)
        found: list[dict[str, np.ndarray]] = []
        for rows, starts in batches.pieces(2):
            sizes.add(len(starts) - 1)
            for first, last in itertools.pairwise(starts.tolist()):
                found.append({name: values[first:last].copy() for name, values in rows.items()})
        for one, other in zip(found, passed(batches, 2), strict=True):
            assert one.keys() == other.keys()
            for name, values in other.items():
                own = one[name]
                if ragged and name == "x":
                    assert not own[:, values.shape[1] :].any()
                    own = own[:, : values.shape[1]]
                np.testing.assert_array_equal(own, values)
    assert 1 in sizes
    assert max(sizes) > 2


def test_a_block_is_read_file_by_file_and_a_table_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    opened: list[str] = []
    tables: list[weakref.ref[Any]] = []
    alive: list[int] = []

    class File(pq.ParquetFile):
        def __init__(self, path: Path) -> None:
            opened.append(path.name)
            super().__init__(path)

        def read_row_group(self, *args: Any, **options: Any) -> Any:
            table = super().read_row_group(*args, **options)
            tables.append(weakref.ref(table))
            alive.append(sum(one() is not None for one in tables))
            return table

    batches = files(written(tmp_path), memory="1 MB")
    monkeypatch.setattr(pq, "ParquetFile", File)
    passed(batches)
    assert opened == ["part0.parquet", "part1.parquet", "part2.parquet"]
    assert alive == [1] * len(batches.groups)


def test_memory_grows_within_what_is_allowed(tmp_path: Path):
    """Five times the memory allowed, in a process of its own."""
    stored.write(tmp_path, 50_000)
    command = [sys.executable, "-m", "benchmarks.stored", "--only", "files", str(tmp_path), "--memory", "32"]
    grown = json.loads(subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout)["grown"]
    assert 0 < grown < 32e6


def test_resumed_within_an_epoch_the_bits_are_the_same(tmp_path: Path):
    folder = written(tmp_path / "data")
    whole, stopped, resumed = trainer(), trainer(), trainer()
    whole.fit(files(folder), epochs=3, progress=False)

    def interrupt(of: elman.Trainer) -> bool:
        return of.epochs == 2

    stopped.fit(
        files(folder), epochs=3, progress=False, callback=interrupt, checkpoint=tmp_path / "ck", every=7, keep=9
    )
    for path in sorted((tmp_path / "ck").glob("update*"))[-1:]:
        path.unlink()  # the newest that is left lies within the second epoch
    resumed.fit(files(folder), epochs=3, progress=False, resume=tmp_path / "ck")
    assert whole.network.theta.tobytes() == resumed.network.theta.tobytes()


def test_a_checkpoint_of_other_files_is_refused(tmp_path: Path):
    written(tmp_path / "data")
    written(tmp_path / "other", files=2)
    trainer().fit(files(tmp_path / "data"), epochs=1, progress=False, checkpoint=tmp_path / "ck")
    with pytest.raises(ValueError, match=r"batches\.files"):
        trainer().fit(files(tmp_path / "other"), epochs=2, progress=False, resume=tmp_path / "ck")
    with pytest.raises(ValueError, match=r"batches\.seed"):
        trainer().fit(files(tmp_path / "data", seed=2), epochs=2, progress=False, resume=tmp_path / "ck")


def test_the_object_can_be_sent_to_another_process(tmp_path: Path):
    batches = files(written(tmp_path))
    copy = pickle.loads(pickle.dumps(batches))
    for one, other in zip(passed(batches), passed(copy), strict=True):
        np.testing.assert_array_equal(one["x"], other["x"])


@pytest.mark.parametrize("lists", [False, True])
def test_files_of_other_types_lose_no_digit(tmp_path: Path, lists: bool):
    """One file has whole numbers and small floats, the other real numbers, and batches have rows of both."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    x[:10], y[:10] = x[:10].astype(np.float32), np.arange(10)
    for i, (real, target) in enumerate(((np.float32, np.int64), (np.float64, np.float64))):
        rows = slice(10 * i, 10 * i + 10)
        values = pa.array(x[rows].tolist(), pa.list_(pa.from_numpy_dtype(real), -1 if lists else 3))
        table = pa.table({"x": values, "y": y[rows].astype(target)})
        pq.write_table(table, tmp_path / f"{i}.parquet", row_group_size=5)
    for files_in_turn in (["0.parquet", "1.parquet"], ["1.parquet", "0.parquet"]):
        given = [tmp_path / name for name in files_in_turn]
        batches = passed(elman.ArrowBatches(given, x="x", y="y", batch_size=4, shuffle=False, memory=1600))
        order = np.arange(20) if files_in_turn[0] == "0.parquet" else np.roll(np.arange(20), 10)
        np.testing.assert_array_equal(np.concatenate([batch["x"][:, :, 0] for batch in batches]), x[order])
        np.testing.assert_array_equal(np.concatenate([batch["y"] for batch in batches]), y[order])


# --------------------------------------------------------------------------------------------- bad files and options


def refused(folder: Path, table: dict[str, Any], **options: Any) -> str:
    path = folder / "bad.parquet"
    pq.write_table(pa.table(table), path, row_group_size=2)
    given: dict[str, Any] = {"x": "x", "y": "y", "batch_size": 2, **options}
    with pytest.raises(ValueError, match="expected") as error:
        passed(elman.ArrowBatches(path, **given))
    return str(error.value)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([[1.0], [2.0], [], [4.0]], [0, 1, 0, 1], "row 2, column 'x': expected numbers, got an empty list"),
        ([[1.0], [2.0], None, [4.0]], [0, 1, 0, 1], "row 2, column 'x': expected numbers, got nothing"),
        ([[1.0], [2.0], [3.0], [4.0, None]], [0, 1, 0, 1], "row 3, column 'x': expected numbers, got nothing"),
        ([[1.0], [2.0], [3.0, 4.0], [float("nan")]], [0, 1, 0, 1], "row 3, column 'x': expected numbers, got nan"),
        ([[1.0], [2.0], [3.0], [4.0]], [0.0, 1.0, float("inf"), 1.0], "row 2, column 'y': expected numbers, got inf"),
        ([[1.0], [2.0], [3.0], [4.0]], [0, 1, None, 1], "row 2, column 'y': expected numbers, got nothing"),
        ([["a"], ["b"], ["c"], ["d"]], [0, 1, 0, 1], "column 'x': expected numbers, or lists of them, got string"),
        (
            [[1.0], [2.0], [3.0], [4.0]],
            ["a", "b", "c", "d"],
            "column 'y': expected numbers, or lists of them, got string",
        ),
        ([[1.0], [2.0], [3.0], [4.0]], [[1], [1], [1], [1, 2]], "row 3, column 'y': expected 1 values"),
        (
            [[[1.0, 2.0]], [[3.0, 4.0]], [[5.0]], [[6.0, 7.0]]],
            [0, 1, 0, 1],
            "row 3, column 'x': expected numbers, got a",
        ),
    ],
)
def test_bad_values_name_the_row(tmp_path: Path, x: Any, y: Any, message: str):
    assert message in refused(tmp_path, {"x": x, "y": y})


def test_bad_columns(tmp_path: Path):
    table = {"x": [[1.0], [2.0]], "z": [[1.0], [2.0, 3.0]], "n": [1.0, 2.0], "y": [0, 1]}
    assert "expected one column 'speed', got the columns x, z, n, y" in refused(tmp_path, table, x="speed")
    assert "row 1, column 'z': expected 1 values, as in 'x', got 2" in refused(tmp_path, table, x=["x", "z"])
    assert "expected columns of numbers alone, or of lists of numbers alone, got x, n" in refused(
        tmp_path, table, x=["x", "n"]
    )
    assert "column 'x': expected numbers, as in x, got lists" in refused(tmp_path, table, x="n", y="x")
    assert "expected each column once" in refused(tmp_path, table, x=["x", "x"])
    with pytest.raises(TypeError, match="x: expected a column's name"):
        elman.ArrowBatches(tmp_path, x=[], y="y")


def test_bad_files(tmp_path: Path):
    with pytest.raises(ValueError, match="expected a folder with files"):
        elman.ArrowBatches(tmp_path, x="x", y="y")
    with pytest.raises(ValueError, match=r"expected files \*\.parquet"):
        elman.ArrowBatches(tmp_path / "data.csv", x="x", y="y")
    with pytest.raises(FileNotFoundError):
        elman.ArrowBatches(tmp_path / "none.parquet", x="x", y="y")
    with pytest.raises(TypeError, match="files: expected"):
        elman.ArrowBatches([], x="x", y="y")
    (tmp_path / "text.parquet").write_text("no file of this kind", "utf-8")
    with pytest.raises(ValueError, match=r"text\.parquet: expected a \.parquet file"):
        elman.ArrowBatches(tmp_path / "text.parquet", x="x", y="y")
    pq.write_table(pa.table({"x": pa.array([], pa.float64()), "y": pa.array([], pa.float64())}), tmp_path / "e.parquet")
    with pytest.raises(ValueError, match="expected rows, got none"):
        elman.ArrowBatches(tmp_path / "e.parquet", x="x", y="y")


def test_a_file_that_is_cut_short_while_it_is_read(tmp_path: Path):
    batches = files(written(tmp_path))
    path = tmp_path / "part1.parquet"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"part1\.parquet, group of rows"):
        passed(batches)


def test_groups_of_another_form(tmp_path: Path):
    pq.write_table(pa.table({"x": [[[1.0, 2.0]]] * 4, "y": [0] * 4}), tmp_path / "a.parquet", row_group_size=2)
    pq.write_table(pa.table({"x": [[[1.0]]] * 4, "y": [0] * 4}), tmp_path / "b.parquet", row_group_size=2)
    pq.write_table(pa.table({"x": [1.0] * 4, "y": [0] * 4}), tmp_path / "c.parquet", row_group_size=2)
    for other, got in (("b", r"sequences of shape \(T, 1\)"), ("c", r"rows of shape \(1, 1\)")):
        given = [tmp_path / "a.parquet", tmp_path / f"{other}.parquet"]
        message = rf"x: expected sequences of shape \(T, 2\), as in .*a\.parquet, .*, got {got} in .*{other}\.parquet"
        for memory in (10_000, 400):  # in one block, and in several
            with pytest.raises(ValueError, match=message):
                passed(elman.ArrowBatches(given, x="x", y="y", batch_size=3, shuffle=False, memory=memory))


def test_memory(tmp_path: Path):
    folder = written(tmp_path)
    with pytest.raises(ValueError, match=r"memory: expected at least 8 times the largest group.*part0\.parquet"):
        files(folder, memory=100)
    assert [as_memory(one) for one in (5, "500 MB", "1.5 GiB")] == [5, 500_000_000, 3 << 29]
    for wrong in ("500", "5 XB", "x MB", 0):
        with pytest.raises(ValueError, match="memory: expected"):
            as_memory(wrong)


def test_validation_and_refused_options(tmp_path: Path):
    folder = written(tmp_path)
    x, y = np.zeros((4, 3, 2)), np.array([0, 1, 2, 0])
    history = trainer().fit(files(folder), epochs=1, validation=(x, y), progress=False)
    assert np.isfinite(history.validation_loss).all()
    with pytest.raises(ValueError, match="window: expected none where x is an iterable of batches"):
        trainer().fit(files(folder), epochs=1, window=3, progress=False)


# ------------------------------------------------------------------------------------------------------------- Dask


@pytest.fixture
def arrays() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.normal(size=(90, 5, 2)).astype(np.float32), rng.integers(0, 3, 90)


def test_fit_takes_dask_arrays(arrays: Any):
    da = pytest.importorskip("dask.array")
    x, y = arrays
    own = da.from_array(x, chunks=(20, 3, 2)), da.from_array(y, chunks=20)
    fitted, by_hand = trainer(), trainer()
    fitted.fit(*own, epochs=2, progress=False)
    batches = elman.DaskBatches(*own, batch_size=8, seed=1)
    order = np.concatenate([batch["x"] for batch in passed(batches)])
    np.testing.assert_array_equal(np.sort(order[:, 0, 0]), np.sort(x[:, 0, 0]))
    for number in (1, 2):
        for batch in passed(batches, number):
            by_hand.update(batch["x"], batch["y"])
    assert fitted.network.theta.tobytes() == by_hand.network.theta.tobytes()


def test_fit_takes_dask_frames():
    pd, dd = pytest.importorskip("pandas"), pytest.importorskip("dask.dataframe")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 4)), columns=list("abcd")).assign(y=rng.normal(size=60))
    own = dd.from_pandas(frame, npartitions=3)
    network = elman.Network(1, 4, 1, output="last", seed=0)
    history = elman.Trainer(network, batch_size=8).fit(own[list("abcd")], own["y"], epochs=1, progress=False)
    assert len(history.update_loss) == 8
    batches = elman.DaskBatches(own[list("abcd")], own["y"], batch_size=60, shuffle=False)
    (batch,) = passed(batches)
    np.testing.assert_array_equal(batch["x"][:, :, 0], frame[list("abcd")])
    np.testing.assert_array_equal(batch["y"], frame["y"])


def test_bad_dask_collections(arrays: Any):
    da = pytest.importorskip("dask.array")
    x, y = arrays
    with pytest.raises(ValueError, match="y: expected partitions of as many rows as those of x, 20, 20, 20"):
        elman.DaskBatches(da.from_array(x, chunks=(20, 5, 2)), da.from_array(y, chunks=30))
    with pytest.raises(TypeError, match="y: expected a Dask array or data frame"):
        elman.DaskBatches(da.from_array(x, chunks=20), y)
    with pytest.raises(ValueError, match="x: expected numbers in partition"):
        passed(elman.DaskBatches(da.from_array(x.astype(str), chunks=(30, 5, 2)), da.from_array(y, chunks=30)))
