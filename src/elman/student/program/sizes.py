"""Finds the sizes D, H, O of a program: from its constructor's parameters, its attributes, or its arrays' shapes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from elman.student.program.words import is_rate, plain_name

__all__ = ["ROWS", "STEPS", "Sizes", "asks_for_outputs", "constructions", "from_arrays", "named_sizes"]

STEPS, ROWS = 5, 7  # of the data of the check; different from all sizes, so that a shape tells its meaning


class Sizes(NamedTuple):
    """Inputs (one-hot width for classes), hidden units, outputs."""

    inputs: int
    hidden: int
    outputs: int


WORDS = {
    "D": "inputsize inputdim ninputs nin nx d indim inputunits numinputs nfeatures features inputfeatures xdim"
    " inputnodes dimin insize inputs input inputneurons numfeatures inputshape ninput numinput insz",
    "H": "hiddensize hiddendim nhidden h nh na hiddenunits numhidden hidden units hiddennodes nunits hiddenneurons"
    " dimhidden statesize rnnsize hiddens hdim hsize statedim numunits nneurons cellsize hiddenlayersize"
    " ncells nhiddens numhiddens memorysize hid",
    "O": "outputsize outputdim noutputs nout ny o numclasses nclasses classes outdim outputunits numoutputs"
    " outputs output outputnodes dimout outsize outputneurons ydim numoutput noutput targetsize labels"
    " numlabels tagsetsize outsz",
    "V": "vocabsize worddim vocab nvocab numwords charsize alphabetsize v dictsize numtokens vocabularysize voc"
    " ntokens",
    "T": "seqlength seqlen sequencelength timesteps t maxlen nsteps steps timestep windowsize lookback tsteps"
    " bpttsteps maxseqlen window tx",
    "B": "batchsize nbatch minibatchsize",
    "all": "layers sizes layersizes dims shape layerdims dimensions",
}  # fmt: skip
KIND = {word: kind for kind, words in WORDS.items() for word in words.split()}


def constructions(kind: Callable[..., Any]) -> Iterator[tuple[dict[str, Any], Sizes]]:
    """Yields arguments by name that may construct a student's class, and the sizes that it then has."""
    try:
        parameters = list(inspect.signature(kind).parameters.values())
    except (TypeError, ValueError):
        return
    if [p.kind for p in parameters] == [inspect.Parameter.VAR_POSITIONAL]:
        yield {"*": (2, 4, 3)}, Sizes(2, 4, 3)
        return
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    said = {p.name: KIND.get(plain_name(p.name)) for p in named}
    roles = set(said.values())
    if (
        ("V" in roles and "D" in roles) or "V" in roles or not roles & {"O", "all"}
    ):  # an embedding: classes come in, D is its width
        sizes = Sizes(3, 4, 3)
    else:
        sizes = Sizes(2, 4, 3)
    unknown = [p for p in named if said[p.name] is None and _asked(p)]
    free = [role for role in "DHO" if role not in roles]
    if unknown and roles.isdisjoint({"all", "D", "H", "O", "V"}) and len(unknown) == 3:
        sizes = Sizes(2, 4, 3)
    # with a vocabulary, D is the width of an embedding
    values = {"D": 2 if {"V", "D"} <= roles else sizes.inputs, "H": sizes.hidden, "O": sizes.outputs, "V": sizes.inputs}
    values |= {"T": STEPS, "B": ROWS, "all": list(sizes)}
    arguments: dict[str, Any] = {}
    for parameter in named:
        role = said[parameter.name]
        if role is not None and not isinstance(parameter.default, str | bool):
            arguments[parameter.name] = values[role]
        elif is_rate(parameter.name):
            arguments[parameter.name] = 0.1
        elif "truncat" in parameter.name.lower():
            arguments[parameter.name] = 1000
        elif parameter in unknown:
            arguments[parameter.name] = _other(parameter, free, values)
    if "B" in roles:  # some programs are written for one row
        yield {**arguments, **{name: 1 for name, role in said.items() if role == "B" and name in arguments}}, sizes
    yield arguments, sizes
    if not {"O", "V", "all"} & roles:  # a series of numbers
        yield {**arguments, **{name: 1 for name, role in said.items() if role == "D"}}, Sizes(1, 4, 1)


def asks_for_outputs(arguments: Mapping[str, Any]) -> bool:
    """Returns whether a constructor's arguments say the number of outputs."""
    roles = {KIND.get(plain_name(name)) for name in arguments}
    unknown = [name for name in arguments if KIND.get(plain_name(name)) is None and not is_rate(name)]
    return bool(roles & {"O", "V", "all"}) or "*" in arguments or len(unknown) >= 3


def _asked(parameter: inspect.Parameter) -> bool:
    return (
        parameter.default is parameter.empty and not is_rate(parameter.name) and "truncat" not in parameter.name.lower()
    )


def _other(parameter: inspect.Parameter, free: list[str], values: Mapping[str, Any]) -> Any:
    """Returns a value for a parameter whose name says nothing of sizes."""
    word = plain_name(parameter.name)
    if "activ" in word or "nonlin" in word:
        return "tanh"
    if re.search(r"seed|random|rng", word):
        return 0
    if re.search(r"epoch|iter", word):
        return 1
    if re.search(r"layers?$|depth", word):
        return 1
    if re.search(r"scale|std|clip|beta|momentum|decay|eps|lambda|reg", word):
        return {"momentum": 0.0, "decay": 0.0, "lambda": 0.0, "reg": 0.0}.get(word, 1.0)
    return values[free.pop(0)] if free else 1


def named_sizes(owner: Any) -> Sizes | None:
    """Returns the sizes that an object or module has as attributes; None where one is missing."""
    found: dict[str, int] = {}
    for name, value in getattr(owner, "__dict__", {}).items():
        role = KIND.get(plain_name(name))
        if role in ("D", "H", "O", "V") and isinstance(value, int | np.integer) and not isinstance(value, bool):
            found.setdefault(role, int(value))
    for role, names in (
        ("D", "input_size input_dim"),
        ("H", "hidden_size hidden_dim"),
        ("O", "output_size output_dim"),
    ):
        value = next((getattr(owner, name) for name in names.split() if hasattr(owner, name)), None)
        if isinstance(value, int | np.integer):
            found[role] = int(value)
    vocabulary = found.get("V")
    inputs, outputs = vocabulary or found.get("D"), found.get("O", vocabulary)
    if inputs is None or "H" not in found:
        return None
    return Sizes(inputs, found["H"], outputs if outputs is not None else inputs)


def from_arrays(shapes: list[tuple[int, ...]]) -> list[Sizes]:
    """Returns the sizes that shapes of weights allow: H is a square matrix's side (or a gate's), D and O stand beside
    it."""
    matrices = [shape for shape in shapes if len(shape) == 2 and min(shape) > 0]
    hidden: list[int] = []
    for a, b in matrices:
        for small, large in ((a, b), (b, a)):
            if large in (small, 3 * small, 4 * small) and small > 1 and small not in hidden:
                hidden.append(small)
    if not hidden:  # [h, x] joined in one matrix: (H, H + D)
        hidden = sorted({min(shape) for shape in matrices if min(shape) > 1})
    found: list[Sizes] = []
    for h in hidden:
        beside: list[int] = []
        for a, b in matrices:
            for small, large in ((a, b), (b, a)):
                if large % h == 0 and large // h in (1, 3, 4) and small != h and small not in beside:
                    beside.append(small)
                if small in (h, 4 * h, 3 * h) and large > h and large % h and large - h not in beside:
                    beside.append(large - h)
        if not beside:
            beside = [h]
        found += [Sizes(d, h, o) for d in beside for o in beside if d != o or len(beside) == 1]
        found += [Sizes(d, h, d) for d in beside if len(beside) > 1]
    return found[:8]
