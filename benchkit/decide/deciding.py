"""From the evidence to one outcome: deploy, equivalent, split or inconclusive."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from .comparing import Less
from .evidence import LEAST_CASES, Evidence, Kind

Outcome = tuple[str, str]  # what it is, and the model that it names ("" for none)
INCONCLUSIVE: Outcome = ("inconclusive", "")
Row = dict[str, Any]  # as `benchkit.decide` describes it


def floors(evidence: Evidence, *, rare: bool = True) -> list[Row]:
    """Every model's worst standing on every kind that decides.

    Differences that are all equal have no interval. They exclude a loss where a `rare` failure of that size
    would have been seen, or else are held against the margin as they are.
    """
    models = range(len(evidence.models))
    return [_floor(evidence, kind, i, rare) for kind in evidence.kinds for i in models]


def _floor(evidence: Evidence, kind: Kind, i: int, rare: bool) -> Row:
    margin, rows = evidence.rules.margin, []
    for other, one in zip(evidence.models, kind.pairs[i], strict=True):
        if one is not None:
            bottom, top = (one.estimate, one.estimate) if one.se == 0 else (one.low, one.high)
            if rare:
                bottom = one.lowest(kind.span, evidence.alpha(2) / 2)
            shown = top < -margin
            row: Row = {"kind": kind.name, "metric": kind.metric}
            row |= {"model": evidence.models[i], "against": other, "difference": one.estimate}
            row |= {"low": one.low, "high": one.high, "shown_worse": shown, "held": bottom > -margin}
            rows.append((not shown, top if shown else -math.inf if math.isnan(bottom) else bottom, row))
    return min(rows, key=lambda one: one[:2])[2]


def conclude(evidence: Evidence, prefer: Less | None = None) -> Outcome:
    """The outcome of DESIGN's rules, and the model that it names.

    A model is deployed where its U is shown above that of every other one and it is shown, on every kind,
    not to be worse than any other by more than the margin. Equivalent are contenders that all lie within the
    margin; of those that are safe on every kind one is named, if it alone is left by `prefer` (what
    `takes_less` gives). Split: two kinds whose contenders have no model in common. Where the best model
    shares fewer than LEAST_CASES with any other one, in families where there are some, or where a model has
    no measurement: inconclusive.
    """
    if not evidence.usable or evidence.units < LEAST_CASES:
        return INCONCLUSIVE
    for model in _safe(evidence, _leaders(evidence)):
        return "deploy", model
    if taken := takeable(evidence, prefer or {}):
        return "equivalent", taken[0] if len(taken) == 1 else ""
    return ("split", "") if routing(evidence) else INCONCLUSIVE


def _safe(evidence: Evidence, models: list[str], *, rare: bool = True) -> list[str]:
    """Those that are shown, on every kind, not to be worse than any other by more than the margin."""
    rows = floors(evidence, rare=rare) if models else []
    fallen = {row["model"] for row in rows if not row["held"]}
    return [model for model in models if model not in fallen]


def takeable(evidence: Evidence, prefer: Less) -> list[str]:
    """Of equivalent models that are safe on every kind the one that takes less than each other; else all
    than which none takes less."""
    safe = _safe(evidence, equivalent(evidence), rare=False)  # which asks for it over all kinds together
    for one in safe:
        if all((one, other) in prefer for other in safe if other != one):
            return [one]
    free = [one for one in safe if not any((other, one) in prefer for other in safe)]
    return free if len(free) > 1 else safe


def _leaders(evidence: Evidence) -> list[str]:
    """The model that is shown better in U than every other one, if there is one."""
    lows = zip(evidence.models, evidence.contrasts.low, strict=True)
    return [model for model, low in lows if low > 0]


def equivalent(evidence: Evidence) -> list[str]:
    """The contenders, best first, where all are shown to lie within the margin of each other; else []."""
    from ..stats import equivalence_p

    found = evidence.contrasts
    among = [i for i, one in enumerate(found.contender) if one]
    if len(among) < 2:
        return []
    p = equivalence_p(evidence.pairs, among, evidence.rules.margin, span=evidence.span)
    ordered = sorted(among, key=lambda i: -found.difference[i])
    return [evidence.models[i] for i in ordered] if p <= evidence.alpha(2) / 2 else []


def open_floor(evidence: Evidence) -> Row | None:
    """The floor that keeps a model from being named: the best one, or the best of equivalent ones."""
    if evidence.units < LEAST_CASES:
        return None
    leaders = _leaders(evidence)
    best = (leaders or equivalent(evidence))[:1]
    rows = floors(evidence, rare=bool(leaders))
    fallen = [row for row in rows if row["model"] in best and not row["held"]]
    return min(fallen, key=lambda row: -math.inf if math.isnan(row["low"]) else row["low"], default=None)


def routing(evidence: Evidence) -> Row | None:
    """The best model of each kind, where two kinds have no contender in common; else None.

    `gain` is that over the best single model in U, with its interval. Which is the best is not known: it is
    the least of the gains over each.
    """
    among = [{i for i, one in enumerate(kind.contrasts.contender) if one} for kind in evidence.kinds]
    if not any(a.isdisjoint(b) for a, b in combinations(among, 2)):
        return None
    picked = [int(kind.contrasts.difference.argmax()) for kind in evidence.kinds]
    each = [_gain(evidence, picked, single) for single in range(len(evidence.models))]
    routed = {kind.name: evidence.models[i] for kind, i in zip(evidence.kinds, picked, strict=True)}
    row: Row = {"routing": routed, "over": evidence.models[evidence.order[0]]}
    for name, values in zip(("gain", "low", "high"), zip(*each, strict=True), strict=True):
        row[name] = math.nan if any(map(math.isnan, values)) else min(values)
    return row


def _gain(evidence: Evidence, picked: Sequence[int], single: int) -> tuple[float, float, float]:
    """(estimate, low, high) of routing over one model for everything."""
    from ..stats import combine

    pairs = zip(
        (kind.pairs[i][single] for kind, i in zip(evidence.kinds, picked, strict=True)),
        evidence.weights,
        strict=True,
    )
    parts = [(one, weight) for one, weight in pairs if one is not None]
    if not parts:
        return 0.0, 0.0, 0.0
    estimates, weights = zip(*parts, strict=True)
    one, share = combine(estimates, weights, alpha=evidence.alpha()), sum(weights)
    one = one.within(evidence.reach / share)
    return share * one.estimate, share * one.low, share * one.high
