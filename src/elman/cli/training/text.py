"""The options of `elman train text`: those of a LanguageModel, and a bound in minutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elman.cli import values
from elman.cli.options import Seed

if TYPE_CHECKING:
    from elman.text import LanguageModel

__all__ = ["TextOptions"]


def _count(name: str, help: str) -> Any:
    return typer.Option(name, metavar="N", min=1, help=help)


def _word(name: str, metavar: str, help: str) -> Any:
    return typer.Option(name, callback=values.decoded, metavar=metavar, help=help)


@dataclass(frozen=True)
class TextOptions:
    """How a language model is made and trained."""

    level: Annotated[str, _word("--level", "characters|bytes|words|subwords", "The pieces that a text is made of.")] = (
        "characters"
    )
    vocabulary_size: Annotated[int, _count("--vocabulary-size", "How many words or subwords.")] = 8000
    encoding: Annotated[str, _word("--encoding", "NAME", "The encoding of the files.")] = "utf-8"
    cell: Annotated[str, _word("--cell", "lstm|gru|tanh|relu", "The cell of the recurrent layers.")] = "lstm"
    hidden_size: Annotated[int, _count("--hidden-size", "Units of each recurrent layer.")] = 256
    num_layers: Annotated[int, _count("--layers", "Recurrent layers.")] = 1
    dropout: Annotated[
        float, typer.Option("--dropout", min=0.0, max=0.99, help="Dropout before and behind each recurrent layer.")
    ] = 0.2
    window: Annotated[int, _count("--window", "Pieces through which gradients go back.")] = 100
    batch_size: Annotated[int, _count("--batch-size", "Rows of the text that are read side by side.")] = 32
    updates: Annotated[
        int | None, _count("--updates", "Updates of the weights, rounded to whole passes over the text; default: 800.")
    ] = None
    minutes: Annotated[
        float | None,
        typer.Option(
            "--minutes", min=0.001, help="Take as many updates as fit into this time here; it says how many these are."
        ),
    ] = None
    learning_rate: Annotated[float, typer.Option("--learning-rate", min=1e-9, help="The highest learning rate.")] = 8e-3
    validation_fraction: Annotated[
        float,
        typer.Option(
            "--validation-fraction", min=0.0, max=0.9, help="Share of the text, at its end, that is held out."
        ),
    ] = 0.05
    seed: Seed = 0

    def model(self) -> LanguageModel:
        """Returns a model with these options; ValueError for one that no fit takes."""
        from elman.text import LanguageModel

        if self.updates is not None and self.minutes is not None:
            raise ValueError("--minutes: expected it or --updates, got both")
        named = {name: value for name, value in vars(self).items() if name != "minutes" and value is not None}
        made = LanguageModel(**named)
        made.check_options()
        return made
