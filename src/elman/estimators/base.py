"""What every estimator shares: options by name, checks of them and of being fitted, and its file."""

from __future__ import annotations

import functools
import inspect
import json
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from elman.core import checks, fields, io
from elman.estimators.codec import Codec

__all__ = ["Constraints", "Earlier", "Estimator", "NotFittedError", "checked_option", "renamed_argument"]

Constraints = Mapping[str, Sequence[fields.Check | None]]  # of each option: the checks of which one must pass


class NotFittedError(ValueError, AttributeError, RuntimeError):
    """A fitted estimator was needed, and `fit` was not called. Shaped like scikit-learn's error of this name."""


class Earlier(NamedTuple):
    """How files of an earlier version are read.

    shapes    returns the shapes of the tensors of a description, as `Codec.shapes` does
    newer     returns what `fit` left, in JSON's terms as `Codec` reads them now, and its tensors
    """

    shapes: Callable[[Mapping[str, Any]], io.Shapes]
    newer: Callable[[Mapping[str, Any], Mapping[str, np.ndarray]], tuple[dict[str, Any], dict[str, np.ndarray]]]


class Estimator:
    """The base of all estimators.

    The options of an estimator are the arguments of its `__init__`, which stores them under their names, unchanged.
    `fit` checks them by `_constraints`. `_renamed` lists the earlier names of options, which still work, with a
    FutureWarning; `_added` lists options that earlier files lack. What `fit` leaves has names that end in `_`;
    `_fitted` returns all of it as one dataclass, which `_codec` writes to a file and reads, and `_restore` sets
    it again.
    """

    _constraints: ClassVar[Constraints] = {}
    _renamed: ClassVar[Mapping[str, str]] = {}  # earlier name -> name
    _added: ClassVar[tuple[str, ...]] = ()
    _file_kind: ClassVar[str]  # one of `io.KINDS`
    _codec: ClassVar[Codec[Any]]
    _earlier: ClassVar[Earlier | None] = None  # for files that were written before `_codec` was

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for old, new in cls._renamed.items():
            setattr(cls, old, _alias(cls.__name__, old, new))
        if cls._renamed and "__init__" in vars(cls):
            cls.__init__ = _with_earlier_names(cls.__init__)

    # ------------------------------------------------------------------------------------------ options

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        """The options' default values by name."""
        return {name: each.default for name, each in inspect.signature(cls).parameters.items()}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Returns the options by name; `deep` changes nothing, since no option is an estimator."""
        return {name: getattr(self, name) for name in self._defaults()}

    def set_params(self, **params: Any) -> Self:
        """Changes options by name and returns the estimator; `fit` checks them. ValueError for an unknown name."""
        known = tuple(self._defaults())
        for name, value in self._by_new_names(params).items():
            setattr(self, checks.choice("params", name, known), value)
        return self

    def checked_options(self) -> dict[str, Any]:
        """Returns the options by name, each as its constraint gives it. ValueError or TypeError, with the name of the
        option, for one that no fit takes."""
        return {name: checked_option(name, value, self._constraints[name]) for name, value in self.get_params().items()}

    def check_options(self) -> None:
        """Raises ValueError or TypeError, with the name of the option, for one that no fit takes."""
        self.checked_options()

    def __repr__(self) -> str:
        usual = self._defaults()
        changed = {name: value for name, value in self.get_params().items() if repr(value) != repr(usual[name])}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in changed.items())})"

    @classmethod
    def _by_new_names(cls, params: Mapping[str, Any], warn: bool = True) -> dict[str, Any]:
        """The options with names of today in place of earlier ones. TypeError where an option has both."""
        found = dict(params)
        for old, new in cls._renamed.items():
            if old not in found:
                continue
            if new in found:
                raise TypeError(f"{old}: expected {new} alone, which is its name now, got both")
            if warn:
                _warn(cls.__name__, old, new, 3)
            found[new] = found.pop(old)
        return found

    # ------------------------------------------------------------------------------------------- fitted

    def __sklearn_is_fitted__(self) -> bool:
        return any(name.endswith("_") and not name.startswith("_") for name in vars(self))

    def __sklearn_tags__(self) -> Any:
        """Returns what scikit-learn, which alone calls this, asks about an estimator of none of its own kinds."""
        from sklearn.utils import Tags, TargetTags

        return Tags(estimator_type=None, target_tags=TargetTags(required=False))

    def check_fitted(self) -> None:
        """Raises NotFittedError where `fit` was not called, and nothing was loaded from a file."""
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(f"{type(self).__name__}: expected fit to be called before, it was not")

    # -------------------------------------------------------------------------------------------- files

    def _fitted(self) -> object:
        """Returns all that `fit` left, as the dataclass that `_codec` writes."""
        raise NotImplementedError

    def _restore(self, fitted: Any) -> None:
        """Sets what `_fitted` returned."""
        raise NotImplementedError

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the options and what `fit` left to a safetensors file, which `elman.load` reads."""
        self.check_fitted()
        description, tensors = self._codec.encode(self._fitted())
        io.write(path, self._file_kind, {"options": self._plain_options(), **description}, tensors)

    def _plain_options(self) -> dict[str, Any]:
        """Returns the options in JSON's terms. ValueError or TypeError for one that no fit takes."""
        self.check_options()
        return fields.parsed(json.dumps(self.get_params(), default=_plain, allow_nan=False))

    @classmethod
    def _of_plain(cls, plain: Any) -> Self:
        """Returns the estimator with these `_plain_options`, some perhaps by earlier names, and the defaults of
        `_added` options that are not there. ValueError or TypeError for anything else."""
        if isinstance(plain, dict):
            plain = {name: cls._defaults()[name] for name in cls._added} | cls._by_new_names(plain, warn=False)
        made = cls(**fields.record("options", plain, dict.fromkeys(cls._defaults(), fields.anything)))
        made.check_options()
        return made

    @classmethod
    def _file_shapes(cls, description: Mapping[str, Any]) -> io.Shapes:
        if cls._earlier is not None and "types" not in description:
            return cls._earlier.shapes(description)
        return cls._codec.shapes(_without_options(description))

    @classmethod
    def _from_file(cls, description: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Self:
        if cls._earlier is not None and "types" not in description:
            options = cls._by_new_names(description["options"], warn=False)
            value, tensors = cls._earlier.newer(description, tensors)
            description = {"options": cls._defaults() | options, **cls._codec.described(value)}
        made = cls._of_plain(description.get("options"))
        made._restore(cls._codec.decode(_without_options(description), tensors))
        return made


def checked_option(name: str, value: Any, constraints: Sequence[fields.Check | None]) -> Any:
    """Returns what the first of the constraints that passes makes of an option's value; None stands for None. The error
    is that of the last constraint."""
    if value is None and None in constraints:
        return None
    *first, last = (check for check in constraints if check is not None)
    for check in first:
        try:
            return check(name, value)
        except (TypeError, ValueError):
            continue
    return last(name, value)


def _without_options(description: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what of an estimator's description its codec wrote."""
    return {name: value for name, value in description.items() if name != "options"}


def _plain(value: Any) -> Any:
    """Returns NumPy's numbers and arrays, and other sequences, in JSON's terms."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"options: expected numbers, strings and lists of them, got {checks.shown(value)}")


# ---------------------------------------------------------------------------------------- renamed options


def renamed_argument(owner: str, old: str, given: Any, new: str, value: Any) -> Any:
    """Returns the value of an argument that was renamed from `old` to `new`.

    It is `given` if the earlier name was used, with a FutureWarning, else `value`. TypeError if both names were used.
    """
    if given is None:
        return value
    if value is not None:
        raise TypeError(f"{old}: expected {new} alone, which is its name now, got both")
    warnings.warn(f"{owner}: the argument {old} is called {new} now", FutureWarning, stacklevel=3)
    return given


def _warn(owner: str, old: str, new: str, level: int) -> None:
    """Warns the caller that is `level` calls up."""
    message = f"{owner}: the option {old} is called {new} now; {old} will no longer work in the next release"
    warnings.warn(message, FutureWarning, stacklevel=level + 1)


def _with_earlier_names(init: Callable[..., None]) -> Callable[..., None]:
    """Returns an `__init__` that takes options by their earlier names too."""

    @functools.wraps(init)
    def wrapped(self: Estimator, *args: Any, **options: Any) -> None:
        init(self, *args, **type(self)._by_new_names(options))  # pyright: ignore[reportPrivateUsage]

    return wrapped


def _alias(owner: str, old: str, new: str) -> property:
    """Returns the attribute `old`, which reads and sets `new` with a warning."""

    def read(self: Estimator) -> Any:
        _warn(owner, old, new, 2)
        return getattr(self, new)

    def write(self: Estimator, value: Any) -> None:
        _warn(owner, old, new, 2)
        setattr(self, new, value)

    return property(read, write)
