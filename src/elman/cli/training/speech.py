"""The options of `elman train speech`: those of a SpeechModel, and a bound in minutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elman.cli import values
from elman.cli.options import Seed

if TYPE_CHECKING:
    from elman.speech import SpeechModel

__all__ = ["SpeechOptions"]

# enough for sounds made by rule, whose keys differ by 10 % in frequency
TONES: dict[str, Any] = {"hidden_size": 48, "num_layers": 1, "updates": 400, "learning_rate": 5e-3, "speed": 0.015}


def _count(name: str, help: str, least: int = 1) -> Any:
    return typer.Option(name, metavar="N", min=least, help=help)


def _number(name: str, help: str, most: float | None = None) -> Any:
    return typer.Option(name, metavar="X", min=0.0, max=most, help=help)


@dataclass(frozen=True)
class SpeechOptions:
    """How a recogniser is made and trained."""

    level: Annotated[
        str,
        typer.Option(
            "--level", callback=values.decoded, metavar="characters|words", help="What the labels are cut into."
        ),
    ] = "characters"
    rate: Annotated[
        int | None, _count("--rate", "Samples a second that the model reads; default: those of the first sound.")
    ] = None
    mono: Annotated[bool, typer.Option("--mono", help="Take the mean of sounds of several channels.")] = False
    resample: Annotated[bool, typer.Option("--resample", help="Bring sounds at another rate to the model's.")] = False
    bands: Annotated[int, _count("--bands", "Mel bands of a frame of the spectrum.")] = 40
    stack: Annotated[int, _count("--stack", "Frames, one every 10 ms, that are read together as one step.")] = 3
    cell: Annotated[
        str, typer.Option("--cell", callback=values.decoded, metavar="lstm|gru|tanh|relu", help="The cell.")
    ] = "gru"
    hidden_size: Annotated[
        int | None, _count("--hidden-size", "Units of each recurrent layer and direction; default: 128; tones: 48.")
    ] = None
    num_layers: Annotated[int | None, _count("--layers", "Recurrent layers; default: 2; tones: 1.")] = None
    one_way: Annotated[
        bool,
        typer.Option("--one-way", help="Read sounds forwards alone, as a model must that listens while they come."),
    ] = False
    dropout: Annotated[float, _number("--dropout", "Dropout behind each recurrent layer.", 0.95)] = 0.2
    speed: Annotated[
        float | None,
        _number("--speed", "In training, sounds are faster or slower by up to this share; default: 0.1.", 0.5),
    ] = None
    batch_size: Annotated[int, _count("--batch-size", "Sounds of an update.")] = 16
    updates: Annotated[
        int | None, _count("--updates", "Updates of the weights, made up to whole passes; default: 1000; tones: 400.")
    ] = None
    minutes: Annotated[
        float | None,
        typer.Option(
            "--minutes", min=0.001, help="Take as many updates as fit into this time here; it says how many these are."
        ),
    ] = None
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", min=1e-9, help="The highest learning rate; default: 0.003.")
    ] = None
    validation: Annotated[
        float, typer.Option("--validation", min=0.0, max=0.9, help="Share of the sounds that is held out.")
    ] = 0.1
    seed: Seed = 0

    def model(self, tones: bool) -> SpeechModel:
        """Returns a model with these options, and the defaults for the tones made by rule if they are its sounds;
        ValueError for one that no fit takes."""
        from elman.speech import SpeechModel

        if self.updates is not None and self.minutes is not None:
            raise ValueError("--minutes: expected it or --updates, got both")
        others = ("minutes", "mono", "one_way", "validation")
        named = {name: value for name, value in vars(self).items() if name not in others and value is not None}
        made = SpeechModel(
            **((TONES if tones else {}) | named),
            channels="mean" if self.mono else "error",
            bidirectional=not self.one_way,
            validation_fraction=self.validation,
        )
        made.check_options()
        return made
