"""What a comparison says, in words that carry their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .survival import Survival

KIND_NAMES = {"json": "JSON cases", "conversation": "conversations"}
DIGITS = 3  # of published means and differences
Row = Mapping[str, Any]


def finding(best: str, against: Sequence[Row], margin: float, alpha: float) -> str:
    """The finding about the best model in words: who is not told from it, level with it, or worse."""
    level = f"{100 * (1 - alpha):g} % interval"
    shown: dict[str, list[Row]] = {}
    for row in against:
        shown.setdefault(row["outcome"], []).append(row)
    parts = []
    if unclear := [*shown.get("inconclusive", ()), *shown.get("better_b", ())]:
        row = max(unclear, key=lambda row: row["more_cases"] if known(row["more_cases"]) else float("inf"))
        names = listed(f"{row['other']} ({_interval(row, level)})" for row in unclear)
        lead = "leads, but is not shown better than" if _leads(unclear) else "is level with"
        parts.append(f"it is inconclusive: {best} {lead} {names}; {_need(row)}")
    if same := shown.get("equivalent"):
        names = listed(f"{row['other']} ({_interval(row, level)})" for row in same)
        parts.append(f"{best} is equivalent to {names} within the margin of {margin:g}")
    if beaten := shown.get("better_a"):
        parts.append(
            f"{best} is better than " + listed(f"{r['other']} by {_interval(r, level)}" for r in beaten)
        )
    return "; ".join(parts)


def sensitivity(found: Survival) -> str:
    """What the finding holds against, and what it does not; one or two sentences, or none."""
    tried = [
        (found.unscored, "however the unscored responses might have turned out", ""),
        (found.categories, "without any one category", f"without {either(found.changed_without)}"),
        (found.extreme_case, "without the most extreme case", "without the most extreme case"),
    ]
    held = [holds for stands, holds, _ in tried if stands]
    lost = [fails for stands, _, fails in tried if stands is False and fails]
    parts = [f"This holds {listed(held)}."] if held else []
    if found.unscored is False:
        parts.append("This could change with how the unscored responses might have turned out.")
    if lost:
        parts.append(f"It is no longer so {listed(lost)}.")
    return " ".join(parts)


def elsewhere(best: str, others: Mapping[str, Mapping[str, str]]) -> str:
    """What the kind's other metrics say, by metric {"agrees", "level", "differs" or "contradicts": model}."""
    if others and all("agrees" in one for one in others.values()):
        return f"Every other metric of these cases has {best} in front too."
    parts = []
    for word, how in (("contradicts", "is shown better"), ("differs", "is in front, not shown better")):
        by_model: dict[str, list[str]] = {}
        for metric, one in others.items():
            if word in one:
                by_model.setdefault(one[word], []).append(metric)
        parts += [f"on {listed(metrics)} {model} {how}" for model, metrics in by_model.items()]
    if level := [metric for metric, one in others.items() if "level" in one]:
        parts.append(f"on {listed(level)} the models are level")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def against_reference(pairs: Sequence[Row], reference: str) -> str:
    """How the models stand to the reference, which is model B of its pairs; or "" for one pair alone."""
    words = {"better_a": "better", "better_b": "worse", "equivalent": "equivalent"}
    stand: dict[str, list[str]] = {}
    for row in pairs:
        if reference and row["model_b"] == reference and len(pairs) > 1:
            stand.setdefault(words.get(row["outcome"], "not told apart"), []).append(row["model_a"])
    told = "; ".join(f"{listed(models)} {word}" for word, models in stand.items())
    return f"Held against {reference}: {told}." if told else ""


def _leads(rows: Sequence[Row]) -> bool:
    return any(row["difference"] != 0 for row in rows)


def _need(row: Row) -> str:
    """What it would take to settle a comparison."""
    if known(row["more_cases"]) and known(row["resolves"]):
        gap = f"{abs(row['resolves']):.{DIGITS}f}"
        rounds = f" (or {int(row['rounds_needed']):,} rounds)" if known(row["rounds_needed"]) else ""
        return f"about {int(row['more_cases']):,} more cases{rounds} would resolve a difference of {gap}"
    return "more cases are needed, and these are too few or too alike to say how many"


def _interval(row: Row, level: str) -> str:
    gap = f"{row['difference']:+z.{DIGITS}f}"
    if not (known(row["ci_low"]) and known(row["ci_high"])):
        return f"{gap}, no interval"
    return f"{gap}, {level} {row['ci_low']:z.{DIGITS}f} to {row['ci_high']:z.{DIGITS}f}"


def known(value: Any) -> bool:
    return value is not None and value == value


def listed(names: Iterable[str], last: str = "and") -> str:
    *most, end = names
    return f"{', '.join(most)} {last} {end}" if most else end


def either(names: Sequence[str]) -> str:
    return listed(names, "or") if names else ""
