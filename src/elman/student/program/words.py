"""What the parameters and methods of a program are, by their usual names. Names order what is tried; what a program
computes decides."""

from __future__ import annotations

import ast
import functools
import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any

__all__ = [
    "RATES",
    "backward_rank",
    "forward_rank",
    "is_rate",
    "kinds",
    "loss_rank",
    "plain_name",
    "returned_names",
    "stem",
]

RATES = (
    "learning_rate", "lr", "eta", "alpha", "rate", "step_size", "learn_rate", "learningrate", "l_rate", "lrate",
    "LEARNING_RATE", "LR", "ETA", "ALPHA",
)  # fmt: skip

# kind -> names, without underscores and in lower case
NAMES: dict[str, str] = {
    "x": "x xs xt xseq xbatch xin inputs input inp inps inputseq inputsequence inputsequences data seq seqs"
    " sequence sequences tokens words word sentence features batch signal xtrain trainx indices inputids ids"
    " char chars text u in",
    "y": "y t target targets label labels ytrue yt ytrain trainy desired expected truth wanted gold answer"
    " answers tgt targetseq yseq ybatch groundtruth actual classes ys ytarget reference",
    "out": "out outs output outputs yhat yhats ypred ypreds pred preds prediction predictions ps p probs prob"
    " probabilities o os logits got yout scores predicted",
    "hs": "hs h states hiddenstates hidden hiddens s a hid hstates statesequence hlist hseq ss st as",
    "h0": "h0 hprev prevh hinit a0 aprev sprev prevs initstate initialstate prevhidden hiddenprev state h hidden"
    " htm1 hlast lasth prevstate previoushidden s0 hiddenstate hstate hin initialhidden hin previousstate oldh"
    " hold a s",
    "c0": "c0 cprev prevc c cell cellstate prevcell cinit initialcell cellprev previouscell oldc cs",
    "dy": "dy dys dout douts dyhat grad grads gradout gradoutput doutput doutputs dldy delta deltas error errors"
    " err dloss upstream dl gradient lossgrad gradloss outputgrad dlogits dlossdy gradoutputs dz dlogit"
    " doutputlayer upstreamgrad",
    "dh": "dh dhnext dnexth dht danext da dhs dstate gradh dhout dhidden dnext gradhidden dhlast dhn dhtotal dhall"
    " dldh dhtp1 gradhnext ds",
    "dc": "dc dcnext dnextc dct dcout gradc dcell dcelln dldc",
    "cache": "cache caches tape memory ctx saved context mem trace history store caches states",
    "params": "params parameters weights theta model w ps param net p",
    "rate": " ".join(name.lower().replace("_", "") for name in RATES),
    "count": "epochs nepochs numepochs nepoch epoch iterations niter niters numiterations iters maxiter maxepochs"
    " nsteps numepoch updates",
    "rows": "batchsize nbatch minibatchsize",
    "quiet": "verbose printevery printloss report showprogress logevery show debug evaluatelossafter everyn",
}  # fmt: skip
KINDS = {kind: frozenset(names.split()) for kind, names in NAMES.items()}

FORWARD = ("forward", "fprop", "feedforward", "forwardpass", "forwardpropagation", "forwardprop", "forwardpropagate")
BACKWARD = ("backward", "bptt", "backprop", "bprop", "backwardpass", "backpropagation", "backpropagate", "backwardprop")
NEITHER = re.compile(
    r"check|plot|save|load|sample|generat|softmax|sigmoid|tanh|relu|clip|onehot|encode|decode|vocab|init|reset|zero"
    r"|copy|accuracy|evaluate|numeric|summary|read|make|shuffle|batches|preprocess|derivative|activation|dataset"
)


def plain_name(name: str) -> str:
    """Returns a name in lower case without underscores and other marks."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def is_rate(name: str) -> bool:
    """Returns whether a name is that of a learning rate."""
    return plain_name(name) in KINDS["rate"]


def kinds(name: str) -> list[str]:
    """Returns what a parameter of this name may be, most likely first; an empty list where the name says nothing."""
    word = plain_name(name)
    return [kind for kind, words in KINDS.items() if word in words]


def forward_rank(name: str) -> int | None:
    """Returns how likely a function of this name is a forward pass, 0 the most; None: it is none."""
    word = plain_name(name)
    if word in FORWARD:
        return 0
    if re.search(r"back|bptt|grad|loss|cost|train|fit|update|learn|optim|sgd|adam|bprop", word) or NEITHER.search(word):
        return None
    if re.search(r"forward|propagat|feed", word):
        return 1
    return 2 if re.search(r"predict|call|run|step|cell|process|output|pass", word) else 3


def backward_rank(name: str) -> int | None:
    """Returns how likely a function of this name gives gradients or makes an update, 0 the most; None: it does not."""
    word = plain_name(name)
    if word in BACKWARD:
        return 0
    if NEITHER.search(word) or re.search(
        r"^forward|feedforward|^predict|^loss$|^cost$|^computeloss|^calculateloss", word
    ):
        return None
    if re.search(r"back|bptt|bprop", word):
        return 1
    if re.search(r"grad|loss.*fun|lossandg|derive", word):
        return 2
    if re.search(r"trainstep|sgdstep|trainon|update|sgd|learn|step|optimi", word):
        return 3
    return 4 if re.search(r"train|fit", word) else 5


def stem(name: str) -> str:
    """Returns what is left of a name without its direction: "rnnstep" of rnn_step_forward and rnn_step_backward."""
    return re.sub(
        r"forward|feed|fprop|backward|back|bprop|propagation|propagate|prop|bptt|pass|through|time",
        "",
        plain_name(name),
    )


def loss_rank(name: str) -> int | None:
    """Returns how likely a function of this name computes the loss; None: it does not."""
    word = plain_name(name)
    if NEITHER.search(word) or re.search(r"grad|back|deriv|prime|lossfun$|bptt|total.*train", word):
        return None
    return 0 if re.search(r"loss|cost|error|crossentropy|mse|objective|nll|criterion", word) else None


def returned_names(function: Callable[..., Any]) -> list[str]:
    """Returns the names of what a function returns, in order, from its source; none where it cannot be read."""
    plain = inspect.unwrap(getattr(function, "__func__", function))
    return list(_returned(plain)) if inspect.isfunction(plain) else []


@functools.lru_cache(maxsize=256)
def _returned(function: Callable[..., Any]) -> tuple[str, ...]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, IndentationError):
        return ()
    found = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value is not None]
    if not found:
        return ()
    value = found[-1]
    items = value.elts if isinstance(value, ast.Tuple | ast.List) else [value]
    return tuple(_name(item) for item in items)


def _name(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript | ast.Call):
        if isinstance(node, ast.Call):
            node = node.args[0] if node.args and not isinstance(node.func, ast.Attribute) else node.func
        else:
            node = node.value
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
