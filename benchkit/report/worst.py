"""The cases to read before deciding: where the models differ most, side by side, with what each got right."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from ..domain import TestCase, as_text
from ..metrics import described
from ..metrics.answers import own_keys, read_answer
from ..run.texts import ABOUT, with_texts
from .markdown import in_html, marked, safe, signed

if TYPE_CHECKING:
    import pandas as pd

    from ..metrics.fields import Field

COLUMNS = ("id", "model", "scores", "round", "prompt", "golden_response", "answer", "fields", "requirements")


def worst_cases(
    responses: pd.DataFrame,
    scores: pd.DataFrame,
    cases: pd.DataFrame,
    primary: Mapping[str, str],
    n: int = 3,
    judgements: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The `n` cases of each kind on whose primary metric the models differ most, with answers to read.

    Per case and model: `scores`, the score of every round in words, and the answer of the `round` that
    scored worst, the first of several; what was malformed or refused says why. `fields` compares a record
    with its golden leaf by leaf, None where there is none to compare. `requirements` are the case's, each a
    dict with what `judgements` says of this answer: `met` (None where nobody judged), `quote`, `status`.
    """
    import pandas as pd

    chosen = scores[scores["metric"].astype(object) == scores["test_case"].map(primary).astype(object)]
    means = chosen.groupby(["test_case", "id", "model"], sort=False)["value"].mean().unstack()
    spread = (means.max(axis=1) - means.min(axis=1)).dropna()
    top = spread.sort_values(ascending=False, kind="stable").groupby(level="test_case").head(n)
    chosen = chosen[chosen["id"].isin(top.index.get_level_values("id"))]
    said, marks, asked, judged = map(records_by_id, (responses, chosen, cases, judgements))
    rows = []
    for _, id in top.index:
        case, verdicts = TestCase.from_row(asked(id)[0]), verdicts_of(judged(id))
        answers = {(row["model"], row["round"]): row for row in said(id)}
        for model in means.columns:
            one = {"id": id, "model": model} | _rounds([row for row in marks(id) if row["model"] == model])
            about = (model, one["round"])
            rows.append(one | shown_answer(answers[about], case, verdicts.get(about, {})))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def records_by_id(table: pd.DataFrame | None) -> Callable[[Any], list[dict[str, Any]]]:
    """Finds the rows with an id, with the texts of a large run's responses; none where there is no table."""
    if table is None:
        return lambda id: []
    places = table.groupby("id", sort=False, observed=True).indices

    def found(id: Any) -> list[dict[str, Any]]:
        rows = table.take(places.get(id, []))
        return (with_texts(rows, [id]) if ABOUT in table.attrs else rows).to_dict("records")

    return found


def verdicts_of(judged: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], dict[str, Mapping[str, Any]]]:
    """What is judged of a case's answers: by model and round, then by requirement."""
    verdicts: dict[tuple[str, int], dict[str, Mapping[str, Any]]] = {}
    for row in judged:
        verdicts.setdefault((row["model"], row["round"]), {})[row["requirement"]] = row
    return verdicts


def _rounds(scored: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The scores of a case's rounds in words, and the round to read: the worst, the first where none is."""
    values = {row["round"]: row["value"] for row in sorted(scored, key=itemgetter("round"))}
    text = ", ".join("unscored" if value != value else f"{value:z.3f}" for value in values.values())
    sign = -1 if described(scored[0]["metric"]).lower_is_better else 1
    known = {round: sign * value for round, value in values.items() if value == value}
    return {"scores": text, "round": min(known, key=known.__getitem__) if known else min(values)}


def shown_answer(row: Mapping[str, Any], case: TestCase, judged: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of a response's row, with prompt, golden response and evidence.

    `judged` are its rows of judgements.csv by requirement.
    """
    from ..metrics.fields import compare_fields

    golden = case.golden_response
    answer = read_answer(row["model_response"], case.test_case, own_keys(case))
    why = f"[{row['status']}: {row['error']}]" if row["error"] else f"[{row['status']}]"
    said = answer.value if row["status"] == "answered" else f"{why} {row['model_response']}"
    return {
        "prompt": case.prompt,
        "golden_response": as_text(golden),
        "answer": said if isinstance(said, str) else as_text(said),
        "fields": compare_fields(said, golden, case.response_schema)
        if isinstance(said, dict) and isinstance(golden, dict)
        else None,
        "requirements": [req.record() | _verdict(judged.get(req.id)) for req in case.requirements],
    }


def _verdict(judged: Mapping[str, Any] | None) -> dict[str, Any]:
    if judged is None:
        return {"met": None, "quote": "", "status": ""}
    quote, status = (judged[name] if isinstance(judged[name], str) else "" for name in ("quote", "status"))
    return {
        "met": None if math.isnan(judged["met"]) else bool(judged["met"]),
        "quote": quote,
        "status": status,
    }


def side_by_side(worst: pd.DataFrame, signature: str = "") -> str:
    """Model text as text: escaped, and with no dollar sign that a notebook would read as a formula.

    Below the answers what each got right: the fields of a record that some answer has wrong, or the
    requirements, whose quotes are marked in the answers.
    """
    if not len(worst):
        return "No case has a score from two models."
    blocks = []
    for id, rows in worst.groupby("id", sort=False):
        some = rows.to_dict("records")
        head = [f"{in_html(row['model'])}<br><small>{_which(row)}</small>" for row in some]
        answers = [marked(row["answer"], [req["quote"] for req in row["requirements"]]) for row in some]
        parts = [
            f"**{safe(id)}.** {safe(some[0]['prompt'])}",
            _table(["golden response", *head], [[in_html(some[0]["golden_response"]), *answers]]),
            _fields(some),
            _requirements(some),
        ]
        blocks.append("\n\n".join(filter(None, parts)))
    return signed("\n\n".join(blocks), signature)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns of one width; the page's style breaks long words in such, so that a telephone shows all."""
    wide = f' style="width: {100 / len(head):.0f}%"'
    lines = ["".join(f"<th{wide}>{cell}</th>" for cell in head)]
    lines += ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _which(row: Mapping[str, Any]) -> str:
    """Every round's score, and which of them the answer below is of."""
    several = f"; round {row['round']} below" if "," in row["scores"] else ""
    return f"{in_html(row['scores'])}{several}"


def evidence(rows: Sequence[Mapping[str, Any]]) -> str:
    """What answers to one case got right, as HTML: their fields, and their requirements with quotes."""
    return _fields(rows) + _requirements(rows)


def _fields(rows: Sequence[Mapping[str, Any]]) -> str:
    """The fields that some answer has wrong, beside what they should be; "" where there is none."""
    compared = [row for row in rows if row["fields"] is not None]
    places = zip(*(row["fields"] for row in compared), strict=True)
    wrong = [fields for fields in places if any(field.score < 1 for field in fields)]
    head = ["field", "golden response", *(in_html(row["model"]) for row in compared)]
    body = [[_place(some[0]), _value(some[0].golden), *map(_found, some)] for some in wrong]
    return _table(head, body) if body else ""


def _place(field: Field) -> str:
    weight = "" if field.weight == 1 else f"<br><small>weight {field.weight:g}</small>"
    return in_html(field.path.removeprefix("$.")) + weight


def _found(field: Field) -> str:
    from ..metrics.fields import ABSENT

    if field.score == 1:
        return "right"
    if field.found is ABSENT:
        return "missing"
    partly = f"<br><small>{field.score:.2f} of 1</small>" if field.score else ""
    return f"<mark>{_value(field.found)}</mark>{partly}"


def _value(value: Any) -> str:
    return in_html(json.dumps(value, ensure_ascii=False))


def _requirements(rows: Sequence[Mapping[str, Any]]) -> str:
    """Each requirement with its verdict on every answer; "" where nobody judged these answers."""
    asked = list(zip(*(row["requirements"] for row in rows), strict=True))
    if not any(req["met"] is not None or req["status"] for some in asked for req in some):
        return ""
    head = ["the answer", *(in_html(row["model"]) for row in rows)]
    return _table(head, ([_asked(some[0]), *map(_judged, some)] for some in asked))


def _asked(requirement: Mapping[str, Any]) -> str:
    weight = f"<br><small>weight {requirement['weight']}</small>" if requirement["kind"] == "must" else ""
    return f"<b>{requirement['kind'].replace('_', ' ')}</b>: {in_html(requirement['text'])}{weight}"


def _judged(requirement: Mapping[str, Any]) -> str:
    met, status = requirement["met"], requirement["status"]
    good, bad = ("met", "not met") if requirement["kind"] == "must" else ("kept", "violated")
    word = {None: "not judged", True: good, False: f"<b>{bad}</b>"}[met]
    quote = f": “{in_html(requirement['quote'])}”" if requirement["quote"] else ""
    return word + quote + (f" <small>({in_html(status)})</small>" if status else "")
