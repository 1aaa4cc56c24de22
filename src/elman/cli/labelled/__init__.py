"""Sequences with labels on the command line: what `elman train classify | regress | tag` and `elman predict` share.

What lies where:

    options.py   the options, in bundles
    tasks.py     what the three commands differ in
    training.py  a run of one of them: read, hold out, train, score, write
    table.py     predictions as a table
"""
