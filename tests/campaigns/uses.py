"""All that can be done with what a file holds; every answer must be finite."""

from __future__ import annotations

import contextlib
import io as streams
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import elman
from elman import Forecaster
from elman.cli.commands.inspect import inspect
from elman.forecast import Series, as_series
from elman.forecast.result import Forecast

__all__ = ["Use", "Wrong", "uses"]

Use = Callable[[], object]


class Wrong(Exception):
    """An answer that is no answer."""


def finite(what: str, values: Any) -> Any:
    if not np.isfinite(np.asarray(values, np.float64)).all():
        raise Wrong(f"{what} is not finite")
    return values


def uses(path: Path, loaded: Any) -> list[Use]:
    """What may be called, one after the other; the last ones change the state."""

    def again() -> None:
        loaded.save(path.with_name("again"))
        elman.load(path.with_name("again")).save(path.with_name("more"))
        if path.with_name("again").read_bytes() != path.with_name("more").read_bytes():
            raise Wrong("saved again it is another file")

    def inspected() -> None:
        for as_json in (True, False):
            with contextlib.redirect_stdout(streams.StringIO()):
                inspect(path, as_json)

    common: list[Use] = [lambda: repr(loaded), again, inspected]
    if isinstance(loaded, elman.Network):
        return common + _network(loaded)
    if isinstance(loaded, Forecaster):
        return common + _forecaster(path, loaded) + [again]
    if isinstance(loaded, elman.MusicModel):
        return common + _music(loaded) + [again]
    if isinstance(loaded, elman.SpeechModel):
        return common + _speech(loaded) + [again]
    if isinstance(loaded, elman.LanguageModel):
        return common + _language(loaded) + [again]
    if isinstance(loaded, elman.EncoderDecoder):
        return common + _translator(loaded) + [again]
    if isinstance(loaded, elman.AnomalyDetector):
        return common + _detector(path, loaded) + [again]
    if isinstance(loaded, elman.anomaly.MultivariateDetector):
        return common + _joint(path, loaded) + [again]
    return common + _sequences(loaded) + [again]


def _music(model: elman.MusicModel) -> list[Use]:
    keys = elman.datasets.tunes(1, bars=3)[0][:6]

    def predicted() -> None:
        finite("a probability", model.predict(keys))
        finite("a marginal", model.marginals(keys, particles=8))
        finite("a score", model.score(elman.PianoRoll(keys, model.steps_per_beat)).nll)

    return [predicted, lambda: model.generate(6, seed=1), lambda: elman.PianoRoll(keys, tempo=model.tempo_)]


def _speech(model: elman.SpeechModel) -> list[Use]:
    sounds = elman.datasets.dialled_tones(2, seed=5)[0]

    def scored() -> None:
        label = "".join(model.alphabet_.tokens[:1]) if model.level == "characters" else [model.alphabet_.tokens[0]]
        finite("the score", model.score(sounds, [label, label])[:-1])
        finite("a probability", model.align(sounds[0]).probabilities)

    return [
        lambda: model.predict(sounds),
        scored,
        lambda: model.align(sounds[1], ""),
        lambda: model.stream().feed(sounds[0]),
    ]


def _network(network: elman.Network) -> list[Use]:
    """Weights are the user's own, so answers need not be finite."""
    whole = network.layout.integer_input
    x = np.zeros((2, 3), int) if whole else np.ones((2, 3, network.input_size), network.dtype)

    def stream() -> None:
        if not network.layout.whole:
            network.stream().step(x[:1, 0])

    return [lambda: network.predict(x), lambda: network.predict(x, lengths=[1, 3]), lambda: network.hidden(x), stream]


def _language(model: elman.LanguageModel) -> list[Use]:
    def scored() -> None:
        finite("the score", model.score("abcabc").nats)

    return [lambda: model.generate("ab", 20), lambda: next(model.stream()), scored, lambda: model.adapt("abcabcabc")]


def _translator(model: elman.EncoderDecoder) -> list[Use]:
    source: Any = model.source_
    size = getattr(source, "size", 1)
    kinds: dict[str, Any] = {"frames": [np.ones((3, size))] * 2, "vectors": np.ones((2, size))}
    text: Any = ["a", "b"] if getattr(source, "level", "") == "tokens" else "ab"
    sources = kinds.get(getattr(source, "kind", ""), [text, text])
    targets: Any = [["a"], ["b"]] if model.target_.level == "tokens" else ["a", "b"]

    def scored() -> None:
        finite("the loss", model.loss(sources, targets))

    def translated() -> None:
        for one in model.translate(sources, beam_size=2, max_length=5):
            finite("the probability", one.log_probability)

    def aligned() -> None:
        if model.attention is not None and getattr(source, "kind", "") != "vectors":
            finite("the alignment", model.align(sources[0], targets[0]).weights)

    return [scored, translated, aligned]


def _sequences(model: Any) -> list[Use]:
    def rows(steps: int) -> Any:
        columns = model.columns_
        cell: list[Any] = [0.5] * columns.count
        for column, vocabulary in zip(columns.tokens, columns.vocabularies, strict=True):
            cell[column] = vocabulary.tokens[0] if vocabulary.tokens else "new"
        if model._table:
            return np.full((2, model.n_features_in_), 0.5)
        made = np.empty((steps, columns.count), object)
        made[:] = cell
        return [made, made[:1]]

    def asked() -> None:
        found = model.predict(rows(3))
        if isinstance(model, elman.SequenceRegressor):
            finite("the numbers", found)
        else:
            for each in model.predict_proba(rows(3)):
                finite("the probability", each)

    return [asked]


def _forecaster(path: Path, model: Forecaster) -> list[Use]:
    panel: dict[str, Series] = {"": model.series_} if isinstance(model.series_, Series) else dict(model.series_)

    def checked(found: Any) -> Any:
        for each in {"": found}.values() if isinstance(found, Forecast) else found.values():
            finite("the forecast", each.values)
            for bounds in each.intervals.values():
                finite("an interval", bounds)
            if not (len(each.labels) == len(each.times) == len(each.rows())):
                raise Wrong("the table has rows of different kinds")
            each.columns()
        found.to_dict()
        found.write_csv(path.with_name("forecast.csv"))
        return found

    def predicted(**options: Any) -> None:
        found = model.predict(**options)
        for values in found.values() if isinstance(found, dict) else [found]:
            finite("the forecast", values)

    def tested() -> None:
        backtest = model.backtest_
        if backtest is None:
            return
        backtest.summary(), backtest.records(), backtest.overlapping, backtest.gain, len(backtest)
        for name in backtest.places:
            backtest.of(name).verdict()
        backtest.write_csv(path.with_name("backtest.csv"))

    def newer(times: bool = True) -> Any:
        rows = {
            name: as_series(each.values[-3:] + 1.0, time=each.ahead(3) if times and each.times is not None else None)
            for name, each in panel.items()
        }
        return rows.get("", rows)

    def history() -> Any:
        rows = {name: each.values for name, each in panel.items()}
        return rows.get("", rows)

    return [
        predicted,
        lambda: checked(model.forecast()),
        lambda: checked(model.forecast(best=True)),
        lambda: checked(model.forecast(horizon=model.horizon_ + 2)),
        lambda: checked(model.forecast(levels=(50, 75.0))),
        lambda: model.predict_interval(),
        lambda: model.predict_quantiles((0.25, 0.5)),
        lambda: predicted(history=history()),
        lambda: (model.verdict(), model.coverage(), model.coverage("naive")),
        tested,
        lambda: [(each.labels[:3], each.labels[-3:], each.observed) for each in panel.values()],
        lambda: (model.update_state(newer()), predicted()),
        lambda: (model.update_state(newer(False)), predicted()),
    ]


def _joint(path: Path, detector: elman.anomaly.MultivariateDetector) -> list[Use]:
    def one() -> None:
        finite("the score", detector.score_one(dict.fromkeys(detector.detectors_, 30.0))[0])

    def many() -> None:
        found = detector.detect({name: np.array([30.0, 31.0]) for name in detector.detectors_})
        finite("the score", found.scores)
        found.columns(), found.to_dict(), repr(found)
        found.write_csv(path.with_name("anomalies.csv"))

    return [one, many, lambda: detector.last_row()]


def _detector(path: Path, detector: elman.AnomalyDetector) -> list[Use]:
    continuation = detector._continuation

    def one(value: float) -> None:
        finite("the score", detector.score_one(value)[0])

    def many(y: Any) -> None:
        found = detector.detect(y)
        for name in ("expected", "bounds"):
            finite(name, getattr(found, name))
        finite("the score", found.scores[found.learned :])
        found.columns(), found.to_dict(), repr(found), found.series.labels
        found.write_csv(path.with_name("anomalies.csv"))

    def dated() -> None:
        times = continuation._times(detector.rows_ - 1, 5)
        many(as_series(np.array([1.0, 2.0, 1.5, 3.0, 2.0]), time=times))

    last = float(detector._monitor.last_value)
    values = [last, last, last, last + 1.0, 0.0, -5.0, 30.0, 1e6, 1e308, -1e308]
    return [
        lambda: (detector.rows_, detector.season_),
        lambda: many(values[:6]),
        dated,
        *(lambda value=value: one(value) for value in values),
        lambda: many([30.0 + np.sin(i) for i in range(100)]),
    ]
