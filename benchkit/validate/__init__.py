"""02: what needs no model first; then the validator scores, and rejects go back to the generator."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..agent import Agent, Item, Reply, Tool, system_prompt
from ..domain import TestCase, Validation
from ..errors import InputError, UsageError
from ..llm.catalog import default_model
from .checks import check_cases

if TYPE_CHECKING:
    import pandas as pd

    from ..llm.client import Client

Rewrite = Callable[["pd.DataFrame"], Awaitable["pd.DataFrame"]]
VERDICT = ("prompt_quality_score", "response_quality_score", "validation_message", "validation_timestamp")
_SCORE: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 5}
VALIDATE = Tool(
    "validate_test_case",
    "Hand in the verdict on one test case.",
    {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "prompt_quality_score": _SCORE,
            "response_quality_score": _SCORE,
            "message": {"type": "string"},
        },
        "required": ["id", "prompt_quality_score", "response_quality_score", "message"],
        "additionalProperties": False,
    },
)


@dataclass(frozen=True)
class Outcome:
    """Accepted cases, rejected ones with `reason`, and how the one became the other."""

    accepted: pd.DataFrame
    rejected: pd.DataFrame

    @property
    def yields(self) -> pd.DataFrame:
        """Cases per category and attempt: generated, rejected, accepted."""
        import pandas as pd

        everything = pd.concat(
            [self.accepted.assign(outcome="accepted"), self.rejected.assign(outcome="rejected")]
        )
        counts = (
            everything.groupby(["test_case", "category", "attempt"])["outcome"]
            .value_counts()
            .unstack(fill_value=0)
        )
        counts = counts.reindex(columns=["accepted", "rejected"], fill_value=0)
        counts.insert(0, "generated", counts.sum(axis=1))
        return counts.rename_axis(columns=None).reset_index()

    @property
    def reasons(self) -> pd.Series:
        """How many cases each kind of reason turned down."""
        return self.rejected["reason"].astype(str).str.split(":").str[0].value_counts().rename("cases")


def validator(model: str) -> Agent:
    return Agent("validator", model, system_prompt("validate"), VALIDATE, temperature=0.0, max_tokens=1500)


async def validate(
    cases: pd.DataFrame,
    client: Client,
    model: str = "",
    *,
    enable_validation: bool = True,
    threshold: float = 4,
    rewrite: Rewrite | None = None,
    max_regenerations: int = 2,
) -> Outcome:
    """Check, judge and, where `rewrite` can, have rejected cases written anew, `max_regenerations` times.

    Without validation, or for imported cases (`rewrite` None), findings that are not fatal are only flagged.
    Raises UsageError for a threshold outside 0 to 5, and for regenerations that are no number from 0 to 20.
    """
    check_parameters(enable_validation, threshold, max_regenerations)
    accepted, rejected = _nothing(cases), _nothing(cases)
    pending = cases
    for attempt in range(max_regenerations + 1):
        good, bad = _sorted_out(pending, accepted, lenient=rewrite is None or not enable_validation)
        if enable_validation and len(good):
            good, turned_down = await _judge(good, client, model, threshold)
            bad = _join(bad, turned_down)
        accepted, rejected = _join(accepted, good), _join(rejected, bad)
        again = bad[~bad["reason"].astype(str).str.startswith("no verdict")]
        if rewrite is None or not enable_validation or not len(again) or attempt == max_regenerations:
            break
        pending = await rewrite(again)
    return Outcome(accepted.drop(columns="reason"), rejected)


def require_accepted(outcome: Outcome) -> None:
    """Raises InputError when no case is left to go on with."""
    if not len(outcome.accepted):
        why = "; ".join(f"{n} × {reason}" for reason, n in outcome.reasons.head(3).items())
        raise InputError(
            f"0 of {len(outcome.rejected)} cases were accepted ({why}). "
            "Read rejected_tests.csv, then mend the cases, lower quality_threshold or change the validator."
        )


def check_parameters(enable_validation: bool, threshold: float, max_regenerations: int) -> None:
    if not isinstance(enable_validation, bool):
        raise UsageError(f"enable_validation = {enable_validation!r} is not usable. Use True or False.")
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 5:
        raise UsageError(f"quality_threshold = {threshold!r} is not usable. Scores run from 0 to 5.")
    if type(max_regenerations) is not int or not 0 <= max_regenerations <= 20:
        raise UsageError(
            f"max_regenerations = {max_regenerations!r} is not usable. Use a whole number, 0 to 20."
        )


def _sorted_out(
    pending: pd.DataFrame, accepted: pd.DataFrame, *, lenient: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(good, bad) by what needs no model. Lenient: what is not fatal becomes a flag in the message."""
    found = check_cases(pending, accepted)
    stops = found if not lenient else found[found["fatal"].astype(bool)]
    reasons = stops.groupby("row")["finding"].agg("; ".join)
    flags = found.drop(index=stops.index).groupby("row")["finding"].agg("; ".join)
    table = pending.reset_index(drop=True).assign(**dict.fromkeys(VERDICT, ""))
    table["validation_message"] = [flags.get(i, "") for i in range(len(table))]
    table[list(VERDICT[:2])] = float("nan")
    table["reason"] = [reasons.get(i, "") for i in range(len(table))]
    bad = table["reason"] != ""
    return table[~bad], table[bad]


async def judged(
    cases: pd.DataFrame, client: Client, model: str, threshold: float, on_record_as: Sequence[str] = ()
) -> pd.DataFrame:
    """The cases with the validator's scores and message, and `reason`: why it turns one down, or "".

    `on_record_as` names the cases in the journal where another case has been judged under their id.
    """
    agent = validator(model or default_model(client.name, "validator"))
    items = [
        Item(name, _message(row), attempt=row["attempt"])
        for name, row in zip(on_record_as or list(cases["id"]), cases.to_dict("records"), strict=True)
    ]
    async with client:
        replies = await client.map(agent, items, "validate")
    flags = cases["validation_message"].to_list()
    verdicts = [_verdict(*pair) for pair in zip(items, replies, strict=True)]
    table = cases.copy()
    table["prompt_quality_score"] = [v.prompt_quality_score if v else float("nan") for v in verdicts]
    table["response_quality_score"] = [v.response_quality_score if v else float("nan") for v in verdicts]
    said = [v.message if v else "" for v in verdicts]
    table["validation_message"] = ["; ".join(filter(None, both)) for both in zip(flags, said, strict=True)]
    table["validation_timestamp"] = [v.timestamp if v else "" for v in verdicts]
    table["reason"] = [_reason(*pair, threshold) for pair in zip(verdicts, replies, strict=True)]
    return table


async def _judge(
    cases: pd.DataFrame, client: Client, model: str, threshold: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    table = await judged(cases, client, model, threshold)
    bad = table["reason"] != ""
    return table[~bad], table[bad]


def _message(row: Mapping[str, Any]) -> str:
    case = TestCase.from_row(row)
    shown = {"id": case.id, "test_case": case.test_case, "category": case.category, "prompt": case.prompt}
    shown["golden_response"] = case.golden_response  # type: ignore[assignment]
    if case.response_schema:
        shown["response_schema"] = case.response_schema  # type: ignore[assignment]
    return json.dumps(shown, ensure_ascii=False)


def _verdict(item: Item, reply: Reply) -> Validation | None:
    said = reply.arguments
    if said is None:
        return None
    scores = (float(said["prompt_quality_score"]), float(said["response_quality_score"]))
    if not all(map(math.isfinite, scores)):
        return None  # JSON as Python reads it may hold NaN, and no schema forbids it
    return Validation(item.case, *scores, str(said["message"]), reply.timestamp or _now())


def _reason(verdict: Validation | None, reply: Reply, threshold: float) -> str:
    """Why a case is turned down, or "". Without a verdict it is neither good nor bad: it cannot be used."""
    if verdict is None:
        return f"no verdict: {reply.error or 'a score is not a number'}"
    if verdict.accepts(threshold):
        return ""
    low = "prompt" if verdict.prompt_quality_score <= verdict.response_quality_score else "response"
    score = min(verdict.prompt_quality_score, verdict.response_quality_score)
    return f"{low} quality: {score:g} of 5, {threshold:g} needed. {verdict.message}"


def _nothing(cases: pd.DataFrame) -> pd.DataFrame:
    return cases.iloc[:0].assign(**dict.fromkeys((*VERDICT, "reason"), ""))


def _join(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return pd.concat([frame for frame in (first, second) if len(frame)] or [first], ignore_index=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
