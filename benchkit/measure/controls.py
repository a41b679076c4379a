"""Answers that know nothing, scored like a model's: where one does as well, the metric decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..domain import TestCase
from ..metrics.answers import Answer
from ..metrics.controls import control_answers
from .scoring import as_table, of_nothing, scores_of

if TYPE_CHECKING:
    import pandas as pd


def score_controls(cases: pd.DataFrame) -> pd.DataFrame:
    """The scores of the controls of every case (`control_answers`), as `score` gives them, in round 1."""
    tests = [TestCase.from_row(row) for row in cases.to_dict("records")]
    empty = {test.id: of_nothing(test) for test in tests}
    scores = (
        one
        for case, name, answer in control_answers(tests)
        for one in scores_of(case, name, 1, Answer("answered", answer), empty[case.id])
    )
    return as_table(scores, cases)


def with_controls(scores: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """`scores` and below them those of the controls, as scores.csv and the decision take them."""
    import pandas as pd

    both = pd.concat([scores, score_controls(cases)], ignore_index=True)
    both.attrs.update(scores.attrs)
    return both
