"""Every pair of models over the same cases: on every metric, and on what an answer takes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..domain import ROUNDING, Comparison
from ..errors import UsageError
from ..metrics import described
from .rules import Rules
from .table import Measured, as_arrays, complete, in_full, measured, pairs_of

if TYPE_CHECKING:
    from ..stats import Design

Less = Mapping[tuple[str, str], str]  # what `takes_less` gives
MEASURES = ("latency_s", "service_s", "queue_s", "cost_usd")
SERVING = (
    *("measure", "model_a", "model_b", "n", "mean_a", "mean_b", "difference", "standard_error", "df"),
    *("ci_low", "ci_high", "p_value", "wins", "ties", "losses"),
)


def compare(scores: pd.DataFrame, rules: Rules, parts: Sequence[Measured] | None = None) -> pd.DataFrame:
    """Every pair of models on every metric, over the cases that both have a score for: rows of `Comparison`.

    The estimate is stratified: Δ = Σ w_c · mean difference in category c (`benchkit.stats.stratified`). The
    pairs of one kind's primary metric are Holm-adjusted among themselves, and so are all others together. A
    reference is model B of its pairs. `parts` saves reading the scores again. Raises UsageError where the
    rules do not fit the scores, InputError for a table that cannot be compared.
    """
    scores = complete(scores) if parts is None else scores
    rules.check_fit(scores)
    models = list(scores["model"].unique())
    if rules.reference and rules.reference not in models:
        raise UsageError(
            f"reference = {rules.reference!r} is none of the models that were run. Use one of: "
            f"{', '.join(models)}."
        )
    primary = rules.primary(scores)
    rows = [
        row
        for one in (measured(scores, models) if parts is None else parts)
        for row in _of_metric(one, rules, primary.get(one.kind) == one.metric.name)
    ]
    rows.sort(key=lambda row: not row["primary"])
    _adjust(rows, rules.alpha)
    columns = list(Comparison.__dataclass_fields__)
    return pd.DataFrame([asdict(Comparison(**row)) for row in rows], columns=columns)


def _of_metric(one: Measured, rules: Rules, primary: bool) -> Iterator[dict[str, Any]]:
    one = one.weighing(rules.category_weights)
    cases = one.design(rules.category_weights)
    means = dict(zip(one.models, one.means, strict=True))
    for a, b in pairs_of(one.models, rules.reference):
        row = {"metric": one.metric.name, "test_case": one.kind, "model_a": a, "model_b": b}
        found = paired(means[a], means[b], rules.alpha, cases, one.sign, one.metric.span or math.inf)
        yield row | {"primary": primary} | found


def paired(
    a: np.ndarray,
    b: np.ndarray,
    alpha: float,
    cases: Design | None = None,
    sign: int = 1,
    reach: float = math.inf,
) -> dict[str, Any]:
    """What every comparison of two models' case means says: (cases,) each, NaN for none.

    `sign` is −1 where less is better: a case is won where A is better. No difference is larger than `reach`.
    """
    from ..stats import stratified

    found, both = stratified(a - b, cases, alpha=alpha).within(reach), ~np.isnan(a - b)
    gap = sign * (a - b)[both]
    tie = 1e-12 * (1 + float(np.abs(gap).max(initial=0.0)))
    spread = float(gap.std(ddof=1)) if len(gap) > 1 else 0.0
    mean_a, mean_b = (
        float(found.coefficients @ np.where(both, side, 0.0)) if found.n else math.nan for side in (a, b)
    )
    return {
        "n": found.n,
        "mean_a": mean_a,
        "mean_b": mean_b,
        "difference": found.estimate,
        "standard_error": found.se,
        "df": found.df,
        "ci_low": found.low,
        "ci_high": found.high,
        "p_value": found.p_value,
        "effect_size": found.estimate / spread if spread > tie else math.nan,
        "wins": int((gap > tie).sum()),
        "ties": int((np.abs(gap) <= tie).sum()),
        "losses": int((gap < -tie).sum()),
        "warnings": " ".join(found.warnings),
    }


def _adjust(rows: list[dict[str, Any]], alpha: float) -> None:
    """Put in the Holm-adjusted p and which model it shows better, family by family."""
    from ..stats import holm

    families: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        families.setdefault(row["test_case"] if row["primary"] else "", []).append(row)
    for family in families.values():
        for row, p in zip(family, holm([row["p_value"] for row in family]), strict=True):
            first = (row["difference"] > 0) != described(row["metric"]).lower_is_better
            shown = "better_a" if first else "better_b"
            row |= {"p_adjusted": float(p), "outcome": shown if p <= alpha else "open"}


def compare_serving(
    responses: pd.DataFrame,
    scores: pd.DataFrame | None = None,
    *,
    alpha: float = 0.05,
    reference: str = "",
) -> pd.DataFrame:
    """Seconds and dollars per answer of every pair of models, over the cases that both have them for.

    `service_s` is the latency less what the provider says was spent in its queue: a model's own. A case's
    rounds are averaged first. The difference is A − B as it is, so `wins` are cases where A is faster or
    cheaper; a paired t interval at 1 − alpha, adjusted with no other. n is 0 where nothing is known. `scores`
    know the cases' families, each of which counts as one.
    """
    from ..stats import case_means, design

    models = list(responses["model"].unique())
    timed = responses.astype({"latency_s": float, "queue_s": float, "cost_usd": float})
    timed["service_s"] = timed["latency_s"] - timed["queue_s"]
    ids, _, arrays = as_arrays(timed, models, MEASURES)
    known = {} if scores is None else in_full(scores).drop_duplicates("id").set_index("id")["family"]
    cases = design(len(ids), families=[known.get(one, "") for one in ids])
    rows = []
    for name in MEASURES:
        means = dict(zip(models, case_means(arrays[name]), strict=True))
        for a, b in pairs_of(models, reference):
            found = paired(means[a], means[b], alpha, cases, sign=-1)
            rows.append({"measure": name, "model_a": a, "model_b": b} | found)
    return pd.DataFrame(rows, columns=list(SERVING))


def takes_less(serving: pd.DataFrame) -> Less:
    """{(model, other): `cheaper` or `faster`}, over the answers for which it is known of both.

    By what an answer costs; where that is not known or the same, by seconds of service, or of latency. A pair
    that is the same in all that is known is in neither order.
    """
    found: dict[tuple[str, str], str] = {}
    for measure, word in (("cost_usd", "cheaper"), ("service_s", "faster"), ("latency_s", "faster")):
        for row in serving[(serving["measure"] == measure) & (serving["n"] > 0)].to_dict("records"):
            gap, pair = _gap(row), (row["model_a"], row["model_b"])
            if gap and not {pair, pair[::-1]} & found.keys():
                found[pair if gap < 0 else pair[::-1]] = word
    return found


def _gap(row: Mapping[str, Any]) -> float:
    """A − B of a row of `compare_serving`; 0 where only rounding differs."""
    size = abs(row["mean_a"]) + abs(row["mean_b"])
    return float(row["difference"]) if abs(row["difference"]) > ROUNDING * size else 0.0


def facing(serving: pd.DataFrame, measures: Sequence[str], model: str, than: str) -> float | None:
    """What `model` takes more than `than`, on the first measure that is known of both; else None."""
    for measure in measures:
        for row in serving[(serving["measure"] == measure) & (serving["n"] > 0)].to_dict("records"):
            if (row["model_a"], row["model_b"]) == (model, than):
                return _gap(row)
            if (row["model_b"], row["model_a"]) == (model, than):
                return -_gap(row)
    return None
