"""Responses -> scores: every metric of a response's kind, a value or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..domain import Score, TestCase
from ..metrics import METRICS
from ..metrics.answers import own_keys
from .statuses import outcome

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("id", "test_case", "category", "family", "model", "round", "metric", "value", "reason", "content")
UNDEFINED = "undefined: "  # begins the reason of a score that the case leaves nothing to compare for


def score(responses: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """One row per response and metric of its kind: a value, or none with the reason.

    A response that was not delivered has its worst value and a reason that begins with its status. A reason
    that begins "undefined: " says that the case has no value under this metric, whoever answers; any other
    reason without a value that we failed to measure it. `content` is what the answer scores as far as it
    could be read, delivered or not: it equals `value` where it was delivered.
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
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"value": float, "content": float})
    _fill_open_ends(table, empty)
    table.attrs["simulated"] = responses.attrs.get("simulated", False)  # figures of them say so
    return table


def score_response(
    row: Mapping[str, Any], case: TestCase, empty: Mapping[str, float | None]
) -> Iterator[Score]:
    """The scores of one response under the metrics of `empty`; NaN where the worst is still to be found."""
    answer = outcome(row, case.test_case, own_keys(case))
    for name, nothing in empty.items():
        metric, reason = METRICS[name], f"{answer.status}: {answer.error}"
        value = content = None
        if nothing is None:
            reason = UNDEFINED + metric.undefined
        elif answer.value is not None:
            content = metric.value(answer.value, case)
        if nothing is not None and answer.status == "answered":
            value, reason = content, ""
        elif nothing is not None and answer.status != "failed":
            value = metric.worst
        yield Score(case.id, row["model"], row["round"], name, value, reason, content)


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
