"""What a model under test says: the scenario's facts as far as its quality and the prompt allow."""

from __future__ import annotations

import copy
import json
import random as random_module
import re
from collections.abc import Mapping
from typing import Any

from benchkit.offline import reading, schemas
from benchkit.offline.chance import case_quality, digest
from benchkit.offline.models import SimulatedModel
from benchkit.offline.scenarios import (
    ALPHABET,
    ENUMS,
    RECORD_KEYS,
    REFERENCE,
    Scenario,
    leaves,
    recognised,
    visible,
    world,
)

Random = random_module.Random
FILLERS = (
    "We value your patience.",
    "Our team is looking into it.",
    "Please let us know if anything is unclear.",
    "We will be in touch.",
    "Thank you for your understanding.",
)
MARKUP = (
    "<script>document.title='planted'</script>",
    "<img src=x onerror=\"document.title='planted'\">",
    "<b onmouseover=alert(1)>bold</b>",
    "\x00\x07\x1b[31mred\x1b[0m",
    "\u202egnirts desrever\u202c",
    "[link](javascript:alert(1))",
)
FORMULAS = ('=HYPERLINK("http://example.invalid","x") ', "+1+1 ", "-2+3 ", "@SUM(A1) ", "=cmd|' /C calc'!A0 ")


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
    return _marked(answer, random) if random.random() < model.markup else answer


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
    return _marked(record, random) if random.random() < model.markup else record


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
    topics = world()["advice"]
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
    def see(path: str, part: schemas.Schema) -> Any:
        value = reading.see(prompt, path, part)
        return value if random.random() < quality else schemas.UNSEEN

    record = schemas.instance(schema, random, see)
    return record if isinstance(record, dict) else {"value": record}


def put(record: Any, path: str, value: Any) -> None:
    """Set the leaf at a dotted path."""
    *parents, last = path.split(".")
    for step in parents:
        record = record[int(step)] if isinstance(record, list) else record[step]
    record[int(last) if isinstance(record, list) else last] = value


def wrong(value: Any, random: Random, members: tuple[str, ...] | None = None, category: str = "") -> Any:
    """A plausible value of the same type that is not `value`."""
    if members:
        return random.choice([member for member in members if member != value])
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return (
            random.choice([n for n in range(1, 6) if n != value])
            if 1 <= value <= 5
            else value + random.choice((-7, 10, 30))
        )
    if isinstance(value, float):
        return value + random.choice((-3, 4.5, 10))
    text = str(value)
    if REFERENCE.fullmatch(text):
        return text[:-1] + random.choice([char for char in ALPHABET if char != text[-1]])
    digits = [at for at, char in enumerate(text) if char.isdigit()]
    if digits:
        # Of a time the minute, else the last digit but one: what is changed stays well formed.
        at = text.index("T") + 5 if re.match(reading.FORMATS["date-time"], text) else digits[-2:][0]
        return text[:at] + random.choice([d for d in "123456789" if d != text[at]]) + text[at + 1 :]
    return _other_words(text, random, category)


def _other_words(text: str, random: Random, category: str) -> str:
    situations = world()["situations"]
    pool = situations.get(category) or situations[random.choice(list(situations))]
    others = [step for situation in pool for step in (situation["label"], *situation["steps"])]
    return random.choice([other for other in others if other not in text])


def violate(record: dict[str, Any], random: Random) -> None:
    """Break the record's schema in one place: a field less, a number as text, an invented enum member."""
    places = [path for path, _ in leaves(record)]
    if not places:
        return
    path = random.choice([p for p in places if not p.split(".")[-1].isdigit()] or places)
    how = random.choice(("drop", "text", "invent"))
    value = dict(leaves(record))[path]
    if how == "drop":
        _drop(record, path)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        put(record, path, f"about {value}")
    else:
        put(record, path, 0 if how == "text" else None)


def _drop(record: Any, path: str) -> None:
    *parents, last = path.split(".")
    for step in parents:
        record = record[int(step)] if isinstance(record, list) else record[step]
    del record[int(last) if isinstance(record, list) else last]


def _marked(value: Any, random: Random) -> Any:
    """Every text with markup, control characters or a formula in it; enums and ids are spared no more."""
    if isinstance(value, dict):
        return {key: _marked(item, random) for key, item in value.items()}
    if isinstance(value, list):
        return [_marked(item, random) for item in value]
    if not isinstance(value, str) or re.fullmatch(r"[\w:.-]+", value):
        return value
    return random.choice(("", random.choice(FORMULAS))) + value + random.choice(MARKUP)


def raw(arguments: Any) -> str:
    """Tool arguments as the API carries them."""
    return json.dumps(arguments, ensure_ascii=False)
