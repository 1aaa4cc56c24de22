"""`elman predict MODEL [DATA]`: a saved forecaster used again."""

from __future__ import annotations

from elman.cli import say, words
from elman.cli.files import Outputs
from elman.cli.forecast import described, show_forecast, show_read, show_skipped, table_ending

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
    future: words.Ahead = None,
    skip_bad: words.SkipBad = False,
    best: words.Best = False,
    plot: words.Plot = False,
    to: words.To = "csv",
    out: words.Out = None,
    as_json: words.Json = False,
) -> None:
    """Forecast again with a saved model, from fresh data or from where its own data end: a table, and with --plot
    a picture."""
    source, stem = words.source(data) if data is not None else (model, model.stem)
    table = table_ending(".forecast", to)
    inputs = [model, source] if future is None else [model, source, future]
    with Outputs(out, stem, [table, ".forecast.png"] if plot else [table], inputs) as outputs:
        from elman.core.io import FileError, load
        from elman.forecast import Forecaster, Series

        loaded = load(model)
        if not isinstance(loaded, Forecaster):
            raise FileError(
                model, f"holds a {type(loaded).__name__.lower()}, not a forecaster; see elman inspect {model}"
            )
        read = loaded.series_
        if data is not None:
            first = read if isinstance(read, Series) else next(iter(read.values()))
            names = loaded.named_columns()._asdict()
            names |= {k: v for k, v in (("target", target), ("time", time), ("id", id)) if v is not None}
            if names["id"] is None:
                names |= {"target": names["target"] or first.name, "time": names["time"] or first.time_name}
            loaded.set_params(freq=freq or loaded.freq, missing=missing, skip_bad=skip_bad or loaded.skip_bad)
            read = loaded.read(source, **names)
        found = loaded.forecast(read, horizon, future, best=best)
        outputs.write(table, found.write_csv if to == "csv" else found.write_parquet)
        if plot:
            outputs.write(".forecast.png", found.plot)
        written = outputs.commit()
    if as_json:
        say.as_json(described(loaded, found) | {"files": written})
        return
    show_read(read, source.name)
    show_skipped(getattr(found, "skipped", {}))
    say.line()
    show_forecast(found)
    say.line()
    say.line("Wrote " + ", ".join(map(str, written)))
