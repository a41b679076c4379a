"""Answers that know nothing, scored like a model's: where one does as well, the metric decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import nullcontext
from functools import partial
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from ..domain import Score, TestCase, is_control
from ..metrics.answers import Answer
from ..metrics.controls import Value, control_answers
from ..run.large import below
from . import partitions
from .scoring import Judged, as_table, by_answer, judged_kinds, judged_score, measured, of_nothing

if TYPE_CHECKING:
    import pandas as pd


def score_controls(cases: pd.DataFrame, judgements: pd.DataFrame | None = None) -> pd.DataFrame:
    """The scores of the controls of every case (`control_answers`), as `score` gives them, in round 1."""
    answers = list(control_answers([TestCase.from_row(row) for row in cases.to_dict("records")]))
    said = {} if judgements is None else by_answer(judgements)
    judged = {key: one for key, one in said.items() if is_control(key[1])}
    scored = partial(_scored, judged, judged_kinds(judgements, cases))
    parts = [answers[at : at + partitions.BLOCK] for at in range(0, len(answers), partitions.BLOCK)]
    with partitions.mapping("") if len(parts) > 1 else nullcontext(map) as over:
        return as_table(chain.from_iterable(over(scored, parts)), cases)


def _scored(
    judged: Judged, kinds: Collection[str], answers: Iterable[tuple[TestCase, str, Value]]
) -> list[Score]:
    scores: list[Score] = []
    for case, some in groupby(answers, itemgetter(0)):
        empty = of_nothing(case)
        for _, name, value in some:
            answer = Answer("answered", value)
            scores += [Score(case.id, name, 1, *one) for one in measured(case, answer, empty)]
            if case.test_case in kinds:
                scores.append(judged_score(case, name, 1, answer, judged))
    return scores


def with_controls(
    scores: pd.DataFrame, cases: pd.DataFrame, judgements: pd.DataFrame | None = None
) -> pd.DataFrame:
    """`scores` and below them those of the controls, as scores.csv and the decision take them."""
    both = below(scores, score_controls(cases, judgements))
    both.attrs.update(scores.attrs)
    return both
