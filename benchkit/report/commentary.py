"""The commentary: the report agent chooses which facts matter and in which order; it writes no word."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..agent import Agent, Item, Tool, object_of, system_prompt
from ..llm.catalog import default_model
from ..llm.client import Client
from ..wording import count
from .facts import Fact, facts
from .markdown import escaped, safe
from .otherwise import next_steps

MOST_CHARACTERS = 15_000  # of the facts: with schema and reply below a free plan's 8,000 tokens a minute
MOST_TOKENS = 1_024  # of the reply, which holds ids only
MOST_PASSAGES, MOST_FACTS = 5, 8
TOPICS = {  # the heading of a passage
    "decision": "What the decision rests on",
    "warning": "What weakens it",
    "contender": "Who is in the running",
    "comparison": "Where the models differ",
    "control": "Whether the metrics can tell",
    "sensitivity": "What would change it",
    "cost": "Cost and speed",
    "delivery": "What was delivered",
    "coverage": "What was scored",
    "rounds": "Asking again",
    "validator": "The test cases",
    "judge": "The judge",
}


@dataclass(frozen=True)
class Commentary:
    """What the agent chose: passages of fact ids, each under a topic, and the next step."""

    model: str = ""
    passages: list[dict[str, Any]] = field(default_factory=list)
    next_step: str = ""
    offered: int = 0  # facts that the agent could choose from
    left_out: int = 0  # facts that did not fit into its prompt
    note: str = ""  # why there is none, where that is so

    def record(self) -> dict[str, Any]:
        """What commentary.json holds."""
        return asdict(self)


async def comment(report: Mapping[str, Any], client: Client, model: str = "") -> Commentary:
    """Have the report agent choose. An imported run without a `model` gets no commentary, and says so."""
    if client.name == "imported" and not model:
        return Commentary(note="This run was brought from elsewhere and no report_model was named.")
    model = model or default_model(client.name, "report")
    every, steps = beside(report), next_steps(report)
    offered = fitting(every)
    none = Commentary(model, offered=len(offered), left_out=len(every) - len(offered))
    agent = Agent("report", model, system_prompt("report"), tool(offered, steps), 0.3, MOST_TOKENS)
    item = Item("commentary", message(offered, steps, none.left_out))
    async with client:
        (reply,) = await client.map(agent, [item], "comment")
    if reply.arguments is None:
        return replace(none, note=f"The report agent chose nothing usable ({reply.error}).")
    chosen = reply.arguments
    return replace(none, passages=chosen["passages"], next_step=chosen["next_step"])


def beside(report: Mapping[str, Any]) -> list[Fact]:
    """The facts that do not stand on the first screen anyway."""
    return [
        one for one in facts(report) if one.topic != "decision" and one.text != report["decision"]["caveat"]
    ]


def tool(offered: Iterable[Fact], steps: Iterable[str]) -> Tool:
    """The agent's only tool: whatever is no id of a fact is an error of the schema."""
    ids = [one.id for one in offered]
    chosen = {"type": "array", "minItems": 1, "maxItems": MOST_FACTS, "items": {"enum": ids}}
    passage = object_of(topic={"enum": [one for one in TOPICS if one != "decision"]}, facts=chosen)
    passages = {"type": "array", "minItems": 1, "maxItems": MOST_PASSAGES, "items": passage}
    return Tool(
        "write_commentary",
        "Choose the facts that matter, in order.",
        object_of(passages=passages, next_step={"enum": list(steps)}),
    )


def fitting(every: Sequence[Fact]) -> list[Fact]:
    """As many facts as fit into the prompt: in their order, a topic's first before any topic's later ones."""
    rank = {one.id: (int(one.id.rpartition("-")[2]) > 4, at) for at, one in enumerate(every)}
    chosen, room = set(), MOST_CHARACTERS
    for one in sorted(every, key=lambda one: rank[one.id]):
        room -= len(_line(one))
        if room < 0:
            break
        chosen.add(one.id)
    return [one for one in every if one.id in chosen]


def _line(one: Fact) -> str:
    return json.dumps({"id": one.id, "topic": one.topic, "text": one.text}, ensure_ascii=False)


def message(offered: Iterable[Fact], steps: Mapping[str, str], left_out: int) -> str:
    """The user message: the facts, the next steps by id, and how many facts did not fit."""
    lines = ",\n".join(_line(one) for one in offered)
    rest = json.dumps(dict(steps), ensure_ascii=False)
    return f'{{"facts": [\n{lines}\n],\n"next_steps": {rest},\n"facts_left_out": {left_out}}}'


def published(chosen: Commentary, report: Mapping[str, Any]) -> str:
    """The chosen facts in the report's own words, or a visible note that there is no commentary."""
    if not chosen.passages:
        return f"> No commentary. {safe(chosen.note)}".rstrip()
    texts = {one.id: one.text for one in facts(report)}
    parts, told = [], set()
    for passage in chosen.passages:
        new = [id for id in dict.fromkeys(passage["facts"]) if id in texts and id not in told]
        told.update(new)
        if new:
            parts.append(f"**{TOPICS[passage['topic']]}.** {' '.join(escaped(texts[id]) for id in new)}")
    step = next_steps(report).get(chosen.next_step)
    parts += [f"**Next.** {escaped(step)}"] if step else []
    return "\n\n".join([*parts, _who(chosen, len(told))])


def _who(chosen: Commentary, told: int) -> str:
    """Who chose what, and of how many facts."""
    unseen = f"; {count(chosen.left_out, 'fact')} did not fit into its prompt" if chosen.left_out else ""
    return (
        f"<small>{safe(chosen.model)} chose {told} of {count(chosen.offered, 'fact')} and their order"
        f"{unseen}. Every sentence is computed; none is its own.</small>"
    )
