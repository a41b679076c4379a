"""Claims of significance, equivalence, openness, and of what to deploy, held against the comparisons."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .reading import MODEL, Names, Sentence
from .scope import NEGATED, OPEN, Row, Scope, includes_zero, is_significant, scope, winner

_SIGNIFICANT = re.compile(
    r"\b(?:non-?|in)?significan(?:t|tly|ce)\b(?! (?:level|threshold|figures))|\bstatistically (?:clear|real|solid|"
    r"different|proven)\b|\b(?:proven|conclusively|conclusive)\b|\bfirmly established\b",
    re.IGNORECASE,
)
_EQUIVALENT = re.compile(
    r"\bequivalen(?:t|ce)\b(?! (?:margin|test))|\bon (?:a )?par\b|\bequally (?:good|well|accurate|strong)\b|"
    r"\b(?:identical|indistinguishable|interchangeable)\b|\bthe same (?:scores?|quality|level|performance|results?)\b|"
    r"\b(?:is|are|performs?|performed|behaves?|scores?|scored) (?:very |much |broadly |roughly |about )?"
    r"(?:similar(?:ly)?|comparabl[ey]|alike|equal(?:ly)?|tied|the same)\b|\bno difference\b|\bdo(?:es)? not differ\b"
    r"(?! significantly)",
    re.IGNORECASE,
)
_UNDECIDED = re.compile(
    r"\b(?:inconclusive|unresolved|undecided|undetermined)\b|\bno (?:\w+ )?winner\b|\btoo close to call\b|"
    r"\bcannot be (?:told apart|separated|ranked)\b|\bno (?:clear|detectable|demonstrable|reliable|measurable) "
    r"(?:difference|advantage|gap)\b",
    re.IGNORECASE,
)
_ZERO = re.compile(
    r"\b(?P<in>includ\w+|contain\w*|cover\w*|span\w*|cross\w*|straddl\w*|overlap\w*)\s+(?:zero|0\b(?!\.))|"
    r"\b(?P<out>exclud\w+|clear of|above|below|away from)\s+(?:zero|0\b(?!\.))",
    re.IGNORECASE,
)
_DEPLOY = re.compile(
    rf"\b(?:deploy|choose|pick|recommend\w*|go with|prefer|select|adopt|ship)\b(?:\s+(?:the|model|to|deploying|using|"
    rf"use)\b)*\s*(?P<m>{MODEL})|(?P<n>{MODEL}) (?:is|should be|would be) (?:the )?(?:one to (?:deploy|choose)|"
    r"recommended|deployed|chosen|preferred|(?:right|safe|safer|obvious|clear) choice)",
    re.IGNORECASE,
)
_COSTS = re.compile(
    r"\b(?:cheap\w*|expensive|costs?|price|latency|fast\w*|slow\w*|quick\w*)\b", re.IGNORECASE
)
_ALL_SCORED = re.compile(
    r"\b(?:all|every|each)\b[^,;]*\b(?:responses?|answers?|calls?|them)\b[^,;]*\b(?:scored|answered|usable|succeeded)\b|"
    r"\b(?:no|none|not a single|not one|zero)\b[^,;]*\b(?:unscored|lost|missing|failed)\b|"
    r"\bnothing (?:was |is )?(?:unscored|lost|missing|failed)\b",
    re.IGNORECASE,
)
Test = Callable[[Row], bool]


def wrong_verdicts(sentence: Sentence, names: Names, facts: Mapping[str, Any]) -> Iterator[str]:
    """A line for every verdict that the comparisons it speaks of did not come to."""
    for clause in sentence.clauses():
        about = scope(clause, sentence, names, facts)
        rows = about.of(names.models_in(clause) or sentence.models)
        yield from _significance(clause, about, rows, facts)
        yield from _equivalence(clause, about, rows)
        yield from _openness(clause, about, rows)
        yield from _zero(clause, about, rows)
        yield from _deployed(clause, names, facts)
    yield from _coverage(sentence, facts)


def _significance(clause: str, about: Scope, rows: Sequence[Row], facts: Mapping[str, Any]) -> Iterator[str]:
    for found in _SIGNIFICANT.finditer(clause):
        before = clause[: found.start()]
        if OPEN.search(before):
            continue
        if _COSTS.search(clause) and not about.named:
            yield "claims significance of cost or latency, which was not tested"
            continue
        negated = _is_negated(before) or found.group(0).lower().startswith(("in", "non"))
        wrong = _wrong(lambda row: is_significant(row, facts["alpha"]), negated, about, rows)
        if wrong:
            yield f"says {'not ' if negated else ''}significant, and the adjusted p-value says otherwise"


def _equivalence(clause: str, about: Scope, rows: Sequence[Row]) -> Iterator[str]:
    for found in _EQUIVALENT.finditer(clause):
        before = clause[: found.start()]
        if OPEN.search(before) or (_COSTS.search(clause) and not about.named):
            continue
        negated = _is_negated(before)
        equal = [row["outcome"] == "equivalent" for row in rows]
        if any(equal) if negated and about.named else (bool(equal) and all(equal)) == negated:
            yield f"says {'not ' if negated else ''}{found.group(0)!r}, and the comparison came to another outcome"


def _openness(clause: str, about: Scope, rows: Sequence[Row]) -> Iterator[str]:
    found = _UNDECIDED.search(clause)
    if not found or OPEN.search(clause[: found.start()]) or _is_negated(clause[: found.start()]):
        return
    decided = [bool(winner(row)) for row in rows]
    if any(decided) if about.named else (bool(decided) and all(decided)):
        yield f"says {found.group(0)!r}, but the comparison names a winner"


def _zero(clause: str, about: Scope, rows: Sequence[Row]) -> Iterator[str]:
    for found in _ZERO.finditer(clause):
        holds = bool(found["in"]) != _is_negated(clause[: found.start()])
        inside = [includes_zero(row) for row in rows]
        if OPEN.search(clause[: found.start()]) or not re.search(r"\binterval|\bCI\b", clause):
            continue
        if any(one is None or one != holds for one in inside) if about.named else holds not in inside:
            yield f"says that an interval {'in' if holds else 'ex'}cludes zero, and it does not"


def _deployed(clause: str, names: Names, facts: Mapping[str, Any]) -> Iterator[str]:
    for found in _DEPLOY.finditer(clause):
        if "recommended" not in facts or OPEN.search(clause):
            continue
        model = names.models_in(found["m"] or found["n"])[0]
        negated = _is_negated(clause[: found.start()])
        if (model in facts["recommended"]) == negated:
            yield f"says {'not ' if negated else ''}to deploy {model}, which is not the decision"


def _coverage(sentence: Sentence, facts: Mapping[str, Any]) -> Iterator[str]:
    if not _ALL_SCORED.search(sentence.text):
        return
    rows = [
        row
        for row in facts.get("denominators") or ()
        if (not sentence.models or row["model"] in sentence.models)
        and (not sentence.kinds or row["test_case"] in sentence.kinds)
    ]
    if any(row["unscored"] for row in rows):
        yield "says that nothing is unscored, and something is"


def _is_negated(before: str) -> bool:
    return bool(NEGATED.search(before[-60:]))


def _wrong(test: Test, negated: bool, about: Scope, rows: Sequence[Row]) -> bool:
    """Whether a claim about named metrics fails on any of them, or a general one on all."""
    met = [test(row) for row in rows]
    if negated:
        return any(met)
    return not (met and all(met)) if about.named else not any(met)
