"""Responses -> scores: every metric of a response's kind, a value or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from ..domain import Score, TestCase
from ..judge import FAILED
from ..metrics import JUDGED, METRICS
from ..metrics.answers import Answer, own_keys
from ..metrics.controls import control_answers
from ..metrics.requirements import requirements_met
from ..run.large import below
from ..run.texts import ABOUT
from .aligning import outcome, rows_of

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("id", "test_case", "category", "family", "model", "round", "metric", "value", "reason", "content")
Empty = dict[str, float | None]  # {metric: what an empty answer scores}
Measured = tuple[str, float | None, str, float | None]  # metric, value, reason, content
UNDEFINED = "undefined: "  # begins the reason of a score that the case leaves nothing to compare for
Verdict = tuple[float, str]  # met, status
Judged = dict[tuple[str, str, int], dict[str, Verdict]]  # by answer and requirement


def score(
    responses: pd.DataFrame,
    cases: pd.DataFrame,
    judgements: pd.DataFrame | None = None,
    kinds: Collection[str] | None = None,
) -> pd.DataFrame:
    """One row per response and metric of its kind: a value, or none with the reason.

    A response that was not delivered has its worst value and a reason that begins with its status. A reason
    that begins "undefined: " says that the case has no value under this metric, whoever answers; any other
    reason without a value that we failed to measure it. `content` is what the answer scores as far as it
    could be read, delivered or not: it equals `value` where it was delivered. `judgements` are those of the
    responses; without any on a kind, there is no JUDGED metric of it. `kinds` names those that were judged,
    where `judgements` are of a part of the responses.
    """
    if ABOUT in responses.attrs:
        from .partitions import score_blocks

        return score_blocks(responses, cases, judgements)
    tests = {row["id"]: TestCase.from_row(row) for row in cases.to_dict("records")}
    empty = {id: of_nothing(tests[id]) for id in responses["id"].unique()}
    judged = _judged(judgements, judged_kinds(judgements, cases) if kinds is None else kinds)
    order = responses["id"].argsort(kind="stable")  # what is known of a case is of use at once
    found, last = [], None
    known: dict[tuple[Any, ...], tuple[Answer, list[Measured]]] = {}
    for row in rows_of(responses.iloc[order]):
        id, model, round, *said = row.values()  # in the order of `rows_of`
        if id != last:
            last, known = id, {}
        case, key = tests[id], tuple(said)
        if key not in known:  # what is said again of a case is measured once
            answer = outcome(row, case.test_case, own_keys(case))
            known[key] = answer, _measured(case, answer, empty[id])
        found.append(_scores(case, model, round, *known[key], judged))
    table = _as_table(chain.from_iterable(found[at] for at in order.argsort()), cases)
    _fill_open_ends(table, empty)
    by_judge = table["metric"].isin([one.name for one in JUDGED.values()])
    table = table.iloc[by_judge.argsort(kind="stable")].reset_index(drop=True)  # what a judge gave comes last
    table.attrs["simulated"] = responses.attrs.get("simulated", False)  # figures of them say so
    return table


def score_controls(cases: pd.DataFrame, judgements: pd.DataFrame | None = None) -> pd.DataFrame:
    """The scores of the controls of every case (`control_answers`), as `score` gives them, in round 1."""
    tests = [TestCase.from_row(row) for row in cases.to_dict("records")]
    empty = {test.id: of_nothing(test) for test in tests}
    judged = _judged(judgements, judged_kinds(judgements, cases))
    scores: list[Score] = []
    for case, name, value in control_answers(tests):
        answer = Answer("answered", value)
        scores += _scores(case, name, 1, answer, _measured(case, answer, empty[case.id]), judged)
    return _as_table(scores, cases)


def with_controls(
    scores: pd.DataFrame, cases: pd.DataFrame, judgements: pd.DataFrame | None = None
) -> pd.DataFrame:
    """`scores` and below them those of the controls, as scores.csv and the decision take them."""
    both = below(scores, score_controls(cases, judgements))
    both.attrs.update(scores.attrs)
    return both


def _as_table(scores: Iterable[Score], cases: pd.DataFrame) -> pd.DataFrame:
    """Scores as rows, with what is known of their cases."""
    import pandas as pd

    columns = list(zip(*scores, strict=True)) or [()] * len(Score._fields)
    table = pd.DataFrame(dict(zip(Score._fields, columns, strict=True)))
    about = cases.set_index("id").reindex(columns=["test_case", "category", "family"])
    table = table.join(about.astype(object).fillna(""), on="id").astype({"value": float, "content": float})
    return table[list(COLUMNS)]


def _measured(case: TestCase, answer: Answer, empty: Empty) -> list[Measured]:
    """What each metric of `empty`, which `of_nothing` gives for the case, makes of an answer.

    The value is None where undefined, unscored, or the worst value is still to be found.
    """
    found: list[Measured] = []
    for name, nothing in empty.items():
        metric = METRICS[name]
        if nothing is None:
            found.append((name, None, UNDEFINED + metric.undefined, None))
            continue
        content = None if answer.value is None else metric.value(answer.value, case)
        if answer.status == "answered":
            found.append((name, content, "", content))
        else:
            worst = None if answer.status == "failed" else metric.worst
            found.append((name, worst, f"{answer.status}: {answer.error}", content))
    return found


def _scores(
    case: TestCase,
    model: str,
    round: int,
    answer: Answer,
    measured: Iterable[Measured],
    judged: Mapping[str, Judged],
) -> list[Score]:
    """The scores of an answer: as it was measured, and as it was judged."""
    scores = [Score(case.id, model, round, *one) for one in measured]
    if case.test_case in judged:
        said = judged[case.test_case].get((case.id, model, int(round)), {})
        scores.append(_judged_score(case, model, round, answer, said))
    return scores


def _judged(judgements: pd.DataFrame | None, kinds: Collection[str]) -> dict[str, Judged]:
    """For each kind that was judged what became of each requirement, by the id, model and round."""
    if judgements is None or not kinds:
        return {}
    names = ("id", "model", "round", "requirement", "met", "status")
    found: Judged = {}
    for id, model, round, requirement, met, status in zip(*(judgements[n] for n in names), strict=True):
        found.setdefault((id, model, int(round)), {})[requirement] = (met, status)
    return dict.fromkeys(kinds, found)


def _judged_score(
    case: TestCase, model: str, round: int, answer: Answer, said: Mapping[str, Verdict]
) -> Score:
    """The JUDGED metric of an answer: from its judgement, else the worst or none, with the reason.

    Where we failed to get a verdict there is a score only if it is the same whatever the verdict had been.
    """
    metric = JUDGED[case.test_case]
    about = (case.id, model, round, metric.name)
    if not any(one.must for one in case.requirements):
        return Score(*about, None, UNDEFINED + metric.undefined)
    if answer.status != "answered":
        worst = None if answer.status == "failed" else metric.worst
        return Score(*about, worst, f"{answer.status}: {answer.error}")
    each = {one.id: said.get(one.id, (math.nan, f"{FAILED}not judged")) for one in case.requirements}
    ends = {
        requirements_met(
            case.requirements, {id: lost if math.isnan(met) else bool(met) for id, (met, _) in each.items()}
        )
        for lost in (False, True)
    }
    if len(ends) > 1:
        reason = next(status for met, status in each.values() if math.isnan(met))
        return Score(*about, None, f"judge {reason}")
    return Score(*about, value := ends.pop(), "", value)


def judged_kinds(judgements: pd.DataFrame | None, cases: pd.DataFrame) -> set[str]:
    """The kinds of cases whose answers were judged."""
    if judgements is None or not len(judgements):
        return set()
    return set(cases.loc[cases["id"].isin(judgements["id"].unique()), "test_case"])


def of_nothing(case: TestCase) -> Empty:
    """What an empty answer scores under every metric of the case's kind; None where that is undefined."""
    nothing: Any = "" if case.test_case == "conversation" else {}
    wanted = [one for one in METRICS.values() if one.kind == case.test_case and one.function]
    return {metric.name: metric.value(nothing, case) for metric in wanted}


def _fill_open_ends(scores: pd.DataFrame, empty: Mapping[str, Empty]) -> None:
    """Put in the worst values of the metrics whose bad end is open (`Metric.worst` has the rule)."""
    import pandas as pd

    undelivered = scores["reason"].str.startswith(("malformed", "refused"))
    for name in [name for name in scores["metric"].unique() if METRICS[name].worst is None]:
        mine = scores["metric"] == name
        floor = pd.Series({id: some[name] for id, some in empty.items() if name in some}, dtype=float)
        delivered = scores[mine & ~undelivered].set_index("id")["value"]
        known = pd.concat([floor, delivered]).groupby(level=0)
        worst = known.max() if METRICS[name].lower_is_better else known.min()
        scores.loc[mine & undelivered, "value"] = scores["id"].map(worst)
