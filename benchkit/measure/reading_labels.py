"""A file of labels -> which of two answers people prefer, whoever wrote it: our sheet, or Label Studio."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..decide.people import TIE
from ..errors import InputError
from ..log import setup_logging
from ..run import delimited
from ..wording import count
from .labels import sheet

if TYPE_CHECKING:
    import pandas as pd


logger = setup_logging(__name__)
COLUMNS = ("id", "round", "model_a", "model_b", "preferred", "labeller", "time")
ANSWERS = ("answer_1", "answer_2")
KNOWN = ("pair", *ANSWERS, *COLUMNS)
Row = tuple[int, Mapping[str, Any]]  # its number and its cells
_SAME = ["id", "round", "model_a", "model_b", "labeller"]
MOST_SAID = 5  # unusable rows that are named
_SIDES = {"1": 1, "2": 2, "left": 1, "right": 2, "answer_1": 1, "answer_2": 2, TIE: 0, "0": 0, "both": 0}
_SIDES |= {"1.0": 1, "2.0": 2}  # pandas writes a column with empty cells so
_CHANGED = re.compile(r"^[\s']+|[\s\x00\ud800-\udfff�]+")  # what a file or a spreadsheet changes in a text


def read_labels(
    labels_file: str, pairs: pd.DataFrame, kept: Path | None = None, responses: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The labels in a file, and those in `kept`, if it is there, that the file does not have; with COLUMNS.

    model_a and model_b are the two of a pair in the order of names.

    CSV, JSON lines, or a JSON array of rows with either `pair` and `preferred` (1, 2 or tie), as `sheet` has
    them, or `id`, `preferred` (a model's name or tie) and, where there are, `round`, `model_a` and `model_b`;
    or what Label Studio exports of `tasks`. A row that is not filled in is no label; one that cannot be used
    is named in a warning, as is one whose answers are not those of `responses`; the last verdict of a
    labeller on a case counts. "" gives an empty table. Raises InputError for a file that is missing, is no
    such table or holds no usable label.
    """
    import pandas as pd

    path = Path(labels_file).expanduser() if labels_file else kept
    if path is None or not (labels_file or path.exists()):
        return pd.DataFrame(columns=list(COLUMNS))
    rows = list(_rows(path))
    if not rows and not labels_file:
        return pd.DataFrame(columns=list(COLUMNS))
    labels, problems = _usable(path, rows, pairs, responses)
    if problems:
        some = "; ".join(problems[:MOST_SAID])
        logger.warning("%s: %s cannot be used, for instance %s.", path, count(len(problems), "row"), some)
    said = pd.DataFrame(labels, columns=list(COLUMNS))
    twice = int((said.groupby(_SAME)["preferred"].nunique() > 1).sum())
    if twice and labels_file:  # in the run's own file an earlier label of a pair is there for undo
        logger.warning("%s: %s labelled twice; the last answer counts.", path, count(twice, "pair"))
    table = _last_said(said)
    if not (labels_file and kept and kept.exists()):
        return table
    whole = _last_said(pd.concat([read_labels("", pairs, kept), table]))
    if more := len(whole) - len(table):
        logger.warning("%s holds %s that %s does not: kept and used.", kept.name, count(more, "label"), path)
    return whole


def check_labels(
    labels_file: str, pairs: pd.DataFrame | None = None, responses: pd.DataFrame | None = None
) -> None:
    """Raises InputError where `read_labels` would; without pairs, where a sheet of any run would not do."""
    path = Path(labels_file).expanduser()
    rows = list(_rows(path))
    if pairs is not None or not any(_text(row, "preferred") for _, row in rows):
        _usable(path, rows, pairs, responses)


def _usable(
    path: Path, rows: Sequence[Row], pairs: pd.DataFrame | None, responses: pd.DataFrame | None
) -> tuple[list[Any], list[str]]:
    """The labels, and what is wrong with other rows. Raises InputError where there is no label."""
    by_pair = {} if pairs is None else {row["pair"]: row for row in pairs.to_dict("records")}
    shown_too = {_text(row, "pair") for _, row in rows if any(_text(row, side) for side in ANSWERS)}
    if pairs is not None and responses is not None and shown_too:
        for row in sheet(pairs[pairs["pair"].isin(shown_too)], responses).to_dict("records"):
            by_pair[row["pair"]] |= {side: row[side] for side in ANSWERS}
    by_case: dict[str, list[dict[str, Any]]] = {}
    for row in by_pair.values():
        by_case.setdefault(str(row["id"]), []).append(row)
    read = [(number, _label(row, by_pair, by_case)) for number, row in rows if _text(row, "preferred")]
    problems = [f"row {number}: {label}" for number, label in read if isinstance(label, str)]
    labels = [label for _, label in read if not isinstance(label, str)]
    if not labels:
        why = f": {problems[0]}" if problems else ", so nobody has filled in `preferred`"
        raise InputError(f"{path} holds {len(rows)} rows and no label that can be used{why}.")
    return labels, problems


def _last_said(labels: pd.DataFrame) -> pd.DataFrame:
    """The last verdict of each labeller on each pair."""
    return labels.drop_duplicates(_SAME, keep="last", ignore_index=True)


def _other_answer(row: Mapping[str, Any], drawn: Mapping[str, Any]) -> str:
    """The side whose text is not the run's; "" for none, as where the row or `drawn` holds no texts."""
    for side in ANSWERS:
        ours, theirs = (_CHANGED.sub("", _text(one, side)) for one in (drawn, row))
        if side in drawn and theirs and ours != theirs:
            return side
    return ""


def _label(
    row: Mapping[str, Any], by_pair: Mapping[str, Any], by_case: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Any:
    """A label's cells in the order of COLUMNS, or what is wrong with the row."""
    pair, id, said = _text(row, "pair"), _text(row, "id"), _text(row, "preferred")
    named = {_text(row, "model_a"), _text(row, "model_b")} - {""}
    found = [by_pair[pair]] if pair in by_pair else [] if pair else by_case.get(id, [])
    found = [one for one in found if named <= {one["model_1"], one["model_2"]}]
    if not found:
        which = f"pair {pair!r}" if pair else f"id {id!r}"
        return f"{which} is no pair of answers of this run. Keep the sheet's column `pair` as it is"
    if len(found) > 1:
        return "which two models it compares is not said. Give model_a and model_b"
    drawn = found[0]
    if pair and (side := _other_answer(row, drawn)):
        return f"{side} is not this run's text. Sort whole rows only, or have `benchkit labels` write anew"
    models = {name.lower(): name for name in (drawn["model_1"], drawn["model_2"])} | {TIE: TIE}
    chosen = _SIDES.get(said.lower())
    if pair and chosen is not None:
        preferred = (TIE, drawn["model_1"], drawn["model_2"])[chosen]
    elif said.lower() in models:
        preferred = models[said.lower()]
    else:
        use = "1, 2 or tie" if pair else f"{drawn['model_1']}, {drawn['model_2']} or tie"
        return f"preferred is {said!r}. Use {use}"
    a, b = sorted((drawn["model_1"], drawn["model_2"]))
    round = _text(row, "round") or str(drawn["round"])
    if not round.isdigit():
        return f"round is {round!r}. Use a whole number"
    return (drawn["id"], int(round), a, b, preferred, _text(row, "labeller").casefold(), _text(row, "time"))


def _rows(path: Path) -> Iterator[Row]:
    """(number, cells) of each row. Raises InputError for a file that is no table of labels."""
    if not path.is_file():
        raise InputError(f"{path} is not a file. Give labels_file the path of a CSV or JSON file of labels.")
    if path.suffix.lower() in (".json", ".jsonl", ".ndjson"):
        yield from enumerate(_json_rows(path), 1)
        return
    columns, rows = delimited.read_rows(path, ("preferred",), KNOWN)
    if "preferred" not in columns or not {"pair", "id"} & set(columns):
        raise InputError(
            f"{path} has the columns {', '.join(columns) or 'none'}; a table of labels has `preferred` and "
            "`pair` (or `id`). `benchkit labels` writes a sheet to fill in."
        )
    for number, cells, problem in rows:
        if problem:
            logger.warning("%s, row %d is %s; the label is not used.", path, number, problem)
        yield number, dict(zip(columns, cells, strict=False))


def _json_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    text = delimited.read_text(path).removeprefix("\ufeff")
    try:
        found = json.loads(text) if text.lstrip().startswith("[") else map(json.loads, text.splitlines())
        for row in found:
            if not isinstance(row, dict):
                raise InputError(f"{path} holds {str(row)[:40]!r} where a label should be an object.")
            if "text1" in row and "preferred" not in row:
                raise InputError(
                    f"{path} is what Label Studio exports as JSON-MIN, which does not say where the choice "
                    "stands. Export JSON."
                )
            yield from _annotations(row) if "annotations" in row else (row,)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not readable as JSON ({str(error)[:100]}). Mend it there.") from None


def _annotations(task: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The labels of a task of Label Studio; a cancelled one is none.

    Who gave one is a number, or with some exports an object: its email, else its id.
    """
    data = task.get("data", {})
    for one in task["annotations"] or ():
        if one.get("was_cancelled"):
            continue
        parts = [part for part in one.get("result", ()) if part.get("type") == "pairwise"]
        who = one.get("completed_by")
        if isinstance(who, dict):
            who = _text(who, "email") or _text(who, "id")
        yield {
            "pair": data.get("pair"),
            "answer_1": data.get("text1"),
            "answer_2": data.get("text2"),
            "preferred": parts[0].get("value", {}).get("selected") if parts else "",
            "labeller": who,
            "time": one.get("created_at"),
        }


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None or value != value else str(value).strip()
