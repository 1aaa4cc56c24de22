"""What estimators share with scikit-learn's: options stored as they are, read, changed and shown by name."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from elman.core import checks, fields

__all__ = ["Estimator"]


class Estimator:
    """Its options are the arguments of `__init__`, stored under their names and checked in `fit`."""

    def check_options(self) -> None:
        """ValueError or TypeError for an option that no fit takes."""
        raise NotImplementedError

    def plain_options(self) -> dict[str, Any]:
        """The options by name, as a file holds them; ValueError or TypeError for one that no fit takes."""
        self.check_options()
        return fields.parsed(json.dumps(self.get_params(), default=_plain, allow_nan=False))

    @classmethod
    def of_options(cls, plain: Any) -> Self:
        """The estimator that has these `plain_options`; ValueError or TypeError for anything else."""
        known = dict.fromkeys(inspect.signature(cls).parameters, fields.anything)
        made = cls(**fields.record("options", plain, known))
        made.check_options()
        return made

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The options by name."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Changes options; they are checked in `fit`."""
        known = tuple(self.get_params())
        for name, value in params.items():
            setattr(self, checks.choice("params", name, known), value)
        return self

    def __repr__(self) -> str:
        usual = inspect.signature(type(self)).parameters
        changed = {name: value for name, value in self.get_params().items() if value != usual[name].default}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in changed.items())})"


def _plain(value: Any) -> Any:
    """NumPy's numbers and other sequences in JSON's terms."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"options: expected numbers, strings and lists of them, got {checks.shown(value)}")
