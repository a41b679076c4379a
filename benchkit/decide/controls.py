"""What keeps a metric from deciding: answers that know nothing do as well on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from ..domain import CONTROL, is_control
from ..wording import number
from .comparing import paired
from .evidence import Kind, kind_of
from .rules import Rules
from .table import in_full, measured, of_models

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


def control_table(scores: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Per kind, metric and control: its mean beside that of the best model, and whether it disqualifies.

    Each model is held against the control as models are against each other: over the n cases that both have a
    score for, in the metric's direction, with the weights of the categories. The best is the one with the
    largest `gap`, which is in the units of U where the metric decides; a control within `margin` of it
    disqualifies the metric: what nothing but the prompt earns says nothing of a model. Empty where no control
    was scored. Raises UsageError where the rules do not fit the scores.
    """
    names = list(scores["model"].unique())
    if not any(map(is_control, names)):
        return pd.DataFrame(columns=list(COLUMNS))
    scores = in_full(scores)
    ours = of_models(scores)
    rules.check_fit(ours)
    units, primary, rows = rules.units(ours), rules.primary(ours), {}
    for one in measured(scores, names):
        unit = units[one.kind] if primary.get(one.kind) == one.metric.name else 1.0
        rows[one.kind, one.metric.name] = list(_controls(kind_of(one, rules), unit, rules.margin))
    order = scores[["test_case", "metric"]].drop_duplicates().itertuples(index=False, name=None)
    return pd.DataFrame([row for key in order for row in rows[key]], columns=list(COLUMNS))


def _controls(kind: Kind, unit: float, margin: float) -> Iterator[dict[str, Any]]:
    """Each control of a metric with the model that is furthest ahead of it."""
    one = kind.measured
    means = dict(zip(one.models, one.means, strict=True))
    for control in filter(is_control, one.models):
        models = [model for model in one.models if not is_control(model)]
        found = [paired(means[model], means[control], kind.alpha, kind.design, one.sign) for model in models]
        each = [(one.sign * row["difference"], model, row) for model, row in zip(models, found, strict=True)]
        known = [some for some in each if some[2]["n"]]
        if known:
            ahead, best, row = max(known, key=lambda some: some[0])
            yield {
                "test_case": kind.name,
                "metric": kind.metric,
                "control": control.removeprefix(CONTROL),
                "mean": row["mean_b"],
                "n": row["n"],
                "best_model": best,
                "best_mean": row["mean_a"],
                "gap": ahead / unit,
                "disqualifies": ahead / unit < margin,
            }


def disqualified(controls: pd.DataFrame) -> Mapping[tuple[str, str], str]:
    """{(kind, metric): why it decides nothing}, of the control that comes nearest."""
    rows = controls[controls["disqualifies"].astype(bool)].sort_values("gap", kind="stable")
    found = {}
    for row in rows.drop_duplicates(["test_case", "metric"]).to_dict("records"):
        control, best = CALLED.get(row["control"], row["control"]), number(row["best_mean"], 2)
        why = f"on {row['metric']} {control} scores {number(row['mean'], 2)}, the best model {best}"
        found[row["test_case"], row["metric"]] = why
    return found
