"""What people say, blind: which of two answers to a case they prefer. A sheet to fill in, and its reading."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..decide.people import TIE, people
from ..errors import InputError
from ..log import setup_logging
from ..metrics.answers import read_answer
from ..run import delimited, large
from ..run.texts import ABOUT, with_texts
from ..wording import count

if TYPE_CHECKING:
    import pandas as pd

    from ..run import Run

logger = setup_logging(__name__)
COLUMNS = ("id", "round", "model_a", "model_b", "preferred", "labeller", "time")
ANSWERS = ("answer_1", "answer_2")
KNOWN = ("pair", *ANSWERS, *COLUMNS)
Row = tuple[int, Mapping[str, Any]]  # its number and its cells
_SAME = ["id", "round", "model_a", "model_b", "labeller"]
MOST_SAID = 20  # unusable rows that are named
_SIDES = {"1": 1, "2": 2, "left": 1, "right": 2, "answer_1": 1, "answer_2": 2, TIE: 0, "0": 0, "both": 0}
_SIDES |= {"1.0": 1, "2.0": 2}  # pandas writes a column with empty cells so
_CHANGED = re.compile(r"^[\s']+|[\s\x00\ud800-\udfff�]+")  # what a file or a spreadsheet changes in a text


def draw_pairs(responses: pd.DataFrame, seed: int) -> pd.DataFrame:
    """For every two models a pair of answers to each case, in an order drawn by `seed`.

    Columns: pair (the name that hides who answered), id, round, model_1, model_2. The first n of two models
    are a uniform sample of their cases. The round and the sides are drawn, too. A case without a round in
    which neither call failed is left out. `responses` as from `align`.
    """
    import pandas as pd

    there = _drawable(responses, seed)
    there = there[there["status"] != "failed"]
    rounds = there.groupby(["id", "model"])["round"].agg(set).unstack()
    models = sorted(responses["model"].unique())  # whatever the order of the files
    rows = [row for two in combinations(models, 2) for row in _drawn(rounds, two, seed)]
    pairs = pd.DataFrame(rows, columns=["pair", "id", "round", "model_1", "model_2"])
    return pairs.sort_values("pair", ignore_index=True)


def _drawable(responses: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The responses that people may be asked about: of many, those to FIRST cases that `seed` draws."""
    if len(responses) <= large.LARGE:
        return responses
    ids = sorted(responses["id"].unique(), key=lambda id: sha256(f"{seed} {id}".encode()).digest())
    return responses[responses["id"].isin(ids[: large.FIRST])].astype({"id": object, "model": object})


def _drawn(rounds: pd.DataFrame, two: tuple[str, str], seed: int) -> Iterator[tuple[Any, ...]]:
    for id, answered in rounds.reindex(columns=list(two)).dropna().iterrows():
        if both := sorted(set.intersection(*answered)):
            drawn = int(sha256(f"{seed} {id} {two}".encode()).hexdigest(), 16)
            sides = two if drawn % 2 else two[::-1]
            yield (f"{drawn:064x}"[:12], id, int(both[drawn // 2 % len(both)]), *sides)


def contending(run: Run, models: Sequence[str]) -> list[str]:
    """The two models that the run's report has first among its contenders; else the first two."""
    report = run.metrics_report() if (run.path / "metrics_report.json").exists() else {"decision": {}}
    contenders = [name for name in report["decision"].get("contenders", ()) if name in models]
    return [*contenders, *(name for name in models if name not in contenders)][:2]


def of_two(pairs: pd.DataFrame, models: Collection[str]) -> pd.DataFrame:
    """The pairs of two models, in the drawn order."""
    ours = pairs["model_1"].isin(models) & pairs["model_2"].isin(models)
    return pairs[ours].reset_index(drop=True)


def sheet(pairs: pd.DataFrame, responses: pd.DataFrame) -> pd.DataFrame:
    """What a labeller fills in: pair, prompt, answer_1, answer_2, preferred (1, 2 or tie), labeller."""
    responses = with_texts(responses, pairs["id"])
    said = responses.set_index(["id", "round", "model"])[["prompt", "test_case", "model_response"]]
    for side in ("1", "2"):
        places = list(zip(pairs["id"], pairs["round"], pairs[f"model_{side}"], strict=True))
        texts = said.loc[places] if places else said.iloc[:0]
        pairs = pairs.assign(
            prompt=list(texts["prompt"]),
            **{f"answer_{side}": list(map(shown, texts["model_response"], texts["test_case"]))},
        )
    blank = pairs.assign(preferred="", labeller="")
    return blank[["pair", "prompt", "answer_1", "answer_2", "preferred", "labeller"]]


def shown(response: str, kind: str) -> str:
    """A response as a person reads it, without a model's thoughts: its text, or JSON over several lines.

    What cannot be read is shown as it came.
    """
    value = read_answer(response, kind).value
    if value is None:
        return response
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)


def tasks(filled: pd.DataFrame) -> list[dict[str, Any]]:
    """The sheet as tasks for Label Studio's Pairwise template (text1, text2)."""
    return [
        {
            "data": {
                "pair": row["pair"],
                "prompt": row["prompt"],
                "text1": row["answer_1"],
                "text2": row["answer_2"],
            }
        }
        for row in filled.to_dict("records")
    ]


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
    for line in problems[:MOST_SAID]:
        logger.warning("%s, %s; the label is not used.", path, line)
    if len(problems) > MOST_SAID:
        logger.warning("%s: %d rows more cannot be used.", path, len(problems) - MOST_SAID)
    said = pd.DataFrame(labels, columns=list(COLUMNS))
    if labels_file:  # in the run's own file an earlier label of a pair is there for undo
        _warn_of_two(path, said)
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
    rows = list(_rows(path := Path(labels_file).expanduser()))
    if pairs is not None:
        _usable(path, rows, pairs, responses)
    elif not any(_text(row, "preferred") for _, row in rows):
        raise _unusable(path, len(rows), [])


def _usable(
    path: Path, rows: Sequence[Row], pairs: pd.DataFrame, responses: pd.DataFrame | None
) -> tuple[list[Any], list[str]]:
    """The labels, and what is wrong with other rows. Raises InputError where there is no label."""
    texts = {} if responses is None else _texts(rows, pairs, responses)
    by_pair = {row["pair"]: row | texts.get(row["pair"], {}) for row in pairs.to_dict("records")}
    by_case: dict[str, list[dict[str, Any]]] = {}
    for row in by_pair.values():
        by_case.setdefault(str(row["id"]), []).append(row)
    read = [(number, _label(row, by_pair, by_case)) for number, row in rows if _text(row, "preferred")]
    problems = [f"row {number}: {label}" for number, label in read if isinstance(label, str)]
    labels = [label for _, label in read if not isinstance(label, str)]
    if not labels:
        raise _unusable(path, len(rows), problems)
    return labels, problems


def _unusable(path: Path, rows: int, problems: Sequence[str]) -> InputError:
    why = f": {problems[0]}" if problems else ", so nobody has filled in `preferred`"
    return InputError(f"{path} holds {rows} rows and no label that can be used{why}.")


def _last_said(labels: pd.DataFrame) -> pd.DataFrame:
    """The last verdict of each labeller on each pair."""
    return labels.drop_duplicates(_SAME, keep="last", ignore_index=True)


def _warn_of_two(path: Path, labels: pd.DataFrame) -> None:
    """Say on how many pairs a labeller has two opinions."""
    verdicts = labels.groupby(_SAME)["preferred"].nunique()
    unnamed = verdicts[verdicts > 1].reset_index()["labeller"].eq("")
    for twice, who in ((sum(~unnamed), "by the same person"), (sum(unnamed), "without a labeller")):
        if twice:
            were = f"{count(twice, 'pair')} {'was' if twice == 1 else 'were'}"
            logger.warning("%s: %s labelled twice %s; the last answer counts.", path, were, who)


def _texts(rows: Sequence[Row], pairs: pd.DataFrame, responses: pd.DataFrame) -> dict[str, dict[str, str]]:
    """The run's answers to the pairs whose answers the rows hold, too."""
    named = {_text(row, "pair") for _, row in rows if any(_text(row, side) for side in ANSWERS)}
    held = sheet(pairs[pairs["pair"].isin(named)], responses) if named else pairs.iloc[:0]
    return {row["pair"]: {side: row[side] for side in ANSWERS} for row in held.to_dict("records")}


def _other_answer(row: Mapping[str, Any], drawn: Mapping[str, Any]) -> str:
    """The side whose text is not the run's; "" for none, as where the row or `drawn` holds no texts."""
    held = (side for side in ANSWERS if side in drawn and _text(row, side))
    bare = partial(_CHANGED.sub, "")
    return next((side for side in held if bare(_text(row, side)) != bare(_text(drawn, side))), "")


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
            yield from _annotations(row) if "annotations" in row else (row,)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not readable as JSON ({str(error)[:100]}). Mend it there.") from None


def _annotations(task: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The labels of a task of Label Studio; a cancelled one is none.

    Who gave one is a number, or with some exports an object: its email, else its id.
    """
    for one in task["annotations"] or ():
        values = [part.get("value", {}) for part in one.get("result", ()) if part.get("type") == "pairwise"]
        chosen = values[0].get("selected", "") if values else ""
        who = one.get("completed_by")
        if isinstance(who, dict):
            who = next((who[name] for name in ("email", "id") if _text(who, name)), None)
        if not one.get("was_cancelled"):
            yield {
                "pair": (data := task.get("data", {})).get("pair"),
                "answer_1": data.get("text1"),
                "answer_2": data.get("text2"),
                "preferred": chosen,
                "labeller": who,
                "time": one.get("created_at"),
            }


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None or value != value else str(value).strip()


def said_by_people(
    labels: pd.DataFrame,
    responses: pd.DataFrame,
    scores: pd.DataFrame,
    primary: Mapping[str, str],
    *,
    alpha: float,
    detect: float = 0.05,
    sample: int,
    seed: int,
) -> dict[str, Any]:
    """What labels say of the two models that most of them compare: see `benchkit.decide.people`.

    `sample` cases are drawn by `seed`, as for the sheet: labels of others are counted and not inferred from.
    """
    if not len(labels):
        return {}
    two = labels.groupby(["model_a", "model_b"]).size().idxmax()
    ours = labels[(labels["model_a"] == two[0]) & (labels["model_b"] == two[1])]
    drawn = of_two(draw_pairs(responses, seed), two).head(sample)
    responses = with_texts(responses, drawn["id"]) if ABOUT in responses.attrs else responses
    there = responses[responses["status"] != "failed"]
    texts = map(shown, there["model_response"], there["test_case"])
    lengths = there.assign(words=[len(text.split()) for text in texts])
    return people(ours, list(drawn["id"].astype(str)), scores, lengths, primary, alpha, detect)
