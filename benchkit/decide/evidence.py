"""What the kinds of cases say of every pair of models: the quantity that is decided on, and its parts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..wording import kind_name
from .rules import Rules
from .table import Measured, measured
from .usable import HALF, few_usable, nothing_usable

if TYPE_CHECKING:
    from ..stats import Contrasts, Design, Estimate, Pairs

SHARE = "share of its range"  # the unit of a metric that is added to one of another range
LEAST_CASES = 20  # or families of them: under so many nothing is deployed


@dataclass(frozen=True)
class Kind:
    """One kind of case and the metric that decides on it, whatever its weight."""

    name: str
    measured: Measured
    gain: np.ndarray  # (models, cases): means over rounds, turned so that more is better; NaN for none
    design: Design  # strata, weights and families of the cases
    planned: int  # cases, those included that leave the metric nothing to compare
    alpha: float  # of its intervals

    @property
    def metric(self) -> str:
        return self.measured.metric.name

    @property
    def span(self) -> float:
        """The largest difference there can be on the metric; where its range is open, that was seen."""
        known, gain = self.measured.metric.span, self.gain
        return float(np.nanmax(gain) - np.nanmin(gain)) or 1.0 if known is None else known

    @property
    def reach(self) -> float:
        """The largest difference that the metric's range allows; infinite where that is open."""
        return self.measured.metric.span or math.inf

    @cached_property
    def pairs(self) -> Pairs:
        """[i][j]: Δ of model i against j over the cases that both have a score for; None on the diagonal."""
        from ..stats import pairwise, stratified

        def gap(i: int, j: int) -> Estimate:
            return stratified(self.gain[i] - self.gain[j], self.design, alpha=self.alpha).within(self.reach)

        return pairwise(len(self.gain), gap)

    @cached_property
    def contrasts(self) -> Contrasts:
        """Each model's Δ against the best of the others, on this kind alone."""
        from ..stats import best

        return best(self.pairs, alpha=self.alpha)


@dataclass(frozen=True)
class Aside:
    """A kind that decides nothing, and why."""

    name: str
    metric: str
    why_not: str
    n: int  # cases on which at least two models have a score
    planned: int
    undelivered: bool = False  # for want of usable answers: the metric is not to blame


@dataclass(frozen=True)
class Evidence:
    """The kinds that decide, those that do not, and at which terms."""

    models: tuple[str, ...]
    kinds: tuple[Kind, ...]
    weights: tuple[float, ...]  # of the kinds in U, sum 1
    aside: tuple[Aside, ...]
    rules: Rules
    look: float = 0.0  # at a later look: the cases now over those of the first; 0 at the first
    lost: tuple[str, ...] = ()  # models without any score on a kind that decides
    few: tuple[str, ...] = ()  # what is said of models with few usable answers

    def alpha(self, times: float = 1.0) -> float:
        return alpha_at(self.look, times * self.rules.alpha)

    @property
    def weighed(self) -> Iterator[tuple[Kind, float]]:
        """The kinds with their weights in U."""
        return zip(self.kinds, self.weights, strict=True)

    @property
    def usable(self) -> bool:
        """Whether something decides, and every model has a measurement of it."""
        return bool(self.kinds) and not self.lost

    @property
    def span(self) -> float:
        """The largest difference there can be on a kind."""
        return max(kind.span for kind in self.kinds)

    @property
    def reach(self) -> float:
        """The largest difference in U that the metrics' ranges allow."""
        return sum(weight * kind.reach for kind, weight in self.weighed)

    @cached_property
    def n(self) -> int:
        """Cases of all kinds that decide on which at least two models have a score."""
        return sum(kind.measured.shared for kind in self.kinds)

    @property
    def units(self) -> int:
        """Cases, or families, that the best model shares with the one it shares fewest with."""
        from ..stats import fewest_units

        return fewest_units(self.pairs, self.order[0])

    @property
    def contenders(self) -> list[str]:
        """The models that are not shown worse than the best, best first."""
        return [self.models[i] for i in self.order if self.contrasts.contender[i]]

    @cached_property
    def order(self) -> list[int]:
        """The models by U less the best other's, best first; one without any comparison last."""
        gap = np.nan_to_num(self.contrasts.difference, nan=-np.inf, posinf=-np.inf)
        return [int(i) for i in np.argsort(-gap, kind="stable")]

    @property
    def open_pairs(self) -> list[tuple[int, int]]:
        """What a decision asks: the best model against each other contender, else against the best other."""
        top = self.order[0]
        others = [i for i in self.order if i != top and self.contrasts.contender[i]]
        return [(top, i) for i in others or [self.rival(top)]]

    def rival(self, model: int) -> int:
        """The best of the others."""
        found = self.contrasts.rival[model]
        return found if found != model else next(i for i in self.order if i != model)

    @cached_property
    def pairs(self) -> Pairs:
        """[i][j]: U of model i less that of j."""
        from ..stats import combine, pairwise

        def whole(i: int, j: int) -> Estimate:
            parts = [e for kind in self.kinds if (e := kind.pairs[i][j]) is not None]
            return combine(parts, self.weights, alpha=self.alpha()).within(self.reach)

        return pairwise(len(self.models), whole)

    @cached_property
    def contrasts(self) -> Contrasts:
        """Each model's U against the best of the others, with simultaneous intervals."""
        from ..stats import best

        return best(self.pairs, alpha=self.alpha())

    def weighted(self, weights: Mapping[str, float]) -> Evidence:
        """The same evidence with other weights of the kinds; one of weight 0 is left out."""
        kinds = tuple(kind for kind in self.kinds if weights[kind.name] > 0)
        return replace(self, kinds=kinds, weights=tuple(weights[kind.name] for kind in kinds))

    def with_scores(self, parts: Iterable[Measured]) -> Evidence:
        """The same evidence with other scores of the kinds that decide, one part each."""
        return replace(self, kinds=tuple(kind_of(one, self.rules, self.look) for one in parts))


def utility_ends(evidence: Evidence, i: int) -> tuple[float, float]:
    """The simultaneous interval of a model's U less the best other's; NaN where no error of it is known."""
    pair, found, reach = evidence.pairs[i][evidence.rival(i)], evidence.contrasts, evidence.reach
    if not (pair and pair.se > 0):
        return math.nan, math.nan
    return max(found.low[i], -reach), min(found.high[i], reach)


def gather(
    scores: pd.DataFrame,
    rules: Rules,
    disqualified: Mapping[tuple[str, str], str] | None = None,
    *,
    look: float = 0.0,
) -> Evidence:
    """The evidence of complete scores (see `complete`) on the metrics that decide.

    `disqualified` says why a (kind, metric) decides nothing, such as that an answer which knows nothing does
    as well on it. Raises UsageError as `Rules.primary` and `Rules.check_fit` do.
    """
    rules.check_fit(scores)
    models = tuple(scores["model"].unique())
    primary = rules.primary(scores)
    deciding = scores["test_case"].map(primary).astype(object)  # categories of others cannot be compared
    wanted = scores[deciding == scores["metric"].astype(object)]
    found = {one.kind: one.weighing(rules.category_weights) for one in measured(wanted, models)}
    if weights := rules.category_weights:  # a case that weighs nothing is no case of the decision
        wanted = wanted[wanted["category"].map(weights).astype(float) > 0]
    aside = {}
    for kind, metric in primary.items():
        one, spoilt = found.get(kind), (disqualified or {}).get((kind, metric), "")
        least = HALF if spoilt else 0.0  # what knows nothing beats what did not come
        unusable = nothing_usable(wanted[wanted["test_case"] == kind], least)
        if why := unusable or spoilt or _why_not(kind, one, rules):
            sizes = (one.shared, len(one.ids)) if one else (0, 0)
            aside[kind] = Aside(kind, metric, why, *sizes, undelivered=bool(unusable))
    shares = rules.weights(kind for kind in primary if kind not in aside)
    units = rules.units(scores)
    scaled = (found[kind] if units[kind] == 1 else _as_share(found[kind]) for kind in shares)
    kinds = tuple(kind_of(one, rules, look) for one in scaled)
    few = tuple(few_usable(wanted[wanted["test_case"].isin(list(shares))]))
    lost = tuple(m for i, m in enumerate(models) if any(np.isnan(kind.gain[i]).all() for kind in kinds))
    return Evidence(models, kinds, tuple(shares.values()), tuple(aside.values()), rules, look, lost, few)


def _why_not(kind: str, one: Measured | None, rules: Rules) -> str:
    if rules.kind_weights and not rules.kind_weights[kind]:
        return f"{kind_name(kind)} have a weight of 0"
    if one and rules.category_weights and not sum(rules.category_weights[label] for label in set(one.labels)):
        return f"all categories of {kind_name(kind)} have a weight of 0"
    return "" if one and one.shared else "no two models have a score for the same case"


def _as_share(one: Measured) -> Measured:
    """The scores as shares of the metric's range: only what has one size can be added."""
    assert one.metric.low is not None
    assert one.metric.span is not None
    values = (one.values - one.metric.low) / one.metric.span
    return replace(one, metric=replace(one.metric, low=0.0, high=1.0, unit=SHARE), values=values)


def alpha_at(look: float, alpha: float) -> float:
    """At a later look (see `Evidence`) what makes an interval hold at all looks together; else alpha."""
    from ..stats import sequence_alpha

    return sequence_alpha(look, alpha) if look else alpha


def kind_of(one: Measured, rules: Rules, look: float = 0.0) -> Kind:
    """Cases that weigh nothing, or leave the metric nothing to compare, are no cases of it."""
    one = one.weighing(rules.category_weights)
    some = one.only(~one.undefined) if one.undefined.any() else one
    gain, cases = some.sign * some.means, some.design(rules.category_weights)
    return Kind(one.kind, some, gain, cases, len(one.ids), alpha_at(look, rules.alpha))
