"""The class Trainer: turns data into updates, runs them on the engine, and records a History."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elman.core import checks, interrupts, schedules
from elman.core.losses import Loss, as_loss
from elman.core.meant import checks_names
from elman.core.optim import Optimizer, as_optimizer
from elman.core.requests import DEFAULT_SHARD_SIZE, Batch, Records, Updater
from elman.network import Network, arguments
from elman.network.arguments import Inputs
from elman.network.constraints import make_constraints
from elman.network.prepared import Updates
from elman.network.weights import Training
from elman.train import fingerprint
from elman.train.checkpoint import restored_state, write_checkpoint
from elman.train.data import FitData, row_weights, split
from elman.train.errors import TrainingError, stopped
from elman.train.fitting.advice import warn_of_scale, warn_of_split
from elman.train.fitting.fit import Callback, FitOptions, as_callbacks, fit
from elman.train.fitting.iterables import Batches, as_batches
from elman.train.history import History
from elman.train.plan import as_window
from elman.train.state import Position, TrainingState
from elman.train.stored import DaskBatches, is_dask

__all__ = ["Trainer", "TrainingError"]

FEW_STEPS = 256  # of all rows together: an update of so few costs less than 30 copies of the weights


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
    recompute   k: the forward pass keeps the states of every k-th step only, and k steps at a time are computed
                again in the backward pass; True: about sqrt(T). For long sequences: less memory, a third more time
    rates       parameter groups: pattern of names -> factor of their learning rate, {"head.*": 0.1}
    activity_penalty   times the mean of h^2 over all recurrent units and valid steps is added to the loss in training
    frozen      patterns of names of parameters that do not change; they are no part of the gradient's norm
    masks       name -> array of 0 and 1 like the parameter: entries under a 0 are and stay 0
    signs       name -> one of -1, 0, 1 for each column (a unit that sends), or for each entry: entries stay at or below
                0, free, or at or above 0, as inhibitory and excitatory units' do
    seed        of the shuffling, and of what dropout, zoneout and noise draw
    executor    who computes the gradients, with the same bits: `elman.cluster.DaskExecutor(client)`; None: this machine

    Optimiser state, `updates` and `epochs` done and the `history` carry on from call to call.
    """

    _prepared: tuple[Updates, float | None] | None = None

    @checks_names
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
        masks: Mapping[str, ArrayLike] | None = None,
        signs: Mapping[str, ArrayLike] | None = None,
        seed: int = 0,
        executor: Updater | None = None,
    ) -> None:
        if not isinstance(network, Network):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"network: expected an elman.Network, got {checks.shown(network)}")
        self.network = network
        self.loss = as_loss(loss)
        arguments.target_width(network.layout, self.loss)
        self._optimizer = as_optimizer(optimizer)
        self.schedule = schedules.as_schedule(schedule)
        self.clip_norm = checks.above_zero("clip_norm", clip_norm)
        self.clip_value = checks.above_zero("clip_value", clip_value)
        self.batch_size = checks.count("batch_size", batch_size)
        self.shard_size = DEFAULT_SHARD_SIZE if shard_size is None else checks.count("shard_size", shard_size)
        self.truncate = None if truncate is None else checks.count("truncate", truncate)
        self.recompute = recompute
        arguments.segment(network.layout, self.loss, recompute, 1)
        self.activity_penalty = checks.number("activity_penalty", activity_penalty, low=0.0)
        self.seed = checks.whole("seed", seed, low=0, high=2**64 - 1)
        self._constrained = (rates, frozen, masks, signs)
        self.executor = checks.having("executor", executor, "update", "an elman.cluster.DaskExecutor")
        self.constraints = make_constraints(network.layout, network.dtype, self._optimizer, *self._constrained)
        if self.constraints is not None and self.constraints.lower is not None:
            with Training(network.weights):
                network.theta = np.clip(network.theta, self.constraints.lower, self.constraints.upper)
        self.slots = tuple(np.zeros_like(network.theta) for _ in self.optimizer.slots)
        self.history = History()
        self.advice = True  # whether `fit` warns of data that no network learns well from

    def __setattr__(self, name: str, value: object) -> None:
        """Sets an attribute; whatever it is, the next `update` or `step` is prepared anew."""
        super().__setattr__(name, value)
        self.__dict__["_prepared"] = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_prepared": None}

    @property
    def optimizer(self) -> Optimizer:
        """The optimiser. One of the same kind may replace it between calls or in a callback, to change its rate."""
        return self._optimizer

    @optimizer.setter
    def optimizer(self, optimizer: str | Optimizer) -> None:
        new = as_optimizer(optimizer)
        if (new.kind, new.slots) != (self._optimizer.kind, self._optimizer.slots):
            raise ValueError(f"optimizer: expected one like {self._optimizer}, whose state is kept, got {new}")
        self._optimizer = new
        self.constraints = make_constraints(self.network.layout, self.network.dtype, new, *self._constrained)

    @property
    def learning_rate(self) -> float:
        """The optimiser's learning rate, before the schedule. It may be changed between updates and in a callback."""
        return self._optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.optimizer = dataclasses.replace(self._optimizer, learning_rate=rate)

    @property
    def updates(self) -> int:
        """Updates done."""
        return self.history.log.count

    @property
    def epochs(self) -> int:
        """Whole epochs done."""
        return len(self.history)

    @property
    def training_state(self) -> TrainingState:
        """The present state of the training: everything that the next update depends on."""
        return TrainingState(**{name: getattr(self, name) for name in TrainingState._fields})

    def update(
        self,
        x: Inputs,
        y: ArrayLike,
        *,
        lengths: Inputs | None = None,
        sample_weight: ArrayLike | None = None,
        state: Mapping[str, ArrayLike] | None = None,
    ) -> float:
        """Takes one step of the optimiser on all rows given, whatever `batch_size`; returns the loss before it.

        Shapes are those of `Network.loss`; arrays of its dtype (int64 for whole numbers) are fastest. Raises
        TrainingError where loss or gradient is not finite.
        """
        if self.executor is None and lengths is None and sample_weight is None and state is None:
            (updates, rate), log = self._next(), self.history.log
            if (loss := updates.prepared.update(x, y, rate, log.done, log.figures)) is not None:
                return loss
        batch = self._batch(x, y, lengths=lengths, sample_weight=sample_weight, state=state)
        rows, rates = np.arange(len(batch.x)), self.training_state.rates(1)
        records = Records(rows, np.array([0, len(rows)]), rates, passing=True)
        return float(self._run(batch, records, None)[0])

    def step(self, gradients: Mapping[str, ArrayLike] | ArrayLike, *, loss: float = math.nan) -> float:
        """Takes one step of the optimiser with gradients of your own; returns their norm, before clipping by norm.

        gradients  named like `Network.parameters`, as `backward` and `loss_and_grad` return them (a missing name is 0),
                   or one vector (P,)
        loss       what `history` records for this update

        Clipping, schedule and constraints act as in `update`, which gives the same weights for the same gradients: rows
        of a sparse embedding whose gradient is 0 are left as they are. Raises ValueError for gradients whose norm is
        not finite, and changes nothing.
        """
        loss = loss if math.isnan(loss) else checks.number("loss", loss)
        updates, rate = self._next()
        return updates.step(gradients, rate, self.history.log, loss)

    @checks_names
    def fit(
        self,
        x: Inputs | Batches,
        y: ArrayLike | None = None,
        *,
        epochs: int,
        lengths: Inputs | None = None,
        sample_weight: ArrayLike | None = None,
        state: Mapping[str, ArrayLike] | None = None,
        validation: float | tuple[ArrayLike, ArrayLike] | Mapping[str, Any] | None = None,
        patience: int | None = None,
        shuffle: bool = True,
        window: int | None = None,
        progress: bool = True,
        callback: Callback | Sequence[Callback] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        every: int | None = None,
        keep: int = 3,
        resume: str | os.PathLike[str] | None = None,
        new_data: bool = False,
    ) -> History:
        """Trains for `epochs` passes over the rows of x and y in mini-batches; returns `history`.

        x, y, lengths, sample_weight, state   as for `Network.loss`; data of the network's dtype is never copied. x
                    alone: an iterable of batches, or a function that returns one for each epoch, and each batch (x, y)
                    or a mapping of these five names is one update. A generator, which is empty after one pass, serves
                    one epoch. `elman.ArrowBatches` reads them from files. Dask arrays and data frames are computed a
                    partition at a time (`elman.DaskBatches`)
        validation  (x, y), a mapping with `x`, `y` and perhaps `lengths`, `sample_weight`, `state`, or a fraction: so
                    many rows are kept out of training, drawn by the seed; the last rows without `shuffle`, and where
                    rows are overlapping windows of one series. A TrainingWarning says where they hold classes or a
                    range of targets that the others lack
        patience    training ends after so many epochs without a lower validation loss; the weights of the best epoch
                    are restored, also where all epochs were used
        shuffle     a new order of rows each epoch, from (seed, epoch) alone
        window      for long sequences: an update takes so many steps, and the next one goes on where it ended, with its
                    last state; gradients stop at the windows' starts. `batch_size` sequences go side by
                    side through all of their windows; each begins from its own state, and leaves where it ends
        progress    reports to stderr: a bar, or about a dozen lines where it is no terminal
        callback    one function, or several, called with the Trainer after every epoch; training ends where any
                    returns something true. Where one has a method `finish`, it is called with the Trainer when training
                    ends, however it ends. `elman.callbacks` has some
        checkpoint  a folder: after `every` updates (None: after each epoch) everything that training depends on is
                    written there, safe against crashes; the last `keep` stay, and the best. `elman.load` reads them
        resume      such a folder: training goes on from its newest undamaged checkpoint, bit for bit as if it had never
                    stopped, whatever the number of threads; from the start where it holds none. All other arguments
                    must be those of before; `epochs`, which counts from where the first call began, may be more
        new_data    with `resume`: the data are others. Weights, optimiser and history go on, and `epochs` count anew

        Ctrl-C ends between two updates: KeyboardInterrupt is raised, the network holds the weights of the last whole
        update, and `history` what was done. Raises TrainingError where a loss or gradient is not finite or the loss
        exploded (docs/doctor.md); ValueError where the checkpoints are of other data or settings; FileError where all
        are damaged (one that is causes a CheckpointWarning); OSError where one cannot be written, and those before it
        stay. A TrainingWarning says where targets are far from the scale at which networks begin.
        """
        options = FitOptions(
            checks.whole("epochs", epochs, low=1),
            None if patience is None else checks.whole("patience", patience, low=1),
            checks.flag("progress", progress),
            as_callbacks(callback),
            checkpoint,
            None if every is None else checks.whole("every", every, low=1),
            checks.whole("keep", keep, low=1),
            resume,
            checks.flag("new_data", new_data),
        )
        checks.flag("shuffle", shuffle)
        given = {"lengths": lengths, "sample_weight": sample_weight, "state": state}
        if is_dask(x) and y is not None:
            how: dict[str, Any] = {"batch_size": self.batch_size, "seed": self.seed, "shuffle": shuffle}
            x = DaskBatches(x, y, sample_weight=sample_weight, **how)
            y, given["sample_weight"], shuffle = None, None, True
        if y is None:
            refused = {**given, "window": window, "shuffle": None if shuffle else shuffle}
            data = as_batches(self.network.layout, self.loss, x, epochs, validation, refused, self._batch)
        else:
            batch = self._batch(x, y, **given)  # type: ignore[arg-type]
            data = self._data(batch, validation, shuffle, window)
            if self.advice and not self.updates:
                warn_of_scale(self.network, self.loss, data.batch)
            if self.advice and data.held_out is not None and data.note:
                warn_of_split(self.network.layout, self.loss, data.batch, data.rows, data.held_out, data.note)
        fit(self, data, options, self._run)
        return self.history

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a checkpoint: everything that the next update depends on, for loops of `update` and `step`.

        `restore` goes on from it; `elman.load` returns its network. The file appears whole or not at all.
        """
        write_checkpoint(path, self.training_state, Position(self.epochs), fingerprint.training(self.training_state))

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Goes on from a checkpoint that a Trainer with the same settings wrote, whatever its data were.

        path  a file, or a folder of `fit`, of which the newest undamaged checkpoint counts

        Weights, optimiser, schedule, `updates` and `history` are those of the checkpoint: the next update gives the
        same bits. Raises ValueError for other settings, FileError for damaged files, OSError where there is none.
        """
        state = self.training_state
        with Training(self.network.weights):
            self.optimizer = restored_state(path, state, fingerprint.training(state)).optimizer

    # ------------------------------------------------------------------------------------------ inside

    def _next(self) -> tuple[Updates, float]:
        """Returns what all updates share until an attribute is set, which is kept, and the next one's rate."""
        if self._prepared is None:
            self.__dict__["_prepared"] = self.training_state.prepared()
        updates, rate = self._prepared  # type: ignore[misc]
        return updates, self.training_state.rate if rate is None else rate

    def _batch(self, x: Inputs, y: ArrayLike, **others: Any) -> Batch:
        return arguments.as_batch(self.network.layout, self.network.dtype, x, y, loss=self.loss, **others)[0]

    def _data(self, batch: Batch, validation: Any, shuffle: bool, window: Any) -> FitData:
        """Returns the data of a fit, split into what trains and what validates."""
        layout = self.network.layout
        window = as_window(layout, self.loss, window)

        def divided(in_order: bool) -> FitData:
            own, rows, held_out, note = split(batch, validation, self._batch, in_order, self.seed)
            return FitData(own, rows, held_out, row_weights(layout, self.loss, own), shuffle, window, note)

        data = divided(not shuffle)
        return data._replace(former=lambda: divided(True)) if shuffle and data.note else data

    def _run(self, batch: Batch, records: Records, epoch: int | None) -> np.ndarray:
        """Runs a block of updates and records it; Ctrl-C waits for its end. Returns the losses (U,)."""
        with (
            interrupts.held(),
            Training(
                self.network.weights,
                copy=not self.loss.compiled or self.network.engine == "reference",
                brief=epoch is None and self.executor is None and math.prod(batch.x.shape[:2]) <= FEW_STEPS,
            ),
            np.errstate(over="ignore", invalid="ignore"),
        ):
            losses, norms, done = self.training_state.apply(batch, records, self.executor)
            self.history.log.record(losses[:done], norms[:done], records.rates[:done])
        if done < len(records.rates):
            loss, norm = float(losses[done]), float(norms[done])
            raise stopped(self.training_state, batch, records, done, epoch=epoch, loss=loss, norm=norm)
        return losses

    def __repr__(self) -> str:
        return (
            f"Trainer(loss={self.loss}, optimizer={self.optimizer}, batch_size={self.batch_size}, "
            f"{self.updates} updates, {self.epochs} epochs done) of\n{self.network!r}"
        )
