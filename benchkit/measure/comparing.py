"""Scores -> comparisons: every pair of models on every metric, on the cases that both have a score for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..domain import Comparison
from ..errors import UsageError
from .arrays import Measured, clusters_of, measured, pairs_of
from .scoring import METRICS, Metric

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ..stats import Paired, Verdict

Key = tuple[str, str, str]  # metric, model A, model B
REST = "the rest"


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
    reference: str = "",
) -> pd.DataFrame:
    """Every pair of models on every metric, over the cases that both have a score for.

    p-values are Holm-adjusted in families: the pairs of one kind's primary metric, and all the rest. A
    `reference` is model B of its pairs, and those alone are the primary family. Raises UsageError for an
    alpha outside 0 to 1, a negative margin, or a reference that was not run.
    """
    import pandas as pd

    check_parameters(alpha, margin)
    check_reference(reference, models)
    results: dict[Key, Paired] = {}
    scored = {one.metric.name: one for one in measured(scores, models)}
    for name, one in scored.items():
        for a, b in pairs_of(models, reference):
            results[name, a, b] = compare_pair(one, a, b, alpha)
    families = {key: family_of(key, primary, reference) for key in results}
    adjusted = _adjusted({key: one.p_value for key, one in results.items()}, families)
    rows = [
        _comparison(key, result, adjusted[key], families[key], primary, margin, scored[key[0]])
        for key, result in results.items()
    ]
    return pd.DataFrame(rows, columns=list(Comparison.__dataclass_fields__))


def compare_pair(one: Measured, a: str, b: str, alpha: float, resamples: int = 2000) -> Paired:
    """Two models on one metric, on the cases that both have a score for."""
    import numpy as np

    from ..stats import case_means

    x, y = case_means(one.of(a)), case_means(one.of(b))
    both = ~(np.isnan(x) | np.isnan(y))
    return paired_means(one.metric, x[both], y[both], clusters_of(one.groups[both]), alpha, resamples)


def paired_means(
    metric: Metric, a: np.ndarray, b: np.ndarray, clusters: np.ndarray | None, alpha: float, resamples: int
) -> Paired:
    """Per-case means of a metric, compared with its direction and range."""
    from ..stats import paired

    return paired(
        a,
        b,
        clusters=clusters,
        alpha=alpha,
        resamples=resamples,
        lower_is_better=metric.lower_is_better,
        span=None if metric.lower_is_better else 1.0,
    )


def family_of(key: Key, primary: Mapping[str, str], reference: str = "") -> str:
    """Among which comparisons a p-value is adjusted: the kind's primary ones, or the rest."""
    kind = METRICS[key[0]].test_case
    named = not reference or reference in key[1:]
    return kind if primary.get(kind) == key[0] and named else REST


def _adjusted(p_values: Mapping[Key, float], families: Mapping[Key, str]) -> dict[Key, float]:
    from ..stats import holm

    members: dict[str, list[Key]] = {}
    for key, family in families.items():
        members.setdefault(family, []).append(key)
    return {
        key: float(p)
        for keys in members.values()
        for key, p in zip(keys, holm([p_values[key] for key in keys]), strict=True)
    }


def _comparison(
    key: Key,
    result: Paired,
    p_adjusted: float,
    family: str,
    primary: Mapping[str, str],
    margin: float,
    one: Measured,
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
        "family": family,
        "p_adjusted": p_adjusted,
        "outcome": verdict.outcome,
        "more_cases": verdict.more_cases,
        "rounds_needed": _rounds(result, verdict, one.of(a), one.of(b)),
        "resolves": verdict.resolves,
        "warnings": " ".join(result.warnings),
    }
    return asdict(Comparison(**{field: row[field] for field in Comparison.__dataclass_fields__}))


def _rounds(result: Paired, verdict: Verdict, a: np.ndarray, b: np.ndarray) -> int | None:
    """Rounds with which the same cases would resolve what `verdict` leaves open; None where none would."""
    from ..stats import rounds_needed, variance_components

    if verdict.more_cases is None or not result.standard_error:
        return None
    parts, rounds = variance_components(a, b), a.shape[1]
    noise = parts.sigma2_a + parts.sigma2_b
    # The comparison's own error, less what its rounds add: with whatever the categories add.
    omega2 = max(0.0, result.n * result.standard_error**2 - noise / rounds)
    clusters = result.df + 1 if result.clustered else None
    how = (omega2, parts.sigma2_a, parts.sigma2_b)
    needed = rounds_needed(verdict.resolves, result.n, *how, alpha=verdict.alpha, clusters=clusters)
    return needed if needed is not None and needed > rounds else None


def check_parameters(alpha: float, margin: float) -> None:
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 < alpha < 1:
        raise UsageError(f"alpha = {alpha!r} is not usable. Use a share between 0 and 1, such as 0.05.")
    if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 <= margin < 1:
        raise UsageError(f"margin = {margin!r} is not usable. Use 0 for none, or a difference below 1.")


def check_reference(reference: str, models: Sequence[str]) -> None:
    if reference and reference not in models:
        raise UsageError(
            f"reference = {reference!r} is none of the models that were run. Use one of: {', '.join(models)}."
        )
