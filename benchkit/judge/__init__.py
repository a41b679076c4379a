"""The judge says of each answer which requirements it does; code says which of its verdicts count."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..agent import Agent, Item, Reply
from ..domain import Requirement, TestCase
from ..llm.catalog import default_model
from ..metrics.requirements import Verdict, has_value, is_done, is_met, is_quoted, without_paths
from .agent import judge_item, judging
from .choosing import families, judge_model, judge_of, models_of

if TYPE_CHECKING:
    import pandas as pd

    from ..llm.client import Client

__all__ = [
    "FAILED",
    "NO_QUOTE",
    "families",
    "is_failed",
    "judge",
    "judge_item",
    "judge_model",
    "judge_of",
    "judging",
    "models_of",
    "no_judgements",
]

COLUMNS = ("id", "model", "round", "requirement", "met", "quote", "status", "first_fault")
FAILED = "failed: "  # begins the status of a verdict that we failed to get
NO_VERDICT, NO_QUOTE = "no verdict", "the quote is not in the answer"


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
    return _table([(row, found[item.case]) for row, item in zip(rows, items, strict=True)])


def no_judgements() -> pd.DataFrame:
    """The table of a run whose answers nobody judged."""
    return _table([])


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
        wrong = {name: faults for name in asked if (faults := _faults(*asked[name], replies[name]))}
        if wrong:
            items = [judge_item(*asked[name], repeat, _told(faults)) for name, faults in wrong.items()]
            again = await _ask(client, agent, items)
            replies |= {name: reply for name, reply in again.items() if reply.arguments is not None}
    return {name: _verdicts(*asked[name], replies[name], wrong.get(name, {})) for name in asked}


async def _ask(client: Client, agent: Agent, items: Sequence[Item]) -> dict[str, Reply]:
    return dict(zip([item.case for item in items], await client.map(agent, items, "judge"), strict=True))


def _told(faults: Mapping[str, str]) -> list[str]:
    return [f"{id}: {fault}" for id, fault in faults.items()]


def _faults(case: TestCase, answer: str, reply: Reply) -> dict[str, str]:
    """By requirement what the judge can mend.

    A reply that never came, or is unusable, has been asked again already.
    """
    if reply.arguments is None:
        return {}
    said = _by_requirement(case, reply.arguments)
    told = {one.id: _fault(said.get(one.id), _sought(case, answer)) for one in case.requirements}
    return {id: fault for id, fault in told.items() if fault}


def _fault(verdict: Verdict | None, answer: str) -> str:
    if verdict is None:
        return NO_VERDICT
    return NO_QUOTE if verdict.done and not is_quoted(verdict.quote, answer) else ""


def _sought(case: TestCase, text: str) -> str:
    """An answer, or a quote of it, as the one is looked up in the other: of a record without its paths."""
    return without_paths(text) if case.test_case == "json" else text


def _by_requirement(case: TestCase, arguments: Mapping[str, Any]) -> dict[str, Verdict]:
    """The verdicts by requirement; two that differ on one are none, for nobody can tell which is meant."""
    found: dict[str, Verdict | None] = {}
    for said in arguments["verdicts"]:
        verdict = Verdict(said["requirement"], said["done"], _sought(case, said["quote"]))
        before = found.get(verdict.requirement, verdict)
        found[verdict.requirement] = verdict if before and before.done == verdict.done else None
    return {id: verdict for id, verdict in found.items() if verdict}


def _verdicts(case: TestCase, answer: str, reply: Reply, first: Mapping[str, str]) -> list[dict[str, Any]]:
    if reply.arguments is None:
        lost = {"met": math.nan, "quote": "", "status": f"{FAILED}{reply.error}", "first_fault": ""}
        return [{"requirement": one.id, **lost} for one in case.requirements]
    said, answer = _by_requirement(case, reply.arguments), _sought(case, answer)
    told = {one.id: {"first_fault": first.get(one.id, "")} for one in case.requirements}
    return [_verdict(one, said.get(one.id), answer) | told[one.id] for one in case.requirements]


def _verdict(requirement: Requirement, verdict: Verdict | None, answer: str) -> dict[str, Any]:
    status = _fault(verdict, answer)
    done = is_done(requirement, verdict, answer)
    if verdict and verdict.done and not status and requirement.value and not has_value(requirement, answer):
        status = f"the answer does not state {requirement.value}"
    quote = verdict.quote if verdict and verdict.done else ""
    met = float(is_met(requirement, done))
    if not requirement.must and (fault := _fault(verdict, answer)):
        met, status = math.nan, FAILED + fault
    return {"requirement": requirement.id, "met": met, "quote": quote, "status": status}


def _table(judged: Sequence[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]]) -> pd.DataFrame:
    import pandas as pd

    names = ("id", "model", "round")
    rows = [{**{name: row[name] for name in names}, **one} for row, some in judged for one in some]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"met": float})
