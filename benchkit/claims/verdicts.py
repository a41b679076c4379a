"""Claims of significance, equivalence, openness, and of what to deploy, held against the comparisons."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .reading import METRIC, MODEL, Names, Sentence
from .scope import NEGATED, OPEN, Row, Scope, includes_zero, is_significant, scope, winner

_SIGNIFICANT = re.compile(
    r"\b(?:non-?|in)?significan(?:t|tly|ce)\b(?! (?:level|threshold|figures))|\bstatistically (?:clear|real|solid|"
    r"different|proven)\b|\b(?:not|unlikely to be)(?: just| merely| simply)? (?:due to )?(?:chance|noise|luck|a fluke)\b|"
    r"\bbeyond (?:doubt|chance|question|dispute)\b|\b(?:is|are|was|were) (?:very )?(?:real|genuine|established|demonstrated|confirmed)\b|"
    r"\b(?:outside|beyond|above) (?:the )?noise\b|"
    r"\brobust\b|\bdecisive\w*|\bconvincing\w*|\bevidence\b[^,;]{0,60}\b(?:is|are) (?:strong|overwhelming|compelling|solid)\b|"
    r"\b(?:strong|overwhelming|compelling|solid) (?:evidence|proof)\b|"
    r"\bmore than (?:mere |pure |plain )?(?:chance|luck|noise)\b|\b(?:hard|difficult) to (?:put down|attribute|ascribe) to "
    r"(?:chance|luck|noise)\b|\b(?:rules?|ruled) out (?:chance|luck|noise)\b|"
    r"\b(?:proven|conclusively|conclusive)\b|\bfirmly established\b",
    re.IGNORECASE,
)
_EQUIVALENT = re.compile(
    r"\bequivalen(?:t|ce)\b(?! (?:margin|test))|\bon (?:a )?par\b|\bequally (?:good|well|accurate|strong)\b|"
    r"(?<!statistically )\b(?:identical|indistinguishable|interchangeable)\b|"
    r"\bthe same (?:scores?|quality|level|performance|results?)\b|"
    r"\b(?:is|are|performs?|performed|behaves?|scores?|scored) (?:(?:very|much|broadly|"
    r"roughly|about|virtually|nearly|almost|practically|essentially|basically|quite|fairly|effectively) )?"
    r"(?:similar(?:ly)?|comparabl[ey]|alike|equal(?:ly)?|tied|the same)\b|\bno (?:(?:meaningful|real|practical|material|"
    r"substantive|substantial|relevant|noteworthy|actual) )?(?:difference|gap)\b(?!.{0,40}\b(?:shown|"
    r"found|detected|established|demonstrated))|\bholds? its own\b|\bkeeps? pace\b|\bneck and neck\b|\ba (?:wash|tie|draw)\b|\bare level\b|"
    rf"\bthe same {METRIC}|"
    rf"\bmatch(?:es|ed)? {MODEL}|"
    r"\bdo(?:es)? not differ\b"
    r"(?! significantly)",
    re.IGNORECASE,
)
_UNDECIDED = re.compile(
    r"\b(?:within|inside) (?:the )?noise\b|\bnothing (?:separates|to choose|distinguishes)\b|\bstatistically (?:indistinguishable|tied)\b|"
    r"\b(?:too|far too) (?:small|few|little|short|wide) to (?:separate|tell|decide|settle|name|rank|distinguish|say)\b|"
    r"\bthe jury is (?:still )?out\b|\b(?:does|do|did) not (?:tell|set|separate|distinguish)\b|"
    r"\b(?:decision|question|result|verdict|matter) (?:is|remains|stays) (?:still )?open\b|"
    r"\b(?:inconclusive|unresolved|undecided|undetermined)\b|\bno (?:\w+ )?winner\b|\btoo close to call\b|"
    r"\bcannot be (?:told apart|separated|ranked)\b|\bno (?:clear|detectable|demonstrable|reliable|measurable) "
    r"(?:difference|advantage|gap)\b",
    re.IGNORECASE,
)
_ZERO = re.compile(
    r"\b(?P<in>includ\w+|contain\w*|cover\w*|span\w*|cross\w*|straddl\w*|overlap\w*)\s+(?:zero|0\b(?!\.))|"
    r"\b(?P<out>exclud\w+|clear of|(?P<side>above|below)|away from)\s+(?:zero|0\b(?!\.))",
    re.IGNORECASE,
)
_DEPLOY = re.compile(
    rf"\b(?:deploy|choose|pick|recommend\w*|go with|prefer|select|adopt|ship)\b(?:\s+(?:the|model|to|deploying|using|"
    rf"use)\b)*\s*(?P<m>{MODEL})|(?P<n>{MODEL}) (?:is|should be|would be) (?:the )?(?:(?:one|model) to (?:deploy|choose|use|go with)|"
    r"recommended|deployed|chosen|preferred|(?:right|safe|safer|obvious|clear) choice)|"
    rf"(?P<l>{MODEL})[^,;.\ue000-\ue3ff]{{0,40}}\b(?:should|must) (?:go live|be (?:used|deployed|chosen|adopted))|"
    rf"^\s*use (?:the )?(?P<u>{MODEL})|(?P<o>{MODEL}) (?:is|remains|would be) (?:our|my|the) (?:recommendation|pick|choice)\b|"
    rf"\b(?:recommendation|choice|pick) (?:is|falls on|goes to|would be) (?:to (?:deploy|use) )?(?P<r>{MODEL})",
    re.IGNORECASE,
)
_READY = re.compile(
    rf"(?P<m>{MODEL}) (?:can|may|could) (?:now |safely |confidently )*be (?:deployed|used|shipped|adopted|trusted|relied)\b|"
    rf"(?P<n>{MODEL}) (?:is|looks|seems|appears) (?:now )?(?:ready|fit|safe|good)(?: enough)? (?:for|to) (?:production|deploy\w*|ship|go|use|launch)\b",
    re.IGNORECASE,
)
_WISHED = re.compile(r"\b(?:if|whether|unless|in case|question|once|before|until|when)\b", re.IGNORECASE)
_DECIDED = re.compile(
    r"\bwinners? (?:can be (?:named|declared)|emerge\w*|(?:is|are) found)|\b(?:has|have|is|are) (?:a |an |one )?(?:clear |outright )?winner\b|"
    r"\b(?:is|are|was|were) (?:clearly )?(?:decided|settled|resolved)\b",
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
_NONE = re.compile(
    r"\b(?:no|zero|not a single|without(?: any)?)\s+(?:\w+\s)?(?P<s>refus|malformed|fail|unscored)\w*",
    re.IGNORECASE,
)
_ANSWERED_ALL = re.compile(
    r"\banswered (?:every|all|each)\b[^,;.]*\b(?:requests?|cases?|prompts?|questions?|calls?)\b(?!.*\brounds?\b)",
    re.IGNORECASE,
)
# A p-value held against the level: below it is significant, above it is not.
_THRESHOLD = re.compile(
    r"\b(?:(?P<in>below|under|smaller than|less than)|above|over|exceeds?|greater than|larger than) (?:the )?"
    r"(?:alpha|0?\.05\b|(?:significance )?(?:level|threshold))",
    re.IGNORECASE,
)
VERDICTS = (
    _SIGNIFICANT,
    _EQUIVALENT,
    _UNDECIDED,
    _ZERO,
    _DEPLOY,
    _READY,
    _DECIDED,
    _ALL_SCORED,
    _ANSWERED_ALL,
    _NONE,
    _THRESHOLD,
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
        yield from _threshold(clause, about, rows, facts)
        yield from _decided(clause, about, rows)
        yield from _zero(clause, about, rows)
        yield from _beside_zero(clause, about, rows, names)
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


def _decided(clause: str, about: Scope, rows: Sequence[Row]) -> Iterator[str]:
    found = _DECIDED.search(clause)
    if not found or OPEN.search(clause[: found.start()]):
        return
    decided, negated = [bool(winner(row)) for row in rows], _is_negated(clause[: found.start()])
    if (any(decided) if negated else not any(decided)) or (about.named and all(decided) == negated):
        yield f"says {'not ' if negated else ''}{found.group(0)!r}, and the outcome is another"


def _threshold(clause: str, about: Scope, rows: Sequence[Row], facts: Mapping[str, Any]) -> Iterator[str]:
    for found in _THRESHOLD.finditer(clause):
        if not re.search(r"\bp\b|\bp-values?\b", clause[: found.start()]) or OPEN.search(
            clause[: found.start()]
        ):
            continue
        negated = (not found["in"]) != _is_negated(clause[: found.start()])
        if _wrong(lambda row: is_significant(row, facts["alpha"]), negated, about, rows):
            yield f"says that a p-value lies {found.group(0)}, and it does not"


def _zero(clause: str, about: Scope, rows: Sequence[Row]) -> Iterator[str]:
    for found in _ZERO.finditer(clause):
        holds = bool(found["in"]) != _is_negated(clause[: found.start()])
        inside = [includes_zero(row) for row in rows]
        if OPEN.search(clause[: found.start()]) or not re.search(r"\binterval|\bCI\b", clause):
            continue
        if any(one is None or one != holds for one in inside) if about.named else holds not in inside:
            yield f"says that an interval {'in' if holds else 'ex'}cludes zero, and it does not"


def _beside_zero(clause: str, about: Scope, rows: Sequence[Row], names: Names) -> Iterator[str]:
    """An interval that is said to lie above or below zero, by the sign that the table gives it."""
    found = _ZERO.search(clause)
    if not found or not found["side"] or not about.named or names.models_in(clause) or OPEN.search(clause):
        return
    wrong = [row for row in rows if (row["difference"] > 0) != (found["side"].lower() == "above")]
    if wrong and not _is_negated(clause[: found.start()]):
        yield f"says that an interval lies {found.group(0)}, and it lies on the other side"


def _deployed(clause: str, names: Names, facts: Mapping[str, Any]) -> Iterator[str]:
    if "recommended" not in facts or _WISHED.search(clause):
        return
    told = [] if OPEN.search(clause) else [*_DEPLOY.finditer(clause)]
    for found in (*told, *_READY.finditer(clause)):
        model = names.models_in(next(filter(None, found.groups())))[0]
        negated = _is_negated(clause[: found.start()])
        if (model in facts["recommended"]) == negated:
            yield f"says {'not ' if negated else ''}to deploy {model}, which is not the decision"


def _coverage(sentence: Sentence, facts: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        row
        for row in facts.get("denominators") or ()
        if (not sentence.models or row["model"] in sentence.models)
        and (not sentence.kinds or row["test_case"] in sentence.kinds)
    ]
    none = _NONE.search(sentence.text)
    status = next(
        (
            name
            for name in ("refused", "malformed", "failed", "unscored")
            if none and name.startswith(none["s"].lower())
        ),
        "",
    )
    if status and any(row[status] for row in rows):
        yield f"says that nothing was {status}, and something was"
    if _ANSWERED_ALL.search(sentence.text) and any(row["answered"] < row["planned"] for row in rows):
        yield "says that everything was answered, and something was not"
    if _ALL_SCORED.search(sentence.text) and any(row["unscored"] for row in rows):
        yield "says that nothing is unscored, and something is"


def _is_negated(before: str) -> bool:
    return bool(NEGATED.search(before[-60:]))


def _wrong(test: Test, negated: bool, about: Scope, rows: Sequence[Row]) -> bool:
    """Whether a claim about named metrics fails on any of them, or a general one on all."""
    met = [test(row) for row in rows]
    if negated:
        return any(met)
    return not (met and all(met)) if about.named else not any(met)
