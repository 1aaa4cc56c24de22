"""Pictures of what was measured, as PNG, SVG or PDF files: one file a subject."""

from __future__ import annotations

from elman.plots.anomalies import anomalies_plot, anomalies_plots
from elman.plots.dynamics import fixed_points_plot
from elman.plots.figure import needs_matplotlib, picture
from elman.plots.forecasts import backtest_plot, forecast_plot, forecasts_plot
from elman.plots.training import learning_curve

__all__ = [
    "anomalies_plot",
    "anomalies_plots",
    "backtest_plot",
    "fixed_points_plot",
    "forecast_plot",
    "forecasts_plot",
    "learning_curve",
    "needs_matplotlib",
    "picture",
]
