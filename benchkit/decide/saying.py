"""What a comparison says, in words that carry their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .survival import Survival

KIND_NAMES = {"json": "JSON cases", "conversation": "conversations"}
DIGITS = 3  # of published means and differences
Row = Mapping[str, Any]
# What the outcome would be instead, read from the side of the model in front.
_WOULD = {
    "better_a": "{best} would be shown better than {other}",
    "better_b": "{best} would be shown worse than {other}",
    "equivalent": "{best} would be equivalent to {other}",
    "inconclusive": "it would be inconclusive between {best} and {other}",
}


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
        pair = f"{best} and {row['other']}" if len(against) > 1 else ""
        parts.append(f"it is inconclusive: {best} {lead} {names}; {need(row, alpha, pair)}")
    if same := shown.get("equivalent"):
        names = listed(f"{row['other']} ({_interval(row, level)}; {_same(row, alpha)})" for row in same)
        parts.append(f"{best} is equivalent to {names} within the margin of {margin:g}")
    if beaten := shown.get("better_a"):
        parts.append(
            f"{best} is better than " + listed(f"{r['other']} by {_interval(r, level)}" for r in beaten)
        )
    return "; ".join(parts)


def sensitivity(found: Survival, best: str, outcome: str) -> str:
    """What was tried to upset the finding, and what it would be then; one or two sentences, or none."""
    tried = [
        (found.categories, "without each category in turn"),
        (found.extreme_case, "without the most extreme case"),
        (found.unscored, "with every unscored response at its worst and at its best"),
    ]
    how = [words for stands, words in tried if stands is not None]
    if not how:
        return ""
    if not found.changes:
        stays = "it stays inconclusive" if outcome == "inconclusive" else "the outcome stays the same"
        return f"Checked {listed(how)}: {stays}."
    by_outcome: dict[str, list[str]] = {}
    for one in found.changes:
        by_outcome.setdefault(_WOULD[one.outcome].format(best=best, other=one.other), []).append(one.where)
    parts = [f"{either(list(dict.fromkeys(where)))}, {what}" for what, where in by_outcome.items()]
    return f"Checked {listed(how)}: the outcome changes. {_capital('; '.join(parts))}."


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
        parts.append(f"on {listed(level)} the models' means are the same")
    return f"{_capital('; '.join(parts))}." if parts else ""


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


def need(row: Row, alpha: float, pair: str = "") -> str:
    """What it would take to settle a comparison, and how surely; `pair` where it has to be named."""
    from ..stats import MOST_CASES

    between = f" between {pair}" if pair else ""
    if not known(row["resolves"]):
        return f"more cases are needed{between}, and these are too few or too alike to say how many"
    size = abs(row["resolves"])
    shown = f"{size:.{DIGITS}f}" if size >= 0.0005 else f"{size:.2g}"
    gap = f"{shown}{between}{_first_step(row, alpha)}"
    if not known(row["more_cases"]):
        return f"more than {MOST_CASES:,} cases would be needed to resolve a difference of {gap}"
    unsure = ""
    if known(row["needed_low"]):
        low, high = int(row["needed_low"]), int(row["needed_high"])
        unsure = f", 95 % interval {low:,} to {high:,}"
    cases_word = "case" if row["more_cases"] == 1 else "cases"
    cases = (
        f"about {int(row['more_cases']):,} more {cases_word} ({int(row['cases_needed']):,} in all{unsure})"
    )
    rounds = ""
    if known(row["rounds_needed"]):
        n, k = int(row["n"]), f"{int(row['rounds_needed']):,} rounds instead of {int(row['rounds'])}"
        untold = f" if these differ no more than their rounds' noise, which {n:,} cases cannot tell"
        rounds = f", or {k}{'' if row['between_told'] else untold},"
    return f"{cases}{rounds} would resolve a difference of {gap}"


def _first_step(row: Row, alpha: float) -> str:
    """At which alpha, where several comparisons share it."""
    m = int(row["family_size"])
    return f" (at alpha {alpha:g}/{m}, Holm's first step of {m} comparisons)" if m > 1 else ""


def _same(row: Row, alpha: float) -> str:
    """What shows the equivalence: the interval at 1 − 2·alpha, and the adjusted p of two one-sided tests."""
    ends, p = (row["equivalence_low"], row["equivalence_high"]), row["p_equivalence_adjusted"]
    at = f"{100 * (1 - 2 * alpha):g} % interval {ends[0]:z.{DIGITS}f} to {ends[1]:z.{DIGITS}f}, "
    return f"{at if all(map(known, ends)) else ''}equivalence {p_text(p)}"


def p_text(p: float) -> str:
    return f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"


def _interval(row: Row, level: str) -> str:
    gap = f"{row['difference']:+z.{DIGITS}f}"
    if not (known(row["ci_low"]) and known(row["ci_high"])):
        return f"{gap}, no interval"
    return f"{gap}, {level} {row['ci_low']:z.{DIGITS}f} to {row['ci_high']:z.{DIGITS}f}"


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def known(value: Any) -> bool:
    return value is not None and value == value


def listed(names: Iterable[str], last: str = "and") -> str:
    *most, end = names
    return f"{', '.join(most)} {last} {end}" if most else end


def either(names: Sequence[str]) -> str:
    return listed(names, "or") if names else ""
