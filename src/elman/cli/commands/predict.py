"""`elman predict MODEL [DATA]`: a saved forecaster used again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elman.cli import values
from elman.cli.console import terminal
from elman.cli.console.forecasts import forecast_json, print_forecast
from elman.cli.console.series import print_read, print_skipped
from elman.cli.options import Best, ColumnOptions, Horizon, Model, OutputOptions

if TYPE_CHECKING:
    from elman.series.columns import Columns
    from elman.series.series import Series

__all__ = ["predict"]


def predict(
    model: Model,
    data: Annotated[
        str | None,
        typer.Argument(
            callback=values.not_empty,
            metavar="DATA",
            help="A CSV or Parquet file with newer rows; default: the data it was trained on.",
            show_default=False,
        ),
    ] = None,
    *,
    columns: ColumnOptions,
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
    """Forecast again with a saved model, from fresh data or from where its own data end: a table, and with --plot
    a picture."""
    source, stem = values.source(data) if data is not None else (model, model.stem)
    table = output.table(".forecast")
    inputs = [model, source] if future is None else [model, source, future]
    with output.files(stem, [table, ".forecast.png"] if plot else [table], inputs) as outputs:
        from elman.core.io import FileError, load
        from elman.forecast import Forecaster
        from elman.series.columns import Columns
        from elman.series.panel_sources import as_panel
        from elman.series.series import SeriesOptions

        forecaster = load(model)
        if not isinstance(forecaster, Forecaster):
            raise FileError(
                model, f"holds a {type(forecaster).__name__.lower()}, not a forecaster; see elman inspect {model}"
            )
        forecaster.set_params(skip_bad=columns.skip_bad or forecaster.skip_bad)
        panel = as_panel(forecaster.series_, Columns(), SeriesOptions())
        if data is not None:
            columns = replace(
                columns,
                freq=columns.freq or (forecaster.freq if columns.regular is None else None),
                regular=columns.regular or (forecaster.regular if columns.freq is None else None),
                duplicates=columns.duplicates or forecaster.duplicates,
                skip_bad=forecaster.skip_bad,
            )
            panel = columns.read(source, _names(columns.columns(), forecaster.named_columns(), panel.first))
        found = forecaster.forecast(panel, horizon, future, best=best)
        outputs.write(table, output.writer(found))
        if plot:
            outputs.write(".forecast.png", found.plot)
        written = outputs.commit()
    if output.as_json:
        terminal.print_json(forecast_json(forecaster, found) | {"notes": panel.notes, "files": written})
        return
    print_read(panel, source.name)
    print_skipped(getattr(found, "skipped", {}))
    terminal.line()
    print_forecast(found)
    terminal.wrote(written)


def _names(given: Columns, trained: Columns, first: Series) -> Columns:
    """Returns the columns by which newer rows are read: those that are given, else those named in training; for one
    series else those that were found then."""
    names = trained._replace(**{option: name for option, name in given._asdict().items() if name is not None})
    if names.id is None:
        names = names._replace(target=names.target or first.name, time=names.time or first.time_name)
    return names
