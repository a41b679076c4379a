"""02: what people make of the cases: accepted, rejected or edited with a reason, and undone."""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..domain import TestCase, as_text, read_requirements
from ..errors import InputError
from ..run.config import now
from ..run.reviewed import ACCEPTED, COLUMNS, OUTCOME, REJECTED, REVIEW, Change, read_review
from .checks import fatal_findings
from .requirements import doubts_without_a_model

if TYPE_CHECKING:
    from ..run import Run


class Review:
    """The changes that people make to a run's cases, each on disk in review.csv before anything is shown.

    Nothing is kept in memory: what is read is what is on disk. A change that cannot be made raises an
    InputError that says why, and nothing is written.
    """

    def __init__(self, run: Run, who: str = "") -> None:
        self.run, self.who = run, who or _user()

    def cases(self) -> pd.DataFrame:
        """Accepted cases, then rejected ones, as they are now, with `outcome`, `reason` and `reviewed`."""
        accepted = self.run.validated_tests().assign(outcome=ACCEPTED, reason="")
        rejected = self.run.rejected_tests().assign(outcome=REJECTED)
        both = pd.concat([frame for frame in (accepted, rejected) if len(frame)] or [accepted])
        both = both.drop_duplicates("id", ignore_index=True)  # a rejected copy of a case has its id
        seen = {change.case for change in self.changes()}
        return both.assign(reviewed=["by a person" if id in seen else "" for id in both["id"]])

    def changes(self) -> list[Change]:
        return read_review(self.run.path / REVIEW)

    def accept(self, case: str, reason: str) -> str:
        """Take a rejected case into the set."""
        row = self._row(case)
        if row[OUTCOME] == ACCEPTED:
            raise InputError(f"{case} is accepted already.")
        self._check_usable(row)
        return self._add(row, {OUTCOME: ACCEPTED}, reason)

    def reject(self, case: str, reason: str) -> str:
        """Take an accepted case out of the set."""
        row = self._row(case)
        if row[OUTCOME] == REJECTED:
            raise InputError(f"{case} is rejected already.")
        return self._add(row, {OUTCOME: REJECTED}, reason)

    def edit(self, case: str, reason: str, **texts: str) -> str:
        """Give a case another `prompt`, `golden_response` or `requirements`; texts that are the same stay.

        Edited texts pass the checks of those that were written.
        """
        row = self._row(case)
        after = {name: _as_kept(name, text, row) for name, text in texts.items()}
        after = {name: text for name, text in after.items() if text != _as_kept(name, row[name], row)}
        if not after:
            raise InputError(f"Nothing of {case} was changed. Change a text, then save it.")
        self._check_usable(row | after)
        doubts = self._doubts(row | after)
        if doubts and doubts != self._doubts(row):
            raise InputError(f"{case} stays as it is: {'; '.join(doubts)}")
        return self._add(row, after, reason)

    def undo(self) -> str:
        """Take the last change back, whoever made it."""
        changes = self.changes()
        if not changes:
            raise InputError("There is no change to undo.")
        self._write(changes[:-1])
        return f"Undone: {_in_words(changes[-1])}"

    def _row(self, case: str) -> dict[str, Any]:
        found = self.cases()
        found = found[found["id"] == case]
        if found.empty:
            raise InputError(f"This run has no case {case!r}. Name one of {self.run.path}.")
        return {str(name): value for name, value in found.iloc[0].items()}

    def _check_usable(self, row: dict[str, Any]) -> None:
        accepted = self.run.validated_tests()
        others = accepted[accepted["id"] != row["id"]].to_dict("records")
        if found := fatal_findings(pd.DataFrame([row]), others):
            raise InputError(f"{row['id']} stays as it is: {found[0]['finding']}")

    def _doubts(self, row: Mapping[str, Any]) -> list[str]:
        with suppress(ValueError):  # the case was unusable before
            return doubts_without_a_model(TestCase.from_row(row), generated=not self.run.brought)
        return []

    def _add(self, row: Mapping[str, Any], after: dict[str, str], reason: str) -> str:
        if not reason.strip():
            raise InputError(f"Give a reason, so that others can follow: {row['id']} stays as it is.")
        before = {name: str(row[name]) for name in after}
        change = Change(row["id"], self.who, now(), before, after, reason.strip())
        self._write([*self.changes(), change])
        return _in_words(change)

    def _write(self, changes: list[Change]) -> None:
        if not changes:  # as if nobody had looked
            with self.run.claim():
                (self.run.path / REVIEW).unlink()
            return
        self.run.save(REVIEW, pd.DataFrame([one.row() for one in changes], columns=list(COLUMNS)))


def _as_kept(name: str, text: str, row: Mapping[str, Any]) -> str:
    """The text as a table keeps it: JSON on one line, else with a browser's line ends.

    What cannot be read stays as it is, for the checks to refuse.
    """
    with suppress(ValueError, RecursionError):
        if name == "requirements":
            return as_text([one.record() for one in read_requirements(text)] or "")
        if name == "golden_response" and row["test_case"] == "json":
            return as_text(json.loads(text))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _in_words(change: Change) -> str:
    what = change.after.get(OUTCOME) or f"edited {', '.join(change.after)}"
    return f"{change.case} {what}."


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # in a container a user may have no name
        return ""
