"""Delivery and content apart: whether an answer came in usable form, and how good those are that did.

A tool-calling fault and a wrong answer have different remedies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..stats import case_means, share_interval, stratified
from .evidence import Kind, kind_of
from .rules import Rules
from .table import Measured, pairs_of


def delivery(parts: Sequence[Measured], alpha: float) -> pd.DataFrame:
    """Per metric and model: the share of scored answers that came in usable form, and the mean score of
    those.

    Both are means over cases, at 1 − alpha: the share with Wilson's interval, the mean score with that of t,
    categories as strata and cases of one family as one.
    """
    return pd.DataFrame([row for one in parts for row in _of_models(one, alpha)])


def _of_models(one: Measured, alpha: float) -> Iterator[dict[str, Any]]:
    content, scored, rounds = _content(one), ~np.isnan(one.values), one.values.shape[2]
    share = case_means(np.where(scored, one.delivered.astype(float), np.nan))
    for i, model in enumerate(one.models):
        came, _, low, high = share_interval(share[i], one.families, rounds=rounds, alpha=alpha)
        mean, content_low, content_high = _mean(content[i], one, alpha)
        yield {
            "test_case": one.kind,
            "metric": one.metric.name,
            "model": model,
            "planned": int(one.asked[i, ~one.undefined].sum()),
            "scored": int(scored[i].sum()),
            "delivered": int(one.delivered[i].sum()),
            "share": came,
            "low": low,
            "high": high,
            "content": mean,
            "content_low": content_low,
            "content_high": content_high,
        }


def _content(one: Measured) -> np.ndarray:
    """Case means over delivered rounds, (models, cases)."""
    return case_means(np.where(one.delivered, one.values, np.nan))


def _mean(values: np.ndarray, one: Measured, alpha: float) -> tuple[float, float, float]:
    """(mean over cases, low, high) of a score; where all are the same, what so many equal ones leave.

    With n cases, or families, at 1, a true share below alpha^(1/n) would have shown another with a chance of
    1 − alpha.
    """
    found = stratified(values, one.labels, None, one.families, alpha=alpha)
    there, low, high = values[~np.isnan(values)], found.low, found.high
    if found.n > 1 and float(np.ptp(there)) == 0 and 0 <= there[0] <= 1:
        left = 1 - alpha ** (1 / found.units)
        low, high = there[0] * (1 - left), there[0] + (1 - there[0]) * left
    bottom, top = one.metric.low, one.metric.high  # NaN stays NaN
    low, high = low if bottom is None else max(low, bottom), high if top is None else min(high, top)
    return found.estimate, float(low), float(high)


def delivery_pairs(parts: Sequence[Measured], rules: Rules) -> pd.DataFrame:
    """Per metric and pair: how much of the difference is content, over the cases that both delivered.

    `total` is the difference that is decided on, as measured: over its cases, with its weights of categories,
    which `content` has, too. `from_delivery` is the difference less that: what undelivered answers add to it.
    """
    return pd.DataFrame([row for one in parts for row in _of_pairs(kind_of(one, rules), rules.reference)])


def _of_pairs(kind: Kind, reference: str) -> Iterator[dict[str, Any]]:
    one = kind.measured
    content, means = _content(one), one.means
    for a, b in pairs_of(one.models, reference):
        i, j = one.models.index(a), one.models.index(b)
        total = stratified(means[i] - means[j], kind.design).estimate
        part = stratified(content[i] - content[j], kind.design).estimate
        row = {"test_case": one.kind, "metric": one.metric.name, "model_a": a, "model_b": b}
        yield row | {"total": total, "from_delivery": total - part, "content": part}
