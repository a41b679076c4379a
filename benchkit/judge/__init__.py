"""The judge says of each answer which requirements it does; code says which of its verdicts count."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from ..agent import Agent, Item, Reply, Tool, object_of, sendable, system_prompt
from ..domain import Requirement, TestCase
from ..llm.catalog import default_model
from ..metrics.requirements import has_value, is_quoted, without_paths
from .choosing import judge_model, judge_of

if TYPE_CHECKING:
    import pandas as pd

    from ..llm.client import Client

__all__ = ["FAILED", "NO_QUOTE", "is_failed", "judge", "judge_item", "judge_model", "judge_of", "judging"]

COLUMNS = ("id", "model", "round", "requirement", "met", "quote", "status", "first_fault")
FAILED = "failed: "  # begins the status of a verdict that we failed to get
NO_VERDICT, NO_QUOTE = "no verdict", "the quote is not in the answer"


class Verdict(NamedTuple):
    """What a judge says of one requirement: whether the answer does it, and the words in which it does."""

    done: bool  # of a must_not: whether the answer does what it must not
    quote: str


async def judge(answers: pd.DataFrame, client: Client, model: str = "", *, repeat: int = 1) -> pd.DataFrame:
    """A row for each answer and requirement: id, model, round, requirement and what COLUMNS has more.

    `answers` has id, model, round, `case` (its TestCase) and `text`, which is all that the judge is shown of
    an answer. Equal answers to a case are judged once; what is on record costs nothing. `repeat` above 1
    has the same answers judged anew, independently.

    `met` is 1, 0, or NaN where we failed to judge: unscored, never a zero. A reply with a verdict that is
    missing or quotes what is not there is asked once more with its faults named. A must that is still at
    fault is not met. A must_not that is still at fault is NaN, for it decides all by itself: kept would
    hide a violation, and violated would set a good answer to 0 on words that it does not have. `status`
    says why. A value that the requirement names is looked up here: where the answer does not state it, it
    is not done either, whatever the judge says. `first_fault` is that of the first reply, mended or not.
    """
    rows = answers.to_dict("records")
    items = [judge_item(row["case"], row["text"], repeat) for row in rows]
    asked = {item.case: (row["case"], row["text"]) for item, row in zip(items, rows, strict=True)}
    found = await _judged(asked, client, judging(model or default_model(client.name, "judge")), repeat)
    about = [{name: row[name] for name in ("id", "model", "round")} for row in rows]
    return judgement_table(
        key | one for key, item in zip(about, items, strict=True) for one in found[item.case]
    )


def judgement_table(rows: Iterable[Mapping[str, Any]] = ()) -> pd.DataFrame:
    """Judgements with their COLUMNS; of a run whose answers nobody judged there are none."""
    import pandas as pd

    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"met": float})


def is_failed(judgements: pd.DataFrame) -> pd.Series:
    """Which verdicts we failed to get."""
    return judgements["status"].astype(str).str.startswith(FAILED)


async def _judged(
    asked: Mapping[str, tuple[TestCase, str]], client: Client, agent: Agent, repeat: int
) -> dict[str, list[dict[str, Any]]]:
    """By an answer's name what became of each requirement."""
    if not asked:
        return {}
    async with client:
        replies = await _ask(client, agent, [judge_item(*one, repeat) for one in asked.values()])
        first = {name: _faults(*asked[name], reply) for name, reply in replies.items()}
        again = [
            judge_item(*asked[name], repeat, [f"{id}: {fault}" for id, fault in faults.items()])
            for name, faults in first.items()
            if faults
        ]
        if again:
            mended = await _ask(client, agent, again)
            replies |= {name: reply for name, reply in mended.items() if reply.arguments is not None}
    return {name: _verdicts(*asked[name], replies[name], first[name]) for name in asked}


async def _ask(client: Client, agent: Agent, items: Sequence[Item]) -> dict[str, Reply]:
    return dict(zip([item.case for item in items], await client.map(agent, items, "judge"), strict=True))


def _faults(case: TestCase, answer: str, reply: Reply) -> dict[str, str]:
    """By requirement what the judge can mend; a reply that never came has been asked again already."""
    if reply.arguments is None:
        return {}
    said, answer = _by_requirement(case, reply.arguments), _sought(case, answer)
    told = {one.id: _fault(said.get(one.id), answer) for one in case.requirements}
    return {id: fault for id, fault in told.items() if fault}


def _fault(verdict: Verdict | None, answer: str) -> str:
    if verdict is None:
        return NO_VERDICT
    return NO_QUOTE if verdict.done and not is_quoted(verdict.quote, answer) else ""


def _sought(case: TestCase, text: str) -> str:
    """An answer, or a quote of it, as the one is looked up in the other: of a record without its paths."""
    return without_paths(text) if case.test_case == "json" else text


def _by_requirement(case: TestCase, arguments: Mapping[str, Any]) -> dict[str, Verdict | None]:
    """The verdicts by requirement; two that differ on one are none, for nobody can tell which is meant."""
    found: dict[str, Verdict | None] = {}
    for said in arguments["verdicts"]:
        verdict = Verdict(said["done"], _sought(case, said["quote"]))
        before = found.get(said["requirement"], verdict)
        found[said["requirement"]] = verdict if before and before.done == verdict.done else None
    return found


def _verdicts(case: TestCase, answer: str, reply: Reply, first: Mapping[str, str]) -> list[dict[str, Any]]:
    if reply.arguments is None:
        lost = {"met": math.nan, "quote": "", "status": f"{FAILED}{reply.error}", "first_fault": ""}
        return [{"requirement": one.id, **lost} for one in case.requirements]
    said, answer = _by_requirement(case, reply.arguments), _sought(case, answer)
    rows = [_verdict(one, said.get(one.id), answer) for one in case.requirements]
    return [row | {"first_fault": first.get(row["requirement"], "")} for row in rows]


def _verdict(requirement: Requirement, verdict: Verdict | None, answer: str) -> dict[str, Any]:
    fault = _fault(verdict, answer)
    quote = verdict.quote if verdict and verdict.done else ""
    row = {"requirement": requirement.id, "quote": quote, "status": fault}
    if fault and not requirement.must:
        return row | {"met": math.nan, "status": FAILED + fault}
    done = verdict is not None and verdict.done and not fault
    if done and requirement.value and not has_value(requirement, answer):
        return row | {
            "met": float(not requirement.must),
            "status": f"the answer does not state {requirement.value}",
        }
    return row | {"met": float(done == requirement.must)}


@lru_cache(maxsize=1024)
def judge_response(ids: tuple[str, ...]) -> Tool:
    """The tool for a case with requirements of these ids: any other id breaks its schema."""
    verdict = object_of(
        requirement={"type": "string", **({"enum": list(ids)} if ids else {})},
        done={"type": "boolean"},
        quote={"type": "string"},
    )
    schema = object_of(verdicts={"type": "array", "items": verdict})
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
