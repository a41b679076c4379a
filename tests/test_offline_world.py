"""The simulated desk: its scenarios, and the models' planted quality on them."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from rapidfuzz import fuzz, process

from benchkit import offline
from benchkit.domain import CATEGORIES
from benchkit.generate import CUSTOMER_INTERACTION
from benchkit.offline.world import answers, mistakes, simulated_validator
from benchkit.offline.world.models import HASTY, ROSTER, STEADY, SimulatedModel
from benchkit.offline.world.scenarios import (
    Scenario,
    leaves,
    recognised,
    reference,
    said,
    scenario,
    stated,
    visible,
)
from benchkit.offline.world.seeded import case_quality, seeded

FLAWLESS = SimulatedModel("test/flawless", fact_recall=1.0, phrasing=1.0, field_accuracy=1.0)


def some(kind: str, n: int, seed: object = 0) -> list[Scenario]:
    """`n` scenarios of a kind, the categories in turn."""
    random = seeded("test", kind, seed)
    return [scenario(reference(kind, CATEGORIES[at % 5], random)) for at in range(n)]


def valid(value: Any, schema: dict[str, Any]) -> bool:
    return Draft202012Validator(schema, validate_formats=True).is_valid(value)


@pytest.mark.parametrize("kind", ["json", "conversation"])
def test_the_prompt_states_every_fact_of_the_golden_answer(kind: str) -> None:
    """Each fact stands in the prompt as a whole word, and every number of a golden text is such a fact."""
    for case in some(kind, 100):
        assert visible(case.prompt) == case.facts.keys()
        assert recognised(case.prompt) == case
        told = simulated_validator.EXACT.findall(said(case.golden)) if kind == "conversation" else []
        assert all(stated(exact, case.prompt) for exact in told)


def test_every_golden_record_meets_the_default_schema() -> None:
    """The golden of a json scenario is valid, formats and enums included."""
    assert all(valid(case.golden, CUSTOMER_INTERACTION) for case in some("json", 50))


@pytest.mark.parametrize("kind", ["json", "conversation"])
def test_no_two_of_300_prompts_are_near_duplicates(kind: str) -> None:
    """token_set_ratio stays below 90 between any two prompts of one category."""
    random = seeded("test", "likeness", kind)
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
        assert answers.conversation_answer(FLAWLESS, case.prompt, seeded(1))["response_text"] == case.golden
    for case in some("json", 5):
        assert answers.record_answer(FLAWLESS, case.prompt, CUSTOMER_INTERACTION, seeded(1)) == case.golden


def test_a_model_knows_nothing_that_the_prompt_does_not_state() -> None:
    """Half a prompt loses the facts of the other half, even for a flawless model."""
    for case in some("conversation", 20):
        half = case.prompt[: len(case.prompt) // 2]
        text = answers.conversation_answer(FLAWLESS, half, seeded(1))["response_text"]
        hidden = case.facts.keys() - visible(half)
        assert hidden
        assert not any(stated(case.facts[name], text) for name in hidden)


def facts_kept(model: SimulatedModel, cases: list[Scenario]) -> float:
    """The share of facts that the model's answers state."""
    told = [
        (c, answers.conversation_answer(model, c.prompt, seeded(c.reference))["response_text"]) for c in cases
    ]
    return mean(stated(fact, text) for case, text in told for fact in case.facts.values())


def recorded(model: SimulatedModel, case: Scenario) -> dict[str, Any]:
    return answers.record_answer(model, case.prompt, CUSTOMER_INTERACTION, seeded(case.reference))


def fields_right(model: SimulatedModel, cases: list[Scenario]) -> float:
    """The share of leaves that the model's records have right."""
    plain = replace(model, schema_violation=0.0, extra_fields=0.0)
    right = []
    for case in cases:
        record = dict(
            leaves(answers.record_answer(plain, case.prompt, CUSTOMER_INTERACTION, seeded(case.reference)))
        )
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
        (c, answers.record_answer(poor, c.prompt, CUSTOMER_INTERACTION, seeded(c.reference)))
        for c in some("json", 100)
    ]
    assert all(valid(record, CUSTOMER_INTERACTION) for _, record in records)
    assert all(record["timestamp"] != case.golden["timestamp"] for case, record in records)


def test_a_planted_violation_breaks_the_schema() -> None:
    """`violate` leaves no record valid."""
    for at, case in enumerate(some("json", 100)):
        record = copy.deepcopy(case.golden)
        assert isinstance(record, dict)
        mistakes.violate(record, seeded("violate", at))
        assert not valid(record, CUSTOMER_INTERACTION)


def test_the_hostile_model_plants_scripts_and_formulas() -> None:
    """Its texts carry what an export has to make harmless."""
    hostile = ROSTER["offline/hostile"]
    told = [
        answers.conversation_answer(hostile, c.prompt, seeded(c.reference)) for c in some("conversation", 60)
    ]
    texts = [text["response_text"] for text in told]
    assert any("<script>" in text for text in texts)
    assert any(text.startswith(("=", "+", "-", "@")) for text in texts)


def test_a_foreign_prompt_is_answered_from_its_own_words() -> None:
    """Entities and topic of somebody else's prompt come back; better models keep more of them."""
    prompt = "can you help me canceling purchase 00004587345 for Seattle?"
    text = answers.conversation_answer(FLAWLESS, prompt, seeded(1))["response_text"]
    assert all(word in text for word in ("00004587345", "Seattle", "order details"))
    poor = replace(FLAWLESS, fact_recall=0.2)
    assert len(answers.conversation_answer(poor, prompt, seeded(1))["response_text"]) < len(text)


def test_the_world_knows_nothing_of_its_server() -> None:
    """The server takes what `world` offers and the seeded draws; the world takes nothing of the server."""
    room = Path(offline.__file__).parent
    lines = {
        name: [line for path in (room / name).glob("*.py") for line in path.read_text().splitlines()]
        for name in ("world", "server")
    }
    assert not [line for line in lines["world"] if "import" in line and "server" in line]
    taken = {line.split(" import ")[0] for line in lines["server"] if line.startswith("from ..world")}
    assert taken == {"from ..world", "from ..world.seeded"}
