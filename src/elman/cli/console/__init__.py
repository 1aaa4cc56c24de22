"""What the commands print, apart from the commands: one file a subject.

terminal.py   lines, tables, numbers, JSON, errors and progress on stdout and stderr
series.py     what was read and what was left out
forecasts.py  forecasts and backtests;  anomalies.py  alarms;  bench.py  timings;  demos.py  the experiments
"""
