"""03, before it pays: the smallest difference that the planned answers can show, what would show more, its
price.

Everything is said of U, the quantity that the decision rests on: kinds weighted, rounds averaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ..decide import Rules
from ..decide.needed import POWER, cases_for
from ..decide.prices import NOT_KNOWN, Prices, in_dollars
from ..errors import UsageError
from ..metrics import described
from ..stats import Needed, Spread, mix, needed_rounds, pair_alpha, planned_power, smallest_difference
from ..values import check, refused
from ..wording import count, number, percent
from .pilot import assumed, basis, cases_of, measured, weighing
from .price import price

OTHER_ROUNDS = (1, 2, 3, 5, 10)


def plan_power(
    sizes: Mapping[str, int],
    rules: Rules,
    models: Sequence[str] | Mapping[str, str],
    rounds: int,
    *,
    cases: pd.DataFrame | None = None,
    pilot: pd.DataFrame | None = None,
    prices: Prices = NOT_KNOWN,
    power: float = POWER,
    named: str = "",
) -> Power:
    """What `sizes` cases of each kind in so many rounds can show of U, and what each design costs in all.

    `cases` are those planned, or cases like them: in which shares they are of the categories that weigh
    (without them as in the pilot). `pilot` are the scores of an earlier run, `named` so; a kind that it does
    not measure is planned with an assumption that is called so. A kind on which its controls (or answers that
    could not be used) leave nothing to decide is not planned for, unless nothing else is left. `models` and
    `prices` are as `price` takes them. A design's power is that of a comparison of two models at the level
    that comparing all of them with the best one takes (Dunnett's). Raises UsageError for rounds, a power or
    sizes out of range, and where the rules do not fit the cases or the pilot.
    """
    check(rounds=rounds)
    if not 0.5 <= power < 1:
        raise refused("power", power, "Use a chance from 0.5 to below 1, such as 0.8.")
    if cases is not None:
        rules.check_fit(cases)
    sizes, units = weighing(sizes, cases_of(pilot, rules) if cases is None else cases, rules)
    weights = {kind: weight for kind, weight in rules.weights(sizes).items() if weight}
    if not weights:
        raise UsageError("There are no cases to plan with. Give at least one of a kind that weighs.")
    sizes, units = {kind: sizes[kind] for kind in weights}, {kind: units[kind] for kind in weights}
    seen, aside = measured(pilot, rules, units)
    aside = {kind: why for kind, why in aside.items() if kind in sizes}
    if len(aside) < len(sizes):
        sizes = {kind: n for kind, n in sizes.items() if kind not in aside}
        weights = rules.weights(sizes)
    names = rules.primary(pd.DataFrame({"test_case": list(sizes)}))

    guessed = [kind for kind in sizes if kind not in seen]
    known = mix(
        [(seen.get(k) or assumed(names.get(k, ""), units[k]), weights[k], n) for k, n in sizes.items()]
    )
    said = basis(pilot, seen, guessed, named, aside)
    return Power(known, sizes, rounds, models, rules, power, _span(names, sizes), prices, said, bool(guessed))


@dataclass(frozen=True, repr=False)
class Power:
    """What a run can show."""

    known: Spread  # U's error, as far as it is known
    sizes: Mapping[str, int]  # cases planned of each kind that decides
    rounds: int
    models: Sequence[str] | Mapping[str, str]
    rules: Rules
    power: float
    span: float  # the largest difference there can be
    prices: Prices
    basis: str  # what the plan rests on, in words
    assumed: bool

    def __repr__(self) -> str:
        return "\n".join(f"- {one}" for one in self.sentences)

    _repr_markdown_ = __repr__

    @property
    def n(self) -> int:
        return sum(self.sizes.values())

    def alpha(self, n: float) -> float:
        """At which one pair of several models is planned: Dunnett's two-sided level, equal correlations."""
        return pair_alpha(len(self.models), self.known.free(n), self.rules.alpha)

    def smallest(self, n: float, rounds: int) -> float:
        """The smallest difference that is found; infinite where it would be more than there can be."""
        alpha = self.alpha(n)
        found = smallest_difference(self.known, n, rounds=rounds, alpha=alpha, power=self.power)
        return float("inf") if found > self.span else found

    def chance(self, n: float, rounds: int) -> float:
        return planned_power(self.known, n, self.rules.detect, rounds=rounds, alpha=self.alpha(n))

    @cached_property
    def needed(self) -> Needed | None:
        """The cases in all that find `detect` in the planned rounds."""
        detect, alpha, models = self.rules.detect, self.rules.alpha, len(self.models)
        return cases_for(self.known, self.n, detect, models, alpha, rounds=self.rounds, power=self.power)

    def designs(self) -> list[tuple[str, int, int]]:
        """(name, cases in all, rounds): as planned, the same answers otherwise, and what finds `detect`."""
        calls = self.n * self.rounds
        rows = [("as planned", self.n, self.rounds)]
        if self.known.noise > 0:
            others = [k for k in OTHER_ROUNDS if k != self.rounds and calls // k > len(self.sizes)]
            rows += [("as many answers", calls // k, k) for k in others]
        wanted = f"to find {self.rules.detect:g}"
        return rows + ([(wanted, self.needed.cases, self.rounds)] if self.needed else [])

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row a design: what it finds, how many models stay contenders, and what it costs."""
        rows = []
        for name, n, rounds in self.designs():
            chance, answers = self.chance(n, rounds), n * rounds * len(self.models)
            row: dict[str, Any] = {"design": name, "cases": n, "rounds": rounds, "answers": answers}
            row |= {"smallest difference": self.smallest(n, rounds)}
            row |= {f"power at {self.rules.detect:g}": chance}
            row |= {"contenders": 1 + (len(self.models) - 1) * (1 - chance)}
            share = {kind: n * size / self.n for kind, size in self.sizes.items()}
            rows.append(row | price(self.prices, self.models, share, rounds))
        return pd.DataFrame(rows)

    @property
    def curve(self) -> pd.DataFrame:
        """`n, rounds, power`: the chance to find `detect`, in these rounds and, of known noise, in others."""
        said = [self.n, *([self.needed.cases] if self.needed else [])]
        most = max(3 * self.n, 1.2 * said[-1] if self.needed else 0, 10)
        sizes = np.unique([*np.geomspace(max(4, 2 * len(self.sizes)), most, 40).astype(int), *said])
        rounds = sorted({1, self.rounds, 2 * self.rounds}) if self.known.noise > 0 else [self.rounds]
        rows = [{"n": int(n), "rounds": k, "power": self.chance(n, k)} for k in rounds for n in sizes]
        return pd.DataFrame(rows)

    @property
    def sentences(self) -> list[str]:
        first, detect = self.table.iloc[0], f"{self.rules.detect:g}"
        size, found = first["smallest difference"], first[f"power at {detect}"]
        at = f"{count(self.n, 'case')} in {count(self.rounds, 'round')}"
        chance = f"have a chance of {percent(self.power)}"
        said = [self.basis, f"{at} {chance} to show a difference of {number(size)} between two models."]
        if size == float("inf"):
            said[1] = f"{at} find no difference: it would have to be more than {self.span:g}, the range."
        said.append(f"A difference of {detect} is found with a chance of {percent(found)}.")
        if len(self.models) > 2:
            said.append(
                f"If one of the {len(self.models)} models is better than the others by {detect}, "
                f"{number(first['contenders'], 1)} of them are expected to remain contenders."
            )
        return [*said, self._wanted()]

    def _wanted(self) -> str:
        """The cases that find `detect`, how sure that is, what they cost, and rounds in their place."""
        found = self.needed
        if not found:
            return f"No run has as many cases as a difference of {self.rules.detect:g} takes."
        sure = f" (95 % interval {found.low:,.0f} to {found.high:,.0f})" if found.low == found.low else ""
        cost = float(self.table["cost_usd"].iloc[-1])
        said = in_dollars(cost, self.prices.counted, self.prices.left_out)
        price = f", {said}" if said else ""
        detect, alpha = self.rules.detect, self.alpha(self.n)
        rounds = needed_rounds(self.known, self.n, detect, alpha=alpha, power=self.power) or 0
        instead = f", or {count(rounds, 'round')} of these {self.n:,}" if rounds > self.rounds else ""
        return (
            f"For a chance of {percent(self.power)} to find {detect:g}, {found.cases:,} cases in "
            f"all are needed{sure}{price}{instead}."
        )


def _span(names: Mapping[str, str], sizes: Mapping[str, int]) -> float:
    """The largest difference there can be on the metrics that decide; infinite where one has no end."""
    spans = [described(names.get(kind, "")).span for kind in sizes]
    return max(float("inf") if one is None else one for one in spans)
