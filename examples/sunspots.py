"""Forecasts yearly sunspots with four distributions, and compares their intervals.

Run `python examples/sunspots.py`. It prints errors, coverage and pinball losses. By default a short series gets a local
model, whose intervals come from its errors in the last windows; the other distributions forecast quantiles, or draw
sample paths year by year. The distribution with the lowest pinball loss has the best intervals.
"""

from __future__ import annotations

import sys
from typing import Any

from elman import Forecaster

DISTRIBUTIONS = ("median", "quantiles", "gaussian", "student_t")


def main(windows: int = 6, **options: Any) -> None:
    for distribution in DISTRIBUTIONS:
        model = Forecaster(horizon=11, distribution=distribution, windows=windows, **options).fit("sunspots")
        tested = model.backtest_
        bands = ", ".join(f"{row['level']:g} %: {row['covered']:.0f} % held" for row in model.coverage())
        losses = [row["pinball"] for row in model.coverage()]
        loss = sum(losses) / max(1, len(losses))
        print(f"{distribution:10} MASE {tested.mean('network'):.3f}   pinball {loss:.3f}   {bands}")
        print(f"{'':10} {model.verdict()}")
    years = model.forecast(horizon=22)  # twice the horizon: a recursive model draws sample paths of any length
    print("by paths:", "  ".join(f"{label} {value:.0f}" for label, (value, *_) in years.rows()))


if __name__ == "__main__":
    main(**({"windows": 3, "updates": 40, "members": 1} if "--short" in sys.argv else {}))
