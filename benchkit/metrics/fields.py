"""Field accuracy: the golden's leaves, and how right a response is at each of them."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from statistics import fmean
from typing import Any

import numpy as np

from .keywords import words
from .schemas import exact_places

Json = Any  # dict, list, str, int, float, bool or None, as json.loads gives them

# An array that would take more comparisons of leaves is matched by position after its identical items.
MAX_COMPARISONS = 100_000
_ABSENT = object()
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.IGNORECASE
)
_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\\.?"
_WRITTEN_DATE = re.compile(
    rf"(?:{_MONTH} \d{{1,2}}|\d{{1,2}}(?:st|nd|rd|th)? (?:of )?{_MONTH})(?:st|nd|rd|th)?(?:,? \d{{4}})?", re.I
)
_IDENTIFIER = re.compile(r"(?=[^\d@_/]*[\d@_/])[!-~]+")  # ASCII in one piece with a digit or a sign of an id
_FIGURES = re.compile(r"(?=\D*\d)[\W\d_]+")  # phone numbers, "10:30 - 11:00"


def field_accuracy(
    response: Json, golden: dict[str, Any], schema: dict[str, Any] | None = None
) -> float | None:
    """Mean over the golden's leaves of how right the response is at the same place.

    0 to 1, higher is better. A leaf is

    - a number, boolean or null: 1 or 0, type-true (5 is 5.0, but neither "5" nor true);
    - an exact string: 1 or 0, equal but for white space at its ends; case and leading zeros count. Exact is
      what `schema` gives an enum, const, pattern or format, by whatever reference, and without that a date,
      an ASCII text in one piece with a digit, @, _ or / (`INT-2026-04`, `$49.99`), and figures without
      letters. Two ISO 8601 times are equal when they are the same instant; one with an offset never equals
      one without;
    - any other string: token F1, 2·|R ∩ G| / (|R| + |G|) over the multisets of lower-cased words;
    - an array: the best sum of one-to-one scores of its items, over the longer length; two empty ones are 1;
    - an empty object: 1 where an object is.

    A missing key is 0 and an extra key costs nothing here. A response that is no object is 0, as is one too
    deep to be walked; an empty golden gives None.
    """
    if not golden:
        return None
    if not isinstance(response, dict):
        return 0.0
    try:
        return _score(_leaves_of(json.dumps(golden), json.dumps(schema or {})), response, MAX_COMPARISONS)
    except RecursionError:
        return 0.0


@dataclass(frozen=True)
class _Leaf:
    path: tuple[str, ...]
    score: Callable[[Json, int], float]  # (what was found, comparisons that an array may take)
    size: int = 1  # leaves below, for an array


@lru_cache(maxsize=256)
def _leaves_of(golden_text: str, schema_text: str) -> list[_Leaf]:
    """The leaves of a golden, read once for all responses to its case."""
    return _leaves(json.loads(golden_text), "", exact_places(golden_text, schema_text))


def _leaves(golden: Json, at: str, exact: Collection[str]) -> list[_Leaf]:
    """The leaves of `golden`, which stands at the JSON pointer `at`; `exact` points to exact texts."""
    if isinstance(golden, dict) and golden:
        return [
            _Leaf((key, *leaf.path), leaf.score, leaf.size)
            for key, value in golden.items()
            for leaf in _leaves(value, f"{at}/{key.replace('~', '~0').replace('/', '~1')}", exact)
        ]
    if isinstance(golden, list):
        items = [_leaves(item, f"{at}/{number}", exact) for number, item in enumerate(golden)]
        size = sum(leaf.size for item in items for leaf in item)
        return [_Leaf((), partial(_array_score, golden, items), max(1, size))]
    score = _scalar_score(golden, at in exact)
    return [_Leaf((), lambda found, _: score(found))]


def _score(leaves: list[_Leaf], response: Json, budget: int) -> float:
    return fmean(leaf.score(_at(response, leaf.path), budget) for leaf in leaves)


def _at(value: Json, path: tuple[str, ...]) -> Json:
    for key in path:
        value = value.get(key, _ABSENT) if isinstance(value, dict) else _ABSENT
    return value


def _scalar_score(golden: Json, is_exact: bool) -> Callable[[Json], float]:
    if isinstance(golden, dict):
        return lambda found: float(isinstance(found, dict))
    if not isinstance(golden, str):
        return lambda found: float(_same_value(found, golden))
    if is_exact or _looks_exact(golden):
        return lambda found: float(isinstance(found, str) and _same_text(found, golden))
    theirs = _tokens(golden)
    if not theirs:
        return lambda found: float(isinstance(found, str) and found.strip() == golden.strip())
    return lambda found: _token_f1(found, theirs) if isinstance(found, str) else 0.0


def _same_value(found: Json, golden: Json) -> bool:
    if golden is None or isinstance(golden, bool):
        return found is golden
    return isinstance(found, int | float) and not isinstance(found, bool) and found == golden


def _same_text(found: str, golden: str) -> bool:
    found, golden = _tidy(found), _tidy(golden)
    return found == golden or (_instant(found) is not None and _instant(found) == _instant(golden))


def _tidy(text: str) -> str:
    text = text.strip()
    # Composing takes quadratic time over piled-up marks, and what is this long is no id.
    return unicodedata.normalize("NFC", text) if len(text) <= 4096 else text


@lru_cache(maxsize=4096)
def _instant(text: str) -> datetime | None:
    if len(text) <= 10 or not _ISO.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        return None


def _token_f1(found: str, theirs: Counter[str]) -> float:
    ours = _tokens(found)
    return 2 * (ours & theirs).total() / (ours.total() + theirs.total())


@lru_cache(maxsize=4096)
def _tokens(text: str) -> Counter[str]:
    return Counter(words(text))


def _array_score(golden: list[Json], items: list[list[_Leaf]], found: Json, budget: int) -> float:
    if not isinstance(found, list):
        return 0.0
    if not found or not golden:
        return float(len(found) == len(golden))
    longer = max(len(found), len(golden))
    if sum(leaf.size for item in items for leaf in item) * _size(found) > budget:
        return _by_position(golden, items, found, budget // longer) / longer
    # One found item after the other: its words are then still in the cache.
    scores = np.array([[_score(item, other, budget) for item in items] for other in found])
    from scipy.optimize import linear_sum_assignment  # a second's import, for arrays whose order is free

    return float(scores[linear_sum_assignment(scores, maximize=True)].sum()) / longer


def _by_position(golden: list[Json], items: list[list[_Leaf]], found: list[Json], budget: int) -> float:
    """Sum of the scores when identical items are paired first and the rest in their order."""
    same = Counter(map(repr, golden)) & Counter(map(repr, found))
    wanted, others = _without(same, golden, items), _without(same, found, found)
    return same.total() + sum(_score(item, one, budget) for item, one in zip(wanted, others, strict=False))


def _without(taken: Counter[str], keys: list[Json], values: list[Any]) -> list[Any]:
    left, kept = Counter(taken), []
    for key, value in zip(map(repr, keys), values, strict=True):
        if left[key]:
            left[key] -= 1
        else:
            kept.append(value)
    return kept


def _size(value: Json) -> int:
    """Leaves of `value`, at least 1."""
    left, count = [value], 0
    while left:
        top = left.pop()
        inner = top.values() if isinstance(top, dict) else top if isinstance(top, list) else ()
        left.extend(inner)
        count += not inner
    return count


def _looks_exact(text: str) -> bool:
    bare = text.strip()
    return any(rule.fullmatch(bare) for rule in (_ISO, _WRITTEN_DATE, _IDENTIFIER, _FIGURES))
