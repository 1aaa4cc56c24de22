"""Frozen values of exponential smoothing and the Theta method from statsforecast 2.1.1, for tests that run without it.

python tests/golden/make_smoothing.py             writes smoothing.npz beside this program

SERIES are drawn from the numbers below. For each of them and each form NAME: `ets-SERIES-NAME` is alpha, beta, gamma,
phi (0 where there is none), level, trend, seasons (that of the first row first), the log-likelihood in statsforecast's
scale, and 12 forecasts. For each kind of Theta model, `theta-SERIES-KIND` is level, alpha, theta, the sum of squared
errors from the fourth row on, and 12 forecasts. Only names of forms come from elman.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from smoothing_series import SEASON, SERIES  # noqa: E402

from elman.core.smoothing import FORMS  # noqa: E402

AHEAD = 12
KINDS = ("STM", "OTM", "DSTM", "DOTM")


def main() -> None:
    from statsforecast.ets import ets_f, pegelsfcast_C
    from statsforecast.theta import auto_theta, forecast_theta

    frozen: dict[str, np.ndarray] = {}
    for name, y in SERIES.items():
        frozen[name] = y
        for form in FORMS:
            letters = form.name.replace("d", "")
            model = ets_f(y, SEASON, model=letters, damped=form.damped)
            par = np.nan_to_num(model["par"])
            states = par[4:]
            trend = states[1:2] if form.trend else np.zeros(1)
            season = states[1 + (form.trend is not None) :][::-1] if form.season else np.zeros(0)
            par[3] = par[3] if form.damped else 1.0
            parts = [par[:4], states[:1], trend, season, [model["loglik"]], pegelsfcast_C(AHEAD, model)]
            frozen[f"ets-{name}-{form.name}"] = np.concatenate(parts)
        for kind in KINDS:
            model = auto_theta(y, 1, model=kind)
            first = [model["par"][key] for key in ("initial_smoothed", "alpha", "theta")]
            squares = float((model["residuals"][3:] ** 2).sum())
            frozen[f"theta-{name}-{kind}"] = np.array([*first, squares, *forecast_theta(model, AHEAD)["mean"]])
    np.savez_compressed(HERE / "smoothing.npz", **frozen)


if __name__ == "__main__":
    main()
