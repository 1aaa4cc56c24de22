"""What is joined to the series of a panel.

What lies where:

    ahead.py   known-future covariates that are given apart from the history
    newer.py   new rows of its series, and new series
"""
