"""What a pilot knows of the variance of a difference, or what one may assume where there is none."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

from .measure import score, settle
from .stats import effective_clusters, variance_components

if TYPE_CHECKING:
    import pandas as pd

MOST_PILOT_CASES = 500  # of a kind: more would take time to score and change no plan
# ω² and both σ² of pairs of models that one may meet, from tame to wild. The second is what two real models
# did on 198 public questions scored 0 or 1; the last is as much as two unrelated models can do.
ASSUMED = (
    ("graded scores that vary little", 0.02, 0.02),
    ("0/1 scores, as of two real models on public questions", 0.12, 0.083),
    ("0/1 scores at worst, rounds alike", 0.50, 0.0),
)


def pilot_scores(responses: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """The scores of a pilot's answers, of at most its first 500 cases a kind; no rows without answers."""
    some = cases.groupby("test_case", sort=False).head(MOST_PILOT_CASES)
    answers = responses[responses["id"].isin(some["id"])]
    if not len(answers):
        return score(answers, some)
    return score(settle(answers, some), some)


def clusters_of(cases: pd.DataFrame) -> dict[str, float]:
    """Per kind the clusters of one size that its categories are worth; a kind of one category has none."""
    some = {str(kind): rows["category"] for kind, rows in cases.groupby("test_case", sort=False)}
    return {kind: effective_clusters(list(of)) for kind, of in some.items() if of.nunique() > 1}


def measured(scores: pd.DataFrame, kind: str, metric: str) -> list[dict[str, Any]]:
    """The variances of each pair of models on one metric, as a pilot shows them."""
    some = scores[scores["metric"] == metric]
    wide = some.pivot(index="id", columns=["model", "round"], values="value")
    models = list(dict.fromkeys(some["model"]))
    return [_variances(wide, kind, metric, *pair) for pair in combinations(models, 2)]


def _variances(wide: pd.DataFrame, kind: str, metric: str, a: str, b: str) -> dict[str, Any]:
    found = variance_components(wide[a].to_numpy(float), wide[b].to_numpy(float))
    flat = found.n > 1 and found.omega2 + found.sigma2_a + found.sigma2_b == 0
    notes = (*found.warnings, *(["The pilot shows no variance at all, so it says nothing."] if flat else []))
    return {
        "test_case": kind,
        "metric": metric,
        "model_a": a,
        "model_b": b,
        "basis": f"measured: {a} and {b}, {size(found.n, wide[a].shape[1])}",
        "label": metric,
        "pilot_cases": max(1, found.n),
        "omega2": found.omega2,
        "sigma2_a": found.sigma2_a,
        "sigma2_b": found.sigma2_b,
        "separable": found.separable,
        "usable": found.n > 1 and not flat,
        "note": " ".join(notes),
    }


def assumed(kind: str, metric: str) -> list[dict[str, Any]]:
    """Rows like the measured ones, for a range of variances that nobody has measured here."""
    return [
        {
            "test_case": kind,
            "metric": metric,
            "model_a": "A",
            "model_b": "B",
            "basis": f"assumed: {name}",
            "label": f"{metric} (assumed)",
            "pilot_cases": 0,
            "omega2": omega2,
            "sigma2_a": sigma2,
            "sigma2_b": sigma2,
            "separable": True,
            "usable": True,
            "note": "",
        }
        for name, omega2, sigma2 in ASSUMED
    ]


def size(cases: int, rounds: int) -> str:
    return f"{cases} {'case' if cases == 1 else 'cases'} × {rounds} {'round' if rounds == 1 else 'rounds'}"
