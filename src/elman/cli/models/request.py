"""What `elman predict` was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from elman.cli.options import ColumnOptions, OutputOptions

__all__ = ["Request"]

FORECASTER, SERIES, LABELLED = "a forecaster", "a forecaster or a detector", "a classifier, a regressor or a tagger"
SEARCHING = "a model of `elman train translate` or `elman train speech`"


class Request(NamedTuple):
    """The model of a file, and what it is used for.

    model    the file;  loaded  what it holds
    given    DATA as it was typed: nothing, files, or texts
    source   the file that DATA stands for, if any;  stem  with which the names of outputs begin
    label    --label; the others are options of their names, None where they are not given
    """

    model: Path
    loaded: Any
    given: Sequence[str]
    source: Path | None
    stem: str
    columns: ColumnOptions
    label: str | None
    append: bool | None
    horizon: int | None
    future: Path | None
    best: bool
    plot: bool
    beam: int | None
    output: OutputOptions

    @property
    def inputs(self) -> list[Path]:
        """The files that are read, which no output may overwrite."""
        return [path for path in (self.model, self.source, self.future) if path is not None]

    def refuse(
        self,
        holds: str,
        *,
        forecast: bool = False,
        series: bool = False,
        labelled: bool = False,
        beam: bool = True,
        several: bool = True,
    ) -> None:
        """Raises ValueError for an option of models of another kind.

        holds   what the file holds, in words
        forecast, series, labelled, beam   whether options of a forecast, of reading series, of labels and of a search
                are refused; several: whether more than one DATA is
        """
        if beam:
            self._refuse(holds, SEARCHING, {"--beam": self.beam})
        if several and len(self.given) > 1:
            raise ValueError(f"DATA: expected one file, since {self.model} holds {holds}, got {len(self.given)}")
        if forecast:
            self._refuse(holds, FORECASTER, {"--horizon": self.horizon, "--future": self.future,
                                             "--best": self.best or None, "--append/--alone": self.append})  # fmt: skip
        if series:
            names = ("target", "zone", "freq", "skip_bad", "duplicates", "regular", "wide")
            usual = {field.name: field.default for field in fields(self.columns) if field.default is not MISSING}
            given = {f"--{name.replace('_', '-')}": getattr(self.columns, name) for name in names
                     if getattr(self.columns, name) != usual[name]}  # fmt: skip
            self._refuse(holds, SERIES, given)
        if labelled:
            self._refuse(holds, LABELLED, {"--label": self.label})

    def _refuse(self, holds: str, whose: str, given: Mapping[str, object]) -> None:
        for name, value in given.items():
            if value is not None:
                raise ValueError(f"{name}: expected it with {whose}, but {self.model} holds {holds}")
