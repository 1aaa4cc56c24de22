"""Optimisers as frozen configuration. The equations are in `reference/updates/optim.py`, `native/math/optim.h`.

What an optimiser remembers (momentum, running squares) lives in `slots`, arrays shaped like theta, in the order
that `slots` names them; these and the number of updates done so far are the Trainer's, or where an optimiser itself
takes a step, the network's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from numpy.typing import ArrayLike

from elman.core import checks
from elman.core.meant import checks_names

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "as_optimizer"]


def _number(
    self: Any, name: str, low: float | None = None, high: float | None = None, *, open_low: bool = False
) -> float:
    """Checks a field of an optimiser while it is made, stores it as a plain number, and returns it."""
    number = checks.number(name, getattr(self, name), low, high, open_low=open_low)
    object.__setattr__(self, name, number)
    return number


class Memory(Protocol):
    """What optimisers remember of a network's weights."""

    def step(self, optimizer: Any, gradients: Any, clip_norm: float | None, clip_value: float | None) -> float: ...


class Network(Protocol):
    """The part of an `elman.Network` that an optimiser needs."""

    @property
    def memory(self) -> Memory: ...


class Steps:
    """What every optimiser can do."""

    def step(
        self,
        network: Network,
        gradients: Mapping[str, ArrayLike] | ArrayLike,
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> float:
        """Takes one step on a network's weights with gradients of your own; returns their norm, before clipping by it.

        gradients  named like `Network.parameters`, as `backward` and `loss_and_grad` return them (a missing name is 0),
                   or one vector (P,)
        clip_norm  gradients with a larger global norm are scaled down to it; clip_value: each entry is clipped to
                   [-clip_value, clip_value] first

        An optimiser is numbers and never changes, so it may serve several networks. What it remembers is kept by each
        network, for each kind of optimiser (`Network.optimizer_state`): a step by another `Adam` goes on from there, at
        its own rate. The bits are those of a Trainer with the same options. Raises ValueError or TypeError for
        gradients that do not fit or are not finite, and changes nothing.
        """
        memory = getattr(network, "memory", None)
        if memory is None:
            raise TypeError(f"network: expected an elman.Network, got {checks.shown(network)}")
        return memory.step(self, gradients, clip_norm, clip_value)


@checks_names
@dataclass(frozen=True)
class SGD(Steps):
    """Gradient descent: theta -= lr g; with momentum, v = momentum v + g and theta -= lr v (PyTorch's form)."""

    learning_rate: float = 0.01
    momentum: float = 0.0

    kind: ClassVar[str] = "sgd"

    def __post_init__(self) -> None:
        _number(self, "learning_rate", low=0.0)
        _number(self, "momentum", 0.0, 1.0)

    @property
    def slots(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()


@checks_names
@dataclass(frozen=True)
class RMSprop(Steps):
    """s = decay s + (1 - decay) g^2; theta -= lr g / (sqrt(s) + eps) (Hinton's lecture 6e, PyTorch's form)."""

    learning_rate: float = 0.001
    decay: float = 0.99
    eps: float = 1e-8

    kind: ClassVar[str] = "rmsprop"
    slots: ClassVar[tuple[str, ...]] = ("square",)

    def __post_init__(self) -> None:
        _number(self, "learning_rate", low=0.0)
        _number(self, "decay", 0.0, 1.0)
        _number(self, "eps", low=0.0, open_low=True)


@checks_names
@dataclass(frozen=True)
class Adagrad(Steps):
    """s = s + g^2; theta -= lr g / (sqrt(s) + eps) (Duchi et al. 2011)."""

    learning_rate: float = 0.01
    eps: float = 1e-10

    kind: ClassVar[str] = "adagrad"
    slots: ClassVar[tuple[str, ...]] = ("square",)

    def __post_init__(self) -> None:
        _number(self, "learning_rate", low=0.0)
        _number(self, "eps", low=0.0, open_low=True)


@checks_names
@dataclass(frozen=True)
class Adam(Steps):
    """m = b1 m + (1-b1) g; s = b2 s + (1-b2) g^2; theta -= lr mhat / (sqrt(shat) + eps), with
    mhat = m / (1 - b1^n), shat = s / (1 - b2^n) at update n = 1, 2, ... (Kingma and Ba 2015)."""

    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    kind: ClassVar[str] = "adam"
    slots: ClassVar[tuple[str, ...]] = ("mean", "square")

    def __post_init__(self) -> None:
        _number(self, "learning_rate", low=0.0)
        for name in ("beta1", "beta2"):
            if _number(self, name, 0.0, 1.0) == 1.0:
                raise ValueError(f"{name}: expected a number in [0, 1), got 1.0")
        _number(self, "eps", low=0.0, open_low=True)


@checks_names
@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled decay: theta -= lr weight_decay theta before Adam's step (Loshchilov and Hutter 2019).

    decay_all  whether what is no matrix (biases, peepholes, initial states) decays too, as in PyTorch
    """

    weight_decay: float = 0.01
    decay_all: bool = False

    kind: ClassVar[str] = "adamw"

    def __post_init__(self) -> None:
        super().__post_init__()
        _number(self, "weight_decay", low=0.0)
        checks.flag("decay_all", self.decay_all)


Optimizer = SGD | RMSprop | Adagrad | Adam | AdamW
OPTIMIZERS: dict[str, Optimizer] = {o.kind: o for o in (SGD(), RMSprop(), Adagrad(), Adam(), AdamW())}


def as_optimizer(optimizer: str | Optimizer | None) -> Optimizer:
    """Returns the optimiser that a name stands for, with its defaults; None is Adam."""
    if optimizer is None:
        return Adam()
    if isinstance(optimizer, Optimizer):
        return optimizer
    return OPTIMIZERS[checks.choice("optimizer", optimizer, tuple(OPTIMIZERS))]
