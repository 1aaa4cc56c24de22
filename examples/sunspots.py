"""Sunspots by four heads, and what they say of their own uncertainty.

Run it: python examples/sunspots.py. A short series gets the small recipe, whose intervals are its errors in the last
windows; the other heads answer with quantiles, or draw paths year by year. The pinball loss says whose intervals are
the best.
"""

from __future__ import annotations

import sys
from typing import Any

from elman import Forecaster

HEADS = ("median", "quantiles", "gaussian", "student_t")


def main(windows: int = 6, **options: Any) -> None:
    for head in HEADS:
        model = Forecaster(horizon=11, head=head, windows=windows, **options).fit("sunspots")
        tested = model.backtest_
        bands = ", ".join(f"{row['level']:g} %: {row['covered']:.0f} % held" for row in model.coverage())
        loss = [row["pinball"] for row in model.coverage()]
        print(f"{head:10} MASE {tested.mean('network'):.3f}   pinball {sum(loss) / max(1, len(loss)):.3f}   {bands}")
        print(f"{'':10} {model.verdict()}")
    years = model.forecast(horizon=22)  # twice the horizon: a recursive head draws its paths as far as one wishes
    print("by paths:", "  ".join(f"{label} {value:.0f}" for label, (value, *_) in years.rows()))


if __name__ == "__main__":
    main(**({"windows": 3, "updates": 40, "members": 1} if "--short" in sys.argv else {}))
