"""Scores -> comparisons: every pair of models on every metric, on the cases that both have a score for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..domain import Comparison
from ..errors import UsageError
from .scoring import METRICS, Metric

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ..stats import Paired

Key = tuple[str, str, str]  # metric, model A, model B


def case_matrix(scores: pd.DataFrame, metric: str, models: Sequence[str]) -> pd.DataFrame:
    """Cases as rows, models as columns: the mean over a case's scored rounds, NaN where none is."""
    some = scores[scores["metric"] == metric]
    means = some.groupby(["id", "model"], sort=False)["value"].mean().unstack()
    return means.reindex(columns=list(models))


def compare(
    scores: pd.DataFrame,
    models: Sequence[str],
    primary: Mapping[str, str],
    *,
    margin: float = 0.0,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Every pair of models on every metric, over the cases that both have a score for.

    p-values are Holm-adjusted in two families: the primary metrics' pairs of one kind, and all the rest.
    Raises UsageError for an alpha outside 0 to 1 or a negative margin.
    """
    import pandas as pd

    check_parameters(alpha, margin)
    category = scores.drop_duplicates("id").set_index("id")["category"]
    pairs = [(a, b) for i, a in enumerate(models) for b in models[i + 1 :]]
    results = {
        (name, a, b): compare_pair(matrix, METRICS[name], a, b, category, alpha)
        for name in METRICS
        if len(matrix := case_matrix(scores, name, models))
        for a, b in pairs
    }
    adjusted = _adjusted(results, primary)
    rows = [_comparison(key, results[key], adjusted[key], primary, margin) for key in results]
    return pd.DataFrame(rows, columns=list(Comparison.__dataclass_fields__))


def compare_pair(
    matrix: pd.DataFrame, metric: Metric, a: str, b: str, category: pd.Series, alpha: float
) -> Paired:
    """Two columns of a case matrix, compared on the cases that both have."""
    from ..stats import paired

    both = matrix[[a, b]].dropna()
    return paired(
        both[a].to_numpy(float),
        both[b].to_numpy(float),
        clusters=_codes(category, both.index),
        alpha=alpha,
        lower_is_better=metric.lower_is_better,
        span=None if metric.lower_is_better else 1.0,
    )


def _adjusted(results: Mapping[Key, Paired], primary: Mapping[str, str]) -> dict[Key, float]:
    from ..stats import holm

    families: dict[str, list[Key]] = {}
    for key in results:
        kind = METRICS[key[0]].test_case
        families.setdefault(kind if primary.get(kind) == key[0] else "the rest", []).append(key)
    return {
        key: float(p)
        for keys in families.values()
        for key, p in zip(keys, holm([results[key].p_value for key in keys]), strict=True)
    }


def _comparison(
    key: Key, result: Paired, p_adjusted: float, primary: Mapping[str, str], margin: float
) -> dict[str, Any]:
    from ..stats import decide

    name, a, b = key
    verdict = decide(result, margin=margin or None, p_value=p_adjusted)
    row = asdict(result) | {
        "metric": name,
        "test_case": METRICS[name].test_case,
        "model_a": a,
        "model_b": b,
        "primary": primary.get(METRICS[name].test_case) == name,
        "p_adjusted": p_adjusted,
        "outcome": verdict.outcome,
        "more_cases": verdict.more_cases,
        "resolves": verdict.resolves,
        "warnings": " ".join(result.warnings),
    }
    return asdict(Comparison(**{field: row[field] for field in Comparison.__dataclass_fields__}))


def check_parameters(alpha: float, margin: float) -> None:
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 < alpha < 1:
        raise UsageError(f"alpha = {alpha!r} is not usable. Use a share between 0 and 1, such as 0.05.")
    if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 <= margin < 1:
        raise UsageError(f"margin = {margin!r} is not usable. Use 0 for none, or a difference below 1.")


def _codes(category: pd.Series, ids: Any) -> np.ndarray | None:
    """Clusters of cases; None where one category holds them all and so tells nothing."""
    import pandas as pd

    codes, names = pd.factorize(category.reindex(ids))
    return codes if len(names) > 1 else None
