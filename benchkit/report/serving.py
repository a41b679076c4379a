"""What an answer takes: cost and latency per model, and paired over the same cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..wording import interval, level, listed
from .markdown import digits, inline, only_pair, pairs_of, sides, signed, table

# measure: (what it is called, factor, digits)
_MEASURES = {
    "latency_s": ("seconds per answer", 1.0, 3),
    "service_s": ("of those, service", 1.0, 3),
    "queue_s": ("of those, the provider's queue", 1.0, 3),
    "cost_usd": ("USD per 1,000 answers", 1000.0, 3),
}
_KNOWN = ("cost_usd", "latency_s_median", "prompt_tokens", "completion_tokens")


def cost(report: Mapping[str, Any]) -> str:
    """Dollars, tokens and seconds per model; an unknown price is said to be unknown."""
    models = report["results_summary"]["cost"]
    if not any(row[name] for row in models for name in _KNOWN):
        return "No times, tokens and prices came with this run: what its answers took is not known."
    rows = [
        {
            "model": row["model"],
            "cost, USD": digits(row["cost_usd"], 4),
            "USD per 1,000 answers": digits(row["cost_usd_per_1000"], 3),
            "answers priced": _priced(row),
            "tokens in": row["prompt_tokens"],
            "tokens out": row["completion_tokens"],
            "latency, median s": digits(row["latency_s_median"], 2),
            "95th percentile s": digits(row["latency_s_p95"], 2),
            "queue, median s": digits(row["queue_s_median"], 2),
            "answers timed": row["timed"],
        }
        for row in models
    ]
    return "\n\n".join(filter(None, (signed(table(rows), report["signature"]), _bounds(models))))


def _priced(row: Mapping[str, Any]) -> str:
    if "priced" not in row:
        return "unknown"  # a report of before they were counted
    came = row["priced"] + row["unpriced"]
    return f"{row['priced']:,} of {came:,}" if row["unpriced"] else f"{row['priced']:,}"


def _bounds(models: list[Mapping[str, Any]]) -> str:
    """Which totals leave answers out, where some do."""
    short = [row for row in models if row.get("priced") and row["unpriced"]]
    if not short:
        return ""
    each = listed(f"{inline(row['model'])} ({row['unpriced']:,})" for row in short)
    return (
        f"Answers came without their usage for {each}: cost and tokens are a lower bound there, and the cost "
        "of 1,000 answers is that of the priced ones."
    )


def serving(report: Mapping[str, Any]) -> str:
    """Seconds and dollars per answer of every pair, with the interval of their difference; or ""."""
    ends = f"{level(report['configuration']['alpha'])} interval"
    known = [row for row in report.get("serving", ()) if row["n"]]
    rows = [_paired(row, ends, pairs_of(known)) for row in known]
    if not rows:
        return ""
    text = f"{only_pair(known)}Over the same cases, a case's rounds averaged first; less is better."
    return f"{text}\n\n{signed(table(rows), report['signature'])}"


def _paired(row: Mapping[str, Any], ends: str, pairs: set[tuple[str, str]]) -> dict[str, Any]:
    name, factor, places = _MEASURES[row["measure"]]
    a, b, gap, low, high = (
        None if row[field] is None else factor * row[field]
        for field in ("mean_a", "mean_b", "difference", "ci_low", "ci_high")
    )
    return {
        "measure": name,
        **sides(row, pairs),
        "mean A": digits(a, places),
        "mean B": digits(b, places),
        "A − B": digits(gap, places),
        ends: interval(low, high, places),
        "cases": row["n"],
    }
