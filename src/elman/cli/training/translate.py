"""The options of `elman train translate`: those of an EncoderDecoder, and a bound in minutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elman.cli import values
from elman.cli.options import Seed

if TYPE_CHECKING:
    from elman.seq2seq import EncoderDecoder

__all__ = ["TranslateOptions"]

LEVELS = ("characters", "words", "subwords")
RARE = 2  # words that occur less often are unknown ones, unless --min-count says otherwise


def _count(name: str, help: str) -> Any:
    return typer.Option(name, metavar="N", min=1, help=help)


def _word(name: str, metavar: str, help: str) -> Any:
    return typer.Option(name, callback=values.decoded, metavar=metavar, help=help)


def _share(name: str, most: float, help: str) -> Any:
    return typer.Option(name, min=0.0, max=most, help=help)


@dataclass(frozen=True)
class TranslateOptions:
    """How an EncoderDecoder is made and trained."""

    level: Annotated[
        str | None,
        _word(
            "--level",
            "LEVEL[,LEVEL]",
            "The pieces of sources and targets: characters, words (between white space) or subwords, or one for each:"
            " characters,words; default: words, but characters of a column that holds one word a row.",
        ),
    ] = None
    vocabulary_size: Annotated[int, _count("--vocabulary-size", "How many pieces of sources and of targets.")] = 8000
    min_count: Annotated[
        int | None,
        _count("--min-count", "Pieces that occur less often are unknown ones; default: 2 for words, else 1."),
    ] = None
    unknown: Annotated[
        str | None,
        _word(
            "--unknown",
            "error|skip|<unk>",
            "What an unknown piece is: an error, left out, or a piece of its own; default: <unk> where there are words,"
            " else error.",
        ),
    ] = None
    cell: Annotated[str, _word("--cell", "gru|lstm|tanh|relu", "The cell of the recurrent layers.")] = "gru"
    hidden_size: Annotated[
        int | None, _count("--hidden-size", "Units of each recurrent layer and direction; default: 256.")
    ] = None
    num_layers: Annotated[int, _count("--layers", "Recurrent layers of the encoder and of the decoder.")] = 1
    attention: Annotated[
        str, _word("--attention", "general|dot|additive|none", "How the decoder looks at the source.")
    ] = "general"
    shared: Annotated[
        bool, typer.Option("--shared", help="One vocabulary and one embedding for sources and targets.")
    ] = False
    tied: Annotated[bool, typer.Option("--tied", help="Output weights are the targets' embedding.")] = False
    dropout: Annotated[float, _share("--dropout", 0.99, "Dropout of embeddings, between layers and at the output.")] = (
        0.3
    )
    label_smoothing: Annotated[
        float, _share("--label-smoothing", 0.99, "Share of a target's probability spread over all pieces.")
    ] = 0.1
    max_length: Annotated[
        int | None, _count("--max-length", "Pieces; longer pairs are not learned from; default: no bound.")
    ] = None
    batch_size: Annotated[int, _count("--batch-size", "Pairs of an update.")] = 64
    updates: Annotated[
        int | None,
        _count("--updates", "Updates of the weights, rounded to whole passes over the pairs; default: 2000."),
    ] = None
    minutes: Annotated[
        float | None,
        typer.Option(
            "--minutes", min=0.001, help="Take as many updates as fit into this time here; it says how many these are."
        ),
    ] = None
    learning_rate: Annotated[float, typer.Option("--learning-rate", min=1e-9, help="The highest learning rate.")] = 3e-3
    validation_fraction: Annotated[
        float, _share("--validation-fraction", 0.9, "Share of the pairs, drawn by the seed, that is held out.")
    ] = 0.05
    seed: Seed = 0

    def model(self, sources: list[str], targets: list[str]) -> EncoderDecoder:
        """Returns a model with these options for these pairs; ValueError for one that no fit takes."""
        from elman.pieces.symbols import UNKNOWN
        from elman.seq2seq import EncoderDecoder

        if self.updates is not None and self.minutes is not None:
            raise ValueError("--minutes: expected it or --updates, got both")
        levels = _usual(sources, targets) if self.level is None else _levels(self.level)
        words = "words" in levels
        own: dict[str, Any] = {
            "level": levels[0] if levels[0] == levels[1] else levels,
            "min_count": self.min_count or (RARE if words else 1),
            "unknown": self.unknown or (UNKNOWN if words else "error"),
            "attention": None if self.attention == "none" else self.attention,
        }
        named = {name: value for name, value in vars(self).items() if name != "minutes" and value is not None}
        made = EncoderDecoder(**(named | own))
        made.check_options()
        return made


def _levels(given: str) -> tuple[str, str]:
    parts = [part.strip() for part in given.split(",")]
    if len(parts) > 2 or not all(part in LEVELS for part in parts):
        raise ValueError(f"--level: expected {', '.join(LEVELS)}, or two of them: characters,words, got {given!r}")
    return parts[0], parts[-1]


def _usual(sources: list[str], targets: list[str]) -> tuple[str, str]:
    """Returns "words" for texts of several words, and "characters" for those of one."""
    one, other = (
        "words" if any(len(text.split()) > 1 for text in texts) else "characters" for texts in (sources, targets)
    )
    return one, other
