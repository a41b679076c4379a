"""What one kind of case allows to say, in one sentence and in what it stands on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..measure import METRICS
from ..measure.arrays import measured
from .saying import KIND_NAMES, Row, against_reference, elsewhere, finding, sensitivity
from .survival import Change, Survival, survival

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class KindDecision:
    """What one kind of case allows to say on its primary metric."""

    test_case: str
    metric: str
    outcome: str  # better, equivalent, inconclusive
    best: str  # the model in front, shown better or not; "" where nothing can be compared
    running: tuple[str, ...]  # on this kind: not shown worse than the best
    sentence: str
    survives_unscored: bool | None = None  # None where nothing is unscored
    survives_categories: bool | None = None  # None where there is one category
    changed_without: tuple[str, ...] = ()  # the categories without which an outcome is another
    survives_extreme_case: bool | None = None  # None under three cases
    changes: tuple[Change, ...] = ()  # every way of looking under which an outcome is another
    # By metric: {"agrees", "differs" (in front) or "contradicts" (shown better): the model}.
    other_metrics: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def decide_kind(
    kind: str,
    comparisons: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    alpha: float,
    margin: float,
    reference: str = "",
) -> KindDecision:
    """What the comparisons of one kind's primary metric say about who is in front."""
    rows = comparisons.to_dict("records")
    of_kind = [row for row in rows if row["test_case"] == kind and row["n"]]
    pairs = [row for row in of_kind if row["primary"]]
    if not pairs:
        sentence = f"On {KIND_NAMES[kind]} nothing can be compared: no two models have a score for one case."
        named = [row["metric"] for row in rows if row["test_case"] == kind and row["primary"]]
        return KindDecision(kind, named[0] if named else "", "inconclusive", "", (), sentence)
    metric = pairs[0]["metric"]
    best = _in_front(pairs, metric)
    against = [_facing(row, best) for row in pairs if best in (row["model_a"], row["model_b"])]
    left = [row for row in against if row["outcome"] != "better_a"]
    outcome = _outcome(left)
    found = _survival(scores, metric, best, against, rows, alpha, margin)
    others = _other_metrics(of_kind, metric, best)
    said = f"{_where(kind, metric, against)} {finding(best, against, margin, alpha)}."
    more = (against_reference(pairs, reference), sensitivity(found, best, outcome), elsewhere(best, others))
    sentence = " ".join(filter(None, (said, *more)))
    return KindDecision(
        test_case=kind,
        metric=metric,
        outcome=outcome,
        best=best,
        running=(best, *(row["other"] for row in left)),
        sentence=sentence,
        survives_unscored=found.unscored,
        survives_categories=found.categories,
        changed_without=found.changed_without,
        survives_extreme_case=found.extreme_case,
        changes=found.changes,
        other_metrics=others,
    )


def _outcome(left: Sequence[Row]) -> str:
    """A kind's outcome, by the comparisons in which the best model is not shown better."""
    if not left:
        return "better"
    return "equivalent" if all(row["outcome"] == "equivalent" for row in left) else "inconclusive"


def _where(kind: str, metric: str, against: Sequence[Row]) -> str:
    down = ", lower is better" if METRICS[metric].lower_is_better else ""
    n = min(row["n"] for row in against)
    return f"On {KIND_NAMES[kind]} ({metric}{down}, n = {n} {'case' if n == 1 else 'cases'})"


def _survival(
    scores: pd.DataFrame,
    metric: str,
    best: str,
    against: Sequence[Row],
    rows: Sequence[Row],
    alpha: float,
    margin: float,
) -> Survival:
    models = [best, *(row["other"] for row in against)]
    (one,) = measured(scores[scores["metric"] == metric], models)
    return survival(one, best, against, rows, alpha, margin)


def _other_metrics(of_kind: Sequence[Row], primary: str, best: str) -> dict[str, dict[str, str]]:
    """Whether the kind's other metrics have the same model in front, none, or show another one better."""
    out: dict[str, dict[str, str]] = {}
    for metric in dict.fromkeys(row["metric"] for row in of_kind if row["metric"] != primary):
        rows = [row for row in of_kind if row["metric"] == metric]
        facing = [_facing(row, best) for row in rows if best in (row["model_a"], row["model_b"])]
        shown = [row["other"] for row in facing if row["outcome"] == "better_b"]
        front = _in_front(rows, metric)
        if shown:
            out[metric] = {"contradicts": front if front in shown else shown[0]}
        elif not any(row["difference"] for row in facing):
            out[metric] = {"level": best}
        elif front == best:
            out[metric] = {"agrees": best}
        else:
            out[metric] = {"differs": front}
    return out


def _in_front(pairs: Sequence[Row], metric: str) -> str:
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


def _facing(row: Row, best: str) -> dict[str, Any]:
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
        "equivalence_low": -row["equivalence_high"],
        "equivalence_high": -row["equivalence_low"],
        "mean_a": row["mean_b"],
        "mean_b": row["mean_a"],
    }
