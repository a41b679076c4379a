"""01: what an answer must do, drafted by an agent for cases that bring no requirements.

Of a json case only its long free texts get any, as of a conversation its text: field_accuracy holds the rest
exactly, and hardly sees one word more in these.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pandas as pd

from ..agent import Agent, Item, Reply, Tool, object_of, system_prompt
from ..domain import TestCase, as_text, read_requirements
from ..llm.catalog import default_model
from ..llm.client import Client
from ..llm.progress import say
from ..metrics.fields import long_texts
from ..run.rows import without_must
from ..wording import count, listed, number
from . import DRAFTED

DRAFT = Tool(
    "draft_requirements", "Hand in what an answer must and must not do.", object_of(requirements=DRAFTED)
)


async def draft(cases: pd.DataFrame, client: Client, model: str = "", *, wanted: bool = True) -> pd.DataFrame:
    """`cases` with requirements for the usable ones that have none and text for them, at one call each.

    `draft` says what became of a case: "" where none was drafted, drafted, or "failed: …" where no draft
    could be had: then the case stays without requirements. Not `wanted`: nothing is asked.
    """
    chosen = _bare(cases) & wanted
    if chosen.any() and client.estimates([_work(cases[chosen], client, model)])[0].missing:
        say(drafting_in_words(cases, client, model))
    return await _drafted(cases, chosen, client, model)


def redrafter(client: Client, model: str = "") -> Callable[[pd.DataFrame], Awaitable[pd.DataFrame]]:
    """A function that has drafts written once more: cases with `reason` in, the same with new ones out."""

    async def redraft(rejected: pd.DataFrame) -> pd.DataFrame:
        return await _drafted(rejected, rejected["reason"] != "", client, model)

    return redraft


def drafting_in_words(cases: pd.DataFrame, client: Client, model: str = "", *, wanted: bool = True) -> str:
    """How many cases bring no requirements, and what drafting them costs; asks nothing."""
    is_bare = _bare(cases)
    left = without_must(cases[~is_bare] if wanted else cases)
    kinds = cases.loc[is_bare, "test_case"].value_counts()
    some = listed(count(kinds[kind], *names) for kind, names in _NAMES.items() if kind in kinds)
    if not some:
        said = "Nothing is drafted: no case was brought that lacks requirements and has a text to carry them."
    elif not wanted:
        said = f"{some} without requirements; none are drafted, so no judge can say what answers to them do."
    else:
        work = _work(cases[is_bare], client, model)
        asked = client.estimates([work])[0]
        price = "at an unknown price" if asked.cost_usd is None else f"about USD {number(asked.cost_usd, 4)}"
        said = f"{some} without requirements: {count(asked.missing, 'call')} to {work[0].model}, {price}."
    return f"{said} {left}".rstrip()


def requirements_table(cases: pd.DataFrame) -> pd.DataFrame:
    """A row for each requirement of the usable cases: id of the case, requirement, kind, value and so on."""
    cells = cases.loc[cases["problem"] == "", ["id", "requirements"]].itertuples(index=False)
    rows = [
        one | {"id": id, "requirement": one["id"]} for id, cell in cells for one in json.loads(cell or "[]")
    ]
    return pd.DataFrame(rows, columns=["id", "requirement", "kind", "weight", "value", "text"])


_NAMES = {"conversation": ("conversation",), "json": ("record with long texts", "records with long texts")}


def _bare(cases: pd.DataFrame) -> pd.Series:
    bare = cases[(cases["problem"] == "") & (cases["requirements"] == "")]
    return pd.Series(cases.index.isin([at for at, row in bare.iterrows() if _to_cover(row)]), cases.index)


def _to_cover(row: Mapping[str, Any]) -> Any:
    """What the requirements of a case are drafted from: its golden text, of a record its long texts."""
    return row["golden_response"] if row["test_case"] != "json" else long_texts(TestCase.from_row(row))


async def _drafted(cases: pd.DataFrame, chosen: pd.Series, client: Client, model: str) -> pd.DataFrame:
    some = cases[chosen.astype(bool)]
    if not len(some):
        return cases
    async with client:
        replies = await client.map(*_work(some, client, model), "draft")
    made = cases.assign(draft=cases.get("draft", ""))
    made.loc[some.index, ["requirements", "draft"]] = [_cells(reply) for reply in replies]
    return made


def _work(cases: pd.DataFrame, client: Client, model: str) -> tuple[Agent, list[Item]]:
    model, prompt = model or default_model(client.name, "generator"), system_prompt("draft_requirements")
    agent = Agent("requirements_drafter", model, prompt, DRAFT, temperature=0.2, max_tokens=2000)
    return agent, [_item(row) for row in cases.to_dict("records")]


def _item(row: Mapping[str, Any]) -> Item:
    message = {"id": row["id"], "prompt": row["prompt"], "golden_response": _to_cover(row)}
    if row.get("reason"):
        message["rejected"] = {name: row[name] for name in ("requirements", "reason")}
    return Item(
        str(row["id"]), json.dumps(message, ensure_ascii=False), attempt=2 if row.get("reason") else 1
    )


def _cells(reply: Reply) -> tuple[str, str]:
    """The drafted requirements as a cell, numbered in their order, and what became of the draft."""
    if reply.arguments is None:
        return "", f"failed: {reply.error}"
    try:
        found = read_requirements(as_text(reply.arguments["requirements"]))
    except ValueError as error:
        return "", f"failed: {error}"
    return as_text([one.record() for one in found]), "drafted"
