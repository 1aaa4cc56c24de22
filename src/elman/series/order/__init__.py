"""Rows in the order of their times.

What lies where:

    in_order.py   rows sorted, one for each time, or on a grid
    grid.py       times put onto a regular grid
    several.py    a column that seems to hold the ids of several series
"""
