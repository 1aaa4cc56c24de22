"""Trains a small network to decide on noisy evidence, and finds its fixed points (Sussillo and Barak 2013).

Run `python examples/fixed_points.py`. It takes a few seconds and writes fixed_points.png. The network sees evidence for
left or right, remembers its decision, and answers when the fixation cue goes out. The plot shows the time before that:
without evidence the state rests at one of two stable points, which are the decisions. Between them lies a saddle, and
the evidence pushes the state to one side of it. Other seeds may give more points, such as one for undecided.
"""

from __future__ import annotations

import numpy as np

import elman
from elman.datasets import perceptual_decision, psychometric

STEPS, DELAYS, NOISE = 50, (4, 12, 20), 0.5
HOLD = (1.0, 0.0)  # the fixation cue is on, and there is no evidence


def main() -> None:
    tasks = [perceptual_decision(1000, STEPS, seed=d, delay=d, noise=NOISE) for d in DELAYS]
    network = elman.Network(2, 32, 1, cell="tanh", seed=1)
    trainer = elman.Trainer(network, optimizer=elman.optim.Adam(1e-3), clip_norm=1.0)
    trainer.fit(np.concatenate([task.x for task in tasks]), np.concatenate([task.y for task in tasks]), epochs=100)

    test = perceptual_decision(1000, STEPS, seed=100, delay=12, noise=NOISE)
    print(f"test loss {network.loss(test.x, test.y):.3f}; without memory {test.memoryless:.3f}")
    for coherence, right in psychometric(test, network.predict(test.x)).items():
        print(f"coherence {coherence:5.3f}: {right:.0%} right")

    points = elman.inspect.fixed_points(network, HOLD, data=test.x)
    print(points)

    answer = STEPS - STEPS // 5  # the step at which the cue goes out
    elman.plots.fixed_points_plot(
        points,
        "fixed_points.png",
        trajectories=network.hidden(test.x[:40, :answer]),
        groups=test.y[:40, -1, 0],
        labels={-1: "evidence for left", 1: "evidence for right"},
        title="Two decisions, and the saddle between them",
    )


if __name__ == "__main__":
    main()
