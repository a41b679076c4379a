"""What a scores table comes to before it is drawn: whose rows, means of cases, and their intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from ..metrics import described


def models_of(table: pd.DataFrame) -> list[str]:
    """The models of a table in their order of appearance, without controls."""
    names = table["model"].astype(str).unique() if "model" in table else ()
    return [name for name in names if not name.startswith("control: ")]


def ours(scores: pd.DataFrame, metric: str = "") -> pd.DataFrame:
    """The models' rows of a scores table, without controls, narrowed by metric."""
    if scores.empty:
        return scores
    rows = scores[~scores["model"].astype(str).str.startswith("control: ")]
    return rows[rows["metric"] == metric] if metric else rows


def case_means(scores: pd.DataFrame, by: Sequence[str] = ("model", "metric")) -> pd.DataFrame:
    """Mean of each case over its scored rounds: columns `*by, id, value`; cases without any are absent."""
    means = scores.groupby([*by, "id"], observed=True, dropna=False, sort=False)["value"].mean()
    return means.dropna().reset_index()


def families_of(scores: pd.DataFrame) -> pd.Series | None:
    """The family of each case, by its id; None where none has one."""
    if "family" not in scores:
        return None
    known = scores.drop_duplicates("id").set_index("id")["family"].fillna("")
    return known if (known != "").any() else None


def over_cases(
    means: pd.DataFrame,
    value: str,
    models: Sequence[str],
    alpha: float,
    within: tuple[float, float],
    families: pd.Series | None = None,
) -> pd.DataFrame:
    """`mean, low, high, n` of each model over its cases; a model without any has NaN and n = 0.

    The ends are those of the 1 − alpha t interval, kept `within` what a score can be; NaN under two cases.
    With `families`, of `families_of`, those are the units.
    """
    groups = means.groupby(means["model"].astype(str))
    table = groups[value].agg(["mean", "std", "size"]).reindex(models)
    n = table["size"].fillna(0)
    half = stdtrit(n - 1, 1 - alpha / 2) * table["std"] / np.sqrt(n)
    if families is not None:
        from ..stats import stratified  # loads slowly

        for model, some in groups:
            found = stratified(some[value], families=some["id"].map(families).to_list(), alpha=alpha)
            half[model] = 0.0 if found.se == 0 else (found.high - found.low) / 2
    ends = {"low": (table["mean"] - half).clip(*within), "high": (table["mean"] + half).clip(*within)}
    return table[["mean"]].assign(**ends, n=n.astype(int))


def sign_of(metric: str) -> int:
    """1 where higher is better, −1 where lower is."""
    return -1 if described(metric).lower_is_better else 1
