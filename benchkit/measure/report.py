"""Everything that metrics_report.json holds, from the scores, the responses and the run.

What is not known is None, never 0. All intervals are at 1 − alpha. A difference in `comparisons`, `delivery`
and `serving` is A − B as measured.

    run_timestamp, simulated, signature, validator, judge, detailed_metrics, denominators
    configuration     models, cases, rounds, alpha, margin, detect, reference, primary_metrics {kind: metric},
                      decided_by: metrics or people (whose labels the primary metrics then correct),
                      judge: the model whose verdicts give a primary metric ("": none),
                      kind_weights {kind: share}, category_weights {category: weight} ({}: the cases' shares),
                      lower_is_better [metric], brought: whether the scores were,
                      first_named {the same, as before results were seen}
    results_summary   means {model: {metric: mean}}, table [summarise()], cost [costs()]
    comparisons       [domain.Comparison]: every pair on every metric, primary metrics first
    controls          [test_case, metric, control, mean, n, best_model, best_mean, gap, disqualifies]
    delivery          [test_case, metric, model, planned, scored, delivered, share, low, high, content,
                       content_low, content_high]: the share of scored answers that came in usable form, and
                      the mean score of those, over cases
    delivery_pairs    [test_case, metric, model_a, model_b, total, from_delivery, content]
    serving           [measure, model_a, model_b, n, mean_a, mean_b, difference, standard_error, df, ci_low,
                       ci_high, p_value, wins, ties, losses]; measure: latency_s, service_s (latency less
                      queue), queue_s, cost_usd
    rounds            agreement, variance: the tables of decide/rounds.py
    people            {} or what `benchkit.decide.people` describes
    decision          what `benchkit.decide` describes
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from ..decide import Rules, compare, compare_serving, complete, control_table, decide
from ..decide.controls import disqualified
from ..decide.decision import Beside, plain
from ..decide.delivery import delivery, delivery_pairs
from ..decide.prices import Prices, answer_prices
from ..decide.rounds import round_agreement, variance_split
from ..decide.table import measured
from ..judge.choosing import instruments, kinship
from ..metrics import JUDGED, METRICS, described, recorded
from ..wording import kind_name
from .judge_audit import judge_doubt
from .judging import BY_NAME
from .summary import costs, denominators, detailed, signature, summarise

if TYPE_CHECKING:
    import pandas as pd

_TERMS = ("alpha", "margin", "reference", "kind_weights", "category_weights")
_SIZES = ("cases", "rounds")


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
    judge: Mapping[str, Any] | None = None,
    people: Mapping[str, Any] | None = None,
    prices: Prices | None = None,
) -> dict[str, Any]:
    """What metrics_report.json holds; the docstring of this module describes it.

    `scores` may hold controls. `responses` is None where the scores came without them; `validator` and
    `judge` are what planted cases and answers showed of them, `people` what labels say; `prices` are what
    more cases cost (`case_prices`), by default their answers alone. Raises UsageError
    where the rules do not fit the scores, InputError for scores that cannot be compared.
    """
    ours = complete(scores)
    models = list(ours["model"].unique())
    configuration = _configuration(ours, models, rules, judge or {})
    configuration["brought"] = responses is None or bool(responses.attrs.get("scores_only"))
    first = first_named(configuration, run.seen_before())
    parts = list(measured(ours, models))
    deciding = [one for one in parts if configuration["primary_metrics"].get(one.kind) == one.metric.name]
    controls = control_table(scores, rules)
    spoilt = disqualified(controls)
    trusted = [name for kind, name in configuration["primary_metrics"].items() if (kind, name) not in spoilt]
    relied = not rules.people_decide and _judged(trusted)
    doubts = [*kinship(run.config, models, ["judge"]), judge_doubt(judge or {})] if relied else []
    cost = serving = counts = None
    if responses is not None:
        cost, counts = costs(responses), denominators(responses)
        serving = compare_serving(responses, ours, alpha=rules.alpha, reference=rules.reference)
    beside = Beside(
        serving,
        prices or Prices(answer_prices(responses)),
        looked_before(configuration, first),
        list(named_late(configuration, first)),
        " ".join(filter(None, doubts)),
        [
            *scores.attrs.get("warnings", ()),
            *_noted(ours, responses, run.config, configuration),
            *kinship(run.config, models, instruments(run.config).keys() - {"judge" if relied else ""}),
        ],
        configuration["rounds"],
        people or {},
    )
    summary = summarise(ours)
    return plain(
        {
            "run_timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
            "simulated": run.simulated,
            "configuration": configuration | {"first_named": first},
            "results_summary": {
                "means": _means(ours, models),
                "table": _rows(summary),
                "cost": _rows(cost),
            },
            "detailed_metrics": detailed(ours),
            "metrics": recorded(ours["metric"].unique()),
            "comparisons": _rows(compare(ours, rules, parts)),
            "controls": _rows(controls),
            "delivery": _rows(delivery(deciding, rules.alpha)),
            "delivery_pairs": _rows(delivery_pairs(deciding, rules)),
            "serving": _rows(serving),
            "rounds": {
                "agreement": _rows(round_agreement(parts)),
                "variance": _rows(variance_split(deciding, rules.reference)),
            },
            "denominators": _rows(counts),
            "validator": dict(validator or {}),
            "judge": dict(judge or {}),
            "people": dict(people or {}),
            "decision": decide(ours, rules, controls=controls, beside=beside),
            "signature": signature(
                ours, rules.alpha, configuration["primary_metrics"], run.seed, rules.margin
            ),
        }
    )


def _rows(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    return [] if table is None else table.to_dict("records")


def _noted(
    scores: pd.DataFrame,
    responses: pd.DataFrame | None,
    config: Mapping[str, Any],
    configuration: Mapping[str, Any],
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
    if config.get("parameters", {}).get("03_execute", {}).get("execution") == "batch":
        yield (
            "The answers came by batches, at half the list price. How long they took is no customer's wait: "
            "it is neither kept nor compared."
        )
    off = config.get("parameters", {}).get("04_measure", {}).get("enable_judge") is False
    elsewhere = config.get("provider") == "imported" and responses is not None
    metric = configuration["primary_metrics"].get("conversation", "")
    by_words = metric in METRICS and not recorded([metric]) and not _judged([metric])
    if (off or elsewhere) and by_words:
        yield (
            "Nobody judged which requirements the answers to conversations meet, so that word metrics stand "
            f"in, where their controls let them: {'enable_judge is False' if off else BY_NAME}."
        )


def _judged(metrics: Collection[str]) -> bool:
    return any(metric.name in metrics for metric in JUDGED.values())


def _means(scores: pd.DataFrame, models: Sequence[str]) -> dict[str, dict[str, float]]:
    """Over all cases that a metric scores, of whatever kind."""
    cases = scores.groupby(["model", "metric", "id"], sort=False)["value"].mean()
    means = cases.groupby(level=["model", "metric"]).mean().unstack().reindex(models)
    return {str(model): row.dropna().to_dict() for model, row in means.iterrows()}


def _configuration(
    scores: pd.DataFrame, models: Sequence[str], rules: Rules, judge: Mapping[str, Any]
) -> dict[str, Any]:
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
        "decided_by": "people" if rules.people_decide else "metrics",
        "judge": judge.get("judged", {}).get("model", "") if _judged(primary.values()) else "",
        "kind_weights": rules.weights(primary),
        "category_weights": dict(rules.category_weights),
        "lower_is_better": [m for m in sorted(set(scores["metric"])) if described(m).lower_is_better],
    }


def first_named(now: Mapping[str, Any], seen_before: Mapping[str, Any]) -> dict[str, Any]:
    """The terms of the decision, the judge, the cases and the rounds as results were first seen.

    `now` is the configuration of this report and `seen_before` that of an earlier one of the same run, {} for
    none.
    """
    earlier = seen_before.get("first_named", seen_before)
    first = {name: earlier.get(name, seen_before.get(name, now[name])) for name in (*_TERMS, *_SIZES)}
    first["decided_by"] = earlier.get("decided_by", "metrics" if seen_before else now["decided_by"])
    first["judge"] = earlier.get("judge", seen_before.get("judge", now.get("judge", "")))
    return first | {"primary_metrics": now["primary_metrics"] | dict(earlier.get("primary_metrics", {}))}


def named_late(now: Mapping[str, Any], first: Mapping[str, Any]) -> Iterator[str]:
    """A warning for every term that is another than the one named first."""
    late = [(name, now[name] or "none", first[name] or "none") for name in _TERMS if now[name] != first[name]]
    late += [
        (f"what decides on {kind_name(kind)}", metric, first["primary_metrics"][kind])
        for kind, metric in now["primary_metrics"].items()
        if first["primary_metrics"][kind] != metric
    ]
    if now["decided_by"] != first["decided_by"]:
        late.append(("who decides", now["decided_by"], first["decided_by"]))
    if now.get("judge") and first["judge"] and now["judge"] != first["judge"]:  # without one: another metric
        late.append(("the judge", now["judge"], first["judge"]))
    for what, after, before in late:
        yield (
            f"{what[0].upper()}{what[1:]} was changed after results were seen, from {before} to {after}: "
            "take this as a suggestion, and test it on new cases."
        )


def looked_before(now: Mapping[str, Any], first: Mapping[str, Any]) -> dict[str, Any] | None:
    """The sizes now and at the first look, where they differ; None at the first look."""
    if all(now[name] == first[name] for name in _SIZES):
        return None
    return {name: now[name] for name in _SIZES} | {f"first_{name}": first[name] for name in _SIZES}
