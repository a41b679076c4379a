"""What keeps a metric from deciding: answers that know nothing do as well on it, or none could be used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from ..domain import CONTROL, is_control
from ..metrics import described
from ..wording import count, kind_name, number
from .rules import Rules

COLUMNS = (
    *("test_case", "metric", "control", "mean", "n"),
    *("best_model", "best_mean", "gap", "disqualifies"),
)
CALLED = {
    "prompt copied": "the prompt copied back",
    "boilerplate": "a boilerplate answer",
    "another golden": "another case's golden answer",
    "schema defaults": "a record of the schema's defaults",
}
HALF = 0.5  # of a model's answers: fewer that can be used are few


def control_table(scores: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Per kind, metric and control: its mean beside that of the best model, and whether it disqualifies.

    Means are over cases. `gap` is how much better the best model is, in the metric's direction; a control
    within `margin` of it disqualifies the metric: what nothing but the prompt earns says nothing of a model.
    Empty where no control was scored.
    """
    ours = scores["model"].map(is_control).astype(bool)
    if not ours.any():
        return pd.DataFrame(columns=list(COLUMNS))
    by_case = scores.groupby(["test_case", "metric", "model", "id"], sort=False)["value"].mean()
    table = by_case.groupby(level=[0, 1, 2], sort=False).agg(["mean", "count"]).dropna().reset_index()
    rows: list[tuple[object, ...]] = []
    for (kind, metric), some in table.groupby(["test_case", "metric"], sort=False):
        lower = described(str(metric)).lower_is_better
        control = some["model"].map(is_control).astype(bool)
        models = some[~control].sort_values("mean", ascending=lower, kind="stable")
        for one in some[control].to_dict("records") if len(models) else ():
            best, name = models.iloc[0], one["model"].removeprefix(CONTROL)
            gap = (one["mean"] - best["mean"]) * (1 if lower else -1)
            own = kind, metric, name, one["mean"], one["count"]
            rows.append((*own, best["model"], best["mean"], gap, gap < rules.margin))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def disqualified(controls: pd.DataFrame) -> Mapping[tuple[str, str], str]:
    """{(kind, metric): why it decides nothing}, of the control that comes nearest."""
    rows = controls[controls["disqualifies"].astype(bool)].sort_values("gap", kind="stable")
    found = {}
    for row in rows.drop_duplicates(["test_case", "metric"]).to_dict("records"):
        control, best = CALLED.get(row["control"], row["control"]), number(row["best_mean"], 2)
        why = f"on {row['metric']} {control} scores {number(row['mean'], 2)}, the best model {best}"
        found[row["test_case"], row["metric"]] = why
    return found


def nothing_usable(rows: pd.DataFrame, least: float) -> str:
    """What became of a kind's scored answers where no model has more than this share in usable form; else "".

    `rows` are the complete scores of one kind and metric.
    """
    rows = rows[rows["value"].notna()]
    usable = rows["reason"] == ""
    few = len(rows) and not usable.all() and usable.groupby(rows["model"]).mean().max() <= least
    return _unusable(rows) if few else ""


def few_usable(rows: pd.DataFrame) -> Iterator[str]:
    """A sentence for every model and kind with fewer than half of the answers in usable form."""
    rows = rows[rows["value"].notna()]
    for (model, kind), some in rows.groupby(["model", "test_case"], sort=False):
        if (some["reason"] == "").mean() < HALF:
            yield f"Of {model} on {kind_name(str(kind))}, {_unusable(some)}."


def _unusable(rows: pd.DataFrame) -> str:
    """`60 of 60 answers were unusable, most often: cut off at max_tokens = 50; raise it`."""
    lost = rows.loc[rows["reason"] != "", "reason"]
    status, _, cause = str(lost.value_counts().index[0]).partition(": ")
    remedy = "; raise it" if cause.startswith("cut off at") else ""
    return (
        f"{len(lost):,} of {count(len(rows), 'answer')} were unusable, most often: {cause or status}{remedy}"
    )
