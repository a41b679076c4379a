"""Responses and scores -> the tables and files that say what was measured, and how."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from ..domain import KINDS
from ..metrics import METRICS, METRICS_VERSION, described
from ..run import large
from ..signature import PACKAGES
from .scoring import UNDEFINED

if TYPE_CHECKING:
    import pandas as pd


def summarise(scores: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """Mean of case means per model and metric, with the responses planned, scored, unscored and undefined.

    Undefined are those whose case leaves the metric nothing to compare; unscored those that we failed to
    measure. `by` adds columns to group by, such as "category". A mean over nothing is NaN, never 0.
    """
    keys = ["model", "test_case", "metric", *by]
    cases = scores.groupby([*keys, "id"], sort=False)["value"].mean()
    grouped = scores.groupby(keys, sort=False)["value"]
    table = cases.groupby(level=keys, sort=False).agg(mean="mean", cases="count")
    table["planned"], table["scored"] = grouped.size(), grouped.count()
    undefined = scores["reason"].fillna("").str.startswith(UNDEFINED)
    table["undefined"] = undefined.groupby([scores[key] for key in keys], sort=False).sum()
    table["unscored"] = table["planned"] - table["scored"] - table["undefined"]
    return table.reset_index()


def undelivered(scores: pd.DataFrame) -> pd.DataFrame:
    """Per model and metric: malformed and refused answers, how many could be read all the same, their mean.

    They score worst, for nobody could have used them. `content` is what they would have scored: where it is
    high, the fault is the tool call and not the answer.
    """
    keys = ["model", "test_case", "metric"]
    lost = scores[scores["reason"].str.startswith(("malformed", "refused")) & scores["value"].notna()]
    table = lost.groupby(keys, sort=False)["content"].agg(
        undelivered="size", readable="count", content="mean"
    )
    return table.reset_index()


def denominators(responses: pd.DataFrame) -> pd.DataFrame:
    """Per model and kind: responses planned, and what became of them. Only `failed` is unscored."""
    keys = ["model", "test_case"]
    counts = responses.groupby(keys, sort=False)["status"].value_counts().unstack(fill_value=0)
    counts = counts.reindex(columns=["answered", "malformed", "refused", "failed"], fill_value=0)
    counts.insert(0, "planned", counts.sum(axis=1))
    counts["scored"], counts["unscored"] = counts["planned"] - counts["failed"], counts["failed"]
    return counts.rename_axis(columns=None).reset_index()


def costs(responses: pd.DataFrame) -> pd.DataFrame:
    """Per model: dollars, tokens and seconds; what is not known stays unknown.

    `priced` counts the responses whose cost is known, `unpriced` those that came without one: where there
    are any, `cost_usd` is a lower bound. A mean is over what is known.
    """
    grouped = responses.groupby("model", sort=False)
    table = grouped[["cost_usd", "prompt_tokens", "completion_tokens"]].sum(min_count=1)
    table["cost_usd_per_1000"] = grouped["cost_usd"].mean() * 1000
    table["latency_s_median"] = grouped["latency_s"].median()
    table["latency_s_p95"] = grouped["latency_s"].quantile(0.95)
    table["queue_s_median"] = grouped["queue_s"].median()
    table["timed"] = grouped["latency_s"].count()
    table["priced"] = grouped["cost_usd"].count()
    came = responses["status"] != "failed"
    table["unpriced"] = (came & responses["cost_usd"].isna()).groupby(responses["model"]).sum()
    return table.reset_index()


def metrics_json(
    summary: pd.DataFrame, models: Sequence[str], simulated: bool, signature: str = ""
) -> dict[str, Any]:
    """{model: {conversation_metrics: {...}, json_metrics: {...}}}: means, null where nothing was scored.

    A brought metric stands with every kind that it scores, with both where its cases name none. Beside
    them, where it is so, that the model is simulated, and how the numbers were made.
    """
    about = ({"simulated": True} if simulated else {}) | ({"signature": signature} if signature else {})
    out: dict[str, Any] = {}
    for model in models:
        out[model] = {"conversation_metrics": {}, "json_metrics": {}} | about
        for metric in METRICS.values():
            out[model][f"{metric.kind}_metrics"][metric.reported_as or metric.name] = None
    for row in summary[summary["model"].isin(list(models))].to_dict("records"):
        metric = described(row["metric"])
        kinds = [row["test_case"]] if row["test_case"] in KINDS else [metric.kind] if metric.kind else KINDS
        for kind in kinds:
            known = None if math.isnan(row["mean"]) else float(row["mean"])
            out[row["model"]][f"{kind}_metrics"][metric.reported_as or metric.name] = known
    return out


def signature(
    scores: pd.DataFrame,
    alpha: float,
    primary: Mapping[str, str],
    seed: int | None = None,
    margin: float = 0.0,
) -> str:
    """How the numbers were made, in one line that goes wherever they go; `seed` is the run's."""
    rounds, n = scores["round"].nunique(), scores["id"].nunique()
    first = ",".join(primary[kind] for kind in sorted(set(scores["test_case"])) if kind in primary)
    fields = {
        "benchkit": version("benchkit"),
        "metrics": METRICS_VERSION,
        "tok": "word+snowball",
        "n": n,
        "rounds": rounds,
        "unit": "case",
        "strata": f"category({scores['category'].nunique()})",
        "alpha": f"{alpha:g}",
        "margin": f"{margin:g}",
        "seed": "unknown" if seed is None else seed,
        "primary": first,
        "measured": "+".join(name for name in METRICS if name in set(scores["metric"])),
    }
    packages = ",".join(f"{name}:{version(name)}" for name in PACKAGES)
    return "|".join([*(f"{name}:{value}" for name, value in fields.items()), packages])


def detailed(scores: pd.DataFrame) -> list[dict[str, Any]]:
    """Every model's mean per case and metric, a dict a row; of many scores those of the first cases."""
    if len(scores) > large.LARGE:  # all are in scores.parquet
        scores = scores[scores["id"].isin(scores["id"].unique()[: large.FIRST])]
    table = scores.groupby(["id", "test_case", "category", "model", "metric"], sort=False)["value"].mean()
    return table.reset_index().to_dict("records")
