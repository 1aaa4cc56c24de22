"""Why a training stopped, and what is unusual about a network's gates, units and gradients on data."""

from __future__ import annotations

from elman.train.doctor.diagnose import diagnose
from elman.train.doctor.examination import Dead, Examination, Finding, Memory, Saturation
from elman.train.doctor.examine import examine
from elman.train.doctor.place import Place
from elman.train.doctor.report import Extreme, Report
from elman.train.doctor.watch import Watch

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
