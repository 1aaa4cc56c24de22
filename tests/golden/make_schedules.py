"""Frozen factors of PyTorch 2.13's learning rate schedulers, for test_schedules.py.

python tests/golden/make_schedules.py            writes schedules.json beside this program
python tests/golden/make_schedules.py --check    computes them anew; exit code 1 where one differs by more than 1e-12

Every list holds the learning rate at update 0, 1, ... of an optimiser whose own is 1 (of ReduceLROnPlateau: before each
of the kept losses, and after the last).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.optim import lr_scheduler as torch_schedules

PATH = Path(__file__).with_name("schedules.json")
COUNT = 40
LOSSES = [3.0, 2.0, 2.5, 1.9999, 1.9, 2.0, 2.0, 1.95, 1.0, 0.9, 1.1, 1.2, 0.95, 1.0, 1.0, 1.0, 1.0, 1.0, 0.8, 0.8]

Make = Callable[[torch.optim.Optimizer], Any]


def rates(make: Make, count: int = COUNT, losses: list[float] | None = None) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = make(optimizer)
    found = [optimizer.param_groups[0]["lr"]]
    for loss in losses or [None] * (count - 1):
        optimizer.step()
        schedule.step(*([] if loss is None else [loss]))
        found.append(optimizer.param_groups[0]["lr"])
    return [float(rate) for rate in found]


def warm_then_cosine(optimizer: torch.optim.Optimizer) -> Any:
    """LinearLR's factor reaches 1 at its `total_iters`, where the cosine takes over at its own 0."""
    warm = torch_schedules.LinearLR(optimizer, start_factor=1 / 8, total_iters=7)
    cosine = torch_schedules.CosineAnnealingLR(optimizer, T_max=20)
    return torch_schedules.SequentialLR(optimizer, [warm, cosine], milestones=[8])


def plateau(**options: Any) -> list[float]:
    return rates(lambda o: torch_schedules.ReduceLROnPlateau(o, **options), losses=LOSSES)


def values() -> dict[str, list[float]]:
    t = torch_schedules
    return {
        "losses": LOSSES,
        "constant": rates(lambda o: t.ConstantLR(o, factor=0.5, total_iters=1000)),
        "step": rates(lambda o: t.StepLR(o, step_size=7, gamma=0.3)),
        "exponential": rates(lambda o: t.ExponentialLR(o, gamma=0.9)),
        "cosine": rates(lambda o: t.CosineAnnealingLR(o, T_max=30), count=31),
        "cosine floor": rates(lambda o: t.CosineAnnealingLR(o, T_max=30, eta_min=0.2), count=31),
        "warm up": rates(lambda o: t.LinearLR(o, start_factor=0.1, total_iters=9)),
        "warm up, cosine": rates(warm_then_cosine, count=29),
        "one cycle": rates(lambda o: t.OneCycleLR(o, max_lr=1.0, total_steps=COUNT, cycle_momentum=False)),
        "one cycle 2": rates(
            lambda o: t.OneCycleLR(
                o, max_lr=1.0, total_steps=25, pct_start=0.5, div_factor=4, final_div_factor=10, cycle_momentum=False
            ),
            count=25,
        ),
        "plateau": plateau(factor=0.1, patience=2),
        "plateau cooldown": plateau(factor=0.5, patience=0, cooldown=2, threshold=0.05, min_lr=0.2),
    }


def main() -> int:
    found = values()
    if "--check" not in sys.argv[1:]:
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(rates)}" for name, rates in found.items())
        PATH.write_text(f"{{\n{lines}\n}}\n", "utf-8")
        return 0
    kept = json.loads(PATH.read_text("utf-8"))
    same = kept.keys() == found.keys() and all(
        len(kept[name]) == len(found[name])
        and max(abs(a - b) for a, b in zip(kept[name], found[name], strict=True)) <= 1e-12
        for name in found
    )
    print("the same" if same else "DIFFERENT")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
