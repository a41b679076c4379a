"""The decision in words: one sentence, at most three reasons, and the caveat that matters most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..wording import ALL, count, ends_text, interval, kind_name, known, listed, number
from .comparing import Less, facing
from .deciding import takeable
from .evidence import LEAST_CASES, Evidence, Kind, utility_ends
from .prices import in_dollars

if TYPE_CHECKING:
    from ..stats import Estimate


@dataclass(frozen=True)
class Said:
    """What the words are made from."""

    evidence: Evidence
    outcome: str
    named: str  # the model that the outcome names; "" for none
    floor: Mapping[str, Any] | None = None  # what keeps a model from being named
    routing: Mapping[str, Any] | None = None
    needed: Mapping[str, Any] | None = None
    prefer: Less = field(default_factory=dict)  # which of two models takes less
    preferred: str = ""  # by people, to the model that would have been deployed

    @property
    def top(self) -> int:
        """The model in question: the one that is named, or is kept from it, else the best."""
        name = self.named or (self.floor["model"] if self.floor else "")
        return self.evidence.models.index(name) if name else self.evidence.order[0]

    @property
    def rival(self) -> int:
        return self.evidence.rival(self.top)


def sentence(said: Said) -> str:
    """The one sentence."""
    evidence = said.evidence
    within = f"within {number(evidence.rules.margin, 2)}"
    of = f" for {listed(kind_name(kind.name) for kind in evidence.kinds)} alone" if evidence.aside else ""
    if not evidence.kinds:
        unusable = [f"on {kind_name(one.name)} {one.why_not}" for one in evidence.aside if one.undelivered]
        return f"No decision: {'; '.join(unusable) or 'nothing that was measured here can decide'}."
    if evidence.lost:
        return f"No decision: {listed(evidence.lost)} has no usable measurement for a kind of case."
    if said.outcome == "deploy":
        return f"Deploy {said.named}{of}: it scores {_against_best(said)}."
    if said.outcome == "equivalent":
        return _equivalent(said, of, within)
    if said.routing:
        each = (f"{model} for {kind_name(kind)}" for kind, model in said.routing["routing"].items())
        return f"No single model is best: take {listed(each)}."
    return f"No decision{of} yet: {_why_open(said)}."


def _equivalent(said: Said, of: str, within: str) -> str:
    """Which one to take and why it, or that it is all the same."""
    among, named = said.evidence.contenders, said.named
    if not named:
        free = takeable(said.evidence, said.prefer)
        any_of = "any" if len(free) == len(among) else listed(free, "or")
        why = f"{any_of} may be taken, since none of them is known to be cheaper or faster"
        return f"{listed(among)} are equivalent {within}{of}: {why}."
    others = [one for one in among if one != named]
    same = f"it is equivalent to {listed(others)} {within}"
    unsafe = [one for one in others if (named, one) not in said.prefer]
    if unsafe:
        safe = f"unlike {listed(unsafe)} shown to be no further behind on any kind"
        return f"Take {named}{of}: {same}, and {safe}."
    words = sorted({said.prefer[named, one] for one in others})
    return f"Take {named}{of}, which is {listed(words, 'or')}: {same}."


def _why_open(said: Said) -> str:
    evidence, among = said.evidence, said.evidence.contenders
    if said.preferred:
        ahead = f"{evidence.models[said.top]} scores {_against_best(said)}"
        return f"{ahead}, but people prefer {said.preferred}"
    a, b = evidence.models[said.top], evidence.models[said.rival]
    pair = f"{a} − {b} is {_difference(said, evidence.pairs[said.top][said.rival])}"
    if evidence.units < LEAST_CASES:
        return f"{_too_few(said)} are too few, {LEAST_CASES} the least; so far {pair}"
    if said.floor:
        return _floor(said, said.floor)
    if len(evidence.models) == 2 or len(among) < 2:
        return f"{pair}, which leaves open which is better"
    some = listed(among if len(among) <= 4 else [*among[:3], f"{len(among) - 3} others"])
    return f"{len(among)} of {len(evidence.models)} models may be the best: {some}"


def _too_few(said: Said) -> str:
    """`12 cases`, and of which two models, where others share more."""
    evidence = said.evidence
    row = {at: one.units for at, one in enumerate(evidence.pairs[said.top]) if one is not None}
    most = max(one.units for row in evidence.pairs for one in row if one is not None)
    few = count(evidence.units, *_sampled(evidence))
    if most == evidence.units:
        return few
    other = evidence.models[min(row, key=lambda at: row[at])]
    return f"{few} that {evidence.models[said.top]} and {other} share"


def _floor(said: Said, floor: Mapping[str, Any]) -> str:
    """What is shown over all kinds, and on which kind it is not yet safe."""
    evidence, where, other = said.evidence, kind_name(floor["kind"]), floor["against"]
    shown = f"{listed(evidence.contenders)} are equivalent within {number(evidence.rules.margin, 2)} in all"
    if evidence.contrasts.low[said.top] > 0:
        shown = f"{floor['model']} scores {_against_best(said)}"
    if known(floor["low"]):
        return f"{shown}, but on {where} {floor['model']} may be up to {number(-floor['low'])} behind {other}"
    gap = f"{number(floor['difference'], sign=True)} ({ends_text(evidence.rules.alpha, None, None)})"
    return f"{shown}, but on {where} {floor['model']} − {other} is {gap}, and a rare failure may be unseen"


def _against_best(said: Said) -> str:
    """`0.120 better than B (95 % interval 0.050 to 0.190)`."""
    evidence, i = said.evidence, said.top
    others = len(evidence.models) - 1
    than = evidence.models[said.rival] + (f", the best of the other {others}" if others > 1 else "")
    ends = ends_text(evidence.rules.alpha, *utility_ends(evidence, i))
    return f"{number(evidence.contrasts.difference[i])} better than {than} ({ends})"


def _difference(said: Said, one: Estimate | None) -> str:
    """`+0.120 (95 % interval 0.050 to 0.190)`."""
    if one is None or not known(one.estimate):
        return "not known"
    ends = ends_text(said.evidence.rules.alpha, one.low, one.high)
    return f"{number(one.estimate, sign=True)} ({ends})"


def because(said: Said, more: Sequence[str] = ()) -> list[str]:
    """At most three sentences that the first one stands on; `more` follow where there is room."""
    found = [*_aside(said.evidence), *_kinds(said), *_need(said), *_gain(said), *more]
    return found[:3]


def _aside(evidence: Evidence) -> Iterator[str]:
    for one in evidence.aside:
        if evidence.kinds or not one.undelivered:  # else it is the sentence itself
            name = kind_name(one.name)
            yield f"{name[0].upper()}{name[1:]} decide nothing here: {one.why_not}."


def _kinds(said: Said) -> Iterator[str]:
    """Each kind's difference between the two models in question, or that the kinds are split between."""
    evidence = said.evidence
    if not evidence.usable or len(evidence.kinds) < 2:
        return
    i, j = said.top, said.rival
    if said.routing:
        i, j = map(evidence.models.index, list(dict.fromkeys(said.routing["routing"].values()))[:2])
    parts = []
    for kind in evidence.kinds:
        one = kind.pairs[i][j]
        parts.append(f"{_difference(said, one)} on {count(one.n if one else 0, *_nouns(kind.name))}")
    yield f"{evidence.models[i]} − {evidence.models[j]} is {listed(parts)}."


def _shared(said: Said, kind: Kind) -> int:
    from ..stats import fewest_units

    return fewest_units(kind.pairs, said.top)


def _units(said: Said, kind: Kind) -> str:
    """`12 conversations`, `3 families of conversations`."""
    n = _shared(said, kind)
    if kind.design.families is None:
        return count(n, *_nouns(kind.name))
    return f"{count(n, 'family', 'families')} of {kind_name(kind.name)}"


def _sampled(evidence: Evidence) -> tuple[str, str]:
    """What the units are called: cases of one family are one."""
    families = any(kind.design.families is not None for kind in evidence.kinds)
    return ("family of cases", "families of cases") if families else ("case", "cases")


def _nouns(kind: str) -> tuple[str, str]:
    plural = kind_name(kind)
    return plural.removesuffix("s"), plural


def _need(said: Said) -> Iterator[str]:
    """What would settle it, as a chance."""
    need = said.needed
    if not need:
        return
    told = in_dollars(need["cost_usd"], need["counted"])
    price = f" ({told})" if told else ""
    noun = _nouns(need["kinds"][0] if len(need["kinds"]) == 1 else ALL)
    verb = "has" if need["more"] == 1 else "have"
    if need["what"] == "least":
        more = count(need["more"], *(f"more scored {one}" for one in _sampled(said.evidence)))
        yield f"{more}{price} would make the {LEAST_CASES} of a decision."
        return
    cases = f"About {need['more']:,} more{_sure(need)} {noun[need['more'] != 1]}{price}"
    yield f"{cases} {verb} an {100 * need['power']:.0f} % chance {aim(need)}."


def aim(need: Mapping[str, Any]) -> str:
    """What the cases of `needed` are to show."""
    size, models = number(need["difference"], 2), need["models"]
    return {
        "difference": f"to show a difference of {size}",
        "equivalence": f"to show that the models are within {size}, if they are equal",
        "floor": f"to show that {models[0]} is at most {size} behind {models[-1]} there, if they are equal",
    }[need["what"]]


def _sure(need: Mapping[str, Any]) -> str:
    """` (26 to 538)`: the 95 % interval of the further cases, since the variance is an estimate."""
    if not (known(need["low"]) and known(need["high"])):
        return ""
    low, high = (max(0, need[end] - (need["cases"] - need["more"])) for end in ("low", "high"))
    return f" ({low:,.0f} to {high:,.0f})"


def _gain(said: Said) -> Iterator[str]:
    if one := said.routing:
        shown = f"{number(one['gain'])} ({ends_text(said.evidence.rules.alpha, one['low'], one['high'])})"
        yield f"Routing each kind to its own model gains {shown} over {one['over']} for everything."


def serving_words(said: Said, serving: pd.DataFrame | None) -> Iterator[str]:
    """What the named model takes beside the one next to it: dollars, and seconds of service."""
    if serving is None or not said.named:
        return
    than, parts = said.evidence.models[said.rival], []
    cost, took = (
        facing(serving, names, said.named, than) for names in (["cost_usd"], ["service_s", "latency_s"])
    )
    if cost:
        parts.append(f"USD {number(1000 * abs(cost), 2)} {_more(cost)} for 1,000 answers")
    if took:
        parts.append(f"{number(abs(took), 2)} s {_more(took)} for each answer")
    if parts:
        yield f"{said.named} takes {listed(parts)} than {than}."


def _more(gap: float) -> str:
    return "more" if gap > 0 else "less"


def caveat(said: Said, late: Sequence[str], unscored: Mapping[str, Any] | None, noted: Sequence[str]) -> str:
    """The one caveat that matters most; the others are warnings."""
    evidence = said.evidence
    if late or evidence.few:
        return (*late, *evidence.few)[0]
    if unscored and unscored["changes"]:
        ends = interval(unscored["worst"], unscored["best"])
        return (
            f"{count(unscored['n_unscored'], 'response')} could not be scored, and how they would have come "
            f"out could change this: {unscored['model']} − {unscored['against']} is {ends} between the worst "
            "and the best."
        )
    few = [kind for kind in evidence.kinds if _shared(said, kind) < LEAST_CASES]
    if few and said.outcome != "inconclusive":
        return f"It rests on few cases: {listed(_units(said, kind) for kind in few)}."
    if said.outcome == "deploy" and (rare := _rare_failure(evidence)):
        return rare
    return noted[0] if noted else ""


def _rare_failure(evidence: Evidence) -> str:
    """How frequent a failure so few cases miss; "" where they are enough for one of the margin's size.

    n cases miss what happens in a share q of all with a chance of (1 − q)^n: alpha at q = 1 − alpha^(1/n).
    """
    from ..stats import cases_for_equivalence

    rules, n = evidence.rules, evidence.units
    if n >= cases_for_equivalence(rules.margin, rules.alpha, span=evidence.span):
        return ""
    share = 1 - rules.alpha ** (1 / n)
    return (
        f"A failure that is rare may be unseen: {n} cases miss one in {100 * share:.0f} % of all cases with "
        f"a chance of {100 * rules.alpha:g} %."
    )
