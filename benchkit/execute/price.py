"""What a number of answers costs: calls, tokens, dollars, and minutes at a provider's limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..llm import catalog
from ..llm.estimate import limit_minutes

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("model", "test_case", "tokens", "cost_usd")


# Groq's published limits of the models that it serves to everybody.
TIERS = dict(zip(("free", "developer"), catalog.TIERS, strict=True))


def least_minutes(limits: Mapping[str, int], calls: float, tokens: float) -> float:
    """The least minutes for that many calls and tokens of one model, its day's share being untouched.

    Limits are the organisation's, each model has its own. NaN where the tokens are not known.
    """
    if tokens != tokens:
        return tokens
    return max(limit_minutes(limits, calls, tokens).values(), default=0.0)


def answer_prices(responses: pd.DataFrame, work: pd.DataFrame | None = None) -> pd.DataFrame:
    """Mean tokens and dollars of one answer, per model and kind: as answered, else as `work` estimates.

    `responses` are those of a run; `work` is the table of 03's plan, where there is one.
    """
    import pandas as pd

    tokens = responses["prompt_tokens"] + responses["completion_tokens"]
    seen = responses.assign(tokens=tokens.astype(float))[list(COLUMNS)].dropna(subset="tokens")
    table = seen.groupby(["model", "test_case"], sort=False).mean().reset_index()
    if work is None:
        return table
    told = [_estimate(row) for row in work.to_dict("records") if row["to ask"]]
    both = pd.concat(
        [frame for frame in (table, pd.DataFrame(told, columns=COLUMNS)) if len(frame)] or [table]
    )
    return both.drop_duplicates(["model", "test_case"], ignore_index=True)


def price_table(
    prices: pd.DataFrame, models: Sequence[str], designs: Mapping[str, Mapping[str, int]], rounds: int
) -> pd.DataFrame:
    """Calls, tokens, dollars and minutes per design (its cases per kind) and model, and of all models.

    Models run side by side, so all of them take as long as the slowest. What is not known is NaN. Rounded to
    whole tokens, millionths of a dollar and tenths of a minute. Needs at least one model and one design.
    """
    import pandas as pd

    rows = []
    for name, cases in designs.items():
        each = pd.DataFrame([_bill(prices, model, cases, rounds) for model in models])
        sums = each[["calls", "tokens", "cost_usd"]].sum(skipna=False)
        total = pd.concat([sums, each.filter(like="minutes").max(skipna=False)])
        rows += each.assign(design=name).to_dict("records")
        rows.append(total.to_dict() | {"design": name, "model": f"all {len(models)}"})
    table = pd.DataFrame(rows, columns=["design", *each.columns]).astype({"calls": int})
    digits = {"tokens": 0, "cost_usd": 6} | dict.fromkeys(table.filter(like="minutes"), 1)
    return table.round(digits).astype({"tokens": "Int64"})


def _bill(prices: pd.DataFrame, model: str, cases: Mapping[str, int], rounds: int) -> dict[str, Any]:
    own = prices[prices["model"] == model].set_index("test_case")
    calls = {kind: n * rounds for kind, n in cases.items() if n}
    tokens, cost = (
        sum(count * float(own[name].get(kind, float("nan"))) for kind, count in calls.items())
        for name in ("tokens", "cost_usd")
    )
    minutes = {
        f"minutes, {tier}": least_minutes(limits, sum(calls.values()), tokens)
        for tier, limits in TIERS.items()
    }
    return {"model": model, "calls": sum(calls.values()), "tokens": tokens, "cost_usd": cost} | minutes


def _estimate(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model": row["model"],
        "test_case": str(row["agent"]).removesuffix("_executor"),
        "tokens": row["tokens (estimate)"] / row["to ask"],
        "cost_usd": row["cost_usd (estimate)"] / row["to ask"],
    }
