"""02: requirements are checked too: first without a model, then by the judge on answers that are known."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from ..domain import CONTROL, FEWEST, MOST, TestCase, as_text
from ..judge import judge
from ..metrics.controls import control_answers
from ..metrics.fields import long_texts
from ..metrics.requirements import answer_text, has_value, requirements_met
from ..run.rows import without_must
from ..wording import count, listed

if TYPE_CHECKING:
    from ..llm.client import Client

Doubts = Callable[[pd.DataFrame, pd.DataFrame], Awaitable[list[str]]]
Redraft = Callable[[pd.DataFrame], Awaitable[pd.DataFrame]]
CHECK = re.compile(r"requirements \(([\w ]+)\): ")  # begins every doubt: the check that raised it
UNJUDGED = "not judged"
GOLDEN = "golden"
HALF = 0.5  # of what is required: an answer that knows nothing stays below


def doubts_without_a_model(case: TestCase, *, generated: bool, drafted: bool = False) -> list[str]:
    """What is wrong with a case's requirements by themselves; [] for a case without any that was brought.

    What was `generated` needs 3 to 8 of them, and one that forbids something. What was `drafted` for a record
    speaks of its long texts: its identifiers, numbers, dates and enumerated values are scored exactly.
    """
    said = case.requirements
    generated = generated and case.test_case == "conversation"
    if not said and not generated:
        return []
    found = []
    if generated and not FEWEST <= len(said) <= MOST:
        found.append(f"there are {len(said)}, not {FEWEST} to {MOST}")
    if not any(one.must for one in said):
        found.append("there is no must")
    if generated and all(one.must for one in said):
        found.append("there is no must_not")
    texts = long_texts(case) if drafted else {}
    known = "\n".join(texts.values()) if texts else f"{case.prompt}\n{as_text(case.golden_response)}"
    where = "no long text of the golden record" if texts else "neither the prompt nor the golden answer"
    first: dict[str, str] = {}
    for one in said:
        if one.value and not has_value(one, known):
            found.append(f"{one.id} names {one.value}, which {where} states")
        same = first.setdefault(" ".join(one.text.casefold().split()), one.id)
        if same != one.id:
            found.append(f"{one.id} says the same as {same}")
    return [f"requirements (without a model): {'; '.join(found)}"] if found else []


def requirements_judge(client: Client, model: str = "") -> Doubts:
    """A function that has the judge try the requirements of cases on answers that are known.

    Cases in, and those among which another's golden answer is found; out comes for each case what is wrong,
    or "". The golden answer has to meet all, and what knows nothing less than half. A failure counts only if
    a second, independent judgement confirms it: a judge that errs once in 20 times would turn down a third.
    """

    async def doubts(cases: pd.DataFrame, among: pd.DataFrame) -> list[str]:
        asked = pd.DataFrame(_answers(cases, among), columns=["id", "model", "round", "case", "text"])
        first = _failures(asked, await judge(asked, client, model))
        keys = pd.Series(list(zip(asked["id"], asked["model"], strict=True)), dtype="object")
        doubtful = asked[keys.isin(list(first))]
        second = _failures(doubtful, await judge(doubtful, client, model, repeat=2))
        by_case: dict[str, list[str]] = {}
        for (id, name), failed in first.items():
            if confirmed := [one for one in failed if one in second.get((id, name), ())]:
                by_case.setdefault(id, []).append(_in_words(name, confirmed))
        return ["; ".join(by_case.get(id, ())) for id in cases["id"]]

    return doubts


async def mend_drafts(cases: pd.DataFrame, redraft: Redraft, doubts: Doubts | None = None) -> pd.DataFrame:
    """Drafted requirements that fail a check are drafted once more; those that fail again are dropped.

    No case is lost. `draft` says of each what became of it: drafted, "dropped: …" or "failed: …".
    """
    cases = cases.copy()
    if "draft" not in cases:
        return cases
    for is_last in (False, True):
        drafted = cases[cases["draft"] == "drafted"]
        judged = drafted.assign(reason=await _faults(drafted, cases, doubts))
        bad = judged[judged["reason"] != ""]
        if len(bad) and is_last:
            made = bad.assign(requirements="", draft="dropped: " + bad["reason"])
        elif len(bad):
            made = await redraft(bad)
        else:
            break
        cases.loc[bad.index, ["requirements", "draft"]] = made[["requirements", "draft"]]
    return cases


def drafts_in_words(cases: pd.DataFrame) -> str:
    """How many cases have drafted requirements, and what became of the other drafts."""
    kinds = cases.get("draft", pd.Series(dtype=str)).replace("", None).str.split(":").str[0].value_counts()
    if not len(kinds):
        return f"No requirements were drafted. {without_must(cases)}".rstrip()
    words = {"drafted": "kept", "dropped": "dropped after a second try", "failed": "could not be had"}
    left = without_must(cases) or "Cases without requirements are not judged."
    told = [f"{kinds[name]:,} {said}" for name, said in words.items() if name in kinds]
    return f"Of {count(kinds.sum(), 'draft')}: {listed(told)}. {left}".rstrip()


def is_unfit(doubt: str) -> bool:
    """Whether a doubt says more than that the judge could not be asked."""
    return any(check != UNJUDGED for check in CHECK.findall(doubt))


async def _faults(drafted: pd.DataFrame, cases: pd.DataFrame, doubts: Doubts | None) -> list[str]:
    tests = map(TestCase.from_row, drafted.to_dict("records"))
    found = ["; ".join(doubts_without_a_model(test, generated=False, drafted=True)) for test in tests]
    if doubts is None:
        return found
    judged = [one if is_unfit(one) else "" for one in await doubts(drafted, cases[cases["problem"] == ""])]
    return ["; ".join(filter(None, pair)) for pair in zip(found, judged, strict=True)]


def _answers(cases: pd.DataFrame, among: pd.DataFrame) -> Iterator[tuple[str, str, int, TestCase, str]]:
    chosen = {
        case.id: case
        for case in map(TestCase.from_row, cases.to_dict("records"))
        if any(one.must for one in case.requirements)
    }
    for case in chosen.values():
        yield case.id, GOLDEN, 1, case, answer_text(case.golden_response)
    others = among.to_dict("records") if chosen else []
    for other, name, text in control_answers([TestCase.from_row(row) for row in others]):
        # A record is drawn from its prompt: copied into a summary, that says what the summary has to say.
        is_apt = other.test_case != "json" or name != CONTROL + "prompt copied"
        if other.id in chosen and is_apt:
            yield other.id, name, 1, chosen[other.id], answer_text(text)


def _failures(asked: pd.DataFrame, judgements: pd.DataFrame) -> dict[tuple[str, str], list[str]]:
    """By case and answer what is wrong with the verdicts, where anything is."""
    met = {
        about: dict(zip(some["requirement"], some["met"], strict=True))
        for about, some in judgements.groupby(["id", "model"])
    }
    told = zip(asked["id"], asked["model"], asked["case"], strict=True)
    found = {(id, name): _failed(name, case, met[id, name]) for id, name, case in told}
    return {about: failed for about, failed in found.items() if failed}


def _failed(name: str, case: TestCase, met: Mapping[str, float]) -> list[str]:
    verbs = {True: "does not meet", False: "does what is forbidden by"}
    unmet = [f"{verbs[one.must]} {one.id} ({one.text})" for one in case.requirements if not met[one.id]]
    if name == GOLDEN and unmet:
        return unmet
    if any(map(math.isnan, met.values())):
        return [UNJUDGED]
    share = requirements_met(case.requirements, {id: bool(value) for id, value in met.items()})
    is_fooled = name != GOLDEN and share is not None and share >= HALF
    return ["meets half of the requirements or more"] if is_fooled else []


def _in_words(name: str, failed: Sequence[str]) -> str:
    check = name.removeprefix(CONTROL)
    if UNJUDGED in failed:
        return f"requirements ({UNJUDGED}): no verdict on the answer {check!r}"
    return f"requirements ({check}): {_WHO.get(check, check)} {' and '.join(failed)}"


_WHO = {
    GOLDEN: "the golden answer",
    "prompt copied": "the prompt, copied back,",
    "another golden": "another case's golden answer",
}
