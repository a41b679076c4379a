"""What people changed in a run's cases: in its tables by hand, and in review.csv, laid over them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ..errors import RunError
from .config import CONFIG, is_begun, read_config, save_config
from .foreign import CASES
from .large import digest
from .rows import BY_HAND
from .tables import encoded, read_table, table_text, write_table

if TYPE_CHECKING:
    import pandas as pd

EDITABLE = ("initial_tests.csv", CASES)
WRITTEN = "written"  # in config.json: a digest of each of these tables, as we wrote it
MADE = "made"  # the same of each other file, which is made anew whatever a person did to it
REVIEW = "review.csv"
READ_BACK = (CONFIG, REVIEW, "labels.csv")  # what people change there is in what is written next
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
    at = {id: position for position, id in reversed([*enumerate(both["id"])])}  # the first of an id
    for number, change in enumerate(changes, 2):
        if change.case not in at:
            raise _bad(path, number, f"neither accepted nor rejected cases hold {change.case!r}")
        row = at[change.case]
        for name, text in change.after.items():
            if name != OUTCOME and both.loc[row, name] not in (change.before[name], text):
                raise _bad(path, number, f"{name} of {change.case} is no longer what was changed")
            both.loc[row, name] = text
        if OUTCOME in change.after:
            both.loc[row, "reason"] = f"{BY_HAND}{change.who or 'a person'}: {change.reason}"
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
    try:
        before, after = json.loads(row["before"]), json.loads(row["after"])
        known = set(after) <= {*TEXTS, OUTCOME} and after.get(OUTCOME, ACCEPTED) in (ACCEPTED, REJECTED)
        texts = all(isinstance(text, str) for text in (*before.values(), *after.values()))
        usable = bool(after) and before.keys() == after.keys() and texts and known
    except (ValueError, RecursionError, TypeError, AttributeError):
        usable = False
    if not usable:
        raise _bad(
            path, number,
            f"before and after have to be JSON objects with the same of {OUTCOME} ({ACCEPTED} or "
            f"{REJECTED}), {', '.join(TEXTS)}, and their texts",
        )  # fmt: skip
    return Change(row["case"].strip(), row["who"], row["when"], before, after, reason=row["reason"])


def _bad(path: Path, number: int, what: str) -> RunError:
    return RunError(f"{path} row {number}: {what}. Mend that row, or delete it.")


def write_unless_edited(path: Path, frame: pd.DataFrame) -> bool:
    """Write a table and remember what was written; False where a person has edited the one that is there."""
    if edited(path):
        with TemporaryDirectory() as folder:
            write_table(ours := Path(folder) / path.name, frame)
            if _digest(path) != _digest(ours):
                return False
    write_table(path, frame)
    config = read_config(path.parent)
    save_config(path.parent, config | {WRITTEN: config.get(WRITTEN, {}) | {path.name: _digest(path)}})
    return True


def write_anew(path: Path, write: Callable[[], None]) -> Path | None:
    """Have a file written anew; where a person changed the one that is there, the copy of that beside it."""
    kept = None
    if changed(path):
        names = (path.with_suffix(f".edited{number or ''}{path.suffix}") for number in count())
        kept = next(name for name in names if not name.exists())
        copyfile(path, kept)
    write()
    if _has_config(path.parent):
        config = read_config(path.parent)
        now = {path.name: digest(path)} if path.exists() else {}
        save_config(path.parent, config | {MADE: config.get(MADE, {}) | now})
    if kept and path.exists() and digest(kept) == digest(path):
        kept.unlink()
        return None
    return kept


def changed(path: Path) -> str:
    """That a file which is made anew is not as we wrote it; "" where it is, or nobody knows."""
    config = read_config(path.parent) if _has_config(path.parent) else {}
    wrote = config.get(MADE, {}).get(path.name)
    unchanged = wrote is None or path.name in READ_BACK or not path.exists() or digest(path) == wrote
    return "" if unchanged else f"{path.name} was changed since benchkit wrote it."


def _has_config(folder: Path) -> bool:
    return (folder / CONFIG).exists()


def edited(path: Path) -> str:
    """That a person has edited a table since we wrote it; "" where nobody has."""
    config = read_config(path.parent) if is_begun(path.parent) else {}
    wrote = config.get(WRITTEN, {}).get(path.name)
    unchanged = wrote is None or not path.exists() or _digest(path) == wrote
    return "" if unchanged else f"{path.name} was edited by hand."


def _digest(path: Path) -> str:
    """Of what a table holds, however its cells are quoted; "" where it cannot be read."""
    try:
        return sha256(encoded(table_text(read_table(path)))).hexdigest()[:16]
    except RunError:
        return ""
