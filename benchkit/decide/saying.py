"""The decision in words: one sentence, at most three reasons, and the caveat that matters most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..wording import count, ends_text, interval, kind_name, listed, number
from .deciding import Floor, Outcome, Routing
from .evidence import LEAST_CASES, Aside, Evidence, utility_ends
from .people import UNSEEN
from .serving import facing

if TYPE_CHECKING:
    from ..stats import Estimate


@dataclass(frozen=True)
class Said:
    """What the words are made from."""

    evidence: Evidence
    outcome: Outcome
    open_floor: Floor | None = None  # what keeps a model from being named
    routing: Routing | None = None
    needed: Mapping[str, Any] | None = None
    savings: Mapping[str, Any] | None = None
    preferred: str = ""  # by people, to the model that would have been deployed

    @property
    def top(self) -> int:
        """The model in question: the one that is named, or is kept from it, else the best."""
        if self.outcome[1]:
            return self.evidence.models.index(self.outcome[1])
        return self.open_floor.model if self.open_floor else self.evidence.order[0]

    @property
    def rival(self) -> int:
        return self.evidence.rival(self.top)


def sentence(said: Said) -> str:
    """The one sentence."""
    evidence = said.evidence
    if not evidence.kinds:
        return f"No decision: {_unusable([one for one in evidence.aside if one.undelivered])}."
    if evidence.lost:
        return f"No decision: {listed(evidence.lost)} has no usable measurement for a kind of case."
    return f"{_SENTENCES[said.outcome[0]](said)}."


def _deploy(said: Said) -> str:
    return f"Deploy {said.outcome[1]}{_scope(said.evidence)}: it scores {_against_best(said)}"


def _equivalent(said: Said) -> str:
    evidence, model = said.evidence, said.outcome[1]
    of, within = _scope(evidence), f"within {number(evidence.rules.margin, 2)}"
    if not model:
        same = f"{listed(evidence.contenders)} are equivalent {within}{of}"
        return f"{same}; which is cheaper or faster is not known"
    others = listed(one for one in evidence.contenders if one != model)
    return f"Take {model}{of}: it is equivalent to {others} {within}{_saves(said)}"


def _split(said: Said) -> str:
    assert said.routing is not None
    each = (f"{said.evidence.models[i]} for {kind_name(k)}" for k, i in said.routing.models.items())
    return f"No single model is best: take {listed(each)}"


def _inconclusive(said: Said) -> str:
    evidence = said.evidence
    if said.preferred:
        ahead = f"{evidence.models[said.top]} scores {_against_best(said)}"
        return f"No decision{_scope(evidence)}: {ahead}, but people prefer {said.preferred}"
    if evidence.n < LEAST_CASES:
        pair = evidence.pairs[said.top][said.rival]
        known = pair is not None and pair.estimate == pair.estimate
        so_far = f"; so far {_pair(evidence, said.top, said.rival)}" if known else ""
        why = f"{count(evidence.n, 'case')} are too few, {LEAST_CASES} the least{so_far}"
    else:
        why = _open_floor(said, said.open_floor) if said.open_floor else _undecided(evidence, said)
    return f"No decision{_scope(evidence)} yet: {why}"


def _unusable(kinds: Sequence[Aside]) -> str:
    if not kinds:
        return "nothing that was measured here can decide"
    if len(kinds) == 1:
        return kinds[0].why_not
    return "; ".join(f"on {kind_name(one.name)} {one.why_not}" for one in kinds)


def because(said: Said, more: Sequence[str] = ()) -> list[str]:
    """At most three sentences that the first one stands on; `more` follow where there is room."""
    found = [*_aside(said.evidence), *_kinds(said), *_need(said), *_gain(said), *more]
    return found[:3]


def serving_words(said: Said, serving: pd.DataFrame | None) -> Iterator[str]:
    """What the model in question takes beside the one next to it: dollars, and seconds of service."""
    evidence = said.evidence
    if serving is None or said.outcome[0] not in ("deploy", "equivalent"):
        return
    model, than = (evidence.models[i] for i in (said.top, said.rival))
    parts = []
    cost = facing(serving, "cost_usd", model, than)
    if cost and cost[0] == cost[0]:
        dollars = f"USD {number(1000 * abs(cost[0]), 2)} {_more(cost[0])}"
        parts.append(f"1,000 answers of {model} cost {dollars} than those of {than}")
    took = facing(serving, "service_s", model, than) or facing(serving, "latency_s", model, than)
    if took and took[0] == took[0]:
        parts.append(
            f"one takes {number(abs(took[0]), 2)} s {_more(took[0])}"
            if parts
            else f"an answer of {model} takes {number(abs(took[0]), 2)} s {_more(took[0])} than one of {than}"
        )
    if parts:
        yield f"{parts[0][0].upper()}{' and '.join(parts)[1:]}."


def _more(gap: float) -> str:
    return "more" if gap > 0 else "less"


def _against_best(said: Said) -> str:
    """`0.120 higher than B (95 % interval 0.050 to 0.190)`."""
    evidence, i = said.evidence, said.top
    found, rival = evidence.contrasts, evidence.models[said.rival]
    others = len(evidence.models) - 1
    than = rival if others == 1 else f"{rival}, the best of the other {others}"
    better = _better(evidence)
    return (
        f"{number(found.difference[i])} {better} than {than} ({_ends(evidence, *utility_ends(evidence, i))})"
    )


def _better(evidence: Evidence) -> str:
    signs = {kind.measured.sign for kind in evidence.kinds}
    return "higher" if signs == {1} else "lower" if signs == {-1} else "better"


def _scope(evidence: Evidence) -> str:
    """Which kinds the decision is about, where it is not about all."""
    return f" for {listed(kind_name(kind.name) for kind in evidence.kinds)} alone" if evidence.aside else ""


def _undecided(evidence: Evidence, said: Said) -> str:
    among = evidence.contenders
    if len(evidence.models) == 2 or len(among) < 2:
        return f"{_pair(evidence, said.top, said.rival)}, which leaves open which is better"
    some = listed(among) if len(among) <= 4 else f"{listed(among[:3])} and {len(among) - 3} others"
    return f"{len(among)} of {len(evidence.models)} models may be the best: {some}"


def _pair(evidence: Evidence, i: int, j: int) -> str:
    """`A − B is 0.120 (95 % interval 0.050 to 0.190)`, in U."""
    one = evidence.pairs[i][j]
    assert one is not None
    return f"{evidence.models[i]} − {evidence.models[j]} is {_shown(evidence, one)}"


def _shown(evidence: Evidence, one: Estimate) -> str:
    if one.estimate != one.estimate:
        return "not known (no case with a score of both)"
    if one.se == 0:
        return f"{number(one.estimate, sign=True)} on every case, so that no interval can be given"
    if not one.se > 0:
        return f"{number(one.estimate, sign=True)} (too few cases for an interval)"
    return f"{number(one.estimate, sign=True)} ({_ends(evidence, one.low, one.high)})"


def _ends(evidence: Evidence, low: float, high: float) -> str:
    return ends_text(evidence.rules.alpha, low, high)


def _open_floor(said: Said, floor: Floor) -> str:
    """What is shown over all kinds, and on which kind it is not yet safe."""
    evidence = said.evidence
    model, other = evidence.models[floor.model], evidence.models[floor.against]
    where, within = f"on {kind_name(floor.kind)}", f"within {number(evidence.rules.margin, 2)}"
    shown = f"{listed(evidence.contenders)} are equivalent {within} in all"
    if evidence.contrasts.low[said.top] > 0:
        shown = f"{model} scores {_against_best(said)}"
    if floor.shown_worse:
        ends = _ends(evidence, -floor.high, -floor.low)
        return f"{shown}, but {where} {model} is {number(-floor.difference)} behind {other} ({ends})"
    if floor.low != floor.low:
        return f"{shown}, but {where} there are too few cases to say how {model} does"
    return f"{shown}, but {where} {model} may be up to {number(-floor.low)} behind {other}"


_SENTENCES = {
    "deploy": _deploy,
    "equivalent": _equivalent,
    "split": _split,
    "inconclusive": _inconclusive,
}


def _kinds(said: Said) -> Iterator[str]:
    """Each kind's difference between the two models in question."""
    evidence = said.evidence
    if not evidence.usable or len(evidence.kinds) < 2:
        return
    i, j = said.top, said.rival
    if said.routing and said.outcome[0] == "split":
        # The two that the kinds are split between.
        i, j = list(dict.fromkeys(said.routing.models.values()))[:2]
    parts = []
    for kind in evidence.kinds:
        one = kind.pairs[i][j]
        assert one is not None
        parts.append(f"{_shown(evidence, one)} on {count(one.n, *_nouns(kind.name))}")
    yield f"{evidence.models[i]} − {evidence.models[j]} is {listed(parts)}."


def _nouns(kind: str) -> tuple[str, str]:
    plural = kind_name(kind)
    return plural.removesuffix("s"), plural


def _aside(evidence: Evidence) -> Iterator[str]:
    for one in evidence.aside:
        if one.undelivered and not evidence.kinds:  # the sentence itself
            continue
        name = kind_name(one.name)
        yield f"{name[0].upper()}{name[1:]} decide nothing here: {one.why_not}."


def _need(said: Said) -> Iterator[str]:
    """What would settle it, as a chance."""
    need = said.needed
    if not need:
        return
    price = f" (about USD {number(need['cost_usd'], 2)})" if need["cost_usd"] is not None else ""
    if need["what"] == "least":
        verb = "is" if need["more"] == 1 else "are"
        missing = f"{verb} missing to the {LEAST_CASES} of a decision."
        yield f"{count(need['more'], 'more scored case')}{price} {missing}"
        return
    one = need["kinds"][0] if len(need["kinds"]) == 1 else ""
    cases = f"About {need['more']:,} more{_sure(need)}"
    cases += f" {(_nouns(one) if one else ('case', 'cases'))[need['more'] != 1]}"
    verb = "has" if need["more"] == 1 else "have"
    chance = f"{verb} {_article(need['power'])} {100 * need['power']:.0f} % chance"
    size = number(need["difference"], 2)
    to = {
        "difference": f"to show a difference of {size}",
        "equivalence": f"to show that the models are within {size}, if they are equal",
        "floor": "",
    }[need["what"]]
    if need["what"] == "floor" and said.open_floor:
        model, other = need["models"]
        to = f"to show that {model} is at most {size} behind {other} there, if the two are equal there"
    yield f"{cases}{price} {chance} {to}."


def _sure(need: Mapping[str, Any]) -> str:
    """` (26 to 538)`: the 95 % interval of the further cases, since the variance is an estimate."""
    low, high = (
        end if end is None or end != end else max(0, end - (need["cases"] - need["more"]))
        for end in (need["low"], need["high"])
    )
    return "" if low is None or low != low else f" ({low:,.0f} to {high:,.0f})"


def _article(power: float) -> str:
    return "an" if round(100 * power) in (8, 11, 18, *range(80, 90)) else "a"


def _gain(said: Said) -> Iterator[str]:
    if said.routing and said.outcome[0] == "split":
        one, over = said.routing, said.evidence.models[said.routing.over]
        shown = f"{number(one.gain)} ({_ends(said.evidence, one.low, one.high)})"
        yield f"Routing each kind to its own model gains {shown} over {over} for everything."


def _saves(said: Said) -> str:
    """`, and 1,000 of its answers cost USD 0.120 less`."""
    one = said.savings
    if not one:
        return ""
    less = f"less than {one['than']}'s"
    if one.get("cost_usd_per_1000") and one["cost_usd_per_1000"] > 0:
        return f", and 1,000 of its answers cost USD {number(one['cost_usd_per_1000'], 2)} {less}"
    if one.get("seconds_per_1000") and one["seconds_per_1000"] > 0:
        return f", and an answer takes {number(one['seconds_per_1000'] / 1000, 2)} s {less}"
    return ""


def caveat(said: Said, late: Sequence[str], changes: Mapping[str, Any], noted: Sequence[str]) -> str:
    """The one caveat that matters most; the others are warnings."""
    evidence = said.evidence
    if late:
        return late[0]
    if evidence.few:
        return evidence.few[0]
    lost = changes.get("unscored")
    if lost and lost["changes"]:
        ends = f"{lost['model']} − {lost['against']} is {interval(lost['worst'], lost['best'])}"
        return (
            f"{count(lost['n_unscored'], 'response')} could not be scored, and how they would have turned "
            f"out could change this: {ends} between the worst and the best."
        )
    few = [kind for kind in evidence.kinds if len(kind.measured.ids) < LEAST_CASES]
    if few and said.outcome[0] != "inconclusive":
        sizes = listed(f"{len(k.measured.ids)} {kind_name(k.name)}" for k in few)
        unseen = f" {UNSEEN}" if UNSEEN in noted else ""
        return f"It rests on few cases: {sizes}.{unseen}"
    return noted[0] if noted else ""
