"""The sentence the run ends on, and the report that holds every number it stands on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..measure import LOWER_IS_BETTER, costs, denominators, detailed, records, signature
from .kinds import KIND_NAMES, KindDecision, decide_kind, listed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["KIND_NAMES", "KindDecision", "decide", "decide_kind", "lost_kinds", "metrics_report"]


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
    seed: int | None = None,
    validator: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What metrics_report.json holds: every number that the report may state, and how it was made.

    `validator` is what its planted cases showed of it, where there were any.
    """
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
        "lower_is_better": [name for name in means.columns if name in LOWER_IS_BETTER],
    }
    warnings = responses.attrs.get("warnings", [])
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
        "validator": dict(validator or {}),
        "decision": decide(
            comparisons, summary, scores, models, alpha=alpha, margin=margin, warnings=warnings
        ),
        "signature": signature(scores, alpha, primary, seed, margin),
    }


def decide(
    comparisons: pd.DataFrame,
    summary: pd.DataFrame,
    scores: pd.DataFrame,
    models: Sequence[str],
    *,
    alpha: float,
    margin: float,
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """The decision: one sentence over all kinds, and per kind what it stands on."""
    kinds = [kind for kind in KIND_NAMES if kind in set(scores["test_case"])]
    parts = [decide_kind(kind, comparisons, scores, alpha=alpha, margin=margin) for kind in kinds]
    lost = lost_kinds(summary)
    outcome, headline, recommended = _overall(parts, models, bool(lost))
    details = [part.sentence for part in parts]
    return {
        "sentence": " ".join([headline, *details]),
        "headline": headline,
        "details": details,
        "outcome": outcome,
        "recommended": recommended,
        "by_kind": {part.test_case: asdict(part) for part in parts},
        "warnings": [*lost, *warnings],
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


def _overall(parts: Sequence[KindDecision], models: Sequence[str], lost: bool) -> tuple[str, str, list[str]]:
    """(outcome, the one-line answer that the kinds' sentences then justify, the models to deploy)."""
    winners = list(dict.fromkeys(part.best for part in parts if part.outcome == "better"))
    running = [model for model in models if all(model in part.running for part in parts)]
    settled = all(part.outcome != "inconclusive" for part in parts)
    if lost:
        return (
            "inconclusive",
            "No model can be recommended over all cases: for a kind of case one has no measurement.",
            [],
        )
    if len(winners) > 1 or (settled and not running):
        each = listed(f"{part.best} on {KIND_NAMES[part.test_case]}" for part in parts if part.best)
        return "split", f"No single model is best on every kind of case: {each}.", []
    if settled and len(running) == 1:
        return "better", f"Deploy {running[0]}.", running
    if settled and parts:
        either = " or ".join(running)
        return (
            "equivalent",
            f"Deploy {either}, whichever is cheaper: they are equivalent within the margin.",
            running,
        )
    if winners:
        ahead = f"{winners[0]} is ahead where a difference is shown, but not every kind of case is resolved."
        return "inconclusive", ahead, []
    rest = f"; still in the running: {listed(running)}" if 1 < len(running) < len(models) else ""
    return "inconclusive", f"Inconclusive: this run does not show which model to deploy{rest}.", []
