"""04: responses -> scores. A failure to measure is never a score."""

from __future__ import annotations

from ..metrics import METRICS, METRICS_VERSION, PRIMARY, Metric
from .scoring import score, score_response
from .settling import settle
from .summary import (
    costs,
    denominators,
    detailed,
    metrics_json,
    records,
    signature,
    summarise,
)

__all__ = [
    "METRICS",
    "METRICS_VERSION",
    "PRIMARY",
    "Metric",
    "costs",
    "denominators",
    "detailed",
    "metrics_json",
    "records",
    "score",
    "score_response",
    "settle",
    "signature",
    "summarise",
]
