"""The responses against what the journal has on record of them: what the provider really said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...agent import Reply
from ...domain import Response, TestCase
from ...execute import response_from
from ...llm.journal import asked_in, read
from ...run.tables import writable
from .apart import Difference, same

if TYPE_CHECKING:
    import pandas as pd

Key = tuple[str, str, int]  # model, case, round
_STATED = ("model_response", "status", "error", "timestamp", "latency_s", "queue_s")
STATED = (*_STATED, "prompt_tokens", "completion_tokens", "cost_usd")
_EXECUTORS = "%_executor"


def replies_on_record(journal: Path) -> dict[Key, list[Reply]]:
    """Every reply of a model under test, by what it answers; the journal is only read.

    Raises RunError for a journal that cannot be read.
    """
    found: dict[Key, list[Reply]] = {}

    def collect(db: Any) -> None:
        for one in asked_in(db, _EXECUTORS, failed=True):
            found.setdefault((one.model, one.case, one.round), []).append(one.reply)

    read(journal, collect)
    return found


def prompts_on_record(journal: Path) -> dict[Key, list[str]]:
    """What each model under test was asked, as a CSV file holds it, by what it answers. Raises RunError."""
    found: dict[Key, list[str]] = {}

    def collect(db: Any) -> None:
        for one in asked_in(db, _EXECUTORS, failed=True):
            found.setdefault((one.model, one.case, one.round), []).append(writable(one.messages[-1][1]))

    read(journal, collect)
    return found


def responses_apart(
    responses: pd.DataFrame,
    cases: pd.DataFrame,
    on_record: Mapping[Key, list[Reply]],
    file_of: Mapping[str, str],
    asked: Mapping[Key, list[str]],
) -> Iterator[Difference]:
    """Every field of a response that is not what was asked or came back; `file_of` names their files."""
    tests = {row["id"]: TestCase.from_row(row) for row in cases.to_dict("records")}
    for row in _plain(responses):
        key = (row["model"], row["id"], row["round"])
        if row["id"] not in tests or (row["status"] == "failed" and key not in on_record):
            continue  # a call that was never sent has left nothing
        file, place = file_of[row["model"]], f"{row['id']}, round {row['round']}"
        prompts = asked.get(key, ())
        if row["prompt"] and prompts and row["prompt"] not in prompts:
            yield Difference(file, f"{place}, prompt", row["prompt"], prompts[-1])
        came = [response_from(tests[row["id"]], key[0], key[2], reply) for reply in on_record.get(key, ())]
        if not came:
            yield Difference(file, place, "a response", "no reply on record")
        elif not any(_is(row, one) for one in came):
            for name in STATED:
                ours = _written(getattr(came[-1], name))
                if not same(row[name], ours):
                    yield Difference(file, f"{place}, {name}", row[name], ours)


def _plain(responses: pd.DataFrame) -> Iterator[dict[str, Any]]:
    table = responses.astype(object).where(responses.notna(), None)
    return iter(table.to_dict("records"))


def _is(row: Mapping[str, Any], one: Response) -> bool:
    return all(same(row[name], _written(getattr(one, name))) for name in STATED)


def _written(value: Any) -> Any:
    """A value as a CSV file gives it back."""
    return writable(value) if isinstance(value, str) else value
