"""The sentence the run ends on, and whether it survives what was not measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .measure import METRICS, costs, denominators, detailed, records, signature

if TYPE_CHECKING:
    import pandas as pd

KIND_NAMES = {"json": "JSON cases", "conversation": "conversations"}
DIGITS = 3  # of published means and differences


def metrics_report(
    responses: pd.DataFrame,
    scores: pd.DataFrame,
    summary: pd.DataFrame,
    comparisons: pd.DataFrame,
    *,
    simulated: bool,
    primary: Mapping[str, str],
    alpha: float,
    margin: float,
) -> dict[str, Any]:
    """What metrics_report.json holds: every number that the report may state, and how it was made."""
    models = list(dict.fromkeys(scores["model"]))
    kinds = set(scores["test_case"])
    means = summary.pivot(index="model", columns="metric", values="mean").reindex(models)
    configuration = {
        "models": models,
        "cases": int(scores["id"].nunique()),
        "rounds": int(scores["round"].nunique()),
        "alpha": alpha,
        "margin": margin,
        "primary_metrics": {kind: name for kind, name in primary.items() if kind in kinds},
    }
    return {
        "run_timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "simulated": simulated,
        "configuration": configuration,
        "results_summary": {
            "means": {model: row.dropna().to_dict() for model, row in means.iterrows()},
            "table": records(summary),
            "cost": records(costs(responses)),
        },
        "detailed_metrics": detailed(scores),
        "comparisons": records(comparisons),
        "denominators": records(denominators(responses)),
        "decision": decide(comparisons, summary, scores, models, alpha=alpha, margin=margin),
        "signature": signature(scores, alpha, primary),
    }


@dataclass(frozen=True)
class KindDecision:
    """What one kind of case allows to say on its primary metric."""

    test_case: str
    metric: str
    outcome: str  # better, equivalent, inconclusive
    best: str  # the model with the best mean, shown better or not
    running: tuple[str, ...]  # not shown worse than the best
    sentence: str
    survives_unscored: bool | None  # None where nothing is unscored


def decide(
    comparisons: pd.DataFrame,
    summary: pd.DataFrame,
    scores: pd.DataFrame,
    models: Sequence[str],
    *,
    alpha: float,
    margin: float,
) -> dict[str, Any]:
    """The decision: one sentence over all kinds, and per kind what it stands on."""
    kinds = [kind for kind in KIND_NAMES if kind in set(comparisons["test_case"])]
    parts = [_decide_kind(kind, comparisons, summary, scores, models, alpha, margin) for kind in kinds]
    lost = lost_kinds(summary)
    headline, details = _overall(parts, lost), [part.sentence for part in parts]
    return {
        "sentence": " ".join([headline, *details]),
        "headline": headline,
        "details": details,
        "outcome": _overall_outcome(parts),
        "by_kind": {part.test_case: asdict(part) for part in parts},
        "warnings": lost,
    }


def lost_kinds(summary: pd.DataFrame) -> list[str]:
    """A loud line for every model that has no score at all for a kind of case."""
    totals = summary.groupby(["model", "test_case"], sort=False)[["planned", "scored"]].max()
    return [
        f"{model} has no usable measurement for {KIND_NAMES[kind]}: all {row.planned} responses are missing "
        "or were lost. That is no score of 0, and nothing about it is compared."
        for (model, kind), row in totals.iterrows()
        if row.scored == 0
    ]


def _decide_kind(
    kind: str,
    comparisons: pd.DataFrame,
    summary: pd.DataFrame,
    scores: pd.DataFrame,
    models: Sequence[str],
    alpha: float,
    margin: float,
) -> KindDecision:
    pairs = comparisons[(comparisons["test_case"] == kind) & comparisons["primary"]]
    metric = METRICS[pairs["metric"].iloc[0]]
    means = (
        summary[summary["metric"] == metric.name].set_index("model")["mean"].reindex(list(models)).dropna()
    )
    ranked = means.sort_values(ascending=metric.lower_is_better, kind="stable")
    if len(ranked) < 2:
        sentence = f"On {KIND_NAMES[kind]} nothing can be compared: fewer than two models have scores."
        return KindDecision(kind, metric.name, "inconclusive", "", tuple(ranked.index), sentence, None)
    best = ranked.index[0]
    against = [
        _facing(row, best) for row in pairs.to_dict("records") if best in (row["model_a"], row["model_b"])
    ]
    against = [row for row in against if row["other"] in ranked.index]
    open_rows = [row for row in against if row["outcome"] != "better_a"]
    outcome = _kind_outcome(open_rows)
    survives = _survives(scores, metric.name, best, against, alpha, margin)
    return KindDecision(
        test_case=kind,
        metric=metric.name,
        outcome=outcome,
        best=best,
        running=(best, *(row["other"] for row in open_rows)),
        sentence=_kind_sentence(kind, metric.name, best, against, open_rows, outcome, margin, alpha)
        + _survival_sentence(survives),
        survives_unscored=survives,
    )


def _facing(row: Mapping[str, Any], best: str) -> dict[str, Any]:
    """A comparison read from the best model's side."""
    if row["model_a"] == best:
        return dict(row) | {"other": row["model_b"]}
    swapped = {"better_a": "better_b", "better_b": "better_a"}.get(row["outcome"], row["outcome"])
    return dict(row) | {
        "other": row["model_a"],
        "outcome": swapped,
        "difference": -row["difference"],
        "ci_low": -row["ci_high"],
        "ci_high": -row["ci_low"],
        "mean_a": row["mean_b"],
        "mean_b": row["mean_a"],
    }


def _kind_outcome(open_rows: list[dict[str, Any]]) -> str:
    if not open_rows:
        return "better"
    return "equivalent" if all(row["outcome"] == "equivalent" for row in open_rows) else "inconclusive"


def _kind_sentence(
    kind: str,
    metric: str,
    best: str,
    against: list[dict[str, Any]],
    open_rows: list[dict[str, Any]],
    outcome: str,
    margin: float,
    alpha: float,
) -> str:
    where = f"On {KIND_NAMES[kind]} ({metric}, n = {min(row['n'] for row in against)} cases)"
    level = f"{100 * (1 - alpha):g} % interval"
    if outcome == "better":
        shown = " and ".join(f"{row['other']} by {_interval(row, level)}" for row in against)
        return f"{where} {best} is better than {shown}."
    if outcome == "equivalent":
        same = " and ".join(f"{row['other']} ({_interval(row, level)})" for row in open_rows)
        return f"{where} {best} is equivalent to {same} within the margin of {margin:g}."
    row = max(open_rows, key=lambda row: row["ci_high"] - row["ci_low"])
    more = row["more_cases"]
    need = (
        f"about {int(more):,} more cases would resolve a difference of {abs(row['resolves']):.{DIGITS}f}"
        if more is not None and more == more
        else "more cases are needed than can be estimated from these"
    )
    names = " and ".join(row["other"] for row in open_rows)
    return (
        f"{where} it is inconclusive: {best} leads, but is not shown better than {names} "
        f"({_interval(row, level)}); {need}."
    )


def _interval(row: Mapping[str, Any], level: str) -> str:
    return (
        f"{row['difference']:+.{DIGITS}f}, {level} {row['ci_low']:.{DIGITS}f} to {row['ci_high']:.{DIGITS}f}"
    )


def _survives(
    scores: pd.DataFrame, metric: str, best: str, against: list[dict[str, Any]], alpha: float, margin: float
) -> bool | None:
    """Whether every outcome stays with all unscored responses worst for one model and best for the other."""
    some = scores[scores["metric"] == metric]
    if not some["value"].isna().any():
        return None
    return all(_outcomes_hold(some, metric, best, row, alpha, margin) for row in against)


def _outcomes_hold(
    some: pd.DataFrame, metric: str, best: str, row: Mapping[str, Any], alpha: float, margin: float
) -> bool:
    from . import stats

    wide = some.pivot(index="id", columns=["model", "round"], values="value")
    worst, top = (max(1.0, some["value"].max()), 0.0) if METRICS[metric].lower_is_better else (0.0, 1.0)
    category = some.drop_duplicates("id").set_index("id")["category"].reindex(wide.index)
    found = stats.bounds(
        wide[best].to_numpy(float),
        wide[row["other"]].to_numpy(float),
        worst=worst,
        best=top,
        clusters=list(category) if category.nunique() > 1 else None,
        alpha=alpha,
    )
    ends = (found.against_a, found.for_a)
    return all(stats.decide(end, margin=margin or None).outcome == row["outcome"] for end in ends)


def _survival_sentence(survives: bool | None) -> str:
    if survives is None:
        return ""
    if survives:
        return " This holds however the unscored responses might have turned out."
    return " This could change with how the unscored responses might have turned out."


def _overall_outcome(parts: list[KindDecision]) -> str:
    outcomes = {part.outcome for part in parts}
    winners = {part.best for part in parts if part.outcome == "better"}
    if len(winners) == 1 and outcomes <= {"better", "equivalent"}:
        return "better"
    if len(winners) > 1:
        return "split"
    return "equivalent" if outcomes == {"equivalent"} else "inconclusive"


def _overall(parts: list[KindDecision], lost: list[str]) -> str:
    """The one-line answer that the kinds' sentences then justify."""
    outcome = _overall_outcome(parts)
    winners = list(dict.fromkeys(part.best for part in parts if part.outcome == "better"))
    if lost:
        return "No model can be recommended over all cases: for a kind of case one has no measurement."
    if outcome == "better":
        return f"Deploy {winners[0]}."
    if outcome == "split":
        return (
            "No single model is better: "
            + " and ".join(
                f"{part.best} on {KIND_NAMES[part.test_case]}" for part in parts if part.outcome == "better"
            )
            + "."
        )
    if outcome == "equivalent":
        return "Deploy whichever is cheaper: the models are equivalent within the margin."
    if winners:
        return f"{winners[0]} is ahead where a difference is shown, but not every kind of case is resolved."
    return "Inconclusive: this run does not show which model to deploy."
