"""Anomalies in a series: one-step forecast errors, how rare they are, and alarms at a stated rate of false ones.

    detector = AnomalyDetector(rate=3e-5).fit("machine.csv")      # the first 15 % of the rows are learned from
    detector.anomalies_.alarms                                    # first, last, score, ... of each
    detector.anomalies_.write_csv("machine.anomalies.csv"); detector.anomalies_.plot("machine.png")
    score, is_anomaly = detector.score_one(71.3)                  # the next value, as it comes
    detector.detect(more)                                         # many next values
    detector.save("machine.safetensors"); elman.load("machine.safetensors").score_one(70.9)

What lies where:

    shape.py         the course of a season, logarithms or not
    network.py       what the network reads, its training, its forecasts of rows it did not learn from
    calibration.py   from errors to how rare they are: the score
    learned.py       all of these put together
    monitor.py       one value at a time
    following.py     whether and when new rows follow the last one seen
    detector.py      `AnomalyDetector`;  options.py  its options, checked;  result.py  `Anomalies`, `Alarm`
    saved.py         what its file holds;  legacy.py  files of 0.1.0
    many.py          many series, each with a detector of its own

Bad data raises `elman.forecast.DataError`, a ValueError of one line that says where and what to do.
"""

from __future__ import annotations

from elman.anomaly.detector import AnomalyDetector
from elman.anomaly.result import Alarm, Anomalies

__all__ = ["Alarm", "Anomalies", "AnomalyDetector"]
