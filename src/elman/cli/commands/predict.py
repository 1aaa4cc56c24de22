"""`elman predict MODEL [DATA]`: a saved model used again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from elman.cli import values
from elman.cli.console import terminal
from elman.cli.console.forecasts import forecast_json, print_forecast
from elman.cli.console.series import print_read, print_skipped
from elman.cli.files import named_after
from elman.cli.options import Best, ColumnOptions, Horizon, OutputOptions
from elman.cli.saved import reader, score
from elman.core import checks

__all__ = ["predict"]


def predict(
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="MODEL",
            parser=values.as_path,
            help="A model file that `elman forecast` or `elman anomalies` wrote.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Argument(
            callback=values.not_empty,
            metavar="DATA",
            help="A CSV or Parquet file with fresh rows: all of them, or those alone that follow the rows the model"
            " knows; default: the rows it was trained on.",
            show_default=False,
        ),
    ] = None,
    *,
    columns: ColumnOptions,
    append: Annotated[
        bool | None,
        typer.Option(
            "--append/--alone",
            help="Take DATA as rows after those that the model knows, or as a history of its own; default: by its"
            " dates.",
        ),
    ] = None,
    horizon: Horizon = None,
    future: Annotated[
        Path | None,
        typer.Option(
            "--future",
            metavar="FILE",
            parser=values.as_path,
            help="Known-future covariates of the rows to be forecast, where DATA has none.",
        ),
    ] = None,
    best: Best = False,
    plot: Annotated[
        bool, typer.Option("--plot", help="Draw a picture too, a PNG; it takes longer than the forecast.")
    ] = False,
    output: OutputOptions,
) -> None:
    """Use a saved model again: forecast from fresh rows, or from where its own end, or score fresh rows with a
    detector. It writes a table, and with --plot (of scores always) a picture."""
    if model is None:
        raise ValueError(
            "MODEL: expected a model file, as in: elman predict sales.units.forecaster.safetensors newer.csv"
            " (elman forecast and elman anomalies write one)"
        )
    from elman.anomaly import AnomalyDetector
    from elman.core.io import FileError, load
    from elman.forecast import Forecaster
    from elman.forecast.continued import continued
    from elman.series.columns import Columns
    from elman.series.panel_sources import as_panel
    from elman.series.series import SeriesOptions

    loaded = load(model)
    source, stem = values.source(data) if data is not None else (None, values.model_stem(model))
    if isinstance(loaded, AnomalyDetector):
        given = {"--horizon": horizon, "--future": future, "--best": best or None, "--append/--alone": append}
        if unfit := [name for name, value in given.items() if value is not None]:
            raise ValueError(f"{unfit[0]}: expected it with a forecaster, but {model} holds a detector")
        if source is None:
            raise ValueError(f"DATA: expected rows to score; {model} holds a detector, which keeps no rows")
        score(model, loaded, source, stem, columns, output)
        return
    if not isinstance(loaded, Forecaster):
        kind = checks.with_article(type(loaded).__name__)
        raise FileError(model, f"holds {kind}, neither a forecaster nor a detector; see elman inspect {model}")
    loaded.set_params(skip_bad=columns.skip_bad or loaded.skip_bad)
    fresh = known = as_panel(loaded.series_, Columns(), SeriesOptions())
    fresh.names, said = loaded.named_columns(), ""
    panel = known
    if source is not None:
        read = reader(source, loaded, columns, known.names, known.first)
        panel, fresh, said = continued(known, read, loaded.model_.context, append)
    elif append is not None:
        raise ValueError("--append/--alone: expected DATA beside it, got none")
    table = output.table(".forecast")
    inputs = [path for path in (model, source, future) if path is not None]
    with output.files(named_after(stem, fresh), [table, ".forecast.png"] if plot else [table], inputs) as outputs:
        found = loaded.forecast(panel, horizon, future, best=best)
        outputs.write(table, output.writer(found))
        if plot:
            outputs.write(".forecast.png", found.plot)
        written = outputs.commit()
    if output.as_json:
        about = {"notes": fresh.notes, "history": said or None, "files": written}
        terminal.print_json(forecast_json(loaded, found) | about)
        return
    print_read(fresh, (source or model).name)
    if said:
        terminal.line(said)
    print_skipped(getattr(found, "skipped", {}))
    terminal.line()
    print_forecast(found)
    terminal.wrote(written)
