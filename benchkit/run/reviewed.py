"""What people changed in a run's cases: review.csv, laid over the tables that 02 wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import RunError
from .rows import BY_HAND
from .tables import read_table

if TYPE_CHECKING:
    import pandas as pd

REVIEW = "review.csv"
COLUMNS = ("case", "who", "when", "before", "after", "reason")
OUTCOME, ACCEPTED, REJECTED = "outcome", "accepted", "rejected"
TEXTS = ("prompt", "golden_response", "requirements")
NOT_SEEN = "Edited by a person; the validator has not seen it so."
NAN = float("nan")
VERDICT: dict[str, float | str] = {"prompt_quality_score": NAN, "response_quality_score": NAN}
VERDICT |= {"validation_message": NOT_SEEN, "validation_timestamp": ""}  # of a text that is another now


@dataclass(frozen=True)
class Change:
    """One row of review.csv; `before` and `after` have the same keys, of TEXTS or OUTCOME."""

    case: str
    who: str
    when: str  # UTC, ISO 8601
    before: dict[str, str]
    after: dict[str, str]
    reason: str

    def row(self) -> dict[str, str]:
        texts = {name: json.dumps(getattr(self, name), ensure_ascii=False) for name in ("before", "after")}
        return vars(self) | texts


def read_review(path: Path) -> list[Change]:
    """The changes in their order; [] where nobody made one. Raises RunError for a row that cannot be read."""
    frame = read_table(path, or_empty=True)
    return [_change(path, number, row) for number, row in enumerate(frame.to_dict("records"), 2)]


def reviewed(path: Path, accepted: pd.DataFrame, rejected: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(accepted, rejected) with the changes of `path`, a review.csv, made to them.

    What the validator said of a text that was changed is gone: it was said of another one.
    Raises RunError that names the row for a case that is in neither, and for one whose text is no longer
    what was changed.
    """
    import pandas as pd

    changes = read_review(path)
    if not changes:
        return accepted, rejected
    outcomes = [ACCEPTED] * len(accepted) + [REJECTED] * len(rejected)
    both = pd.concat([accepted.assign(reason=""), rejected], ignore_index=True).assign(**{OUTCOME: outcomes})
    before = both[[*TEXTS]].copy()
    at: dict[str, int] = {}
    for position, id in enumerate(both["id"]):
        at.setdefault(id, position)  # a rejected copy may have the id of an accepted case
    for number, change in enumerate(changes, 2):
        if change.case not in at:
            raise _bad(path, number, f"neither accepted nor rejected cases hold {change.case!r}")
        for column, text in _to_set(path, number, change, both.loc[at[change.case]]):
            both.loc[at[change.case], column] = text
    edited = (both[[*TEXTS]] != before).any(axis=1)
    for column in both.columns.intersection([*VERDICT]):
        both.loc[edited, column] = VERDICT[column]
    used = both[OUTCOME] == ACCEPTED
    good, bad = both[used][[*accepted.columns]], both[~used][[*rejected.columns]]
    return good.reset_index(drop=True), bad.reset_index(drop=True)


def review_in_words(path: Path) -> str:
    """How many of the cases that 02 left people changed, rejected and accepted; "" for none."""
    first: dict[tuple[str, str], str] = {}
    last: dict[tuple[str, str], str] = {}
    for change in read_review(path):
        for name, text in change.before.items():
            first.setdefault((change.case, name), text)
            last[change.case, name] = change.after[name]
    differ = {key for key, text in last.items() if first[key] != text}
    changed = {case for case, name in differ if name != OUTCOME}
    moved = [last[key] for key in differ if key[1] == OUTCOME]
    counts = (len(changed), "changed"), (moved.count(REJECTED), REJECTED), (moved.count(ACCEPTED), ACCEPTED)
    done = ", ".join(f"{number:,} {what}" for number, what in counts if number)
    return f"People reviewed the cases: {done} ({REVIEW})." if done else ""


def _change(path: Path, number: int, row: dict[str, str]) -> Change:
    parts = {}
    for name in ("before", "after"):
        try:
            parts[name] = json.loads(row[name])
        except (ValueError, RecursionError):
            raise _bad(path, number, f"{name} is not readable as JSON") from None
        if not isinstance(parts[name], dict) or not all(isinstance(v, str) for v in parts[name].values()):
            raise _bad(path, number, f"{name} is not an object of texts")
    if not parts["after"] or parts["before"].keys() != parts["after"].keys():
        raise _bad(path, number, "before and after do not name the same fields")
    if unknown := sorted(parts["after"].keys() - {*TEXTS, OUTCOME}):
        known = ", ".join((OUTCOME, *TEXTS))
        raise _bad(path, number, f"{unknown[0]!r} is no field of a review (there are {known})")
    if not {parts["after"].get(OUTCOME, ACCEPTED)} <= {ACCEPTED, REJECTED}:
        raise _bad(path, number, f"the outcome is neither {ACCEPTED} nor {REJECTED}")
    return Change(row["case"].strip(), row["who"], row["when"], **parts, reason=row["reason"])


def _to_set(path: Path, number: int, change: Change, row: pd.Series) -> Iterator[tuple[str, str]]:
    """Columns of the case's row and what they hold after the change."""
    for name, text in change.after.items():
        if name != OUTCOME and row[name] not in (change.before[name], text):
            raise _bad(path, number, f"{name} of {change.case} is no longer what was changed")
        yield name, text
        if name == OUTCOME:
            yield "reason", f"{BY_HAND}{change.who or 'a person'}: {change.reason}"


def _bad(path: Path, number: int, what: str) -> RunError:
    return RunError(f"{path} row {number}: {what}. Mend that row, or delete it.")
