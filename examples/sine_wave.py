"""Trains a paper's recurrent network on a sine wave, and the same network with a loss on the last step alone.

Run `python examples/sine_wave.py`. It prints the test errors and writes sine.png. The experiment is in
src/elman/classic/sine.py; `elman demo sine` prints it as a table.
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
