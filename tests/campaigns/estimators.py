"""Estimators with extreme options and arguments, on extreme series: drawn, called and judged."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from elman.anomaly import AnomalyDetector
from elman.forecast import DataError, Forecaster, ForecastWarning
from elman.series.notes import DataNotice
from tests.campaigns.values import ODD, SERIES
from tests.campaigns.wrong import Wrong

__all__ = ["Call", "estimator_case", "run_estimator"]

FORECASTER = list(Forecaster().get_params())
DETECTOR = list(AnomalyDetector().get_params())


class Call(NamedTuple):
    """What Python is asked: options of the estimator, and arguments of what is called after `fit`."""

    kind: str
    series: str
    options: dict[str, Any]
    after: str
    value: Any


def estimator_case(rng: random.Random) -> Call:
    kind = rng.choice(["forecaster", "forecaster", "detector"])
    names = FORECASTER if kind == "forecaster" else DETECTOR
    series = rng.choice(["a wave"] * 3 + list(SERIES))
    count = rng.choice([0, 1, 1, 2]) if series == "a wave" else rng.choice([0, 0, 1])
    options = {name: rng.choice(ODD) for name in rng.sample(names, count)}
    if kind == "forecaster":
        options.setdefault("distribution", rng.choice(["median", "median", "quantiles", "gaussian", "student_t"]))
        after = rng.choice(["horizon", "levels", "quantiles", "windows", "step", "updates", "history", "y", ""])
    else:
        after = rng.choice(["value", "y", ""])
    return Call(kind, series, options, after, rng.choice(ODD))


def run_estimator(call: Call) -> str:
    """What became of it; Wrong where it is nothing that should."""
    named = {*call.options, call.after} | ({"y"} if call.after == "history" else set())  # which is read as y is
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", ForecastWarning)
            warnings.simplefilter("ignore", DataNotice)
            run = run_forecaster if call.kind == "forecaster" else run_detector
            for numbers in run(call):
                if not np.isfinite(np.asarray(numbers, dtype=np.float64)).all():
                    raise Wrong(f"numbers that are not finite: {numbers}")
    except DataError:
        return f"{call.kind}: DataError"
    except OSError as error:  # words are taken for files
        if not (call.after in ("y", "history") and isinstance(call.value, str | bytes)):
            raise Wrong(f"{type(error).__name__}: {error}") from error
        return f"{call.kind}: OSError"
    except (ValueError, TypeError) as error:
        if not any(name and name in str(error) for name in named):
            raise Wrong(f"{type(error).__name__} that names none of {sorted(named)}: {error}") from error
        return f"{call.kind}: {type(error).__name__}"
    return f"{call.kind}: finite"


def run_forecaster(call: Call) -> Iterator[Any]:
    values = SERIES[call.series](90)
    own = Forecaster(**{"effort": "fast", "windows": 2, **call.options}).fit(values)
    found = own.forecast()
    yield found.values
    yield from found.intervals.values()
    if own.backtest_ is not None:
        own.verdict()
        own.coverage()
        own.backtest_.summary()
    if call.after in ("horizon", "history"):
        yield own.predict(**{call.after: call.value})
    elif call.after == "levels":
        yield from own.predict_interval(call.value).values()
    elif call.after == "quantiles":
        yield own.predict_quantiles(call.value)
    elif call.after in ("windows", "step"):
        own.backtest(**{call.after: call.value}).summary()
    elif call.after == "updates":
        yield own.update(values[-3:] + 1.0, updates=call.value).predict()
    elif call.after == "y":
        yield own.update(call.value).predict()


def run_detector(call: Call) -> Iterator[Any]:
    values = SERIES[call.series](300)
    own = AnomalyDetector(**{"effort": "fast", "probation": 0.4, **call.options}).fit(values)
    found = own.anomalies_
    yield found.expected
    yield found.bounds
    yield found.scores[found.learned :]
    if call.after == "value":
        yield own.score_one(call.value)[0]
    elif call.after == "y":
        yield own.detect(call.value).scores
