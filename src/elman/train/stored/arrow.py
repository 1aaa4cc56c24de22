"""Batches from Parquet and Arrow files, read a group of rows at a time."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman.core import checks
from elman.train.stored.groups import DEFAULT_MEMORY, GroupedBatches, Rows

__all__ = ["ArrowBatches"]

ENDS = 1 << 16  # bytes of a file that are looked at, from each end
LARGE = 32  # a group that takes a larger part of the memory is given back at once, though new memory costs time
PARQUET, ARROW = (".parquet", ".pq"), (".arrow", ".feather", ".ipc")
WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8}  # of Parquet's types, in bytes


class Group(NamedTuple):
    """Rows of a file that are read together."""

    path: Path
    number: int  # of the group in its file
    first: int  # row of the file
    rows: int
    bytes: int  # of the columns that are read, in memory

    @property
    def name(self) -> str:
        return f"{self.path}, group of rows {self.number}"


class ArrowBatches(GroupedBatches):
    """Batches for `Trainer.fit` from Parquet or Arrow files, of which a few groups of rows are in memory at a time.

    A row of the files is a sequence. `fit` takes the object as x; `batch_size` and `seed` of the Trainer then mean
    nothing for the data, since these are given here:

        batches = elman.ArrowBatches("data/", x=["speed", "load"], y="class", batch_size=64, seed=0)
        trainer.fit(batches, epochs=5)

    files          a file, a folder, whose files are taken in the order of their names, or a list of files
    x              a column or several. Lists of numbers, of any length: one column is a sequence with one feature a
                   step, several are its features and of equal lengths. Numbers: the columns are the steps of a sequence
                   with one feature. In a column of lists of lists the inner ones are a step's features
    y              likewise: lists are targets at each step, of the length of x; one column of numbers is a target a row
                   (n,), several are its values (n, O)
    sample_weight  a column of numbers, or of lists with one for each step
    batch_size     rows of a batch
    seed           draws the order of the groups and of the rows within them, for every epoch another
    shuffle        False: rows in the files' order
    memory         bytes, or a text such as "500 MB": what the rows in memory may take. Groups of rows are read together
                   as far as a quarter of it goes

    Rows are mixed among the groups that are read together, and not over all files: where files are sorted, as by
    class, let memory hold many groups, or write the files in another order. The same files, seed and options give the
    same batches in every process. Raises ValueError for files that cannot be read or hold something else than
    numbers, with file, row and column; OSError where one cannot be opened; ModuleNotFoundError without pyarrow
    (the extra `arrow`).
    """

    def __init__(
        self,
        files: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        x: str | Sequence[str],
        y: str | Sequence[str],
        sample_weight: str | None = None,
        batch_size: int = 32,
        seed: int = 0,
        shuffle: bool = True,
        memory: int | str = DEFAULT_MEMORY,
    ) -> None:
        super().__init__(batch_size, seed, shuffle, memory)
        self.columns = {"x": _names("x", x), "y": _names("y", y)}
        if sample_weight is not None:
            self.columns["sample_weight"] = _names("sample_weight", sample_weight)
        self.files = _files(files)
        self.groups = [group for path in self.files for group in _groups(path, self._wanted) if group.rows]
        if not self.groups:
            raise ValueError(f"files: expected rows, got none in {', '.join(map(str, self.files[:3]))}")
        self.check_memory()

    @property
    def sizes(self) -> list[tuple[int, int]]:
        return [(group.rows, group.bytes) for group in self.groups]

    @property
    def _wanted(self) -> list[str]:
        return list(dict.fromkeys(name for names in self.columns.values() for name in names))

    def name_of(self, group: int) -> str:
        return self.groups[group].name

    @property
    def described(self) -> dict[str, Any]:
        """Files are told apart by their names, sizes and groups, and by the bytes at both ends: Parquet's last ones say
        something of all of its values."""
        found: dict[str, Any] = {"groups": str([(group.rows, group.bytes) for group in self.groups])}
        found |= {name: ", ".join(columns) for name, columns in self.columns.items()}
        found |= {f"files[{i}]": f"{path.name} {_digest(path)}" for i, path in enumerate(self.files)}
        return super().described | {f"batches.{name}": value for name, value in found.items()}

    def read(self, groups: Sequence[int]) -> Iterator[tuple[int, Rows]]:
        release = _arrow().default_memory_pool().release_unused  # or it keeps what a larger group needed
        for _, numbers in itertools.groupby(sorted(groups), lambda number: self.groups[number].path):
            own = list(numbers)
            with _opened(self.groups[own[0]], self._wanted) as table:
                for number in own:
                    group = self.groups[number]
                    yield number, self._rows(group, table(group))
                    if LARGE * group.bytes > self.memory:
                        release()
        release()

    def _rows(self, group: Group, table: Any) -> Rows:
        rows: Rows = {}
        for name, columns in self.columns.items():
            rows[name] = _values(group, table, columns, features=name == "x")
        for name, values in rows.items():
            if isinstance(values, list):
                if not isinstance(rows["x"], list):
                    raise ValueError(
                        f"{group.path}, column {self.columns[name][0]!r}: expected numbers, as in x, got lists"
                    )
                _check_lengths(group, rows["x"], values, self.columns[name][0], "one for each step of x")
        return rows


def _names(name: str, columns: Any) -> tuple[str, ...]:
    found = (columns,) if isinstance(columns, str) else tuple(columns) if isinstance(columns, Sequence) else ()
    if not found or not all(isinstance(one, str) for one in found):
        raise TypeError(f"{name}: expected a column's name, or several, got {checks.shown(columns)}")
    if len(set(found)) < len(found):
        raise ValueError(f"{name}: expected each column once, got {', '.join(found)}")
    return found


def _files(files: Any) -> list[Path]:
    if isinstance(files, str | os.PathLike):
        folder = Path(files)
        if not folder.is_dir():
            return [_known(folder)]
        found = sorted(path for path in folder.iterdir() if path.suffix in PARQUET + ARROW)
        if not found:
            raise ValueError(f"files: expected a folder with files *{', *'.join(PARQUET + ARROW)}, got {str(folder)!r}")
        return found
    if not isinstance(files, Sequence) or not files:
        raise TypeError(f"files: expected a file, a folder, or a list of files, got {checks.shown(files)}")
    return [_known(Path(one)) for one in files]


def _known(path: Path) -> Path:
    if path.suffix not in PARQUET + ARROW:
        raise ValueError(f"files: expected files *{', *'.join(PARQUET + ARROW)}, got {str(path)!r}")
    return path


def _digest(path: Path) -> str:
    """Returns a file's size and a digest of its beginning and end."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        digest = hashlib.sha256(file.read(ENDS))
        file.seek(max(0, size - ENDS))
        digest.update(file.read())
    return f"{size} bytes {digest.hexdigest()[:16]}"


def _groups(path: Path, wanted: list[str]) -> list[Group]:
    """Returns the groups of rows of a file; raises ValueError for one that lacks a column."""
    with path.open("rb"):  # an OSError where it cannot be opened
        pass
    try:
        found = _parquet_groups(path, wanted) if path.suffix in PARQUET else _arrow_groups(path, wanted)
    except (_arrow().ArrowException, OSError) as error:
        raise ValueError(f"{path}: expected a {path.suffix} file, got {str(error).splitlines()[0]}") from None
    return found


def _arrow() -> Any:
    try:
        import pyarrow
    except ModuleNotFoundError as error:
        message = "ArrowBatches needs pyarrow: pip install 'elman[arrow]'"
        raise ModuleNotFoundError(message, name=error.name) from None
    return pyarrow


def _parquet_groups(path: Path, wanted: list[str]) -> list[Group]:
    _arrow()
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        _check_columns(path, file.schema_arrow, wanted)
        found: list[Group] = []
        first = 0
        for number in range(file.num_row_groups):
            part = file.metadata.row_group(number)
            columns = [part.column(i) for i in range(part.num_columns)]
            used = [one for one in columns if one.path_in_schema.split(".")[0] in wanted]
            size = sum(one.num_values * WIDTHS.get(one.physical_type, 8) for one in used)
            found.append(Group(path, number, first, part.num_rows, size))
            first += part.num_rows
    return found


def _arrow_groups(path: Path, wanted: list[str]) -> list[Group]:
    pyarrow = _arrow()
    with pyarrow.memory_map(str(path)) as source, pyarrow.ipc.open_file(source) as file:
        _check_columns(path, file.schema, wanted)
        found: list[Group] = []
        first = 0
        for number in range(file.num_record_batches):
            part = file.get_batch(number).select(wanted)
            found.append(Group(path, number, first, part.num_rows, part.nbytes))
            first += part.num_rows
    return found


def _check_columns(path: Path, schema: Any, wanted: list[str]) -> None:
    for name in wanted:
        if schema.names.count(name) != 1:
            got = ", ".join(schema.names[:12]) + (", ..." if len(schema.names) > 12 else "")
            raise ValueError(f"{path}: expected one column {name!r}, got the columns {got}")


@contextmanager
def _opened(first: Group, wanted: list[str]) -> Generator[Callable[[Group], Any]]:
    """Yields what reads some columns of a group of a file as a table; `first` is the one that is read first."""
    pyarrow = _arrow()
    with ExitStack() as ends:
        with _errors(first):
            if first.path.suffix in PARQUET:
                from pyarrow import parquet

                file: Any = ends.enter_context(parquet.ParquetFile(first.path))
            else:
                source = ends.enter_context(pyarrow.memory_map(str(first.path)))
                file = ends.enter_context(pyarrow.ipc.open_file(source))

        def table(group: Group) -> Any:
            with _errors(group):
                if group.path.suffix in PARQUET:
                    found = file.read_row_group(group.number, columns=wanted, use_threads=False)
                else:
                    found = pyarrow.Table.from_batches([file.get_batch(group.number).select(wanted)])
            if (rows := found.num_rows) != group.rows:
                raise ValueError(f"{group.name}: expected {group.rows} rows, got {rows}: the file was changed")
            return found

        yield table


@contextmanager
def _errors(group: Group) -> Generator[None]:
    """Turns errors of Arrow into such that name the group."""
    try:
        yield
    except (_arrow().ArrowException, OSError) as error:
        raise ValueError(f"{group.name}: {str(error).splitlines()[0]}") from None


def _values(group: Group, table: Any, columns: tuple[str, ...], *, features: bool) -> Any:
    """Returns the values of some columns: an array whose first axis are rows, or a list with a sequence for each.

    features  whether a step has an axis of features, though there be one
    """
    read = [_column(group, name, table.column(name)) for name in columns]
    shapes = {None if isinstance(one, list) else one.ndim for one in read}
    if len(shapes) > 1 or (len(read) > 1 and not shapes <= {None, 1, 2}):
        listed = ", ".join(columns)
        raise ValueError(f"{group.path}: expected columns of numbers alone, or of lists of numbers alone, got {listed}")
    if not isinstance(read[0], list):
        values = read[0] if len(read) == 1 and (read[0].ndim > 1 or not features) else np.stack(read, axis=-1)
        return values[:, :, None] if features and values.ndim == 2 else values
    if len(read) == 1:
        return [one[:, None] if features and one.ndim == 1 else one for one in read[0]]
    for name, other in zip(columns[1:], read[1:], strict=True):
        _check_lengths(group, read[0], other, name, f"as in {columns[0]!r}")
    return [np.stack(own, axis=-1) for own in zip(*read, strict=True)]


def _column(group: Group, name: str, column: Any) -> Any:
    """Returns a column's numbers (n,), those of lists of one fixed size (n, T), or a list of arrays, one a row."""
    types = _arrow().types
    array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()

    def refuse(row: int, what: str) -> ValueError:
        return ValueError(f"{group.path}, row {group.first + row}, column {name!r}: expected numbers, got {what}")

    def numbers(inner: Any, row_of: Callable[[int], int]) -> np.ndarray:
        """Returns the numbers of an array; lists in it, of one size, are a further axis."""
        kind = inner.type
        if inner.null_count:
            raise refuse(row_of(int(np.asarray(inner.is_null()).argmax())), "nothing")
        if types.is_fixed_size_list(kind) or types.is_list(kind) or types.is_large_list(kind):
            sizes = np.asarray(inner.value_lengths())
            size = int(sizes[0]) if len(sizes) else 0
            if (sizes != size).any():
                place = int((sizes != size).argmax())
                raise refuse(row_of(place), f"a step of {sizes[place]} features where others have {size}")
            values = numbers(inner.flatten(), lambda place: row_of(place // size))
            return values.reshape(len(inner), size, *values.shape[1:])
        if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
            raise ValueError(f"{group.path}, column {name!r}: expected numbers, or lists of them, got {kind}")
        values = np.asarray(inner)
        if types.is_floating(kind) and not np.isfinite(values).all():
            place = int(np.isfinite(values).argmin())
            raise refuse(row_of(place), str(values[place]))
        return values

    if not (types.is_list(array.type) or types.is_large_list(array.type)):
        return numbers(array, lambda row: row)
    if array.null_count:
        raise refuse(int(np.asarray(array.is_null()).argmax()), "nothing")
    lengths = np.asarray(array.value_lengths())
    if lengths.min() == 0:
        raise refuse(int(lengths.argmin()), "an empty list")
    ends = np.cumsum(lengths)
    values = numbers(array.flatten(), lambda place: int(np.searchsorted(ends, place, "right")))
    return np.split(values, ends[:-1])


def _check_lengths(group: Group, steps: list[Any], values: list[Any], column: str, where: str) -> None:
    """Raises ValueError where a row has not as many values as steps."""
    for row, (one, two) in enumerate(zip(steps, values, strict=True)):
        if len(one) != len(two):
            place = f"{group.path}, row {group.first + row}, column {column!r}"
            raise ValueError(f"{place}: expected {len(one)} values, {where}, got {len(two)}")
