"""What a run computed, as single figures that know what they measure, of whom and on which metric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

# Field of a comparison -> what it measures.
_OF_PAIRS = {
    "n": "cases",
    "ties": "tied",
    "more_cases": "more-cases",
    "clusters": "clusters",
    "difference": "difference",
    "resolves": "difference",
    "ci_low": "interval",
    "ci_high": "interval",
    "bca_low": "interval",
    "bca_high": "interval",
    "p_value": "unadjusted-p",
    "p_permutation": "permutation-p",
    "p_adjusted": "p",
    "effect_size": "effect",
    "standard_error": "error",
}
_OF_COSTS = {
    "cost_usd": "cost",
    "cost_usd_per_1000": "unit-cost",
    "latency_s_median": "latency",
    "latency_s_p95": "tail-latency",
    "queue_s_median": "queue",
    "prompt_tokens": "tokens",
    "completion_tokens": "tokens",
    "timed": "answered",
}
_OF_SERVING = {"latency_s": "latency", "cost_usd": "unit-cost"}
EVERY_KIND = "every kind"
_STATUSES = ("planned", "scored", "unscored", "answered", "malformed", "refused", "failed")


@dataclass(frozen=True)
class Known:
    """One computed figure. `models` is empty for a figure of the whole run, else one model or a pair."""

    value: float
    quantity: str
    models: frozenset[str] = frozenset()
    metric: str = ""
    test_case: str = ""


def known_figures(facts: Mapping[str, Any]) -> list[Known]:
    """Every figure that a commentary may state."""
    return [one for one in _all(facts) if isfinite(one.value)]


def number(value: Any) -> float | None:
    """`value` where it is a number that can be stated."""
    stands = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    return float(value) if stands else None


def _all(facts: Mapping[str, Any]) -> Iterator[Known]:
    kinds = {row["metric"]: row["test_case"] for row in facts["comparisons"]}
    for row in facts["comparisons"]:
        yield from _of_comparison(row)
    for model, means in (facts.get("models_summary") or {}).items():
        yield from _figures(means, dict.fromkeys(means, "mean"), frozenset({model}), kinds)
    for row in facts.get("denominators") or ():
        for one in _figures(row, dict(zip(_STATUSES, _STATUSES, strict=True)), frozenset({row["model"]}), {}):
            yield Known(one.value, one.quantity, one.models, test_case=row["test_case"])
    yield from _totals(facts.get("denominators") or ())
    for row in facts.get("cost") or ():
        yield from _figures(row, _OF_COSTS, frozenset({row["model"]}), {})
    yield from _of_serving(facts.get("serving") or ())
    yield from _of_rounds((facts.get("rounds_summary") or {}).get("agreement") or (), kinds)
    yield from _of_run(facts)


def _totals(rows: Sequence[Mapping[str, Any]]) -> Iterator[Known]:
    """Each model's counts over all kinds, which a sentence about one kind may not state."""
    for model in dict.fromkeys(row["model"] for row in rows):
        for name in _STATUSES:
            counts = [number(row.get(name)) for row in rows if row["model"] == model]
            total = sum(count for count in counts if count is not None)
            yield Known(total, name, frozenset({model}), test_case=EVERY_KIND)


def _figures(
    row: Mapping[str, Any], quantities: Mapping[str, str], models: frozenset[str], kinds: Mapping[str, str]
) -> Iterator[Known]:
    for name, quantity in quantities.items():
        if (value := number(row.get(name))) is not None:
            metric = name if quantity == "mean" else ""
            yield Known(value, quantity, models, metric, kinds.get(metric, ""))


def _of_comparison(row: Mapping[str, Any]) -> Iterator[Known]:
    metric, kind, pair = row["metric"], row["test_case"], frozenset((row["model_a"], row["model_b"]))
    # Adjusted for nothing, a p-value is what it says.
    single = {"p_value": "p"} if number(row.get("p_adjusted")) is None else {}
    for name, quantity in (_OF_PAIRS | single).items():
        if (value := number(row.get(name))) is not None:
            yield Known(value, quantity, pair, metric, kind)
    for side, won, lost in (("a", "wins", "losses"), ("b", "losses", "wins")):
        for quantity, name in (("mean", f"mean_{side}"), ("won", won), ("lost", lost)):
            if (value := number(row.get(name))) is not None:
                yield Known(value, quantity, frozenset({row[f"model_{side}"]}), metric, kind)


def _of_serving(rows: Sequence[Mapping[str, Any]]) -> Iterator[Known]:
    """Seconds and dollars per answer of a pair, over the cases that both have."""
    for row in rows:
        quantity, pair = _OF_SERVING[row["measure"]], frozenset((row["model_a"], row["model_b"]))
        fields = {"difference": quantity, "ci_low": "interval", "ci_high": "interval", "p_value": "p"}
        for name, what in fields.items():
            if (value := number(row.get(name))) is not None:
                yield Known(value, what, pair, row["measure"])
        for side in "ab":
            if (value := number(row.get(f"mean_{side}"))) is not None:
                yield Known(value, quantity, frozenset({row[f"model_{side}"]}), row["measure"])


def _of_rounds(rows: Sequence[Mapping[str, Any]], kinds: Mapping[str, str]) -> Iterator[Known]:
    """How far a model's rounds agree on a metric."""
    for row in rows:
        for name in ("alike", "intraclass", "pass_hat_k"):
            if (value := number(row.get(name))) is not None:
                yield Known(
                    value, "agreement", frozenset({row["model"]}), row["metric"], kinds.get(row["metric"], "")
                )


def _of_run(facts: Mapping[str, Any]) -> Iterator[Known]:
    rows: Sequence[Mapping[str, Any]] = facts["comparisons"]
    alpha = float(facts["alpha"])
    yield Known(alpha, "alpha")
    yield Known(1 - alpha, "level")
    counts = {
        "models": len(facts["models"]),
        "metrics": len({row["metric"] for row in rows}),
        "kinds": len({row["test_case"] for row in rows}),
        "comparisons": len(rows),
        "margin": facts.get("margin"),
        "rounds": facts.get("rounds"),
        "cases": facts.get("cases"),
    }
    for quantity, count in counts.items():
        if (value := number(count)) is not None:
            yield Known(value, quantity)
