"""Everything that metrics_report.json holds, from the scores, the responses and the run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from ..measure.summary import costs, denominators, detailed, records, signature, summarise
from ..metrics import described, recorded
from .comparing import compare
from .controls import control_table, disqualified
from .deciding import Floor, Outcome, conclude, equivalent, floors, routing
from .delivery import delivery, delivery_pairs
from .evidence import LEAST_CASES, Evidence, gather
from .families import kinship
from .naming import first_named, looked_before, named_late
from .needed import needed
from .rounds import pass_hat_k, round_agreement, variance_split
from .rules import Rules, kind_name
from .saying import UNSEEN, Said, because, caveat, sentence, serving_words
from .sensitivity import sensitivity
from .serving import cheapest_first, compare_serving, facing
from .table import complete, measured

if TYPE_CHECKING:
    import pandas as pd


class About(Protocol):
    """What a report asks of a run: `benchkit.run.Run` has it."""

    @property
    def simulated(self) -> bool: ...
    @property
    def seed(self) -> int | None: ...
    @property
    def config(self) -> Mapping[str, Any]: ...
    def seen_before(self) -> Mapping[str, Any]: ...


def metrics_report(
    scores: pd.DataFrame,
    responses: pd.DataFrame | None,
    rules: Rules,
    run: About,
    validator: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What metrics_report.json holds; the docstring of `benchkit.decide` describes it.

    `scores` may hold controls. `responses` is None where the scores came without them; `validator` is what
    its planted cases showed of it. Raises UsageError where the rules do not fit the scores, InputError for
    scores that cannot be compared.
    """
    ours = complete(scores)
    models = list(dict.fromkeys(ours["model"]))
    configuration = _configuration(ours, models, rules)
    first = first_named(configuration, run.seen_before())
    parts = list(measured(ours, models))
    deciding = [one for one in parts if configuration["primary_metrics"].get(one.kind) == one.metric.name]
    controls = control_table(scores, rules)
    serving = (
        None
        if responses is None
        else compare_serving(responses, alpha=rules.alpha, reference=rules.reference)
    )
    late = list(named_late(configuration, first))
    noted = list(_noted(ours, responses, run.config, models))
    decision = decide(
        ours,
        rules,
        controls=controls,
        looks=looked_before(configuration, first),
        serving=serving,
        prices=None if responses is None else prices(responses),
        late=late,
        noted=noted,
    )
    summary = summarise(ours)
    return plain(
        {
            "run_timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
            "simulated": run.simulated,
            "configuration": configuration | {"first_named": first},
            "results_summary": {
                "means": _means(summary, models),
                "table": records(summary),
                "cost": [] if responses is None else records(costs(responses)),
            },
            "detailed_metrics": detailed(ours),
            "metrics": recorded(ours["metric"].unique()),
            "comparisons": records(compare(ours, rules)),
            "controls": records(controls),
            "delivery": records(delivery(deciding, rules.alpha)),
            "delivery_pairs": records(delivery_pairs(deciding, rules.alpha, rules.reference)),
            "serving": [] if serving is None else records(serving),
            "rounds": {
                "agreement": records(round_agreement(parts)),
                "pass_hat_k": records(pass_hat_k(parts)),
                "variance": records(variance_split(deciding, rules.reference)),
            },
            "denominators": [] if responses is None else records(denominators(responses)),
            "validator": dict(validator or {}),
            "decision": decision,
            "signature": signature(
                ours, rules.alpha, configuration["primary_metrics"], run.seed, rules.margin
            ),
        }
    )


def plain(value: Any) -> Any:
    """A value as JSON holds it: Python's own types, None for NaN and infinity."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def decide(
    scores: pd.DataFrame,
    rules: Rules | None = None,
    *,
    controls: pd.DataFrame | None = None,
    looks: Mapping[str, Any] | None = None,
    serving: pd.DataFrame | None = None,
    prices: pd.DataFrame | None = None,
    late: Sequence[str] = (),
    noted: Sequence[str] = (),
) -> dict[str, Any]:
    """The decision of a table of scores (id, model, round, metric, value; optional test_case, category,
    family).

    `controls`, `serving` and `prices` are the tables of `control_table`, `compare_serving` and `prices`;
    `looks` the sizes now and at the first look, where this is a later one; `late` what was named after
    results were seen, and `noted` other warnings. The docstring of `benchkit.decide` describes what comes
    back.
    """
    rules = rules or Rules()
    scores = complete(scores)
    spoilt = {} if controls is None else disqualified(controls)
    look = looks["cases"] / looks["first_cases"] if looks else 0.0
    evidence = gather(scores, rules, spoilt, look=look)
    models = evidence.models
    prefer = cheapest_first(serving, models) if serving is not None else []
    outcome = conclude(evidence, prefer)
    usable = bool(evidence.kinds) and not evidence.lost
    rows = floors(evidence) if usable else []
    changes = sensitivity(evidence, outcome, prefer)
    open_floor = _open_floor(evidence, outcome, rows) if usable else None
    need = None
    if usable and outcome[0] == "inconclusive":
        need = needed(evidence, open_floor, prices, int(scores["round"].nunique()))
    found = routing(evidence) if usable and outcome[0] == "split" else None
    saved = _savings(evidence, outcome, serving)
    said = Said(evidence, outcome, open_floor, found, need, saved)
    kept = [*late, *_looked(looks), *noted, *_evidence_notes(evidence), UNSEEN]
    first = caveat(said, late, changes, [*_looked(looks), *noted])
    return plain(
        {
            "outcome": outcome[0],
            "model": outcome[1],
            "sentence": sentence(said),
            "because": because(said, [*serving_words(said, serving)]),
            "caveat": first,
            "cases": evidence.n,
            "contenders": _contenders(evidence) if usable else list(models),
            "kinds": list(_kinds(evidence, scores)),
            "utility": list(_utility(evidence)) if usable else [],
            "floors": [
                asdict(row) | {"model": models[row.model], "against": models[row.against]} for row in rows
            ],
            "split": found
            and {
                "routing": {kind: models[i] for kind, i in found.models.items()},
                "over": models[found.over],
                "gain": found.gain,
                "low": found.low,
                "high": found.high,
            },
            "savings": saved,
            "needed": need,
            "looks": dict(looks) if looks else None,
            "sensitivity": changes,
            "warnings": [line for line in dict.fromkeys(kept) if line not in first],
        }
    )


def prices(responses: pd.DataFrame) -> pd.DataFrame:
    """Mean dollars of one answer: model, test_case, cost_usd; NaN where none is known."""
    return responses.groupby(["model", "test_case"], sort=False)["cost_usd"].mean().reset_index()


def _open_floor(evidence: Evidence, outcome: Outcome, rows: Sequence[Floor]) -> Floor | None:
    """The floor that keeps a model from being named: the best one's, or an equivalent one's."""
    if outcome[0] != "inconclusive" or evidence.n < LEAST_CASES:
        return None
    best = [i for i, low in enumerate(evidence.contrasts.low) if low > 0] or equivalent(evidence)
    fallen = [row for row in rows if row.model in best[:1] and not row.held]
    return min(fallen, key=lambda row: row.low if row.low == row.low else float("-inf"), default=None)


def _contenders(evidence: Evidence) -> list[str]:
    order = evidence.contrasts.difference.argsort(kind="stable")[::-1]
    return [evidence.models[i] for i in order if evidence.contrasts.contender[i]]


def _kinds(evidence: Evidence, scores: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Every kind with what decides on it, its share of U, and the cases that it rests on."""
    cases = scores.groupby("test_case")["id"].nunique().to_dict()
    for kind in evidence.kinds:
        n = int(((kind.gain == kind.gain).sum(axis=0) > 1).sum())
        undefined = cases[kind.name] - len(kind.measured.ids)
        yield {
            **{
                "kind": kind.name,
                "metric": kind.metric,
                "weight": kind.weight,
                "decides": True,
                "why_not": "",
            },
            **{"n": n, "planned": cases[kind.name], "undefined": undefined},
        }
    for one in evidence.aside:
        yield {
            **{
                "kind": one.name,
                "metric": one.metric,
                "weight": 0.0,
                "decides": False,
                "why_not": one.why_not,
            },
            **{"n": one.n, "planned": cases[one.name], "undefined": None},
        }


def _utility(evidence: Evidence) -> Iterator[dict[str, Any]]:
    found = evidence.contrasts
    for i, model in enumerate(evidence.models):
        yield {
            "model": model,
            "mean": evidence.mean(i),
            "difference": float(found.difference[i]),
            "low": found.low[i],
            "high": found.high[i],
            "contender": bool(found.contender[i]),
        }


def _savings(evidence: Evidence, outcome: Outcome, serving: pd.DataFrame | None) -> dict[str, Any] | None:
    """What 1,000 answers of the equivalent model that is named take less than those of the best other one."""
    if outcome[0] != "equivalent" or serving is None:
        return None
    than = next(model for model in _contenders(evidence) if model != outcome[1])
    row: dict[str, Any] = {"model": outcome[1], "than": than}
    for measure, name in (("cost_usd", "cost"), ("service_s", "seconds"), ("latency_s", "seconds")):
        found = facing(serving, measure, outcome[1], than)
        key = "cost_usd_per_1000" if name == "cost" else "seconds_per_1000"
        if found and key not in row:
            less, low, high = (-1000 * one for one in (found[0], found[2], found[1]))
            row |= {key: less, f"{name}_low": low, f"{name}_high": high}
    return row


def _looked(looks: Mapping[str, Any] | None) -> Iterator[str]:
    if looks:
        yield (
            f"Results were seen before, of {looks['first_cases']:,} cases in {looks['first_rounds']} rounds: "
            "the intervals here are the wider ones that hold however often one looks."
        )


def _evidence_notes(evidence: Evidence) -> Iterator[str]:
    """What the estimates themselves warn of."""
    for kind in evidence.kinds:
        for note in dict.fromkeys(n for row in kind.pairs for one in row if one for n in one.warnings):
            yield f"On {kind_name(kind.name)}: {note[0].lower()}{note[1:]}"


def _noted(
    scores: pd.DataFrame, responses: pd.DataFrame | None, config: Mapping[str, Any], models: Sequence[str]
) -> Iterator[str]:
    """What there is to be wary of beside the decision itself: most important first."""
    scored = scores.groupby(["model", "test_case"], sort=False)["value"].count()
    for (model, kind), count in scored.items():
        if not count:
            yield (
                f"{model} has no usable measurement for {kind_name(kind)}: all of its responses are "
                "missing or were lost. That is no score of 0, and nothing about it is compared."
            )
    yield from [] if responses is None else responses.attrs.get("warnings", [])
    yield from kinship(config, models)


def _means(summary: pd.DataFrame, models: Sequence[str]) -> dict[str, dict[str, float]]:
    means = summary.pivot(index="model", columns="metric", values="mean").reindex(models)
    return {str(model): row.dropna().to_dict() for model, row in means.iterrows()}


def _configuration(scores: pd.DataFrame, models: Sequence[str], rules: Rules) -> dict[str, Any]:
    primary = rules.primary(scores)
    return {
        "models": list(models),
        "cases": int(scores["id"].nunique()),
        "rounds": int(scores["round"].nunique()),
        "alpha": rules.alpha,
        "margin": rules.margin,
        "detect": rules.detect,
        "reference": rules.reference,
        "primary_metrics": primary,
        "kind_weights": rules.weights(primary),
        "category_weights": dict(rules.category_weights),
        "lower_is_better": [m for m in sorted(set(scores["metric"])) if described(m).lower_is_better],
    }
