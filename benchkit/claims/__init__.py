"""Whether a sentence about a run says only what it computed: its figures, its winners, its significance."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .figures import NUMBER, wrong_figures
from .known import Known, known_figures
from .ranking import wrong_rankings
from .reading import Names, Sentence, names_of, sentences
from .scope import NEGATED, OPEN
from .sifting import GAP, Sifted, sift
from .standing import wrong_standings
from .tallies import without_tallies, wrong_tallies
from .unread import unread
from .verdicts import wrong_verdicts
from .wording import percentiles, ratios, strangers

__all__ = ["GAP", "Sifted", "numbers_in", "problems", "sift"]
_REAL = re.compile(
    r"\breal(?:-world)? (?:customers?|users?|models?|deployments?|traffic|tickets?)\b", re.IGNORECASE
)

# What readers care about and no metric of ours looks at.
_UNMEASURED = re.compile(
    r"\b(?:satisf(?:ied|action|y)|delight\w*|happ(?:y|ier|iest)|empath\w+|friendl\w+|polite\w*|courte\w+|tone|trust(?:ed|worthy)?|"
    r"loyal\w*|hallucinat\w*|bias(?:ed)?|toxic\w*|creativ\w+|fluen\w+|eloquen\w+|revenue|retention|churn)\b",
    re.IGNORECASE,
)
_SET_ASIDE = re.compile(
    rf"{NEGATED.pattern}|{OPEN.pattern}|\b(?:beyond|outside|unmeasured|untested|unknown|remains to)\b",
    re.IGNORECASE,
)


def problems(text: str, facts: Mapping[str, Any]) -> list[str]:
    """What `text` states that `facts` do not hold, a line each; empty if it may stand.

    `facts` has models, alpha and comparisons (rows of domain.Comparison); models_summary, denominators,
    cost, serving, rounds_summary, margin, rounds, cases, lower_is_better, recommended, decision and warnings
    are used where they are there. A sentence of the decision and of its warnings may always be repeated. Never raises for any text.
    """
    names, known = names_of(facts), known_figures(facts)
    computed = " ".join(map(str, (facts.get("decision") or "", *(facts.get("warnings") or ()))))
    decision = {one.text for one in sentences(computed, names)}
    found = [
        problem
        for sentence in sentences(text, names)
        if sentence.text not in decision
        for problem in _problems(sentence, names, known, facts)
    ]
    return list(dict.fromkeys(found))


def _problems(
    sentence: Sentence, names: Names, known: Sequence[Known], facts: Mapping[str, Any]
) -> Iterator[str]:
    yield from strangers(sentence.text, names)
    yield from ratios(sentence.text)
    yield from wrong_figures(replace(sentence, text=percentiles(without_tallies(sentence))), names, known)
    yield from wrong_tallies(sentence, names, facts)
    yield from wrong_rankings(sentence, names, facts)
    yield from wrong_standings(sentence, names, facts)
    yield from unread(sentence, names)
    yield from wrong_verdicts(sentence, names, facts)
    if not facts.get("simulated") and "simulated" in sentence.text.lower():
        yield "calls something simulated, and nothing in this run was"
    unmeasured = _UNMEASURED.search(sentence.text)
    if unmeasured and not _SET_ASIDE.search(sentence.text):
        yield f"speaks of {unmeasured.group(0)!r}, which nothing in this run measured"
    real = _REAL.search(sentence.text) if facts.get("simulated") else None
    if real and not NEGATED.search(sentence.text[: real.start()]):
        yield f"says {real.group(0)!r} of a run in which everything was simulated"


def numbers_in(value: Any) -> Iterator[float]:
    """Every number in a nested structure, and those written in its texts."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        yield float(value)
    elif isinstance(value, str):
        yield from (_value(found.group(1), found.group(2)) for found in NUMBER.finditer(value))
    elif isinstance(value, Sequence):
        for item in value:
            yield from numbers_in(item)


def _value(sign: str, digits: str) -> float:
    number = float(digits.replace(",", ""))
    return -number if sign == "-" else number
