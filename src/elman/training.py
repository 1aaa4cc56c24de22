"""Updates and epochs: a Trainer turns data into records, runs them in blocks on the engine, and writes a History."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from elman import arguments, checks, interrupts
from elman.engine import DEFAULT_SHARD_SIZE, Batch, Records, select
from elman.history import Epoch, History
from elman.losses import Loss, as_loss
from elman.network import Network
from elman.optim import Optimizer, as_optimizer
from elman.parameters import Parameters
from elman.progress import Reporter, reporter

__all__ = ["Trainer", "TrainingError"]

BLOCK_SECONDS = 0.05  # Python is back about this often: for Ctrl-C and the progress line


class TrainingError(RuntimeError):
    """A loss or gradient that is not finite; the weights are those before the update that found it.

    `update` and `epoch` are counted from 1, over the Trainer's life; epoch is None for `Trainer.update`.
    """

    def __init__(self, update: int, epoch: int | None, loss: float, norm: float, place: str) -> None:
        super().__init__(update, epoch, loss, norm, place)
        self.update, self.epoch, self.loss, self.norm, self.place = update, epoch, loss, norm, place

    def __str__(self) -> str:
        when = f"update {self.update}" + (f" (epoch {self.epoch})" if self.epoch is not None else "")
        return (
            f"training stopped at {when}: loss {self.loss:.6g}, gradient norm {self.norm:.6g}{self.place}. The weights "
            "are those before this update; a smaller learning rate or clip_norm=1.0 often helps"
        )


class Trainer:
    """Trains one network in place.

    loss        a name or object of `elman.losses`
    optimizer   a name or object of `elman.optim`; None: Adam
    clip_norm   gradients with a larger global norm are scaled down to it; clip_value: each entry is clipped to
                [-clip_value, clip_value] first
    batch_size  rows of an update; the last of an epoch may be shorter
    shard_size  rows whose gradients are summed together; part of the result's bits, not of its meaning
    truncate    k: gradients of the state stop at every k-th step (truncated backpropagation through time)
    recompute   k: the way forward keeps the states of every k-th step alone, and k steps at a time are computed
                again on the way back; True: about sqrt(T). For long sequences: less memory, a third more time
    seed        of the shuffling

    Optimiser state, `updates` and `epochs` done and the `history` carry on from call to call.
    """

    def __init__(
        self,
        network: Network,
        *,
        loss: str | Loss = "mse",
        optimizer: str | Optimizer | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        batch_size: int = 32,
        shard_size: int | None = None,
        truncate: int | None = None,
        recompute: bool | int = False,
        seed: int = 0,
    ) -> None:
        if not isinstance(network, Network):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"network: expected an elman.Network, got {checks.shown(network)}")
        self.network = network
        self.loss = as_loss(loss)
        arguments.target_width(network.layout, self.loss)
        self._optimizer = as_optimizer(optimizer)
        self.clip_norm = _above_zero("clip_norm", clip_norm)
        self.clip_value = _above_zero("clip_value", clip_value)
        self.batch_size = checks.whole("batch_size", batch_size, low=1)
        self.shard_size = DEFAULT_SHARD_SIZE if shard_size is None else checks.whole("shard_size", shard_size, low=1)
        self.truncate = None if truncate is None else checks.whole("truncate", truncate, low=1)
        self.recompute = recompute
        arguments.segment(network.layout, recompute, 1)
        self.seed = checks.whole("seed", seed, low=0)
        self.slots = tuple(np.zeros_like(network.theta) for _ in self.optimizer.slots)
        self.updates = 0
        self.history = History()
        self._block = 1  # updates run between two looks of Python; never part of the result

    @property
    def optimizer(self) -> Optimizer:
        """May be replaced by one of the same kind, between calls or in a callback, to change its learning rate."""
        return self._optimizer

    @optimizer.setter
    def optimizer(self, optimizer: str | Optimizer) -> None:
        new = as_optimizer(optimizer)
        if (new.kind, new.slots) != (self._optimizer.kind, self._optimizer.slots):
            raise ValueError(f"optimizer: expected one like {self._optimizer}, whose state is kept, got {new}")
        self._optimizer = new

    @property
    def epochs(self) -> int:
        """Whole epochs done."""
        return len(self.history)

    def update(
        self,
        x: Any,
        y: Any,
        *,
        lengths: Any = None,
        sample_weight: Any = None,
        state: Mapping[str, Any] | None = None,
    ) -> float:
        """One step of the optimiser on all rows given, whatever `batch_size`; returns the loss before it.

        Shapes are those of `Network.loss`. Raises TrainingError where loss or gradient is not finite.
        """
        batch = self._batch(x, y, lengths=lengths, sample_weight=sample_weight, state=state)
        n = len(batch.x)
        rates = np.array([self.optimizer.learning_rate])
        records = Records(np.arange(n, dtype=np.int64), np.array([0, n], np.int64), rates)
        return float(self._run(batch, records, None)[0])

    def fit(
        self,
        x: Any,
        y: Any,
        *,
        epochs: int,
        lengths: Any = None,
        sample_weight: Any = None,
        state: Mapping[str, Any] | None = None,
        validation: float | tuple[Any, Any] | Mapping[str, Any] | None = None,
        patience: int | None = None,
        shuffle: bool = True,
        progress: bool = True,
        callback: Callable[[Trainer], object] | None = None,
    ) -> History:
        """`epochs` passes over the rows of x and y in mini-batches; returns `history`.

        x, y, lengths, sample_weight, state   as for `Network.loss`; data of the network's dtype is never copied
        validation  (x, y), a mapping with `x`, `y` and perhaps `lengths`, `sample_weight`, `state`, or a fraction:
                    that part of the rows, the last ones, is kept out of training
        patience    ends after so many epochs without a lower validation loss; the weights of the best epoch are put
                    back, also where all epochs were used
        shuffle     a new order of rows each epoch, from (seed, epoch) alone
        progress    reports to stderr: a bar, or about a dozen lines where it is no terminal
        callback    called with the Trainer after every epoch; a true answer ends the training

        Ctrl-C ends between two updates: KeyboardInterrupt is raised, the network holds the weights of the last whole
        update, and `history` what was done. Raises TrainingError where a loss or gradient is not finite.
        """
        epochs = checks.whole("epochs", epochs, low=1)
        checks.flag("shuffle", shuffle)
        if callback is not None and not callable(callback):
            raise TypeError(f"callback: expected a function of the Trainer, got {checks.shown(callback)}")
        batch = self._batch(x, y, lengths=lengths, sample_weight=sample_weight, state=state)
        batch, held_out = self._split(batch, validation)
        if patience is not None:
            patience = checks.whole("patience", patience, low=1)
            if held_out is None:
                raise ValueError(f"patience: expected validation data with it, got patience={patience} alone")
        weights = self._row_weights(batch)
        best, best_theta, waited = math.inf, None, 0
        with reporter(checks.flag("progress", progress), self.epochs + epochs) as report:
            for _ in range(epochs):
                value = self._epoch(batch, weights, held_out, shuffle, report).validation_loss
                waited += 1
                if patience is not None and value < best:
                    best, best_theta, waited = value, self.network.theta.copy(), 0
                if (callback is not None and callback(self)) or (patience is not None and waited >= patience):
                    break
        if best_theta is not None:
            self.network.theta = best_theta
        return self.history

    # ------------------------------------------------------------------------------------------ inside

    def _batch(self, x: Any, y: Any, **others: Any) -> Batch:
        return arguments.as_batch(self.network.layout, self.network.dtype, x, y, loss=self.loss, **others)[0]

    def _split(self, batch: Batch, validation: Any) -> tuple[Batch, Batch | None]:
        """Training and validation rows; slices, never copies."""
        if validation is None:
            return batch, None
        if isinstance(validation, tuple | list) and len(validation) == 2:
            return batch, self._batch(*validation)
        if isinstance(validation, Mapping):
            known = ("x", "y", "lengths", "sample_weight", "state")
            for key in validation:
                checks.choice("validation", key, known)
            if "x" not in validation or "y" not in validation:
                raise ValueError(f"validation: expected x and y, got {', '.join(validation) or 'nothing'}")
            return batch, self._batch(**validation)
        if isinstance(validation, tuple | list | np.ndarray):
            raise TypeError(f"validation: expected (x, y), a mapping or a fraction, got {checks.shown(validation)}")
        fraction, n = checks.number("validation", validation, low=0.0, high=1.0, open_low=True), len(batch.x)
        kept = n - max(1, round(n * fraction))
        if kept < 1:
            raise ValueError(
                f"validation: expected a fraction that leaves rows to train on, got {fraction} of {n} rows"
            )
        return _rows(batch, slice(0, kept)), _rows(batch, slice(kept, n))

    def _row_weights(self, batch: Batch) -> np.ndarray:
        """What each row counts in a mean of the loss (n,), so that an epoch's mean is over steps, not over batches."""
        n, steps = batch.x.shape[:2]
        if self.network.layout.last:
            return np.ones(n) if batch.weight is None else batch.weight.astype(np.float64)
        lengths = np.full(n, steps) if batch.lengths is None else batch.lengths
        if batch.weight is None:
            return lengths.astype(np.float64)
        return np.where(np.arange(steps) < lengths[:, None], batch.weight, 0.0).sum(axis=1, dtype=np.float64)

    def _epoch(
        self, batch: Batch, weights: np.ndarray, held_out: Batch | None, shuffle: bool, report: Reporter
    ) -> Epoch:
        began = time.perf_counter()
        number, n, rate = self.epochs + 1, len(batch.x), self.optimizer.learning_rate
        order = np.random.default_rng([self.seed, number]).permutation(n) if shuffle else np.arange(n)
        starts = np.append(np.arange(0, n, self.batch_size), n)
        total, done, losses = len(starts) - 1, 0, np.empty(len(starts) - 1)
        while done < total:
            block_began = time.perf_counter()
            cut = starts[done : done + self._block + 1]
            count = len(cut) - 1
            records = Records(order[cut[0] : cut[-1]], cut - cut[0], np.full(count, rate))
            losses[done : done + count] = self._run(batch, records, number)
            done += count
            seconds = time.perf_counter() - block_began
            self._block = max(1, min(2 * self._block, int(count * BLOCK_SECONDS / max(seconds, 1e-9))))
            report.updates(number, done, total)
        validation_loss = math.nan
        if held_out is not None:
            network = self.network
            engine = select(network.layout)
            validation_loss = engine.loss(network.layout, network.theta, held_out, self.loss, self.shard_size)
        sizes = np.add.reduceat(weights[order], starts[:-1])
        mean = float(losses @ sizes / (sizes.sum() or 1.0))
        epoch = Epoch(mean, validation_loss, time.perf_counter() - began, rate, self.updates)
        self.history.record_epoch(epoch)
        report.epoch(number, mean, validation_loss)
        return epoch

    def _run(self, batch: Batch, records: Records, epoch: int | None) -> np.ndarray:
        """Runs a block of updates and records it; Ctrl-C waits for its end. Returns the losses (U,)."""
        network = self.network
        with interrupts.held(), self._training():
            losses, norms, done = select(network.layout).update(
                network.layout,
                network.theta,
                batch,
                self.loss,
                self.optimizer,
                self.slots,
                self.updates,
                records,
                self.clip_norm,
                self.clip_value,
                self.truncate,
                self.shard_size,
                arguments.segment(network.layout, self.recompute, batch.x.shape[1]),
            )
            self.updates += done
            self.history.record_updates(losses[:done], norms[:done], records.rates[:done])
        if done < len(records.rates):
            rows = records.rows[records.starts[done] : records.starts[done + 1]]
            place = self._place(_rows(batch, rows), losses[done])
            raise TrainingError(self.updates + 1, epoch, float(losses[done]), float(norms[done]), place)
        return losses

    def _place(self, batch: Batch, loss: float) -> str:
        """Which parameters' gradients are not finite, for the report of an update that failed."""
        if not math.isfinite(loss):
            return ""
        layout, theta = self.network.layout, self.network.theta
        with self._training():
            _, flat = select(layout).loss_and_grad(
                layout,
                theta,
                batch,
                self.loss,
                self.truncate,
                self.shard_size,
                arguments.segment(layout, self.recompute, batch.x.shape[1]),
            )
        bad = [name for name, gradient in Parameters(layout, flat).items() if not np.isfinite(gradient).all()]
        return f", not finite in {', '.join(bad)}" if bad else ""

    @contextmanager
    def _training(self) -> Generator[None]:
        """Marks the network, so that a prediction in another thread is refused, not wrong."""
        if self.network.training_thread not in (None, threading.get_ident()):
            raise RuntimeError("network: expected one that no other thread is training, got one in training")
        self.network.training_thread = threading.get_ident()
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is found and reported
                yield
        finally:
            self.network.training_thread = None

    def __repr__(self) -> str:
        return (
            f"Trainer(loss={self.loss}, optimizer={self.optimizer}, batch_size={self.batch_size}, "
            f"{self.updates} updates, {self.epochs} epochs done) of\n{self.network!r}"
        )


def _rows(batch: Batch, rows: slice | np.ndarray) -> Batch:
    state = None if batch.state is None else [array[rows] for array in batch.state]
    y, lengths, weight = (None if array is None else array[rows] for array in (batch.y, batch.lengths, batch.weight))
    return Batch(batch.x[rows], y, lengths, weight, state)


def _above_zero(name: str, value: float | None) -> float | None:
    return None if value is None else checks.number(name, value, low=0.0, open_low=True)
