"""Saved models used again, one file a kind: `elman predict` calls `predict` of the file that `KINDS` names.

What lies where:

    request.py     what was asked: the model, DATA, the options
    forecaster.py detector.py labelled.py translator.py   the kinds
    reading.py     how fresh rows are read for models of series
"""
