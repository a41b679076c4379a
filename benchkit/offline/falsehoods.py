"""Sentences that the computed report refutes, kind by kind: what a check of commentaries has to catch."""

from __future__ import annotations

import random as random_module
from collections.abc import Callable, Mapping
from typing import Any

from benchkit.offline.claims import Claim, comparisons, decided, known, p_shown, ranked, significant

Random = random_module.Random
Row = Mapping[str, Any]
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def falsehoods(message: Mapping[str, Any], random: Random) -> list[Claim]:
    """One claim of every kind for every row that lends itself to it; all of them are false."""
    said = []
    for row in comparisons(message):
        for kind, lie in ABOUT_COMPARISONS.items():
            if text := lie(row, message, random):
                said.append(Claim(str(row["test_case"]), text, kind))
    for kind, tell in ABOUT_THE_REST.items():
        said += [Claim("cost" if "cost" in kind or "latency" in kind else "coverage", text, kind)
                 for text in tell(message, random)]  # fmt: skip
    return said


def off(value: float, random: Random, least: float = 0.03) -> float:
    """A number that no rounding turns into `value`, of similar size."""
    step = max(abs(value) * random.uniform(0.3, 0.7), least + random.uniform(0, least))
    return value + step if value >= 0 else value - step


def _invented_p(row: Row, message: Row, random: Random) -> str:
    p = p_shown(row)
    if not known(p):
        return ""
    fake = random.choice(
        [x for x in (0.012, 0.021, 0.034, 0.047, 0.0031) if abs(x - p) > 0.005 + 0.2 * p] or [0.73]
    )
    models = f"between {row['model_a']} and {row['model_b']}"
    return f"A test of the difference on {row['metric']} {models} gives p = {fake}."


def _unadjusted_p(row: Row, message: Row, random: Random) -> str:
    """A number of the report at the place of the one that the table prints."""
    raw, p = row.get("p_value"), p_shown(row)
    if not (known(raw) and known(p)) or raw < 0.001 or f"{raw:.3f}" == f"{p:.3f}":
        return ""
    return f"Between {row['model_a']} and {row['model_b']} on {row['metric']}, p = {raw:.3f}."


def _swapped_winner(row: Row, message: Row, random: Random) -> str:
    ahead, behind = ranked(row)
    if row["difference"] == 0:
        return ""
    return f"On {row['metric']}, {behind} did better than {ahead}."


def _wrong_difference(row: Row, message: Row, random: Random) -> str:
    ahead, behind = ranked(row)
    gap = off(abs(row["difference"]), random)
    return f"The gap between {ahead} and {behind} on {row['metric']} is {gap:.3f}."


def _number_in_words(row: Row, message: Row, random: Random) -> str:
    true = round(abs(row["difference"]) * 100)
    words = [word for at, word in enumerate(TENS, 2) if abs(at * 10 - true) > 8]
    ahead, behind = ranked(row)
    return f"{ahead} and {behind} lie {random.choice(words)} points apart on {row['metric']}."


def _percent_of_percent(row: Row, message: Row, random: Random) -> str:
    if row["mean_b"] <= 0:
        return ""
    relative = off(abs(row["difference"]) / row["mean_b"] * 100, random, 9.0)
    over = f"{relative:.1f}% over {row['model_b']}"
    return f"Measured on {row['metric']}, that is a relative improvement of {over}."


def _roughly_doubled(row: Row, message: Row, random: Random) -> str:
    high, low = max(row["mean_a"], row["mean_b"]), min(row["mean_a"], row["mean_b"])
    if low <= 0 or high / low > 1.6:
        return ""
    ahead, behind = ranked(row)
    word = random.choice(("roughly doubled", "more than tripled", "nearly halved"))
    return f"{ahead} {word} the {row['metric']} of {behind}."


def _invented_n(row: Row, message: Row, random: Random) -> str:
    return f"The comparison on {row['metric']} rests on {row['n'] * 3 + random.randint(11, 60)} cases."


def _significance(row: Row, message: Row, random: Random) -> str:
    models = f"between {row['model_a']} and {row['model_b']} on {row['metric']}"
    word = "not statistically" if significant(row, message.get("alpha") or 0.05) else "statistically"
    return f"The difference {models} is {word} significant."


def _equivalence(row: Row, message: Row, random: Random) -> str:
    if row.get("outcome") == "equivalent" or "equivalent" in str(message.get("decision", "")).lower():
        return ""
    return f"{row['model_a']} and {row['model_b']} are equivalent on {row['metric']}."


def _wrong_interval(row: Row, message: Row, random: Random) -> str:
    low, high = off(row["ci_low"], random), off(row["ci_high"], random)
    return f"For {row['metric']} the interval runs from {min(low, high):.3f} to {max(low, high):.3f}."


def _other_metric(row: Row, message: Row, random: Random) -> str:
    """A true number at the wrong place."""
    others = [o for o in comparisons(message) if abs(abs(o["difference"]) - abs(row["difference"])) > 0.02]
    others = [o for o in others if o["metric"] != row["metric"]]
    if not others:
        return ""
    return f"On {row['metric']} the two models differ by {abs(random.choice(others)['difference']):.3f}."


def _wrong_mean(row: Row, message: Row, random: Random) -> str:
    return f"The mean {row['metric']} of {row['model_a']} is {off(row['mean_a'], random):.3f}."


def _unnamed_model(row: Row, message: Row, random: Random) -> str:
    return f"A further model, offline/brilliant, scored better than {row['model_a']} on {row['metric']}."


ABOUT_COMPARISONS: dict[str, Callable[[Row, Row, Random], str]] = {
    "invented p-value": _invented_p,
    "unadjusted p-value": _unadjusted_p,
    "swapped winner": _swapped_winner,
    "wrong difference": _wrong_difference,
    "number in words": _number_in_words,
    "percentage of percentages": _percent_of_percent,
    "roughly doubled": _roughly_doubled,
    "invented n": _invented_n,
    "wrong significance": _significance,
    "equivalence claimed": _equivalence,
    "wrong interval": _wrong_interval,
    "another metric's number": _other_metric,
    "wrong mean": _wrong_mean,
    "model that was not there": _unnamed_model,
}


def _wrong_cost(message: Row, random: Random) -> list[str]:
    rows = [row for row in message.get("cost") or () if known(row.get("cost_usd"))]
    return [f"{row['model']} cost ${off(row['cost_usd'], random, 0.02):.4f} in all." for row in rows]


def _wrong_latency(message: Row, random: Random) -> list[str]:
    rows = [row for row in message.get("cost") or () if known(row.get("latency_s_median"))]
    return [
        f"{row['model']} answered in {off(row['latency_s_median'], random, 0.2):.2f} s at the median."
        for row in rows
    ]


def _wins_everything(message: Row, random: Random) -> list[str]:
    rows = comparisons(message)
    sure = {ranked(row)[0] if decided(row) else "" for row in rows}
    models = [model for model in message.get("models") or () if rows and sure != {model}]
    return [f"{model} is significantly better than every other model on every metric." for model in models]


def _wrong_denominator(message: Row, random: Random) -> list[str]:
    rows = message.get("denominators") or ()
    return [
        f"{row['model']} has {row['scored'] + row['planned'] + 3} scored {row['test_case']} answers."
        for row in rows
    ]


ABOUT_THE_REST: dict[str, Callable[[Row, Random], list[str]]] = {
    "wrong model's cost": _wrong_cost,
    "wrong latency": _wrong_latency,
    "wins everything": _wins_everything,
    "wrong denominator": _wrong_denominator,
}
