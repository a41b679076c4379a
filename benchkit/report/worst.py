"""The cases to read before deciding: those on which the models differ most, side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..metrics import described
from ..metrics.answers import read_answer
from .markdown import in_html, safe, signed

if TYPE_CHECKING:
    import pandas as pd


def worst_cases(
    responses: pd.DataFrame, scores: pd.DataFrame, cases: pd.DataFrame, primary: Mapping[str, str], n: int = 3
) -> pd.DataFrame:
    """The `n` cases of each kind on whose primary metric the models differ most, with answers to read.

    Per case and model: `scores`, the score of every round in words, and the answer of the `round` that
    scored worst, the first of several; what was malformed or refused says why.
    """
    import pandas as pd

    chosen = scores[scores["metric"].isin(primary.values())]
    means = chosen.groupby(["test_case", "id", "model"], sort=False)["value"].mean().unstack()
    spread = (means.max(axis=1) - means.min(axis=1)).dropna()
    top = spread.sort_values(ascending=False, kind="stable").groupby(level="test_case").head(n)
    rows = [
        {
            "id": id,
            "model": model,
            **_rounds(chosen[(chosen["id"] == id) & (chosen["model"] == model)]),
        }
        for kind, id in top.index
        for model in means.columns
    ]
    rows = [row | _shown(row["id"], row["model"], row["round"], responses, cases) for row in rows]
    columns = ["id", "model", "scores", "round", "prompt", "golden_response", "answer"]
    return pd.DataFrame(rows, columns=columns)


def _rounds(scored: pd.DataFrame) -> dict[str, Any]:
    """The scores of a case's rounds in words, and the round to read: the worst, the first where none is."""
    values = scored.sort_values("round").set_index("round")["value"]
    text = ", ".join("unscored" if value != value else f"{value:z.3f}" for value in values)
    worse = -values if described(scored["metric"].iloc[0]).lower_is_better else values
    return {"scores": text, "round": int(worse.idxmin() if worse.notna().any() else values.index[0])}


def _shown(id: str, model: str, round: int, responses: pd.DataFrame, cases: pd.DataFrame) -> dict[str, str]:
    case = cases[cases["id"] == id].iloc[0]
    asked = (responses["id"] == id) & (responses["model"] == model) & (responses["round"] == round)
    row = responses[asked].iloc[0]
    answer = read_answer(row["model_response"], row["test_case"])
    why = f"[{row['status']}: {row['error']}]" if row["error"] else f"[{row['status']}]"
    said = answer.value if row["status"] == "answered" else f"{why} {row['model_response']}"
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return {"prompt": case["prompt"], "golden_response": case["golden_response"], "answer": text}


def side_by_side(worst: pd.DataFrame, signature: str = "") -> str:
    """Model text as text: escaped, and with no dollar sign that a notebook would read as a formula."""
    if not len(worst):
        return "No case has a score from two models."
    blocks = []
    for id, rows in worst.groupby("id", sort=False):
        first = rows.iloc[0]
        wide = f' style="width: {100 / (len(rows) + 1):.0f}%"'
        head = "".join(
            f"<th{wide}>{in_html(row.model)}<br><small>{_which(row)}</small></th>"
            for row in rows.itertuples()
        )
        body = "".join(f"<td>{in_html(row.answer)}</td>" for row in rows.itertuples())
        blocks.append(
            f"**{safe(id)}.** {safe(first['prompt'])}\n\n<table><tr><th{wide}>golden response</th>{head}</tr>"
            f"<tr><td>{in_html(first['golden_response'])}</td>{body}</tr></table>"
        )
    return signed("\n\n".join(blocks), signature)


def _which(row: Any) -> str:
    """Every round's score, and which of them the answer below is of."""
    several = f"; round {row.round} below" if "," in row.scores else ""
    return f"{in_html(row.scores)}{several}"
