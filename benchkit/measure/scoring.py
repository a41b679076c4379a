"""Responses -> scores: every metric of a response's kind, a value or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..domain import Score, TestCase
from ..metrics import conversation, structured
from ..metrics.answers import Answer, read_answer

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Metric:
    """How one metric is computed and read. `worst` is what a delivered failure scores."""

    name: str
    test_case: str
    function: Callable[[Any, Any], float | None]  # (answer, case)
    worst: float = 0.0
    lower_is_better: bool = False
    binary: bool = False  # right or wrong, nothing between
    reported_as: str = ""  # its name in metrics.json, where that differs


METRICS = {
    metric.name: metric
    for metric in (
        Metric("bleu_score", "conversation", lambda r, c: conversation.bleu_score(r, c.golden_response)),
        # An empty answer has a word error rate of 1: every word of the golden is missing.
        Metric(
            "wer_score", "conversation", lambda r, c: conversation.wer_score(r, c.golden_response), 1.0, True
        ),
        Metric(
            "response_relevance", "conversation", lambda r, c: conversation.response_relevance(r, c.prompt)
        ),
        Metric("clarity", "conversation", lambda r, c: conversation.clarity(r)),
        Metric(
            "task_completion", "conversation", lambda r, c: conversation.task_completion(r, c.golden_response)
        ),
        Metric(
            "schema_compliance",
            "json",
            lambda r, c: structured.schema_compliance(r, c.response_schema or {}),
            binary=True,
            reported_as="schema_compliance_rate",
        ),
        Metric(
            "field_accuracy",
            "json",
            lambda r, c: structured.field_accuracy(r, c.golden_response, c.response_schema),
        ),
        Metric(
            "structural_consistency",
            "json",
            lambda r, c: structured.structural_consistency(r, c.golden_response),
        ),
    )
}
LOWER_IS_BETTER = tuple(metric.name for metric in METRICS.values() if metric.lower_is_better)
PRIMARY = {"conversation": "task_completion", "json": "field_accuracy"}
METRICS_VERSION = "1"  # raised whenever a definition changes: numbers of two versions do not compare


def score(responses: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """One row per response and metric of its kind: a value, or none with the reason."""
    import pandas as pd

    tests = {row["id"]: TestCase.from_row(row) for row in cases.to_dict("records")}
    rows = [
        asdict(one) | {"test_case": row["test_case"], "category": row["category"]}
        for row in responses.to_dict("records")
        for one in score_response(row, tests[row["id"]])
    ]
    columns = ["id", "test_case", "category", "model", "round", "metric", "value", "reason"]
    return pd.DataFrame(rows, columns=columns).astype({"value": float})


def score_response(row: Mapping[str, Any], case: TestCase) -> Iterator[Score]:
    """The scores of one response under every metric of its kind."""
    where = (case.id, row["model"], row["round"])
    wanted = [metric for metric in METRICS.values() if metric.test_case == case.test_case]
    answer = delivered(row["status"], row["error"], row["model_response"], case.test_case)
    if answer.status == "failed":
        yield from (Score.unscored(*where, m.name, f"failed: {answer.error}") for m in wanted)
    elif answer.status != "answered":
        yield from (Score(*where, m.name, m.worst, f"{answer.status}: {answer.error}") for m in wanted)
    else:
        for metric in wanted:
            value = metric.function(answer.value, case)
            yield Score(*where, metric.name, value, "" if value is not None else "not defined for this case")


def delivered(status: str, error: str, text: str, kind: str) -> Answer:
    """What became of a response. Whatever is not said to have gone wrong is read for what it is."""
    if status in ("malformed", "refused", "failed"):
        return Answer(status, error=error)
    return read_answer(text, kind)
