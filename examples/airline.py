"""Forecasts monthly airline passengers a year ahead, and compares the network with the baselines in a backtest.

Run `python examples/airline.py`. It prints scores and the coverage of intervals, and writes airline.png and .csv.
"""

from __future__ import annotations

import sys

from elman import Forecaster


def main(windows: int = 6) -> None:
    model = Forecaster(horizon=12, windows=windows).fit("airline")
    print("mean over the last windows, each forecast from the months before it alone")
    for row in model.backtest_.summary():
        print(f"  {row['model']:15} MASE {row['mase']:.3f}   sMAPE {row['smape']:5.2f} %   OWA {row['owa']:.3f}")
    for row in model.coverage():
        print(f"  intervals of {row['level']:g} % held {row['covered']:.0f} % of the months")
    print(model.verdict())
    found = model.forecast(best=True)
    for label, (value, *bounds) in found.rows():
        print(f"  {label}  {value:6.1f}   {'  '.join(f'{bound:6.1f}' for bound in bounds)}")
    print("wrote", found.write_csv("airline.csv"), "and", found.plot("airline.png"))


if __name__ == "__main__":
    main(windows=2 if "--short" in sys.argv else 6)
