"""A paper's recurrent network learns a sine wave, and a better loss learns it a million times better.

Run it: python examples/sine_wave.py. It writes sine.png. The experiment itself is src/elman/classic/sine.py;
`elman demo sine` tells the same story with a table.
"""

from __future__ import annotations

from elman.classic import sine

if __name__ == "__main__":
    found = sine.run(report=print)
    print(f"\n{'network':22}  test MSE of the last step")
    for run in (found.paper, *found.improved):
        print(f"{run.name:22}  {run.error:.1e}")
    print(f"\nplain NumPy would take about {found.plain_seconds:.0f} s, extrapolated from {found.timed_seconds:.1f} s")
    print(f"ours took {found.paper.seconds:.1f} s; the weights of both differ by at most {found.difference:.0e}")
    sine.draw(found, "sine.png")
