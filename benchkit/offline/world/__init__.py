"""Who the simulated models are and what they say. All that a server needs: who there is, and `respond`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from . import (
    answers,
    foreign,
    simulated_generator,
    simulated_judge,
    simulated_report_agent,
    simulated_validator,
)
from .mistakes import WAYS, malformed
from .models import ROSTER, STAND_INS, Draft, SimulatedModel, prompted
from .seeded import seeded

Message = Mapping[str, Any]
REPAIR = "Your last reply could not be used:"
REFUSAL = "I'm sorry, but I can't help with that request."
UNDER_TEST = "process_customer_response"


def respond(
    model: SimulatedModel, messages: Sequence[Message], tool: Mapping[str, Any] | None, *seeds: object
) -> Draft:
    """What the model makes of `messages` with `tool` (name, parameters) at hand; without one, text.

    The same seeds, model and tool get the same draft: the seeds are to hold what the messages say.
    """
    if tool is None:
        said = task(messages)[:200]
        return Draft(content=f"This is a simulated model; it answers through tools. You wrote: {said}")
    random, name = seeded("reply", seeds[0], model.id, *seeds[1:]), str(tool.get("name", ""))
    if name == UNDER_TEST:
        system = [text_of(message) for message in messages if message.get("role") == "system"]
        model = prompted(model, "\n".join(system))
    arguments = _arguments(model, name, tool.get("parameters") or {}, task(messages), random)
    if random.random() < model.refusal and name == UNDER_TEST:
        if "response_text" not in arguments or random.random() >= 0.5:
            return Draft(content=REFUSAL)
        return Draft(name, _raw(arguments | {"response_text": REFUSAL, "next_steps": []}))
    if random.random() < model.broken_json:
        return malformed(random.choice(WAYS), name, arguments, random)
    return Draft(name, _raw(arguments))


def task(messages: Sequence[Message]) -> str:
    """The last user message that is no request to repair a reply."""
    told = [text_of(message) for message in messages if message.get("role") == "user"]
    return next((text for text in reversed(told) if not text.startswith(REPAIR)), "")


def text_of(message: Message) -> str:
    """A message's text, whether it came as a string or in parts."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""


def _arguments(
    model: SimulatedModel, name: str, parameters: Mapping[str, Any], said: str, random: Random
) -> dict[str, Any]:
    """What the role of a tool answers; to a tool that is not known, a record that fits its schema."""
    if name == UNDER_TEST and "response_text" in (parameters.get("properties") or ()):
        return answers.conversation_answer(model, said, random)
    if name == UNDER_TEST:
        return answers.record_answer(model, said, parameters, random)
    order = _json_object(said)
    if name in ("generate_json_test", "generate_conversation_test"):
        return simulated_generator.write(model, order, name.split("_")[1], random)
    if name == "draft_requirements":
        return simulated_generator.draft(model, order, random)
    if name == "validate_test_case":
        return simulated_validator.validate(model, order, random)
    if name == "judge_response":
        return simulated_judge.judge(model, order, random)
    if name == "write_commentary":
        return simulated_report_agent.write(order)
    return foreign.record(parameters)


def _json_object(text: str) -> dict[str, Any]:
    try:
        loaded = json.loads(text)
    except json.JSONDecodeError:
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _raw(arguments: Any) -> str:
    """Tool arguments as the API carries them."""
    return json.dumps(arguments, ensure_ascii=False)
