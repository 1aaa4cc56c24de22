"""Tables of people's own data as sequences with labels.

What lies where:

    reading.py   `sequences`: a file or data frame in, `Sequences` out
    layout.py    `Layout`: which columns a table has for what, kept beside a model, so that fresh rows are read alike
    roles.py     which column holds the ids, the times, the labels, and which hold features
    forms.py     whether a table is in long form, in wide form, or one of texts
    wide.py texts.py   the forms besides the long one, each read into sequences
    order.py     the rows of each id, in the order of time
    labels.py    one label for each sequence, or one for each step
    kinds.py     numbers or text, and columns that only look like features
    source.py    a CSV file and a data frame as the same columns, with the place of each row for error messages
"""
