"""Whether every figure of a sentence was computed, and is of what the sentence says it is of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from .known import Known
from .quantities import COUNTS, P_VALUES, factors, is_relative, quantities
from .reading import MODEL, Names, Sentence

NUMBER = re.compile(
    r"(?<![\w.,])([-+]?)(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?!\d|(?:st|nd|rd|th)\b)"
)
_AN_INTERVAL = re.compile(r"\binterval|\bCI\b|\[\s*[-+]?$", re.IGNORECASE)
_TO = re.compile(r"\s*%?\s*(?:to|and|through|[-–—,;])\s*$")
_BOUND = re.compile(r"(?:[<≤]|\b(?:below|under|less than|at most|smaller than))\s*$", re.IGNORECASE)
_AGAINST = re.compile(
    r"\b(?:against|versus|vs\.?|compared (?:with|to)|than|instead of|rather than)\s*\$?\s*$", re.IGNORECASE
)
_PER_THOUSAND = re.compile(r"\bper\s*$", re.IGNORECASE)
_OBJECT = re.compile(
    r"\b(?:than|over|against|to|from|versus|vs\.?|with|by|between|and|beats?|outperforms?)\s*$", re.IGNORECASE
)
_OF = re.compile(rf"[^\d,;]{{0,40}}?\b(?:of|for|from|by|in|(?<!compared )with) ({MODEL})")
_CUSTOMARY = {0.1, 0.05, 0.01, 0.005, 0.001, 0.0001}  # bounds that a p-value is customarily held against


@dataclass(frozen=True)
class Figure:
    """A number as it is written, what it can measure by the words beside it, and of which model it is."""

    written: str
    start: int
    end: int
    value: float
    places: int
    factors: tuple[float, ...]
    quantities: frozenset[str]  # empty: the words do not say
    bound: bool  # an upper bound, as in p < 0.05
    signed: bool
    relative: bool
    model: str = ""
    against: bool = False  # what the named model is held against


def wrong_figures(sentence: Sentence, names: Names, known: Sequence[Known]) -> Iterator[str]:
    """A line for every figure that was not computed for what the sentence speaks of."""
    found = _bound_to_models(
        [_figure(one, sentence.text, names) for one in NUMBER.finditer(sentence.text)], sentence
    )
    about = [one for one in known if _is_about(one, sentence)]
    # "A reached 0.81 against 0.62": the second is of whoever is not named.
    lone = set(sentence.models) if len(sentence.models) == 1 else None
    anyone = replace(sentence, models=())
    other = [one for one in known if one.models != lone and _is_about(one, anyone)] if lone else about
    ends, wrong = _intervals(sentence.text, found, about)
    yield from wrong
    for figure in found:
        if figure in ends or _PER_THOUSAND.search(sentence.text, 0, figure.start):
            continue
        if figure.relative:
            yield f"{figure.written} % is a percentage of another figure, and none such was computed"
        elif not _stands(figure, other if figure.against else about):
            yield f"{figure.written} is no {_said(figure)} that was computed for what this sentence names"


def _said(figure: Figure) -> str:
    """What a figure was taken for, in words."""
    if figure.quantities == {"p"}:
        return "adjusted p (any other has to be called unadjusted or permutation p)"
    return " or ".join(sorted(figure.quantities)) or "figure"


def _figure(found: re.Match[str], text: str, names: Names) -> Figure:
    before, after = text[max(0, found.start() - 90) : found.start()], text[found.end() : found.end() + 60]
    digits = found.group(2)
    value = float(digits.replace(",", ""))
    of, of_what = _OF.match(after), quantities(before, after)
    return Figure(
        written=found.group(0),
        start=found.start(),
        end=found.end(),
        value=-value if found.group(1) == "-" else value,
        places=len(digits.partition(".")[2]),
        factors=factors(after),
        quantities=of_what,
        bound=bool(_BOUND.search(before)),
        signed=bool(found.group(1)),
        relative=is_relative(after),
        model=names.models_in(of.group(1))[0] if of else _said_of(before, names),
        against=bool(_AGAINST.search(before)) and not of_what & COUNTS,
    )


def _said_of(before: str, names: Names) -> str:
    """The model right before a number, unless it is what another is compared with."""
    last = next(reversed([*re.finditer(MODEL, before)]), None)
    if last is None or NUMBER.search(before, last.end()) or re.search(r"[,;]", before[last.end() :]):
        return ""
    in_brackets = re.match(r"'?s?\s*[(\[=]", before[last.end() :])
    return (
        ""
        if _OBJECT.search(before, 0, last.start()) and not in_brackets
        else names.models_in(last.group())[0]
    )


def _bound_to_models(figures: Sequence[Figure], sentence: Sentence) -> list[Figure]:
    """As many means as models, none said to be of one: they stand in the order of the models."""
    free = [one for one in figures if not one.model and not (one.quantities - {"mean"}) and one.places]
    if (
        len(free) != len(sentence.models)
        or len(free) < 2
        or _AN_INTERVAL.search(sentence.text[: free[0].start])
    ):
        return list(figures)
    order = dict(zip((one.start for one in free), sentence.models, strict=True))
    return [replace(one, model=order.get(one.start, one.model)) for one in figures]


def _is_about(one: Known, sentence: Sentence) -> bool:
    """Whether a computed figure is of what the sentence names."""
    if sentence.metrics and one.metric not in sentence.metrics and (one.metric or one.quantity == "cases"):
        return False
    if sentence.kinds and one.test_case not in ("", *sentence.kinds) and one.metric not in sentence.metrics:
        return False
    if not sentence.models or not one.models:
        return True
    named = set(sentence.models)
    return one.models <= named if len(named) > 1 else bool(one.models & named)


def _intervals(
    text: str, figures: Sequence[Figure], about: Sequence[Known]
) -> tuple[list[Figure], list[str]]:
    """(the figures that are the two ends of an interval, what is wrong about the two)."""
    ends: list[Figure] = []
    wrong = []
    for low, high in pairwise(figures):
        if _TO.fullmatch(text, low.end, high.start) and _AN_INTERVAL.search(
            text, max(0, low.start - 80), low.start
        ):
            ends += [low, high]
            if not any(_spans(low, high, some) for some in _intervals_of(about)):
                wrong.append(f"{low.written} to {high.written} is no interval that was computed for this")
    return ends, wrong


def _intervals_of(about: Sequence[Known]) -> Iterator[list[Known]]:
    """The computed ends of every comparison's intervals."""
    some: dict[tuple[str, frozenset[str]], list[Known]] = {}
    for one in about:
        if one.quantity == "interval":
            some.setdefault((one.metric, one.models), []).append(one)
    yield from some.values()


def _spans(low: Figure, high: Figure, ends: Sequence[Known]) -> bool:
    """Whether both ends are there, with their signs, read from either model's side."""
    return any(
        all(any(_rounds_to(sign * one.value, figure) for one in ends) for figure in (low, high))
        for sign in (1, -1)
    )


def _stands(figure: Figure, about: Sequence[Known]) -> bool:
    """Whether a computed figure rounds to this one, or, for a bound on p, lies below it."""
    # Without a word for it, no number is a p-value that the tables do not print.
    unsaid = P_VALUES - {"p"} | {"level"}
    some = [one for one in about if one.quantity in (figure.quantities or {one.quantity} - unsaid)]
    some = [one for one in some if not figure.model or len(one.models) != 1 or figure.model in one.models]
    if figure.bound and figure.quantities and figure.quantities <= P_VALUES and figure.value in _CUSTOMARY:
        return any(one.value < figure.value for one in some)
    return any(
        _rounds_to(sign * one.value, figure)
        for one in some
        for sign in ((1, -1) if len(one.models) == 2 else (1,))
    )


def _rounds_to(value: float, figure: Figure) -> bool:
    """Whether `value` in the figure's unit rounds to what is written; a lone digit is no rounding of 0.7."""
    half = 0.5 * 10**-figure.places * (1 + 1e-6)
    for factor in figure.factors:
        scaled = value * factor
        coarse = not figure.places and abs(scaled) < (1 if factor > 1 else 10)
        if abs(scaled - figure.value) <= (1e-9 if coarse else half):
            return True
    return False
