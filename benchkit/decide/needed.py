"""What would settle an open decision: cases, and dollars."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .evidence import LEAST_CASES, Evidence, Kind
from .prices import Prices

if TYPE_CHECKING:
    from ..stats import Estimate, Needed, Spread

POWER = 0.8


def needed(
    evidence: Evidence, floor: Mapping[str, Any] | None, prices: Prices, rounds: int
) -> dict[str, Any] | None:
    """Cases in all that have the chance POWER to settle what is open, and what the rest costs.

    Open is the difference in U of the best model to the contender that is hardest to tell from it, looked
    for at the size `detect`; where the run is large enough for that, that they lie within the margin, if
    they are equal; where it is for both, the difference at the size that was found; or, with an open
    `floor`, that the model is no more than the margin worse on one kind, if the two are equal there. Where
    only LEAST_CASES are missing, those are what is needed: `what` is "least", and neither a chance nor a
    difference belongs to it. What is in `cost_usd` is `counted`, what is not `left_out`. None where nothing
    can be said, or where the run is large enough and had its chance.
    """
    what, found, least, kinds = "least", None, LEAST_CASES, evidence.kinds
    models, n = list(range(len(evidence.models))), evidence.n
    if floor:
        models = [evidence.models.index(floor[side]) for side in ("model", "against")]
        kinds = tuple(kind for kind in kinds if kind.name == floor["kind"])
        pair = kinds[0].pairs[models[0]][models[1]]
        found = _cases(pair, evidence.rules.margin, evidence.alpha())
        if pair and pair.se == 0:  # equal differences show no more than that no rare failure was seen
            found = _at_least(pair, found, evidence) if floor["difference"] > -evidence.rules.margin else None
        what, least, n = "floor", 0, pair.n if pair else 0
    elif evidence.units >= LEAST_CASES or max(evidence.contrasts.low) <= 0:
        what, found = _overall(evidence)
        if found:
            models = list(dict.fromkeys(i for pair in evidence.open_pairs for i in pair))
    more = max(least - evidence.units, found.cases - n if found else 0)
    if more <= 0:
        return None
    names = [evidence.models[i] for i in models]
    return {
        "what": what if found else "least",
        "cases": n + more,
        "more": more,
        **{name: getattr(found, name, None) for name in ("low", "high", "difference")},
        "power": POWER if found else None,
        "kinds": [kind.name for kind in kinds],
        "models": names,
        "cost_usd": _cost(kinds, names, more, rounds, prices),
        "counted": list(prices.counted),
        "left_out": list(prices.left_out),
    }


def _overall(evidence: Evidence) -> tuple[str, Needed | None]:
    pairs = [evidence.pairs[i][j] for i, j in evidence.open_pairs]
    detect, models = evidence.rules.detect, len(evidence.models)
    shown = _most(_cases(one, detect, evidence.alpha(), models) for one in pairs)
    if shown is None or shown.cases > evidence.n:
        return "difference", shown
    # Both one-sided tests succeed with POWER where each does with half the chance to fail.
    each, margin = 1 - (1 - POWER) / 2, evidence.rules.margin
    alike = _most(
        _at_least(one, _cases(one, margin, evidence.alpha(2), power=each), evidence) for one in pairs
    )
    if alike is None or alike.cases > evidence.n:
        return "equivalence", alike
    widest = max((one for one in pairs if one), key=lambda one: one.estimate)
    return "difference", _cases(widest, widest.estimate, evidence.alpha(), models)


def _at_least(pair: Estimate | None, found: Needed | None, evidence: Evidence) -> Needed | None:
    """With so many cases that a rare outright failure of the margin's size would have been seen."""
    from ..stats import cases_for_equivalence

    if pair is None or found is None:
        return None
    least = cases_for_equivalence(evidence.rules.margin, evidence.alpha(2) / 2, span=evidence.span)
    cases = math.ceil(least * pair.n * pair.heaviest - 1e-6)  # as unevenly weighted as these
    if found.cases >= cases:
        return found
    unsure = pair.se > 0 and found.high > cases  # else it is not the variance that asks for them
    return replace(
        found, cases=cases, low=cases if unsure else math.nan, high=found.high if unsure else math.nan
    )


def _most(found: Iterable[Needed | None]) -> Needed | None:
    """The one with most cases; None where one is not known."""
    return max(found, key=lambda one: one.cases if one else math.inf)


def _cases(
    pair: Estimate | None, difference: float, alpha: float, models: int = 2, power: float = POWER
) -> Needed | None:
    from ..stats import spread

    if pair is None or not (pair.se >= 0 and difference > 0):
        return None
    return cases_for(spread(pair), pair.n, difference, models, alpha, power=power)


def cases_for(
    known: Spread,
    n: int,
    difference: float,
    models: int,
    alpha: float,
    *,
    rounds: int | None = None,
    power: float = POWER,
) -> Needed | None:
    """Cases in all that show `difference` between two of so many models: what 03 plans and 04 names.

    At the level that comparing all models with the best one takes (`pair_alpha`), with the degrees of freedom
    that n cases have. `known` is U's spread, or that of a kind.
    """
    from ..stats import needed_cases, pair_alpha

    level = min(pair_alpha(models, known.free(n), alpha), 0.5)
    return needed_cases(known, difference, rounds=rounds, alpha=level, power=power)


def _cost(
    kinds: Sequence[Kind], models: Sequence[str], more: int, rounds: int, prices: Prices
) -> float | None:
    """Dollars for so many more cases, spread over the kinds as now; None for an unknown price."""
    sizes = {kind.name: len(kind.measured.ids) for kind in kinds}
    total = prices.dollars(models, {k: more * n / sum(sizes.values()) for k, n in sizes.items()}, rounds)
    return None if math.isnan(total) else total
