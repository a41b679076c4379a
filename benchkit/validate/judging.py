"""The validator: an agent that scores one case at a time, and what its verdicts say of a table of cases."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..agent import Agent, Item, Reply, Tool, object_of, system_prompt
from ..domain import TestCase, Validation
from ..llm.catalog import default_model
from ..llm.client import Client

_SCORE: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 5}
VALIDATE = Tool(
    "validate_test_case",
    "Hand in the verdict on one test case.",
    object_of(
        id={"type": "string"},
        prompt_quality_score=_SCORE,
        response_quality_score=_SCORE,
        message={"type": "string"},
    ),
)


def validator(model: str) -> Agent:
    return Agent("validator", model, system_prompt("validate"), VALIDATE, temperature=0.0, max_tokens=1500)


async def judged(
    cases: pd.DataFrame, client: Client, model: str, threshold: float, on_record_as: Sequence[str] = ()
) -> pd.DataFrame:
    """The cases with the validator's scores and message, and `reason`: why it turns one down, or "".

    `on_record_as` names the cases in the journal where another case has been judged under their id.
    """
    agent = validator(model or default_model(client.name, "validator"))
    items = [
        Item(name, _message(row), attempt=row["attempt"])
        for name, row in zip(on_record_as or list(cases["id"]), cases.to_dict("records"), strict=True)
    ]
    replies = []
    if items:
        async with client:
            replies = await client.map(agent, items, "validate")
    verdicts = [_verdict(*pair) for pair in zip(items, replies, strict=True)]
    return cases.assign(
        prompt_quality_score=[v.prompt_quality_score if v else math.nan for v in verdicts],
        response_quality_score=[v.response_quality_score if v else math.nan for v in verdicts],
        validation_message=[v.message if v else "" for v in verdicts],
        validation_timestamp=[v.timestamp if v else "" for v in verdicts],
        reason=[_reason(*pair, threshold) for pair in zip(verdicts, replies, strict=True)],
    )


def _message(row: Mapping[str, Any]) -> str:
    case = TestCase.from_row(row)
    shown = {
        name: getattr(case, name) for name in ("id", "test_case", "category", "prompt", "golden_response")
    }
    if case.response_schema:
        shown["response_schema"] = case.response_schema
    return json.dumps(shown, ensure_ascii=False)


def _verdict(item: Item, reply: Reply) -> Validation | None:
    said = reply.arguments
    if said is None:
        return None
    scores = (float(said["prompt_quality_score"]), float(said["response_quality_score"]))
    if not all(map(math.isfinite, scores)):
        return None  # JSON as Python reads it may hold NaN, and no schema forbids it
    return Validation(item.case, *scores, str(said["message"]), reply.timestamp)


def _reason(verdict: Validation | None, reply: Reply, threshold: float) -> str:
    """Why a case is turned down, or "". Without a verdict it is neither good nor bad: it cannot be used."""
    if verdict is None:
        return f"no verdict: {reply.error or 'a score is not a number'}"
    if verdict.accepts(threshold):
        return ""
    low = "prompt" if verdict.prompt_quality_score <= verdict.response_quality_score else "response"
    score = min(verdict.prompt_quality_score, verdict.response_quality_score)
    return f"{low} quality: {score:g} of 5, {threshold:g} needed. {verdict.message}"
