"""What can be said of test cases without asking a model: usable, unique, answerable from the prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .domain import TestCase

if TYPE_CHECKING:
    import pandas as pd

# Two prompts that share this much of their words (rapidfuzz's token set ratio, 0 to 100) test the same thing.
NEAR_DUPLICATE = 90
# Order numbers, dates, amounts: what a golden answer cannot know unless the prompt says it.
_EXACT = re.compile(r"\b(?:\d{4}-\d{2}-\d{2}\S*|[A-Z]{2,}-[0-9A-Z-]+|\d[\d.,]*\d|\d)\b")


def check_cases(cases: pd.DataFrame, accepted: pd.DataFrame | None = None) -> pd.DataFrame:
    """What needs no model: a row per finding with id, finding, fatal.

    Fatal: an unusable row, a golden that breaks its schema, an id that is taken. The others are likenesses
    to an earlier prompt and exact values in the golden that the prompt does not state.
    """
    import pandas as pd

    earlier = [] if accepted is None else [dict(row) for row in accepted.to_dict("records")]
    rows = [
        {"id": row["id"], "row": index, "finding": finding, "fatal": fatal}
        for index, row in enumerate(cases.to_dict("records"))
        for finding, fatal in _findings(row)
    ]
    rows += _taken(cases, earlier) + _likenesses(cases, earlier)
    return pd.DataFrame(rows, columns=["id", "row", "finding", "fatal"])


def _findings(row: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    from .metrics.structured import schema_compliance

    if row.get("problem"):
        yield f"unusable: {row['problem']}", True
        return
    try:
        case = TestCase.from_row(row)
    except ValueError as error:
        yield f"unusable: golden_response or response_schema is not JSON ({error})", True
        return
    if not case.prompt.strip() or not case.golden_response:
        yield "unusable: prompt or golden_response is empty", True
        return
    if case.test_case == "json" and not schema_compliance(case.golden_response, case.response_schema or {}):
        yield "schema: the golden response does not meet its own response_schema", True
    absent = [value for value in exact_values(case) if value not in case.prompt]
    if absent:
        yield (
            f"facts: the golden response has {', '.join(absent[:3])}, which the prompt does not state",
            False,
        )


def exact_values(case: TestCase) -> list[str]:
    """Identifiers, dates and numbers of the golden response that can only come from the prompt."""
    if isinstance(case.golden_response, str):
        # A reference of one or two digits ("in 24 hours", "step 2") is advice, not a fact about the customer.
        return [
            v for v in dict.fromkeys(_EXACT.findall(case.golden_response)) if len(re.sub(r"\W", "", v)) > 3
        ]
    return [value for leaf in _leaves(case.golden_response) if (value := _exact_leaf(leaf))]


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    else:
        yield value


def _exact_leaf(leaf: Any) -> str:
    if isinstance(leaf, int | float) and not isinstance(leaf, bool):
        return f"{leaf:g}"
    return leaf if isinstance(leaf, str) and _EXACT.fullmatch(leaf) else ""


def _taken(cases: pd.DataFrame, earlier: list[dict]) -> list[dict]:
    taken = {row["id"] for row in earlier}
    rows = []
    for index, id in enumerate(cases["id"]):
        if id in taken:
            rows.append({"id": id, "row": index, "finding": f"duplicate id: {id} is taken", "fatal": True})
        taken.add(id)
    return rows


def _likenesses(cases: pd.DataFrame, earlier: list[dict]) -> list[dict]:
    """Each case that is nearly the same as one before it, of its own kind."""
    from rapidfuzz import fuzz, process
    from rapidfuzz.utils import default_process

    rows = []
    texts = [default_process(row["prompt"])[:5000] for row in earlier] + [
        default_process(prompt)[:5000] for prompt in cases["prompt"]
    ]
    ids = [row["id"] for row in earlier] + list(cases["id"])
    for index in range(len(cases)):
        at = len(earlier) + index
        found = texts[at] and process.extractOne(
            texts[at], texts[:at], scorer=fuzz.token_set_ratio, score_cutoff=NEAR_DUPLICATE
        )
        if found:
            like = f"near-duplicate: {found[1]:.0f} % like {ids[found[2]]}"
            rows.append({"id": ids[at], "row": index, "finding": like, "fatal": False})
    return rows
