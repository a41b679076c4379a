"""What a plan rests on: how each kind of case varies, measured or assumed, at the weights that decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from ..decide import Rules, complete, control_table, of_models
from ..decide.controls import disqualified
from ..decide.evidence import Evidence, gather
from ..metrics import described
from ..stats import Spread, round_noise, spread, weighting
from ..wording import count, kind_name, listed

# What is assumed of a case's difference where nobody measured it: variance between cases, and of either
# model's rounds, as of two real models on 198 public questions scored 0 or 1.
BETWEEN, ROUNDS = 0.12, 0.083


def cases_of(pilot: pd.DataFrame | None, rules: Rules) -> pd.DataFrame | None:
    """A pilot's cases; None where it compares nothing or has other categories than those that weigh."""
    models = pilot if pilot is None else of_models(pilot)
    if models is None or models["model"].nunique() < 2:  # a run that was stopped early
        return None
    cases = complete(models).drop_duplicates(["id", "test_case"])
    return cases if set(cases["category"]) == set(rules.category_weights) else None


def weighing(
    sizes: Mapping[str, int], cases: pd.DataFrame | None, rules: Rules
) -> tuple[dict[str, int], dict[str, Spread]]:
    """Of each kind the cases that weigh, and the spread that U has if each varies by 1.

    The shares of the categories are those of `cases`; without cases, or weights, they are the weights' own.
    """
    weights, found, units = rules.category_weights, dict(sizes), dict.fromkeys(sizes, Spread(1.0))
    for kind, some in cases.groupby("test_case") if weights and cases is not None else ():
        counts = some["category"].value_counts(sort=False).sort_index()
        used = counts[[weights[category] > 0 for category in counts.index]]
        if kind in found and len(counts):
            found[kind] = round(found[kind] * used.sum() / counts.sum())
        if len(used):
            units[kind] = weighting(used, [weights[category] for category in used.index])
    return {kind: n for kind, n in found.items() if n}, units


def measured(
    pilot: pd.DataFrame | None, rules: Rules, units: Mapping[str, Spread]
) -> tuple[dict[str, Spread], dict[str, str]]:
    """Per kind the variance of the open pair of models that is hardest to tell apart, and why a kind decides
    nothing.

    A kind without any variance is in neither. `units` are those of `weighing` for the planned cases: where
    their shares are not the pilot's, the variance is what theirs make of it.
    """
    if pilot is None or of_models(pilot)["model"].nunique() < 2:
        return {}, {}
    scores, weights = complete(pilot), rules.weights(units)
    planned = {kind: weights.get(kind, 0.0) for kind in scores["test_case"].unique()}
    if not any(planned.values()):
        return {}, {}
    terms = Rules(rules.primary_metric, rules.alpha, rules.margin, kind_weights=planned)
    own = cases_of(pilot, rules)
    if own is not None:
        terms = replace(terms, category_weights=rules.category_weights)
    evidence = gather(scores, terms, disqualified(control_table(pilot, terms)))
    aside = {one.name: one.why_not for one in evidence.aside}
    told = [_spreads(evidence, i, j) for i, j in (evidence.open_pairs if evidence.kinds else ())]
    found = max(told, key=lambda one: (len(one[0]), one[1]), default=({}, 0.0))[0]
    base = weighing(dict.fromkeys(found, 1), own, terms)[1]
    scaled = {kind: one.times(units[kind].between / base[kind].between) for kind, one in found.items()}
    return scaled, aside


def _spreads(evidence: Evidence, i: int, j: int) -> tuple[dict[str, Spread], float]:
    """What a pair of models says of each kind, and its error in U."""
    found = {}
    for kind in evidence.kinds:
        pair, values = kind.pairs[i][j], kind.measured.values
        rounds = values.shape[2]
        if pair is not None and pair.se > 0:
            noise = round_noise(values[i]) + round_noise(values[j]) if rounds > 1 else None
            found[kind.name] = spread(pair, noise, rounds)
    whole = evidence.pairs[i][j]
    return found, 0.0 if whole is None else whole.se


def assumed(metric: str, unit: Spread) -> Spread:
    """An assumption for a score of 0 to 1, or of the metric's own range, with what the weights make of it."""
    size = unit.between * (described(metric).span or 1.0) ** 2
    return replace(unit, between=BETWEEN * size, noise=2 * ROUNDS * size)


def basis(
    pilot: pd.DataFrame | None,
    seen: Mapping[str, Spread],
    guessed: Sequence[str],
    named: str,
    aside: Mapping[str, str],
) -> str:
    """What the plan rests on."""
    parts = []
    if seen and pilot is not None:
        cases = pilot[pilot["test_case"].isin(list(seen))]["id"].nunique()
        size = f"{count(cases, 'case')} in {count(pilot['round'].nunique(), 'round')}"
        size += f" ({named})" if named else ""
        parts.append(f"Measured on a pilot of {size}: how {listed(map(kind_name, seen))} vary.")
    if guessed:
        parts.append(
            f"Assumed, not measured: how {listed(map(kind_name, guessed))} vary, as of two real models on "
            "public questions scored 0 or 1. A pilot of some ten cases in two rounds or more would replace "
            "it."
        )
    parts += [f"{kind_name(kind)} decided nothing there: {why}." for kind, why in aside.items()]
    return " ".join(one[0].upper() + one[1:] for one in parts)
