"""The long form that neuralforecast and statsforecast read and write; rows are counted in place of dates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.forecasters import Known

__all__ = ["frame", "unframe"]


def frame(known: Known) -> pd.DataFrame:
    counts = [len(values) for values in known.values()]
    return pd.DataFrame(
        {
            "unique_id": np.repeat(list(known), counts),
            "ds": np.concatenate([np.arange(count) for count in counts]),
            "y": np.concatenate(list(known.values())),
        }
    )


def unframe(found: pd.DataFrame) -> Known:
    """The forecasts of the model whose alias is "found"."""
    return {str(name): rows["found"].to_numpy(np.float64) for name, rows in found.groupby("unique_id")}
