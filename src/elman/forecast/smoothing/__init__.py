"""Local models that are learned for many series at once: exponential smoothing, and the Theta method."""

from elman.forecast.smoothing.fit import fit_smoothing
from elman.forecast.smoothing.models import SmoothingModels
from elman.forecast.smoothing.theta import fit_theta
from elman.forecast.smoothing.theta_models import ThetaModels

__all__ = ["SmoothingModels", "ThetaModels", "fit_smoothing", "fit_theta"]
