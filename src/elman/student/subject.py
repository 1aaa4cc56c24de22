"""A uniform interface to a student's class: how it is made, run and trained, and where its weights are.

Three signatures of the textbook exercises are known (docs/sources.md):

    A, B   Class(input_size, hidden_size, output_size); forward(x) -> y; backward(x, y, learning_rate)
    C      Class(..., learning_rate); forward(inputs) -> outputs, hidden_states, lists of column vectors;
           backward(inputs, targets, outputs, hidden_states)
    E      Class(input_dim, hidden_dim, output_dim, lr); forward(X) -> out, h, one row a step; backward(X, y, out, h)
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
from collections.abc import Generator
from typing import Any, Literal, NamedTuple

import numpy as np

from elman.student.load import StudentError, place

__all__ = ["SOURCES", "Passed", "Source", "Subject", "Weight"]

Source = Literal["A/B", "C", "E"]
SOURCES: tuple[Source, ...] = ("A/B", "C", "E")
RATES = ("learning_rate", "lr", "eta", "alpha", "rate", "step_size")
SHAPES = "forward(x) and backward(x, y, learning_rate), or backward(inputs, targets, outputs, hidden_states)"
SIZES = {
    "input": ("input_size", "input_dim", "n_inputs", "n_in", "D"),
    "hidden": ("hidden_size", "hidden_dim", "n_hidden", "H"),
    "output": ("output_size", "output_dim", "n_outputs", "n_out", "O"),
}


class Weight(NamedTuple):
    """Where a weight array is stored: in an attribute, or in an entry of a dict or list that is an attribute."""

    attribute: str
    key: Any = None

    @property
    def name(self) -> str:
        return self.attribute if self.key is None else f"{self.attribute}[{self.key!r}]"

    def read(self, owner: Any) -> np.ndarray:
        """Returns a copy of the weight's present value."""
        value = getattr(owner, self.attribute)
        return np.array(value if self.key is None else value[self.key])

    def write(self, owner: Any, value: np.ndarray) -> None:
        """Stores a copy of the value as the weight."""
        if self.key is None:
            setattr(owner, self.attribute, value.copy())
        else:
            getattr(owner, self.attribute)[self.key] = value.copy()


class Passed(NamedTuple):
    """The result of a forward pass."""

    y: np.ndarray  # (T, O) float64
    raw: tuple[Any, Any]  # outputs and hidden states as they came
    single: bool  # computed in float32


class Subject:
    """A student's class, or an object of it; every call works on the copy that it is given.

    sizes    (D, H, O); all different for a class, so that a weight's shape tells its role
    source   the source whose signature it has
    """

    def __init__(self, subject: Any, source: Source | None) -> None:
        self.cls: type = subject if isinstance(subject, type) else type(subject)
        self.file = _file(self.cls)
        self.said: set[str] = set()
        for method in ("forward", "backward"):
            if not callable(getattr(self.cls, method, None)):
                raise StudentError(f"{self.cls.__name__}: expected the methods {SHAPES}; it has no {method}")
        self.source: Source
        self.source, self.takes_rate = self._recognise(source)
        if isinstance(subject, type):
            self.sizes = (2, 4, 3)
            self.fresh = self._make()
        else:
            self.fresh = subject
            self.sizes = self._sizes()

    # ------------------------------------------------------------------------------------ what it is

    def _recognise(self, source: Source | None) -> tuple[Source, bool]:
        """Returns the source, and whether backward takes the learning rate."""
        names = _positional(self.cls.backward)[1:]
        makes = set(_positional(self.cls.__init__)[1:])
        with_rate = any(name in RATES for name in names)
        if len(names) not in (2, 3, 4) or (with_rate and len(names) != 3):
            raise StudentError(f"{self.cls.__name__}: expected {SHAPES}; its backward takes ({', '.join(names)})")
        if source is None and len(names) == 4:
            rows = bool({"X", "out"} & set(names) or {"input_dim", "hidden_dim", "lr"} & makes)
            source = "E" if rows else "C"
        return source or "A/B", len(names) == 3

    def _make(self) -> Any:
        """Makes an object of the class; raises StudentError where the constructor takes other arguments."""
        parameters = inspect.signature(self.cls).parameters
        rate = next((name for name in RATES if name in parameters), None)
        try:
            inspect.signature(self.cls).bind(*self.sizes, **({rate: 0.1} if rate else {}))
        except TypeError as error:
            taken = ", ".join(parameters)
            raise StudentError(
                f"{self.cls.__name__}: expected a constructor (input_size, hidden_size, output_size"
                f"{', learning_rate' if self.source != 'A/B' else ''}), got ({taken}): {error}"
            ) from None
        return self._call("the constructor", self.cls, *self.sizes, **({rate: 0.1} if rate else {}))

    def _sizes(self) -> tuple[int, int, int]:
        """Returns (D, H, O) of an object; raises StudentError where it has no such attributes."""
        found: list[int] = []
        for kind, names in SIZES.items():
            value = next((getattr(self.fresh, name) for name in names if hasattr(self.fresh, name)), None)
            if not isinstance(value, int | np.integer):
                raise StudentError(
                    f"{self.cls.__name__}: expected the attribute {kind}_size on the object; "
                    "without it give the class, not an object of it"
                )
            found.append(int(value))
        return found[0], found[1], found[2]

    def weights(self) -> list[Weight]:
        """Returns every floating-point array among the attributes that can be assigned; some may be no weights."""
        owner = self.fresh
        described = [name for name in dir(self.cls) if hasattr(inspect.getattr_static(self.cls, name), "__set__")]
        found: list[Weight] = []
        for name in dict.fromkeys([*getattr(owner, "__dict__", {}), *described]):
            if name.startswith("__"):
                continue
            value = getattr(owner, name, None)
            entries: list[tuple[Any, Any]] = [(None, value)]
            if isinstance(value, dict | list):
                entries = list(value.items() if isinstance(value, dict) else enumerate(value))
            for key, array in entries:
                if isinstance(array, np.ndarray) and array.dtype.kind == "f" and 0 < array.size <= 10_000:
                    found.append(Weight(name, key))
        return [weight for weight in found if self._writable(weight)]

    def _writable(self, weight: Weight) -> bool:
        owner = self.copy()
        try:
            weight.write(owner, weight.read(owner))
        except (AttributeError, TypeError):
            return False
        return True

    # ------------------------------------------------------------------------------------- what it does

    def copy(self) -> Any:
        """Returns a copy of the object with the weights of the check."""
        return copy.deepcopy(self.fresh)

    def forward(self, owner: Any, x: np.ndarray) -> Passed:
        """Runs the forward pass on x (T, D)."""
        given = self._given(x)
        raw = self._call("forward", owner.forward, given)
        self._untouched("forward changes its input", x, given)
        parts = raw if isinstance(raw, tuple) and raw else (raw,)
        wanted = (len(x), self.sizes[2])
        for index, part in enumerate(parts):
            y = _table(part, wanted)
            if y is not None:
                others = [other for other in parts[:index] + parts[index + 1 :]]
                single = y.dtype.itemsize < 8
                return Passed(y.astype(float), (part, others[0] if others else None), single)
        got = ", ".join(_shape(part) for part in parts)
        raise StudentError(f"{self.cls.__name__}.forward: expected outputs of shape {wanted}, got {got}")

    def step(self, owner: Any, x: np.ndarray, y: np.ndarray, rate: float) -> None:
        """Updates `owner` once, by one forward and one backward pass."""
        passed = self.forward(owner, x)
        given, target = self._given(x), self._given(y)
        more = passed.raw if self.source != "A/B" else (rate,) if self.takes_rate else ()
        if not (self.source == "A/B" and self.takes_rate):
            name = next((name for name in RATES if hasattr(owner, name)), None)
            if name is None:
                raise StudentError(f"{self.cls.__name__}: expected an attribute learning_rate (or lr), found none")
            setattr(owner, name, rate)
        self._call("backward", owner.backward, given, target, *more)
        self._untouched("backward changes its inputs", x, given)
        self._untouched("backward changes its targets", y, target)

    def _given(self, values: np.ndarray) -> Any:
        """Returns a sequence in the form that the source's signature takes."""
        if self.source == "C":
            return [row.reshape(-1, 1).copy() for row in values]
        return values.copy()

    def _untouched(self, text: str, before: np.ndarray, after: Any) -> None:
        """Notes the text where the student's code has changed its arguments."""
        now = [np.asarray(item).ravel() for item in after]
        if len(now) != len(before) or not all(np.array_equal(a, b) for a, b in zip(before, now, strict=True)):
            self.said.add(text)

    def _call(self, name: str, function: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls the student's code; what it prints is not shown, and what it raises becomes a StudentError with the
        line."""
        with _quiet() as printed:
            try:
                result = function(*args, **kwargs)
            except (Exception, SystemExit) as error:
                where = place(error, self.file)
                raise StudentError(
                    f"{self.cls.__name__}: {name} raised {type(error).__name__}: {error}{where}"
                ) from error
        if printed.getvalue():
            self.said.add(f"{name} prints")
        return result


@contextlib.contextmanager
def _quiet() -> Generator[io.StringIO]:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), np.errstate(all="ignore"):
        yield printed


def _file(cls: type) -> str | None:
    code = getattr(getattr(cls, "forward", None), "__code__", None)
    return code.co_filename if code else None


def _positional(function: Any) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        return [p.name for p in inspect.signature(function).parameters.values() if p.kind in kinds]
    except (TypeError, ValueError):
        return []


def _table(value: Any, wanted: tuple[int, int]) -> np.ndarray | None:
    """Returns outputs as (T, O), from rows, columns, a list of either, or a list of numbers; None for a wrong size."""
    try:
        array = np.asarray(value)
    except ValueError:
        return None
    if array.dtype.kind not in "fiu" or array.size != wanted[0] * wanted[1]:
        return None
    return array.T if array.shape == wanted[::-1] and array.shape != wanted else array.reshape(wanted)


def _shape(value: Any) -> str:
    try:
        return f"shape {np.asarray(value).shape}" if value is not None else "None"
    except ValueError:
        return f"a ragged {type(value).__name__}"
