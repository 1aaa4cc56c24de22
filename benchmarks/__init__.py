"""How fast elman is beside its peers, measured in turn, in one run, on the same work: `python -m benchmarks`."""
