"""Tables to figures: every `plot_…` takes the run's tables and gives a Chart with its words.

A model keeps its colour and marker in every figure that has the same models. Ids that start with `offline/`
mark a figure SIMULATED by themselves, and `run.figure(chart)` marks what a simulated run draws. Intervals are
at the `alpha` that is given, and the words say so.
"""

from __future__ import annotations

from .cases import plot_validation, plot_yield
from .chart import Chart
from .controls import plot_controls, plot_delivery
from .decision import plot_contenders, plot_differences
from .power import plot_power
from .responses import plot_latency, plot_statuses, plot_tradeoff
from .scores import plot_heatmap, plot_scores
from .spread import plot_case_pairs, plot_round_agreement
from .sweep import plot_sweep
