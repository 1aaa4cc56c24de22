"""Forecasts the road casualties of four groups with one model, and compares different sets of covariates.

Run `python examples/seatbelts.py`. It prints errors by year and writes seatbelts.png. From February 1983 those in front
had to wear seat belts, which was known in advance: a known-future covariate. The distance driven is known only up to
today: a past covariate. The seat is a static one. Each window is forecast by a model that was trained on the months
before it (`refit`), so 1983 is forecast by a model that has never seen such a law, and 1984 by one that has seen eleven
months of it.
"""

from __future__ import annotations

import sys
from typing import Any

from elman import Forecaster

SETS: dict[str, dict[str, Any]] = {
    "values alone": {},
    "the law": {"future": "law"},
    "law, seat": {"future": "law", "static": "seat"},
    "law, petrol, distance, seat": {"future": ["law", "petrol_price"], "past": "distance", "static": "seat"},
}


def main(windows: int = 6, **options: Any) -> None:
    model = Forecaster(horizon=12, windows=windows, **options)
    print(f"{'mean MASE':28} " + " ".join(f"{year:>6}" for year in range(1985 - windows, 1985)) + "    all")
    for name, beside in SETS.items():
        groups = model.read("seatbelts", id="group", target="casualties", **beside)
        tested = model.backtest(windows, refit=True, y=groups)
        years = tested.scores["network"]["mase"].reshape(len(groups), windows).mean(axis=0)
        print(f"{name:28} " + " ".join(f"{year:6.3f}" for year in years) + f" {tested.mean('network'):6.3f}")
    best = tested.best_baseline
    print(f"{best:28} " + " " * 7 * windows + f"{tested.mean(best):6.3f}")

    model.fit("seatbelts", id="group", target="casualties", future="law", static="seat")
    ahead = dict.fromkeys(model.series_, [1.0] * 12)  # the law stays: a year of known future for each group
    found = model.forecast(future=ahead)
    for group, forecast in found.items():
        print(f"{group:20} 1985: {forecast.values.sum():7.0f} expected;", forecast.backtest.verdict())
    print("wrote", found.plot("seatbelts.png"))


if __name__ == "__main__":
    main(**({"windows": 2, "updates": 40, "members": 1} if "--short" in sys.argv else {}))
