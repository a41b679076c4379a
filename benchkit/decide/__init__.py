"""The sentence the run ends on, and the report that holds every number it stands on.

`metrics_report` gives what metrics_report.json holds. What is not known is None, never 0. All intervals of a
difference are at 1 − alpha; differences are in the metric's unit and positive where the first model is better,
also on a metric of which less is better.

    run_timestamp, simulated, signature, validator, detailed_metrics, denominators
    configuration     models, cases, rounds, alpha, margin, detect, reference, primary_metrics {kind: metric},
                      kind_weights {kind: share}, category_weights {category: weight} ({}: the cases' shares),
                      lower_is_better [metric], first_named {the same names, as before results were seen}
    results_summary   means {model: {metric: mean}}, table [summarise()], cost [costs()]
    comparisons       [domain.Comparison]: every pair on every metric, primary metrics first
    controls          [metric, test_case, control, mean, n, best_model, best_mean, gap, disqualifies, why]
    delivery          [test_case, metric, model, planned, delivered, share, low, high,
                       content, content_low, content_high]: the share of answers in usable form, and the mean
                      score among those, with their intervals over cases
                      [and of pairs: delivery_pairs: test_case, metric, model_a, model_b, total,
                       from_delivery, content, content_low, content_high, n_content]
    serving           [measure, model_a, model_b, n, mean_a, mean_b, difference, standard_error, df, ci_low,
                       ci_high, p_value, wins, ties, losses]; difference is A − B as it is (seconds more are
                      positive); measure: latency_s, service_s (latency less queue), queue_s, cost_usd
    rounds            agreement, pass_hat_k, variance: tables of decide/rounds.py
    decision
      outcome         deploy | equivalent | split | inconclusive
      model           deploy: which; equivalent: the one to take; else ""
      sentence        one sentence, a manager's; because: at most three more; caveat: the one that matters most
      cases           cases that the decision rests on, of all kinds that decide
      contenders      [model]: not shown worse than the best
      kinds           [kind, metric, weight (share of U), decides, why_not, n, planned, undefined]
      utility         [model, mean, difference, low, high, contender]: difference is U of the model less that
                      of the best other one, with its simultaneous interval (multiple comparisons with the best)
      floors          [kind, metric, model, against, difference, low, high, shown_worse, held]: per model and
                      kind the other model that it stands worst against; held: the interval excludes a loss of
                      more than the margin; shown_worse: the interval lies beyond it
      split           None | {routing {kind: model}, over, gain, low, high}: routing by kind over the best
                      single model
      savings         None | {model, than, cost_usd_per_1000, cost_low, cost_high, latency_s, latency_low,
                      latency_high}: of the equivalent model that is named
      needed          None | {cases, more, power, difference, models [str], cost_usd, kinds [str]}: cases in all
                      and how many more; cost of asking those models that many more in as many rounds
      looks           None | {cases, rounds, first_cases, first_rounds}: a look at results that were seen before,
                      so that the intervals are those that hold at any number of looks
      sensitivity     unscored: None | {model, against, n_unscored, worst, best, changes}
                      categories: [{without, outcome, model, changes}], expected_changes: float
                      heterogeneity: [{kind, metric, model_a, model_b, f, df1, df2, p_value,
                                       categories: [{category, n, difference, low, high}]}]
                      weights: [{kind, weight, outcome, model}], turns: [{kind, weight, outcome, model}]
      warnings        [str]: everything else to be wary of
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..measure import (
    METRICS,
    compare_serving,
    costs,
    denominators,
    detailed,
    pass_hat_k,
    records,
    round_agreement,
    signature,
    variance_split,
)
from .families import kinship
from .kinds import KindDecision, decide_kind
from .naming import first_named, looked_before, named_late
from .saying import KIND_NAMES, listed
from .serving import serving_sentence

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
    reference: str = "",
    seed: int | None = None,
    validator: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    seen_before: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What metrics_report.json holds: every number that the report may state, and how it was made.

    `validator` is what its planted cases showed of it, where there were any. `config` is config.json as read
    and `seen_before` the configuration of an earlier report of this run, None where there is none: from them
    it is said who made the cases and what was named late.
    """
    models = list(dict.fromkeys(scores["model"]))
    serving = records(compare_serving(responses, models, alpha=alpha, reference=reference))
    configuration = _configuration(scores, models, primary, alpha, margin, reference)
    first = first_named(configuration, config or {}, seen_before or {})
    warnings = [
        *responses.attrs.get("warnings", []),
        *named_late(configuration, first),
        *looked_before(configuration, first),
        *kinship(config or {}, models),
    ]
    decision = decide(
        comparisons,
        summary,
        scores,
        models,
        alpha=alpha,
        margin=margin,
        warnings=warnings,
        serving=serving,
        reference=reference,
    )
    return {
        "run_timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "simulated": simulated,
        "configuration": configuration | {"first_named": first},
        "results_summary": _results(responses, summary, models),
        "detailed_metrics": detailed(scores),
        "comparisons": records(comparisons),
        "serving": serving,
        "rounds": _rounds(scores, models, reference),
        "denominators": records(denominators(responses)),
        "validator": dict(validator or {}),
        "decision": decision,
        "signature": signature(scores, alpha, primary, seed, margin),
    }


def _results(responses: pd.DataFrame, summary: pd.DataFrame, models: Sequence[str]) -> dict[str, Any]:
    means = summary.pivot(index="model", columns="metric", values="mean").reindex(models)
    return {
        "means": {model: row.dropna().to_dict() for model, row in means.iterrows()},
        "table": records(summary),
        "cost": records(costs(responses)),
    }


def _rounds(scores: pd.DataFrame, models: Sequence[str], reference: str) -> dict[str, Any]:
    return {
        "agreement": records(round_agreement(scores, models)),
        "pass_hat_k": records(pass_hat_k(scores, models)),
        "variance": records(variance_split(scores, models, reference)),
    }


def _configuration(
    scores: pd.DataFrame,
    models: Sequence[str],
    primary: Mapping[str, str],
    alpha: float,
    margin: float,
    reference: str,
) -> dict[str, Any]:
    kinds, metrics = set(scores["test_case"]), set(scores["metric"])
    return {
        "models": list(models),
        "cases": int(scores["id"].nunique()),
        "rounds": int(scores["round"].nunique()),
        "alpha": alpha,
        "margin": margin,
        "reference": reference,
        "primary_metrics": {kind: name for kind, name in primary.items() if kind in kinds},
        "lower_is_better": [name for name in sorted(metrics) if METRICS[name].lower_is_better],
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
    serving: Sequence[Mapping[str, Any]] = (),
    reference: str = "",
) -> dict[str, Any]:
    """The decision: one sentence over all kinds, and per kind what it stands on.

    `running_on_every_kind` are the models that no kind shows worse than its best; `by_kind` has the `running`
    of each.
    """
    kinds = [kind for kind in KIND_NAMES if kind in set(scores["test_case"])]
    parts = [
        decide_kind(kind, comparisons, scores, alpha=alpha, margin=margin, reference=reference)
        for kind in kinds
    ]
    lost = lost_kinds(summary)
    running = [model for model in models if all(model in part.running for part in parts)]
    outcome, headline, recommended = _overall(parts, models, running, bool(lost))
    in_front = [*recommended, *(part.best for part in parts if part.best), *models]
    details = [*(part.sentence for part in parts), serving_sentence(serving, in_front[0], alpha)]
    details = [one for one in details if one]
    return {
        "sentence": " ".join([headline, *details]),
        "headline": headline,
        "details": details,
        "outcome": outcome,
        "recommended": recommended,
        "running_on_every_kind": running,
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


def _overall(
    parts: Sequence[KindDecision], models: Sequence[str], running: list[str], lost: bool
) -> tuple[str, str, list[str]]:
    """(outcome, the one-line answer that the kinds' sentences then justify, the models to deploy)."""
    winners = list(dict.fromkeys(part.best for part in parts if part.outcome == "better"))
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
    where = " on every kind of case" if len(parts) > 1 else ""
    rest = f"; still in the running{where}: {listed(running)}" if running and len(models) > 2 else ""
    if winners:
        ahead = f"{winners[0]} is ahead where a difference is shown, but not every kind of case is resolved"
        return "inconclusive", f"{ahead}{rest}.", []
    return "inconclusive", f"Inconclusive: this run does not show which model to deploy{rest}.", []
