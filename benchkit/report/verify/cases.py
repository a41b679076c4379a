"""The cases against the journal: what the validator was shown of them, and what the models were asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...domain import TestCase
from ...llm.journal import asked_in, read
from ...run.tables import writable
from .answers import Key
from .apart import Difference, same

if TYPE_CHECKING:
    import pandas as pd

CASES = "validated_tests.csv"
SHOWN = ("prompt", "test_case", "category", "golden_response", "response_schema")
SCORES = ("prompt_quality_score", "response_quality_score")
Judged = Mapping[str, Any]


def judged_on_record(journal: Path) -> dict[str, list[Judged]]:
    """Every case that the validator judged, as it saw it, with its scores. Raises RunError."""
    found: dict[str, list[Judged]] = {}

    def collect(db: Any) -> None:
        for one in asked_in(db, "validator", failed=True):
            said = one.reply.arguments or {}
            shown = json.loads(one.messages[-1][1]) | {name: said.get(name) for name in SCORES}
            found.setdefault(one.case, []).append(shown)

    read(journal, collect)
    return found


def cases_apart(
    cases: pd.DataFrame, judged: Mapping[str, list[Judged]], asked: Mapping[Key, list[str]]
) -> Iterator[Difference]:
    """Every field of a case that is neither what the validator judged nor what the models were asked."""
    prompts = _by_case(asked)
    for row in cases.to_dict("records"):
        case = _fields(row)
        came = judged.get(row["id"], ())
        if came and not any(_agrees(case, one) for one in came):
            yield from _apart(row["id"], case, came[-1])
        elif not came and row["id"] in prompts and case["prompt"] not in prompts[row["id"]]:
            yield Difference(CASES, f"{row['id']}, prompt", case["prompt"], prompts[row["id"]][-1])


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    case = TestCase.from_row(row)
    shown = {name: getattr(case, name) for name in SHOWN}
    return {name: _plain(value) for name, value in (shown | {s: row.get(s) for s in SCORES}).items()}


def _agrees(case: Mapping[str, Any], one: Judged) -> bool:
    return all(same(case[name], _plain(one.get(name))) for name in (*SHOWN, *SCORES))


def _apart(id: str, case: Mapping[str, Any], one: Judged) -> Iterator[Difference]:
    for name in (*SHOWN, *SCORES):
        if not same(case[name], ours := _plain(one.get(name))):
            yield Difference(CASES, f"{id}, {name}", case[name], ours)


def _plain(value: Any) -> Any:
    """A field as text that two sides can be compared by; a score as a number, what is absent as None."""
    if value is None or value == {} or value != value:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return writable(text) or None


def _by_case(asked: Mapping[Key, Iterable[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for (_, case, _), some in asked.items():
        found.setdefault(case, []).extend(some)
    return found
