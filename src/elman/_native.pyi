from collections.abc import Sequence
import enum
from typing import Annotated, overload

import numpy
from numpy.typing import NDArray


class InputKind(enum.Enum):
    sequence = 0

    integers = 1

    vector = 2

class OriginKind(enum.Enum):
    none = 0

    vector = 1

    state = 2

class LayerKind(enum.Enum):
    embedding = 0

    recurrent = 1

    dense = 2

    last = 3

    skip = 4

    dropout = 5

    attention = 6

    shift = 7

    pool = 8

    concat = 9

    adaptive_softmax = 10

class PoolKind(enum.Enum):
    mean = 0

    max = 1

    attention = 2

class ScoreKind(enum.Enum):
    general = 0

    dot = 1

    additive = 2

class CellKind(enum.Enum):
    tanh = 0

    relu = 1

    lstm = 2

    lstm_peephole = 3

    gru_after = 4

    gru_before = 5

    leaky_tanh = 6

    leaky_relu = 7

    norm_tanh = 8

    norm_relu = 9

    norm_lstm = 10

    norm_gru = 11

    sigmoid = 12

    softplus = 13

    leaky_sigmoid = 14

    leaky_softplus = 15

    norm_sigmoid = 16

    norm_softplus = 17

class ActivationKind(enum.Enum):
    linear = 0

    tanh = 1

    relu = 2

    sigmoid = 3

    softplus = 4

class LossKind(enum.Enum):
    half_sse = 0

    mse = 1

    mae = 2

    huber = 3

    cross_entropy = 4

    binary_cross_entropy = 5

    pinball = 6

    gaussian = 7

    student_t = 8

    ctc = 9

class OptimizerKind(enum.Enum):
    sgd = 0

    rmsprop = 1

    adagrad = 2

    adam = 3

    adamw = 4

class Input:
    def __init__(self, *, kind: InputKind, size: int, like: int = -1) -> None: ...

    @property
    def kind(self) -> InputKind: ...

    @property
    def size(self) -> int: ...

    @property
    def like(self) -> int: ...

class Origin:
    def __init__(self, *, kind: OriginKind = OriginKind.none, source: int = 0, direction: int = 0, part: int = 0) -> None: ...

    @property
    def kind(self) -> OriginKind: ...

    @property
    def source(self) -> int: ...

    @property
    def direction(self) -> int: ...

    @property
    def part(self) -> int: ...

class Direction:
    def __init__(self, *, weight: int = 0, weight_hh: int = 0, bias: int = 0, extra: int = 0, learned: tuple[int, int] = (0, 0), state: int = 0, origin: tuple[Origin, Origin] = ...) -> None: ...

    @property
    def weight(self) -> int: ...

    @property
    def weight_hh(self) -> int: ...

    @property
    def bias(self) -> int: ...

    @property
    def extra(self) -> int: ...

    @property
    def learned(self) -> tuple[int, int]: ...

    @property
    def state(self) -> int: ...

    @property
    def origin(self) -> tuple[Origin, Origin]: ...

class Op:
    def __init__(self, *, kind: LayerKind, reads: Sequence[int] = [-1], input_size: int, output_size: int, second_size: int = 0, hidden_size: int = 0, padding: int = -1, cell: CellKind = CellKind.tanh, activation: ActivationKind = ActivationKind.linear, pool: PoolKind = PoolKind.mean, score: ScoreKind = ScoreKind.general, directions: Sequence[Direction], learned_state: bool = False, variational: bool = False, rate: float = 0.0, zoneout: tuple[float, float] = (0.0, 0.0), noise: float = 0.0, sparse: bool = False, tail_first: Sequence[int] = [], tail_width: Sequence[int] = []) -> None: ...

    @property
    def kind(self) -> LayerKind: ...

    @property
    def reads(self) -> list[int]: ...

    @property
    def input_size(self) -> int: ...

    @property
    def second_size(self) -> int: ...

    @property
    def output_size(self) -> int: ...

    @property
    def hidden_size(self) -> int: ...

    @property
    def padding(self) -> int: ...

    @property
    def cell(self) -> CellKind: ...

    @property
    def activation(self) -> ActivationKind: ...

    @property
    def pool(self) -> PoolKind: ...

    @property
    def score(self) -> ScoreKind: ...

    @property
    def directions(self) -> list[Direction]: ...

    @property
    def learned_state(self) -> bool: ...

    @property
    def variational(self) -> bool: ...

    @property
    def rate(self) -> float: ...

    @property
    def zoneout(self) -> tuple[float, float]: ...

    @property
    def noise(self) -> float: ...

    @property
    def sparse(self) -> bool: ...

    @property
    def tail_first(self) -> list[int]: ...

    @property
    def tail_width(self) -> list[int]: ...

class NamedInput:
    def __init__(self, *, values: Annotated[NDArray, dict(device='cpu', writable=False)], lengths: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)] | None = None) -> None: ...

class Batch:
    def __init__(self, *, x: Annotated[NDArray, dict(device='cpu', writable=False)], others: Sequence[NamedInput] = [], y: Annotated[NDArray, dict(device='cpu', writable=False)] | None = None, y_lengths: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)] | None = None, lengths: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)] | None = None, weight: Annotated[NDArray, dict(device='cpu', writable=False)] | None = None, state: Sequence[Annotated[NDArray, dict(order='C', device='cpu', writable=False)]] | None = None) -> None: ...

class Key:
    def __init__(self, seed: int, update: int) -> None: ...

class Objective:
    def __init__(self, *, loss: LossKind, delta: float = 0.0, at_zero: float = 0.0, df: float = 0.0, label_smoothing: float = 0.0, quantiles: Sequence[float] = (), blank: int = 0, zero: bool = False, per_label: bool = False, activity_penalty: float = 0.0, truncate: int = 0, recompute: int = 0, shard_size: int, seed: int | None = None) -> None: ...

class UpdateRule:
    def __init__(self, *, optimizer: OptimizerKind, momentum: float = 0.0, decay: float = 0.0, beta1: float = 0.0, beta2: float = 0.0, eps: float = 0.0, weight_decay: float = 0.0, clip_norm: float = 0.0, clip_value: float = 0.0) -> None: ...

class Constraints:
    def __init__(self, *, starts: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)], factors: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], decays: Annotated[NDArray[numpy.uint8], dict(order='C', device='cpu', writable=False)], lower: Annotated[NDArray, dict(order='C', device='cpu', writable=False)] | None = None, upper: Annotated[NDArray, dict(order='C', device='cpu', writable=False)] | None = None) -> None: ...

class Records:
    def __init__(self, *, rows: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)], starts: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)], rates: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], window: int = 0, window_starts: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)] | None = None, carry: list = []) -> None: ...

class Tape32:
    @property
    def rows(self) -> int: ...

    @property
    def steps(self) -> int: ...

class Model32:
    def __init__(self, *, operations: Sequence[Op], inputs: Sequence[Input], states: Sequence[int], size: int) -> None: ...

    def predict(self, theta: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)], batch: Batch, shard_size: int, y: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')], final: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')]]) -> None: ...

    def forward(self, theta: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)], batch: Batch, shard_size: int, y: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')], final: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')]], key: Key | None) -> Tape32: ...

    def hidden(self, tape: Tape32, op: int, h: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')]) -> None: ...

    def backward(self, theta: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)], tape: Tape32, dy: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)] | None, dhidden: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)] | None], dstate: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)]], truncate: int, gradient: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')], dx: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')] | None], dstate0: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')]]) -> None: ...

    def loss(self, theta: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)], batch: Batch, objective: Objective, number: int, gradient: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')] | None) -> float: ...

    def part(self, theta: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)], batch: Batch, objective: Objective, number: int, rows: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)], first: int, count: int, gradient: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')]) -> float: ...

    def add(self, gradient: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')], other: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)]) -> None: ...

    def apply(self, theta: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')], gradient: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)], loss: float, rule: UpdateRule, constraints: Constraints | None, slots: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')]], step: int, rate: float) -> tuple[float, bool]: ...

    def update(self, theta: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')], batch: Batch, objective: Objective, rule: UpdateRule, constraints: Constraints | None, slots: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')]], step: int, records: Records, losses: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')], norms: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]) -> int: ...

class Tape64:
    @property
    def rows(self) -> int: ...

    @property
    def steps(self) -> int: ...

class Model64:
    def __init__(self, *, operations: Sequence[Op], inputs: Sequence[Input], states: Sequence[int], size: int) -> None: ...

    def predict(self, theta: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], batch: Batch, shard_size: int, y: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')], final: Sequence[Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]]) -> None: ...

    def forward(self, theta: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], batch: Batch, shard_size: int, y: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')], final: Sequence[Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]], key: Key | None) -> Tape64: ...

    def hidden(self, tape: Tape64, op: int, h: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]) -> None: ...

    def backward(self, theta: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], tape: Tape64, dy: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None, dhidden: Sequence[Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None], dstate: Sequence[Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)]], truncate: int, gradient: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')], dx: Sequence[Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')] | None], dstate0: Sequence[Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]]) -> None: ...

    def loss(self, theta: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], batch: Batch, objective: Objective, number: int, gradient: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')] | None) -> float: ...

    def part(self, theta: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], batch: Batch, objective: Objective, number: int, rows: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)], first: int, count: int, gradient: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]) -> float: ...

    def add(self, gradient: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')], other: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)]) -> None: ...

    def apply(self, theta: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')], gradient: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], loss: float, rule: UpdateRule, constraints: Constraints | None, slots: Sequence[Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]], step: int, rate: float) -> tuple[float, bool]: ...

    def update(self, theta: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')], batch: Batch, objective: Objective, rule: UpdateRule, constraints: Constraints | None, slots: Sequence[Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]], step: int, records: Records, losses: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')], norms: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]) -> int: ...

class Stepper32:
    def __init__(self, model: Model32, theta: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)], batch: int) -> None: ...

    def try_step(self, x: object | None, out: object | None) -> bool: ...

    def sample(self, *, x: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)], temperature: float, top_k: int, top_p: float, seed: int, first: int, ids: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu')], logits: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')] | None) -> int: ...

    def read_state(self, into: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')]]) -> None: ...

    def write_state(self, from_: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)]]) -> None: ...

class Stepper64:
    def __init__(self, model: Model64, theta: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], batch: int) -> None: ...

    def try_step(self, x: object | None, out: object | None) -> bool: ...

    def sample(self, *, x: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)], temperature: float, top_k: int, top_p: float, seed: int, first: int, ids: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu')], logits: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')] | None) -> int: ...

    def read_state(self, into: Sequence[Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]]) -> None: ...

    def write_state(self, from_: Sequence[Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)]]) -> None: ...

class Prepared32:
    def __init__(self, *, model: Model32, weights: object, record: tuple, objective: object | None, low: float, high: float, rule: UpdateRule | None, constraints: object | None, slots: Sequence[Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')]]) -> None: ...

    def predict(self, x: object | None) -> object: ...

    def forward(self, x: object | None) -> object: ...

    def backward(self, theta: object, record: tuple, dy: object | None, single: bool) -> object: ...

    def loss_and_grad(self, x: object | None, y: object | None, gradient: object) -> object: ...

    def update(self, x: object | None, y: object | None, rate: float, done: object, figures: object) -> object: ...

    def step(self, gradient: object | None, rate: float, done: object, figures: object | None, loss: float, alone: bool) -> object: ...

class Prepared64:
    def __init__(self, *, model: Model64, weights: object, record: tuple, objective: object | None, low: float, high: float, rule: UpdateRule | None, constraints: object | None, slots: Sequence[Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]]) -> None: ...

    def predict(self, x: object | None) -> object: ...

    def forward(self, x: object | None) -> object: ...

    def backward(self, theta: object, record: tuple, dy: object | None, single: bool) -> object: ...

    def loss_and_grad(self, x: object | None, y: object | None, gradient: object) -> object: ...

    def update(self, x: object | None, y: object | None, rate: float, done: object, figures: object) -> object: ...

    def step(self, gradient: object | None, rate: float, done: object, figures: object | None, loss: float, alone: bool) -> object: ...

@overload
def ctc_loss(*, outputs: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)], lengths: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)], labels: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)], counts: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)], blank: int, zero: bool, per_label: bool, values: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')], gradient: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu')] | None) -> None: ...

@overload
def ctc_loss(*, outputs: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], lengths: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)], labels: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)], counts: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)], blank: int, zero: bool, per_label: bool, values: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')], gradient: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')] | None) -> None: ...

@overload
def ctc_beam(*, outputs: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)], lengths: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)], blank: int, size: int, labels: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu')], counts: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu')], log_p: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]) -> None: ...

@overload
def ctc_beam(*, outputs: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], lengths: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)], blank: int, size: int, labels: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu')], counts: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu')], log_p: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')]) -> None: ...

class Decoder32:
    def __init__(self, model: Model32) -> None: ...

    def decode(self, theta: Annotated[NDArray[numpy.float32], dict(order='C', device='cpu', writable=False)], batch: Batch, *, end: int, max_steps: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)], min_steps: int, beam_size: int, length_penalty: float, hypotheses: int, attention: bool, first_row: int) -> list: ...

class Decoder64:
    def __init__(self, model: Model64) -> None: ...

    def decode(self, theta: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], batch: Batch, *, end: int, max_steps: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)], min_steps: int, beam_size: int, length_penalty: float, hypotheses: int, attention: bool, first_row: int) -> list: ...

class SeasonKind(enum.Enum):
    none = 0

    additive = 1

    multiplicative = 2

def smooth(*, relative: bool, season: SeasonKind, y: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], lengths: Annotated[NDArray[numpy.int64], dict(order='C', device='cpu', writable=False)], parameters: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], initial: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], floor: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)], terms: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')], dparameters: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')] | None, dinitial: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')] | None, fitted: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')] | None, state: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu')] | None) -> None: ...

def isa() -> str:
    """The instruction set in use."""

def caches() -> tuple:
    """
    Bytes of the caches of the first, second and third level that the kernels count on.
    """

def isas() -> list[str]:
    """The instruction sets of this build that this processor can run."""

def is_finite(array: Annotated[NDArray, dict(device='cpu', writable=False)]) -> bool:
    """Whether no entry is NaN or infinite."""

def get_num_threads() -> int: ...

def set_num_threads(n: int) -> None: ...
