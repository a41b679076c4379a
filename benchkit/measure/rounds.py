"""What a case's rounds say: how far they agree, whether all are right, and where the variance lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .arrays import Measured, measured, pairs_of

if TYPE_CHECKING:
    import pandas as pd


def round_agreement(scores: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    """Per model and metric: cases with two scored rounds, share of alike pairs of rounds, ICC(1).

    Binary metrics have pass^k beside it, k the number of rounds: the share of cases whose rounds are all
    right, with the cases that count and the standard error over them. NaN is not known.
    """
    import pandas as pd

    rows = [_agreement(one, model) for one in measured(scores, models) for model in models]
    columns = ["model", "test_case", "metric", "n", "alike", "intraclass"]
    table = pd.DataFrame(rows, columns=[*columns, "k", "pass_hat_k", "pass_hat_k_error", "pass_hat_k_n"])
    return table.astype({"k": "Int64", "pass_hat_k_n": "Int64"})


def _agreement(one: Measured, model: str) -> dict[str, Any]:
    from .. import stats

    values = one.of(model)
    row: dict[str, Any] = {"model": model, "test_case": one.metric.kind, "metric": one.metric.name}
    row |= asdict(stats.round_agreement(values))
    if one.metric.binary:
        passed = stats.pass_hat_k(values)
        row |= {"k": passed.k, "pass_hat_k": passed.share, "pass_hat_k_n": passed.n}
        row |= {"pass_hat_k_error": passed.standard_error}
    return row


def pass_hat_k(scores: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    """pass^k of every binary metric for every k up to the number of rounds."""
    import pandas as pd

    from .. import stats

    rows = [
        {"model": model, "metric": one.metric.name} | asdict(stats.pass_hat_k(one.of(model), k))
        for one in measured(scores, models)
        if one.metric.binary
        for model in models
        for k in range(1, one.values.shape[2] + 1)
    ]
    return pd.DataFrame(rows, columns=["model", "metric", "k", "share", "standard_error", "n", "left_out"])


def variance_split(scores: pd.DataFrame, models: Sequence[str], reference: str = "") -> pd.DataFrame:
    """Per metric and pair: variance of the true difference between cases, and of either model's rounds.

    `between_cases` is the share of the per-case variance of a difference that more rounds cannot remove.
    Both come with 95 % intervals: where `omega2_low` is 0, so many cases cannot tell `omega2` from 0.
    """
    import pandas as pd

    rows = [_split(one, a, b) for one in measured(scores, models) for a, b in pairs_of(models, reference)]
    columns = ["metric", "model_a", "model_b", "n", "omega2", "omega2_low", "omega2_high"]
    columns += ["sigma2_a", "sigma2_b", "rounds", "between_cases", "share_low", "share_high", "separable"]
    return pd.DataFrame(rows, columns=columns)


def _split(one: Measured, a: str, b: str) -> dict[str, Any]:
    from ..stats import difference_variance, variance_components

    parts, rounds = variance_components(one.of(a), one.of(b)), one.values.shape[2]
    total = (
        difference_variance(parts.omega2, parts.sigma2_a, parts.sigma2_b, rounds, rounds)
        if parts.n > 1
        else float("nan")
    )
    share = parts.omega2 / total if parts.separable and total > 0 else float("nan")
    pair = {"metric": one.metric.name, "model_a": a, "model_b": b, "rounds": rounds}
    return pair | asdict(parts) | {"between_cases": share}
