"""What one kind of case allows to say, in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..measure import METRICS
from .survival import SURVIVAL, survives_unscored

if TYPE_CHECKING:
    import pandas as pd

KIND_NAMES = {"json": "JSON cases", "conversation": "conversations"}
DIGITS = 3  # of published means and differences


@dataclass(frozen=True)
class KindDecision:
    """What one kind of case allows to say on its primary metric."""

    test_case: str
    metric: str
    outcome: str  # better, equivalent, inconclusive
    best: str  # the model in front, shown better or not; "" where nothing can be compared
    running: tuple[str, ...]  # not shown worse than the best
    sentence: str
    survives_unscored: bool | None  # None where nothing is unscored


def decide_kind(
    kind: str, comparisons: pd.DataFrame, scores: pd.DataFrame, *, alpha: float, margin: float
) -> KindDecision:
    """What the comparisons of one kind's primary metric say about who is in front."""
    chosen = comparisons[(comparisons["test_case"] == kind) & comparisons["primary"].astype(bool)]
    pairs = [row for row in chosen.to_dict("records") if row["n"]]
    if not pairs:
        sentence = f"On {KIND_NAMES[kind]} nothing can be compared: no two models have a score for one case."
        metric = chosen["metric"].iloc[0] if len(chosen) else ""
        return KindDecision(kind, metric, "inconclusive", "", (), sentence, None)
    metric = pairs[0]["metric"]
    best = _in_front(pairs, metric)
    against = [_facing(row, best) for row in pairs if best in (row["model_a"], row["model_b"])]
    left = [row for row in against if row["outcome"] != "better_a"]
    outcome = "better" if not left else "inconclusive"
    if left and all(row["outcome"] == "equivalent" for row in left):
        outcome = "equivalent"
    survives = survives_unscored(scores, metric, pairs, against, alpha, margin)
    down = ", lower is better" if METRICS[metric].lower_is_better else ""
    where = f"On {KIND_NAMES[kind]} ({metric}{down}, n = {min(row['n'] for row in against)} cases)"
    said = f"{where} {_finding(best, against, margin, alpha)}.{SURVIVAL[survives]}"
    return KindDecision(kind, metric, outcome, best, (best, *(r["other"] for r in left)), said, survives)


def _in_front(pairs: Sequence[Mapping[str, Any]], metric: str) -> str:
    """Who leads over the cases in common; of those not shown worse than another, where there are any."""
    lead: dict[str, float] = {}
    beaten = set()
    for row in pairs:
        gap = -row["difference"] if METRICS[metric].lower_is_better else row["difference"]
        lead[row["model_a"]] = lead.get(row["model_a"], 0.0) + gap
        lead[row["model_b"]] = lead.get(row["model_b"], 0.0) - gap
        beaten |= {{"better_a": row["model_b"], "better_b": row["model_a"]}.get(row["outcome"])}
    unbeaten = [model for model in lead if model not in beaten]
    return max(unbeaten or lead, key=lambda model: lead[model])


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


def _finding(best: str, against: Sequence[Mapping[str, Any]], margin: float, alpha: float) -> str:
    """The finding about the best model in words: who is not told from it, level with it, or worse."""
    level = f"{100 * (1 - alpha):g} % interval"
    shown: dict[str, list[Mapping[str, Any]]] = {}
    for row in against:
        shown.setdefault(row["outcome"], []).append(row)
    parts = []
    if unclear := [*shown.get("inconclusive", ()), *shown.get("better_b", ())]:
        row = max(unclear, key=lambda row: row["more_cases"] if _known(row["more_cases"]) else float("inf"))
        names = listed(f"{row['other']} ({_interval(row, level)})" for row in unclear)
        lead = "leads, but is not shown better than" if _leads(unclear) else "is level with"
        parts.append(f"it is inconclusive: {best} {lead} {names}; {_need(row)}")
    if same := shown.get("equivalent"):
        names = listed(f"{row['other']} ({_interval(row, level)})" for row in same)
        parts.append(f"{best} is equivalent to {names} within the margin of {margin:g}")
    if beaten := shown.get("better_a"):
        parts.append(
            f"{best} is better than " + listed(f"{r['other']} by {_interval(r, level)}" for r in beaten)
        )
    return "; ".join(parts)


def _leads(rows: Sequence[Mapping[str, Any]]) -> bool:
    return any(row["difference"] != 0 for row in rows)


def _need(row: Mapping[str, Any]) -> str:
    """What it would take to settle a comparison."""
    if _known(row["more_cases"]) and _known(row["resolves"]):
        gap = f"{abs(row['resolves']):.{DIGITS}f}"
        return f"about {int(row['more_cases']):,} more cases would resolve a difference of {gap}"
    return "more cases are needed, and these are too few or too alike to say how many"


def _interval(row: Mapping[str, Any], level: str) -> str:
    gap = f"{row['difference']:+.{DIGITS}f}"
    if not (_known(row["ci_low"]) and _known(row["ci_high"])):
        return f"{gap}, no interval"
    return f"{gap}, {level} {row['ci_low']:.{DIGITS}f} to {row['ci_high']:.{DIGITS}f}"


def _known(value: Any) -> bool:
    return value is not None and value == value


def listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
