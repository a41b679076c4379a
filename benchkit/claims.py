"""Whether a sentence about a run says only what it computed: its figures, its winners, its significance."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_NUMBER = re.compile(r"(?<![\w.])([-+−]?)(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)\s?(%|percent\b)?")
_COMPUTED = re.compile(
    r"\b(twice|thrice|doubl\w*|tripl\w*|quadrupl\w*|hal(?:f|ves|ved)|quarter|third|fold|"
    r"two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|sixty|"
    r"seventy|eighty|ninety|hundred|thousand|dozens?)\b",
    re.IGNORECASE,
)
_BETTER = re.compile(
    r"\b(better|outperform\w*|beats?|superior|wins?|winner|ahead|stronger|higher|lead(?:s|ing)?)\b",
    re.IGNORECASE,
)
_WORSE = re.compile(r"\b(worse|weaker|inferior|loses?|behind|lower|trails?)\b", re.IGNORECASE)
_SIGNIFICANT = re.compile(r"\bsignifican\w*|\bproven?\b|\bconclusive(?:ly)?\b", re.IGNORECASE)
_EQUIVALENT = re.compile(r"\bequivalen\w*|\bon a par\b|\bequally good\b|\bidentical\b", re.IGNORECASE)
_NEGATED = re.compile(
    r"\b(not|no|neither|nor|cannot|can't|isn't|never|without|inconclusive|unresolved|whether|if|would|could)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z(*])")


def problems(text: str, facts: Mapping[str, Any]) -> list[str]:
    """What `text` states that `facts` do not hold, a sentence each; empty if it may stand.

    `facts` has models, comparisons (rows of domain.Comparison), alpha, and whatever else was computed.
    """
    plain = _without_names(text, facts)
    return [
        *_wrong_numbers(plain, facts),
        *_computed_words(plain),
        *(wrong for sentence in _SENTENCE.split(text) for wrong in _wrong_claims(sentence, facts)),
    ]


def numbers_in(value: Any) -> Iterator[float]:
    """Every number in a nested structure, and those written in its texts."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        yield float(value)
    elif isinstance(value, str):
        yield from (_value(found) for found in _NUMBER.finditer(value))
    elif isinstance(value, Sequence):
        for item in value:
            yield from numbers_in(item)


def _without_names(text: str, facts: Mapping[str, Any]) -> str:
    """Model ids have digits that are no figures."""
    for model in sorted(facts["models"], key=len, reverse=True):
        text = text.replace(model, " ")
    return text


def _value(found: re.Match[str]) -> float:
    number = float(found.group(2).replace(",", ""))
    return -number if found.group(1) in ("-", "−") else number


def _wrong_numbers(text: str, facts: Mapping[str, Any]) -> list[str]:
    known = list(numbers_in(facts))
    alpha = facts["alpha"]
    known += [alpha, 100 * (1 - alpha), 1 - alpha]
    return [
        f"{found.group(0).strip()} is not among the computed figures"
        for found in _NUMBER.finditer(text)
        if not _is_among(found, known)
    ]


def _is_among(found: re.Match[str], known: Sequence[float]) -> bool:
    """Whether a known figure, or for a percentage a hundred times it, rounds to what is written."""
    written, digits = _value(found), found.group(2)
    places = len(digits.partition(".")[2])
    half = 0.5 * 10**-places + 1e-9
    signed = bool(found.group(1))
    factors = (100.0, 1.0) if found.group(3) else (1.0,)
    return any(
        abs((k if signed else abs(k)) * factor - (written if signed else abs(written))) <= half
        for k in known
        for factor in factors
    )


def _computed_words(text: str) -> list[str]:
    return [
        f"{found.group(0)!r} is a figure in words: use the computed digits, or leave it out"
        for found in _COMPUTED.finditer(text)
    ]


def _wrong_claims(sentence: str, facts: Mapping[str, Any]) -> Iterator[str]:
    """Claims of a winner, of significance or of equivalence that the named comparison does not carry."""
    named = _in_order(sentence, facts["models"])
    if not named or _NEGATED.search(sentence):
        return
    rows = _rows(sentence, named, facts)
    shown = f"no comparison in the report shows it: {sentence.strip()[:160]!r}"
    better, worse = _BETTER.search(sentence), _WORSE.search(sentence)
    if better and not any(_winner(row) == named[0] for row in rows):
        yield f"calls {named[0]} better, but {shown}"
    if worse and not better and not any(_loser(row) == named[0] for row in rows):
        yield f"calls {named[0]} worse, but {shown}"
    if _SIGNIFICANT.search(sentence) and not any(row["p_adjusted"] <= facts["alpha"] for row in rows):
        yield f"claims significance, but {shown}"
    if _EQUIVALENT.search(sentence) and not any(row["outcome"] == "equivalent" for row in rows):
        yield f"claims equivalence, but {shown}"


def _in_order(sentence: str, models: Sequence[str]) -> list[str]:
    found = [(sentence.find(model), model) for model in models if model in sentence]
    return [model for _, model in sorted(found)]


def _rows(sentence: str, named: Sequence[str], facts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The comparisons that a sentence can mean: of the models and metrics that it names."""
    comparisons = facts["comparisons"]
    metrics = {row["metric"] for row in comparisons if row["metric"] in sentence}
    return [
        row
        for row in comparisons
        if (not metrics or row["metric"] in metrics)
        and named[0] in (row["model_a"], row["model_b"])
        and (len(named) == 1 or {row["model_a"], row["model_b"]} <= set(named))
    ]


def _winner(row: Mapping[str, Any]) -> str | None:
    return {"better_a": row["model_a"], "better_b": row["model_b"]}.get(row["outcome"])


def _loser(row: Mapping[str, Any]) -> str | None:
    return {"better_a": row["model_b"], "better_b": row["model_a"]}.get(row["outcome"])
