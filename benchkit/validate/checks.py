"""What can be said of test cases without asking a model: usable, unique, answerable from the prompt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pandas as pd

from ..domain import KINDS, TestCase, as_text, read_requirements
from ..errors import InputError
from ..jsontext import leaves
from ..metrics.stated import Fact, Told, facts, number
from ..wording import count
from .likeness import likenesses
from .requirements import doubts_without_a_model

MOST_SAID = 10
LIKE = "like "  # begins the name of a family that was found


@dataclass(frozen=True)
class Checked:
    """What needs no model. `findings` has a row per finding: id, row (position from 0), finding, fatal.

    Fatal: an unusable row, a golden that breaks its schema, an id that is taken, an exact copy. The others
    are likenesses to an earlier prompt, exact values in the golden that the prompt does not state, and doubts
    of the requirements.
    `families` names the family of each case: the one that it was given; else the one that the first of its
    near-duplicates was given, or is named after; "" for a case like no other.
    """

    findings: pd.DataFrame
    families: list[str]

    @property
    def summary(self) -> pd.DataFrame:
        """How many cases have each kind of finding, and whether it is fatal."""
        kinds = self.findings["finding"].str.split(":").str[0]
        return self.findings.groupby([kinds, "fatal"]).size().rename("cases").to_frame()

    @property
    def in_words(self) -> str:
        """Which case has what finding, a line each, MOST_SAID at most: fatal, requirements, others."""
        asked = ~self.findings["finding"].str.startswith("requirements")
        ranked = self.findings.assign(other=asked, mild=~self.findings["fatal"].astype(bool))
        ranked = ranked.sort_values(["mild", "other", "row"], kind="stable")
        lines = [f"{row.id}: {row.finding}" for row in ranked.head(MOST_SAID).itertuples()]
        more = len(ranked) - MOST_SAID
        return "\n".join(lines + [f"and {count(more, 'finding')} more"] * (more > 0))


def check_cases(
    cases: pd.DataFrame, accepted: pd.DataFrame | None = None, *, generated: bool = False
) -> Checked:
    """Check each case by itself and against those before it and the accepted ones.

    Conversations that were `generated` need requirements of both kinds; those that were brought may.
    """
    earlier = [] if accepted is None else accepted.to_dict("records")
    rows = fatal_findings(cases, earlier)
    broken = {row["row"] for row in rows}
    sound = {index: row for index, row in enumerate(cases.to_dict("records")) if index not in broken}
    alike, families = _likenesses(sound, earlier)
    rows += _doubtful(sound, generated) + alike
    findings = pd.DataFrame(rows, columns=["id", "row", "finding", "fatal"])
    return Checked(findings, [families.get(index, "") for index in range(len(cases))])


def fatal_findings(cases: pd.DataFrame, earlier: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A finding for each case that nobody can be asked, or that is one of the `earlier` again."""
    ids = {row["id"] for row in earlier}
    known = {_content(row): row["id"] for row in earlier}
    rows = []
    for index, row in enumerate(cases.to_dict("records")):
        problem = _problem(row)
        if not problem and row["id"] in ids:
            problem = f"duplicate id: {row['id']} is taken"
        if not problem and _content(row) in known:
            problem = f"duplicate: the same prompt and golden response as {known[_content(row)]}"
        if problem:
            rows.append(_finding(row, index, problem, fatal=True))
        else:
            ids.add(row["id"])
            known[_content(row)] = row["id"]
    return rows


def _finding(row: Mapping[str, Any], index: int, said: str, *, fatal: bool = False) -> dict[str, Any]:
    return {"id": row["id"], "row": index, "finding": said, "fatal": fatal}


def _content(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What makes a case another one than an earlier; white space does not."""
    names = ("test_case", "prompt", "golden_response", "response_schema")
    return tuple(" ".join((row.get(name) or "").split()) for name in names)


def _problem(row: Mapping[str, Any]) -> str:
    """Why a row is no case that a model can be asked and scored on, or ""."""
    from ..metrics.schemas import schema_problem

    if row.get("problem"):
        return f"unusable: {row['problem']}"
    if row["test_case"] not in KINDS:
        return f"unusable: test_case {row['test_case']!r} is neither of: {', '.join(KINDS)}"
    if not row["prompt"].strip() or not row["golden_response"].strip():
        return "unusable: prompt or golden_response is empty"
    try:
        read_requirements(row.get("requirements") or "")
    except (ValueError, RecursionError) as error:
        return f"requirements (without a model): {error}"
    if row["test_case"] != "json":
        return ""
    try:
        case = TestCase.from_row(row)
        if not isinstance(case.golden_response, dict) or not case.golden_response:
            return "unusable: the golden response is not an object with something in it"
        broken = schema_problem(case.golden_response, case.response_schema or {})
    except (ValueError, RecursionError) as error:
        return f"unusable: golden_response or response_schema is not JSON ({error})"
    except InputError as error:
        return f"unusable: {error}"
    return f"schema: the golden response breaks its own response_schema at {broken}" if broken else ""


def _doubtful(cases: Mapping[int, Mapping[str, Any]], generated: bool) -> list[dict[str, Any]]:
    """What a person has to look at: facts that the prompt does not state, and the requirements."""
    rows = []
    for index, row in cases.items():
        case = TestCase.from_row(row)
        absent = ", ".join(unstated_values(case)[:3])
        said = [f"facts: the golden response has {absent}, which the prompt does not state"] if absent else []
        said += doubts_without_a_model(case, generated=generated)
        rows += [_finding(row, index, one) for one in said]
    return rows


def unstated_values(case: TestCase) -> list[str]:
    """References, dates, times, amounts and numbers of the golden response that its prompt does not state."""
    told = Told(case.prompt)
    if isinstance(case.golden_response, str):
        absent = _absent_in_prose(case.golden_response, told)
    else:
        named = _named_values(as_text(case.response_schema or {}))
        values = [value for _, value in leaves(case.golden_response) if value not in named]
        absent = [absent for value in values for absent in _absent_in_leaf(value, told)]
    return list(dict.fromkeys(absent))


def _absent_in_prose(text: str, told: Told) -> list[str]:
    return [fact.written for fact in facts(text) if _is_exact(fact) and not told.has(fact)]


def _is_exact(fact: Fact) -> bool:
    """A bare number of few digits ("in 24 hours", "step 2") is advice, not a fact about the customer."""
    if fact.kind != "number":
        return True
    return len(fact.written) > 3 and fact.written.replace(".", "").replace(",", "").isdigit()


def _absent_in_leaf(leaf: Any, told: Told) -> list[str]:
    if isinstance(leaf, bool) or leaf is None:
        return []
    if isinstance(leaf, int | float):
        fact = number(leaf)
        return [] if told.has(fact) else [fact.written]
    if any(c.isspace() for c in leaf):
        return _absent_in_prose(leaf, told)
    if told.says(leaf) or not ("@" in leaf or any(c.isdigit() for c in leaf)):
        return []
    parts = [fact for fact in facts(leaf) if fact.kind in ("date", "time")]
    return [] if parts and all(told.has(part) for part in parts) else [leaf]


@lru_cache(maxsize=64)
def _named_values(schema: str) -> list[Any]:
    """The values that a schema itself names, as enumerations do: a prompt may put them in other words."""
    found = list(leaves(json.loads(schema)))
    return [value for path, value in found if "enum" in path[-2:-1] or "const" in path[-1:]]


def _likenesses(
    cases: Mapping[int, dict[str, Any]], earlier: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], dict[int, str]]:
    """(a finding for each case that is nearly the same as one before it, of its own kind; families)."""
    findings, families = [], {}
    for kind in KINDS:
        rows = [(-1, row) for row in earlier if row["test_case"] == kind]
        rows += [(index, row) for index, row in cases.items() if row["test_case"] == kind]
        like = likenesses([row["prompt"] for _, row in rows])
        names = _family_names([row for _, row in rows], like["family"])
        for (index, row), name, nearest, ratio in zip(
            rows, names, like["nearest"], like["ratio"], strict=True
        ):
            families[index] = name
            if index >= 0 and nearest >= 0:
                said = f"near-duplicate: {ratio:.0f} % like {rows[nearest][1]['id']}"
                findings.append(_finding(row, index, said))
    return sorted(findings, key=lambda row: row["row"]), families


def _family_names(rows: list[dict[str, Any]], first: pd.Series) -> pd.Series:
    """A given family stays; `first` is the position of the first near-duplicate of each row."""
    given = pd.Series([row.get("family") or "" for row in rows], dtype=object)
    given = given.where(given != "")
    found = pd.Series([f"{LIKE}{rows[at]['id']}" for at in first], dtype=object)
    found = given.groupby(first).transform("first").fillna(found)
    return given.fillna(found.where(first.duplicated(keep=False), ""))
