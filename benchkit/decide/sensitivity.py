"""Whether the decision stands: what was not measured, each category, the kinds' weights, other methods."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np

from .deciding import Outcome
from .evidence import LEAST_CASES, Evidence
from .table import Measured

if TYPE_CHECKING:
    from ..stats import Estimate

Conclude = Callable[[Evidence], Outcome]
STEPS = 10  # weights are moved in steps of a tenth
MOST_CASES = 5_000  # above which resampling takes long and says what the t interval says


def sensitivity(evidence: Evidence, concluded: Conclude) -> dict[str, Any]:
    """What the outcome would be otherwise; {} where nothing decides. See `benchkit.decide` for the keys.

    `concluded` gives the outcome that is published of any evidence. Differences are those of the best two
    models.
    """
    if not evidence.usable:
        return {}
    base = concluded(evidence)
    return {
        "unscored": _unscored(evidence, base, concluded),
        "categories": (each := list(_without_each(evidence, base, concluded))),
        "expected_changes": sum(row["expected"] for row in each) if each else None,
        "heterogeneity": list(_heterogeneous(evidence)),
        "elsewhere": _elsewhere(evidence),
        "resampled": _resampled(evidence),
        "weights": (moved := _moved(evidence, concluded)),
        "holds": list(_holds(evidence, base, moved)),
    }


def _named(evidence: Evidence, a: str = "model", b: str = "against") -> dict[str, str]:
    return {name: evidence.models[i] for name, i in zip((a, b), evidence.order, strict=False)}


def _pair(evidence: Evidence, of: Evidence | None = None) -> Estimate:
    """The difference of the best two models of `of` on this evidence."""
    top, second = (of or evidence).order[:2]
    pair = evidence.pairs[top][second]
    assert pair is not None
    return pair


def _gaps(evidence: Evidence) -> list[np.ndarray]:
    """Per kind the cases' differences of the best two models."""
    top, second = evidence.order[:2]
    return [kind.gain[top] - kind.gain[second] for kind in evidence.kinds]


def _unscored(evidence: Evidence, base: Outcome, concluded: Conclude) -> dict[str, Any] | None:
    """The difference if all that is unscored went against the best model, and for it.

    A metric without an end takes the worst and best value that was seen. None where nothing is unscored;
    what was never asked is not.
    """
    missing = sum(int(kind.measured.unscored.sum()) for kind in evidence.kinds)
    if not missing:
        return None
    against, for_it = (
        evidence.with_scores(_filled(kind.measured, evidence.order[0], good) for kind in evidence.kinds)
        for good in (False, True)
    )
    return {
        **_named(evidence),
        "n_unscored": missing,
        "worst": _pair(against, evidence).estimate,
        "best": _pair(for_it, evidence).estimate,
        "changes": any(concluded(other) != base for other in (against, for_it)),
    }


def _filled(one: Measured, top: int, good: bool) -> Measured:
    """What is unscored at one end for the model `top`, the good one where `good`, at the other for others."""
    low, high = one.metric.low, one.metric.high
    ends = [float(np.nanmin(one.values)) if low is None else low]
    ends += [float(np.nanmax(one.values)) if high is None else high]
    bad, best = ends if one.sign > 0 else reversed(ends)
    return one.filled([best if (i == top) == good else bad for i in range(len(one.models))])


def _without_each(evidence: Evidence, base: Outcome, concluded: Conclude) -> Iterator[dict[str, Any]]:
    """The outcome without each category in turn, and the chance of a change if it were like the others."""
    names = sorted({label for kind in evidence.kinds for label in kind.measured.labels})
    for name in names if len(names) > 1 else ():
        if any(set(kind.measured.labels) == {name} for kind in evidence.kinds):
            continue
        part = evidence.with_scores(k.measured.only(k.measured.category != name) for k in evidence.kinds)
        outcome = concluded(part)
        few = outcome != base and _too_few(evidence, part, base)
        yield {
            "without": name,
            "outcome": "" if few else outcome[0],
            "model": "" if few else outcome[1],
            "too_few": few,
            "changes": outcome != base and not few,
            "expected": 0.0 if few else _expected(evidence, part, base),
        }


def _too_few(evidence: Evidence, part: Evidence, base: Outcome) -> bool:
    """Whether a rule about the number of cases alone forbids what all of them allowed."""
    from ..stats import cases_for_equivalence

    if part.units < LEAST_CASES:
        return evidence.units >= LEAST_CASES
    least = cases_for_equivalence(evidence.rules.margin, evidence.alpha(2) / 2, span=evidence.span)
    weighs = min(1 / one.heaviest for row in part.pairs for one in row if one and one.n)
    return base[0] == "equivalent" and weighs < least


def _expected(evidence: Evidence, part: Evidence, base: Outcome) -> float:
    """The chance of a change by lost cases alone: of a difference, or of lying within the margin."""
    from ..stats import expected_change

    full, rest = _pair(evidence), _pair(part, evidence)
    if base[0] == "equivalent":
        return expected_change(full, rest, evidence.alpha(2), margin=evidence.rules.margin)
    return expected_change(full, rest, evidence.alpha())


def _heterogeneous(evidence: Evidence) -> Iterator[dict[str, Any]]:
    """Whether the difference varies between the categories of a kind: the F test, and each one's own."""
    from ..stats import by_category, heterogeneity

    for kind, gap in zip(evidence.kinds, _gaps(evidence), strict=True):
        labels, families = kind.measured.labels, kind.measured.families
        if len(set(labels)) > 1:
            tested = zip(("f", "df1", "df2", "p_value"), heterogeneity(gap, labels, families), strict=True)
            each = by_category(gap, labels, families, alpha=evidence.alpha())
            own = [(name, one.within(kind.reach)) for name, one in each.items()]
            yield {
                "kind": kind.name,
                "metric": kind.metric,
                **_named(evidence, "model_a", "model_b"),
                **dict(tested),
                "categories": [
                    {"category": name, "n": labels.count(name), "difference": one.estimate}
                    | {"low": one.low, "high": one.high}
                    for name, one in own
                ],
            }


def _elsewhere(evidence: Evidence) -> dict[str, Any] | None:
    """The difference for categories other than these, which are then a sample; None under two of them."""
    from ..stats import other_categories

    pair = _pair(evidence)
    labels = [label for kind in evidence.kinds for label in kind.measured.labels]
    if not pair.n or len(set(labels)) < 2:
        return None
    found = other_categories(np.concatenate(_gaps(evidence)), labels, pair.coefficients, alpha=pair.alpha)
    found = found.within(evidence.reach)
    row = {"categories": found.units, "difference": found.estimate, "low": found.low, "high": found.high}
    return _named(evidence) | row | {"p_value": found.p_value}


def _resampled(evidence: Evidence) -> dict[str, Any] | None:
    """BCa interval and sign flips over all cases, kinds and categories fixed; None above MOST_CASES."""
    from ..stats import design, resampled

    strata = {
        f"{kind.name}: {label}": share * weight
        for kind, share in evidence.weighed
        for label, weight in zip(kind.design.labels, kind.design.weights, strict=True)
    }
    cases = [f"{kind.name}: {kind.design.labels[at]}" for kind in evidence.kinds for at in kind.design.strata]
    family = [str(label) for kind in evidence.kinds for label in kind.measured.family]
    if len(cases) > MOST_CASES:
        return None
    whole = design(len(cases), cases, strata, family if any(family) else None)
    found = resampled(np.concatenate(_gaps(evidence)), whole, alpha=evidence.alpha())
    return _named(evidence) | {"low": found.low, "high": found.high, "p_sign_flip": found.p_sign_flip}


def _moved(evidence: Evidence, concluded: Conclude) -> list[dict[str, Any]]:
    """The outcome as one kind's weight goes from 0 to 1, the others keeping their proportions."""
    if len(evidence.kinds) < 2:
        return []
    rows = []
    # With two kinds the second's weight is what the first leaves.
    for at, kind in enumerate(evidence.kinds if len(evidence.kinds) > 2 else evidence.kinds[:1]):
        rest = 1 - evidence.weights[at]
        for step in range(STEPS + 1):
            weight = step / STEPS
            others = {k.name: (1 - weight) * v / rest for k, v in evidence.weighed if k is not kind}
            outcome, model = concluded(evidence.weighted(others | {kind.name: weight}))
            rows.append({"kind": kind.name, "weight": weight, "outcome": outcome, "model": model})
    return rows


def _holds(evidence: Evidence, base: Outcome, moved: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Per kind the weights around its own at which the outcome is the same: {kind, low, high}."""
    for kind, own in evidence.weighed:
        steps = {r["weight"]: (r["outcome"], r["model"]) == base for r in moved if r["kind"] == kind.name}
        below = sorted((w for w in steps if w <= own), reverse=True)
        above = sorted(w for w in steps if w >= own)
        low, high = ([own, *takewhile(steps.__getitem__, part)][-1] for part in (below, above))
        if steps:
            yield {"kind": kind.name, "low": low, "high": high}
