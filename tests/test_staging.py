"""Files that appear whole or not at all: what fails leaves nothing, what stood there stays, errors name the file."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elman
from elman.core.files import leftovers
from elman.core.files.leftovers import PREFIX, hidden_name
from elman.core.staging import Staging, real, replacing, write_bytes
from elman.series.tables.files import write_rows

posix = pytest.mark.skipif(os.name != "posix", reason="links, modes, signals and devices of POSIX")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def picture(path: Path) -> None:
    from elman.plots import picture

    with picture(path, 2, 2) as figure:
        figure.subplots().plot([1, 2])


def table(path: Path) -> None:
    pytest.importorskip("polars").DataFrame({"x": np.random.default_rng(0).random(2000)}).write_parquet(path)


# Everything of ours that writes a file
WRITERS: dict[str, Callable[[Path], object]] = {
    "model": lambda path: elman.Network(2, 20, 1, seed=0).save(path),
    "table": lambda path: write_rows(path, [["row", "value"], *([i, i / 7] for i in range(500))]),
    "picture": picture,
}


def staged(writer: Callable[[Path], object]) -> Callable[[Path], object]:
    """As a command does it: a writer inside of the staging of several."""

    def write(path: Path) -> None:
        with Staging() as staging:
            with staging.file(path) as hidden:
                writer(hidden)
            staging.commit()

    return write


WRITERS |= {f"{name}, staged": staged(writer) for name, writer in list(WRITERS.items())}
ENDINGS = {"model": ".safetensors", "table": ".csv", "picture": ".png"}


def place(folder: Path, writer: str) -> Path:
    return folder / f"sales{ENDINGS[writer.split(',')[0]]}"


@pytest.fixture(params=WRITERS)
def writer(request: pytest.FixtureRequest) -> str:
    if "picture" in request.param:
        pytest.importorskip("matplotlib")
    return request.param


# ------------------------------------------------------------------------------------------------- one file


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o400])
def test_an_older_files_mode_is_kept(writer: str, mode: int, tmp_path: Path):
    path = place(tmp_path, writer)
    path.write_text("older")
    path.chmod(mode)
    WRITERS[writer](path)
    assert path.stat().st_mode & 0o777 == mode
    assert path.stat().st_size > 100
    assert names(tmp_path) == [path.name]


@posix
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_usual_mode(writer: str, mask: int, tmp_path: Path):
    before = os.umask(mask)
    try:
        WRITERS[writer](place(tmp_path, writer))
    finally:
        os.umask(before)
    assert place(tmp_path, writer).stat().st_mode & 0o777 == 0o666 & ~mask


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_hidden_file_is_never_more_open_than_the_older_one(mode: int, tmp_path: Path):
    path = tmp_path / "secret.csv"
    path.write_text("older")
    path.chmod(mode)
    before = os.umask(0)
    try:
        with replacing(path) as hidden:
            assert hidden.stat().st_mode & ~mode & 0o777 == 0
            hidden.write_text("newer")
    finally:
        os.umask(before)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("newer", mode)


@posix
@pytest.mark.parametrize("dangles", [False, True])
def test_a_link_is_written_through(writer: str, dangles: bool, tmp_path: Path):
    (tmp_path / "kept").mkdir()
    target, link = tmp_path / "kept" / "target", place(tmp_path, writer)
    if not dangles:
        target.write_text("older")
    link.symlink_to(Path("kept") / "target")
    WRITERS[writer](link)
    assert link.is_symlink()
    assert os.readlink(link) == "kept/target"
    assert target.stat().st_size > 100
    assert (names(tmp_path), names(target.parent)) == (["kept", link.name], ["target"])


@posix
@pytest.mark.parametrize("what", ["device", "pipe", "link to a device", "folder", "loop"])
def test_what_is_no_file_is_refused(writer: str, what: str, tmp_path: Path):
    path = place(tmp_path, writer)
    if what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    elif what == "loop":
        path.symlink_to(path)
    elif what == "link to a device":
        path.symlink_to("/dev/full")
    else:
        path = Path("/dev/full")
    before = names(tmp_path)
    with pytest.raises(OSError, match=r"device, pipe or socket|directory|symbolic links") as caught:
        WRITERS[writer](path)
    assert caught.value.filename == str(path)
    assert names(tmp_path) == before


@posix
@pytest.mark.parametrize(
    ("name", "why"),
    [("n" * 300, "name too long"), ("n\0", "NUL"), ("none/n", "the folder does not exist")],
    ids=["long", "NUL", "no folder"],
)
def test_a_name_that_is_too_long_or_none_is_refused(writer: str, name: str, why: str, tmp_path: Path):
    with pytest.raises(OSError, match=why):
        WRITERS[writer](tmp_path / name)
    assert names(tmp_path) == []


@posix
@pytest.mark.parametrize("length", [240, 255])
def test_a_long_name_that_fits_is_written(writer: str, length: int, tmp_path: Path):
    ending = place(tmp_path, writer).suffix
    path = tmp_path / ("n" * (length - len(ending)) + ending)
    WRITERS[writer](path)
    assert names(tmp_path) == [path.name]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device"),
        (OSError(errno.EIO, os.strerror(errno.EIO), "elsewhere"), "Input/output error"),
        (OSError("encoder error -2"), "encoder error -2"),
    ],
)
@pytest.mark.parametrize("older", [None, "older"])
def test_errors_name_the_file(error: OSError, said: str, older: str | None, tmp_path: Path):
    path = tmp_path / "sales.csv"
    if older is not None:
        path.write_text(older)

    def fails() -> None:
        with replacing(path) as hidden:
            hidden.write_text("half")
            raise error

    with pytest.raises(OSError, match=said) as caught:
        fails()
    assert caught.value.filename == str(path)
    assert names(tmp_path) == ([] if older is None else ["sales.csv"])
    assert older is None or path.read_text() == older


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_FSIZE")
@pytest.mark.parametrize("limit", [0, 200])
def test_the_error_of_a_system_limit_names_the_file(writer: str, limit: int, tmp_path: Path):
    """No simulation: the kernel refuses the bytes (EFBIG), as a full disk would."""
    resource = pytest.importorskip("resource")
    path = place(tmp_path, writer)
    path.write_text("older")
    old, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if "picture" in writer:
        WRITERS[writer](tmp_path / "first.png")  # what matplotlib writes for itself is there then
        (tmp_path / "first.png").unlink()
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, old[1]))
        with pytest.raises(OSError, match="File too large") as caught:
            WRITERS[writer](path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, ignored)
    assert caught.value.filename == str(path)
    assert (names(tmp_path), path.read_text()) == ([path.name], "older")


def test_parquet_too(tmp_path: Path):
    pytest.importorskip("polars")
    staged(table)(tmp_path / "sales.parquet")
    assert names(tmp_path) == ["sales.parquet"]


# ------------------------------------------------------------------------------------------------- several together


def test_several_appear_together(tmp_path: Path):
    with Staging() as staging:
        for name in "abc":
            with staging.file(tmp_path / name) as hidden:
                hidden.write_text(name)
        assert all(name.startswith(PREFIX) for name in names(tmp_path))
        assert staging.commit() == [tmp_path / name for name in "abc"]
    assert names(tmp_path) == ["a", "b", "c"]


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("bad", "abc")
def test_one_that_became_a_folder_undoes_the_others(
    bad: str, links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A had content before, B and C had none; whichever fails, all is as it was."""
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.EPERM, "no links here")))
    (tmp_path / "a").write_text("older")
    staging = Staging()
    with staging:
        for name in "abc":
            with staging.file(tmp_path / name) as hidden:
                hidden.write_text("newer")
        if bad == "a":
            (tmp_path / "a").unlink()
        (tmp_path / bad).mkdir()
        (tmp_path / bad / "content").touch()
        with pytest.raises(OSError, match=r".") as caught:
            staging.commit()
        assert caught.value.filename == str(tmp_path / bad)
    assert names(tmp_path) == sorted({"a", bad})
    assert bad == "a" or (tmp_path / "a").read_text() == "older"


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("fail", range(3))
def test_all_or_none_wherever_renaming_stops(
    fail: int, error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in "ab":
        (tmp_path / name).write_text(f"older {name}")
    count, replace = 0, os.replace

    def failing(*paths: Any) -> None:
        nonlocal count
        count += 1
        if count - 1 == fail:
            raise error
        replace(*paths)

    with Staging() as staging:
        for name in "abc":
            with staging.file(tmp_path / name) as hidden:
                hidden.write_text("newer")
        monkeypatch.setattr(os, "replace", failing)
        with pytest.raises(error):
            staging.commit()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "older a", "b": "older b"}


# ------------------------------------------------------------------------------------------------- what a kill leaves


def killed_in(folder: Path) -> str:
    """A process that is killed while it writes into the folder; the hidden file that it leaves."""
    program = (
        "import os, signal, sys\nfrom elman.core.staging import replacing\n"
        "with replacing(sys.argv[1]) as hidden:\n"
        "    hidden.write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(elman.__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", program, str(folder / "sales.csv")], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = names(folder)
    return left


@posix
def test_the_next_write_removes_what_a_kill_left_and_nothing_else(
    writer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    left = killed_in(tmp_path)
    assert left.startswith(PREFIX)
    host, pid = left.removeprefix(PREFIX).split("-")[:2]
    kept = [
        f"{PREFIX}{host}-{os.getpid()}-01234567.csv",  # ours, and we live
        f"{PREFIX}{host}-{os.getppid()}-01234567.csv",
        f"{PREFIX}{host}-1-01234567.csv",  # the first process of a machine or container always lives
        f"{PREFIX}{host}-{10**9}0-01234567.csv",  # no process has such a number: unknown
        f"{PREFIX}00000000-{pid}-01234567.csv",  # of another host
        f"{PREFIX}{host}-{pid}-0123456.csv",  # no name of ours
        f"{PREFIX}{host}-{pid}-01234567.csv.old",
        f"{PREFIX}notes",
        f".sales.csv.{pid}",
    ]
    for name in kept:
        (tmp_path / name).write_text("x")
    (tmp_path / f"{PREFIX}{host}-{pid}-89abcdef").mkdir()
    path = place(tmp_path, writer)
    WRITERS[writer](path)
    assert names(tmp_path) == sorted([*kept, f"{PREFIX}{host}-{pid}-89abcdef", path.name])


@posix
def test_a_process_that_may_not_be_asked_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    left = killed_in(tmp_path)

    def refused(*_: int) -> None:
        raise PermissionError(errno.EPERM, "another user's")

    monkeypatch.setattr(leftovers.os, "kill", refused)
    write_bytes(tmp_path / "sales.csv", b"x")
    assert names(tmp_path) == sorted([left, "sales.csv"])


def test_hidden_names_are_short_and_differ():
    some = [hidden_name(".parquet") for _ in range(100)]
    assert len(set(some)) == 100
    assert max(map(len, some)) <= 45


def test_real_leaves_a_plain_path_as_it_is(tmp_path: Path):
    assert real(Path("sales.csv")) == Path("sales.csv")
    assert real(tmp_path / "sales.csv") == tmp_path / "sales.csv"
