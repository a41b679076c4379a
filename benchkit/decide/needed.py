"""What would settle an open decision: cases, and dollars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .deciding import Floor
from .evidence import LEAST_CASES, Evidence

if TYPE_CHECKING:
    import pandas as pd

    from ..stats import Estimate, Needed, Spread

POWER = 0.8


def needed(
    evidence: Evidence, open_floor: Floor | None, prices: pd.DataFrame | None, rounds: int
) -> dict[str, Any] | None:
    """Cases in all that have the chance POWER to settle what is open, and what asking the rest costs.

    Open is the difference in U of the best model to the contender that is hardest to tell from it, looked
    for at the size `detect`; where the run is large enough for that, that they lie within the margin, if
    they are equal; or, with `open_floor`, that the model is no more than the margin worse on one kind, if
    the two are equal there. Where only LEAST_CASES are missing, those are what is needed: `what` is "least",
    and neither a chance nor a difference belongs to it. `prices` has `model`, `test_case` and `cost_usd`
    of one answer. None where nothing can be said.
    """
    if not evidence.kinds:
        return None
    if open_floor:
        kind = next(kind for kind in evidence.kinds if kind.name == open_floor.kind)
        pair, kinds = kind.pairs[open_floor.model][open_floor.against], [kind.name]
        models = [evidence.models[i] for i in (open_floor.model, open_floor.against)]
        found, what = _cases(pair, evidence.rules.margin, evidence.alpha()), "floor"
        n = 0 if pair is None else pair.n
    else:
        if evidence.n < LEAST_CASES and max(evidence.contrasts.low) > 0:
            return _least(evidence, prices, rounds)
        found, what = _overall(evidence)
        kinds, n = [kind.name for kind in evidence.kinds], evidence.n
        alone = [evidence.models[evidence.rival(evidence.order[0])]] if len(evidence.contenders) == 1 else []
        models = [*evidence.contenders, *alone]
    if found is None:
        return _least(evidence, prices, rounds) if evidence.n < LEAST_CASES else None
    cases = max(found.cases, n + 1 if open_floor else LEAST_CASES)
    more = max(1, cases - n)
    return {
        "what": what,
        "cases": n + more,
        "more": more,
        "low": found.low,
        "high": found.high,
        "power": POWER,
        "difference": found.difference,
        "kinds": kinds,
        "models": models,
        "cost_usd": _cost(evidence, kinds, models, more * rounds, prices),
    }


def _least(evidence: Evidence, prices: pd.DataFrame | None, rounds: int) -> dict[str, Any]:
    """The cases that are missing to the least that anything is decided on, for all models."""
    kinds, models = [kind.name for kind in evidence.kinds], list(evidence.models)
    more = LEAST_CASES - evidence.n
    return {
        "what": "least",
        "cases": LEAST_CASES,
        "more": more,
        **dict.fromkeys(("low", "high", "power", "difference")),
        "kinds": kinds,
        "models": models,
        "cost_usd": _cost(evidence, kinds, models, more * rounds, prices),
    }


def _overall(evidence: Evidence) -> tuple[Needed | None, str]:
    pairs = [evidence.pairs[i][j] for i, j in evidence.open_pairs]
    detect, models = evidence.rules.detect, len(evidence.models)
    shown = _most(_cases(one, detect, evidence.alpha(), models) for one in pairs)
    if shown is None or shown.cases > evidence.n:
        return shown, "difference"
    # Both one-sided tests succeed with POWER where each does with half the chance to fail.
    each, margin = 1 - (1 - POWER) / 2, evidence.rules.margin
    return _most(_cases(one, margin, evidence.alpha(2), power=each) for one in pairs), "equivalence"


def _cases(
    pair: Estimate | None, difference: float, alpha: float, models: int = 2, power: float = POWER
) -> Needed | None:
    from ..stats import spread

    if pair is None or not pair.se > 0:
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


def _most(found: Any) -> Needed | None:
    each = list(found)
    return None if not each or None in each else max(each, key=lambda one: one.cases)


def _cost(
    evidence: Evidence, kinds: list[str], models: list[str], answers: int, prices: pd.DataFrame | None
) -> float | None:
    """Dollars for so many answers of each model, spread over the kinds as now; None for an unknown price."""
    if prices is None or not len(prices):
        return None
    sizes = {kind.name: len(kind.measured.ids) for kind in evidence.kinds if kind.name in kinds}
    known = prices.set_index(["model", "test_case"])["cost_usd"].to_dict()
    each = [
        known.get((m, k), float("nan")) * n / sum(sizes.values()) for m in models for k, n in sizes.items()
    ]
    total = answers * sum(each)
    return total if total == total else None
