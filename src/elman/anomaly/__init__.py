"""Anomaly detection in a series: one-step forecast errors, scores of how rare they are, and a set false alarm rate.

    detector = AnomalyDetector(rate=3e-5).fit("machine.csv")      # fitted to the first 15 % of the rows
    detector.anomalies_.alarms                                    # first, last, score, kind, ... of each
    detector.anomalies_.write_csv("machine.anomalies.csv"); detector.anomalies_.plot("machine.png")
    score, is_anomaly = detector.score_one(71.3)                  # the next value, as it comes
    detector.detect(more)                                         # many next values
    detector.save("machine.safetensors"); elman.load("machine.safetensors").score_one(70.9)

The files of this package:

    profile.py       season profile: seasonal effects and dispersion, with or without logarithms
    network.py       the network's inputs, its training, and its cross-validated forecasts
    calibration.py   from errors to normal scores and scores
    model.py         all of these together, fitted to the first rows
    state.py         what changes from row to row;  monitor.py  scores one value at a time
    continuation.py  whether and when new rows follow the last one seen
    detector.py      `AnomalyDetector`;  options.py  its options;  result.py  `Anomalies`, `Alarm`
    saved.py         the content of a detector's file;  legacy.py  files of version 0.1.0
    many.py          many series, each with a detector of its own
    together/        several variables, one alarm: `MultivariateDetector`, `JointAnomalies`
    online/          what later rows teach: seasons, their place, the distribution of errors, how often alarms came;
                     when an alarm begins and ends; gross values among the first rows
    words/           the kind of an alarm, and what a reader should know

Data that cannot be used raise `elman.forecast.DataError`, a ValueError whose message is one line that says where the
fault is and what to do.
"""

from __future__ import annotations

from elman.anomaly.detector import AnomalyDetector
from elman.anomaly.result import Alarm, Anomalies
from elman.anomaly.together.detector import MultivariateDetector
from elman.anomaly.together.result import JointAlarm, JointAnomalies

__all__ = ["Alarm", "Anomalies", "AnomalyDetector", "JointAlarm", "JointAnomalies", "MultivariateDetector"]
