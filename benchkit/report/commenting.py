"""The report agent's commentary: what holds is kept, the rest is sent back, then left out and counted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ..agent import Agent, Item, Tool, system_prompt
from ..claims import problems
from ..errors import RunError
from ..llm.catalog import default_model
from .markdown import escaped, safe

if TYPE_CHECKING:
    from ..llm.client import Client

TRIES = 3  # a passage is sent back twice, then left out
COMMENTARY = Tool(
    "write_commentary",
    "Hand in the commentary.",
    {
        "type": "object",
        "properties": {
            "passages": {
                "type": "array",
                "minItems": 1,
                "maxItems": 5,
                "items": {
                    "type": "object",
                    "properties": {"title": {"type": "string"}, "text": {"type": "string", "minLength": 1}},
                    "required": ["title", "text"],
                    "additionalProperties": False,
                },
            }
        },
        "required": ["passages"],
        "additionalProperties": False,
    },
)


@dataclass(frozen=True)
class LeftOut:
    """A passage that was not published, with a line for everything in it that the run did not compute."""

    title: str
    text: str
    problems: list[str]


@dataclass(frozen=True)
class Commentary:
    """Passages whose figures and claims were checked, and those that were left out, with the reasons."""

    model: str = ""
    passages: list[dict[str, str]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    sent_back: int = 0  # passages over all tries
    note: str = ""  # why there is none or no more, where that is so

    def record(self) -> dict[str, Any]:
        """What commentary.json holds; `read` gives the commentary back."""
        return asdict(self) | {"published": len(self.passages), "withheld": len(self.left_out)}

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Commentary:
        """Raises RunError for a record that was damaged."""
        try:
            left_out = [LeftOut(**one) for one in record["left_out"]]
            passages = [{"title": str(one["title"]), "text": str(one["text"])} for one in record["passages"]]
        except (KeyError, TypeError) as error:
            raise RunError(f"commentary.json is damaged ({error}). Run 05_report.ipynb again.") from error
        return cls(record["model"], passages, left_out, record["sent_back"], record["note"])


def facts_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """What the commentary may speak of: the computed part of metrics_report.json, without the long tables."""
    how = report["configuration"]
    return {
        "decision": report["decision"]["sentence"],
        "simulated": report["simulated"],
        "alpha": how["alpha"],
        "margin": how["margin"],
        "models": how["models"],
        "rounds": how["rounds"],
        "cases": how["cases"],
        "lower_is_better": how["lower_is_better"],
        "recommended": report["decision"]["recommended"],
        "comparisons": report["comparisons"],
        "models_summary": report["results_summary"]["means"],
        "denominators": report["denominators"],
        "cost": report["results_summary"]["cost"],
        "serving": report.get("serving", []),
        "rounds_summary": report.get("rounds", {}),
    }


async def comment(report: Mapping[str, Any], client: Client, model: str = "") -> Commentary:
    """Have the report agent comment, and keep what holds. An imported run without a `model` gets none."""
    if client.name == "imported" and not model:
        return Commentary(note="These responses were made elsewhere and no report_model was named.")
    model = model or default_model(client.name, "report")
    agent = Agent("report", model, system_prompt("report"), COMMENTARY, 0.3, 2500)
    facts = facts_of(report)
    kept: list[dict[str, str]] = []
    wrong: list[LeftOut] = []
    sent_back = 0
    async with client:
        for attempt in range(1, TRIES + 1):
            item = Item("commentary", _message(facts, wrong), attempt=attempt)
            (reply,) = await client.map(agent, [item], "comment")
            if reply.arguments is None:
                note = f"The report agent gave no usable commentary ({reply.error})."
                return Commentary(model, kept, wrong, sent_back, note)
            new = _without(reply.arguments["passages"], kept)
            kept += [passage for passage in new if not checked(passage, facts)]
            wrong = [
                LeftOut(**passage, problems=found) for passage in new if (found := checked(passage, facts))
            ]
            if not wrong:
                break
            sent_back += len(wrong) if attempt < TRIES else 0
    return Commentary(model, kept, wrong, sent_back)


def checked(passage: Mapping[str, str], facts: Mapping[str, Any]) -> list[str]:
    """What a passage states that the run did not compute, a line each; a title claims as much as a text."""
    return problems(f"{passage['title']}. {passage['text']}", facts)


def _without(passages: Sequence[dict[str, str]], kept: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """The passages that are new: asked to mend one, a model may well hand in all of them again."""
    titles = {passage["title"].strip().lower() for passage in kept}
    return [passage for passage in passages if passage["title"].strip().lower() not in titles]


def _message(facts: Mapping[str, Any], wrong: Sequence[LeftOut]) -> str:
    sent_back = [
        {"passage": {"title": one.title, "text": one.text}, "problems": one.problems} for one in wrong
    ]
    return json.dumps(dict(facts) | ({"sent_back": sent_back} if wrong else {}), ensure_ascii=False)


def commentary(commentary: Commentary) -> str:
    """The passages, and a visible note for what was left out or did not come."""
    # A passage that holds is shown whole: cut off, a sentence may say what was not checked.
    parts = [f"**{safe(p['title'])}.** {escaped(p['text'])}" for p in commentary.passages]
    if commentary.left_out:
        n = len(commentary.left_out)
        parts.append(
            f"> {n} passage{'s were' if n > 1 else ' was'} left out: what it said did not agree with the "
            f"computed results (such as: {safe(commentary.left_out[0].problems[0])})."
        )
    if not commentary.passages:
        parts.append(f"> No commentary. {safe(commentary.note)}".rstrip())
    elif commentary.note:
        parts.append(f"> {safe(commentary.note)}")
    return "\n\n".join(parts)
