"""The simulated validator: it knows the truth of its own world, judges others by what it sees, and errs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from random import Random
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError

from ...domain import CATEGORIES, UNSPACED, as_text
from ...jsontext import json_path
from . import reading
from .models import SimulatedModel
from .scenarios import REFERENCE, Scenario, leaves, recognised, said, stated

# What has to be exact in a text: references, amounts, times, dates and other words with digits.
EXACT = re.compile(r"[A-Z]+-[0-9A-Z]{4,}|\$\d[\d.,]*\d|\d{1,2} [A-Z][a-z]+ \d{4}|\b[A-Z]*-?\d[\w:-]*")
FEW, TOPIC = 8, 0.15  # keywords of a prompt, and the share of them that an answer takes up
DOUBTS = (
    "The tone of the reference answer is not warm enough.",
    "The prompt could be read in two ways.",
    "The reference answer leaves the customer's mood aside.",
)


def validate(model: SimulatedModel, case: Mapping[str, Any], random: Random) -> dict[str, Any]:
    """Arguments of `validate_test_case`: 4 or 5 for what seems good, 1 to 3 and the fault for the rest."""
    prompt_fault, golden_fault = faults(case)
    if (prompt_fault or golden_fault) and random.random() < model.critic_misses:
        prompt_fault = golden_fault = ""
    elif not (prompt_fault or golden_fault) and random.random() < model.critic_false_alarms:
        golden_fault = random.choice(DOUBTS)
    return {
        "id": str(case.get("id", "")),
        "prompt_quality_score": _score(prompt_fault, random),
        "response_quality_score": _score(golden_fault, random),
        "message": " ".join(filter(None, (prompt_fault, golden_fault))) or "Clear, complete and consistent.",
    }


def _score(fault: str, random: Random) -> int:
    return random.choice((1, 2, 2, 3)) if fault else random.choice((4, 5, 5))


def faults(case: Mapping[str, Any]) -> tuple[str, str]:
    """(fault of the prompt, fault of the golden answer), each "" where there is none: the plain truth."""
    prompt, golden = str(case.get("prompt") or ""), case.get("golden_response")
    known = recognised(prompt)
    if not known:
        return _foreign(prompt, golden, case.get("response_schema"))
    lacking = [name for name, text in known.facts.items() if not stated(text, prompt)]
    prompt_fault = f"The prompt does not state {', '.join(lacking[:3])}." if lacking else ""
    if case.get("category") in CATEGORIES and case["category"] != known.category:
        prompt_fault += f" It belongs to {known.category}, not {case['category']}."
    if isinstance(known.golden, dict):
        return prompt_fault.strip(), _record_fault(known, golden, case.get("response_schema"))
    return prompt_fault.strip(), _text_fault(known, golden)


def _record_fault(known: Scenario, golden: Any, schema: Any) -> str:
    if not isinstance(golden, Mapping):
        return "The golden answer is not a JSON object."
    if golden.get("interaction_id") != known.reference and REFERENCE.search(
        said(golden.get("interaction_id"))
    ):
        return f"The golden answer is about {golden['interaction_id']}, the prompt about {known.reference}."
    told = {path: said(value) for path, value in leaves(dict(golden))}
    differing = [path for path, text in known.facts.items() if told.get(path) != text]
    if differing:
        path = differing[0]
        has, should = told.get(path, "nothing"), known.facts[path]
        return f"At {path} the golden answer has {has!r}; it should be {should!r}."
    return schema_fault(golden, schema)


def _text_fault(known: Scenario, golden: Any) -> str:
    text = as_text(golden)
    other = REFERENCE.search(text)
    if other and other[0] != known.reference:
        return f"The golden answer is about {other[0]}, the prompt about {known.reference}."
    wrong = [exact for exact in EXACT.findall(text) if exact not in known.golden]
    if wrong:
        return f"The golden answer states {wrong[0]}, which is not in the prompt."
    lacking = [name for name, fact in known.facts.items() if not stated(fact, text)]
    return f"The golden answer lacks {', '.join(lacking[:3])}." if lacking else ""


def _foreign(prompt: str, golden: Any, schema: Any) -> tuple[str, str]:
    """What can be seen of a case that somebody brought."""
    prompt_fault = "The prompt is too short to act on." if _words(prompt) < 3 else ""
    if isinstance(golden, Mapping):
        return prompt_fault, schema_fault(golden, schema) or _unstated(prompt, golden)
    text = as_text(golden)
    if _words(text) < 5:
        return prompt_fault, "The golden answer is too short to be useful."
    if hole := re.search(r"\{\{.*?\}\}|\[(?:name|date|number|company)[^\]]*\]", text, re.IGNORECASE):
        return prompt_fault, f"The golden answer still has the placeholder {hole[0]}."
    return prompt_fault, _off_topic(prompt, text)


def _words(text: str) -> float:
    """How many words a text has; where nothing stands between words, two letters count as one."""
    spaced, letters = re.subn(f"[{UNSPACED}]", " ", text)
    return len(spaced.split()) + letters / 2


def _off_topic(prompt: str, text: str) -> str:
    """Only a prompt of some words lets one expect them again; those of unspaced scripts cannot be told."""
    words, lowered = reading.keywords(prompt), text.lower()
    shared = sum(word.lower()[:5] in lowered for word in words)
    far = len(words) >= FEW and shared < TOPIC * len(words)
    return "The golden answer hardly touches the prompt." if far else ""


def _unstated(prompt: str, golden: Mapping[str, Any]) -> str:
    """Values with digits must stand in the prompt; wordings may differ."""
    exact = [(path, said(v)) for path, v in leaves(dict(golden)) if any(c.isdigit() for c in said(v))]
    missing = [path for path, text in exact if text not in prompt]
    return f"The prompt does not state the value of {missing[0]}." if missing else ""


def schema_fault(golden: Mapping[str, Any], schema: Any) -> str:
    """Where the golden answer breaks its schema, or ""; a schema that is none is a fault too."""
    if not isinstance(schema, Mapping):
        return ""
    try:
        error = next(iter(_validator(as_text(schema)).iter_errors(golden)), None)
    except ValidationError as wrong:
        return f"The response schema is no JSON Schema: {wrong.message[:120]}."
    if error is None:
        return ""
    return f"The golden answer breaks its schema at {json_path(error.instance_path)}: {error.message[:120]}."


@lru_cache(maxsize=256)
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema), validate_formats=True, offline=True)
