"""The arguments of an engine's calls (data, objectives, blocks of updates), and the protocols of those calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from elman.core.layers import INPUT, Layout
from elman.core.losses import Loss
from elman.core.optim import Optimizer

__all__ = [
    "DEFAULT_SHARD_SIZE",
    "Batch",
    "Constraints",
    "Engine",
    "Hypothesis",
    "Key",
    "NamedInput",
    "Objective",
    "Prepared",
    "Records",
    "Search",
    "Shared",
    "Stepper",
    "UpdateRule",
    "Updater",
    "Windows",
]

DEFAULT_SHARD_SIZE = 16


class NamedInput(NamedTuple):
    """One of a network's inputs besides x, of n rows, already checked."""

    values: np.ndarray  # (n, T, size), T of its own; (n, T) integers; or (n, size), one vector a row
    lengths: np.ndarray | None  # int64 (n,), 1 <= length <= T; None: one vector a row


class Batch(NamedTuple):
    """Data of n sequences, of theta's dtype (integers: of any type), already checked."""

    x: np.ndarray  # (n, T, D), any strides; (n, T) integers for networks that begin with an Embedding
    y: np.ndarray | None = None  # (n, T, O), or (n, O) behind Last; classes: integers (n, T) or (n,), ragged (n, U)
    lengths: np.ndarray | None = None  # int64 (n,), 1 <= length <= T
    weight: np.ndarray | None = None  # (n, T), or (n,) behind Last
    state: Sequence[np.ndarray] | None = None  # aligned with layout.states, each (n, size)
    y_lengths: np.ndarray | None = None  # int64 (n,), 1 <= length <= U: of ragged targets
    named: Mapping[str, NamedInput] | None = None  # the network's other inputs; "y" among them are the targets

    def take(self, rows: slice | np.ndarray) -> Batch:
        """Returns a batch of some of the rows."""

        def part(array: np.ndarray | None) -> Any:
            return None if array is None else array[rows]

        state = None if self.state is None else [array[rows] for array in self.state]
        named = None if self.named is None else {name: NamedInput(*map(part, one)) for name, one in self.named.items()}
        y, lengths, weight, y_lengths = map(part, (self.y, self.lengths, self.weight, self.y_lengths))
        return Batch(self.x[rows], y, lengths, weight, state, y_lengths, named)

    def steps_of(self, time: str) -> int:
        """Returns T of an input by its name."""
        return (self.x if time == INPUT else (self.named or {})[time].values).shape[1]

    def lengths_of(self, time: str) -> np.ndarray:
        """Returns the rows' lengths (n,) along the steps of an input."""
        lengths = self.lengths if time == INPUT else (self.named or {})[time].lengths
        return np.full(len(self.x), self.steps_of(time), np.int64) if lengths is None else lengths


class Windows(NamedTuple):
    """Updates on consecutive windows of the rows' time, the state carried from one to the next."""

    steps: int  # of a window
    starts: np.ndarray  # int64 (U,): the step at which each update's begins; 0 begins from the batch's state again
    carry: Sequence[np.ndarray]  # aligned with layout.states, each (n, size), written: the state after each row's last


class Records(NamedTuple):
    """A block of U updates: which rows each takes, and its learning rate."""

    rows: np.ndarray  # int64 (R,), the rows of all updates one after the other
    starts: np.ndarray  # int64 (U + 1,): update u takes rows[starts[u]:starts[u + 1]]
    rates: np.ndarray  # float64 (U,)
    windows: Windows | None = None
    passing: bool = False  # the batch is one of many that pass by, each of whose rows is taken once


class Key(NamedTuple):
    """What random draws depend on, beside the place where a draw is used."""

    seed: int
    update: int  # counted from 0


class Objective(NamedTuple):
    """What decides the value and the gradient of a batch, beside its data and theta."""

    loss: Loss
    activity_penalty: float = 0.0  # times the mean of h^2 over all recurrent units and valid steps is added
    truncate: int | None = None  # k: no gradient of a state passes from step kj back to step kj - 1
    recompute: int | None = None  # k: only every k-th step's states are kept; the rest is computed again
    shard_size: int = DEFAULT_SHARD_SIZE  # rows whose gradients are summed together
    seed: int | None = None  # of what dropout, zoneout and noise draw; None: nothing is drawn


class Constraints(NamedTuple):
    """Limits on how an update may change theta: S segments with rates of their own, and bounds for single entries."""

    starts: np.ndarray  # int64 (S + 1,): segment s is theta[starts[s]:starts[s + 1]]; together they are all of it
    factors: np.ndarray  # float64 (S,), of the learning rate; 0: frozen, and no part of the gradient's norm
    decays: np.ndarray  # uint8 (S,): whether AdamW's weight decay applies
    lower: np.ndarray | None = None  # (P,), of theta's dtype; entries whose bounds are equal have no gradient
    upper: np.ndarray | None = None


class UpdateRule(NamedTuple):
    """What decides how a gradient changes theta, beside the learning rate, which is a record's."""

    optimizer: Optimizer
    clip_norm: float | None = None  # a gradient with a larger global norm is scaled down to it
    clip_value: float | None = None  # each entry is clipped to [-clip_value, clip_value] first
    constraints: Constraints | None = None


class Search(NamedTuple):
    """How ids are looked for that a network gives one after the other: see engines/reference/decoding/search.py."""

    end: int  # the id that ends a row
    max_steps: np.ndarray  # int64 (n,): of each row, the end's among them
    min_steps: int = 0  # ids before the end
    beam_size: int = 1
    length_penalty: float = 0.0  # a: scores are log p / ((5 + n) / 6)^a
    hypotheses: int = 1  # how many are returned for each row, at most beam_size
    attention: bool = False  # whether the weights of the attention layers are
    first_row: int = 0  # what the first row is called where an output of it is no number


class Hypothesis(NamedTuple):
    """What decoding found for one row."""

    ids: np.ndarray  # int64, without the first id and the end
    log_probability: float  # of the ids, and of the end where there is one
    score: float  # by which it was chosen
    ended: bool  # else it was cut off after max_steps
    attention: Sequence[np.ndarray]  # of each layer, (steps, S), S the row's own; the end's step is the last


class Updater(Protocol):
    """Makes blocks of updates: an engine, or an executor that has others compute the gradients."""

    def update(
        self,
        layout: Layout,
        theta: np.ndarray,
        batch: Batch,
        objective: Objective,
        rule: UpdateRule,
        slots: Sequence[np.ndarray],
        step: int,
        records: Records,
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Updates theta and slots in place, `step` updates having been made before.

        Returns losses (U,), gradient norms (U,), and how many updates were made: the first whose loss or norm is not
        finite is not made, and ends the block. Where an error is raised, none was made.
        """
        ...


class Stepper(Protocol):
    """Takes one step at a time on a snapshot of the weights."""

    @property
    def state(self) -> list[np.ndarray]:
        """Aligned with layout.states, each (B, size): copies, and copied when assigned."""
        ...

    @state.setter
    def state(self, arrays: list[np.ndarray]) -> None: ...

    def step(self, x: np.ndarray, out: np.ndarray) -> None:
        """x (B, D), or (B,) int64 -> out (B, O); both contiguous, x finite or within the embedding's table."""
        ...

    def try_step(self, x: object, out: object, /) -> bool:
        """`step` on what a user gave, without any check before; either may lack B where B is 1.

        False, and nothing has changed, where they are not the arrays that `step` takes. An engine may always decline.
        """
        ...

    def sample(
        self,
        *,
        x: np.ndarray,
        temperature: float,
        top_k: int,
        top_p: float,
        seed: int,
        first: int,
        ids: np.ndarray,
        logits: np.ndarray | None,
    ) -> int:
        """Steps that feed back what they draw, from x (B,) int64 on: ids (B, count) int64 and logits (B, count, O), if
        wanted, are written. The draws are numbered from `first`. Returns how many steps were made: fewer where an
        output is no number."""
        ...


class Shared(Protocol):
    """A network's weights, and who uses them: see network/weights.py."""

    theta: np.ndarray  # (P,)
    trainer: int | None
    readers: list[int]


class Prepared(Protocol):
    """Calls with all bound that does not change between them, for a user who calls once a step of a loop.

    What a user gave is taken without any check before. Each returns None, and nothing has changed, for what are no
    arrays that can be taken as they are, for values that are to be refused, for work that takes long, and while another
    thread uses the weights; the caller then goes the long way, which has the errors. An engine may always decline.

    done (1,) int64   updates done before, which counts on
    figures           (3, room) float64, for each update's loss, norm and rate; None: nobody wants them
    """

    def predict(self, x: object, /) -> np.ndarray | None: ...

    def forward(self, x: object, /) -> tuple[np.ndarray, np.ndarray, list[np.ndarray], Any, bool] | None:
        """Returns y, theta (P,) as it is now, the final states, the record that `Engine.backward` needs, and whether x
        is one sequence."""
        ...

    def backward(
        self, theta: np.ndarray, record: Any, dy: object, single: bool, /
    ) -> tuple[np.ndarray, np.ndarray | None, list[np.ndarray]] | None:
        """Returns the gradients by theta, x and the initial states, for a record of rows without lengths; `single`: dy
        and that by x are those of one sequence."""
        ...

    def loss_and_grad(self, x: object, y: object, gradient: np.ndarray, /) -> float | None:
        """Returns the loss, and writes gradient (P,)."""
        ...

    def update(
        self, x: object, y: object, rate: float, done: np.ndarray, figures: np.ndarray | None, /
    ) -> float | None:
        """Makes an update on all rows, and returns the loss before it."""
        ...

    def step(
        self, gradient: object, rate: float, done: np.ndarray, figures: np.ndarray | None, loss: float, alone: bool, /
    ) -> float | None:
        """Makes an update with a gradient (P,) from elsewhere, and returns its norm before clipping by norm. `alone`:
        the caller has the weights to itself, so the step may take long."""
        ...


class Engine(Updater, Protocol):
    """The calls that every engine answers; docs/architecture.md states what each returns."""

    name: str

    def predict(self, layout: Layout, theta: np.ndarray, batch: Batch) -> tuple[np.ndarray, list[np.ndarray]]: ...

    def forward(
        self, layout: Layout, theta: np.ndarray, batch: Batch, shard_size: int, key: Key | None = None
    ) -> tuple[np.ndarray, list[np.ndarray], Any]: ...

    def hidden(self, tape: Any) -> list[np.ndarray]: ...

    def backward(
        self,
        layout: Layout,
        theta: np.ndarray,
        tape: Any,
        dy: np.ndarray | None,
        dhidden: Sequence[np.ndarray | None] | None,
        dstate: Sequence[np.ndarray] | None,
        truncate: int | None,
    ) -> tuple[np.ndarray, np.ndarray | None, list[np.ndarray]]: ...

    def loss(self, layout: Layout, theta: np.ndarray, batch: Batch, loss: Loss, shard_size: int) -> float: ...

    def loss_and_grad(
        self, layout: Layout, theta: np.ndarray, batch: Batch, objective: Objective, number: int = 0
    ) -> tuple[float, np.ndarray]: ...

    def part(
        self,
        layout: Layout,
        theta: np.ndarray,
        batch: Batch,
        objective: Objective,
        number: int,
        rows: np.ndarray,
        shards: slice,
    ) -> tuple[float, np.ndarray]:
        """Returns what some of the shards into which the rows of update `number` are cut add to its loss and its
        gradient (P,): where they are a subtree of the tree, its sum. Values of the other shards' rows are not read."""
        ...

    def add(self, layout: Layout, gradient: np.ndarray, other: np.ndarray) -> None:
        """gradient += other, as the sums of two subtrees are added."""
        ...

    def apply(
        self,
        layout: Layout,
        theta: np.ndarray,
        gradient: np.ndarray,
        loss: float,
        rule: UpdateRule,
        slots: Sequence[np.ndarray],
        step: int,
        rate: float,
    ) -> tuple[float, bool]:
        """Makes one update with its gradient (P,) and loss; returns the gradient's norm and whether it was made."""
        ...

    def stepper(self, layout: Layout, theta: np.ndarray, batch_size: int) -> Stepper: ...

    def prepare(
        self,
        layout: Layout,
        weights: Shared,
        objective: Objective | None = None,
        rule: UpdateRule | None = None,
        slots: Sequence[np.ndarray] = (),
    ) -> Prepared | None:
        """Returns calls on these weights; None where the engine would decline every one."""
        ...

    def decode(self, layout: Layout, theta: np.ndarray, batch: Batch, search: Search) -> Sequence[Sequence[Any]]:
        """Returns the fields of each row's `Hypothesis`es, the best first; batch.x (n, 1) are the first ids. Raises
        ValueError where an output is no number."""
        ...
