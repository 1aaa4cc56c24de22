"""One model trained by the workers of a Dask cluster has the bits of one machine, whoever comes and goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_docs import blocks

import elman
from elman.cluster import ClusterWarning, DaskExecutor
from elman.cluster.updates import arrays, crew, worker
from elman.core.requests import Batch, NamedInput

distributed = pytest.importorskip("distributed", reason="dask is not installed (the extra `cluster`)")

pytestmark = [
    pytest.mark.filterwarnings("ignore::elman.cluster.ClusterWarning"),
    pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:distributed"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]
ROWS, STEPS, WIDTH = 46, 7, 3


def started(workers: int) -> Any:
    """A cluster of processes on this machine, each worker with one thread."""
    return distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=":0", worker_dashboard_address=":0"
    )


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Two workers, for all tests that leave them as they are."""
    with started(2) as cluster, distributed.Client(cluster) as found:
        yield found


def data(dtype: str = "float32") -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "x": rng.normal(size=(ROWS, STEPS, WIDTH)).astype(dtype),
        "y": rng.normal(size=(ROWS, STEPS, 2)).astype(dtype),
        "lengths": rng.integers(1, STEPS + 1, ROWS),
        "sample_weight": rng.uniform(0.5, 2.0, (ROWS, STEPS)).astype(dtype),
    }


def trainer(cell: str, dtype: str, executor: Any) -> elman.Trainer:
    """Everything on that an update may depend on."""
    network = elman.Network(WIDTH, 6, 2, cell=cell, num_layers=2, dropout=0.2, dtype=dtype, seed=1)
    return elman.Trainer(
        network,
        optimizer=elman.optim.AdamW(0.01),
        clip_norm=0.05,
        batch_size=23,
        shard_size=3,
        activity_penalty=0.01,
        rates={"head.*": 0.5},
        seed=2,
        executor=executor,
    )


def assert_same(one: elman.Trainer, other: elman.Trainer) -> None:
    assert one.network.theta.tobytes() == other.network.theta.tobytes()
    assert one.updates == other.updates
    assert all(a.tobytes() == b.tobytes() for a, b in zip(one.slots, other.slots, strict=True))
    assert np.array_equal(one.history.update_loss, other.history.update_loss)
    assert np.array_equal(one.history.gradient_norm, other.history.gradient_norm)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
def test_fifty_updates_have_the_bits_of_one_machine(client: Any, cell: str, dtype: str) -> None:
    alone = trainer(cell, dtype, None)
    alone.fit(**data(dtype), epochs=25, progress=False)
    with DaskExecutor(client, force=True) as executor:
        spread = trainer(cell, dtype, executor)
        spread.fit(**data(dtype), epochs=25, progress=False)
    assert spread.updates == 50
    assert_same(spread, alone)
    assert executor.profile.updates == 50
    assert len(executor._crew.workers) == 2


@pytest.mark.parametrize("workers", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_any_number_of_workers_gives_the_same_bits(workers: int) -> None:
    with started(workers) as cluster, distributed.Client(cluster) as client:
        for cell, dtype in (("tanh", "float32"), ("lstm", "float32"), ("gru", "float64")):
            alone = trainer(cell, dtype, None)
            alone.fit(**data(dtype), epochs=25, progress=False)
            with DaskExecutor(client, force=True) as executor:
                spread = trainer(cell, dtype, executor)
                spread.fit(**data(dtype), epochs=25, progress=False)
            assert len(executor._crew.workers) == workers
            assert_same(spread, alone)


def test_other_kinds_of_data_and_networks(client: Any) -> None:
    """Words in a sparse table, two inputs, classes behind Last, ragged labels, states, views, iterables of batches."""
    rng = np.random.default_rng(1)
    words = rng.integers(0, 30, (ROWS, STEPS))
    layers = [elman.Embedding(30, 4, sparse=True), elman.Recurrent(5, "gru"), elman.Last(), elman.Dense(3)]
    signal_, source = rng.normal(size=(ROWS, STEPS, 2)), rng.normal(size=(ROWS, 5, WIDTH))
    series = rng.normal(size=400)
    windows = np.lib.stride_tricks.sliding_window_view(series, STEPS)[:300, :, None]
    batches = [(signal_[i : i + 20], signal_[i : i + 20, ::-1]) for i in range(0, ROWS, 20)]

    def classes(executor: Any) -> elman.Trainer:
        network = elman.Network.from_layers(layers, input_size=1, seed=0)
        found = elman.Trainer(network, loss="cross_entropy", batch_size=20, shard_size=4, executor=executor)
        found.fit(words, words[:, 0] % 3, epochs=3, progress=False)
        found.update(words[:9], words[:9, 0] % 3)
        return found

    def overlapping(executor: Any) -> elman.Trainer:
        network = elman.Network(1, 4, 1, dtype="float64", seed=0)
        found = elman.Trainer(network, batch_size=100, shard_size=8, executor=executor)
        state = {"h_l0": drawn(300, 4), "c_l0": drawn(300, 4)}
        found.fit(windows, windows[:, ::-1], state=state, epochs=2, progress=False, shuffle=False)
        return found

    def generated(executor: Any) -> elman.Trainer:
        network = elman.Network(2, 4, 2, cell="tanh", dtype="float64", seed=0)
        found = elman.Trainer(network, shard_size=3, executor=executor)
        found.fit(batches, epochs=3, progress=False)
        return found

    def attending(executor: Any) -> elman.Trainer:
        node, recurrent = elman.core.layers.Node, elman.Recurrent(4, "gru")
        inputs = {"source": elman.core.layers.Input(WIDTH)}
        parts = [
            node(recurrent, "encoder", ["source"]),
            node(recurrent, "h", ["x"]),
            node(elman.Attention("dot"), "attention", ["h", "encoder"]),
            elman.Dense(2),
        ]
        network = elman.Network.from_layers(parts, input_size=2, inputs=inputs, dtype="float64", seed=0)
        found = elman.Trainer(network, batch_size=19, shard_size=4, executor=executor)
        found.fit({"x": signal_, "source": source}, signal_, epochs=2, progress=False)
        return found

    with DaskExecutor(client, force=True) as executor:
        for make in (classes, overlapping, generated, attending):
            assert_same(make(executor), make(None))


def test_workers_are_sent_their_share_of_data_that_pass_by(client: Any, tmp_path: Path) -> None:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rng = np.random.default_rng(0)
    table = pa.table({"x": rng.normal(size=(ROWS, 4)).tolist(), "y": rng.normal(size=ROWS)})
    parquet.write_table(table, tmp_path / "data.parquet", row_group_size=6)

    def fitted(executor: Any) -> elman.Trainer:
        network = elman.Network(1, 4, 1, cell="gru", dropout=0.3, num_layers=2, output="last", seed=0)
        found = elman.Trainer(network, shard_size=3, executor=executor)
        batches = elman.ArrowBatches(tmp_path / "data.parquet", x="x", y="y", batch_size=11)
        found.fit(batches, epochs=2, progress=False)
        return found

    with DaskExecutor(client, force=True) as executor:
        assert_same(fitted(executor), fitted(None))
        assert all(worker.holds == -1 for worker in executor._crew.workers.values())


def drawn(rows: int, size: int) -> np.ndarray:
    return np.random.default_rng(size).normal(size=(rows, size))


def some_updates(found: elman.Trainer, given: dict[str, Any], fits: bool) -> None:
    """On data that workers keep, or on such as come with each update."""
    if fits:
        found.fit(**given, epochs=2, progress=False)
    else:
        found.update(**given)


class Workers:
    """Workers that the test has started itself, as `dask worker` does: killed ones are replaced at once."""

    def __init__(self, client: Any, count: int) -> None:
        options = ["--no-nanny", "--nthreads", "1", "--no-dashboard"]
        self._command = [sys.executable, "-m", "distributed.cli.dask_worker", client.scheduler.address, *options]
        self._environment = {**os.environ, "PYTHONPATH": str(Path(elman.__file__).parents[1])}
        self.running = [self._start() for _ in range(count)]
        client.wait_for_workers(count, timeout=240)

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, env=self._environment, stderr=subprocess.DEVNULL)

    def kill_some(self, delays: Any) -> threading.Thread:
        """Kills one worker after another, each after a while, in the thread that is returned."""

        def kill() -> None:
            for i, delay in enumerate(delays):
                time.sleep(delay)
                self.replace(i % len(self.running))

        thread = threading.Thread(target=kill)
        thread.start()
        return thread

    def replace(self, place: int) -> None:
        """Kills a worker, and starts another in its place."""
        self.running[place].kill()
        self.running[place].wait()
        self.running[place] = self._start()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self.running:
            process.kill()
            process.wait()


@pytest.mark.parametrize("seed", range(2))
def test_killed_workers_change_no_bit(seed: int) -> None:
    alone, given = trainer("lstm", "float32", None), data()
    with (
        started(0) as cluster,
        distributed.Client(cluster) as client,
        Workers(client, 2) as workers,
        DaskExecutor(client, force=True, wait=300) as executor,  # for processes that start on a busy machine
    ):
        spread = trainer("lstm", "float32", executor)
        for one in (spread, alone):
            some_updates(one, given, seed == 1)
        killer = workers.kill_some(np.random.default_rng(seed).uniform(0, 0.5, 2))
        with pytest.warns(ClusterWarning, match="was lost; others compute its shards"):  # noqa: PT031
            while killer.is_alive() or spread.updates < 50:
                some_updates(spread, given, seed == 1)
    while alone.updates < spread.updates:
        some_updates(alone, given, seed == 1)
    assert_same(spread, alone)


def test_workers_join_and_leave() -> None:
    alone, given = trainer("gru", "float32", None), data()
    with started(1) as cluster, distributed.Client(cluster) as client, DaskExecutor(client, force=True) as executor:
        spread = trainer("gru", "float32", executor)
        for workers in (1, 2, 1):
            cluster.scale(workers)
            deadline = time.monotonic() + 120
            while len(executor._crew.workers) != workers or not spread.updates:
                spread.update(**given)
                assert time.monotonic() < deadline
    while alone.updates < spread.updates:
        alone.update(**given)
    assert_same(spread, alone)


def test_a_worker_that_stands_still_is_done_without() -> None:
    alone, given = trainer("tanh", "float32", None), data()
    with (
        started(2) as cluster,
        distributed.Client(cluster) as client,
        DaskExecutor(client, force=True, patience=0.5) as executor,
    ):
        spread = trainer("tanh", "float32", executor)
        for _ in range(3):
            spread.update(**given)
        stopped = next(iter(client.run(os.getpid).values()))
        os.kill(stopped, signal.SIGSTOP)
        try:
            with pytest.warns(ClusterWarning, match="was lost"):  # noqa: PT031
                for _ in range(3):
                    spread.update(**given)
        finally:
            os.kill(stopped, signal.SIGCONT)
        for _ in range(4):
            spread.update(**given)
    for _ in range(10):
        alone.update(**given)
    assert_same(spread, alone)


COORDINATOR = """
import sys
sys.path[:0] = [{tests!r}, {root!r}]
from test_cluster_updates import *
import time

if __name__ == "__main__":
    with distributed.Client({address!r}) as client:
        found = trainer("lstm", "float32", DaskExecutor(client, force=True))
        folder = {folder!r}
        def slow(_):
            time.sleep(0.02)
        found.fit(**data(), epochs=25, progress=False, checkpoint=folder, resume=folder, every=3, callback=slow)
        np.save({result!r}, found.network.theta)
"""


@pytest.mark.parametrize("kills", [2])
def test_a_killed_coordinator_goes_on_from_its_checkpoint(client: Any, tmp_path: Path, kills: int) -> None:
    assert_coordinator_resumes(client, tmp_path, kills, 0)


def assert_coordinator_resumes(client: Any, folder: Path, kills: int, seed: int) -> None:
    """Kills a process that trains on the cluster, at random instants, and starts it again until it ends."""
    rng = np.random.default_rng(seed)
    checkpoints, result, program = folder / "checkpoints", folder / "theta.npy", folder / "coordinator.py"
    program.write_text(
        COORDINATOR.format(
            tests=str(Path(__file__).parent),
            root=str(Path(elman.__file__).parents[1]),
            address=client.scheduler.address,
            folder=str(checkpoints),
            result=str(result),
        )
    )
    for start in range(kills + 1):
        before = {path.name for path in checkpoints.glob("*")}
        child = subprocess.Popen([sys.executable, str(program)])
        if start < kills:
            deadline = time.monotonic() + 120
            while {path.name for path in checkpoints.glob("*")} == before and child.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            time.sleep(rng.uniform(0, 0.1))
            child.kill()
            child.wait()
        else:
            assert child.wait(timeout=240) == 0
    alone = trainer("lstm", "float32", None)
    alone.fit(**data(), epochs=25, progress=False)
    assert np.load(result).tobytes() == alone.network.theta.tobytes()


def test_arrays_in_files_are_read_where_they_are(client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = data()
    for name in ("x", "y"):
        np.save(tmp_path / f"{name}.npy", given[name])
        given[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    alone = trainer("lstm", "float32", None)
    alone.fit(**given, epochs=2, progress=False)
    sent: list[Any] = []
    monkeypatch.setattr(crew, "packed", lambda *batch: sent.append(arrays.packed(*batch)) or sent[-1])
    with DaskExecutor(client, force=True) as executor:
        spread = trainer("lstm", "float32", executor)
        spread.fit(**given, epochs=2, progress=False)
    assert_same(spread, alone)
    assert isinstance(sent[0][0], arrays.File)
    assert isinstance(sent[0][1], arrays.File)


def test_a_file_that_workers_do_not_see_is_sent(client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = data()
    np.save(tmp_path / "x.npy", given["x"])
    given["x"] = np.load(tmp_path / "x.npy", mmap_mode="r")
    os.unlink(tmp_path / "x.npy")
    np.save(tmp_path / "x.npy", given["x"] + 1)  # another file of this name
    real = os.stat

    def earlier(path: Any, **options: Any) -> Any:
        return os.stat_result(real(path, **options)) if "x.npy" not in str(path) else Stat(1)

    monkeypatch.setattr(arrays.os, "stat", earlier)
    alone = trainer("gru", "float32", None)
    alone.fit(**given, epochs=1, progress=False)
    with DaskExecutor(client, force=True) as executor:
        spread = trainer("gru", "float32", executor)
        spread.fit(**given, epochs=1, progress=False)
    assert_same(spread, alone)


class Stat:
    def __init__(self, changed: int) -> None:
        self.st_mtime_ns = changed


def test_what_is_packed_is_what_is_unpacked() -> None:
    rng = np.random.default_rng(0)
    series = rng.normal(size=60).astype("float32")
    windows = np.lib.stride_tricks.sliding_window_view(series, 9)
    named = {
        "source": NamedInput(np.asfortranarray(rng.normal(size=(52, 4, 2))), np.full(52, 3)),
        "vector": NamedInput(rng.normal(size=(52, 2)), None),
    }
    y, weight, state = rng.integers(0, 3, (52, 9)), rng.random((104, 9))[::2], [rng.random((52, 2))]
    repeated = np.broadcast_to(series[:9], (52, 9))
    for x in (windows[..., None], windows[::-1, ::-1, None], windows[:, ::2, None], repeated):
        batch = Batch(x, y, None, weight, state, None, named)
        fields = arrays.packed(batch, True)
        assert fields[0].memory.nbytes <= series.nbytes
        back = arrays.unpacked(fields)
        for one, other in zip(batch[:4], back[:4], strict=True):
            assert (one is None and other is None) or np.array_equal(one, other)
        assert np.array_equal(back.state[0], batch.state[0])
        assert np.array_equal(back.named["source"].values, named["source"].values)
        assert back.named["vector"].lengths is None
        own = rng.permutation(52)[:20]
        again = arrays.spread(arrays.unpacked(arrays.packed(arrays.only(batch, own), False)), own, 52)
        for one, other in ((batch.x, again.x), (batch.y, again.y), (batch.state[0], again.state[0])):
            assert np.array_equal(other[own], one[own])
            assert not np.delete(other, own, 0).any()
        assert np.array_equal(again.weight, batch.weight)
        assert np.array_equal(again.named["vector"].values[own], batch.named["vector"].values[own])
        assert np.array_equal(again.named["source"].lengths, batch.named["source"].lengths)


def test_a_worker_of_another_kind_is_refused(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here = worker.facts()
    for name, value in (("instruction set", "neon"), ("elman", "0.0.9"), ("engine", "reference"), ("build", "0")):
        monkeypatch.setattr(crew, "facts", lambda changed={name: value}: here | changed)
        with pytest.raises(RuntimeError, match=rf"would give other bits \({name} {here[name]} there, {value} here\)"):
            trainer("tanh", "float32", DaskExecutor(client, force=True)).update(**data())


def test_a_cluster_with_tls_and_one_in_this_process() -> None:
    pytest.importorskip("cryptography", reason="cryptography is not installed, which makes the certificates")
    alone = trainer("lstm", "float32", None)
    alone.fit(**data(), epochs=2, progress=False)
    ways: list[dict[str, Any]] = [{"security": distributed.Security.temporary()}, {"processes": False}]
    for options in ways:
        with (
            distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", **options) as cluster,
            distributed.Client(cluster) as client,
            DaskExecutor(client, force=True) as executor,
        ):
            spread = trainer("lstm", "float32", executor)
            spread.fit(**data(), epochs=2, progress=False)
            assert all(address.startswith(("tls:", "inproc:")) for address in executor._crew.workers)
        assert_same(spread, alone)


def test_where_a_cluster_is_not_worth_it_it_says_so(client: Any) -> None:
    found = trainer("tanh", "float32", DaskExecutor(client))
    before = found.network.theta.copy()
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"a gain of 0\.\d+\. Below 1\.2 a cluster is not worth it.*force=True"):
            found.fit(**data(), epochs=1, progress=False)
    assert found.updates == 0
    assert found.network.theta.tobytes() == before.tobytes()


def test_without_a_worker_it_waits_and_says_so() -> None:
    with started(0) as cluster, distributed.Client(cluster) as client:
        found = trainer("tanh", "float32", DaskExecutor(client, force=True, wait=0.3))
        with pytest.raises(RuntimeError, match=r"expected a Dask worker, found none for 0\.3 seconds"):
            found.update(**data())
        assert found.updates == 0


def test_losses_that_are_not_finite_end_the_training_as_on_one_machine(client: Any) -> None:
    given = data("float64")
    given["y"][5] = 1e200
    for executor in (None, DaskExecutor(client, force=True)):
        found = trainer("tanh", "float64", executor)
        found.advice = False
        with pytest.raises(elman.TrainingError, match=r"stopped at update 1 .*loss inf"):
            found.fit(**given, epochs=1, progress=False)
        assert found.updates == 0


def test_what_workers_cannot_compute_is_refused(client: Any) -> None:
    executor, given = DaskExecutor(client, force=True), data()
    with pytest.raises(ValueError, match="window: expected None with an executor"):
        trainer("tanh", "float32", executor).fit(**given, window=3, epochs=1, progress=False)
    network = elman.Network(WIDTH, 4, 2)
    own = elman.losses.Custom("own", lambda y_hat, y: ((y_hat - y) ** 2, 2 * (y_hat - y)))
    with pytest.raises(ValueError, match="executor: expected a network and a loss of the library's own"):
        elman.Trainer(network, loss=own, executor=executor).update(given["x"], given["y"])
    with pytest.raises(TypeError, match=r"executor: expected an elman.cluster.DaskExecutor, got 3"):
        elman.Trainer(network, executor=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"client: expected a dask.distributed.Client"):
        DaskExecutor("tcp://127.0.0.1:8786")


def test_the_page_s_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = Path(__file__).parents[1] / "docs" / "cluster.md"
    for block in blocks(page):
        assert "assert" in block
        exec(compile(block, str(page), "exec"), {})


def test_workers_forget_a_training_that_has_ended(client: Any) -> None:
    with DaskExecutor(client, force=True) as executor:
        found = trainer("tanh", "float32", executor)
        found.fit(**data(), epochs=1, progress=False)
        assert all(client.run(held, executor._crew.training).values())
    assert not any(client.run(held, executor._crew.training).values())
    found.fit(**data(), epochs=1, progress=False)  # and are sent what they need once more
    executor.close()
    found.update(**data())
    assert not any(client.run(held, executor._crew.training).values())  # what comes once is not kept


def held(training: str) -> bool:
    from elman.cluster.updates import worker

    return training in worker._held
