"""What a case's rounds say: how far they agree, whether all are right, and where the variance lies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from .. import stats
from .table import Measured, pairs_of


def round_agreement(parts: Sequence[Measured]) -> pd.DataFrame:
    """Per model and metric: cases with two scored rounds, share of alike pairs of rounds, ICC(1).

    Binary metrics have pass^k beside it, k the number of rounds: the share of cases whose rounds are all
    right, with the cases that count and the standard error over them, or their families. NaN is
    not known.
    """
    rows = [_agreement(one, model) for one in parts for model in one.models]
    columns = ["model", "test_case", "metric", "n", "alike", "intraclass"]
    table = pd.DataFrame(rows, columns=[*columns, "k", "pass_hat_k", "pass_hat_k_error", "pass_hat_k_n"])
    return table.astype({"k": "Int64", "pass_hat_k_n": "Int64"})


def _agreement(one: Measured, model: str) -> dict[str, Any]:
    values = one.of(model)
    row: dict[str, Any] = {"model": model, "test_case": one.kind, "metric": one.metric.name}
    row |= asdict(stats.round_agreement(values))
    if one.metric.binary:
        passed = stats.pass_hat_k(values, families=one.families)
        row |= {"k": passed.k, "pass_hat_k": passed.share, "pass_hat_k_n": passed.n}
        row |= {"pass_hat_k_error": passed.standard_error}
    return row


def variance_split(parts: Sequence[Measured], reference: str = "") -> pd.DataFrame:
    """Per metric and pair: variance of the true difference between cases, and of either model's rounds.

    `between_cases` is the share of the per-case variance of a difference that more rounds cannot remove, with
    a 95 % interval. One round tells nothing of either.
    """
    return pd.DataFrame([row for one in parts for row in _splits(one, reference)])


def _splits(one: Measured, reference: str) -> Iterator[dict[str, Any]]:
    cases = stats.design(len(one.ids), one.labels)
    noise = [stats.round_noise(values) for values in one.values]
    for a, b in pairs_of(one.models, reference):
        i, j = one.models.index(a), one.models.index(b)
        found = _split(one.means[i] - one.means[j], (noise[i], noise[j]), cases, one.values.shape[2])
        yield {"test_case": one.kind, "metric": one.metric.name, "model_a": a, "model_b": b} | found


def _split(
    gap: np.ndarray, noise: tuple[np.ndarray, np.ndarray], cases: stats.Design, rounds: int
) -> dict[str, Any]:
    pair, both = stats.stratified(gap, cases), ~np.isnan(gap)
    separable = rounds > 1 and not any(np.isnan(of[both]).any() for of in noise) and pair.n > 1
    row: dict[str, Any] = {"n": pair.n, "rounds": rounds, "separable": separable}
    if not separable:
        return row
    known = stats.spread(pair, noise[0] + noise[1], rounds)
    return row | {
        "omega2": known.between,
        "omega2_low": known.between_low,
        "omega2_high": known.between_high,
        "sigma2_a": float(noise[0][both].mean()) * rounds,
        "sigma2_b": float(noise[1][both].mean()) * rounds,
        "between_cases": _share(known.between, known.noise),
        "share_low": _share(known.between_low, known.noise),
        "share_high": _share(known.between_high, known.noise),
    }


def _share(between: float, noise: float) -> float:
    return between / (between + noise) if between + noise > 0 else float("nan")
