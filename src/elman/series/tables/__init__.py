"""Files, data frames and arrays as columns of numbers, dates and text.

What lies where:

    files.py      the bytes of a file, a pipe or standard input, unpacked; CSV files written
    delimited.py  a CSV file as a `Table`: heading.py  its delimiter, comments, header, units;  body.py  its rows
    parquet.py    a Parquet file, read first in a process of its own
    table.py      `Table`: columns of text by name;  cells.py  their cells, held compactly
    numbers.py    cells of text as numbers;  frames.py arrays.py  data frames and arrays of other libraries
    rows.py       `Rows`: where rows came from, so that an error can name the file, line and column
"""
