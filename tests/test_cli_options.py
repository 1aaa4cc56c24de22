"""The bundles of options: what typer is given for them, and that each option is the same in every command."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

import pytest
import typer

from elman.cli import commands
from elman.cli.app import app
from elman.cli.bundle import expanded
from elman.cli.options import CovariateOptions, ForecasterOptions, OutputOptions
from elman.forecast import Forecaster

Horizon = Annotated[int, typer.Option("--horizon", help="Rows to forecast.")]


@dataclass(frozen=True)
class Read:
    target: Annotated[str, typer.Option("--target")] = "y"
    horizon: Horizon = 3


def command(data: Annotated[str, typer.Argument()], *, read: Read, best: bool = False) -> tuple[Any, ...]:
    """Does a thing."""
    return data, read, best


def parameters(function: Any) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(function, eval_str=True).parameters)


def test_a_bundle_stands_for_its_fields():
    found = expanded(command)
    assert (found.__name__, found.__doc__) == ("command", "Does a thing.")
    assert list(parameters(found)) == ["data", "target", "horizon", "best"]
    assert [each.default for each in parameters(found).values()] == [inspect.Parameter.empty, "y", 3, False]
    assert parameters(found)["horizon"].annotation == Horizon
    assert found(data="a", target="b", horizon=4, best=True) == ("a", Read("b", 4), True)


def test_typer_reads_them():
    small = typer.Typer()
    said: list[Any] = []

    def run(*, read: Read) -> None:
        said.append(read)

    small.command()(expanded(run))
    small(["--horizon", "7"], standalone_mode=False)
    assert said == [Read("y", 7)]


def spoken(parameter: inspect.Parameter) -> tuple[Any, ...]:
    """Type, default, name, help and checks of an option."""
    kind, option = get_args(parameter.annotation)
    return kind, parameter.default, vars(option)


COMMANDS = {str(each.callback.__name__): each.callback for each in app.registered_commands if each.callback is not None}


def test_every_file_of_commands_is_a_command():
    folder = Path(commands.__path__[0])
    files = {"_".join(path.relative_to(folder).with_suffix("").parts) for path in folder.rglob("[!_]*.py")}
    demos = {f"{group.name}_{each.callback.__name__}" for group in app.registered_groups
             for each in group.typer_instance.registered_commands}  # fmt: skip
    assert files == set(COMMANDS) | demos


def test_forecast_and_backtest_differ_in_few_options():
    forecast, backtest = parameters(COMMANDS["forecast"]), parameters(COMMANDS["backtest"])
    assert forecast.keys() - backtest.keys() == {"best", "actual"}
    assert backtest.keys() - forecast.keys() == {"step", "refit"}
    for name in forecast.keys() & backtest.keys():
        assert spoken(forecast[name]) == spoken(backtest[name]), name


@pytest.mark.parametrize(
    "option", ["target", "time", "id", "freq", "skip_bad", "horizon", "season", "effort", "out", "seed"]
)
def test_an_option_is_the_same_in_every_command(option: str):
    found = [parameters(each)[option] for each in COMMANDS.values() if option in parameters(each)]
    assert len(found) >= 2
    assert all(spoken(each) == spoken(found[0]) for each in found)


def test_every_option_of_a_forecaster_is_handed_on():
    data = {"freq": "D", "missing": "mask", "skip_bad": True, "duplicates": "mean", "regular": None}
    plain = {"horizon": 5, "context": 9, "windows": 2, "distribution": "quantiles", "effort": "fast", "hidden_size": 3,
             "members": 4, "updates": 6, "seed": 8}  # fmt: skip
    made = ForecasterOptions(season="7", calendar="day,week", levels="80", models="network", **plain).forecaster(
        CovariateOptions(**data)
    )
    parsed = {"season": 7, "calendar": ["day", "week"], "levels": (80.0,), "models": ["network"]}
    not_of_the_command_line = {"holidays": None, "cell": None, "skip_seasons": 1, "boxcox_lambda": None}
    assert made.get_params() == data | plain | parsed | not_of_the_command_line


def test_defaults_are_those_of_python():
    assert ForecasterOptions().forecaster(CovariateOptions()).get_params() == Forecaster().get_params()


def test_columns_are_read_by_name():
    how = {"time": "year,quarter", "date_format": "%YQ%q", "zone": "Europe/Berlin"}
    names = CovariateOptions(target="sales", id="shop", past="a,b", static="c", **how).columns()
    assert names == ("sales", "year,quarter", "shop", ["a", "b"], None, ["c"], "%YQ%q", "Europe/Berlin")


@pytest.mark.parametrize(("to", "ending"), [("csv", ".forecast.csv"), ("parquet", ".forecast.parquet")])
def test_tables_end_as_asked(to: str, ending: str):
    if to == "parquet":
        pytest.importorskip("polars")
    assert OutputOptions(to=to).table(".forecast") == ending


def test_masked_values_are_not_offered_where_no_model_takes_them():
    found = [parameters(COMMANDS[name])["missing"] for name in ("forecast", "anomalies")]
    assert [each.default for each in found] == ["error", "error"]
    assert ["mask" in spoken(each)[2]["help"] for each in found] == [True, False]


def test_the_earlier_name_of_distribution_works_with_a_warning():
    with pytest.warns(FutureWarning, match="--head is called --distribution now"):
        made = ForecasterOptions(head="quantiles").forecaster(CovariateOptions())
    assert made.distribution == "quantiles"
