"""What estimators share with scikit-learn's: options stored as they are, read, changed and shown by name."""

from __future__ import annotations

import inspect
from typing import Any, Self

from elman import checks

__all__ = ["Estimator"]


class Estimator:
    """Its options are the arguments of `__init__`, stored under their names and checked in `fit`."""

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
