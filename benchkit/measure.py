"""04: responses -> scores -> comparisons. The case is the unit; a failure to measure is never a score."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from .domain import Comparison, Response, Score, TestCase
from .errors import InputError, UsageError
from .metrics import conversation, structured
from .metrics.answers import read_answer

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from .stats import Paired

Key = tuple[str, str, str]  # metric, model A, model B


@dataclass(frozen=True)
class Metric:
    """How one metric is computed and read. `worst` is what a delivered failure scores."""

    name: str
    test_case: str
    function: Callable[[Any, Any], float | None]  # (answer, case)
    worst: float = 0.0
    lower_is_better: bool = False
    reported_as: str = ""  # its name in metrics.json, where that differs


METRICS = {
    metric.name: metric
    for metric in (
        Metric("bleu_score", "conversation", lambda r, c: conversation.bleu_score(r, c.golden_response)),
        # An empty answer has a word error rate of 1: every word of the golden is missing.
        Metric(
            "wer_score", "conversation", lambda r, c: conversation.wer_score(r, c.golden_response), 1.0, True
        ),
        Metric(
            "response_relevance", "conversation", lambda r, c: conversation.response_relevance(r, c.prompt)
        ),
        Metric("clarity", "conversation", lambda r, c: conversation.clarity(r)),
        Metric(
            "task_completion", "conversation", lambda r, c: conversation.task_completion(r, c.golden_response)
        ),
        Metric(
            "schema_compliance",
            "json",
            lambda r, c: structured.schema_compliance(r, c.response_schema or {}),
            reported_as="schema_compliance_rate",
        ),
        Metric(
            "field_accuracy",
            "json",
            lambda r, c: structured.field_accuracy(r, c.golden_response, c.response_schema),
        ),
        Metric(
            "structural_consistency",
            "json",
            lambda r, c: structured.structural_consistency(r, c.golden_response),
        ),
    )
}
LOWER_IS_BETTER = tuple(metric.name for metric in METRICS.values() if metric.lower_is_better)
PRIMARY = {"conversation": "task_completion", "json": "field_accuracy"}
METRICS_VERSION = "1"  # raised whenever a definition changes: numbers of two versions do not compare


def settle(responses: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """Responses with a status each, whoever made them; a response that is not on file is `failed`.

    Answers of another harness come with no status: they are read as what they are, and what was lost is
    said to be lost. Raises InputError for an answer that stands there twice, or when none is to our cases.
    """
    import pandas as pd

    ours = responses[responses["id"].isin(cases["id"])]
    if not len(ours):
        raise InputError("no response belongs to a case of validated_tests.csv. Check that the ids agree.")
    twice = ours[ours.duplicated(["id", "model", "round"])]
    if len(twice):
        row = twice.iloc[0]
        raise InputError(
            f"{row['model']} answers case {row['id']} in round {row['round']} twice. "
            "Number the rounds, or keep one."
        )
    rounds = sorted(ours["round"].dropna().unique())
    models = ours["model"].unique()
    grid = pd.MultiIndex.from_product([models, cases["id"], rounds], names=["model", "id", "round"]).to_frame(
        index=False
    )
    about = cases[["id", "prompt", "test_case", "category"]]
    known = ours.drop(columns=["prompt", "test_case", "category"], errors="ignore")
    full = grid.merge(about, on="id").merge(known, on=["model", "id", "round"], how="left", indicator=True)
    absent = full.pop("_merge") == "left_only"
    full["status"] = full["status"].where(~absent, "failed").fillna("")
    full["error"] = full["error"].where(~absent, "no response on file").fillna("")
    full["model_response"] = full["model_response"].fillna("")
    unread = full["status"] == ""
    read = [read_answer(t, kind) for t, kind in full.loc[unread, ["model_response", "test_case"]].to_numpy()]
    full.loc[unread, "error"] = [answer.error for answer in read]
    full.loc[unread, "status"] = [answer.status for answer in read]
    return full[[*dict.fromkeys((*Response.__dataclass_fields__, "category"))]]


def score(responses: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """One row per response and metric of its kind: a value, or none with the reason."""
    import pandas as pd

    tests = {row["id"]: TestCase.from_row(row) for row in cases.to_dict("records")}
    rows = [
        asdict(one) | {"test_case": row["test_case"], "category": row["category"]}
        for row in responses.to_dict("records")
        for one in score_response(row, tests[row["id"]])
    ]
    columns = ["id", "test_case", "category", "model", "round", "metric", "value", "reason"]
    return pd.DataFrame(rows, columns=columns).astype({"value": float})


def score_response(row: Mapping[str, Any], case: TestCase) -> Iterator[Score]:
    """The scores of one response under every metric of its kind."""
    where = (case.id, row["model"], row["round"])
    wanted = [metric for metric in METRICS.values() if metric.test_case == case.test_case]
    if row["status"] == "failed":
        yield from (Score.unscored(*where, m.name, f"failed: {row['error']}") for m in wanted)
    elif row["status"] != "answered":
        yield from (Score(*where, m.name, m.worst, f"{row['status']}: {row['error']}") for m in wanted)
    else:
        answer = read_answer(row["model_response"], case.test_case).value
        for metric in wanted:
            value = metric.function(answer, case)
            yield Score(*where, metric.name, value, "" if value is not None else "not defined for this case")


def summarise(scores: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """Mean of case means per model and metric, with planned, scored and unscored responses beside it.

    `by` adds columns to group by, such as "category". A mean over nothing is NaN, never 0.
    """
    keys = ["model", "test_case", "metric", *by]
    cases = scores.groupby([*keys, "id"], sort=False)["value"].mean()
    grouped = scores.groupby(keys, sort=False)["value"]
    table = cases.groupby(level=keys, sort=False).agg(mean="mean", cases="count")
    table["planned"], table["scored"] = grouped.size(), grouped.count()
    table["unscored"] = table["planned"] - table["scored"]
    return table.reset_index()


def case_matrix(scores: pd.DataFrame, metric: str, models: Sequence[str]) -> pd.DataFrame:
    """Cases as rows, models as columns: the mean over a case's scored rounds, NaN where none is."""
    some = scores[scores["metric"] == metric]
    means = some.groupby(["id", "model"], sort=False)["value"].mean().unstack()
    return means.reindex(columns=list(models))


def compare(
    scores: pd.DataFrame,
    models: Sequence[str],
    primary: Mapping[str, str],
    *,
    margin: float = 0.0,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Every pair of models on every metric, over the cases that both have a score for.

    p-values are Holm-adjusted in two families: the primary metrics' pairs of one kind, and all the rest.
    Raises UsageError for an alpha outside 0 to 1 or a negative margin.
    """
    import pandas as pd

    check_parameters(alpha, margin)
    category = scores.drop_duplicates("id").set_index("id")["category"]
    pairs = [(a, b) for i, a in enumerate(models) for b in models[i + 1 :]]
    results = {
        (name, a, b): compare_pair(matrix, METRICS[name], a, b, category, alpha)
        for name in METRICS
        if len(matrix := case_matrix(scores, name, models))
        for a, b in pairs
    }
    adjusted = _adjusted(results, primary)
    rows = [_comparison(key, results[key], adjusted[key], primary, margin) for key in results]
    return pd.DataFrame(rows, columns=list(Comparison.__dataclass_fields__))


def compare_pair(
    matrix: pd.DataFrame, metric: Metric, a: str, b: str, category: pd.Series, alpha: float
) -> Paired:
    """Two columns of a case matrix, compared on the cases that both have."""
    from .stats import paired

    both = matrix[[a, b]].dropna()
    return paired(
        both[a].to_numpy(float),
        both[b].to_numpy(float),
        clusters=_codes(category, both.index),
        alpha=alpha,
        lower_is_better=metric.lower_is_better,
        span=None if metric.lower_is_better else 1.0,
    )


def _adjusted(results: Mapping[Key, Paired], primary: Mapping[str, str]) -> dict[Key, float]:
    from .stats import holm

    families: dict[str, list[Key]] = {}
    for key in results:
        kind = METRICS[key[0]].test_case
        families.setdefault(kind if primary.get(kind) == key[0] else "the rest", []).append(key)
    return {
        key: float(p)
        for keys in families.values()
        for key, p in zip(keys, holm([results[key].p_value for key in keys]), strict=True)
    }


def _comparison(
    key: Key, result: Paired, p_adjusted: float, primary: Mapping[str, str], margin: float
) -> dict[str, Any]:
    from .stats import decide

    name, a, b = key
    verdict = decide(result, margin=margin or None, p_value=p_adjusted)
    row = asdict(result) | {
        "metric": name,
        "test_case": METRICS[name].test_case,
        "model_a": a,
        "model_b": b,
        "primary": primary.get(METRICS[name].test_case) == name,
        "p_adjusted": p_adjusted,
        "outcome": verdict.outcome,
        "more_cases": verdict.more_cases,
        "resolves": verdict.resolves,
        "warnings": " ".join(result.warnings),
    }
    return asdict(Comparison(**{field: row[field] for field in Comparison.__dataclass_fields__}))


def check_parameters(alpha: float, margin: float) -> None:
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 < alpha < 1:
        raise UsageError(f"alpha = {alpha!r} is not usable. Use a share between 0 and 1, such as 0.05.")
    if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 <= margin < 1:
        raise UsageError(f"margin = {margin!r} is not usable. Use 0 for none, or a difference below 1.")


def _codes(category: pd.Series, ids: Any) -> np.ndarray | None:
    """Clusters of cases; None where one category holds them all and so tells nothing."""
    import pandas as pd

    codes, names = pd.factorize(category.reindex(ids))
    return codes if len(names) > 1 else None


def denominators(responses: pd.DataFrame) -> pd.DataFrame:
    """Per model and kind: responses planned, and what became of them. Only `failed` is unscored."""
    keys = ["model", "test_case"]
    counts = responses.groupby(keys, sort=False)["status"].value_counts().unstack(fill_value=0)
    counts = counts.reindex(columns=["answered", "malformed", "refused", "failed"], fill_value=0)
    counts.insert(0, "planned", counts.sum(axis=1))
    counts["scored"], counts["unscored"] = counts["planned"] - counts["failed"], counts["failed"]
    return counts.rename_axis(columns=None).reset_index()


def costs(responses: pd.DataFrame) -> pd.DataFrame:
    """Per model: dollars, tokens and seconds; what is not known stays unknown."""
    grouped = responses.groupby("model", sort=False)
    table = grouped[["cost_usd", "prompt_tokens", "completion_tokens"]].sum(min_count=1)
    answers = grouped["latency_s"].count()
    table["cost_usd_per_1000"] = grouped["cost_usd"].mean() * 1000
    table["latency_s_median"] = grouped["latency_s"].median()
    table["latency_s_p95"] = grouped["latency_s"].quantile(0.95)
    table["queue_s_median"] = grouped["queue_s"].median()
    table["timed"] = answers
    return table.reset_index()


def metrics_json(summary: pd.DataFrame, models: Sequence[str], simulated: bool) -> dict[str, Any]:
    """{model: {conversation_metrics: {...}, json_metrics: {...}}}: means, null where nothing was scored."""
    means = summary.set_index(["model", "metric"])["mean"]
    out: dict[str, Any] = {}
    for model in models:
        out[model] = {f"{kind}_metrics": _means(means, model, kind) for kind in ("conversation", "json")}
        out[model] |= {"simulated": True} if simulated else {}
    return out


def _means(means: pd.Series, model: str, kind: str) -> dict[str, float | None]:
    some = [metric for metric in METRICS.values() if metric.test_case == kind]
    found = {m.reported_as or m.name: means.get((model, m.name)) for m in some}
    return {name: None if value is None or value != value else float(value) for name, value in found.items()}


def primary_metrics(named: str, scores: pd.DataFrame) -> dict[str, str]:
    """The metric that decides, per kind that has scores: the defaults, or those that `named` names.

    Raises UsageError for a metric that does not exist.
    """
    chosen = dict(PRIMARY)
    for name in filter(None, (part.strip() for part in named.split(","))):
        if name not in METRICS:
            raise UsageError(f"primary_metric = {name!r} is not known. Use: {', '.join(METRICS)}.")
        chosen[METRICS[name].test_case] = name
    return {kind: name for kind, name in chosen.items() if kind in set(scores["test_case"])}


def signature(scores: pd.DataFrame, alpha: float, primary: Mapping[str, str]) -> str:
    """How the numbers were made, in one line that goes wherever they go."""
    rounds, n = scores["round"].nunique(), scores["id"].nunique()
    packages = ",".join(f"{name}:{version(name)}" for name in ("nltk", "jiwer", "jsonschema", "scipy"))
    first = ",".join(primary[kind] for kind in sorted(set(scores["test_case"])) if kind in primary)
    return (
        f"benchkit:{version('benchkit')}|metrics:{METRICS_VERSION}|tok:word+snowball|n:{n}|rounds:{rounds}"
        f"|unit:case|clusters:category|alpha:{alpha:g}|primary:{first}|{packages}"
    )


def detailed(scores: pd.DataFrame) -> list[dict[str, Any]]:
    """Every model's mean per case and metric, as records."""
    table = scores.groupby(["id", "test_case", "category", "model", "metric"], sort=False)["value"].mean()
    return records(table.reset_index())


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table's rows as plain dicts for JSON: what is not known is None."""
    return [
        {name: None if isinstance(value, float) and value != value else value for name, value in row.items()}
        for row in table.astype(object).where(table.notna(), None).to_dict("records")
    ]
