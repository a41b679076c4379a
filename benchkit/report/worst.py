"""The cases to read before deciding: those on which the models differ most, side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..metrics.answers import read_answer
from .markdown import cell, safe, signed

if TYPE_CHECKING:
    import pandas as pd


def worst_cases(
    responses: pd.DataFrame, scores: pd.DataFrame, cases: pd.DataFrame, primary: Mapping[str, str], n: int = 3
) -> pd.DataFrame:
    """The `n` cases of each kind on whose primary metric the models differ most, with their first answers."""
    import pandas as pd

    chosen = scores[scores["metric"].isin(primary.values())]
    means = chosen.groupby(["test_case", "id", "model"], sort=False)["value"].mean().unstack()
    spread = (means.max(axis=1) - means.min(axis=1)).dropna()
    top = spread.sort_values(ascending=False, kind="stable").groupby(level="test_case").head(n)
    rows = [
        {
            "id": id,
            "model": model,
            "mean": means.loc[(kind, id), model],
            **_shown(id, model, responses, cases),
        }
        for kind, id in top.index
        for model in means.columns
    ]
    return pd.DataFrame(rows, columns=["id", "model", "mean", "prompt", "golden_response", "answer"])


def _shown(id: str, model: str, responses: pd.DataFrame, cases: pd.DataFrame) -> dict[str, str]:
    case = cases[cases["id"] == id].iloc[0]
    row = responses[(responses["id"] == id) & (responses["model"] == model)].sort_values("round").iloc[0]
    answer = read_answer(row["model_response"], row["test_case"])
    said = answer.value if row["status"] == "answered" else f"[{row['status']}] {row['model_response']}"
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return {"prompt": case["prompt"], "golden_response": case["golden_response"], "answer": text}


def side_by_side(worst: pd.DataFrame, signature: str = "") -> str:
    """Model text as text: escaped, and with no dollar sign that a notebook would read as a formula."""
    if not len(worst):
        return "No case has a score from two models."
    blocks = []
    for id, rows in worst.groupby("id", sort=False):
        first = rows.iloc[0]
        head = "".join(f"<th>{safe(row.model)} ({cell(row.mean)})</th>" for row in rows.itertuples())
        body = "".join(f"<td>{safe(row.answer)}</td>" for row in rows.itertuples())
        blocks.append(
            f"**{safe(id)}.** {safe(first['prompt'])}\n\n<table><tr><th>golden response</th>{head}</tr>"
            f"<tr><td>{safe(first['golden_response'])}</td>{body}</tr></table>"
        )
    return signed("\n\n".join(blocks), signature)
