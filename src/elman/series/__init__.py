"""From files, data frames and arrays to checked series: one, or many by their ids.

What lies where:

    delimited.py a CSV file to a table;  table.py  columns of text by name, every error with file, line and column
    cells.py     such columns held compactly;  parquet.py  a Parquet file, tried in a process of its own
    dates.py     dates as people write them;  moments.py  many at once;  calendar.py  the step between rows, gaps, what
                 follows
    columns.py   which columns: a file, a data frame, an array becomes a series;  rows.py  where its rows came from
    arrays.py    numbers and dates of arrays, checked;  numbers.py  text to numbers
    frames.py    data frames of any library, read and answered;  files.py  tables as files
    series.py    `Series`: one checked series; missing values and gaps;  panel.py  many of them by their ids
    covariates.py  what is known beside a series, and how it is seen;  ahead.py  what is given of the rows to come
    newer.py     new rows of series, joined;  season.py  the length of a season, found in the values
    limits.py    how large values may be, and how much may be asked for
    errors.py    `DataError`, a ValueError of one line that says where and what to do
"""
