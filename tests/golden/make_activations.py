"""Frozen values from PyTorch of sigmoid and softplus, in simple cells of all three sorts and in a dense layer.

python tests/golden/make_activations.py             writes activations.npz beside this program
python tests/golden/make_activations.py --check     computes it anew from the kept inputs; exit code 1 where one differs

Only descriptions come from elman; the arithmetic is PyTorch's, in float64, and every derivative is autograd's. For each
layout of `layouts` one vector: y, the gradient of sum(y dy), and dx.
"""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from elman.core.layers import Dense, Layout, Recurrent, Simple

PATH = Path(__file__).parent / "activations.npz"
B, T, D, H = 4, 6, 2, 12
ACTIVATIONS = {"sigmoid": torch.sigmoid, "softplus": functional.softplus}


def layouts() -> dict[str, Layout]:
    found: dict[str, Layout] = {}
    for name, sort in product(ACTIVATIONS, ("plain", "leaky", "norm")):
        cell = Simple(name, leak=0.3 if sort == "leaky" else None, layer_norm=sort == "norm")
        found[f"{name}-{sort}"] = Layout([Recurrent(H, cell), Dense(3, name)], D)
    return found


def main() -> int:
    kept = dict(np.load(PATH)) if "--check" in sys.argv else {}
    rng = np.random.default_rng(0)
    found = {"x": kept.get("x", rng.standard_normal((B, T, D))), "dy": kept.get("dy", rng.standard_normal((B, T, 3)))}
    for key, layout in layouts().items():
        given = kept.get(f"theta-{key}", rng.standard_normal(layout.size))
        theta, x = (torch.tensor(array, requires_grad=True) for array in (given, found["x"]))
        p = {each.name: theta[each.offset : each.offset + each.size].reshape(each.shape) for each in layout.parameters}
        name, sort = key.split("-")
        h, act, outputs = torch.zeros(B, H, dtype=torch.float64), ACTIVATIONS[name], []
        for t in range(T):
            a_x, a_h = x[:, t] @ p["weight_ih_l0"].T, h @ p["weight_hh_l0"].T
            if sort == "norm":
                a_x = functional.layer_norm(a_x, (H,), p["gain_ih_l0"])
                a_h = functional.layer_norm(a_h, (H,), p["gain_hh_l0"])
            s = act(a_x + a_h + p["bias_l0"])
            h = (1 - p["leak_l0"]) * h + p["leak_l0"] * s if sort == "leaky" else s
            outputs.append(act(h @ p["head.weight"].T + p["head.bias"]))
        y = torch.stack(outputs, 1)
        gradients = torch.autograd.grad((y * torch.tensor(found["dy"])).sum(), [theta, x])
        found[f"theta-{key}"] = given
        found[key] = np.concatenate([each.detach().numpy().ravel() for each in (y, *gradients)])
    if not kept:
        np.savez_compressed(PATH, **found)
        return 0
    worst = max(float(np.abs(found[key] - kept[key]).max() / np.abs(kept[key]).max()) for key in kept)
    print(f"activations: {len(kept)} arrays, largest relative difference {worst:.1e}")
    return int(worst > 1e-6)


if __name__ == "__main__":
    sys.exit(main())
