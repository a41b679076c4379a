"""Small finished runs for the tests of 04 and 05: score tables and reports without any provider."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from benchkit.decide import Rules
from benchkit.domain import CATEGORIES, Response, is_control
from benchkit.generate.cases import schema_of
from benchkit.measure import metrics_report
from benchkit.metrics import METRICS

STEADY, HASTY, TERSE = "offline/steady", "offline/hasty", "offline/terse"


def case(id: str, kind: str = "conversation", golden: Any = "", **fields: Any) -> dict[str, Any]:
    """A row of validated_tests.csv."""
    row = {"id": id, "test_case": kind, "category": CATEGORIES[0], "prompt": f"What about order {id}?"}
    golden = golden or ({"a": 1} if kind == "json" else "Please open the settings and restart the router.")
    schema = json.dumps(schema_of([golden], least=1)) if kind == "json" else ""
    text = golden if isinstance(golden, str) else json.dumps(golden)
    return row | {"golden_response": text, "response_schema": schema} | fields


def cases(*rows: Mapping[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows))


def response(id: str, model: str, text: str = "", round: int = 1, **fields: Any) -> dict[str, Any]:
    """A row of responses as Run.responses() gives it; without a status, as another harness writes it."""
    return vars_of(Response(id, "", "conversation", model, round, text, status="")) | fields


def vars_of(one: Response) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Response.__dataclass_fields__}


def responses(*rows: Mapping[str, Any]) -> pd.DataFrame:
    whole = {"round": "Int64", "prompt_tokens": "Int64", "completion_tokens": "Int64"}
    return pd.DataFrame(list(rows)).astype(whole | dict.fromkeys(("latency_s", "queue_s", "cost_usd"), float))


def score_table(
    values: Mapping[str, Mapping[str, Any]], categories: Sequence[str] = CATEGORIES
) -> pd.DataFrame:
    """{model: {metric: (cases, rounds) or (cases,)}} as a scores table; NaN is unscored."""
    rows = []
    for model, metrics in values.items():
        for metric, table in metrics.items():
            array = np.atleast_2d(np.asarray(table, dtype=float).T).T
            kind = METRICS[metric].kind
            for at, of_case in enumerate(array):
                where = {
                    "id": f"{kind}-{at:03d}",
                    "test_case": kind,
                    "category": categories[at % len(categories)],
                }
                for round, value in enumerate(of_case, 1):
                    reason = "failed: timeout" if np.isnan(value) else ""
                    rows.append(
                        {
                            **where,
                            "model": model,
                            "round": round,
                            "metric": metric,
                            "value": value,
                            "reason": reason,
                        }
                    )
    return pd.DataFrame(rows)


def responses_of(
    scores: pd.DataFrame, costs: Mapping[str, float] | None = None, seed: int = 0
) -> pd.DataFrame:
    """Responses that could have led to these scores: failed where nothing is scored."""
    random = np.random.default_rng(seed)
    keys = ["id", "test_case", "category", "model", "round"]
    rows = []
    for at, (key, some) in enumerate(scores.groupby(keys, sort=False)):
        row = dict(zip(keys, key, strict=True))
        failed = some["value"].isna().all()
        price = (costs or {}).get(row["model"], float("nan"))
        rows.append(
            row
            | {"prompt": "?", "model_response": "An answer.", "error": "timeout" if failed else ""}
            | {"status": "failed" if failed else "answered", "timestamp": f"2026-01-01T00:00:{at % 60:02d}Z"}
            | {"latency_s": float("nan") if failed else random.lognormal(0, 0.3), "queue_s": 0.01}
            | {"prompt_tokens": 100 + at, "completion_tokens": 40 + at % 7, "cost_usd": price}
        )
    return responses(*rows)


@dataclass(frozen=True)
class About:
    """What a report asks of its run, without a run."""

    simulated: bool = True
    seed: int | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)

    def seen_before(self) -> Mapping[str, Any]:
        return self.before


def report_of(
    scores: pd.DataFrame,
    rules: Rules | None = None,
    *,
    costs: Mapping[str, float] | None = None,
    validator: Mapping[str, Any] | None = None,
    judge: Mapping[str, Any] | None = None,
    **about: Any,
) -> dict[str, Any]:
    """What 04 makes of these scores: computed once for the same ones, and a copy each time."""
    key = repr((scores.to_csv(), scores.attrs, rules, costs, validator, judge, about))
    if key not in _REPORTS:
        models = scores[~scores["model"].map(is_control).astype(bool)]
        made = responses_of(models, costs)
        about_it = About(**about)
        _REPORTS[key] = metrics_report(scores, made, rules or Rules(), about_it, validator, judge)
    return copy.deepcopy(_REPORTS[key])


_REPORTS: dict[str, dict[str, Any]] = {}


def drawn(
    seed: int, models: Sequence[str] = (STEADY, HASTY), n: int = 20, rounds: int = 3, spread: float = 0.12
) -> pd.DataFrame:
    """Scores of models that differ by chance, now more and now less, on every metric but a judge's."""
    random = np.random.default_rng(seed)
    values: dict[str, dict[str, Any]] = {model: {} for model in models}
    for metric in (name for name, one in METRICS.items() if one.function):
        level = random.normal(0.6, 0.15, (n, 1))
        for model in models:
            shift = random.choice([0.0, 0.02, 0.1, 0.2]) * random.choice([-1, 1])
            drawn = np.clip(level + shift + random.normal(0, spread, (n, rounds)), 0.02, 1)
            drawn[random.random((n, rounds)) < 0.03] = np.nan
            values[model][metric] = (drawn > 0.5).astype(float) if metric == "schema_compliance" else drawn
    return score_table(values)
