"""What answers take, and what asking again shows: cost, latency, agreement of rounds, variance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..wording import interval, level, listed, metric_names, number
from .facts import MEASURES
from .markdown import cell, inline, only_pair, pairs_of, section, sides

Row = Mapping[str, Any]
_KNOWN = ("cost_usd", "latency_s_median", "prompt_tokens", "completion_tokens")


def cost(report: Row) -> str:
    """Dollars, tokens and seconds per model; an unknown price is said to be unknown."""
    models = report["results_summary"]["cost"]
    if not any(row[name] for row in models for name in _KNOWN):
        return "No times, tokens and prices came with this run: what its answers took is not known."
    rows = [
        {
            "model": row["model"],
            "cost, USD": number(row["cost_usd"], 4),
            "USD per 1,000 answers": number(row["cost_usd_per_1000"]),
            "answers priced": _priced(row),
            "tokens in": row["prompt_tokens"],
            "tokens out": row["completion_tokens"],
            "latency, median s": number(row["latency_s_median"], 2),
            "95th percentile s": number(row["latency_s_p95"], 2),
            "queue, median s": number(row["queue_s_median"], 2),
            "answers timed": row["timed"],
        }
        for row in models
    ]
    shown = section(report, rows)
    short = [row for row in models if row.get("priced") and row["unpriced"]]
    if not short:
        return shown
    each = listed(f"{inline(row['model'])} ({row['unpriced']:,})" for row in short)
    return (
        f"{shown}\n\nAnswers came without their usage for {each}: cost and tokens are a lower bound there, "
        "and the cost of 1,000 answers is that of the priced ones."
    )


def _priced(row: Row) -> str:
    if "priced" not in row:
        return "unknown"  # a report of before they were counted
    came = row["priced"] + row["unpriced"]
    return f"{row['priced']:,} of {came:,}" if row["unpriced"] else f"{row['priced']:,}"


def serving(report: Row) -> str:
    """Seconds and dollars per answer of every pair, with the interval of their difference."""
    known = [row for row in report.get("serving", ()) if row["n"]]
    rows = []
    for row in known:
        _, name, factor = MEASURES[row["measure"]]
        a, b, gap, low, high = (
            None if row[field] is None else factor * row[field]
            for field in ("mean_a", "mean_b", "difference", "ci_low", "ci_high")
        )
        means = {"mean A": number(a), "mean B": number(b), "A − B": number(gap)}
        ends = {f"{level(report['configuration']['alpha'])} interval": interval(low, high)}
        rows.append({"measure": name, **sides(row, pairs_of(known)), **means, **ends, "cases": row["n"]})
    text = f"{only_pair(known)}Over the same cases, a case's rounds averaged first; less is better."
    return section(report, rows, text)


def agreement(report: Row) -> str:
    """Per model, of the metrics that decide and those that are right or wrong; "" without a second round."""
    how, found = report["configuration"], report.get("rounds", {}).get("agreement", ())
    names = metric_names(found)
    rows = [
        {
            "metric": names[row["test_case"], row["metric"]],
            "model": row["model"],
            "cases": row["n"],
            "pairs of rounds alike": cell(row["alike"]),
            "ICC": cell(row["intraclass"]),
            f"pass^{how['rounds']}": _passed(row),
        }
        for row in found
        if row["n"] and (row["metric"] in how["primary_metrics"].values() or row["k"] is not None)
    ]
    text = (
        "Do the rounds of a case agree? The share of pairs of rounds with the very same score; the "
        "intraclass correlation (ICC), which is the share of a model's variance that lies between cases "
        "(1: asking again changes nothing; below 0: as good as none); and "
        f"pass^{how['rounds']}, the share of cases that are right in all "
        f"{how['rounds']} rounds, where a metric is right or wrong."
    )
    return section(report, rows, text)


def _passed(row: Row) -> str:
    """pass^k, and of how many cases where some have not all their rounds scored."""
    if row["k"] is None:
        return "–"
    fewer = f" (of {row['pass_hat_k_n']})" if row["pass_hat_k_n"] != row["n"] else ""
    return f"{cell(row['pass_hat_k'])}{fewer}"


def variance(report: Row) -> str:
    """Per deciding metric and pair: what lies between cases, and what between rounds."""
    split = report.get("rounds", {}).get("variance", ())
    known = [row for row in split if row["n"] > 1 and row["separable"]]
    names = metric_names(known)
    rows = [
        {
            "metric": names[row.get("test_case", ""), row["metric"]],
            **sides(row, pairs_of(known)),
            "between cases": _with_ends(row["omega2"], row["omega2_low"], row["omega2_high"]),
            "rounds of A": cell(row["sigma2_a"]),
            "rounds of B": cell(row["sigma2_b"]),
            "share between cases": _with_ends(row["between_cases"], row["share_low"], row["share_high"]),
        }
        for row in known
    ]
    text = (
        f"{only_pair(known)}Where does the variance of a case's difference come from? What lies between "
        "cases, only more cases can average out; what lies between the rounds of a case, more rounds can "
        "too. The share is of the variance that is left after averaging this run's rounds. In brackets 95 % "
        "intervals: one that begins at 0 cannot tell the variance between cases from none."
    )
    return section(report, rows, text)


def _with_ends(value: float | None, low: float | None, high: float | None) -> str:
    return cell(value) if low is None or high is None else f"{cell(value)} ({cell(low)} to {cell(high)})"
