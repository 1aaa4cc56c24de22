"""A saved EncoderDecoder used again: it translates texts that are typed, or those of a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elman.cli import values
from elman.cli.console import terminal
from elman.cli.console.translations import print_written, score_rows
from elman.cli.models.request import Request

if TYPE_CHECKING:
    from elman.seq2seq import Translation

__all__ = ["TranslationTable", "predict"]

TABLE, PICTURE = ".translations", ".alignment.png"
FILES = (".csv", ".tsv", ".tab", ".txt", ".gz", ".parquet")  # of what is never a text
BEAM = 4


def predict(request: Request) -> None:
    """Writes the target of each text that DATA is, or of each that it holds where it is a file; those of a file also
    into a table, and scored where the file has targets."""
    model, output = request.loaded, request.output
    request.refuse("a model of translations", forecast=True, series=True, labelled=True, beam=False, several=False)
    if not request.given:
        raise ValueError(f'DATA: expected texts or a file of them, as in: elman predict {request.model} "a text"')
    from elman.seq2seq.sources import Features

    if isinstance(model.source_, Features):
        raise ValueError(f"DATA: expected a model that reads texts; {request.model} reads {model.source_.kind}")
    path = _file(request.given)
    sources, targets, stem = _read(path, request)
    table = [] if path is None else [output.table(TABLE)]
    suffixes = [*table, *([PICTURE] if request.plot else [])]
    inputs = [request.model] if path is None else [request.model, path]
    with output.files(stem, suffixes, inputs) as outputs:
        found = model.translate(_pieces(model.source_.level, sources), beam_size=request.beam or BEAM)
        if table:
            outputs.write(table[0], output.writer(TranslationTable(sources, targets, found)))
        if request.plot:
            alignment = model.align(_pieces(model.source_.level, sources)[0], found[0].target)
            outputs.write(PICTURE, alignment.plot)
        written = outputs.commit() if suffixes else []
    score = None
    if targets is not None:
        score = model.compared([each.target for each in found], _pieces(model.target_.level, targets))
    if output.as_json:
        rows = [
            {"source": source, "target": one.target, "log_probability": one.log_probability, "ended": one.ended}
            for source, one in zip(sources, found, strict=True)
        ]
        terminal.print_json(
            {"translations": rows, "score": None if score is None else score._asdict(), "files": written}
        )
        return
    print_written(sources, found, all_of_them=path is None)
    if score is not None:
        terminal.line()
        terminal.table(*score_rows([("this model", score)]))
    if written:
        terminal.wrote(written)


def _file(given: Sequence[str]) -> Path | None:
    """Returns the file that DATA is, None where it is texts."""
    if len(given) > 1:
        return None
    text = given[0]
    is_file = text == "-" or text.lower().endswith(FILES) or (len(text) < 1000 and Path(text).is_file())
    return Path(text) if is_file else None


def _read(path: Path | None, request: Request) -> tuple[list[str], list[str] | None, str]:
    """Returns the sources, their targets where a file has them, and the name with which outputs begin."""
    from elman.seq2seq.files import read_column

    if path is None:
        return [str(values.decoded(text)) for text in request.given], None, request.stem
    return *read_column(path), values.source_of_file(str(path))[1]


def _pieces(level: str, texts: Sequence[str]) -> list[Any]:
    """Returns texts as a model takes them: lists of tokens are what stands between white space."""
    return [text.split() for text in texts] if level == "tokens" else list(texts)


class TranslationTable:
    """What a model wrote as a table: the source, the true target where that is known, the one written, and the natural
    logarithm of its probability."""

    def __init__(self, sources: Sequence[str], targets: Sequence[str] | None, found: Sequence[Translation]) -> None:
        self._names = ["source", *(["target"] if targets is not None else []), "written", "log_probability"]
        self._rows = [
            [source, *([] if targets is None else [targets[row]]), _text(one.target), round(one.log_probability, 6)]
            for row, (source, one) in enumerate(zip(sources, found, strict=True))
        ]

    def write_csv(self, path: Path) -> object:
        """Writes the table as CSV."""
        from elman.series.tables.files import write_rows

        return write_rows(path, [self._names, *self._rows])

    def write_parquet(self, path: Path) -> object:
        """Writes the table as Parquet; ModuleNotFoundError without polars."""
        import polars

        return polars.DataFrame(self._rows, schema=self._names, orient="row").write_parquet(path)


def _text(target: Any) -> str:
    return target if isinstance(target, str) else " ".join(map(str, target))
