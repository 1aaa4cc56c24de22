"""A student's program, whether a class, an object of one, or functions: how it is made, copied and called."""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
from collections.abc import Callable, Generator, Iterator
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any, Protocol

import numpy as np

from elman.student.program import sizes as of
from elman.student.program.guess import argument_sets
from elman.student.program.load import StudentError, place
from elman.student.program.sizes import Sizes
from elman.student.program.weights import Weight, arrays
from elman.student.program.words import RATES, is_rate

__all__ = ["Functions", "ObjectOfClass", "Subject", "constructed", "functions_of", "own_generator", "quiet"]


class Subject(Protocol):
    """A program with its sizes. Every call works on a copy; `fresh` is what copies are made from."""

    name: str
    sizes: Sizes
    said: set[str]
    fresh: Any
    by_argument: bool  # whether functions take the weights as arguments

    def copy(self) -> Any: ...
    def functions(self) -> dict[str, Callable[..., Any]]:
        """Returns the functions by name, of which some may be the forward and the backward pass."""
        ...

    def bound(self, owner: Any, name: str) -> Callable[..., Any]: ...
    def weights(self) -> list[Weight]: ...
    def call(self, name: str, function: Callable[..., Any], arguments: dict[str, Any]) -> Any: ...
    def set_rate(self, owner: Any, rate: float) -> bool:
        """Sets the learning rate that the program keeps; returns whether there is one."""
        ...


class _Program:
    """What classes and functions share."""

    by_argument = False

    def __init__(self, name: str, file: str | None, fresh: Any, sizes: Sizes) -> None:
        self.name, self.file, self.fresh, self.sizes = name, file, fresh, sizes
        self.said: set[str] = set()

    def weights(self) -> list[Weight]:
        return arrays(self.copy())

    def copy(self) -> Any:
        return copy.deepcopy(self.fresh)

    def call(self, name: str, function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """Calls the student's code; what it prints is not shown, and what it raises becomes a StudentError with the
        line."""
        np.random.seed(0)  # noqa: NPY002  dropout draws the same masks in every call, or outputs could not be compared
        with quiet() as printed:
            try:
                result = function(*arguments.get("*", ()), **{k: v for k, v in arguments.items() if k != "*"})
            except (Exception, SystemExit) as error:
                where = place(error, self.file)
                raise StudentError(f"{self.name}: {name} raised {type(error).__name__}: {error}{where}") from error
        if printed.getvalue():
            self.said.add(f"{name} prints")
        return result


class ObjectOfClass(_Program):
    """An object of a student's class."""

    def functions(self) -> dict[str, Callable[..., Any]]:
        kind = type(self.fresh)
        names = [
            n for n in dir(kind) if callable(getattr(kind, n, None)) and (not n.startswith("_") or n == "__call__")
        ]
        order = [n for base in kind.__mro__ for n in vars(base)]
        return {name: getattr(self.fresh, name) for name in sorted(names, key=order.index)}

    def bound(self, owner: Any, name: str) -> Callable[..., Any]:
        return getattr(owner, name)

    def set_rate(self, owner: Any, rate: float) -> bool:
        held = [owner, *(v for v in vars(owner).values() if hasattr(v, "__dict__") and not callable(v))]
        found = [(item, name) for item in held for name, value in vars(item).items() if _is_rate(name, value)]
        found += [
            (owner, name) for name in RATES if hasattr(type(owner), name) and _is_rate(name, getattr(owner, name))
        ]
        for item, name in found:
            with contextlib.suppress(AttributeError, TypeError):
                setattr(item, name, rate)
        return bool(found) or _set_rate(_scope(type(owner)), rate)


class Functions(_Program):
    """The functions of a file. Weights are its global arrays, or arguments of the functions.

    arguments  the weights by the functions' parameters; None: they are global
    """

    def __init__(self, module: ModuleType, sizes: Sizes, arguments: dict[str, Any] | None = None) -> None:
        name = module.__name__.removesuffix(" (student)") + ".py"
        self.module, self.by_argument = module, arguments is not None
        self.kept = {key: copy.deepcopy(value) for key, value in vars(module).items() if _is_data(key, value)}
        held = {key: value for key, value in self.kept.items() if isinstance(value, np.ndarray | dict | list)}
        super().__init__(name, module.__file__, SimpleNamespace(**(held if arguments is None else arguments)), sizes)

    def copy(self) -> Any:
        vars(self.module).update(copy.deepcopy(self.kept))
        values = copy.deepcopy(self.fresh)
        if self.by_argument:
            return values
        vars(self.module).update(vars(values))
        return self.module

    def functions(self) -> dict[str, Callable[..., Any]]:
        return functions_of(self.module)

    def bound(self, owner: Any, name: str) -> Callable[..., Any]:
        return vars(self.module)[name]

    def set_rate(self, owner: Any, rate: float) -> bool:
        return _set_rate(vars(self.module), rate)


def constructed(subject: Any) -> Iterator[ObjectOfClass]:
    """Yields objects of a class, for each way in which it may be constructed; an object is taken as it is.

    Raises StudentError where no way works.
    """
    kind: type = subject if isinstance(subject, type) else type(subject)
    file, name = _file(kind), kind.__name__
    if subject is not kind:
        sizes = of.named_sizes(subject)
        if sizes is None:
            shapes = [weight.read(subject).shape for weight in arrays(subject)]
            options = of.from_arrays(shapes)
        else:
            options = [sizes]
        if not options:
            raise StudentError(
                f"{name}: expected the attributes input_size, hidden_size and output_size on the object; without them "
                "give the class, not an object of it"
            )
        yield from (ObjectOfClass(name, file, copy.deepcopy(subject), option) for option in options)
        return
    failure: StudentError | None = None
    made = 0
    for arguments, sizes in [*of.constructions(kind), *argument_sets(kind)]:
        try:
            fresh = _Program(name, file, None, sizes).call("the constructor", kind, arguments)
        except StudentError as error:
            failure = failure or error
            continue
        made += 1
        _untruncated(fresh)
        for option in _options(fresh, arguments, sizes):
            yield ObjectOfClass(name, file, copy.deepcopy(fresh), option)
    if not made:
        taken = ", ".join(inspect.signature(kind).parameters) if failure else ""
        raise StudentError(
            f"{name}: expected a constructor (input_size, hidden_size, output_size) or the like, "
            f"got ({taken}): {failure}"
        )


def _options(fresh: Any, arguments: dict[str, Any], sizes: Sizes) -> list[Sizes]:
    """Returns the sizes that a new object may have: what the constructor was not given, its arrays' shapes tell."""
    possible = of.from_arrays([weight.read(fresh).shape for weight in arrays(fresh)])
    if not arguments:
        named = of.named_sizes(fresh)
        return [named] if named is not None else possible
    if of.asks_for_outputs(arguments):
        return [sizes]
    fitting = [option for option in possible if option[:2] == sizes[:2]]
    return [*fitting, *([sizes] if sizes not in fitting else [])]


def functions_of(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """Returns the functions that a file defines."""
    own = {name: value for name, value in vars(module).items() if isinstance(value, FunctionType)}
    return {name: value for name, value in own.items() if value.__globals__ is vars(module)}


@contextlib.contextmanager
def quiet() -> Generator[io.StringIO]:
    """Keeps what a program prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), np.errstate(all="ignore"):
        yield printed


@contextlib.contextmanager
def own_generator(seed: int) -> Generator[None]:
    """Seeds NumPy's global generator, from which programs draw, and sets it back to the caller's state."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


def _untruncated(fresh: Any) -> None:
    """Lifts a limit of the steps back: it is an option of the program, and hides no mistake."""
    for name, value in list(getattr(fresh, "__dict__", {}).items()):
        if "truncat" in name.lower() and isinstance(value, int):
            setattr(fresh, name, 1000)


def _is_data(name: str, value: Any) -> bool:
    if name.startswith("__"):
        return False
    return isinstance(value, np.ndarray | int | float | str | bool | dict | list | tuple | np.generic)


def _is_rate(name: str, value: Any) -> bool:
    return is_rate(name) and isinstance(value, float | int) and not isinstance(value, bool)


def _set_rate(scope: dict[str, Any], rate: float) -> bool:
    """Sets a global learning rate; returns whether there is one."""
    names = [name for name, value in scope.items() if _is_rate(name, value)]
    scope.update(dict.fromkeys(names, rate))
    return bool(names)


def _scope(kind: type) -> dict[str, Any]:
    for value in vars(kind).values():
        if isinstance(value, FunctionType):
            return value.__globals__
    return {}


def _file(kind: type) -> str | None:
    for base in kind.__mro__:
        for value in vars(base).values():
            if isinstance(value, FunctionType):
                return value.__code__.co_filename
    return None
