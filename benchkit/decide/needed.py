"""What would settle an open decision: cases, and dollars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from .deciding import Floor
from .evidence import LEAST_CASES, Evidence

if TYPE_CHECKING:
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
    names, kinds, n = evidence.models, [kind.name for kind in evidence.kinds], evidence.n
    row: dict[str, Any] | None = None
    if open_floor:
        at, other = open_floor.model, open_floor.against
        kind = next(kind for kind in evidence.kinds if kind.name == open_floor.kind)
        pair = kind.pairs[at][other]
        if pair and (one := _cases(pair, evidence.rules.margin, evidence.alpha())):
            row = _row("floor", one, pair.n, pair.n + 1, [kind.name], [names[at], names[other]])
    elif n >= LEAST_CASES or max(evidence.contrasts.low) <= 0:
        found, what = _overall(evidence)
        among = dict.fromkeys(i for pair in evidence.open_pairs for i in pair)
        row = _row(what, found, n, LEAST_CASES, kinds, [names[i] for i in among]) if found else None
    if row is None and n < LEAST_CASES:
        row = _row("least", None, n, LEAST_CASES, kinds, list(names))
    if row is None:
        return None
    return row | {"cost_usd": _cost(evidence, row["kinds"], row["models"], row["more"] * rounds, prices)}


def _row(
    what: str, found: Needed | None, n: int, least: int, kinds: list[str], models: list[str]
) -> dict[str, Any]:
    more = max(1, least - n, found.cases - n if found else 0)
    row = {"what": what, "cases": n + more, "more": more}
    row |= {name: getattr(found, name, None) for name in ("low", "high", "difference")}
    return row | {"power": POWER if found else None, "kinds": kinds, "models": models}


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
