"""What metrics are said to favour, which place a model takes, and wins that are said to be on every case."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .known import number
from .ranking import Ranking, holds, rankings
from .reading import METRIC, MODEL, Names, Sentence
from .scope import NEGATED, OPEN, Row, Scope, pair_of, scope

_FAVOURS = re.compile(
    rf"\b(?:favou?r(?:s|ed|ing)?|in favou?r of|speaks? for|points? to|goes to|went to|belongs to|(?:lies|is|rests) with)\s+(?:the )?"
    rf"(?P<m>{MODEL})|(?P<n>{MODEL})\s+takes\s+(?:the )?(?:{METRIC})",
    re.IGNORECASE,
)
_PLACES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1, "top": 1, "runner-up": 2}
_PLACE = re.compile(
    r"\b(?:(?P<a>first|second|third|fourth|last|top)[- ](?:ranked|placed|place|ranking|rank)|"
    r"(?:ranks?|ranked|comes?|came|finish(?:es|ed)|places?|placed)(?: in)? (?P<b>first|second|third|fourth|last)|"
    r"(?P<c>runner-up))\b",
    re.IGNORECASE,
)
_MOST_CASES = re.compile(r"\b(?:most|(?:the )?majority)\b(?: of)?(?: the)?(?: \d+)? cases\b", re.IGNORECASE)
_EVERY_CASE = re.compile(
    r"\b(?:on|in|for) (?:every|each|all)(?: single)?(?: one)?(?: of)?(?: the)?(?: (?:two|\d+))? cases?\b",
    re.IGNORECASE,
)
STANDINGS = (_FAVOURS, _PLACE, _EVERY_CASE, _MOST_CASES)


def wrong_standings(sentence: Sentence, names: Names, facts: Mapping[str, Any]) -> Iterator[str]:
    """A line for every such claim that the run did not come to."""
    for clause in sentence.clauses():
        about = scope(clause, sentence, names, facts)
        yield from _favoured(clause, about, names, facts)
        yield from _placed(clause, about, names, facts)
        yield from _everywhere(clause, about, sentence, names)


def _favoured(clause: str, about: Scope, names: Names, facts: Mapping[str, Any]) -> Iterator[str]:
    for found in _FAVOURS.finditer(clause):
        before = clause[: found.start()]
        if (
            OPEN.search(before)
            or re.search(r"\bcases?\b", before)
            or re.search(r"\b(?:cost|price|latency|speed)\b", clause, re.IGNORECASE)
        ):
            continue
        (model,) = names.models_in(found["m"] or found["n"])
        claim = Ranking(found.group(0), "quality", 1, bool(NEGATED.search(before)), (model,), "")
        if not holds(claim, about, (model,), facts):
            yield f"says that the results favour {model}, and they do not show that"


def _placed(clause: str, about: Scope, names: Names, facts: Mapping[str, Any]) -> Iterator[str]:
    for found in _PLACE.finditer(clause):
        models = names.models_in(clause[: found.start()])[-1:] or names.models_in(clause[found.end() :])[:1]
        if not models or OPEN.search(clause[: found.start()]):
            continue
        word = (found["a"] or found["b"] or found["c"]).lower()
        metrics = dict.fromkeys(row["metric"] for row in about.rows)
        wrong = [metric for metric in metrics if not _takes(models[0], _PLACES[word], metric, facts)]
        if bool(wrong) != bool(NEGATED.search(clause[: found.start()])):
            yield f"puts {models[0]} in place {word!r}, which the means do not"


def _takes(model: str, place: int, metric: str, facts: Mapping[str, Any]) -> bool:
    """Whether a model has a place by its mean, the best first; models that are level share theirs."""
    means = {one: number(some.get(metric)) for one, some in (facts.get("models_summary") or {}).items()}
    means = means or _means_of_pairs(metric, facts["comparisons"])
    sign = 1 if metric in facts.get("lower_is_better", ()) else -1
    known = {one: sign * value for one, value in means.items() if value is not None}
    if model not in known:
        return False
    ahead = sum(value < known[model] for value in known.values())
    level = sum(value == known[model] for value in known.values())
    return ahead < (place if place > 0 else len(known)) <= ahead + level


def _means_of_pairs(metric: str, rows: Sequence[Row]) -> dict[str, float | None]:
    some = [row for row in rows if row["metric"] == metric]
    return {row[f"model_{side}"]: number(row[f"mean_{side}"]) for row in some for side in "ab"}


def _everywhere(clause: str, about: Scope, sentence: Sentence, names: Names) -> Iterator[str]:
    """A model that is better on every case has won them all; on most, more than half."""
    if _MOST_CASES.search(clause) and not OPEN.search(clause):
        for subject in names.models_in(clause)[:1]:
            rows = [row for row in about.of([subject]) if subject in pair_of(row)]
            won = [row["wins" if row["model_a"] == subject else "losses"] for row in rows]
            few = any(2 * n <= row["n"] for n, row in zip(won, rows, strict=True))
            if few != bool(NEGATED.search(clause)):
                yield f"says that {subject} did better on most cases, and the counts say otherwise"
    if not _EVERY_CASE.search(clause) or OPEN.search(clause):
        return
    for ranking in rankings(clause, (), sentence, names):
        for subject in ranking.subjects if ranking.scale in ("quality", "order") else ():
            rows = [row for row in about.of([subject]) if subject in pair_of(row)]
            won = [
                row["wins" if (row["model_a"] == subject) == (ranking.sign > 0) else "losses"] for row in rows
            ]
            all_won = bool(rows) and all(n == row["n"] for n, row in zip(won, rows, strict=True))
            if all_won == ranking.negated:
                yield f"says {ranking.word!r} of {subject} on every case, and the counts say otherwise"
