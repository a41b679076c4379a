"""The report agent's commentary: what holds is kept, the rest is sent back, then left out and counted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..agent import Agent, Item, Tool, system_prompt
from ..claims import GAP, problems, sift
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
    """A passage that was not published as it is, with a line for all that the run did not compute.

    `kept` is what of its text was published, "" for nothing, and `sentences` how many were left out of that.
    """

    title: str
    text: str
    problems: list[str]
    kept: str = ""
    sentences: int = 0


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
        return asdict(self) | self.counts

    @property
    def counts(self) -> dict[str, int]:
        """Passages published (whole or in part) and left out whole, and sentences left out of others."""
        return {
            "published": len(self.passages),
            "withheld": sum(not one.kept for one in self.left_out),
            "sentences_left_out": sum(one.sentences for one in self.left_out),
        }

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
        "warnings": report["decision"]["warnings"],
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
    """Have the report agent comment, and keep what holds. An imported run without a `model` gets none.

    What is still wrong after the last try loses the sentences that are; what remains of it is published.
    """
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
                return _with_the_rest(Commentary(model, kept, wrong, sent_back, note), facts)
            new = _without(reply.arguments["passages"], kept)
            kept += [passage for passage in new if not checked(passage, facts)]
            if new:  # handed in what was kept already, and nothing else, it has mended nothing
                wrong = [LeftOut(p["title"], p["text"], found) for p in new if (found := checked(p, facts))]
            if not wrong:
                break
            sent_back += len(wrong) if attempt < TRIES else 0
    return _with_the_rest(Commentary(model, kept, wrong, sent_back), facts)


def _with_the_rest(said: Commentary, facts: Mapping[str, Any]) -> Commentary:
    """The commentary with what of its wrong passages may stand."""
    left_out = [sifted(one, facts) for one in said.left_out]
    rest = [remainder(one, facts) for one in left_out if one.kept]
    return replace(said, passages=[*said.passages, *rest], left_out=left_out)


def sifted(wrong: LeftOut, facts: Mapping[str, Any]) -> LeftOut:
    """A wrong passage with what of its text may stand under what of its title may."""
    title = _title(wrong, facts)
    found = sift(wrong.text, lambda text: checked({"title": title, "text": text}, facts), facts)
    return replace(wrong, kept=found.text, sentences=found.left_out if found.text else 0)


def remainder(one: LeftOut, facts: Mapping[str, Any]) -> dict[str, str]:
    return {"title": _title(one, facts), "text": one.kept}


def _title(one: LeftOut, facts: Mapping[str, Any]) -> str:
    return GAP if checked({"title": one.title, "text": ""}, facts) else one.title


def checked(passage: Mapping[str, str], facts: Mapping[str, Any]) -> list[str]:
    """What a passage states that the run did not compute, a line each; a title claims as much as a text."""
    return problems(f"{passage['title']}. {passage['text']}".replace(GAP, " "), facts)


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
        parts.append(f"> {_left_out(commentary)}")
    if not commentary.passages:
        parts.append(f"> No commentary. {safe(commentary.note)}".rstrip())
    elif commentary.note:
        parts.append(f"> {safe(commentary.note)}")
    return "\n\n".join(parts)


def _left_out(commentary: Commentary) -> str:
    """How much was left out, and for what kind of reason."""
    counts = commentary.counts
    some = [
        f"{n} {what}{'s' * (n > 1)}{where}"
        for n, what, where in (
            (counts["withheld"], "passage", ""),
            (counts["sentences_left_out"], "sentence", f", where {safe(GAP)} stands,"),
        )
        if n
    ]
    were = "were" if counts["withheld"] + counts["sentences_left_out"] > 1 else "was"
    return (
        f"{' and '.join(some)} {were} left out: what was said there did not agree with the computed results "
        f"(such as: {safe(commentary.left_out[0].problems[0])}), or leaned on what did not."
    )
