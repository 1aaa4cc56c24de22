"""What goes wrong in training, said in words: why it stopped, and what a look at the gates and gradients shows."""

from __future__ import annotations

from elman.train.doctor.examine import Dead, Examination, Finding, Memory, Saturation, Watch, examine
from elman.train.doctor.replay import Place
from elman.train.doctor.report import Extreme, Report, diagnose

__all__ = [
    "Dead",
    "Examination",
    "Extreme",
    "Finding",
    "Memory",
    "Place",
    "Report",
    "Saturation",
    "Watch",
    "diagnose",
    "examine",
]
