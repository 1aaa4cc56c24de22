"""Pictures as PNG, SVG or PDF files, one file a subject. They are drawn from plain tables, so that every floor above
may draw: estimators hand over charts (named arrays), and what is a table already (`History`, `FixedPoints`) is read.
"""

from __future__ import annotations

from elman.plots.alignment import AlignmentChart, alignment_plot
from elman.plots.anomalies import AnomaliesChart, anomalies_plot, anomalies_plots, draw_anomalies
from elman.plots.backtests import BacktestChart, backtest_plot
from elman.plots.confusion import ConfusionChart, confusion_plot
from elman.plots.dynamics import fixed_points_plot
from elman.plots.figure import file_or_axes, needs_matplotlib, picture
from elman.plots.forecasts import ForecastChart, draw_forecast, forecast_plot, forecasts_plot
from elman.plots.lines import Line
from elman.plots.music import RollChart, roll_plot
from elman.plots.residuals import ResidualChart, residual_plot
from elman.plots.speech import SpeechChart, speech_plot
from elman.plots.training import learning_curve

__all__ = [
    "AlignmentChart",
    "AnomaliesChart",
    "BacktestChart",
    "ConfusionChart",
    "ForecastChart",
    "Line",
    "ResidualChart",
    "RollChart",
    "SpeechChart",
    "alignment_plot",
    "anomalies_plot",
    "anomalies_plots",
    "backtest_plot",
    "confusion_plot",
    "draw_anomalies",
    "draw_forecast",
    "file_or_axes",
    "fixed_points_plot",
    "forecast_plot",
    "forecasts_plot",
    "learning_curve",
    "needs_matplotlib",
    "picture",
    "residual_plot",
    "roll_plot",
    "speech_plot",
]
