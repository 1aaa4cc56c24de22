"""A network's weights shared between threads: at most one trains them, any number compute with them."""

from __future__ import annotations

import os
import threading
import time
from threading import get_ident
from weakref import WeakSet

import numpy as np

__all__ = ["Reading", "Training", "Weights"]

LOOK_AGAIN = 1e-4  # seconds that a trainer sleeps while others still compute


class Weights:
    """The vector theta (P,) of a network, and which threads use it.

    While one thread trains, the others compute with a copy that is renewed after every block of updates. So no
    prediction sees half of an update, and none waits; a training waits, once at its start, for those under way.

    on_demand  whether copies are made only once another thread asks for one: for a theta whose updates change little
               of it, so that a copy would cost more than they do. The first that asks waits for a block's end
    """

    def __init__(self, theta: np.ndarray, on_demand: bool = False) -> None:
        self.theta = theta
        self.on_demand = on_demand
        self.asked = False  # whether another thread has asked for a copy since the last one
        self.still = False  # whether the trainer leaves theta as it is, between two blocks
        self.brief = False  # whether the others wait for the end of the present training, which is short
        self.trainer: int | None = None  # the thread that trains
        self.depth = 0  # of its nested `Training`s
        self.published: np.ndarray | None = None  # the copy for the other threads
        self.turn = threading.Lock()  # for those that begin or end a training
        # The threads that compute with theta itself, once for each computation. No lock, which would cost a small
        # network's prediction a tenth of its time: a reader enters itself before it looks for a trainer, and a trainer
        # itself before it looks for readers, so one of them sees the other.
        self.readers: list[int] = []
        _everyone.add(self)

    def copy(self) -> np.ndarray:
        """Returns a copy of theta (P,) as it was between two updates."""
        with Reading(self) as theta:
            return theta.copy()

    def demand(self, me: int) -> np.ndarray | None:
        """Returns a copy of theta as it is between two blocks of updates; None where nobody trains any more."""
        self.asked = True
        while True:
            with self.turn:
                if self.trainer in (None, me):
                    return None
                if self.published is None and self.still:
                    self.published = self.theta.copy()
                if self.published is not None:
                    return self.published
            time.sleep(LOOK_AGAIN)

    def before_fork(self) -> None:
        """Sees to a copy of weights that another thread is training, for the child process."""
        if (self.on_demand or self.brief) and self.trainer not in (None, get_ident()):
            self.demand(get_ident())

    def after_fork(self) -> None:
        """Makes the weights usable in a child process, where the other threads are gone: weights that one of them was
        training are set to what they were between two updates."""
        me = get_ident()
        self.turn = threading.Lock()
        self.readers = [reader for reader in self.readers if reader == me]
        if self.trainer not in (None, me):
            if self.published is not None:
                self.theta[...] = self.published
            self.trainer, self.published, self.depth = None, None, 0
            self.asked = self.still = self.brief = False


class Reading:
    """`with Reading(weights) as theta` gives the weights to compute with, which no other thread's training changes
    until the end."""

    __slots__ = ("_reader", "_weights")

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._reader: int | None = get_ident()

    def __enter__(self) -> np.ndarray:
        weights, me = self._weights, self._reader
        weights.readers.append(me)  # type: ignore[arg-type]
        if weights.trainer is None or weights.trainer == me:
            return weights.theta
        published = weights.published
        if weights.on_demand or (published is None and weights.brief):
            weights.readers.remove(me)  # type: ignore[arg-type]
            published = weights.demand(me)  # type: ignore[arg-type]
            if published is None:
                return self.__enter__()
            self._reader = None
            return published
        if published is None:  # that training has just ended, and the next one waits for this reader
            return weights.theta
        weights.readers.remove(me)  # type: ignore[arg-type]
        self._reader = None
        return published

    def __exit__(self, *_: object) -> None:
        if self._reader is not None:
            self._weights.readers.remove(self._reader)


class Training:
    """`with Training(weights)` allows this thread to change theta. RuntimeError where another thread trains.

    It may be nested: each end of an inner one renews the copy for the other threads.

    still  whether theta changes within inner ones alone
    copy   whether the others have their copy at once, whatever the weights say: for what calls a user's own code, which
           may wait for another thread
    brief  whether the others wait, without a copy, for the end: of one update that would take little longer than that
    """

    __slots__ = ("_before", "_brief", "_copy", "_still", "_weights")

    def __init__(self, weights: Weights, still: bool = False, copy: bool = False, brief: bool = False) -> None:
        self._weights, self._still, self._copy, self._brief = weights, still, copy, brief and not copy

    def __enter__(self) -> None:
        weights, me = self._weights, get_ident()
        with weights.turn:
            if weights.trainer not in (None, me):
                raise RuntimeError("network: expected one that no other thread is training, got one in training")
            if not weights.depth:
                weights.brief = self._brief
            seldom = weights.on_demand or weights.brief
            if weights.published is None and (self._copy or weights.asked or not seldom):
                weights.published, weights.asked = weights.theta.copy(), False
            weights.trainer = me
            weights.depth += 1
            self._before, weights.still = weights.still, self._still
        if weights.depth == 1:
            try:
                while any(reader != me for reader in tuple(weights.readers)):
                    time.sleep(LOOK_AGAIN)
            except BaseException:
                self.__exit__()
                raise

    def __exit__(self, *_: object) -> None:
        weights = self._weights
        with weights.turn:
            weights.depth -= 1
            weights.still = self._before
            if weights.depth:
                wanted = weights.asked or not (weights.on_demand or weights.brief)
                weights.published, weights.asked = weights.theta.copy() if wanted else None, False
            else:
                weights.trainer = weights.published = None
                weights.brief = False


_everyone: WeakSet[Weights] = WeakSet()


def _after_fork() -> None:
    for weights in list(_everyone):
        weights.after_fork()


def _before_fork() -> None:
    for weights in list(_everyone):
        weights.before_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
