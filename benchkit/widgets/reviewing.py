"""02: page through accepted and rejected cases; accept, reject or edit them with a reason, and undo."""

from __future__ import annotations

import json
from contextlib import suppress
from html import escape
from typing import Any

import pandas as pd

from ..run import Run
from ..validate.review import Review
from .paging import Action, Pager

FIELDS = {"Prompt": "prompt", "Golden response": "golden_response", "Requirements": "requirements"}
WHY = "Reason"


def review_cases(run: Run, who: str = "") -> Pager:
    """A widget over a run's cases: keys a, r, s and u accept, reject, save what was edited, and undo.

    Each change is in the run's review.csv before it is shown. `who` is the user's name where none is given.
    """
    shown = _Cases(Review(run, who))
    actions = [
        Action("Accept", lambda pager: shown.decide(pager, "accept"), "a"),
        Action("Reject", lambda pager: shown.decide(pager, "reject"), "r"),
        Action("Save edit", shown.save, "s"),
        Action("Undo last change", shown.undo, "u"),
    ]
    return Pager(shown.read(), shown.show, name="Cases to review", actions=actions, form=shown.form)


class _Cases:
    """What is on disk, as it was read after the last change."""

    def __init__(self, review: Review) -> None:
        self.review = review
        self._places: list[str] = []  # a case stays where it was first: what comes after it is next

    def read(self) -> pd.DataFrame:
        """The filters' columns, by case."""
        cases = self.review.cases().set_index("id", drop=False).rename_axis(None)
        self._places = list(dict.fromkeys([*self._places, *cases.index]))
        cases = cases.loc[[id for id in self._places if id in cases.index]]
        self._rows: dict[str, dict[str, Any]] = dict(zip(cases.index, cases.to_dict("records"), strict=True))
        self._changes = self.review.changes()
        seen = cases.rename(columns={"test_case": "kind"})
        seen["score"] = [_score(row) for row in self._rows.values()]
        seen["reason"] = [_kind_of(row) for row in self._rows.values()]
        seen["reviewed"] = cases["reviewed"].replace("", "not yet")
        return seen[["outcome", "kind", "category", "score", "reason", "reviewed"]]

    def show(self, key: str) -> str:
        row = self._rows[key]
        facts = {"Outcome": row["outcome"], "Kind": row["test_case"], "Category": row["category"]}
        facts["Scores"] = f"prompt {_number(row, 'prompt')}, golden response {_number(row, 'response')}"
        facts |= {"Why rejected": row["reason"], "Validator": row["validation_message"]}
        done = [change for change in self._changes if change.case == key]
        facts["Changes"] = "\n".join(f"{c.when} {c.who}: {', '.join(c.after)} ({c.reason})" for c in done)
        cells = {name: escape(str(said)) for name, said in facts.items() if said}
        lines = "".join(f"<tr><th>{name}</th><td>{said}</td></tr>" for name, said in cells.items())
        schema = f"<div class='bk-text'>{escape(_indented(row['response_schema']))}</div>"
        folded = f"<details><summary>Schema</summary>{schema}</details>" if row["response_schema"] else ""
        return f"<b>{escape(key)}</b><table>{lines}</table>{folded}"

    def form(self, key: str) -> dict[str, str]:
        row = self._rows[key]
        return {name: _indented(row[column]) for name, column in FIELDS.items()} | {WHY: ""}

    def decide(self, pager: Pager, action: str) -> str:
        said = getattr(self.review, action)(pager.key, pager.values[WHY])
        pager.take(self.read())
        return str(said)

    def save(self, pager: Pager) -> str:
        texts = {column: pager.values[name] for name, column in FIELDS.items()}
        said = self.review.edit(pager.key, pager.values[WHY], **texts)
        pager.take(self.read())
        return said

    def undo(self, pager: Pager) -> str:
        changes, said = self.review.changes(), self.review.undo()
        pager.take(self.read())
        pager.go(changes[-1].case)
        return said


def _score(row: dict[str, Any]) -> str:
    scores = [row["prompt_quality_score"], row["response_quality_score"]]
    return "none" if any(map(pd.isna, scores)) else f"{min(scores):g}"


def _number(row: dict[str, Any], what: str) -> str:
    value = row[f"{what}_quality_score"]
    return "none" if pd.isna(value) else f"{value:g} of 5"


def _kind_of(row: dict[str, Any]) -> str:
    return str(row["reason"] or row["validation_message"]).split(":")[0][:40] or "none"


def _indented(text: str) -> str:
    """JSON as a person can edit it; other text as it is."""
    if text.lstrip()[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return text
