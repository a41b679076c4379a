"""The judge as an agent: what it is shown of an answer, and the tool that takes its verdicts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any

from ..agent import Agent, Item, Tool, sendable, system_prompt
from ..domain import TestCase


@lru_cache(maxsize=1024)
def judge_response(ids: tuple[str, ...]) -> Tool:
    """The tool for a case with requirements of these ids: any other id breaks its schema."""
    verdict: dict[str, Any] = {
        "type": "object",
        "properties": {
            "requirement": {"type": "string", **({"enum": list(ids)} if ids else {})},
            "done": {"type": "boolean"},
            "quote": {"type": "string"},
        },
        "required": ["requirement", "done", "quote"],
        "additionalProperties": False,
    }
    schema = {
        "type": "object",
        "properties": {"verdicts": {"type": "array", "items": verdict}},
        "required": ["verdicts"],
        "additionalProperties": False,
    }
    return Tool("judge_response", "Hand in a verdict for each requirement.", schema)


def judging(model: str) -> Agent:
    """The judge. It reads one answer at a time and does not know whose it is."""
    return Agent("judge", model, system_prompt("judge"), judge_response(()), temperature=0.0, max_tokens=2048)


def judge_item(case: TestCase, answer: str, repeat: int = 1, faults: Sequence[str] = ()) -> Item:
    """An answer to be judged, named by its case and all that is shown: equal answers to it are one call.

    `repeat` numbers independent judgements of the same answer; `faults` are those of an unusable one.
    """
    shown: dict[str, Any] = {"prompt": case.prompt}
    shown["requirements"] = [{"id": r.id, "text": r.text, "kind": r.kind} for r in case.requirements]
    if case.test_case == "json":
        shown["answer_is"] = "a record: each line is a field's path, a colon and its value; quote from values"
    shown["answer"] = answer
    name = sha256(sendable(json.dumps(shown, ensure_ascii=False)).encode()).hexdigest()[:16]
    if faults:
        shown["faults"] = list(faults)
    return Item(
        f"{case.id} {name}",
        json.dumps(shown, ensure_ascii=False),
        round=repeat,
        attempt=2 if faults else 1,
        tool=judge_response(tuple(one.id for one in case.requirements)),
    )
