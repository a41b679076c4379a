"""04: responses -> scores. A failure to measure is never a score."""

from __future__ import annotations

from ..metrics import METRICS_VERSION, PRIMARY
from .aligning import align
from .brought import brought
from .judging import judge_answers, judged
from .labels import draw_pairs, said_by_people
from .partitions import aligned
from .reading_labels import read_labels
from .report import metrics_report
from .scoring import score, score_controls, with_controls
from .summary import (
    costs,
    denominators,
    detailed,
    metrics_json,
    signature,
    summarise,
    undelivered,
)

__all__ = [
    "METRICS_VERSION",
    "PRIMARY",
    "align",
    "aligned",
    "brought",
    "costs",
    "denominators",
    "detailed",
    "draw_pairs",
    "judge_answers",
    "judged",
    "metrics_json",
    "metrics_report",
    "read_labels",
    "said_by_people",
    "score",
    "score_controls",
    "signature",
    "summarise",
    "undelivered",
    "with_controls",
]
