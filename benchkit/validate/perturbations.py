"""Ways to spoil a good test case, each leaving the rest of it as it was; and one change that does no harm."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import reduce
from operator import getitem
from random import Random
from typing import Any

from ..domain import TestCase
from ..jsontext import leaves
from ..metrics.stated import Told, facts, number, other_value, with_fact_changed
from ..metrics.structured import schema_compliance

Path = tuple[Any, ...]
THANKS = (
    "Thank you for your help.",
    "Thanks in advance.",
    "Many thanks for looking into this.",
    "I appreciate your help.",
)


def thanked(case: TestCase, random: Random) -> TestCase:
    """The same case with thanks at the end of its prompt: as good as it was, and another text."""
    return replace(case, prompt=f"{case.prompt.rstrip()}\n{random.choice(THANKS)}")


def prompt_cut(case: TestCase, random: Random) -> TestCase | None:
    """Only the first half of the prompt, up to a word's end; None for fewer than four words."""
    words = case.prompt.split()
    if len(words) < 4:
        return None
    return replace(case, prompt=case.prompt[: len(case.prompt) // 2].rstrip().rsplit(maxsplit=1)[0])


def fact_changed(case: TestCase, random: Random) -> TestCase | None:
    """One exact value that the prompt states is another in the golden answer; None where there is none."""
    told = Told(case.prompt)
    if isinstance(case.golden_response, str):
        text = with_fact_changed(case.golden_response, told, random)
        return text if text is None else replace(case, golden_response=text)
    stated = [leaf for leaf in leaves(case.golden_response) if _stated(leaf[1], told)]
    for path, value in random.sample(stated, len(stated)):
        golden = _changed(case.golden_response, path, to=other_value(value, random))
        if schema_compliance(golden, case.response_schema or {}):
            return replace(case, golden_response=golden)
    return None


def schema_broken(case: TestCase, random: Random) -> TestCase | None:
    """One field of the golden record is missing or of another type, so that its schema does not hold."""
    if not isinstance(case.golden_response, dict) or not case.response_schema:
        return None
    places = list(leaves(case.golden_response))
    for path, value in random.sample(places, len(places)):
        wrong = {"not": "a text"} if isinstance(value, str) else "not a number"
        ways = _changed(case.golden_response, path), _changed(case.golden_response, path, to=wrong)
        for golden in random.sample(ways, 2):
            if not schema_compliance(golden, case.response_schema):
                return replace(case, golden_response=golden)
    return None


def _stated(value: Any, told: Told) -> bool:
    """Whether a leaf is a number, or a text with digits, that the prompt states."""
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, int | float):
        return told.has(number(value))
    return any(map(str.isdigit, value)) and (told.says(value) or any(map(told.has, facts(value))))


def _changed(value: Any, path: Path, **new: Any) -> Any:
    """A copy with another value at `path` (`to`), or without what is there."""
    made = copy.deepcopy(value)
    parent = reduce(getitem, path[:-1], made)
    if new:
        parent[path[-1]] = new["to"]
    else:
        del parent[path[-1]]
    return made
