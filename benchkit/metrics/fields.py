"""Field accuracy: the golden's leaves, and how right a response is at each of them."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache, partial
from operator import mul
from typing import Any

import numpy as np

from benchkit.domain import TestCase
from benchkit.jsontext import json_path, leaves

from .keywords import words
from .schemas import Places, places

Path = tuple[str | int, ...]
Json = Any  # dict, list, str, int, float, bool or None, as json.loads gives them

MAX_COMPARISONS = 100_000  # of leaves; an array that would take more is matched by position
ABSENT = object()  # in the place of a value that a response does not have
IDENTIFYING = 3.0
LONG = 10  # words from which one "not" more costs a field less than .05 of its token F1: 1/(2·10 + 1)
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.IGNORECASE
)
_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\\.?"
_WRITTEN_DATE = re.compile(
    rf"(?:{_MONTH} \d{{1,2}}|\d{{1,2}}(?:st|nd|rd|th)? (?:of )?{_MONTH})(?:st|nd|rd|th)?(?:,? \d{{4}})?", re.I
)
_IDENTIFIER = re.compile(r"(?=[^\d@_/]*[\d@_/])[!-~]+")  # ASCII in one piece with a digit or a sign of an id
_FIGURES = re.compile(r"(?=\D*\d)[\W\d_]+")  # phone numbers, "10:30 - 11:00"
_NAMES_IT = re.compile(  # id, order_id, orderId, caseID, invoice_number; not paid, nor number
    r"(?:^|_|-)(?:id|uuid|guid|ref|reference)s?$|[a-z0-9](?:Id|ID|Ref|Reference|Number)s?$|[_-]numbers?$"
)


@dataclass(frozen=True, slots=True)
class Field:
    """One leaf of a golden beside what a response has at the same place."""

    path: str  # as JSONPath
    golden: Json
    found: Json  # ABSENT where the response has nothing there
    score: float  # 0 to 1
    weight: float


def field_accuracy(
    response: Json, golden: dict[str, Any], schema: dict[str, Any] | None = None
) -> float | None:
    """Σ weight · score / Σ weight over the golden's leaves, as `compare_fields` compares them.

    0 to 1, higher is better. A missing key is 0 and an extra key costs nothing here. A response that is no
    object is 0; a golden without a field that weighs anything gives None.
    """
    fields = compare_fields(response, golden, schema)
    total = sum(field.weight for field in fields)
    return sum(field.weight * field.score for field in fields) / total if total else None


def compare_fields(
    response: Json, golden: dict[str, Any], schema: dict[str, Any] | None = None
) -> list[Field]:
    """Every leaf of the golden with what the response has there, its score and its weight.

    A leaf is

    - a number, boolean or null: 1 or 0, type-true (5 is 5.0, but neither "5" nor true);
    - an exact string: 1 or 0, equal but for white space at its ends; case and leading zeros count. Exact is
      what `schema` gives an enum, const, pattern or format, by whatever reference, and without that a date,
      an ASCII text in one piece with a digit, @, _ or / (`INT-2026-04`, `$49.99`), and figures without
      letters. Two ISO 8601 times are equal when they are the same instant; one with an offset never equals
      one without;
    - any other string: token F1, 2·|R ∩ G| / (|R| + |G|) over the multisets of lower-cased words;
    - an array: the best sum of one-to-one scores of its items, over the longer length; two empty ones are 1.
      Where the schema says that its order matters (`x-ordered`, `prefixItems`), only pairs in one order are
      made, so that one missing item costs that item alone;
    - an empty object: 1 where an object is.

    Its weight is the nearest `x-weight` of the schema, at its place or above it; else IDENTIFYING for a field
    that names what the record is about (`id`, `order_id`, `invoice_number`, `reference`), and 1 for others.
    """
    fields = []
    for leaf in _leaves_of(json.dumps(golden), json.dumps(schema or {})) if golden else ():
        found = _at(response, leaf.keys)
        fields.append(Field(leaf.path, leaf.golden, found, leaf.score(found), leaf.weight))
    return fields


@dataclass(frozen=True)
class _Leaf:
    keys: tuple[str, ...]
    golden: Json
    score: Callable[[Json], float]  # of what was found
    weight: float
    size: int = 1  # leaves below, for an array

    @cached_property
    def path(self) -> str:
        return json_path(self.keys)


@lru_cache(maxsize=256)
def _leaves_of(golden_text: str, schema_text: str) -> list[_Leaf]:
    """The leaves of a golden, read once for all responses to its case."""
    return list(_leaves(json.loads(golden_text), (), "", places(golden_text, schema_text), None))


def _leaves(
    golden: Json, keys: tuple[str, ...], at: str, rules: Places, weight: float | None
) -> Iterator[_Leaf]:
    """The leaves of `golden`, which stands at `keys`, as a JSON pointer `at`, under a thing of `weight`."""
    weight = rules.weights.get(at, weight)
    if isinstance(golden, dict) and golden:
        for key, value in golden.items():
            yield from _leaves(value, (*keys, key), at + _pointer((key,)), rules, weight)
        return
    if weight is None:
        weight = IDENTIFYING if keys and _NAMES_IT.search(keys[-1]) else 1.0
    if isinstance(golden, list):
        items = [list(_leaves(item, (), f"{at}/{n}", rules, None)) for n, item in enumerate(golden)]
        size = max(1, sum(leaf.size for item in items for leaf in item))
        yield _Leaf(keys, golden, partial(_array_score, items, size, at in rules.ordered), weight, size)
    else:
        yield _Leaf(keys, golden, _scalar_score(golden, at in rules.exact), weight)


def _pointer(path: Path) -> str:
    """Where keys and indices lead to, as a JSON pointer."""
    return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in path)


def _score(leaves: list[_Leaf], response: Json) -> float:
    """The score of an array's item; where none of its fields weighs anything, all weigh the same."""
    weights = [leaf.weight for leaf in leaves]
    weights = weights if any(weights) else [1.0] * len(leaves)
    scores = (leaf.score(_at(response, leaf.keys)) for leaf in leaves)
    return sum(map(mul, weights, scores)) / sum(weights)


def _at(value: Json, path: tuple[str, ...]) -> Json:
    for key in path:
        value = value.get(key, ABSENT) if isinstance(value, dict) else ABSENT
    return value


def _scalar_score(golden: Json, is_exact: bool) -> Callable[[Json], float]:
    if isinstance(golden, dict):
        return lambda found: float(isinstance(found, dict))
    if not isinstance(golden, str):
        return lambda found: float(_same_value(found, golden))
    if is_exact or looks_exact(golden):
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


def _array_score(items: list[list[_Leaf]], size: int, is_ordered: bool, found: Json) -> float:
    """The score of `found` beside a golden array of `items` with so many leaves in all."""
    if not isinstance(found, list):
        return 0.0
    if not found or not items:
        return float(len(found) == len(items))
    longer = max(len(found), len(items))
    if size * max(1, sum(1 for _ in leaves(found))) > MAX_COMPARISONS:
        return sum(map(_score, items, found)) / longer
    # One found item after the other: its words are then still in the cache.
    scores = np.array([[_score(item, other) for item in items] for other in found])
    if is_ordered:
        return _in_order(scores) / longer
    from scipy.optimize import linear_sum_assignment  # a second's import, for arrays whose order is free

    return float(scores[linear_sum_assignment(scores, maximize=True)].sum()) / longer


def _in_order(scores: np.ndarray) -> float:
    """The best sum of scores of pairs that stand in one order on both sides, by dynamic programming."""
    best = np.zeros(scores.shape[1] + 1)
    for row in scores:
        best[1:] = np.maximum.accumulate(np.maximum(best[1:], best[:-1] + row))
    return float(best[-1])


def looks_exact(text: str) -> bool:
    bare = text.strip()
    return any(rule.fullmatch(bare) for rule in (_ISO, _WRITTEN_DATE, _IDENTIFIER, _FIGURES))


def free_texts(case: TestCase, least: int = 1) -> dict[Path, str]:
    """The case's golden texts of `least` words by where they are: of a conversation the whole at ().

    Of a record those leaves that `compare_fields` compares by their words.
    """
    golden = case.golden_response
    texts = {
        path: value
        for path, value in leaves(golden)
        if isinstance(value, str) and len(value.split()) >= least and not (path and looks_exact(value))
    }
    if isinstance(golden, str) or not texts:  # a schema takes its time, and most records have no long text
        return texts
    exact = places(json.dumps(golden), json.dumps(case.response_schema or {})).exact
    return {path: text for path, text in texts.items() if _pointer(path) not in exact}


def long_texts(case: TestCase) -> dict[str, str]:
    """The texts of a record that can carry a requirement, by dotted path: those of LONG words or more."""
    return {".".join(map(str, path)): text for path, text in free_texts(case, LONG).items() if path}
