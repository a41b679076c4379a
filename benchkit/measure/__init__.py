"""04: responses -> scores -> comparisons. The case is the unit; a failure to measure is never a score."""

from __future__ import annotations

from ..metrics import METRICS, METRICS_VERSION, PRIMARY, Metric
from .aligning import align
from .comparing import case_matrix, check_parameters, compare
from .controls import score_controls, with_controls
from .rounds import pass_hat_k, round_agreement, variance_split
from .scoring import score
from .serving import compare_serving
from .summary import (
    check_primary,
    costs,
    denominators,
    detailed,
    metrics_json,
    primary_metrics,
    records,
    signature,
    summarise,
    undelivered,
)

__all__ = [
    "METRICS",
    "METRICS_VERSION",
    "PRIMARY",
    "Metric",
    "align",
    "case_matrix",
    "check_parameters",
    "check_primary",
    "compare",
    "compare_serving",
    "costs",
    "denominators",
    "detailed",
    "metrics_json",
    "pass_hat_k",
    "primary_metrics",
    "records",
    "round_agreement",
    "score",
    "score_controls",
    "signature",
    "summarise",
    "undelivered",
    "variance_split",
    "with_controls",
]
