"""How good a model of sequences is on sequences that it has not seen, beside simple models on the same ones.

What lies where:

    split.py      which sequences are held out, by their ids
    summary.py    sequences as rows of statistics and counts of tokens, for models that know no order
    baselines.py  the simple models
    confusion.py  which class was taken for which, and the errors of each
    report.py     all of it together: scores, the errors, a verdict
    verdict.py    whether a difference on the held-out sequences means something
"""
