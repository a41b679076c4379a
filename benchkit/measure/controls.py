"""Answers that know nothing, scored like a model's: where one does as well, the metric decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..domain import Score, TestCase
from ..metrics.answers import Answer
from ..metrics.controls import control_answers
from ..run.large import below
from .scoring import as_table, by_answer, judged_kinds, judged_score, measured, of_nothing

if TYPE_CHECKING:
    import pandas as pd


def score_controls(cases: pd.DataFrame, judgements: pd.DataFrame | None = None) -> pd.DataFrame:
    """The scores of the controls of every case (`control_answers`), as `score` gives them, in round 1."""
    tests = [TestCase.from_row(row) for row in cases.to_dict("records")]
    empty = {test.id: of_nothing(test) for test in tests}
    judged = {} if judgements is None else by_answer(judgements)
    kinds = judged_kinds(judgements, cases)
    scores: list[Score] = []
    for case, name, value in control_answers(tests):
        answer = Answer("answered", value)
        scores += [Score(case.id, name, 1, *one) for one in measured(case, answer, empty[case.id])]
        if case.test_case in kinds:
            scores.append(judged_score(case, name, 1, answer, judged))
    return as_table(scores, cases)


def with_controls(
    scores: pd.DataFrame, cases: pd.DataFrame, judgements: pd.DataFrame | None = None
) -> pd.DataFrame:
    """`scores` and below them those of the controls, as scores.csv and the decision take them."""
    both = below(scores, score_controls(cases, judgements))
    both.attrs.update(scores.attrs)
    return both
