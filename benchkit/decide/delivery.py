"""Delivery and content apart: whether an answer came in usable form, and how good those are that did.

A tool-calling fault and a wrong answer have different remedies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ..metrics import Metric
from ..stats import Estimate, case_means, share_interval, stratified
from .table import Measured, pairs_of


def delivery(parts: Sequence[Measured], alpha: float) -> pd.DataFrame:
    """Per metric and model: the share of scored answers that came in usable form, and the mean score of
    those.

    Both are means over cases, at 1 − alpha: the share with Wilson's interval, the mean score with that of t,
    categories as strata.
    """
    return pd.DataFrame([row for one in parts for row in _of_models(one, alpha)])


def delivery_pairs(parts: Sequence[Measured], alpha: float, reference: str = "") -> pd.DataFrame:
    """Per metric and pair: how much of the difference is content, over the cases that both delivered.

    `from_delivery` is the difference less that: what undelivered answers add to it.
    """
    return pd.DataFrame([row for one in parts for row in _of_pairs(one, alpha, reference)])


def content_of(one: Measured) -> np.ndarray:
    """Case means over delivered rounds, (models, cases)."""
    return case_means(np.where(one.delivered, one.values, np.nan))


def _of_models(one: Measured, alpha: float) -> Iterator[dict[str, Any]]:
    content = content_of(one)
    scored = ~np.isnan(one.values)
    share, rounds = case_means(np.where(scored, one.delivered.astype(float), np.nan)), one.values.shape[2]
    family = [str(label) for label in one.family]
    for i, model in enumerate(one.models):
        came, _, low, high = share_interval(
            share[i], family if any(family) else None, rounds=rounds, alpha=alpha
        )
        good = _mean(content[i], one, alpha)
        yield {
            "test_case": one.kind,
            "metric": one.metric.name,
            "model": model,
            "planned": int((~one.undefined).sum()) * rounds,
            "scored": int(scored[i].sum()),
            "delivered": int(one.delivered[i].sum()),
            "share": came,
            "low": low,
            "high": high,
            "content": good.estimate,
            **dict(zip(("content_low", "content_high"), _within(good, one.metric), strict=True)),
        }


def _of_pairs(one: Measured, alpha: float, reference: str) -> Iterator[dict[str, Any]]:
    content, means = content_of(one), one.means
    for a, b in pairs_of(one.models, reference):
        i, j = one.models.index(a), one.models.index(b)
        total, part = _mean(means[i] - means[j], one, alpha), _mean(content[i] - content[j], one, alpha)
        yield {
            "test_case": one.kind,
            "metric": one.metric.name,
            "model_a": a,
            "model_b": b,
            "total": total.estimate,
            "from_delivery": total.estimate - part.estimate,
            "content": part.estimate,
            "content_low": part.low,
            "content_high": part.high,
            "n_content": part.n,
        }


def _mean(values: np.ndarray, one: Measured, alpha: float) -> Estimate:
    """The mean over cases; where all are the same, from what so many equal cases leave possible.

    With n cases at 1, a true share below alpha^(1/n) would have shown another with a chance of 1 − alpha.
    """
    found = stratified(values, [str(c) for c in one.category], alpha=alpha)
    there = values[~np.isnan(values)]
    if found.n > 1 and float(np.ptp(there)) == 0 and 0 <= there[0] <= 1:
        left = 1 - alpha ** (1 / found.n)
        return replace(found, low=there[0] * (1 - left), high=there[0] + (1 - there[0]) * left)
    return found


def _within(found: Estimate, metric: Metric) -> tuple[float, float]:
    """The interval of a mean score, kept within the metric's range."""
    low = found.low if metric.low is None else max(found.low, metric.low)
    high = found.high if metric.high is None else min(found.high, metric.high)
    return (low, high) if found.low == found.low else (found.low, found.high)
