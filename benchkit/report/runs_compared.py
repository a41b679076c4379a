"""What a comparison of two runs found, in words and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..decide import Rules
from ..wording import count, ends_text, interval, known, level, listed, number, p_text
from .markdown import bold, displayed, escaped, inline, safe, table

if TYPE_CHECKING:
    from ..stats import Estimate

SHOWN = 5  # flipped cases
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
    lowest: float  # the worst that B may be

    @property
    def ends(self) -> str:
        """The interval, a dash where differences that are all equal leave none."""
        return interval(self.gain.low, self.gain.high) if self.gain.se > 0 else "–"


@dataclass(frozen=True)
class Flip:
    """One case, its mean in both runs, and of each side the answer that shows the change most."""

    models: str
    metric: str
    ids: tuple[str, str]  # in A and in B
    means: tuple[float, float]
    gain: float  # above 0 where B is better
    prompt: str
    golden: str
    answers: tuple[str, str]


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
        most = -min(lowest)
        size = f"it may be as large as {number(most)}" if known(most) else "how large it may be is not known"
        return f"No loss of B past the margin of {margin} is shown, and none is excluded: {size}."

    def _loss(self, one: Effect) -> str:
        ends = ends_text(self.rules.alpha, -one.gain.high, -one.gain.low)
        return f"{one.models} on {one.scope} by {number(-one.gain.estimate)} ({ends})"

    @property
    def markdown(self) -> str:
        """Everything, the sentence first."""
        both, only_a, only_b = self.cases
        parts = [
            "**SIMULATED.** No real model answered." if self.simulated else "",
            f"**{escaped(self.sentence)}**",
            f"A is {inline(self.names[0])}, B is {inline(self.names[1])}. {count(both, 'case')} in both (the "
            f"same kind, prompt, golden response, schema and requirements), {only_a:,} only in A, {only_b:,} "
            "only in B.",
            "\n".join(f"- {escaped(one)}" for one in (*(self.missing if self.worse else ()), *self.notes)),
            f"{table(self._rows())}\n\n{self._rule()}" if self.effects else "",
            f"What changed:\n\n{self.changed}",
            _flips_shown(self.flips),
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


def _flips_shown(flips: Sequence[Flip]) -> str:
    """How many there are, and the largest losses first; text of a model is text."""
    lost = sum(one.gain < 0 for one in flips)
    which = f", {lost:,} for the worse and {len(flips) - lost:,} for the better" if flips else ""
    cases = len({one.ids for one in flips})
    flipped = (
        f"{cases:,}" if cases == len(flips) else f"{cases:,}, {len(flips):,} times over models and metrics"
    )
    parts = [f"Cases that flipped (mean over rounds moved by half of the range or more): {flipped}{which}."]
    if len(flips) > SHOWN:
        parts.append(f"These are {SHOWN} of them, the largest losses first.")
    for one in sorted(flips, key=lambda flip: (flip.gain > 0, -abs(flip.gain)))[:SHOWN]:
        ids = ", in B ".join(dict.fromkeys(map(inline, one.ids)))
        means = " → ".join(number(mean) for mean in one.means)
        parts.append(f"**{ids}** ({inline(one.models)}, {inline(one.metric)} {means}). {safe(one.prompt)}")
        said = {"golden": one.golden, "A": one.answers[0], "B": one.answers[1]}
        parts.append("\n".join(f"- *{name}:* {safe(text)}" for name, text in said.items()))
    return "\n\n".join(parts)
