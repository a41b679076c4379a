"""Responses -> scores: every metric of a response's kind, a value or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..domain import Score, TestCase
from ..metrics import METRICS
from ..metrics.answers import Answer, read_answer

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("id", "test_case", "category", "family", "model", "round", "metric", "value", "reason")
UNDEFINED = "undefined: "  # begins the reason of a score that the case leaves nothing to compare for


def score(responses: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """One row per response and metric of its kind: a value, or none with the reason.

    A response that was not delivered has its worst value and a reason that begins with its status. A reason
    that begins "undefined: " says that the case has no value under this metric, whoever answers; any other
    reason without a value that we failed to measure it.
    """
    import pandas as pd

    tests = {row["id"]: TestCase.from_row(row) for row in cases.to_dict("records")}
    about = (
        cases.set_index("id")
        .reindex(columns=["category", "family"])
        .astype(object)
        .fillna("")
        .to_dict("index")
    )
    empty = {id: of_nothing(tests[id]) for id in responses["id"].unique()}
    rows = [
        asdict(one) | about[one.id] | {"test_case": row["test_case"]}
        for row in responses.to_dict("records")
        for one in score_response(row, tests[row["id"]], empty[row["id"]])
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"value": float})
    _fill_open_ends(table, empty)
    return table


def score_response(
    row: Mapping[str, Any], case: TestCase, empty: Mapping[str, float | None]
) -> Iterator[Score]:
    """The scores of one response under the metrics of `empty`; NaN where the worst is still to be found."""
    answer = delivered(row["status"], row["error"], row["model_response"], case.test_case)
    for name, of_nothing in empty.items():
        value, reason = METRICS[name].worst, f"{answer.status}: {answer.error}"
        if of_nothing is None:
            value, reason = None, UNDEFINED + METRICS[name].undefined
        elif answer.status == "failed":
            value = None
        elif answer.status == "answered":
            value, reason = METRICS[name].value(answer.value or "", case), ""
        yield Score(case.id, row["model"], row["round"], name, value, reason)


def of_nothing(case: TestCase) -> dict[str, float | None]:
    """What an empty answer scores under every metric of the case's kind; None where that is undefined."""
    nothing: Any = "" if case.test_case == "conversation" else {}
    wanted = [one for one in METRICS.values() if one.kind == case.test_case and one.function]
    return {metric.name: metric.value(nothing, case) for metric in wanted}


def _fill_open_ends(scores: pd.DataFrame, empty: Mapping[str, Mapping[str, float | None]]) -> None:
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


def delivered(status: str, error: str, text: str, kind: str) -> Answer:
    """What became of a response. Whatever is not said to have gone wrong is read for what it is."""
    if status in ("malformed", "refused", "failed"):
        return Answer(status, error=error)
    return read_answer(text, kind)
