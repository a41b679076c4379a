"""Whether a finding survives what was not measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..measure import METRICS

if TYPE_CHECKING:
    import pandas as pd

SURVIVAL = {
    None: "",
    True: " This holds however the unscored responses might have turned out.",
    False: " This could change with how the unscored responses might have turned out.",
}


def survives_unscored(
    scores: pd.DataFrame,
    metric: str,
    pairs: Sequence[Mapping[str, Any]],
    against: Sequence[Mapping[str, Any]],
    alpha: float,
    margin: float,
) -> bool | None:
    """Whether every outcome stays with all unscored responses worst for one model and best for the other."""
    some = scores[scores["metric"] == metric]
    compared = {row[side] for row in against for side in ("model_a", "model_b")}
    some = some[some["model"].isin(compared)]
    if not some["value"].isna().any():
        return None
    return all(
        outcome == row["outcome"]
        for row in against
        for outcome in _at_worst_and_best(some, metric, row, pairs, alpha, margin)
    )


def _at_worst_and_best(
    some: pd.DataFrame,
    metric: str,
    row: Mapping[str, Any],
    pairs: Sequence[Mapping[str, Any]],
    alpha: float,
    margin: float,
) -> Iterator[str]:
    """A comparison's outcome at the two ends, adjusted for as many comparisons as the outcome itself."""
    from ..stats import bounds, decide, holm

    best = next(row[side] for side in ("model_a", "model_b") if row[side] != row["other"])
    wide = some.pivot(index="id", columns=["model", "round"], values="value")
    worst, top = (max(1.0, some["value"].max()), 0.0) if METRICS[metric].lower_is_better else (0.0, 1.0)
    category = some.drop_duplicates("id").set_index("id")["category"].reindex(wide.index)
    found = bounds(
        wide[best].to_numpy(float),
        wide[row["other"]].to_numpy(float),
        worst=worst,
        best=top,
        clusters=list(category) if category.nunique() > 1 else None,
        alpha=alpha,
    )
    # The rest of the family keeps its p-values: only this pair's answers are moved.
    rest = [one["p_value"] for one in pairs if {one["model_a"], one["model_b"]} != {best, row["other"]}]
    for end in (found.against_a, found.for_a):
        p = float(holm([end.p_value, *rest])[0])
        yield decide(end, margin=margin or None, p_value=p).outcome
