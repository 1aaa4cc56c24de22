"""What the losses of this folder give."""

from __future__ import annotations

import numpy as np

__all__ = ["Terms"]

Terms = tuple[np.ndarray, np.ndarray]  # the value of each term, and its derivative by y_hat, shaped like y_hat
