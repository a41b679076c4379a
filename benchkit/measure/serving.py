"""Latency and cost beside quality: the same cases, the same pairs, intervals of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .arrays import as_array, clusters_of, numbered, pairs_of

if TYPE_CHECKING:
    import pandas as pd

MEASURES = ("latency_s", "cost_usd")
COLUMNS = (
    *("measure", "model_a", "model_b", "n", "mean_a", "mean_b", "difference", "standard_error", "df"),
    *("ci_low", "ci_high", "bca_low", "bca_high", "p_value", "p_permutation", "wins", "ties", "losses"),
    *("clusters", "clustered", "warnings"),
)


def compare_serving(
    responses: pd.DataFrame, models: Sequence[str], *, alpha: float = 0.05, reference: str = ""
) -> pd.DataFrame:
    """Seconds and dollars per answer of every pair of models, over the cases that both have them for.

    A case's rounds are averaged first. Lower is better, so `wins` are cases where A is faster or cheaper.
    The p-values are adjusted with no other: these are not metrics of quality. n is 0 where nothing is known.
    """
    import pandas as pd

    arrays = {name: as_array(responses.astype({name: float}), models, name)[1:] for name in MEASURES}
    rows = [
        {"measure": name, "model_a": a, "model_b": b}
        | _compared(numbered(category), values[models.index(a)], values[models.index(b)], alpha)
        for name, (category, values) in arrays.items()
        for a, b in pairs_of(models, reference)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _compared(groups: Any, a: Any, b: Any, alpha: float) -> dict[str, Any]:
    import numpy as np

    from ..stats import case_means, paired

    x, y = case_means(a), case_means(b)
    both = ~(np.isnan(x) | np.isnan(y))
    clusters = clusters_of(groups[both])
    result = paired(x[both], y[both], clusters=clusters, alpha=alpha, lower_is_better=True)
    return asdict(result) | {"warnings": " ".join(result.warnings)}
