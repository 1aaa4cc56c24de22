"""Threads decide who computes, never what: Python threads, forks, joblib, and where their number comes from.

The pool by itself, under a thread sanitizer where one is there, is tests/native/pool.cpp.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("elman._native") is None, reason="the compiled core was not built"
)

import elman  # noqa: E402
from elman.core import requests  # noqa: E402
from elman.core.losses import MSE  # noqa: E402
from elman.engines import select  # noqa: E402

ROOT = Path(__file__).parents[1]
HERE = f"""
import os, sys, threading, time, warnings
sys.path.insert(0, {str(Path(__file__).parent)!r})
warnings.simplefilter("ignore", DeprecationWarning)  # Python's own, of a fork beside threads
import elman
from test_threads import bits, network
"""


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = elman.get_num_threads()
    yield
    elman.set_num_threads(before)


def network() -> tuple[elman.Network, np.ndarray]:
    rng = np.random.default_rng(5)
    return elman.Network(3, 20, 2, cell="lstm", seed=1), rng.normal(size=(64, 12, 3)).astype("float32")


def bits(_: int = 0) -> str:
    """A digest of a loss, a gradient and a prediction, each of many shards."""
    net, x = network()
    native = select.native()
    assert native is not None
    batch = requests.Batch(x, x[:, :, :2].copy())
    theta = np.random.default_rng(2).normal(size=net.layout.size, scale=0.2).astype("float32")
    loss, gradient = native.loss_and_grad(net.layout, theta, batch, requests.Objective(MSE(), shard_size=4))
    return hashlib.sha256(np.float64(loss).tobytes() + gradient.tobytes() + net.predict(x).tobytes()).hexdigest()


def run(code: str, **env: str | None) -> str:
    """What the code prints in a new process with these variables set, or unset where None."""
    given = {**os.environ, **env}
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env={name: value for name, value in given.items() if value is not None},
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


# ------------------------------------------------------------------------------------ how many


COUNT = "import elman; print(elman.get_num_threads())"


@pytest.mark.parametrize(
    ("own", "omp", "want"), [("3", None, 3), (None, "3", 3), ("2", "5", 2), ("", "4", 4), ("none", "4", 4)]
)
def test_the_count_comes_from_the_environment(own: str | None, omp: str | None, want: int):
    assert run(COUNT, ELMAN_NUM_THREADS=own, OMP_NUM_THREADS=omp) == str(want)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs sched_setaffinity")
def test_without_a_wish_the_count_is_what_affinity_leaves():
    one = f"import os; os.sched_setaffinity(0, {{{min(os.sched_getaffinity(0))}}}); {COUNT}"
    assert run(one, ELMAN_NUM_THREADS=None, OMP_NUM_THREADS=None) == "1"
    all_of_them = int(run(COUNT, ELMAN_NUM_THREADS=None, OMP_NUM_THREADS=None))
    assert 1 <= all_of_them <= len(os.sched_getaffinity(0))  # fewer under a quota


@pytest.mark.parametrize("n", [0, -1, 5000])
def test_impossible_counts_are_refused(n: int):
    from elman import _native

    with pytest.raises(ValueError, match="1 to 1024"):
        _native.set_num_threads(n)


@pytest.mark.parametrize("n", [2, 3, 7])
def test_the_count_changes_no_bit(n: int):
    elman.set_num_threads(1)
    alone = bits()
    elman.set_num_threads(n)
    assert {bits() for _ in range(10)} == {alone}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru", elman.GRU(reset_after=False), elman.LSTM(layer_norm=True)])
@pytest.mark.compiled
def test_threads_that_share_the_steps_of_one_row_change_no_bit(cell: Any, dtype: str):
    """From about 131,000 multiply-adds a step on, a row's units are shared (native/engine/threads/team.h)."""
    net = elman.Network(37, 397, 2, cell=cell, dtype=dtype, seed=3)  # no whole number of panels
    x = np.random.default_rng(4).normal(size=(1, 9, 37)).astype(dtype)

    def everything() -> bytes:
        own = net.copy()
        y, tape = own.forward(x)
        gradients = own.backward(tape, np.ones_like(y))[0].flat
        stream = own.stream(1)
        steps = np.stack([stream.step(x[:, t]) for t in range(9)], 1)
        assert (steps == y).all()
        trainer = elman.Trainer(own, batch_size=1, seed=1)
        losses = [trainer.update(x, y + 1) for _ in range(3)]
        return own.predict(x).tobytes() + gradients.tobytes() + np.array(losses).tobytes() + own.theta.tobytes()

    elman.set_num_threads(1)
    alone = everything()
    for n in (2, 3):
        elman.set_num_threads(n)
        assert {everything() for _ in range(2)} == {alone}


def test_threads_without_work_sleep():
    code = "elman.set_num_threads(4); bits(); began = time.process_time(); time.sleep(0.3); "
    assert float(run(HERE + code + "print(time.process_time() - began)")) < 0.03


# ------------------------------------------------------------------------------- Python threads


def test_python_threads_share_one_network_for_prediction():
    elman.set_num_threads(2)
    net, x = network()
    alone = net.predict(x)
    with ThreadPoolExecutor(4) as pool:
        for y in pool.map(lambda _: net.predict(x), range(100)):
            np.testing.assert_array_equal(y, alone)


def test_the_count_may_change_while_others_compute():
    want, stop, found = bits(), threading.Event(), set[str]()

    def work() -> None:
        while not stop.is_set():
            found.add(bits())

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for n in range(60):
        elman.set_num_threads(1 + n % 4)
        assert bits() == want
    stop.set()
    for worker in workers:
        worker.join()
    assert found == {want}


# --------------------------------------------------------------------------------------- forks

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
CHILD = """
def child(want):
    pid = os.fork()
    if pid == 0:
        os._exit(0 if bits() == want else 1)
    assert os.waitpid(pid, 0)[1] == 0
"""


@needs_fork
def test_forks_before_and_after_the_first_use():
    """A child must find a pool that works, not one whose threads stayed in its parent."""
    elman.set_num_threads(1)
    code = f"child({bits()!r}); want = bits(); child(want); child(want); assert bits() == want; print(want)"
    assert run(HERE + CHILD + code, ELMAN_NUM_THREADS="3") == bits()


@needs_fork
def test_forks_while_other_threads_compute():
    code = """
want, stop, wrong = bits(), [], []
def work():
    while not stop:
        if bits() != want: wrong.append(1)
workers = [threading.Thread(target=work) for _ in range(2)]
for w in workers: w.start()
for _ in range(10): child(want)
stop.append(1)
for w in workers: w.join()
assert not wrong
print("all")
"""
    assert run(HERE + CHILD + code, ELMAN_NUM_THREADS="3") == "all"


@needs_fork
def test_forked_workers_of_multiprocessing():
    code = """
import multiprocessing
want = bits()
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert set(pool.map(bits, range(6))) == {want}
assert bits() == want
print("all")
"""
    assert run(HERE + code, ELMAN_NUM_THREADS="3") == "all"


# -------------------------------------------------------------------------------------- joblib


def test_the_package_can_be_sent_to_another_process():
    """A function of an interactive session goes to a worker with the modules it names."""
    assert pickle.loads(pickle.dumps(elman)) is elman


def test_workers_of_joblib_keep_to_their_share():
    """loky sets OMP_NUM_THREADS in its workers, so that together they have as many threads as there are cores."""
    pytest.importorskip("joblib")
    code = """
import joblib
want = bits()
def work(i):
    return os.environ.get("OMP_NUM_THREADS"), elman.get_num_threads(), bits() == want
for n_jobs, asked in ((2, None), (2, 3)):
    with joblib.parallel_config(backend="loky", inner_max_num_threads=asked):
        found = joblib.Parallel(n_jobs=n_jobs)(joblib.delayed(work)(i) for i in range(4))
    share = asked or max(1, joblib.cpu_count() // n_jobs)
    assert set(found) == {(str(share), share, True)}, found
print("all")
"""
    assert run(HERE + code, ELMAN_NUM_THREADS=None, OMP_NUM_THREADS=None) == "all"


def test_joblib_with_threads():
    joblib = pytest.importorskip("joblib")
    elman.set_num_threads(2)
    want = bits()
    found = joblib.Parallel(n_jobs=3, backend="threading")(joblib.delayed(bits)(i) for i in range(12))
    assert set(found) == {want}


# ------------------------------------------------------------------------------ the pool alone


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
@pytest.mark.parametrize(
    ("flags", "arguments"), [((), ("3000",)), (("-fsanitize=thread",), ("3000", "nofork"))], ids=["plain", "tsan"]
)
def test_the_pool_under_strain(flags: tuple[str, ...], arguments: tuple[str, ...], tmp_path: Path):
    program = str(tmp_path / "pool")
    source = str(ROOT / "tests/native/pool.cpp")
    command = ["g++", "-std=gnu++17", "-O1", "-g", "-pthread", *flags, f"-I{ROOT / 'native'}", source, "-o", program]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0 and flags:
        pytest.skip("no thread sanitizer here")
    result = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=300, check=False)
    assert (result.returncode, result.stdout.strip()) == (0, "pool: all well"), result.stderr
