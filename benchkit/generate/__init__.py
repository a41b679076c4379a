"""01: agents write test cases by tool call, each with the reference answer that it will be scored against."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from itertools import chain
from typing import Any

import pandas as pd

from ..agent import Agent, Item, Reply, Tool, object_of, system_prompt
from ..domain import CATEGORIES, FEWEST, KINDS, MOST, TestCase, as_text
from ..errors import InputError
from ..llm.catalog import default_model
from ..llm.client import Client
from ..log import setup_logging
from ..values import Generate
from ..wording import count, listed

logger = setup_logging(__name__)
TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
MINUTES: dict[str, Any] = {"type": "number", "minimum": 0}
# The record that a json case asks for unless somebody brings cases with a schema of their own.
CUSTOMER_INTERACTION = object_of(
    interaction_id={"type": "string", "pattern": "^INT-[0-9A-Z]+$"},
    timestamp={"type": "string", "format": "date-time"},
    customer=object_of(
        id=TEXT,
        segment={"enum": ["consumer", "small_business", "enterprise"]},
        priority_level={"enum": ["low", "medium", "high", "urgent"]},
    ),
    interaction=object_of(
        type={"enum": ["chat", "email", "phone"]},
        summary=TEXT,
        category={"enum": list(CATEGORIES)},
        resolution_status={"enum": ["open", "pending", "resolved", "escalated"]},
        next_steps={"type": "array", "items": TEXT, "minItems": 1, "maxItems": 5, "x-ordered": True},
    ),
    metrics=object_of(
        response_time=MINUTES,
        satisfaction_score={"type": "integer", "minimum": 1, "maximum": 5},
        resolution_time=MINUTES,
    ),
) | {"title": "customer_interaction"}

_REQUIREMENT: dict[str, dict[str, Any]] = {
    "text": TEXT,
    "kind": {"enum": ["must", "must_not"]},
    "weight": {"type": "integer", "minimum": 1, "maximum": 3},
    "value": {"type": "string"},
}
REQUIREMENTS: dict[str, Any] = {
    "type": "array",
    "items": object_of(id=TEXT, **_REQUIREMENT),
    "minItems": FEWEST,
    "maxItems": MOST,
}
# Of a draft: numbered by us, and a short golden answer may do a single thing.
DRAFTED = REQUIREMENTS | {"items": object_of(**_REQUIREMENT), "minItems": 1}


def _generator_tool(kind: str) -> Tool:
    fields = {"id": TEXT, "prompt": TEXT, "golden_response": TEXT, "test_case": {"type": "string"}}
    fields |= {"golden_response": {"type": "object"}} if kind == "json" else {"requirements": REQUIREMENTS}
    return Tool(f"generate_{kind}_test", f"Hand in one {kind} test case.", object_of(**fields))


def generator(kind: str, model: str) -> Agent:
    """The agent that writes cases of `kind`."""
    prompt = system_prompt(f"generate_{kind}")
    return Agent(f"{kind}_generator", model, prompt, _generator_tool(kind), temperature=0.8, max_tokens=3000)


def plan_cases(settings: Generate) -> pd.DataFrame:
    """The cases to generate: id, test_case, category; the categories take turns. None with a `cases_file`."""
    categories = settings.categories or CATEGORIES
    counts = {
        "json": 0 if settings.enable_json_tests is False else settings.json_cases,
        "conversation": 0 if settings.enable_conversation_tests is False else settings.conversation_cases,
    }
    rows = [
        {"id": f"{kind}-{at + 1:03d}", "test_case": kind, "category": categories[at % len(categories)]}
        for kind, count in counts.items()
        for at in range(0 if settings.cases_file else count or 0)
    ]
    return pd.DataFrame(rows, columns=["id", "test_case", "category"])


async def generate(plan: pd.DataFrame, client: Client, model: str = "") -> pd.DataFrame:
    """Ask the generators for every planned case; one that could not be had keeps its row, with the reason."""
    orders = [dict(row) | {"attempt": 1, "parent_id": ""} for row in plan.to_dict("records")]
    return _table(await _write(orders, client, model, "generate") if orders else [])


def rewriter(client: Client, model: str = "") -> Callable[[pd.DataFrame], Awaitable[pd.DataFrame]]:
    """A function that has rejected cases written anew: rejected rows with `reason` in, new attempts out."""

    async def rewrite(rejected: pd.DataFrame) -> pd.DataFrame:
        orders = list(map(_reorder, rejected.to_dict("records")))
        return _table(await _write(orders, client, model, "rewrite"))

    return rewrite


def _reorder(row: Mapping[str, Any]) -> dict[str, Any]:
    attempt = int(row["attempt"]) + 1
    root = str(row["id"]).removesuffix(f".{attempt - 1}")
    shown = ("prompt", "golden_response", "requirements", "reason")
    fault = {key: row[key] for key in shown if row[key]}
    kept = {key: row[key] for key in ("test_case", "category")}
    return {"id": f"{root}.{attempt}", **kept, "attempt": attempt, "parent_id": row["id"], "rejected": fault}


async def _write(
    orders: list[dict[str, Any]], client: Client, model: str, label: str
) -> list[dict[str, Any]]:
    """Rows of written cases."""
    model = model or default_model(client.name, "generator")
    by_kind = {kind: [order for order in orders if order["test_case"] == kind] for kind in KINDS}
    by_kind = {kind: some for kind, some in by_kind.items() if some}
    work = [(generator(kind, model), list(map(_item, some))) for kind, some in by_kind.items()]
    async with client:
        replies = await client.map_all(work, label)
    return [_row(*pair) for pair in zip(chain(*by_kind.values()), chain(*replies), strict=True)]


def _item(order: Mapping[str, Any]) -> Item:
    message = {"id": order["id"], "category": order["category"]}
    if order["test_case"] == "json":
        message["response_schema"] = CUSTOMER_INTERACTION
    if "rejected" in order:
        message["rejected"] = order["rejected"]
    return Item(str(order["id"]), json.dumps(message, ensure_ascii=False), attempt=order["attempt"])


def _row(order: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """The ordered id and kind hold, whatever the model repeats: they are how the row is found again."""
    made = reply.arguments or {"prompt": "", "golden_response": reply.text}
    case = TestCase(
        id=order["id"],
        test_case=order["test_case"],
        category=order["category"],
        prompt=made["prompt"],
        golden_response=made["golden_response"],
        response_schema=CUSTOMER_INTERACTION if order["test_case"] == "json" else None,
        attempt=order["attempt"],
        parent_id=order["parent_id"],
    )
    problem = "" if reply.arguments else f"the generator gave no case: {reply.error}"
    # As they came: what is wrong with them is for 02 to say.
    return case.row() | {"requirements": as_text(made.get("requirements", "")), "problem": problem}


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = [*TestCase.__dataclass_fields__, "problem"]
    return pd.DataFrame(rows, columns=columns).sort_values("id", kind="stable", ignore_index=True)


def written_in_words(cases: pd.DataFrame) -> str:
    """How many cases of each kind there are, and how many of them can be used: `10 of 10 json cases …`."""
    usable = cases["problem"] == ""
    kinds = [
        f"{int(usable[rows].sum())} of {count(len(rows), f'{kind} case')}"
        for kind, rows in cases.groupby("test_case", sort=False).groups.items()
    ]
    return f"{listed(kinds)} can be used and go on to be checked." if kinds else "There is no case."


def say_unusable(brought: pd.DataFrame, cases_file: str) -> None:
    """Warn of the rows of `cases_file` that cannot be used. Raises InputError where none can."""
    problems = brought.loc[brought["problem"] != "", "problem"].tolist()
    if not problems:
        return
    used = len(brought) - len(problems)
    why = "; ".join(problems[:3]) + "; …" * (len(problems) > 3)
    said = f"{cases_file}: {used:,} of {count(len(brought), 'row')} can be used ({why})."
    where = "initial_tests.csv has every row with its problem."
    if not used:
        raise InputError(f"{said} {where} Mend the file, then run 01 again.")
    logger.warning("%s %s", said, where)
