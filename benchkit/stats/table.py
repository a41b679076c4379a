"""The convenience door: a table of scores in, comparisons and the numbers of a decision out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from benchkit.stats.checks import Array, require
from benchkit.stats.contrasts import Contrasts, best
from benchkit.stats.equality import Equivalence, equivalent, holm
from benchkit.stats.estimates import Estimate, combine
from benchkit.stats.sampling import design
from benchkit.stats.strata import stratified

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("id", "model", "round", "score")


@dataclass(frozen=True)
class Compared:
    """What `compare_table` finds; models in the order of the table."""

    models: tuple[str, ...]
    comparisons: pd.DataFrame  # a row per pair of models and kind, and for "all kinds" (U)
    estimates: list[list[Estimate | None]]  # [i][j]: U_i − U_j, None on the diagonal
    contrasts: Contrasts  # each model against the best of the others
    equivalence: Equivalence  # of the contenders

    @property
    def contenders(self) -> tuple[str, ...]:
        """The models not shown worse than the best."""
        return tuple(m for m, one in zip(self.models, self.contrasts.contender, strict=True) if one)


def compare_table(
    table: pd.DataFrame,
    *,
    kind_weights: Mapping[str, float] | None = None,
    category_weights: Mapping[str, float] | None = None,
    alpha: float = 0.05,
    margin: float = 0.05,
    span: float = 1.0,
    lower_is_better: bool = False,
) -> Compared:
    """Compare models on one metric: `table` has id, model, round, score, optional kind, category, family.

    Rounds are averaged first; a score that is NaN or missing is no value. Kinds weigh the same unless
    `kind_weights` says otherwise; categories within a kind by their cases, or `category_weights`. `span` is
    the metric's whole range. Differences are gains: positive where the first model is better. p is adjusted
    by Holm within each kind. Raises UsageError for a missing column, fewer than 2 models, two scores of one
    response, or weights that name an unknown kind or category.
    """
    cases, scores = _cases(table)
    kinds = sorted(cases["kind"].unique())
    weights = dict.fromkeys(kinds, 1.0) if kind_weights is None else dict(kind_weights)
    unknown = sorted(set(weights) - set(kinds))
    require(not unknown, f"kind_weights name {', '.join(unknown)}; the kinds are {', '.join(kinds)}.")
    _known_categories(category_weights, set(cases["category"]))
    sign, models = -1.0 if lower_is_better else 1.0, tuple(scores.columns)
    pairs: list[list[list[Estimate | None]]] = []
    for kind in kinds:
        these = cases["kind"] == kind
        pairs.append(_pairs(sign * scores[these].to_numpy().T, cases[these], category_weights, alpha))
    v = [weights.get(kind, 0.0) for kind in kinds]
    u: list[list[Estimate | None]] = [[None] * len(models) for _ in models]
    for i, j in combinations(range(len(models)), 2):
        u[i][j] = one = combine([e for each in pairs if (e := each[i][j]) is not None], v, alpha=alpha)
        u[j][i] = -one
    found = best(u, alpha=alpha)
    among = [i for i, one in enumerate(found.contender) if one]
    same = equivalent(u, among, margin, alpha=alpha, span=span)
    return Compared(models, _rows(models, [*kinds, "all kinds"], [*pairs, u]), u, found, same)


def _cases(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per case with kind, category and family; means over rounds by case and model."""
    missing = [name for name in NEEDED if name not in table.columns]
    require(not missing, f"The table has no column {', '.join(missing)}; it needs {', '.join(NEEDED)}.")
    twice = table.duplicated(["id", "model", "round"])
    require(not twice.any(), f"{int(twice.sum())} rows score a response (id, model, round) a second time.")
    known = table.assign(**{c: "" for c in ("kind", "category", "family") if c not in table.columns})
    known[["kind", "category", "family"]] = known[["kind", "category", "family"]].fillna("").astype(str)
    cases = known.groupby("id", sort=False)[["kind", "category", "family"]].first()
    models = list(dict.fromkeys(known["model"]))
    require(len(models) >= 2, f"The table has {len(models)} model; a comparison needs at least 2.")
    means = known.groupby(["id", "model"], sort=False)["score"].mean().unstack()
    return cases, means.reindex(index=cases.index, columns=models)


def _pairs(
    values: Array, cases: pd.DataFrame, weights: Mapping[str, float] | None, alpha: float
) -> list[list[Estimate | None]]:
    labels = cases["category"].tolist()
    given = None if weights is None else {c: weights[c] for c in sorted(set(labels)) if c in weights}
    family = cases["family"].tolist()
    whole = design(len(cases), labels, given, family if any(family) else None)
    found: list[list[Estimate | None]] = [[None] * len(values) for _ in values]
    for i, j in combinations(range(len(values)), 2):
        found[i][j] = one = stratified(values[i] - values[j], whole, alpha=alpha)
        found[j][i] = -one
    return found


def _known_categories(weights: Mapping[str, float] | None, known: set[str]) -> None:
    unknown = sorted(set(weights or {}) - known)
    told = ", ".join(sorted(known))
    require(not unknown, f"category_weights name {', '.join(unknown)}; the categories are {told}.")


def _rows(
    models: tuple[str, ...], kinds: list[str], pairs: list[list[list[Estimate | None]]]
) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for kind, each in zip(kinds, pairs, strict=True):
        some = [(i, j, e) for i, j in combinations(range(len(models)), 2) if (e := each[i][j]) is not None]
        adjusted = holm([e.p_value for _, _, e in some])
        rows += [
            {
                "kind": kind,
                "model_a": models[i],
                "model_b": models[j],
                "n": e.n,
                "difference": e.estimate,
                "se": e.se,
                "df": e.df,
                "low": e.low,
                "high": e.high,
                "p_value": e.p_value,
                "p_adjusted": p,
                "warnings": " ".join(e.warnings),
            }
            for (i, j, e), p in zip(some, np.asarray(adjusted), strict=True)
        ]
    return pd.DataFrame(rows)
