"""04 has answers judged: which ones, by whom, and what the verdicts are worth as scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..domain import TestCase
from ..judge import FAILED, judge, no_judgements
from ..llm.catalog import DEFAULTS
from ..metrics.controls import control_answers
from ..wording import count, percent
from .scoring import JUDGED
from .statuses import outcome, rows_of

if TYPE_CHECKING:
    import pandas as pd

    from ..llm.client import Client


async def judge_answers(
    responses: pd.DataFrame, cases: pd.DataFrame, client: Client, model: str
) -> pd.DataFrame:
    """The judgements of every answered conversation whose case has requirements, and of the controls.

    No rows without a `model`. What was malformed, refused or lost is not judged: it has a score without.
    """
    import pandas as pd

    if not model or responses.attrs.get("scores_only"):
        return no_judgements()
    tests = [TestCase.from_row(row) for row in cases.to_dict("records")]
    rows = [*_answers(responses, tests), *_controls(tests)]
    return await judge(pd.DataFrame(rows, columns=["id", "model", "round", "case", "text"]), client, model)


def _answers(responses: pd.DataFrame, tests: Sequence[TestCase]) -> Iterator[dict[str, Any]]:
    told = {case.id: case for case in tests if _is_judged(case)}
    for row in rows_of(responses[responses["id"].isin(list(told))]):
        answer = outcome(row, JUDGED.kind)
        if answer.status == "answered":
            yield _row(told[row["id"]], row["model"], row["round"], answer.value)


def _controls(tests: Sequence[TestCase]) -> Iterator[dict[str, Any]]:
    for case, name, text in control_answers(tests):
        if _is_judged(case):
            yield _row(case, name, 1, text)


def _is_judged(case: TestCase) -> bool:
    return case.test_case == JUDGED.kind and bool(case.requirements)


def _row(case: TestCase, model: str, round: int, text: object) -> dict[str, Any]:
    return {"id": case.id, "model": model, "round": round, "case": case, "text": text}


def judged_in_words(judgements: pd.DataFrame, judge: str, provider: str = "") -> str:
    """Who judged how many answers, and how many of the verdicts could not be used; or why nobody did."""
    if not judge:
        why = "enable_judge is False" if provider in DEFAULTS else "there is no provider to ask"
        return f"No answer is judged: {why}. What requirements are met is not known."
    if not len(judgements):
        return "No case says what an answer must do, so none is judged."
    answers = len(judgements[["id", "model", "round"]].drop_duplicates())
    failed = judgements["status"].str.startswith(FAILED)
    faulty = int(((judgements["status"] != "") & ~failed).sum())
    verdicts = len(judgements)
    return (
        f"{judge} judged {count(answers, 'answer')}, controls among them, in {count(verdicts, 'verdict')}: "
        f"{count(faulty, 'one')} ({percent(faulty / verdicts)}) not borne out by the answer's words, "
        f"{int(failed.sum()):,} lost with a call that failed."
    )
