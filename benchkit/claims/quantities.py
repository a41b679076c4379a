"""What a number measures, by the words right beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from .reading import METRIC, MODEL

_WORD = r"(?:(?!(?:and|or|but|against|to|vs|versus|is|was|were|are)\b)[\w-]+\s)"
_CASES = (
    r"(?:cases?|conversations|conversation(?! (?:answer|response|repl|call|request|quer))|prompts|questions?|tickets?|items|"
    r"tests)\b"
)
_COUNTED = "planned scored unscored answered malformed refused failed"
_ANSWERS = (
    r"(?:responses?|answers|answer(?! \d)|replies|calls|requests|planned|unscored|refus\w*|malformed|"
    r"(?:(?:was|were) )?(?:scored|answered|failed))\b"
)
_LATENCIES, _COSTS, _OUTCOMES = "latency tail-latency queue", "cost unit-cost", "cases won tied lost"
# The first that fits the words behind a number wins.
_AFTER = {
    r"\s*(?:t |confidence |bootstrap )*(?:intervals?|ci|level|confidence)\b": "level",
    r"[\s-]*(?:percentage[- ])?(?:points?|pp)\b": "difference margin",
    r"\s*rounds?\b": "rounds",
    rf"\s*{_WORD}?models?\b": "models",
    rf"\s*{_WORD}?metrics?\b": "metrics comparisons kinds",
    rf"\s*{_WORD}?(?:categor|clusters?)": "clusters",
    r"\s*(?:comparisons?|pairs?)\b": "comparisons metrics",
    r"\s*(?:kinds?|types?)\b": "kinds",
    r"\s*(?:s|sec|seconds?|ms|milliseconds?)\b": _LATENCIES,
    rf"\s*{_WORD}?tokens\b": "tokens",
    r"\s*(?:usd|dollars?|cents?)\b": _COSTS,
    r"\s*standard deviations?\b": "effect",
    rf"\s*{_WORD}?(?:more|further|additional|extra) {_WORD}?{_CASES}": "more-cases",
    rf"\s*{_WORD}{{0,2}}{_CASES}": _OUTCOMES,
    rf"\s*{_WORD}?wins\b": "won",
    rf"\s*{_WORD}?(?:ties|tied)\b": "tied",
    rf"\s*{_WORD}?(?:losses|lost)\b": "lost failed",
    rf"\s*{_WORD}{{0,2}}{_ANSWERS}": _COUNTED,
    rf"\s*of (?:the )?(?:{MODEL}'s )?{_WORD}{{0,2}}{_ANSWERS}": _COUNTED,
}
# The p that the tables print is the adjusted one; any other has to say what it is.
_UNADJUSTED = r"(?:unadjusted|raw|uncorrected|nominal)"
_PERMUTATION = r"(?:permutation|sign-?flip)"
# Words that may stand between a name and its number.
_FILLER = (
    r"(?:\s*[=:≈~<>≤≥]|\s+(?:is|was|are|were|of|at|by|to|only|just|about|around|roughly|nearly|almost|over|"
    r"under|below|above|approximately|than|less|more|a|an|the|value|size|and|both|all|or|equals?|equal|"
    r"points?|for|on|between|[\ue000-\ue7ff](?:'s)?))*\s*[(\[]?\s*\$?\s*$"
)
_BEFORE = {
    r"\$": _COSTS,
    r"\bp(?:[-_ ]?(?:values?|adjusted|permutation))?(?:\s*\([^()]*\))?": "p",
    r"\b(?:n|samples?(?: sizes?)?)": "cases",
    r"\b(?:additional|further|another|extra)": "more-cases",
    r"\b(?:intervals?|ci)\s*(?=\()": "level interval",
    r"\b(?:alpha|significance level)": "alpha",
    r"\bmargins?": "margin difference",
    r"\b(?:differences?|gaps?|advantage|lead|differs?|differed|apart|ahead|behind|improvement|delta)": (
        "difference margin"
    ),
    r"\b(?:better|worse|higher|lower|outperform\w*|beats?|trails?|leads?)": "difference mean margin",
    r"\b(?:standard errors?)": "error",
    r"\b(?:effect(?: sizes?)?|cohen's d|d)": "effect",
    r"\b(?:means?|averages?|averaging|averaged)": f"mean {_LATENCIES} {_COSTS}",
    r"\b(?:costs?|price|priced|spent|spend)": _COSTS,
    r"\b(?:latency|median|percentile)": _LATENCIES,
    r"\b(?:won|wins)": "won",
    r"\b(?:scores|scored|reach(?:es|ed)|achiev(?:es|ed)|manag(?:es|ed)|attain(?:s|ed)|gets)": "mean",
    r"\btied": "tied",
    r"\b(?:lost|loses)": "lost failed",
    rf"\b(?:{_UNADJUSTED}|{_PERMUTATION})": "p",
}
_RULES_AFTER = [(re.compile(p, re.IGNORECASE), frozenset(q.split())) for p, q in _AFTER.items()]
_RULES_BEFORE = [
    (re.compile(f"(?:{p}){_FILLER}", re.IGNORECASE), frozenset(q.split())) for p, q in _BEFORE.items()
]
# What tells a quantity apart from its like, on either side of the number; behind it, if it is there.
_TOLD_NEAR = {
    "tail-latency": r"\b(?:95th|p95|percentile|tail)\b",
    "queue": r"\bqueu\w+",
    "latency": r"\b(?:median|typical\w*)\b",
    "unit-cost": r"\b(?:per|each|a)\s+(?:1,000|1000|thousand|answer|response)\b",
    "cost": r"\b(?:in all|in total|total|altogether|whole run)\b",
    "won": r"\b(?:won|wins?|winning|prevail\w*|took|takes)\b",
    "tied": r"\bti(?:ed|es)\b",
    "lost": r"\blos(?:t|ses|es)\b",
}
_BEFORE_ADJUSTING = r"(?:before|without)\s+(?:any |the )?(?:holm )?(?:adjust|correct)\w*"
_WHICH_P = re.compile(
    rf"\b(?P<unadjusted>{_UNADJUSTED}|{_BEFORE_ADJUSTING})\b|(?:\b|_)(?P<permutation>{_PERMUTATION})|"
    r"(?:\b|_)(?:adjusted|corrected|holm)",
    re.IGNORECASE,
)
_P_OF_BEHIND = re.compile(
    rf"\s*[,(]?\s*(?:(?P<unadjusted>{_UNADJUSTED}|{_BEFORE_ADJUSTING})|(?:by |in )?(?:a |the )?(?P<permutation>{_PERMUTATION}))"
    r"\b(?!\s*[:=]?\s*(?:p\s*[=<:]?\s*)?[\d.]+\d)",  # else it is said of the next number
    re.IGNORECASE,
)
P_VALUES = frozenset({"p", "unadjusted-p", "permutation-p"})
# A status stands behind its number, a few words away.
_STATUSES = {
    "unscored": r"(?:unscored|not scored|missing)",
    "refused": r"(?:refused|refusals?|declined|turned down|rejected)",
    "failed": r"(?:failed|failures?|timed out|never (?:came|arrived))",
    "malformed": r"(?:malformed|unparsable|unparseable|unreadable|unusable|garbled|broken|invalid|"
    r"(?:could|can) ?not be (?:parsed|read|used))",
} | {name: name for name in ("planned", "scored", "answered")}
_TOLD_BEHIND = {name: rf"^\W*(?:\w+\W+){{0,3}}?{word}\b" for name, word in _STATUSES.items()}
_OUT_OF = re.compile(r"\d\s+(?:(?:[a-z]+\s+)?out of|of) (?:the |all |all the |its |their )?$", re.IGNORECASE)
_PART_OF = re.compile(r"\s*(?:out )?of\b", re.IGNORECASE)
_OF_ANSWERS = re.compile(
    r"\s*of [^,;.]{0,30}?\b(?:answers?|responses?|repl(?:y|ies)|calls?|requests?|customers?|users?)\b",
    re.IGNORECASE,
)
_A_PAIR = re.compile(r"\s*(?:vs\.?|versus|against|compared (?:with|to))\s", re.IGNORECASE)
_APART = re.compile(r"[,;]|\.\s|(?<!\w)\d[\d.,]*(?!\w)")  # where the next number's words begin
COUNTS = frozenset(f"{_COUNTED} {_OUTCOMES} models metrics rounds tokens".split())
_SCALES: Mapping[str, float] = {"ms": 1000.0, "millisecond": 1000.0, "cent": 100.0}
_SCALE = re.compile(r"\s*(ms|millisecond|cent)s?\b", re.IGNORECASE)
_POINTS = re.compile(r"[\s-]*(?:percentage[- ])?(?:points?|pp)\b", re.IGNORECASE)
_PERCENT = re.compile(r"\s?(?:%|percent\b|per cent\b|pct\b)(?!age)", re.IGNORECASE)
# "12 % better", "an improvement of 12 % over": a share of a share, which nobody computed.
_RELATIVE = re.compile(
    rf"\s*(?:better|worse|more|less|higher|lower|faster|slower|cheaper|greater|smaller|improvement|increase|"
    rf"reduction|gain|over|relative|(?:of|above|below) (?:that of |the )?{MODEL})",
    re.IGNORECASE,
)


def quantities(before: str, after: str) -> frozenset[str]:
    """What a number between `before` and `after` can measure; empty where they do not say."""
    percent = _PERCENT.match(after)
    if _OUT_OF.search(before) and not percent:
        return frozenset({"planned", "scored", "answered", "cases"})
    after = after[percent.end() :] if percent else after
    behind, ahead = _first(_RULES_AFTER, after, "match"), _first(_RULES_BEFORE, before, "search")
    if percent and _OF_ANSWERS.match(after) and not re.search(METRIC, before + after):
        return frozenset({"share of answers"})  # which nobody computed
    behind = frozenset() if percent and behind & COUNTS else behind  # a share of cases, not their number
    ahead = frozenset() if _PART_OF.match(after) and ahead == {"mean"} else ahead
    more = ahead if ahead == {"more-cases"} and "cases" in behind else frozenset()
    found = more or (behind & ahead) or behind or ahead
    if found == {"p"}:
        return frozenset({_which_p(before, after)})
    found = found | {"mean"} if "difference" in found and _A_PAIR.match(after) else found
    if "mean" in found and re.search(METRIC, before[-60:] + after[:30]):
        return found & {"mean", "difference", "margin"}
    return _told_apart(found, before, after) if len(found) > 1 else found


def _which_p(before: str, after: str) -> str:
    """Which p-value a sentence means: the words after it tell, else the last ones before it."""
    words = [*_WHICH_P.finditer(_APART.split(before)[-1])][-1:]
    told = _P_OF_BEHIND.match(after) or next(iter(words), None)
    kind = told.lastgroup if told else None
    return f"{kind}-p" if kind else "p"


def _told_apart(found: frozenset[str], before: str, after: str) -> frozenset[str]:
    """`found` without what the words nearby tell apart from it."""
    after, before = _APART.split(after, maxsplit=1)[0][:45], _APART.split(before)[-1][-45:]
    for rules, text in ((_TOLD_BEHIND, after), (_TOLD_NEAR, after), (_TOLD_NEAR, before)):
        told = {name for name in found if name in rules and re.search(rules[name], text, re.IGNORECASE)}
        if told:
            return frozenset(told)
    return found


def factors(after: str) -> tuple[float, ...]:
    """What a computed figure is multiplied by to be written with this unit."""
    if _POINTS.match(after) or _PERCENT.match(after):
        return (100.0,)
    scale = _SCALE.match(after)
    return (_SCALES[scale.group(1).lower()],) if scale else (1.0,)


def is_relative(after: str) -> bool:
    """Whether a percentage is compared with something: a percentage of percentages."""
    percent = _PERCENT.match(after)
    return bool(percent and _RELATIVE.match(after, percent.end()))


def _first(rules: Iterable[tuple[re.Pattern[str], frozenset[str]]], text: str, how: str) -> frozenset[str]:
    return next((names for rule, names in rules if getattr(rule, how)(text)), frozenset())
