"""What people prefer, beside what the metrics say; and how far each metric goes with people.

`people` is {} without labels, else

    models        [a, b]: the two whose answers were compared; all differences are a − b
    labelled      cases of the drawn sample with a label, `outside` of them not drawn (shown, not used)
    cases         cases that both models answered; one that the deciding metric cannot score is a tie to it
    labels        how many of them are used, `unnamed` of these without a labeller
    labellers     how many people gave the others; `kappa` {labellers, n, alike, kappa, low, high} of the two
                  with most cases in common, or None
    preference    {estimate, se, low, high, p_value, weight}: share of cases where a is preferred less those
                  where b is, −1 to 1, corrected by the metric that decides
    needed        labelled cases in all that have a chance of 80 % to show a preference of `detect`, None
                  where the labels do not vary; at least 20
    labels_alone  {estimate, low, high}; `metric_alone` {estimate}: the metric's own difference, over its span
    agreement     [metric, pairs, alike, tied, share, low, high, correlation (with its low and high): of pairs
                  that a metric tells apart, how many it orders as people do; `length` is the yardstick

It takes `labels` with id, model_a, model_b, preferred (a model's name or "tie") and labeller, all of the same
two models; `drawn`, the ids of a uniform random sample, as from no others can be inferred; `scores` of models
as in scores.csv; `lengths` with id, model, round and `words` (NaN: not counted) of every answer; and
`primary`, {kind: the metric that decides}.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import TYPE_CHECKING, Any

from ..metrics import described, in_order
from ..wording import count, interval, known, listed, number

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FEWEST_LABELS = 20  # under so many people decide nothing, as under so many cases nothing is deployed
LENGTH = "length"  # the longer answer is the better one: what a metric has to beat
TIE = "tie"
SHEET = "`benchkit labels` writes the sheet."
UNSEEN = "No person has looked at these answers."


def people(
    labels: pd.DataFrame,
    drawn: Collection[str],
    scores: pd.DataFrame,
    lengths: pd.DataFrame,
    primary: Mapping[str, str],
    alpha: float = 0.05,
    detect: float = 0.05,
) -> dict[str, Any]:
    """What labels say; the docstring of this module describes what it takes and gives. {} without labels."""
    if not len(labels):
        return {}
    a, b = models = tuple(labels[["model_a", "model_b"]].iloc[0])
    by_metric = {name: _differences(rows, "value", models) for name, rows in scores.groupby("metric")}
    deciding = _deciding(scores, primary, models)
    verdicts = labels["preferred"].map({a: 1.0, b: -1.0, TIE: 0.0}).groupby(labels["id"].astype(str)).mean()
    used = verdicts[verdicts.index.isin(set(drawn))]
    counted = labels.loc[labels["id"].astype(str).isin(used.index), "labeller"]
    gaps = [(name, by_metric[name]) for name in in_order(by_metric)]
    yardstick = (LENGTH, _differences(lengths, "words", models))
    told = [_agreement(name, used, gap, alpha) for name, gap in (*gaps, yardstick)]
    return {
        "models": [a, b],
        "outside": len(verdicts) - len(used),
        "labels": len(counted),
        "unnamed": int((counted == "").sum()),
        "labellers": int(counted[counted != ""].nunique()),
        "kappa": _kappa(labels[labels["labeller"] != ""], alpha),
        **_preferences(used, deciding, _answered(lengths, models), alpha, detect),
        "agreement": [one for one in told if one["pairs"] or one["metric"] == LENGTH],
    }


def _answered(lengths: pd.DataFrame, models: Sequence[str]) -> set[str]:
    """The cases that both models answered."""
    each = (set(lengths.loc[lengths["model"] == model, "id"].astype(str)) for model in models)
    return set.intersection(*each)


def _preferences(
    used: pd.Series, deciding: pd.Series, answered: Collection[str], alpha: float, detect: float
) -> dict[str, Any]:
    from ..stats.preference import preference

    untold = sorted({*answered, *used.index} - set(deciding.index))
    predicted = deciding.reindex([*deciding.index, *untold], fill_value=0.0)
    known, scores = used.reindex(predicted.index).to_numpy(dtype=float), predicted.to_numpy()
    found, alone = (asdict(preference(known, scores, alpha=alpha, weight=weight)) for weight in (None, 0.0))
    shown = ("estimate", "se", "low", "high", "p_value", "weight")
    return {
        "alpha": alpha,
        "detect": detect,
        "labelled": len(used),
        "cases": len(predicted),
        "preference": {name: found[name] for name in shown},
        "needed": _needed(found["se"], alone["se"], len(used), len(predicted), alpha, detect),
        "labels_alone": {name: alone[name] for name in ("estimate", "low", "high")},
        "metric_alone": {"estimate": float(deciding.mean())},
    }


def preferred_to(found: Mapping[str, Any], model: str) -> str:
    """The model that people are shown to prefer to `model`; "" for none."""
    best = _ahead(found) if found and model in found["models"] else ""
    return "" if best == model else best


def verdict(found: Mapping[str, Any], models: Collection[str]) -> tuple[str, str, str]:
    """Where people decide: (the model that they are shown to prefer, why there is none, what to do next)."""
    labelled = found.get("labelled", 0)
    if found and set(models) != set(found["models"]):
        why = f"people compared {listed(found['models'])} alone; let them compare {listed(models)}"
        return "", why, f"Have people compare {listed(models)}."
    if labelled < FEWEST_LABELS:
        had = f"{count(labelled, 'labelled case')} are too few, {FEWEST_LABELS} the least"
        return "", f"people decide, and {had}", _to_label(found, FEWEST_LABELS)
    if best := _ahead(found):
        return best, "", ""
    unshown, needed = f"people are not shown to prefer {listed(found['models'], 'or')}", found["needed"]
    if needed is None:
        return (
            "",
            f"{unshown}: all labels say the same; label more cases",
            f"Have people label more cases: {SHEET}",
        )
    more = f"{needed:,} labelled cases in all have an 80 % chance to show a preference of {found['detect']:g}"
    few = f" (this run has {found['cases']:,})" if needed > found["cases"] else ""
    return "", f"{unshown}; {more}{few}", _to_label(found, needed)


def _to_label(found: Mapping[str, Any], needed: int) -> str:
    """What to have labelled next; "" where more labels promise nothing."""
    if found and needed > found["cases"]:
        return (
            f"Add cases, and have people label all of them: {needed:,} are needed, and this run has "
            f"{found['cases']:,}."
        )
    more = needed - found.get("labelled", 0)
    return f"Have people label {count(more, 'more case')}: {SHEET}" if more > 0 else ""


def _ahead(found: Mapping[str, Any]) -> str:
    low, high = found["preference"]["low"], found["preference"]["high"]
    return str(found["models"][0]) if low > 0 else str(found["models"][1]) if high < 0 else ""


def _needed(se: float, alone: float, labels: int, cases: int, alpha: float, detect: float) -> int | None:
    """Labels of this run's cases at which the error is small enough; of more cases, all of them labelled.

    `se` is the error now, `alone` that of the labels alone. With m labels of N cases the squared error is
    V(1 − ρ²)/m + ρ²V/N: V is the labels' variance, ρ² the share of it that the metric explains.
    """
    from scipy.stats import norm

    if not (se > 0 and alone > 0):
        return None
    wanted = (detect / (norm.isf(alpha / 2) + norm.isf(0.2))) ** 2
    variance, explained = labels * alone**2, 0.0
    if labels < cases and variance / cases < wanted:
        explained = min(max(0.0, 1 - se**2 / alone**2) / (1 - labels / cases), 1.0)
    found = variance * (1 - explained) / (wanted - explained * variance / cases)
    return max(FEWEST_LABELS, math.ceil(found))


def people_in_words(found: Mapping[str, Any]) -> str:
    """What people prefer, and what the metric alone says; or that no person has looked."""
    if not found:
        return UNSEEN
    a, b = found["models"]
    one, cases = as_said(found["preference"]), f"{found['labelled']:,} of {count(found['cases'], 'case')}"
    if not known(one["low"]):
        return f"People labelled {cases}; that is too little, or too much alike, to say what they prefer."
    best = _ahead(found)
    said = f"People prefer {best} to {b if best == a else a}"
    if not best:
        said = f"People are not shown to prefer {a} or {b}"
    alone = number(found["metric_alone"]["estimate"])
    return (
        f"{said}, on {_labels(found)}: the share that prefers {a} less the share that prefers {b} is "
        f"{number(one['estimate'])} ({interval(one['low'], one['high'])}), from {cases}. The metric alone "
        f"gives {alone}."
    )


def as_said(found: Mapping[str, Any]) -> dict[str, Any]:
    """The estimate and the ends of its interval as they are told: no share goes past −1 or 1."""
    ends = {name: found[name] for name in ("estimate", "low", "high")}
    return {name: max(-1.0, min(1.0, end)) if known(end) else end for name, end in ends.items()}


def _labels(found: Mapping[str, Any]) -> str:
    unnamed, people = found["unnamed"], count(found["labellers"], "person", "people")
    named = [f"{count(found['labels'] - unnamed, 'label')} of {people}"] if found["labellers"] else []
    return listed([*named, f"{count(unnamed, 'label')} without a labeller"] if unnamed else named)


def _deciding(scores: pd.DataFrame, primary: Mapping[str, str], models: Sequence[str]) -> pd.Series:
    """Per case the difference on the metric that decides its kind, as a share of the metric's range."""
    import pandas as pd

    parts = []
    for kind, name in primary.items():
        rows = scores[(scores["test_case"] == kind) & (scores["metric"] == name)]
        if len(rows):
            parts.append(_differences(rows, "value", models) / (described(name).span or 1.0))
    return pd.concat(parts) if parts else pd.Series(dtype=float)


def _differences(rows: pd.DataFrame, column: str, models: Sequence[str]) -> pd.Series:
    """Per case the mean of the first model less that of the second, positive where the first is better."""
    means = (
        rows.groupby([rows["id"].astype(str), "model"])[column].mean().unstack().reindex(columns=list(models))
    )
    worse = column == "value" and described(str(rows["metric"].iloc[0])).lower_is_better
    return ((means[models[0]] - means[models[1]]) * (-1 if worse else 1)).dropna()


def _agreement(name: str, verdicts: pd.Series, differences: pd.Series, alpha: float) -> dict[str, Any]:
    import numpy as np

    from ..stats import proportion

    both = verdicts[verdicts.index.isin(differences.index)]
    theirs, ours = np.sign(both.to_numpy()), np.sign(differences.reindex(both.index).to_numpy().round(12))
    told = (theirs != 0) & (ours != 0)
    share = proportion(int((theirs == ours)[told].sum()), int(told.sum()), alpha=alpha)
    return {
        "metric": name,
        "pairs": share.n,
        "alike": share.successes,
        "tied": int(((theirs != 0) & (ours == 0)).sum()),
        "share": share.share,
        "low": share.ci_low,
        "high": share.ci_high,
        **_correlation(both.to_numpy(), differences.reindex(both.index).to_numpy(), alpha),
    }


def _correlation(verdicts: np.ndarray, differences: np.ndarray, alpha: float) -> dict[str, float]:
    """Spearman's with Fisher's interval (standard error 1.03/√(n − 3), Fieller and others 1957)."""
    import numpy as np
    from scipy.stats import spearmanr

    from ..stats.estimates import t_quantile

    n = len(verdicts)
    if n < 4 or not np.ptp(verdicts) or not np.ptp(differences):
        return dict.fromkeys(("correlation", "correlation_low", "correlation_high"), float("nan"))
    r = float(spearmanr(verdicts, differences).statistic)
    half = t_quantile(alpha / 2, float("inf")) * 1.03 / (n - 3) ** 0.5
    middle = float(np.arctanh(min(1 - 1e-9, max(-1 + 1e-9, r))))
    low, high = np.tanh(middle - half), np.tanh(middle + half)
    return {"correlation": r, "correlation_low": float(low), "correlation_high": float(high)}


def _kappa(labels: pd.DataFrame, alpha: float) -> dict[str, Any] | None:
    """Of the two labellers with most cases in common; None where no two share one."""
    from ..stats.preference import cohen_kappa

    wide = labels.pivot_table(index=["id", "round"], columns="labeller", values="preferred", aggfunc="last")
    each = [(wide[list(pair)].dropna(), list(pair)) for pair in combinations(wide.columns, 2)]
    both, names = max(each, key=lambda one: len(one[0]), default=(wide[:0], []))
    if not len(both):
        return None
    found = cohen_kappa(*(list(both[name]) for name in names), alpha=alpha)
    return {"labellers": names, **asdict(found)}
