"""From files, data frames and arrays to a checked panel of series.

What lies where:

    tables/           files, frames and arrays as columns of numbers and text
    dates/            cells and columns as times, in time zones, and written again as they were
    order/            rows in the order of their times, and on a regular grid
    joining/          known-future covariates and new rows joined to a panel
    columns.py        `Columns`: which columns of a table hold values, dates, ids and covariates
    sources.py        one series from any source;  panel_sources.py  a panel from any source
    targets.py        several columns of one table as a series each
    build.py          rows to one checked series: gaps, missing values
    calendar.py       `Calendar`: the step between rows;  season.py  the length of a season, found in the values
    series.py         `Series`: one checked series;  panel.py  `Panel`: many of them by their ids
    covariates.py     `Covariates`: what is known beside the values of one series
    inputs.py         `Inputs`: the covariates of a model, scaled, and laid out as the input of a network
    limits.py         bounds of values and options;  errors.py  `DataError`
    notes.py          what a reader should know of how data was read
"""
