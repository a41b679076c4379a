"""03: every model answers every accepted case in every round, and sees nothing but the prompt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .agent import Agent, Item, Reply, Tool, system_prompt
from .domain import Response, TestCase
from .errors import InputError, UsageError
from .llm.catalog import default_models, known

if TYPE_CHECKING:
    import pandas as pd

    from .llm.client import Client

PROCESS = Tool(
    "process_customer_response",
    "Hand in the reply to the customer.",
    {
        "type": "object",
        "properties": {
            "response_text": {"type": "string"},
            "response_type": {"type": "string", "enum": ["answer", "clarification", "solution"]},
            "next_steps": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["response_text", "response_type", "next_steps"],
        "additionalProperties": False,
    },
)
_DECLINES = re.compile(
    r"^\W*(?:i(?:'|’)?m sorry,? but i|i(?:'m| am) (?:unable|not able)|i (?:can(?:no|')t|can’t|won't|will not)"
    r"|sorry,? (?:but )?i can(?:no|')t) (?:can(?:no|')t |can’t |to )?"
    r"(?:help|assist|comply|fulfil|answer|provide|process|do that|discuss)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Plan:
    """Who answers what, what is on record already, and what the rest may cost."""

    work: list[tuple[Agent, list[Item]]]
    cases: list[TestCase]
    table: pd.DataFrame

    def _repr_html_(self) -> str:
        return self.table.to_html(index=False, na_rep="unknown", float_format="{:.4g}".format)

    def __repr__(self) -> str:
        return self.table.to_string(index=False, na_rep="unknown")

    @property
    def models(self) -> list[str]:
        return list(dict.fromkeys(agent.model for agent, _ in self.work))


def executor(kind: str, model: str, temperature: float) -> Agent:
    """A model under test. Not strict: what it sends is its answer."""
    prompt = system_prompt(f"execute_{kind}")
    return Agent(f"{kind}_executor", model, prompt, PROCESS, temperature, max_tokens=2048, strict=False)


def plan_execution(
    client: Client, cases: pd.DataFrame, models: Sequence[str] = (), rounds: int = 3, temperature: float = 0.7
) -> Plan:
    """Every case to every model in every round; empty `models`: the provider's pair.

    Raises UsageError for fewer than two models, a model named twice, or rounds or temperature out of
    range, and InputError for no cases. Nothing is asked.
    """
    import pandas as pd

    models = list(models) or default_models(client.name)
    _check_parameters(models, rounds, temperature)
    if not len(cases):
        raise InputError("validated_tests.csv holds no accepted case. Run 02_validate.ipynb until some are.")
    tests = [TestCase.from_row(row) for row in cases.to_dict("records")]
    work = [
        (executor(kind, model, temperature), [_item(test, i + 1) for i in range(rounds) for test in some])
        for model in models
        for kind in ("json", "conversation")
        if (some := [test for test in tests if test.test_case == kind])
    ]
    rows = [
        _row(agent, items, done) for (agent, items), done in zip(work, client.recorded(work), strict=True)
    ]
    return Plan(work, tests, pd.DataFrame(rows))


async def execute(plan: Plan, client: Client) -> pd.DataFrame:
    """All calls of all models at once; one row per case, round and model, whatever became of the call."""
    import pandas as pd

    async with client:
        replies = await client.map_all(plan.work, "answer")
    tests = {test.id: test for test in plan.cases}
    rows = [
        response_from(tests[item.case], agent.model, item.round, reply)
        for (agent, items), some in zip(plan.work, replies, strict=True)
        for item, reply in zip(items, some, strict=True)
    ]
    table = pd.DataFrame([{f: getattr(row, f) for f in Response.__dataclass_fields__} for row in rows])
    table["category"] = [tests[id].category for id in table["id"]]
    numbers = {"prompt_tokens": "Int64", "completion_tokens": "Int64", "latency_s": float, "queue_s": float}
    return table.astype(numbers | {"cost_usd": float})


def response_from(test: TestCase, model: str, round: int, reply: Reply) -> Response:
    """A reply as a response: what was answered, in the model's own words where it cannot be used."""
    status, error = _status(test, reply)
    return Response(
        id=test.id,
        prompt=test.prompt,
        test_case=test.test_case,
        model=model,
        round=round,
        model_response=reply.text,
        status=status,
        error=error,
        timestamp=reply.timestamp,
        latency_s=reply.latency_s,
        queue_s=reply.queue_s,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        cost_usd=reply.cost_usd,
    )


def _status(test: TestCase, reply: Reply) -> tuple[str, str]:
    if reply.status == "failed":
        return "failed", reply.error
    if reply.arguments is None:
        return ("refused" if declines(reply.text) else "malformed"), reply.error
    if test.test_case == "json":
        return "answered", ""
    said = reply.arguments.get("response_text")
    if not isinstance(said, str) or not said.strip():
        return "malformed", "no response_text in the tool's arguments"
    return ("refused", "the model declined") if declines(said) else ("answered", "")


def declines(text: str) -> bool:
    """Whether a text opens by declining to help, as models word it."""
    return bool(_DECLINES.match(text.strip()))


def _item(test: TestCase, round: int) -> Item:
    """Built from the prompt and the schema alone: golden data has no way into a call."""
    tool = None
    if test.test_case == "json":
        tool = Tool(PROCESS.name, "Hand in the record of the interaction.", test.response_schema or {})
    return Item(test.id, test.prompt, round, tool=tool)


def _row(agent: Agent, items: list[Item], done: dict[str, Reply]) -> dict[str, Any]:
    price, missing = known(agent.model), len(items) - len(done)
    prompt = sum(len(item.content) + len(agent.system_prompt) for item in items) / len(items) / 4 + 150
    seen = [reply.completion_tokens for reply in done.values() if reply.completion_tokens]
    answer = sum(seen) / len(seen) if seen else 200.0
    cost = price.cost_usd(int(prompt * missing), int(answer * missing))
    return {
        "model": agent.model,
        "agent": agent.role,
        "planned": len(items),
        "on record": len(done),
        "to ask": missing,
        "tokens (estimate)": round((prompt + answer) * missing),
        "cost_usd (estimate)": cost,
    }


def _check_parameters(models: Sequence[str], rounds: int, temperature: float) -> None:
    if isinstance(models, str) or not all(isinstance(model, str) and model.strip() for model in models):
        raise UsageError(f"models = {models!r} is not usable. Give a list of two or more model ids.")
    if len(models) < 2:
        raise UsageError(f"models = {list(models)!r}: a comparison needs two or more models.")
    twice = sorted({model for model in models if models.count(model) > 1})
    if twice:
        raise UsageError(f"models names {', '.join(twice)} twice. Name each model once.")
    if isinstance(rounds, bool) or not isinstance(rounds, int) or not 1 <= rounds <= 1000:
        raise UsageError(f"rounds = {rounds!r} is not usable. Use a whole number from 1 to 1000.")
    if isinstance(temperature, bool) or not 0 <= temperature <= 2:
        raise UsageError(f"temperature = {temperature!r} is not usable. Use 0 to 2.")
