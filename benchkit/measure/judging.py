"""04 has answers judged: which ones, by whom, and what the verdicts are worth as scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ..agent import system_prompt
from ..domain import TestCase
from ..judge import is_failed, judge, judgement_table
from ..llm.catalog import DEFAULTS
from ..metrics.answers import own_keys
from ..metrics.controls import control_answers
from ..metrics.requirements import answer_text
from ..run.texts import blocks_of
from ..wording import count, percent
from .aligning import outcome, rows_of

BY_NAME = (
    "the answers were made elsewhere and no judge_model is named; benchkit run FOLDER --from 04 "
    "-p judge_model MODEL has those judged whose cases have requirements"
)
Row = tuple[str, str, int, TestCase, str]  # id, model, round, case, text

if TYPE_CHECKING:
    import pandas as pd

    from ..llm.client import Client


async def judge_answers(
    responses: pd.DataFrame, cases: pd.DataFrame, client: Client, model: str
) -> pd.DataFrame:
    """The judgements of every answer to a case with requirements, and of the controls.

    No rows without a `model`. What was malformed, refused or lost is not judged: it has a score without.
    """
    import pandas as pd

    if not model or responses.attrs.get("scores_only"):
        return judgement_table()
    tests = [TestCase.from_row(row) for row in cases.to_dict("records")]
    columns, controls, said = ["id", "model", "round", "case", "text"], list(_controls(tests)), []
    for some in blocks_of(responses):
        rows = [*_answers(some, tests), *controls]
        said.append(await judge(pd.DataFrame(rows, columns=columns), client, model))
        controls = []
    return pd.concat(said, ignore_index=True)


def _answers(responses: pd.DataFrame, tests: Sequence[TestCase]) -> Iterator[Row]:
    told = {case.id: case for case in tests if case.requirements}
    for row in rows_of(responses[responses["id"].isin(list(told))]):
        case = told[row["id"]]
        answer = outcome(row, case.test_case, own_keys(case))
        if answer.status == "answered":
            yield case.id, row["model"], row["round"], case, answer_text(answer.value)


def _controls(tests: Sequence[TestCase]) -> Iterator[Row]:
    for case, name, text in control_answers(tests):
        if case.requirements:
            yield case.id, name, 1, case, answer_text(text)


def judged(judgements: pd.DataFrame, judge: str, provider: str = "") -> dict[str, Any]:
    """`in_words`: who judged how many answers, or why nobody did; and where somebody did, the counts.

    model, prompt (its digest), answers (controls among them) and verdicts; of these `faulty`, which the
    answer's words did not bear out; `undecided`, on a must_not, which two askings did not tell; `lost` with a
    call that failed.
    """
    if not judge:
        why = "enable_judge is False" if provider in DEFAULTS else f"enable_judge is False, or {BY_NAME}"
        return {"in_words": f"No answer is judged: {why}. What requirements are met is not known."}
    if not len(judgements):
        return {"in_words": "No case says what an answer must do, so none is judged."}
    failed = is_failed(judgements)
    undecided = failed & (judgements["first_fault"] != "")
    counts = {
        "answers": len(judgements[["id", "model", "round"]].drop_duplicates()),
        "verdicts": len(judgements),
        "faulty": int(((judgements["status"] != "") & ~failed).sum()),
        "undecided": int(undecided.sum()),
        "lost": int((failed & ~undecided).sum()),
    }
    told = (
        f"{judge} judged {count(counts['answers'], 'answer')}, controls among them, in "
        f"{count(counts['verdicts'], 'verdict')}: {counts['faulty']:,} "
        f"({percent(counts['faulty'] / counts['verdicts'])}) not borne out by the answer's words, "
        f"{counts['undecided']:,} on what is forbidden not told in two askings and so without a score, "
        f"{counts['lost']:,} lost with a call that failed."
    )
    prompt = sha256(f"{system_prompt('judge')}\n".encode()).hexdigest()[:16]
    return {"model": judge, "prompt": prompt, **counts, "in_words": told}
