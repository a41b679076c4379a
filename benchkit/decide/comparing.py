"""Scores -> comparisons: every pair of models on every metric, on the cases that both have a score for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..domain import Comparison
from ..errors import UsageError
from .evidence import design_of
from .rules import Rules
from .table import Measured, complete, measured, pairs_of

if TYPE_CHECKING:
    from ..stats import Design


def compare(scores: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Every pair of models on every metric, over the cases that both have a score for: rows of `Comparison`.

    The estimate is stratified: Δ = Σ w_c · mean difference in category c (`benchkit.stats.stratified`). The
    pairs of one kind's primary metric are Holm-adjusted among themselves, and so are all others together. A
    reference is model B of its pairs. Raises UsageError where the rules do not fit the scores, InputError for
    a table that cannot be compared.
    """
    scores = complete(scores)
    rules.check_fit(scores)
    models = list(scores["model"].unique())
    check_reference(rules.reference, models)
    primary = rules.primary(scores)
    rows = [
        row
        for one in measured(scores, models)
        for row in _of_metric(one, rules, primary.get(one.kind) == one.metric.name)
    ]
    rows.sort(key=lambda row: not row["primary"])
    _adjust(rows, rules.alpha)
    return pd.DataFrame(
        [asdict(Comparison(**row)) for row in rows], columns=list(Comparison.__dataclass_fields__)
    )


def _of_metric(one: Measured, rules: Rules, primary: bool) -> list[dict[str, Any]]:
    cases = design_of(one, rules.category_weights)
    means = dict(zip(one.models, one.means, strict=True))
    return [
        {"metric": one.metric.name, "test_case": one.kind, "model_a": a, "model_b": b, "primary": primary}
        | paired(means[a], means[b], rules.alpha, cases, one.sign, one.metric.span or math.inf)
        for a, b in pairs_of(one.models, rules.reference)
    ]


def paired(
    a: np.ndarray,
    b: np.ndarray,
    alpha: float,
    cases: Design | None = None,
    sign: int = 1,
    reach: float = math.inf,
) -> dict[str, Any]:
    """What every comparison of two models' case means says: (cases,) each, NaN for none.

    `sign` is −1 where less is better: a case is won where A is better. No difference is larger than `reach`.
    """
    from ..stats import stratified

    found, both = stratified(a - b, cases, alpha=alpha).within(reach), ~np.isnan(a - b)
    gap = sign * (a - b)[both]
    tie = 1e-12 * (1 + float(np.abs(gap).max(initial=0.0)))
    spread = float(gap.std(ddof=1)) if len(gap) > 1 else 0.0
    sides = (
        float(found.coefficients @ np.where(both, side, 0.0)) if found.n else float("nan") for side in (a, b)
    )
    return {
        "n": found.n,
        **dict(zip(("mean_a", "mean_b"), sides, strict=True)),
        "difference": found.estimate,
        "standard_error": found.se,
        "df": found.df,
        "ci_low": found.low,
        "ci_high": found.high,
        "p_value": found.p_value,
        "effect_size": found.estimate / spread if spread > tie else float("nan"),
        "wins": int((gap > tie).sum()),
        "ties": int((np.abs(gap) <= tie).sum()),
        "losses": int((gap < -tie).sum()),
        "warnings": " ".join(found.warnings),
    }


def _adjust(rows: list[dict[str, Any]], alpha: float) -> None:
    """Put in the Holm-adjusted p and which model it shows better, family by family."""
    from ..metrics import described
    from ..stats import holm

    families: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        families.setdefault(row["test_case"] if row["primary"] else "", []).append(row)
    for family in families.values():
        for row, p in zip(family, holm([row["p_value"] for row in family]), strict=True):
            first = (row["difference"] > 0) != described(row["metric"]).lower_is_better
            shown = "better_a" if first else "better_b"
            row |= {"p_adjusted": float(p), "outcome": shown if p <= alpha else "open"}


def check_reference(reference: str, models: Sequence[str]) -> None:
    if reference and reference not in models:
        raise UsageError(
            f"reference = {reference!r} is none of the models that were run. Use one of: {', '.join(models)}."
        )
