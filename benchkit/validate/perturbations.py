"""Ways to spoil a good test case, each leaving the rest of it as it was; and one change that does no harm."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from ..domain import TestCase
from ..jsontext import changed, leaves
from ..metrics.schemas import schema_compliance
from ..metrics.stated import Told, facts_changed

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
    made = facts_changed(case.golden_response, Told(case.prompt), random)
    schema = case.response_schema if isinstance(case.golden_response, dict) else None
    fit = (golden for golden in made if schema_compliance(golden, schema))
    return next((replace(case, golden_response=golden) for golden in fit), None)


def schema_broken(case: TestCase, random: Random) -> TestCase | None:
    """One field of the golden record is missing or of another type, so that its schema does not hold."""
    if not isinstance(case.golden_response, dict) or not case.response_schema:
        return None
    places = list(leaves(case.golden_response))
    for path, value in random.sample(places, len(places)):
        wrong = {"not": "a text"} if isinstance(value, str) else "not a number"
        ways = changed(case.golden_response, path), changed(case.golden_response, path, to=wrong)
        for golden in random.sample(ways, 2):
            if not schema_compliance(golden, case.response_schema):
                return replace(case, golden_response=golden)
    return None
