"""What asking again shows: how far a model's rounds agree, and where the variance of a difference lies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .markdown import cell, only_pair, pairs_of, sides, signed, table

_NONE = "–"


def agreement(report: Mapping[str, Any]) -> str:
    """Per model, of the metrics that decide and those that are right or wrong; "" without a second round."""
    how = report["configuration"]
    rows = [
        {
            "metric": row["metric"],
            "model": row["model"],
            "cases": row["n"],
            "pairs of rounds alike": cell(row["alike"]),
            "ICC": cell(row["intraclass"]),
            f"pass^{how['rounds']}": _passed(row),
        }
        for row in report.get("rounds", {}).get("agreement", ())
        if row["n"] and (row["metric"] in how["primary_metrics"].values() or row["k"] is not None)
    ]
    if not rows:
        return ""
    text = (
        "Do the rounds of a case agree? The share of pairs of rounds with the very same score; the "
        "intraclass correlation (ICC), which is the share of a model's variance that lies between cases "
        "(1: asking again changes nothing; below 0: as good as none); and "
        f"pass^{how['rounds']}, the share of cases that are right in all "
        f"{how['rounds']} rounds, where a metric is right or wrong."
    )
    return f"{text}\n\n{signed(table(rows), report['signature'])}"


def _passed(row: Mapping[str, Any]) -> str:
    """pass^k, and of how many cases where some have not all their rounds scored."""
    if row["k"] is None:
        return _NONE
    fewer = f" (of {row['pass_hat_k_n']})" if row["pass_hat_k_n"] != row["n"] else ""
    return f"{cell(row['pass_hat_k'])}{fewer}"


def variance(report: Mapping[str, Any]) -> str:
    """Per deciding metric and pair: what lies between cases, what between rounds, and what that asks for."""
    split = report.get("rounds", {}).get("variance", ())
    known = [row for row in split if row["n"] > 1 and row["separable"]]
    rows = [
        {
            "metric": row["metric"],
            **sides(row, pairs_of(known)),
            "between cases": _with_ends(row["omega2"], row["omega2_low"], row["omega2_high"]),
            "rounds of A": cell(row["sigma2_a"]),
            "rounds of B": cell(row["sigma2_b"]),
            "share between cases": _with_ends(row["between_cases"], row["share_low"], row["share_high"]),
        }
        for row in known
    ]
    if not rows:
        return ""
    text = (
        f"{only_pair(known)}Where does the variance of a case's difference come from? What lies between "
        "cases, only more cases can average out; what lies between the rounds of a case, more rounds can "
        "too. The share is of the variance that is left after averaging this run's rounds. In brackets 95 % "
        "intervals: one that begins at 0 cannot tell the variance between cases from none."
    )
    return f"{text}\n\n{signed(table(rows), report['signature'])}"


def _with_ends(value: float | None, low: float | None, high: float | None) -> str:
    return cell(value) if low is None or high is None else f"{cell(value)} ({cell(low)} to {cell(high)})"
