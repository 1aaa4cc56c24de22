"""Updates and epochs: a Trainer turns data into records, runs them in blocks on the engine, and writes a History."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from elman.core import checks, interrupts, schedules
from elman.core.init import initial
from elman.core.losses import LOSSES, Loss, as_loss
from elman.core.optim import Optimizer, as_optimizer
from elman.core.requests import DEFAULT_SHARD_SIZE, Batch, Objective, Records, UpdateRule
from elman.engines.select import select
from elman.network import Network, arguments
from elman.network.weights import Training
from elman.train import settings
from elman.train.checkpoint import Keeper, Position
from elman.train.history import Epoch, History
from elman.train.plan import Plan, in_windows, whole
from elman.train.progress import Reporter, reporter
from elman.train.resume import Epochs, restored
from elman.train.rules import make_rules

if TYPE_CHECKING:
    from elman.train.doctor import Report

__all__ = ["Trainer", "TrainingError"]

EXPLODED, JUDGED = 1e4, 100  # times the losses at the start, over so many updates: no healthy training stays there
LEAST = 1.0  # of such a loss: an optimiser's steps are no smaller where data are tiny, nor are log densities above 0
BLOCK_SECONDS = 0.05  # Python is back about this often: for Ctrl-C and the progress line

Callback = Callable[["Trainer"], object]


class TrainingError(RuntimeError):
    """A loss or gradient that is not finite, the weights being those before the update that found it; or a loss that
    exploded in the course of an epoch, the weights being those after it.

    `update` and `epoch` are counted from 1, over the Trainer's life; epoch is None for `Trainer.update`. `report` says
    where it began and what to try (an `elman.doctor.Report`); its text is the error's.
    """

    def __init__(self, update: int, epoch: int | None, loss: float, norm: float, report: Report | None = None) -> None:
        super().__init__(update, epoch, loss, norm, report)
        self.update, self.epoch, self.loss, self.norm, self.report = update, epoch, loss, norm, report

    def __str__(self) -> str:
        if self.report is not None:
            return str(self.report)
        when = f"update {self.update}" + (f" (epoch {self.epoch})" if self.epoch is not None else "")
        return f"training stopped at {when}: loss {self.loss:.6g}, gradient norm {self.norm:.6g}"


class Trainer:
    """Trains one network in place.

    loss        a name or object of `elman.losses`
    optimizer   a name or object of `elman.optim`; None: Adam
    schedule    a name or object of `elman.schedules`, which multiplies the optimiser's learning rate at each update
    clip_norm   gradients with a larger global norm are scaled down to it; clip_value: each entry is clipped to
                [-clip_value, clip_value] first
    batch_size  rows of an update; the last of an epoch may be shorter
    shard_size  rows whose gradients are summed together; part of the result's bits, not of its meaning
    truncate    k: gradients of the state stop at every k-th step (truncated backpropagation through time)
    recompute   k: the way forward keeps the states of every k-th step alone, and k steps at a time are computed
                again on the way back; True: about sqrt(T). For long sequences: less memory, a third more time
    rates       parameter groups: pattern of names -> factor of their learning rate, {"head.*": 0.1}
    activity_penalty   times the mean of h^2 over all recurrent units and valid steps is added to the loss in training
    frozen      patterns of names that training leaves alone; they are no part of the gradient's norm
    masks       name -> array of 0 and 1 like the parameter: entries under a 0 are and stay 0
    signs       name -> one of -1, 0, 1 for each column (a unit that sends): its entries stay at or below 0, free, or
                at or above 0, as inhibitory and excitatory units' do
    seed        of the shuffling, and of what dropout, zoneout and noise draw

    Optimiser state, `updates` and `epochs` done and the `history` carry on from call to call.
    """

    def __init__(
        self,
        network: Network,
        *,
        loss: str | Loss = "mse",
        optimizer: str | Optimizer | None = None,
        schedule: str | schedules.Schedule | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        batch_size: int = 32,
        shard_size: int | None = None,
        truncate: int | None = None,
        recompute: bool | int = False,
        rates: Mapping[str, float] | None = None,
        activity_penalty: float = 0.0,
        frozen: Sequence[str] = (),
        masks: Mapping[str, Any] | None = None,
        signs: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        if not isinstance(network, Network):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"network: expected an elman.Network, got {checks.shown(network)}")
        self.network = network
        self.loss = as_loss(loss)
        arguments.target_width(network.layout, self.loss)
        self._optimizer = as_optimizer(optimizer)
        self.schedule = schedules.as_schedule(schedule)
        self.clip_norm = _above_zero("clip_norm", clip_norm)
        self.clip_value = _above_zero("clip_value", clip_value)
        self.batch_size = checks.count("batch_size", batch_size)
        self.shard_size = DEFAULT_SHARD_SIZE if shard_size is None else checks.count("shard_size", shard_size)
        self.truncate = None if truncate is None else checks.count("truncate", truncate)
        self.recompute = recompute
        arguments.segment(network.layout, recompute, 1)
        self.activity_penalty = checks.number("activity_penalty", activity_penalty, low=0.0)
        self.seed = checks.whole("seed", seed, low=0, high=2**64 - 1)
        self._asked = (rates, frozen, masks, signs)
        self.rules = make_rules(network.layout, network.dtype, self._optimizer, *self._asked)
        if self.rules is not None and self.rules.lower is not None:
            with Training(network.weights):
                network.theta = np.clip(network.theta, self.rules.lower, self.rules.upper)
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
        self.rules = make_rules(self.network.layout, self.network.dtype, new, *self._asked)

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
        records = Records(np.arange(n, dtype=np.int64), np.array([0, n], np.int64), self._rates(1))
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
        window: int | None = None,
        progress: bool = True,
        callback: Callback | Sequence[Callback] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        every: int | None = None,
        keep: int = 3,
        resume: str | os.PathLike[str] | None = None,
    ) -> History:
        """`epochs` passes over the rows of x and y in mini-batches; returns `history`.

        x, y, lengths, sample_weight, state   as for `Network.loss`; data of the network's dtype is never copied
        validation  (x, y), a mapping with `x`, `y` and perhaps `lengths`, `sample_weight`, `state`, or a fraction:
                    that part of the rows, the last ones, is kept out of training
        patience    ends after so many epochs without a lower validation loss; the weights of the best epoch are put
                    back, also where all epochs were used
        shuffle     a new order of rows each epoch, from (seed, epoch) alone
        window      for long sequences: an update takes so many steps, and the next one goes on where it ended, with the
                    state that it ended in; gradients stop at the windows' starts. `batch_size` sequences go side by
                    side through all of their windows; each begins from its own state, and drops out where it ends
        progress    reports to stderr: a bar, or about a dozen lines where it is no terminal
        callback    one function, or several, called with the Trainer after every epoch; a true answer of any ends the
                    training. Where one has a method `finish`, it is called with the Trainer when training ends,
                    however it ends. `elman.callbacks` has some
        checkpoint  a folder: after `every` updates (None: after each epoch) all that training depends on is written
                    there, safe against crashes; the last `keep` stay, and the best. `elman.load` reads them
        resume      such a folder: goes on from its newest whole checkpoint, bit for bit as if never stopped, whatever
                    the number of threads; from the start where it holds none. All else is asked for as before, but
                    that `epochs` may be more: it counts from where the first call began

        Ctrl-C ends between two updates: KeyboardInterrupt is raised, the network holds the weights of the last whole
        update, and `history` what was done. Raises TrainingError where a loss or gradient is not finite or the loss
        exploded (docs/doctor.md); ValueError where the checkpoints are of other data or settings; FileError where none
        is whole (one that is not is told in a CheckpointWarning); OSError where one cannot be written: those before it
        stay.
        """
        epochs = checks.whole("epochs", epochs, low=1)
        checks.flag("shuffle", shuffle)
        callbacks = _callbacks(callback)
        window = self._window(window)
        batch = self._batch(x, y, lengths=lengths, sample_weight=sample_weight, state=state)
        batch, held_out = self._split(batch, validation)
        if patience is not None:
            patience = checks.whole("patience", patience, low=1)
            if held_out is None:
                raise ValueError(f"patience: expected validation data with it, got patience={patience} alone")
        weights = self._row_weights(batch)
        position, keeper = Position(first=self.epochs), None
        every = None if every is None else checks.whole("every", every, low=1)
        keep = checks.whole("keep", keep, low=1)
        if every is not None and checkpoint is None:
            raise ValueError(f"every: expected a folder, checkpoint=, with it, got every={every} alone")
        if checkpoint is not None or resume is not None:
            known = settings.of_trainer(self) | {"shuffle": shuffle, "patience": patience, "window": window}
            known |= settings.data(self.network.layout, batch)
            if held_out is not None:
                known |= settings.data(self.network.layout, held_out, "validation.")
            if checkpoint is not None:
                keeper = Keeper(checkpoint, every, keep, known, resume)
            if resume is not None:
                asked = Epochs(epochs, len(batch.x), lambda n: len(self._plan(n, batch, weights, shuffle, window)))
                with Training(self.network.weights):
                    position = restored(resume, self, known, asked) or position
        last = position.first + epochs
        ended = position.stopped or self.epochs >= last
        told = checks.flag("progress", progress) and not ended
        with Training(self.network.weights), reporter(told, last) as report, ExitStack() as ends:
            for called in callbacks:
                if hasattr(called, "finish"):
                    ends.callback(called.finish, self)  # type: ignore[attr-defined]
            while not ended:
                epoch = self._epoch(batch, weights, held_out, shuffle, report, position, keeper, window)
                figure = epoch.loss if held_out is None else epoch.validation_loss
                improved = figure < position.best
                position.waited = 0 if improved else position.waited + 1
                if improved:
                    position.best = figure
                    position.best_theta = None if patience is None else self.network.theta.copy()
                stop = [bool(called(self)) for called in callbacks]  # each is called, whatever the others say
                position.stopped = any(stop) or (patience is not None and position.waited >= patience)
                ended = position.stopped or self.epochs >= last
                if keeper is not None:
                    keeper.after_epoch(self, position, improved, ended)
            if position.best_theta is not None:
                self.network.theta = position.best_theta
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
        return batch.take(slice(0, kept)), batch.take(slice(kept, n))

    def _row_weights(self, batch: Batch) -> np.ndarray:
        """What each row counts in a mean of the loss (n,), so that an epoch's mean is over steps, not over batches."""
        time = self.network.layout.time
        if time is None or self.loss.ragged:
            return np.ones(len(batch.x)) if batch.weight is None else batch.weight.astype(np.float64)
        lengths = batch.lengths_of(time)
        if batch.weight is None:
            return lengths.astype(np.float64)
        valid = np.arange(batch.steps_of(time)) < lengths[:, None]
        return np.where(valid, batch.weight, 0.0).sum(axis=1, dtype=np.float64)

    def _epoch(
        self,
        batch: Batch,
        weights: np.ndarray,
        held_out: Batch | None,
        shuffle: bool,
        report: Reporter,
        position: Position,
        keeper: Keeper | None,
        window: int | None,
    ) -> Epoch:
        """The epoch at hand from `position` on, which is at the start of the next one afterwards."""
        began = time.perf_counter() - position.seconds
        network = self.network
        number, n = self.epochs + 1, len(batch.x)
        plan = self._plan(number, batch, weights, shuffle, window)
        carry = position.carry or [np.zeros((n, s.size), network.dtype) for s in network.layout.states if window]
        total, done = len(plan), position.done
        losses, rates = np.empty(total), np.empty(total)
        earlier = self.history.update_loss
        losses[:done] = earlier[len(earlier) - done :]
        report.updates(number, done, total)
        while done < total:
            block_began = time.perf_counter()
            block = self._block if keeper is None else min(self._block, keeper.room(self.updates))
            count = min(block, total - done)
            rates[done : done + count] = self._rates(count)
            records = plan.records(done, done + count, rates[done : done + count], window or 0, carry)
            losses[done : done + count] = self._run(batch, records, number)
            done += count
            seconds = time.perf_counter() - block_began
            self._block = max(1, min(2 * self._block, int(count * BLOCK_SECONDS / max(seconds, 1e-9))))
            report.updates(number, done, total)
            if keeper is not None and done < total:
                position.done, position.seconds = done, time.perf_counter() - began
                position.carry = carry or None
                keeper.in_epoch(self, position)
        exploded = self._explosion(batch, plan, window, losses)
        if exploded is not None:
            raise exploded
        position.done, position.seconds, position.carry = 0, 0.0, None
        validation_loss = math.nan
        if held_out is not None:
            engine = select(network.layout, self.loss)
            validation_loss = engine.loss(network.layout, network.theta, held_out, self.loss, self.shard_size)
            if math.isnan(validation_loss):
                arguments.check_unchanged(network.layout, held_out, self.loss)
        mean = float(losses @ plan.sizes / (plan.sizes.sum() or 1.0))
        epoch = Epoch(mean, validation_loss, time.perf_counter() - began, float(rates[-1]), self.updates)
        self.schedule.observe(mean if held_out is None else validation_loss)
        self.history.record_epoch(epoch)
        report.epoch(number, mean, validation_loss)
        return epoch

    def _plan(self, number: int, batch: Batch, weights: np.ndarray, shuffle: bool, window: int | None) -> Plan:
        """The updates of epoch `number`, counted from 1."""
        n = len(batch.x)
        order = np.random.default_rng([self.seed, number]).permutation(n) if shuffle else np.arange(n)
        if window is None:
            return whole(order, self.batch_size, weights)
        return in_windows(order, self.batch_size, batch, window)

    def objective(self, batch: Batch) -> Objective:
        """How the value and the gradient of this batch are made."""
        layout = self.network.layout
        segment = arguments.segment(layout, self.recompute, batch.x.shape[1])
        seed = self.seed if layout.draws else None
        return Objective(self.loss, self.activity_penalty, self.truncate, segment, self.shard_size, seed)

    def _window(self, window: int | None) -> int | None:
        if window is None:
            return None
        layout = self.network.layout
        if layout.last or layout.bidirectional or layout.inputs or self.loss.ragged:
            last, both = layout.last, layout.bidirectional
            what = "outputs at its last step alone" if last else "two directions" if both else "other inputs or targets"
            raise ValueError(f"window: expected None for a network with {what}, got {checks.shown(window)}")
        return checks.count("window", window)

    def _rates(self, count: int) -> np.ndarray:
        """The learning rates of the next `count` updates."""
        return self.optimizer.learning_rate * schedules.factors(self.schedule, self.updates, count)

    def _run(self, batch: Batch, records: Records, epoch: int | None) -> np.ndarray:
        """Runs a block of updates and records it; Ctrl-C waits for its end. Returns the losses (U,)."""
        network = self.network
        rule = UpdateRule(self.optimizer, self.clip_norm, self.clip_value, self.rules)
        with interrupts.held(), Training(network.weights), np.errstate(over="ignore", invalid="ignore"):
            losses, norms, done = select(network.layout, self.loss).update(
                network.layout, network.theta, batch, self.objective(batch), rule, self.slots, self.updates, records
            )
            self.updates += done
            self.history.record_updates(losses[:done], norms[:done], records.rates[:done])
        if done < len(records.rates):
            arguments.check_unchanged(network.layout, batch, self.loss)
            rows = records.rows[records.starts[done] : records.starts[done + 1]]
            given = records.windows
            window = None if given is None else (int(given.starts[done]), int(given.starts[done]) + given.steps)
            raise self._failure(batch, rows, window, epoch, float(losses[done]), float(norms[done]))
        return losses

    def _failure(
        self,
        batch: Batch,
        rows: np.ndarray,
        window: tuple[int, int] | None,
        epoch: int | None,
        loss: float,
        norm: float,
        exploded: bool = False,
    ) -> TrainingError:
        """The error for an update on these rows, or on a window of their steps, with the doctor's report."""
        from elman.train import doctor

        with Training(self.network.weights), np.errstate(over="ignore", invalid="ignore"):
            report = doctor.diagnose(
                self, batch, rows, epoch=epoch, loss=loss, norm=norm, window=window, exploded=exploded
            )
        return TrainingError(report.update, epoch, loss, norm, report)

    def _explosion(self, batch: Batch, plan: Plan, window: int | None, losses: np.ndarray) -> TrainingError | None:
        """Whether an epoch's losses exploded (docs/doctor.md has the rule); the report is of its last update.

        Judged at the end of an epoch, because where a block of updates ends must not change a result.
        """
        network, earlier = self.network, self.history.update_loss
        recent = earlier[-max(JUDGED, len(losses)) :]
        if self.loss.kind not in LOSSES or len(recent) < JUDGED:
            return None
        middle = min(float(np.median(losses)), float(np.median(recent)))
        if middle <= EXPLODED * max(earlier[0], LEAST):
            return None
        fresh = initial(network.layout, None, network.dtype, self.seed)
        untrained = select(network.layout, self.loss).loss(network.layout, fresh, batch, self.loss, self.shard_size)
        if not middle > EXPLODED * untrained:
            return None
        norm = float(self.history.gradient_norm[-1])
        rows = plan.rows[plan.starts[-2] :]
        last = None if plan.steps is None else (int(plan.steps[-1]), int(plan.steps[-1]) + (window or 0))
        return self._failure(batch, rows, last, self.epochs + 1, float(losses[-1]), norm, exploded=True)

    def __repr__(self) -> str:
        return (
            f"Trainer(loss={self.loss}, optimizer={self.optimizer}, batch_size={self.batch_size}, "
            f"{self.updates} updates, {self.epochs} epochs done) of\n{self.network!r}"
        )


def _callbacks(given: Callback | Sequence[Callback] | None) -> Sequence[Callback]:
    called = [] if given is None else given if isinstance(given, list | tuple) else [given]
    for one in called:
        if not callable(one):
            raise TypeError(f"callback: expected a function of the Trainer, or a list of them, got {checks.shown(one)}")
    return called  # type: ignore[return-value]


def _above_zero(name: str, value: float | None) -> float | None:
    return None if value is None else checks.number(name, value, low=0.0, open_low=True)
