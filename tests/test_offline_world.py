"""The simulated desk: its scenarios, the models' planted quality, the generator and the validator."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from itertools import pairwise
from statistics import mean
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from rapidfuzz import fuzz, process

from benchkit.domain import CATEGORIES
from benchkit.offline import answers, author, critic, schemas
from benchkit.offline.chance import case_quality, chance
from benchkit.offline.models import HASTY, ROSTER, STEADY, SimulatedModel
from benchkit.offline.scenarios import (
    ENUMS,
    RECORD_KEYS,
    Scenario,
    leaves,
    recognised,
    reference,
    said,
    scenario,
    stated,
    visible,
)

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "interaction_id": {"type": "string", "pattern": "^INT-[0-9A-Z]+$"},
        "timestamp": {"type": "string", "format": "date-time"},
        "customer": {
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "segment": {"enum": list(ENUMS["customer.segment"])},
                "priority_level": {"enum": list(ENUMS["customer.priority_level"])},
            },
            "required": ["id", "segment", "priority_level"],
            "additionalProperties": False,
        },
        "interaction": {
            "type": "object",
            "properties": {
                "type": {"enum": list(ENUMS["interaction.type"])},
                "summary": {"type": "string"},
                "category": {"enum": list(CATEGORIES)},
                "resolution_status": {"enum": list(ENUMS["interaction.resolution_status"])},
                "next_steps": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 5},
            },
            "required": ["type", "summary", "category", "resolution_status", "next_steps"],
            "additionalProperties": False,
        },
        "metrics": {
            "type": "object",
            "properties": {
                "response_time": {"type": "number", "minimum": 0},
                "satisfaction_score": {"type": "integer", "minimum": 1, "maximum": 5},
                "resolution_time": {"type": "number", "minimum": 0},
            },
            "required": ["response_time", "satisfaction_score", "resolution_time"],
            "additionalProperties": False,
        },
    },
    "required": sorted(RECORD_KEYS),
    "additionalProperties": False,
}
FLAWLESS = SimulatedModel("test/flawless", fact_recall=1.0, phrasing=1.0, field_accuracy=1.0)


def some(kind: str, n: int, seed: object = 0) -> list[Scenario]:
    """`n` scenarios of a kind, the categories in turn."""
    random = chance("test", kind, seed)
    return [scenario(reference(kind, CATEGORIES[at % 5], random)) for at in range(n)]


def valid(value: Any, schema: dict[str, Any]) -> bool:
    return Draft202012Validator(schema, format_checker=FormatChecker()).is_valid(value)


@pytest.mark.parametrize("kind", ["json", "conversation"])
def test_the_prompt_states_every_fact_of_the_golden_answer(kind: str) -> None:
    """Each fact stands in the prompt as a whole word, and every number of a golden text is such a fact."""
    for case in some(kind, 100):
        assert visible(case.prompt) == case.facts.keys()
        assert recognised(case.prompt) == case
        told = critic.EXACT.findall(said(case.golden)) if kind == "conversation" else []
        assert all(stated(exact, case.prompt) for exact in told)


def test_every_golden_record_meets_the_default_schema() -> None:
    """The golden of a json scenario is valid, formats and enums included."""
    assert all(valid(case.golden, SCHEMA) for case in some("json", 50))


@pytest.mark.parametrize("kind", ["json", "conversation"])
def test_no_two_of_300_prompts_are_near_duplicates(kind: str) -> None:
    """token_set_ratio stays below 90 between any two prompts of one category."""
    random = chance("test", "likeness", kind)
    prompts = [scenario(reference(kind, "billing_inquiry", random)).prompt for _ in range(300)]
    likeness = process.cdist(prompts, prompts, scorer=fuzz.token_set_ratio)
    likeness[range(300), range(300)] = 0
    assert likeness.max() < 90


@pytest.mark.parametrize(
    ("value", "text", "expected"),
    [
        ("4", "rated 4.", True),
        ("4", "rated 4.5", False),
        ("4", "rated 14", False),
        ("4", "CUST-4", False),
        ("12.5", "after 12.5 minutes", True),
        ("$48.20", "owed $48.20.", True),
        ("phone", "phones", False),
        ("x", "", False),
    ],
)
def test_a_fact_is_stated_only_as_a_whole(value: str, text: str, expected: bool) -> None:
    """A part of a longer number, word or identifier states nothing."""
    assert stated(value, text) is expected


def test_case_quality_has_the_published_mean_and_varies_between_cases() -> None:
    """Over 2,000 cases the mean is p within 0.01, the spread is that of the Beta distribution."""
    drawn = [case_quality(0.8, "m", case, "facts") for case in range(2000)]
    assert mean(drawn) == pytest.approx(0.8, abs=0.01)
    assert mean((q - 0.8) ** 2 for q in drawn) == pytest.approx(0.8 * 0.2 / 9, rel=0.15)


def test_models_share_what_makes_a_case_hard() -> None:
    """Qualities of two models on the same cases correlate, though not fully."""
    pairs = [(case_quality(0.8, "a", c, "facts"), case_quality(0.8, "b", c, "facts")) for c in range(500)]
    order = [sorted(range(500), key=lambda c, m=m: pairs[c][m]) for m in (0, 1)]
    shared = len(set(order[0][:125]) & set(order[1][:125])) / 125
    assert 0.35 < shared < 0.8


def test_a_flawless_model_repeats_the_golden_answers() -> None:
    """With every probability at 1 the golden text and the golden record come back."""
    for case in some("conversation", 5):
        assert answers.conversation_answer(FLAWLESS, case.prompt, chance(1))["response_text"] == case.golden
    for case in some("json", 5):
        assert answers.record_answer(FLAWLESS, case.prompt, SCHEMA, chance(1)) == case.golden


def test_a_model_knows_nothing_that_the_prompt_does_not_state() -> None:
    """Half a prompt loses the facts of the other half, even for a flawless model."""
    for case in some("conversation", 20):
        half = case.prompt[: len(case.prompt) // 2]
        text = answers.conversation_answer(FLAWLESS, half, chance(1))["response_text"]
        hidden = case.facts.keys() - visible(half)
        assert hidden
        assert not any(stated(case.facts[name], text) for name in hidden)


def facts_kept(model: SimulatedModel, cases: list[Scenario]) -> float:
    """The share of facts that the model's answers state."""
    told = [
        (c, answers.conversation_answer(model, c.prompt, chance(c.reference))["response_text"]) for c in cases
    ]
    return mean(stated(fact, text) for case, text in told for fact in case.facts.values())


def fields_right(model: SimulatedModel, cases: list[Scenario]) -> float:
    """The share of leaves that the model's records have right."""
    plain = replace(model, schema_violation=0.0, extra_fields=0.0)
    right = []
    for case in cases:
        record = dict(leaves(answers.record_answer(plain, case.prompt, SCHEMA, chance(case.reference))))
        right += [record.get(path) == value for path, value in leaves(case.golden)]
    return mean(right)


def test_planted_quality_is_what_is_measured() -> None:
    """Over 200 cases each model's facts and fields come out near its published numbers."""
    talks, records = some("conversation", 200), some("json", 200)
    for model in (STEADY, HASTY):
        assert facts_kept(model, talks) == pytest.approx(model.fact_recall, abs=0.04)
        assert fields_right(model, records) == pytest.approx(model.field_accuracy, abs=0.04)


def test_a_wrong_field_still_meets_the_schema() -> None:
    """Wrong values are plausible: only planted violations break a record's schema."""
    poor = replace(STEADY, field_accuracy=0.0, schema_violation=0.0, extra_fields=0.0)
    records = [
        (c, answers.record_answer(poor, c.prompt, SCHEMA, chance(c.reference))) for c in some("json", 100)
    ]
    assert all(valid(record, SCHEMA) for _, record in records)
    assert all(record["timestamp"] != case.golden["timestamp"] for case, record in records)


def test_a_planted_violation_breaks_the_schema() -> None:
    """`violate` leaves no record valid."""
    for at, case in enumerate(some("json", 100)):
        record = copy.deepcopy(case.golden)
        assert isinstance(record, dict)
        answers.violate(record, chance("violate", at))
        assert not valid(record, SCHEMA)


def test_the_hostile_model_plants_scripts_and_formulas() -> None:
    """Its texts carry what an export has to make harmless."""
    hostile = ROSTER["offline/hostile"]
    told = [
        answers.conversation_answer(hostile, c.prompt, chance(c.reference)) for c in some("conversation", 60)
    ]
    texts = [text["response_text"] for text in told]
    assert any("<script>" in text for text in texts)
    assert any(text.startswith(("=", "+", "-", "@")) for text in texts)


def test_a_foreign_prompt_is_answered_from_its_own_words() -> None:
    """Entities and topic of somebody else's prompt come back; better models keep more of them."""
    prompt = "can you help me canceling purchase 00004587345 for Seattle?"
    text = answers.conversation_answer(FLAWLESS, prompt, chance(1))["response_text"]
    assert all(word in text for word in ("00004587345", "Seattle", "order details"))
    poor = replace(FLAWLESS, fact_recall=0.2)
    assert len(answers.conversation_answer(poor, prompt, chance(1))["response_text"]) < len(text)


TICKET: dict[str, Any] = {
    "type": "object",
    "properties": {
        "ticket": {"type": "string", "pattern": "^TK-[0-9]{4}$"},
        "items": {
            "type": "array",
            "items": {"$ref": "#/$defs/item"},
            "minItems": 2,
            "maxItems": 2,
        },
        "urgent": {"type": "boolean"},
        "channel": {"enum": ["web", "shop"]},
        "due": {"type": ["string", "null"], "format": "date"},
        "mail": {"type": "string", "format": "email"},
        "floors": {"type": "integer", "minimum": 3, "exclusiveMaximum": 9, "multipleOf": 2},
    },
    "required": ["ticket", "items", "urgent", "channel", "due", "mail", "floors"],
    "$defs": {
        "item": {"type": "object", "properties": {"name": {"type": "string"}, "price": {"type": "number"}}}
    },
}


def test_a_foreign_schema_is_answered_with_what_the_prompt_states() -> None:
    """A flawless model reads the author's memo for somebody's own schema back without a loss."""
    for seed in range(20):
        prompt, golden = author.foreign_case(TICKET, "billing_inquiry", "", chance("memo", seed))
        record = answers.record_answer(FLAWLESS, prompt, TICKET, chance("read", seed))
        assert valid(golden, TICKET)
        assert valid(record, TICKET)
        wanted = dict(leaves(golden))
        assert mean(dict(leaves(record)).get(path) == value for path, value in wanted.items()) > 0.9


@pytest.mark.parametrize(
    "schema",
    [
        TICKET,
        SCHEMA,
        {
            "type": "object",
            "properties": {"a": {"const": 3}, "b": {"anyOf": [{"type": "null"}, {"type": "number"}]}},
        },
        {"allOf": [{"properties": {"a": {"type": "integer"}}}, {"required": ["a"], "type": "object"}]},
        {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "maxItems": 2},
        {"type": "string", "pattern": "^(alpha|beta)-[^x]{2,3}\\d+$"},
        {"type": "string", "minLength": 300},
        {"type": "object", "properties": {"next": {"$ref": "#"}}},
    ],
)
def test_an_instance_meets_its_schema(schema: dict[str, Any]) -> None:
    """Any ordinary schema gets valid instances, whatever the draw."""
    assert all(valid(schemas.instance(schema, chance("instance", seed)), schema) for seed in range(30))


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"type": "integer", "minimum": 5, "maximum": 1},
        {"$ref": "#/nowhere"},
        {"type": "string", "pattern": "("},
        {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#"}}},
        {"enum": []},
        {"type": "array", "minItems": 5, "maxItems": 2},
        {"type": "number", "multipleOf": 0.1, "exclusiveMinimum": 3},
    ],
)
def test_an_impossible_schema_is_survived(schema: Any) -> None:
    """What nothing can satisfy gets a near miss that is still JSON."""
    assert json.dumps(schemas.instance(schema, chance(1)))


def orders(kind: str, n: int, **more: Any) -> list[dict[str, Any]]:
    schema = {"response_schema": SCHEMA} if kind == "json" else {}
    return [
        {"id": f"{kind}-{at}", "category": CATEGORIES[at % 5], "index": at, "of": n, **schema, **more}
        for at in range(n)
    ]


def written(kind: str, n: int, model: SimulatedModel, **more: Any) -> list[dict[str, Any]]:
    """Cases as 02 sends them to the validator."""
    made = []
    for order in orders(kind, n, **more):
        case = author.author(model, order, kind, chance("author", kind, order["id"], sorted(more)))
        made.append(order | case)
    return made


@pytest.mark.parametrize("kind", ["json", "conversation"])
def test_the_author_honours_id_category_and_kind(kind: str) -> None:
    """A faultless author's cases are what was ordered, and the critic's truth finds nothing wrong."""
    for case in written(kind, 50, replace(STEADY, author_errors=0.0)):
        known = recognised(case["prompt"])
        assert known is not None
        assert (case["test_case"], known.category) == (kind, case["category"])
        assert critic.faults(case) == ("", "")


@pytest.mark.parametrize("kind", ["json", "conversation"])
def test_the_author_errs_at_the_published_rate_and_less_when_asked_again(kind: str) -> None:
    """About 15 % of first attempts have a fault that shows or repeat a prompt; about 5 % of regenerations."""
    model = ROSTER["offline/author"]

    def faulty(cases: list[dict[str, Any]]) -> float:
        prompts = [case["prompt"] for case in cases]
        return mean(any(critic.faults(c)) or prompts.count(c["prompt"]) > 1 for c in cases)

    first = faulty(written(kind, 400, model))
    again = faulty(written(kind, 400, model, rejected={"prompt": "x", "golden_response": "y", "reason": "z"}))
    assert first == pytest.approx(model.author_errors, abs=0.05)
    assert again == pytest.approx(model.author_errors_again, abs=0.03)


def verdict(model: SimulatedModel, case: dict[str, Any]) -> bool:
    """Whether the critic accepts at the threshold of 4."""
    scores = critic.validate(
        model, case, chance("critic", case["id"], case["prompt"], str(case["golden_response"]))
    )
    return min(scores["prompt_quality_score"], scores["response_quality_score"]) >= 4


def test_the_critic_errs_at_the_published_rates() -> None:
    """It refuses about 5 % of good cases and lets about 10 % of those with a changed fact pass."""
    model = ROSTER["offline/critic"]
    good = written("conversation", 400, replace(STEADY, author_errors=0.0))
    bad = [case | {"golden_response": case["golden_response"].replace("$", "$9")} for case in good]
    assert mean(not verdict(model, case) for case in good) == pytest.approx(0.05, abs=0.03)
    assert mean(verdict(model, case) for case in bad) == pytest.approx(0.10, abs=0.04)


@pytest.mark.parametrize("kind", ["json", "conversation"])
def test_the_critic_knows_what_was_planted(kind: str) -> None:
    """Swapped goldens, halved prompts and broken records are faults by the critic's own truth."""
    cases = written(kind, 20, replace(STEADY, author_errors=0.0))
    swapped = [a | {"golden_response": b["golden_response"]} for a, b in pairwise(cases)]
    halved = [case | {"prompt": case["prompt"][: len(case["prompt"]) // 2]} for case in cases]
    assert all(critic.faults(case)[1] for case in swapped)
    assert all(critic.faults(case)[0] for case in halved)
    if kind == "json":
        broken = [c | {"golden_response": {**c["golden_response"], "surplus": 1}} for c in cases]
        assert all("schema" in critic.faults(case)[1] for case in broken)


@pytest.mark.parametrize(
    ("golden", "fault"),
    [
        ("Log in, open your orders and cancel purchase 12 there.", ""),
        ("Please go to {{Website}} and cancel your purchase there.", "placeholder"),
        ("Will do.", "too short"),
        ("The weather is lovely in spring, is it not?", "hardly touches"),
    ],
)
def test_the_critic_judges_foreign_cases_by_what_it_sees(golden: str, fault: str) -> None:
    """Placeholders, brevity and an answer beside the point are visible without knowing the truth."""
    found = critic.faults({"prompt": "cancel my purchase 12 please", "golden_response": golden})[1]
    assert (fault in found) if fault else found == ""


def test_the_critic_survives_a_schema_that_is_none() -> None:
    """An impossible schema is a fault of the case, said in words."""
    case = {"prompt": "one two three", "golden_response": {"a": 1}, "response_schema": {"type": "nonsense"}}
    assert re.search("no JSON Schema", critic.faults(case)[1])
