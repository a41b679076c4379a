"""Scores -> comparisons: every pair of models on every metric, on the cases that both have a score for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..domain import Comparison
from ..errors import UsageError
from ..metrics import METRICS, Metric
from .arrays import Measured, clusters_of, measured, pairs_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ..stats import Paired

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

    p-values, of a difference and of equivalence, are Holm-adjusted in families: the pairs of one kind's
    primary metric, and all the rest. A
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
    judged = _judged(results, families, margin)
    rows = [
        _comparison(key, result, judged[key], primary, margin, scored[key[0]])
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
        span=metric.span,
    )


def family_of(key: Key, primary: Mapping[str, str], reference: str = "") -> str:
    """Among which comparisons a p-value is adjusted: the kind's primary ones, or the rest."""
    kind = METRICS[key[0]].kind
    named = not reference or reference in key[1:]
    return kind if primary.get(kind) == key[0] and named else REST


@dataclass(frozen=True)
class Judged:
    """What a comparison's family makes of its p-values, that of a difference and that of equivalence."""

    family: str
    family_size: int
    p_adjusted: float
    p_equivalence_adjusted: float  # NaN without a margin


def _judged(results: Mapping[Key, Paired], families: Mapping[Key, str], margin: float) -> dict[Key, Judged]:
    from ..stats import equivalence, holm

    members: dict[str, list[Key]] = {}
    for key, family in families.items():
        members.setdefault(family, []).append(key)
    judged: dict[Key, Judged] = {}
    for family, keys in members.items():
        p = holm([results[key].p_value for key in keys])
        same = holm([equivalence(results[key], margin).p_value if margin else float("nan") for key in keys])
        for key, *both in zip(keys, p, same, strict=True):
            judged[key] = Judged(family, len(keys), *map(float, both))
    return judged


def _comparison(
    key: Key,
    result: Paired,
    judged: Judged,
    primary: Mapping[str, str],
    margin: float,
    one: Measured,
) -> dict[str, Any]:
    from ..stats import case_variance, decide

    name, a, b = key
    variance = case_variance(result, one.of(a), one.of(b))
    verdict = decide(
        result,
        margin=margin or None,
        p_value=judged.p_adjusted,
        p_equivalence=judged.p_equivalence_adjusted,
        comparisons=judged.family_size,
        variance=variance,
    )
    row = asdict(result) | asdict(verdict) | _equivalence(result, margin) | asdict(judged)
    row |= {
        "metric": name,
        "test_case": METRICS[name].kind,
        "model_a": a,
        "model_b": b,
        "primary": primary.get(METRICS[name].kind) == name,
        "p_value": result.p_value,
        "rounds": one.values.shape[2],
        "between_told": variance.told,
        "warnings": " ".join(result.warnings),
    }
    return asdict(Comparison(**{field: row[field] for field in Comparison.__dataclass_fields__}))


def _equivalence(result: Paired, margin: float) -> dict[str, float]:
    """The interval that equivalence reads and its p before adjustment; NaN without a margin."""
    from ..stats import equivalence

    names = ("equivalence_low", "equivalence_high", "p_equivalence")
    if not margin:
        return dict.fromkeys(names, float("nan"))
    test = equivalence(result, margin)
    return dict(zip(names, (test.ci_low, test.ci_high, test.p_value), strict=True))


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
