"""04: responses -> scores. A failure to measure is never a score."""

from __future__ import annotations

from ..metrics import METRICS, METRICS_VERSION, PRIMARY, Metric
from .aligning import align
from .controls import score_controls, with_controls
from .judging import judge_answers, judged_in_words
from .report import metrics_report
from .scoring import score
from .summary import (
    costs,
    denominators,
    detailed,
    metrics_json,
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
    "costs",
    "denominators",
    "detailed",
    "judge_answers",
    "judged_in_words",
    "metrics_json",
    "metrics_report",
    "records",
    "score",
    "score_controls",
    "signature",
    "summarise",
    "undelivered",
    "with_controls",
]
