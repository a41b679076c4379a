"""Tables to figures: every `plot_…` takes the run's tables and gives a Chart with caption and alt text.

A model keeps its colour and its marker in every figure that is given the same models. Where a table holds
only some of them, `models=` names all of them in the run's order. Ids that start with `offline/` mark
a figure SIMULATED by themselves; `simulated=True` marks the others.
"""

from __future__ import annotations

from .cases import plot_validation, plot_yield
from .chart import Chart, Picture
from .decision import plot_differences
from .pairs import plot_case_pairs
from .price import plot_power, plot_tradeoff
from .responses import plot_latency, plot_statuses
from .rounds import plot_round_agreement
from .scores import plot_heatmap, plot_scores

__all__ = [
    "Chart",
    "Picture",
    "plot_case_pairs",
    "plot_differences",
    "plot_heatmap",
    "plot_latency",
    "plot_power",
    "plot_round_agreement",
    "plot_scores",
    "plot_statuses",
    "plot_tradeoff",
    "plot_validation",
    "plot_yield",
]
