"""Could answers that know nothing do as well? Then the metric decides nothing."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ..domain import CONTROL, is_control
from ..metrics import described
from ..wording import number
from .rules import Rules

COLUMNS = (
    *("test_case", "metric", "control", "mean", "n"),
    *("best_model", "best_mean", "gap", "disqualifies"),
)


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
    rows = rows.drop_duplicates(["test_case", "metric"])
    return {(row["test_case"], row["metric"]): _why(row) for row in rows.to_dict("records")}


def _why(row: Mapping[str, object]) -> str:
    means = (number(float(str(row[name])), 2) for name in ("mean", "best_mean"))
    scored = "on {} {} scores {}, the best model {}"
    return scored.format(row["metric"], _CALLED.get(str(row["control"]), row["control"]), *means)


_CALLED = {
    "prompt copied": "the prompt copied back",
    "boilerplate": "a boilerplate answer",
    "another golden": "another case's golden answer",
    "schema defaults": "a record of the schema's defaults",
}
