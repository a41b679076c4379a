"""What an answer takes, beside its quality: seconds and dollars, over the same cases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from .comparing import paired
from .table import as_arrays, pairs_of

MEASURES = ("latency_s", "service_s", "queue_s", "cost_usd")
COLUMNS = (
    *("measure", "model_a", "model_b", "n", "mean_a", "mean_b", "difference", "standard_error", "df"),
    *("ci_low", "ci_high", "p_value", "wins", "ties", "losses"),
)


def compare_serving(responses: pd.DataFrame, *, alpha: float = 0.05, reference: str = "") -> pd.DataFrame:
    """Seconds and dollars per answer of every pair of models, over the cases that both have them for.

    `service_s` is the latency less what the provider says was spent in its queue: a model's own. A case's
    rounds are averaged first. The difference is A − B as it is, so `wins` are cases where A is faster or
    cheaper; a paired t interval at 1 − alpha, adjusted with no other. n is 0 where nothing is known.
    """
    from ..stats import case_means

    models = list(responses["model"].unique())
    timed = responses.astype({"latency_s": float, "queue_s": float, "cost_usd": float})
    timed["service_s"] = timed["latency_s"] - timed["queue_s"]
    _, _, arrays = as_arrays(timed, models, MEASURES)
    rows = [
        {"measure": name, "model_a": a, "model_b": b}
        | paired(means[models.index(a)], means[models.index(b)], alpha, sign=-1)
        for name, means in ((name, case_means(arrays[name])) for name in MEASURES)
        for a, b in pairs_of(models, reference)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def cheapest_first(serving: pd.DataFrame, models: Sequence[str], among: Collection[str]) -> list[int]:
    """Positions of those `among` the models, the cheapest first, or the fastest where a cost is not known.

    Empty where neither is known of all of them.
    """
    for name in ("cost_usd", "service_s", "latency_s"):
        means = mean_of(serving, name)
        if all(model in means for model in among):
            return sorted((models.index(model) for model in among), key=lambda i: means[models[i]])
    return []


def mean_of(serving: pd.DataFrame, measure: str) -> Mapping[str, float]:
    """Each model's mean on a measure, of those that have one."""
    rows = serving[(serving["measure"] == measure) & (serving["n"] > 0)]
    return {
        **dict(zip(rows["model_b"], rows["mean_b"], strict=True)),
        **dict(zip(rows["model_a"], rows["mean_a"], strict=True)),
    }


def facing(serving: pd.DataFrame, measure: str, model: str, than: str) -> tuple[float, float, float] | None:
    """(difference, low, high) of what `model` takes less than `than`; None where nothing is known."""
    for row in serving[(serving["measure"] == measure) & (serving["n"] > 0)].to_dict("records"):
        if (row["model_a"], row["model_b"]) == (model, than):
            return row["difference"], row["ci_low"], row["ci_high"]
        if (row["model_b"], row["model_a"]) == (model, than):
            return -row["difference"], -row["ci_high"], -row["ci_low"]
    return None
