"""One file a library: `forecast` fits on what is known and tells the rows that follow; `forecast_peers.py` runs them.

Every file has `forecast(work, known, **options) -> {id: (horizon,)}` for one cutoff, and `versions() -> dict`. `known`
holds the rows before the cutoff and no others.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["CONTENDERS", "LIBRARIES", "UPDATES", "Answer", "Contender", "Known", "Work"]

Known = dict[str, np.ndarray]  # id -> the rows of a series before a cutoff (n,)
UPDATES = 4000  # a darts model is stopped after so many, as many as a network of elman's effort "normal" has


class Work(NamedTuple):
    """What a contender is given of a data set: nothing of the rows that are scored."""

    horizon: int
    seasons: tuple[int, ...]  # short to long
    threads: int
    cutoffs: tuple[Known, ...]


class Answer(NamedTuple):
    """What it gives back: forecasts of each cutoff; seconds of all cutoffs together, and of its import; MiB at most."""

    forecasts: tuple[dict[str, np.ndarray], ...]
    seconds: float
    import_seconds: float
    peak_mib: float
    versions: dict[str, str]


class Contender(NamedTuple):
    """A row of the table."""

    label: str
    module: str  # the file here
    package: str  # with its extras: what is installed for it; "" for what needs nothing
    options: dict[str, Any]
    words: str  # how it is called, beside what `LIBRARIES` says
    slow: bool = False  # left out unless it is asked for


LIBRARIES = {
    "elman": "one model; fitted without a backtest, which nobody else makes here; told all seasons",
    "darts": "one global model with its defaults (25 units, one layer, 100 epochs, batches of 32), stopped after"
    f" {UPDATES} updates; it reads two seasons or two horizons, whichever is more",
    "neuralforecast": "one global model",
    "statsforecast": "its defaults, one model for each series, as many processes as cores; told the (short) season",
}
_LSTM = "`RNNModel`, trained over one horizon more than it reads; `Scaler`"
_BESIDE = "where there is one series, time and the place in the season beside it, as in its example of the airline"
_DARTS, _NEURAL, _STATS = ("darts", "darts[torch]"), ("neuralforecast",) * 2, ("statsforecast",) * 2

CONTENDERS: dict[str, Contender] = {
    "seasonal-naive": Contender("seasonal naive", "rules", "", {"rule": "seasonal naive"}, "the last season, repeated"),
    "naive2": Contender("Naive2", "rules", "", {"rule": "naive2"}, "the M4 competition's yardstick"),
    "elman-fast": Contender("elman, fast", "elman", "elman", {"effort": "fast"}, '`Forecaster(effort="fast")`'),
    "elman-normal": Contender("elman, normal", "elman", "elman", {"effort": "normal"}, "`Forecaster()`, its defaults"),
    "elman-best": Contender(
        "elman, best", "elman", "elman", {"effort": "best"}, '`Forecaster(effort="best")`', slow=True
    ),
    "darts-unscaled": Contender(
        "darts LSTM, unscaled", *_DARTS, {"kind": "LSTM", "scaled": False}, "`RNNModel` on the values as they are"
    ),
    "darts-rnn": Contender("darts RNN", *_DARTS, {"kind": "RNN"}, f"{_LSTM}; {_BESIDE}"),
    "darts-lstm": Contender("darts LSTM", *_DARTS, {"kind": "LSTM"}, f"{_LSTM}; {_BESIDE}"),
    "darts-block": Contender(
        "darts block LSTM",
        *_DARTS,
        {"kind": "LSTM", "block": True},
        "`BlockRNNModel`, which answers a whole horizon at once; `Scaler`, nothing beside",
    ),
    "neuralforecast-rnn": Contender(
        "neuralforecast RNN",
        *_NEURAL,
        {"kind": "RNN"},
        "its defaults: 2 layers of 128 units, 3 horizons of context, 1000 steps, each window scaled robustly",
    ),
    "neuralforecast-lstm": Contender(
        "neuralforecast LSTM",
        *_NEURAL,
        {"kind": "LSTM", "quick": True},
        "as in its quick start: 2 layers of 64 units, 2 horizons of context, 500 steps, each window standardised",
    ),
    "neuralforecast-lstm-default": Contender(
        "neuralforecast LSTM, defaults", *_NEURAL, {"kind": "LSTM"}, "its defaults, as the RNN's", slow=True
    ),
    "statsforecast-ets": Contender("statsforecast AutoETS", *_STATS, {"kind": "AutoETS"}, "`AutoETS`"),
    "statsforecast-theta": Contender("statsforecast AutoTheta", *_STATS, {"kind": "AutoTheta"}, "`AutoTheta`"),
    "statsforecast-mstl": Contender("statsforecast MSTL", *_STATS, {"kind": "MSTL"}, "`MSTL`, told all seasons"),
}
