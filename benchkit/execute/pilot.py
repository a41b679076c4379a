"""What a pilot knows of the variance of a difference, or what one may assume where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..measure import METRICS, align, arrays, score
from ..measure.comparing import compare_pair
from ..stats import VarianceComponents, case_variance, effective_clusters, variance_components

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
    """The scores of a pilot's answers, of at most its first 500 cases a kind; no rows without two models'.

    A run that was stopped early has one model's answers, which say nothing yet of a difference.
    """
    some = cases.groupby("test_case", sort=False).head(MOST_PILOT_CASES)
    answers = responses[responses["id"].isin(some["id"])]
    if answers["model"].nunique() < 2:
        return score(answers.iloc[:0], some)
    return score(align(answers, some), some)


def clusters_of(cases: pd.DataFrame) -> dict[str, float]:
    """Per kind the clusters of one size that its categories are worth; a kind of one category has none."""
    some = {str(kind): rows["category"] for kind, rows in cases.groupby("test_case", sort=False)}
    return {kind: effective_clusters(list(of)) for kind, of in some.items() if of.nunique() > 1}


def measured(
    scores: pd.DataFrame, kind: str, metric: str, reference: str = "", *, clustered: bool = False
) -> list[dict[str, Any]]:
    """The variances of each pair of models on one metric, as the comparison of a pilot's scores sees them.

    With a `reference` those are its pairs, which are the ones that decide. `clustered` holds what cases of
    one category add by moving together, and is known no better than so few categories allow.
    """
    some = scores[scores["metric"] == metric]
    if not len(some):
        return []
    models = list(dict.fromkeys(some["model"]))
    (one,) = arrays.measured(some, models)
    one = one if clustered else replace(one, groups=one.groups * 0)
    return [_variances(one, kind, *pair) for pair in deciding_pairs(models, reference)]


def deciding_pairs(models: Sequence[str], reference: str = "") -> list[tuple[str, str]]:
    """The pairs whose p-values are adjusted together: all of them, or those of the reference."""
    return [pair for pair in arrays.pairs_of(models, reference) if not reference or reference in pair]


def _variances(one: arrays.Measured, kind: str, a: str, b: str) -> dict[str, Any]:
    values = one.of(a), one.of(b)
    result = compare_pair(one, a, b, alpha=0.05, resamples=0)
    known, parts = case_variance(result, *values), variance_components(*values)
    flat = result.n > 1 and result.standard_error == 0
    notes = (*parts.warnings, *(["The pilot shows no variance at all, so it says nothing."] if flat else []))
    if not (flat or known.told):
        notes = (*notes, _untold(parts))
    return {
        "test_case": kind,
        "metric": one.metric.name,
        "model_a": a,
        "model_b": b,
        "basis": f"measured: {a} and {b}, {size(result.n, known.rounds)}",
        "label": one.metric.name,
        "pilot_cases": max(1, result.n),
        "pilot_rounds": known.rounds,
        "omega2": known.omega2,
        "sigma2_a": known.sigma2_a,
        "sigma2_b": known.sigma2_b,
        "df": known.df,
        "clusters": float("nan") if known.clusters is None else known.clusters,
        "separable": known.separable,
        "told": known.told,
        "usable": result.n > 1 and not flat,
        "most": float("nan") if result.span is None else result.span,
        "note": " ".join(notes),
    }


def _untold(parts: VarianceComponents) -> str:
    """What nobody should build a choice between cases and rounds on."""
    return (
        f"That cases differ at all beyond the noise of their rounds cannot be told from {parts.n} cases (the "
        f"variance between cases is {parts.omega2:.2g}, 95 % interval 0 to {parts.omega2_high:.2g}): more "
        "rounds may help less than is said here, while as many calls on more cases never show less."
    )


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
            "pilot_rounds": 1,
            "omega2": omega2,
            "sigma2_a": sigma2,
            "sigma2_b": sigma2,
            "df": float("nan"),
            "clusters": float("nan"),
            "separable": True,
            "told": True,
            "usable": True,
            "most": METRICS[metric].span or float("nan"),
            "note": "",
        }
        for name, omega2, sigma2 in ASSUMED
    ]


def size(cases: int, rounds: int) -> str:
    return f"{cases} {'case' if cases == 1 else 'cases'} × {rounds} {'round' if rounds == 1 else 'rounds'}"
