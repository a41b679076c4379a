"""What one response is worth: pure functions from texts or objects to a number, or None.

Every metric documents its formula, its range, its direction and what it gives for empty input. None means
that the reference leaves nothing to compare with: the caller counts the case as *undefined*, with the reason.
All that others need to know of a metric stands in its descriptor, `METRICS[name]`.
"""

from .descriptors import (
    INSTEAD,
    JUDGED,
    METRICS,
    METRICS_VERSION,
    PRIMARY,
    Metric,
    add_metric,
    described,
    in_order,
    recorded,
    remember,
)

__all__ = [
    "INSTEAD",
    "JUDGED",
    "METRICS",
    "METRICS_VERSION",
    "PRIMARY",
    "Metric",
    "add_metric",
    "described",
    "in_order",
    "recorded",
    "remember",
]
