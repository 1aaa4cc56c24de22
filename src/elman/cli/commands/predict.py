"""`elman predict MODEL [DATA]`: a saved model used again."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer

from elman.cli import values
from elman.cli.models.request import Request
from elman.cli.options import Beam, Best, ColumnOptions, Horizon, OutputOptions
from elman.core import checks

__all__ = ["predict"]

KINDS = {  # the class of a model -> the file of `cli/models/` that uses it
    "Forecaster": "forecaster",
    "AnomalyDetector": "detector",
    "MultivariateDetector": "detector",
    **dict.fromkeys(("SequenceClassifier", "SequenceRegressor", "SequenceTagger"), "labelled"),
    "EncoderDecoder": "translator",
    "SpeechModel": "speech",
}
TEXTS = "translator"  # its DATA may be texts


def predict(
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="MODEL",
            parser=values.as_path,
            help="A model file that `elman forecast`, `elman anomalies` or `elman train` wrote.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Argument(
            callback=values.none_empty,
            metavar="DATA...",
            help="A CSV or Parquet file with fresh rows: all of them, or those alone that follow the rows the model"
            " knows; default: the rows a forecaster was trained on. For a model of translations: texts, or a file of"
            " them, one a line; for a recogniser of speech: sounds, or a folder of them.",
            show_default=False,
        ),
    ] = None,
    *,
    columns: ColumnOptions,
    label: Annotated[
        str | None,
        typer.Option(
            "--label",
            callback=values.decoded,
            metavar="COLUMN",
            help="The column of the labels, by which predictions are scored; default: as in training, if DATA has it.",
        ),
    ] = None,
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
    beam: Beam = None,
    output: OutputOptions,
) -> None:
    """Use a saved model again: forecast from fresh rows, or from where its own end; score fresh rows with a detector;
    predict the labels of fresh sequences; translate texts; recognise what is said in sounds. It writes a table, and
    with --plot (of scores always) a picture."""
    if model is None:
        raise ValueError(
            "MODEL: expected a model file, as in: elman predict sales.units.forecaster.safetensors newer.csv"
            " (elman forecast and elman anomalies write one)"
        )
    from elman.core.io import FileError, load

    loaded = load(model)
    home = KINDS.get(type(loaded).__name__)
    if home is None:
        kind = checks.with_article(type(loaded).__name__)
        raise FileError(model, f"holds {kind}, which predicts nothing from a table; see elman inspect {model}")
    given = data or []
    source, stem = values.source(given[0]) if given and home != TEXTS else (None, values.model_stem(model))
    request = Request(
        model, loaded, given, source, stem, columns, label, append, horizon, future, best, plot, beam, output
    )
    importlib.import_module(f"elman.cli.models.{home}").predict(request)
