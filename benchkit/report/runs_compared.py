"""What a comparison of two runs found, in words and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..decide import Rules
from ..domain import ROUNDING
from ..wording import count, ends_text, interval, kind_name, level, listed, number, p_text
from .flipped_cases import Flip, flips_shown
from .markdown import bold, displayed, escaped, inline, table

if TYPE_CHECKING:
    from ..decide.evidence import Evidence, Kind
    from ..stats import Estimate

WORSE, EQUAL = "worse past the margin", "equal on every case"


@dataclass(frozen=True)
class Effect:
    """B less A for one pair of models, on one kind or on U, turned so that more is better for B."""

    models: str
    scope: str  # the kind with its metric, or U
    means: tuple[float, float]  # of A and B, over the cases that both have a score for
    gain: Estimate  # its interval holds for all effects of the comparison together
    p: float  # times the number of effects (Bonferroni), 1 at most
    counts: tuple[int, int, int]  # cases on which B is better, the same, worse
    shown: str

    @property
    def ends(self) -> str:
        """The interval, a dash where differences that are all equal leave none."""
        return interval(self.gain.low, self.gain.high) if self.gain.se > 0 else "–"

    @property
    def lowest(self) -> float:
        """The worst that B may be; differences that are all equal are taken as they are."""
        return self.gain.estimate if self.gain.se == 0 else self.gain.low


def effects_of(found: Mapping[str, Evidence], rules: Rules) -> list[Effect]:
    """Every kind that decides and, where there are several, U; for every pair of models, A's first."""
    raw = [
        (models, scope, means, gain, counts)
        for models, evidence in found.items()
        for scope, means, gain, counts in _of_pair(evidence)
    ]
    effects = []
    for models, scope, means, gain, counts in raw:
        gain = gain.at(rules.alpha / len(raw))
        p = gain.p_value * len(raw)
        p = 1.0 if p > 1 else p  # NaN, where there is nothing to test, stays
        effects.append(Effect(models, scope, means, gain, p, counts, _shown(gain, p, rules)))
    return effects


def _shown(gain: Estimate, p: float, rules: Rules) -> str:
    if gain.se == 0 and abs(gain.estimate) <= ROUNDING:
        return EQUAL
    if not p <= rules.alpha:
        return "open"
    if gain.estimate > 0:
        return "better"
    return WORSE if gain.estimate < -rules.margin - ROUNDING else "worse, within the margin"


def _of_pair(evidence: Evidence) -> Iterator[tuple[str, tuple[float, float], Any, tuple[int, int, int]]]:
    import numpy as np

    each = [(kind, _means(kind), _counts(kind)) for kind in evidence.kinds]
    if len(each) > 1:
        a, b = np.array(evidence.weights) @ np.array([of for _, of, _ in each])
        better, same, worse = np.sum([counts for _, _, counts in each], axis=0)
        yield "U", (float(a), float(b)), evidence.pairs[1][0], (int(better), int(same), int(worse))
    for kind, of, counted in each:
        yield f"{kind_name(kind.name)}, {kind.metric}", of, kind.pairs[1][0], counted


def _means(kind: Kind) -> tuple[float, float]:
    import numpy as np

    one = kind.pairs[1][0]
    assert one is not None  # of two models
    there = ~np.isnan(kind.gain).any(axis=0)
    a, b = (kind.measured.sign * float(one.coefficients @ np.where(there, side, 0.0)) for side in kind.gain)
    return a, b


def _counts(kind: Kind) -> tuple[int, int, int]:
    change = kind.gain[1] - kind.gain[0]
    return (
        int((change > ROUNDING).sum()),
        int((abs(change) <= ROUNDING).sum()),
        int((change < -ROUNDING).sum()),
    )


@dataclass(frozen=True)
class RunsCompared:
    """Run B held against run A, on the cases that stand in both. Shows itself as Markdown."""

    names: tuple[str, str]
    simulated: bool
    rules: Rules
    cases: tuple[int, int, int]  # in both, only in A, only in B
    effects: Sequence[Effect]
    missing: Sequence[str]  # what cannot be compared, and why
    notes: Sequence[str]
    changed: str  # Markdown
    flips: Sequence[Flip]

    @property
    def exit_code(self) -> int:
        """5 where B is worse past the margin, 1 where something cannot be compared, else 0."""
        return 5 if self.worse else 1 if self.missing else 0

    @property
    def worse(self) -> list[Effect]:
        """Where the loss is shown and larger than the margin."""
        return [one for one in self.effects if one.shown == WORSE]

    @property
    def sentence(self) -> str:
        """What the comparison ends on."""
        margin = f"{self.rules.margin:g}"
        if self.worse:
            return f"B is worse than A past the margin of {margin}: {'; '.join(map(self._loss, self.worse))}."
        if self.missing:
            how = " in full" if self.effects else ""
            return f"A and B cannot be compared{how}: {'; '.join(self.missing)}."
        if all(one.shown == EQUAL for one in self.effects):
            return "Every score that decides is the same in both runs: there is no difference to test."
        lowest = [one.lowest for one in self.effects]
        if min(lowest) > -self.rules.margin:
            return f"B is not worse than A past the margin: a loss of more than {margin} is excluded."
        unknown = any(one != one for one in lowest)
        far = "its size is not known" if unknown else f"it may be as large as {number(-min(lowest))}"
        return f"No loss of B past the margin of {margin} is shown, and none is excluded: {far}."

    def _loss(self, one: Effect) -> str:
        gain, alpha = one.gain, self.rules.alpha
        low, high = (-gain.high, -gain.low)
        return f"{one.models} on {one.scope} by {number(-gain.estimate)} ({ends_text(alpha, low, high)})"

    @property
    def markdown(self) -> str:
        """Everything, the sentence first."""
        both, only_a, only_b = self.cases
        parts = [
            "**SIMULATED.** No real model answered." if self.simulated else "",
            f"**{escaped(self.sentence)}**",
            f"A is {inline(self.names[0])}, B is {inline(self.names[1])}. {count(both, 'case')} in both (the "
            f"same kind, prompt, golden response and schema), {only_a:,} only in A, {only_b:,} only in B.",
            "\n".join(f"- {escaped(one)}" for one in (*(self.missing if self.worse else ()), *self.notes)),
            f"{table(self._rows())}\n\n{self._rule()}" if self.effects else "",
            f"What changed:\n\n{self.changed}",
            flips_shown(self.flips),
        ]
        return "\n\n".join(filter(None, parts))

    def _repr_markdown_(self) -> str:
        return str(displayed(self.markdown).data)

    def _rows(self) -> list[dict[str, Any]]:
        several = len({one.models for one in self.effects}) > 1
        return [
            {
                "on": f"{one.models}: {one.scope}" if several else one.scope,
                "A": one.means[0],
                "B": one.means[1],
                "B's gain": one.gain.estimate,
                f"{level(self.rules.alpha)} interval": one.ends,
                "p": p_text(one.p),
                "cases": one.gain.n,
                "better / same / worse": " / ".join(f"{n:,}" for n in one.counts),
                "shown": bold(one.shown) if one.shown == WORSE else one.shown,
            }
            for one in self.effects
        ]

    def _rule(self) -> str:
        """When B is said to be worse, and how often that is wrong."""
        models = listed(map(inline, dict.fromkeys(one.models for one in self.effects)))
        times, alpha, margin = len(self.effects), f"{self.rules.alpha:g}", f"{self.rules.margin:g}"
        joint = f" Intervals and p hold for all {times} together (Bonferroni)." if times > 1 else ""
        return (
            f"Of {models}, at A's terms: alpha {alpha}, margin {margin}. B is *{WORSE}* where a loss is "
            f"shown (p at most {alpha}) and its estimate is larger than the margin; between runs that differ "
            f"by chance alone that is said in at most {level(1 - self.rules.alpha)} of comparisons.{joint}"
        )
