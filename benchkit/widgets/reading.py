"""One case, what every model answered in every round, beside what is right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from html import escape
from operator import itemgetter
from typing import Any

import pandas as pd

from ..domain import TestCase, as_text
from ..report.worst import evidence, records_by_id, shown_answer, verdicts_of
from .paging import Action, Pager

FILTERS = ["test_case", "category", "model", "status"]
Records = Sequence[Mapping[str, Any]]


def read_answers(
    cases: pd.DataFrame,
    responses: pd.DataFrame,
    scores: pd.DataFrame,
    primary: Mapping[str, str],
    judgements: pd.DataFrame | None = None,
) -> Pager:
    """Page through cases, those first on whose deciding metric the models differ most.

    A filter on model and status keeps the cases that this model answered so in some round. `d` shows how an
    answer differs from the golden one, word by word. The tables are the run's; `responses` as from `align`.
    """
    order = _by_spread(responses, scores, primary)
    rows = responses.set_index("id").loc[order, FILTERS]
    said, marks, asked, judged = map(records_by_id, (responses, scores, cases, judgements))
    differing = False

    def show(id: str) -> str:
        case = TestCase.from_row(asked(id)[0])
        answers = list(_answers(said(id), marks(id), case, verdicts_of(judged(id))))
        golden = _column("Golden response", escape(as_text(case.golden_response)))
        columns = "".join(_answer(one, differing) for one in answers)
        prompt = f"<b>{escape(str(id))}</b><div class='bk-text'>{escape(case.prompt)}</div>"
        return f"{prompt}<div class='bk-columns'>{golden}{columns}</div>{evidence(answers)}"

    def toggle(_: Pager) -> None:
        nonlocal differing
        differing = not differing

    rows = rows.rename(columns={"test_case": "kind"})
    return Pager(rows, show, name="Answers", actions=[Action("Differences", toggle, "d")])


def _by_spread(responses: pd.DataFrame, scores: pd.DataFrame, primary: Mapping[str, str]) -> list[Any]:
    """The cases that were asked, by how far apart the models' means are; those without any come last."""
    chosen = scores[scores["metric"].isin(primary.values())]
    means = chosen.groupby(["id", "model"], sort=False, observed=True)["value"].mean().unstack()
    spread = means.max(axis=1) - means.min(axis=1)
    ids = pd.Index(responses["id"].unique())
    return list(spread.reindex(ids).sort_values(ascending=False, kind="stable").index)


def _answers(
    said: Records, marks: Records, case: TestCase, judged: Mapping[Any, Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Each answer to show, with every score of it."""
    scored: dict[Any, list[str]] = {}
    for mark in marks:
        value = "unscored" if mark["value"] != mark["value"] else f"{mark['value']:.3f}"
        scored.setdefault((mark["model"], mark["round"]), []).append(f"{mark['metric']} {value}")
    for row in sorted(said, key=itemgetter("model", "round")):
        about = (row["model"], row["round"])
        yield shown_answer(row, case, judged.get(about, {})) | {
            "model": f"{row['model']}, round {row['round']}",
            "scores": " · ".join([str(row["status"]), *scored.get(about, [])]),
        }


def _answer(one: Mapping[str, Any], differing: bool) -> str:
    if differing:
        body = differences(as_text(one["golden_response"]), one["answer"])
    else:
        body = _quoted(one["answer"], [req["quote"] for req in one["requirements"] if req["quote"]])
    return _column(one["model"], body, one["scores"])


def _column(head: str, body: str, small: str = "") -> str:
    line = f"<br><small>{escape(small)}</small>" if small else ""
    return f"<div><b>{escape(head)}</b>{line}<div class='bk-text'>{body}</div></div>"


def _quoted(text: str, quotes: Sequence[str]) -> str:
    """Text with the words marked that a judge quotes; a quote that is not there word by word is not."""
    if not quotes:
        return escape(text)
    parts = re.split(f"({'|'.join(map(re.escape, quotes))})", text)  # every second one is a quote
    return "".join(f"<mark>{escape(one)}</mark>" if at % 2 else escape(one) for at, one in enumerate(parts))


def differences(golden: str, text: str) -> str:
    """`text` as HTML, its words that `golden` has not as <ins>, those of `golden` that it lacks as <del>."""
    a, b = golden.split(), text.split()
    parts = []
    for what, i, j, k, m in SequenceMatcher(None, a, b).get_opcodes():
        old, new = escape(" ".join(a[i:j])), escape(" ".join(b[k:m]))
        if what == "equal":
            parts.append(new)
        else:
            parts += [f"<del>{old}</del>"] * bool(old) + [f"<ins>{new}</ins>"] * bool(new)
    return " ".join(parts)
