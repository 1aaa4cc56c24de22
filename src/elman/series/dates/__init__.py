"""Dates: read from cells of text in many forms, placed in time zones, and written again as they were.

What lies where:

    column.py         which column of a table holds the times, or which together;  sources.py  what is read of a table
    joined.py         the cells of several columns as one date each
    times.py          columns, lists and arrays as times, checked
    reading.py        cells of text as dates;  forms.py  the forms that are read;  counts.py  numbers that count time
    moments.py        many cells of one pattern as moments at once
    style.py          `Style`: how dates are written
    zones.py          UTC and the clocks of a time zone;  local_time.py  times of clocks that change, without an offset
"""
