"""04: responses -> scores -> comparisons. The case is the unit; a failure to measure is never a score."""

from __future__ import annotations

from .comparing import case_matrix, check_parameters, compare
from .scoring import LOWER_IS_BETTER, METRICS, METRICS_VERSION, PRIMARY, Metric, score, score_response
from .settling import settle
from .summary import (
    costs,
    denominators,
    detailed,
    metrics_json,
    primary_metrics,
    records,
    signature,
    summarise,
)

__all__ = [
    "LOWER_IS_BETTER",
    "METRICS",
    "METRICS_VERSION",
    "PRIMARY",
    "Metric",
    "case_matrix",
    "check_parameters",
    "compare",
    "costs",
    "denominators",
    "detailed",
    "metrics_json",
    "primary_metrics",
    "records",
    "score",
    "score_response",
    "settle",
    "signature",
    "summarise",
]
