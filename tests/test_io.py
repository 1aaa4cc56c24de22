"""Files: what comes back, and that nothing but a whole file of ours ever loads."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import elman
from elman.core import io
from elman.core.layers import GRU, LSTM, Activation, Dense, Embedding, Last, Recurrent, Simple, Skip

safetensors = pytest.importorskip("safetensors.numpy")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("io") / "net.safetensors"
    elman.Network(2, 3, 1, seed=0).save(path)
    return path


def parts(data: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """(header, what the key `elman` says, the body) of a file."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    return header, json.loads(header["__metadata__"]["elman"]), data[8 + length :]


def joined(header: dict[str, Any], meta: dict[str, Any] | None, body: bytes) -> bytes:
    if meta is not None:
        header = {**header, "__metadata__": {"elman": json.dumps(meta)}}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


# ---------------------------------------------------------------------------------------------- what comes back

cells = st.sampled_from([Simple(), Simple("relu"), LSTM(), LSTM(True), GRU(), GRU(False)])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.builds(Recurrent, st.integers(1, 4), cells, st.booleans()), min_size=1, max_size=3),
    st.sampled_from([[], [Last()]]),
    st.sampled_from([[], [Dense(2)], [Dense(3, "tanh"), Dense(1), Skip()]]),
    st.booleans(),
    st.sampled_from(["float32", "float64"]),
)
def test_a_network_comes_back(tmp_path: Path, stack: Any, last: Any, head: Any, embed: bool, dtype: str):
    first = [Embedding(5, 2)] if embed and Skip() not in head else []
    net = elman.Network.from_layers([*first, *stack, *last, *head], input_size=2, dtype=dtype)
    net.save(tmp_path / "a")
    again = elman.load(tmp_path / "a")
    assert (again.layers, again.input_size, again.dtype) == (net.layers, net.input_size, net.dtype)
    assert (again.theta == net.theta).all()
    again.save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_bytes_are_the_same_from_run_to_run(seed: str, good: Path, tmp_path: Path):
    program = "import sys, elman; elman.Network(2, 3, 1, seed=0).save(sys.argv[1])"
    path = tmp_path / seed
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(elman.__file__).parent.parent)}
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, env=environment)
    assert path.read_bytes() == good.read_bytes()


def test_others_can_read_it(good: Path):
    tensors = safetensors.load_file(good)
    net = elman.Network(2, 3, 1, seed=0)
    assert {name: array.tolist() for name, array in tensors.items()} == {
        name: array.tolist() for name, array in net.parameters.items()
    }


def test_any_kind_any_strings_any_tensors(tmp_path: Path):
    base = np.arange(24.0).reshape(4, 6)
    tensors = {
        "transposed": base.T,
        "strided": base[::2, 1::2],
        "reversed": base[::-1],
        "big endian": base.astype(">f4"),
        "scalar": np.array(3.5),
        "empty": np.zeros((0, 2)),
        "days": np.array([-(2**40), 3]),
        "flags": np.array([True, False]),
        "bytes": np.frombuffer("años".encode("latin-1"), np.uint8),
        "ünïcode": np.ones(1, np.int32),
    }
    description = {"names": ("a", "ß", '"\\\n'), "n": {1: None, "deep": [[1.5, True]]}, "x": 0.1}
    io.write(tmp_path / "f", "anything", description, tensors)
    kind, plain, back = io.read(tmp_path / "f")
    assert kind == "anything"
    assert plain == {"names": ["a", "ß", '"\\\n'], "n": {"1": None, "deep": [[1.5, True]]}, "x": 0.1}
    assert back.keys() == tensors.keys()
    for name, array in tensors.items():
        assert back[name].shape == array.shape
        assert back[name].dtype == array.dtype.newbyteorder("=")
        assert (back[name] == array).all()
        back[name][...] = 0  # writable, and no view of anything


def test_what_a_file_cannot_hold_is_refused_before_it_is_made(tmp_path: Path):
    path = tmp_path / "f"
    own = Activation("sine", np.sin, np.cos)
    with pytest.raises(ValueError, match=r"activation: .* got 'sine': a file holds no code"):
        elman.Network(1, 2, 1, cell=Simple(own), seed=0).save(path)
    with pytest.raises(ValueError, match="JSON compliant"):
        io.write(path, "k", {"x": float("nan")}, {})
    with pytest.raises(TypeError, match="JSON serializable"):
        io.write(path, "k", {"x": {1, 2}}, {})
    with pytest.raises(TypeError, match=r"tensors\['t'\]: expected one of F32, .* got complex128"):
        io.write(path, "k", {}, {"t": np.zeros(2, complex)})
    with pytest.raises(ValueError, match="description: expected at most"):
        io.write(path, "k", {"x": "a" * (5 << 20)}, {})
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------------ how it is written


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), MemoryError()])
@pytest.mark.parametrize("place", ["fsync", "replace"])
def test_a_write_that_fails_leaves_what_was_there(
    error: BaseException, place: str, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "net.safetensors"
    path.write_bytes(good.read_bytes())

    def fails(*args: Any) -> None:
        raise error

    monkeypatch.setattr(os, place, fails)
    with pytest.raises(type(error)):
        elman.Network(9, 9, 9, seed=1).save(path)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == good.read_bytes()


def test_a_file_is_replaced_and_nothing_else_stays(good: Path, tmp_path: Path):
    path = tmp_path / "net.safetensors"
    path.write_text("something else")
    elman.Network(2, 3, 1, seed=0).save(str(path))
    assert path.read_bytes() == good.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_permissions_are_those_of_any_new_file(tmp_path: Path):
    (tmp_path / "other").write_text("")
    elman.Network(2, 3, 1, seed=0).save(tmp_path / "net")
    assert (tmp_path / "net").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_folders_that_are_not_there_are_named(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"the folder does not exist: .*nowhere"):
        elman.Network(2, 3, 1, seed=0).save(tmp_path / "nowhere" / "net")
    with pytest.raises(OSError, match="directory"):
        elman.Network(2, 3, 1, seed=0).save(tmp_path)
    with pytest.raises(FileNotFoundError):
        elman.load(tmp_path / "nothing")


# ------------------------------------------------------------------------------------------------ what never loads


def refused(path: Path, data: bytes, message: str = ".") -> None:
    path.write_bytes(data)
    with pytest.raises(io.FileError, match=message) as caught:
        elman.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_every_truncation_is_refused(good: Path, tmp_path: Path):
    data = good.read_bytes()
    for length in range(len(data)):
        refused(tmp_path / "cut", data[:length])
    refused(tmp_path / "longer", data + b"\0")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_changed_byte_loads_silently(good: Path, tmp_path: Path, data: st.DataObject):
    """A change may only go unnoticed where it changes nothing: white space, or another spelling of the same JSON."""
    whole = good.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda value: value != whole[place]))
    path = tmp_path / "flipped"
    path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
    try:
        net = elman.load(path)
    except io.FileError:
        return
    assert place < len(whole) - len(parts(whole)[2])  # never in the tensors
    path.unlink()
    net.save(path)
    assert path.read_bytes() == whole


@pytest.mark.slow
def test_no_flipped_bit_loads_silently(good: Path, tmp_path: Path):
    whole = good.read_bytes()
    path = tmp_path / "flipped"
    for place in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            try:
                net = elman.load(path)
            except io.FileError:
                continue
            net.save(path)
            assert path.read_bytes() == whole


def test_every_byte_of_the_tensors_counts(good: Path, tmp_path: Path):
    whole = good.read_bytes()
    body = len(parts(whole)[2])
    for place in range(len(whole) - body, len(whole)):
        data = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        refused(tmp_path / "flipped", data, "do not match their checksum")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a safetensors file, or cut short"),
        (b"date,value\n2020-01-01,3\n" * 9, "not a safetensors file"),
        (pickle.dumps({"a": np.zeros(3)}), "not a safetensors file"),
        ((2**63).to_bytes(8, "little") + b"{}", "not a safetensors file, or cut short"),
        ((5 << 20).to_bytes(8, "little") + b" " * (6 << 20), "header of at most 4194304 bytes, got 5242880"),
        ((4).to_bytes(8, "little") + b"[[]]", "its header is not a JSON object"),
        ((2).to_bytes(8, "little") + b"{}", "that elman did not write"),
        ((1 << 20).to_bytes(8, "little") + b"[" * (1 << 20), "its header is not JSON"),
        ((4).to_bytes(8, "little") + b"\xff\xfe\xfd\xfc", "its header is not JSON"),
        (joined({"__metadata__": {"elman": "[" * 100_000}}, None, b""), "the metadata key `elman` is not JSON"),
        (joined({"__metadata__": {"elman": "3"}}, None, b""), "expected format 1, got none"),
        (joined({"__metadata__": {"elman": "{}", "x": "y"}}, None, b""), "that elman did not write"),
        (joined({"__metadata__": []}, None, b""), "that elman did not write"),
    ],
)
def test_what_is_not_ours_is_refused(data: bytes, message: str, tmp_path: Path):
    refused(tmp_path / "f", data, message)


def test_files_of_other_programs_are_refused(tmp_path: Path):
    refused(tmp_path / "f", safetensors.save({"a": np.zeros(3)}), "that elman did not write")


Change = Callable[[dict[str, Any], dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h, m: m.update(format=2), "expected format 1, got 2; a newer elman may read it"),
        (lambda h, m: m.update(kind=3), "expected format, kind, description, sha256"),
        (lambda h, m: m.update(extra=3), "expected format, kind, description, sha256"),
        (lambda h, m: m.pop("sha256"), "expected format, kind, description, sha256"),
        (lambda h, m: m.update(sha256="0" * 64), "do not match their checksum"),
        (lambda h, m: m.update(kind="oracle"), "do not match their checksum"),
        (lambda h, m: m["description"].update(input_size=1), "does not fit the tensors"),
        (lambda h, m: m["description"].update(more=1), "network: expected the fields .*, and does not know more"),
        (lambda h, m: m["description"].pop("dtype"), "network: expected the fields .*, and lacks dtype"),
        (lambda h, m: m["description"]["layers"][0].update(zoneout=0.5), "do not match their checksum"),
        (lambda h, m: m["description"].update(more=float("inf")), "the metadata key `elman` is not JSON"),
        (lambda h, m: m["description"].update(input_size=2**64), "the metadata key `elman` is not JSON"),
        (lambda h, m: h["bias_l0"].update(shape=[3, 4]), r"bias_l0: expected float32 \(12\), got float32 \(3, 4\)"),
        (lambda h, m: h["bias_l0"].update(dtype="I32"), r"bias_l0: expected float32 \(12\), got int32 \(12\)"),
        (lambda h, m: h["bias_l0"].update(dtype="F16"), "the list of tensors is damaged"),
        (lambda h, m: h["bias_l0"].update(shape=[13]), "the list of tensors is damaged"),
        (lambda h, m: h["bias_l0"].update(shape=[-1]), "the list of tensors is damaged"),
        (lambda h, m: h["bias_l0"].update(shape=[2**62, 2**62, 0]), "the list of tensors is damaged"),
        (lambda h, m: h["bias_l0"].update(shape=[1.0]), "the list of tensors is damaged"),
        (lambda h, m: h["bias_l0"].update(shape=[True]), "the list of tensors is damaged"),
        (lambda h, m: h["bias_l0"].update(shape="12"), "the list of tensors is damaged"),
        (lambda h, m: h["bias_l0"].update(data_offsets=[0]), "the list of tensors is damaged"),
        (lambda h, m: h["bias_l0"].update(data_offsets=[10**9, 10**9 + 48]), "the list of tensors is damaged"),
        (lambda h, m: h.update(bias_l0=3), "the list of tensors is damaged"),
        (lambda h, m: h.update(bias_l0={}), "the list of tensors is damaged"),
        (lambda h, m: h.update(twice=h["bias_l0"]), "they do not follow one another"),
        (lambda h, m: h.pop("bias_l0"), "they do not follow one another"),
    ],
)
def test_altered_headers_are_refused(change: Change, message: str, good: Path, tmp_path: Path):
    header, meta, body = parts(good.read_bytes())
    change(header, meta)
    refused(tmp_path / "f", joined(header, meta, body), message)


def hostile(description: Any, tensors: dict[str, np.ndarray] | None = None) -> Callable[[Path], None]:
    """A file with a correct checksum over contents that do not fit one another."""
    if tensors is None:
        tensors = dict(elman.Network(2, 3, 1, seed=0).parameters)
    return lambda path: io.write(path, "network", description, tensors)


LAYERS = [
    {"kind": "recurrent", "hidden_size": 3, "cell": {"kind": "lstm"}, "bidirectional": False},
    {"kind": "dense", "output_size": 1, "activation": "linear"},
]
NAMES = dict(elman.Network(2, 3, 1, seed=0).parameters)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (hostile({}), "the description is not as expected: network: .* lacks layers, input_size, dtype"),
        (hostile({"layers": [], "input_size": 2, "dtype": "float32"}), "at least one Recurrent"),
        (hostile({"layers": 3, "input_size": 2, "dtype": "float32"}), "layers: expected a list"),
        (hostile({"layers": [{"kind": "last"}] * 2000, "input_size": 2, "dtype": "float32"}), "at most 1000 layers"),
        (
            hostile({"layers": LAYERS, "input_size": 2, "dtype": "float16"}),
            "dtype: expected one of 'float32', 'float64'",
        ),
        (
            hostile({"layers": LAYERS, "input_size": 2, "dtype": "float64"}),
            r"weight_ih_l0: expected float64 \(12, 2\), got float32 \(12, 2\)",
        ),
        (
            hostile({"layers": LAYERS, "input_size": 3, "dtype": "float32"}),
            r"weight_ih_l0: expected float32 \(12, 3\), got float32 \(12, 2\)",
        ),
        (hostile({"layers": LAYERS, "input_size": "2", "dtype": "float32"}), "input_size: expected a whole number"),
        (
            hostile({"layers": [{**LAYERS[0], "hidden_size": 10**15}], "input_size": 2, "dtype": "float32"}),
            "hidden_size: expected a whole number of at most 2147483647",
        ),
        (
            hostile({"layers": [{**LAYERS[0], "hidden_size": 2**31 - 1}], "input_size": 2, "dtype": "float32"}),
            "layers: expected at most 1,099,511,627,776 parameters",
        ),
        (
            hostile({"layers": [{**LAYERS[0], "hidden_size": 10**40}], "input_size": 2, "dtype": "float32"}),
            "the metadata key `elman` is not JSON",
        ),
        (
            hostile({"layers": [{"kind": "os.system"}], "input_size": 2, "dtype": "float32"}),
            r"layers\[0\]: expected one of embedding, recurrent",
        ),
        (
            hostile({"layers": [{**LAYERS[0], "hook": "x"}], "input_size": 2, "dtype": "float32"}),
            r"layers\[0\]: expected fields among hidden_size, cell, bidirectional, .*, got 'hook'",
        ),
        (
            hostile({"layers": [{**LAYERS[0], "cell": {"kind": "rnn"}}], "input_size": 2, "dtype": "float32"}),
            r"layers\[0\].cell: expected one of simple, lstm, gru",
        ),
        (
            hostile({"layers": [{"kind": "recurrent"}], "input_size": 2, "dtype": "float32"}),
            "the description is not as expected: .*hidden_size",
        ),
        (
            hostile({"layers": LAYERS, "input_size": 2, "dtype": "float32"}, {}),
            "not fit the tensors: expected weight_ih_l0",
        ),
        (
            hostile({"layers": LAYERS, "input_size": 2, "dtype": "float32"}, {**NAMES, "more": np.zeros(1)}),
            "not fit the tensors: expected weight_ih_l0",
        ),
    ],
)
def test_descriptions_that_do_not_fit_are_refused(write: Callable[[Path], None], message: str, tmp_path: Path):
    write(tmp_path / "f")
    refused(tmp_path / "f", (tmp_path / "f").read_bytes(), message)


def test_fields_that_are_missing_take_their_defaults(tmp_path: Path):
    """So that a later version may add fields and still read today's files."""
    hostile({"layers": LAYERS, "input_size": 2, "dtype": "float32"})(tmp_path / "f")
    assert elman.load(tmp_path / "f").layers == (Recurrent(3), Dense(1))


def test_unknown_kinds_are_refused(tmp_path: Path):
    io.write(tmp_path / "f", "oracle", {}, {})
    refused(tmp_path / "f", (tmp_path / "f").read_bytes(), "expected a kind among network, .*, got 'oracle'")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs devices")
def test_devices_and_folders_are_refused(tmp_path: Path):
    with pytest.raises(io.FileError, match="expected a regular file"):
        elman.load("/dev/zero")
    with pytest.raises(IsADirectoryError):
        elman.load(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
@pytest.mark.parametrize("read", [elman.load, io.read])
def test_a_fifo_is_refused_at_once(read: Any, tmp_path: Path):
    """It has no writer: opened as a regular file is, it would block for ever."""
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(io.FileError, match="expected a regular file"):
        read(tmp_path / "fifo")


def described(text: str) -> bytes:
    """A file whose description is this JSON."""
    meta = f'{{"format": 1, "kind": "network", "sha256": "", "description": {text}}}'
    return joined({"__metadata__": {"elman": meta}}, None, b"")


def network(layers: str) -> bytes:
    return described(f'{{"layers": [{layers}], "input_size": 1, "dtype": "float32"}}')


def cell(own: str, size: int = 3) -> bytes:
    return network(f'{{"kind": "recurrent", "hidden_size": {size}, "cell": {own}}}')


def claimed(shapes: int, axes: int) -> bytes:
    entry = {"dtype": "U8", "shape": [0] * axes, "data_offsets": [0, 0]}
    return joined({f"{i}": entry for i in range(shapes)}, {"format": 1, "kind": "network"}, b"")


LARGE: dict[str, Callable[[], bytes]] = {
    "many axes": lambda: claimed(1, 1_300_000),
    "many tensors": lambda: claimed(60_000, 0),
    "tensors and axes": lambda: claimed(19_000, 30),
    "many whole numbers": lambda: described("[" + "1," * 1_900_000 + "1]"),
    "many numbers": lambda: described("[" + "1.5," * 950_000 + "1]"),
    "many objects": lambda: described("[" + "{}," * 1_200_000 + "1]"),
    "many digits": lambda: described("[" + "9" * 4_000_000 + "]"),
    "many layers": lambda: network(",".join(['{"kind": "recurrent", "hidden_size": 1}'] * 1000)),
    "many leaks": lambda: cell('{"kind": "simple", "leak": [' + "1," * 1_000_000 + "1]}", 1_000_001),
    "a deep cell": lambda: cell('{"kind": "simple", "cell": ' * 985 + "1" + "}" * 985),
    "a deep activation": lambda: cell('{"kind": "simple", "activation": ' + "[" * 960 + "1" + "]" * 960 + "}"),
    "a deep list": lambda: cell("[" * 900_000),
}


@pytest.mark.parametrize("make", LARGE.values(), ids=LARGE)
def test_a_header_takes_little_time_whatever_it_says(make: Callable[[], bytes], tmp_path: Path):
    data = make()
    assert len(data) <= io.HEADER_LIMIT + 8
    (tmp_path / "f").write_bytes(data)
    began = time.process_time()
    with pytest.raises(io.FileError):
        elman.load(tmp_path / "f")
    assert time.process_time() - began < 2.0  # half of one on an idle machine


@pytest.mark.parametrize("depth", [50, 300, 600, 900, 950, 970, 985, 990])
def test_nesting_of_any_depth_is_refused(depth: int, tmp_path: Path):
    deep = "[" * depth + "1" + "]" * depth
    objects = '{"kind": "lstm", "cell": ' * depth + "1" + "}" * depth
    for text in (deep, f'{{"kind": "simple", "leak": {deep}}}', f'{{"kind": {deep}}}', objects):
        refused(tmp_path / "f", cell(text))


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "18446744073709551616", "1" + "0" * 5000]
)
def test_numbers_beyond_all_bounds_are_refused(text: str, tmp_path: Path):
    for place in (cell(f'{{"kind": "simple", "noise": {text}}}'), described(f'{{"input_size": {text}}}')):
        refused(tmp_path / "f", place, "the metadata key `elman` is not JSON")


def test_a_name_that_stands_twice_is_refused(tmp_path: Path):
    refused(tmp_path / "f", described('{"dtype": "float32", "dtype": "float64"}'), "is not JSON")


@pytest.mark.skipif(sys.platform != "linux", reason="sparse files and RLIMIT_AS")
def test_a_large_hostile_file_takes_little_memory(tmp_path: Path):
    """A sparse terabyte whose header claims one tensor of it: refused before any of it is read."""
    path, size = tmp_path / "huge", 1 << 40
    header = {"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    plain = {"layers": LAYERS, "input_size": 2, "dtype": "float32"}
    meta = {"format": 1, "kind": "network", "description": plain, "sha256": "0" * 64}
    start = joined(header, meta, b"")
    with path.open("wb") as file:
        file.write(start)
        try:
            file.truncate(len(start) + size)
        except OSError:
            pytest.skip("this file system has no sparse files of a terabyte")
    program = (
        "import resource, sys, elman\nfrom elman import io\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))\n"
        "try:\n    elman.load(sys.argv[1])\nexcept io.FileError as error:\n    print(error)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(elman.__file__).parent.parent), "OMP_NUM_THREADS": "1"}
    result = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, env=environment)
    assert "the description does not fit the tensors" in result.stdout, result.stderr
