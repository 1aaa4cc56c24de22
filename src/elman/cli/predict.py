"""`elman predict MODEL [DATA]`: a saved forecaster used again."""

from __future__ import annotations

from elman.cli import say, words
from elman.cli.files import Outputs
from elman.cli.forecast import described, show_forecast, show_read

__all__ = ["predict"]


def predict(
    model: words.Model,
    data: words.Fresh = None,
    target: words.Target = None,
    time: words.Time = None,
    id: words.Id = None,
    horizon: words.Horizon = None,
    freq: words.Freq = None,
    missing: words.Missing = "error",
    best: words.Best = False,
    plot: words.Plot = False,
    out: words.Out = None,
    as_json: words.Json = False,
) -> None:
    """Forecast again with a saved model, from fresh data or from where its own data end: a CSV, and with --plot a
    picture."""
    source, stem = words.source(data) if data is not None else (model, model.stem)
    suffixes = [".forecast.csv", ".forecast.png"] if plot else [".forecast.csv"]
    with Outputs(out, stem, suffixes, [model, source]) as outputs:
        from elman.forecast import Forecaster, Series
        from elman.io import FileError, load

        loaded = load(model)
        if not isinstance(loaded, Forecaster):
            raise FileError(
                model, f"holds a {type(loaded).__name__.lower()}, not a forecaster; see elman inspect {model}"
            )
        read = loaded.series_
        if data is not None:
            first = read if isinstance(read, Series) else next(iter(read.values()))
            if id is None:
                target, time = target or first.name, time or first.time_name
            loaded.set_params(freq=freq or loaded.freq, missing=missing)
            read = loaded.read(source, target=target, time=time, id=id)
        found = loaded.forecast(horizon, read, best=best)
        outputs.write(".forecast.csv", found.write_csv)
        if plot:
            outputs.write(".forecast.png", found.plot)
        written = outputs.commit()
    if as_json:
        say.as_json(described(loaded, found) | {"files": written})
        return
    show_read(read, source.name)
    say.line()
    show_forecast(found)
    say.line()
    say.line("Wrote " + ", ".join(map(str, written)))
