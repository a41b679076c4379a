"""What a model under test says: the scenario's facts as far as its quality and the prompt allow."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from random import Random
from typing import Any

from . import foreign, reading
from .mistakes import marked, put, violate, wrong
from .models import SimulatedModel
from .scenarios import ENUMS, RECORD_KEYS, Scenario, leaves, recognised, visible, vocabulary
from .seeded import case_quality, digest

FILLERS = (
    "We value your patience.",
    "Our team is looking into it.",
    "Please let us know if anything is unclear.",
    "We will be in touch.",
    "Thank you for your understanding.",
)


def conversation_answer(model: SimulatedModel, prompt: str, random: Random) -> dict[str, Any]:
    """Arguments of `process_customer_response`."""
    known = recognised(prompt)
    if known and known.kind == "conversation":
        told, steps = _from_scenario(known, visible(prompt), model, _recall(model, prompt), random)
    else:
        told, steps = _from_text(prompt, _recall(model, prompt), model.phrasing, random)
    text = " ".join(told) or random.choice(FILLERS)
    kind = "solution" if steps else random.choice(("answer", "clarification"))
    answer = {"response_text": text, "response_type": kind, "next_steps": steps}
    return marked(answer, random) if random.random() < model.markup else answer


def record_answer(
    model: SimulatedModel, prompt: str, schema: Mapping[str, Any], random: Random
) -> dict[str, Any]:
    """A record under the case's schema: each field that the prompt states is right with `field_accuracy`."""
    quality = case_quality(model.field_accuracy, model.id, digest(prompt), "fields")
    known = recognised(prompt)
    if known and known.kind == "json" and set(schema.get("properties") or ()) == RECORD_KEYS:
        record = _record(known, visible(prompt), quality, random)
    else:
        record = _foreign_record(prompt, schema, quality, random)
    if random.random() < model.schema_violation:
        violate(record, random)
    if random.random() < model.extra_fields:
        record[random.choice(("confidence", "notes", "internal_comment"))] = random.choice((0.9, "n/a", None))
    return marked(record, random) if random.random() < model.markup else record


def _recall(model: SimulatedModel, prompt: str) -> float:
    return case_quality(model.fact_recall, model.id, digest(prompt), "facts")


def _from_scenario(
    known: Scenario, facts: frozenset[str], model: SimulatedModel, recall: float, random: Random
) -> tuple[list[str], list[str]]:
    """(sentences, next steps)."""
    told: list[str] = []
    steps: list[str] = []
    for sentence in known.sentences:
        kept, worded = random.random() < recall, random.random() < model.phrasing
        if kept and facts.issuperset(sentence.facts):
            told.append(sentence.golden if worded else sentence.otherwise)
            steps += [known.facts[name] for name in sentence.facts if name.startswith("step_")]
        elif random.random() < 0.4:
            told.append(random.choice(FILLERS))
    return told, steps


def _from_text(prompt: str, recall: float, phrasing: float, random: Random) -> tuple[list[str], list[str]]:
    """An answer to somebody else's prompt: its own words echoed, and what a desk usually advises."""
    words = reading.keywords(prompt)
    topic = [word for word in words[:12] if random.random() < recall]
    told = [f"I understand that this is about {', '.join(topic)}." if topic else "I understand your request."]
    advice = [step for step in _advice(prompt) if random.random() < recall]
    steps = [plain if random.random() < phrasing else other for plain, other in advice]
    told += [f"{at}. {step[0].upper()}{step[1:]}." for at, step in enumerate(steps, 1)]
    if random.random() < recall:
        told.append("If anything remains unclear, our support team is happy to help you further.")
    return told, steps


def _advice(prompt: str) -> list[tuple[str, str]]:
    """Generic support steps for a prompt, each in two wordings, by the first topic whose word occurs."""
    lowered = prompt.lower()
    topics = vocabulary()["advice"]
    found = next((name for name in topics if re.search(name, lowered)), "")
    return [(plain, other) for plain, other in topics.get(found, topics["."])]


def _record(known: Scenario, facts: frozenset[str], quality: float, random: Random) -> dict[str, Any]:
    assert isinstance(known.golden, dict)
    record = copy.deepcopy(known.golden)
    for path, value in list(leaves(known.golden)):
        if random.random() >= quality or path not in facts:
            put(record, path, wrong(value, random, ENUMS.get(path), known.category))
    return record


def _foreign_record(prompt: str, schema: Mapping[str, Any], quality: float, random: Random) -> dict[str, Any]:
    def see(path: str, part: foreign.Schema) -> Any:
        value, members = reading.see(prompt, path, part), tuple(part.get("enum") or ())
        if value is foreign.UNSEEN or random.random() < quality:
            return value
        return value if members == (value,) else wrong(value, random, members)

    return foreign.record(schema, see)
