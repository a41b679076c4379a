"""How numbers and lists are written, the same in figures, tables, sentences and the terminal."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from string import Formatter
from typing import Any

MOST_PLACES = 8
KIND_NAMES = {"json": "JSON cases", "conversation": "conversations"}
ALL = "all"  # the kind of cases that come without one


def kind_name(kind: str) -> str:
    """A kind of case in a sentence."""
    return KIND_NAMES.get(kind, "cases" if kind == ALL else f"{kind} cases")


def metric_names(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """{(kind, metric): the metric's name}, with the kind where one metric of the rows scores several."""
    found = dict.fromkeys((row.get("test_case", ""), row["metric"]) for row in rows)
    several = Counter(metric for _, metric in found)
    return {(kind, m): f"{m} ({kind_name(kind)})" if several[m] > 1 else m for kind, m in found}


def scope(kinds: Iterable[Mapping[str, Any]]) -> str:
    """What a decision is about, from its `kinds`: `all kinds together`, `JSON cases`, `JSON cases alone`."""
    every = list(kinds)
    names = [row["kind"] for row in every if row["decides"]]
    decide = ["all cases" if name == ALL else kind_name(name) for name in names]
    aside = " alone" if len(decide) < len(every) else ""
    return "all kinds together" if len(decide) > 1 and not aside else f"{listed(decide)}{aside}"


_MODELS = re.compile(
    r"(\b(?:which|best|other|another|every|each|all|the|two|by|from|between|of|\d+)\s+|\| )model(?=s?\b)",
    re.I,
)


def of_candidates(text: str) -> str:
    """Our words on what is compared, where it is candidates: `the best model` is `the best candidate`.

    A model that is no candidate keeps its name: "a model", "no real model", "simulated models".
    """
    return _MODELS.sub(r"\1candidate", text)


PREFERENCES = {
    "preference": "people, corrected by the metric",
    "labels_alone": "labels alone",
    "metric_alone": "the metric alone",
}


def known(value: object) -> bool:
    """Whether a number is there: no None, no NaN, no infinity."""
    return isinstance(value, int | float) and math.isfinite(value)


def listed(names: Iterable[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`; "" for none."""
    *most, end = [*names] or [""]
    return f"{', '.join(most)} {last} {end}" if most else end


def count(number: float, one: str, many: str = "") -> str:
    """`1 case`, `2 cases`, `1,782 responses`."""
    return f"{number:,.0f} {one if number == 1 else many or one + 's'}"


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def level(alpha: float) -> str:
    """The confidence level of an interval: `95 %`, `99.9 %`."""
    return f"{100 * (1 - alpha):g} %"


def number(value: float | None, places: int = 3, *, sign: bool = False) -> str:
    """A number for a reader: to `places`, or as many more as show that it is not 0; `unknown` for none.

    It has a true minus sign, U+2212; what a program reads back (CSV, JSON) is not written with this.
    """
    if value is None or not known(value):
        return "unknown"
    while value and abs(value) >= 1e-9 and not float(f"{value:.{places}f}") and places < MOST_PLACES:
        places += 1
    return f"{value:{'+' if sign else ''}z,.{places}f}".replace("-", "−")


def interval(low: float | None, high: float | None, places: int = 3) -> str:
    """`0.012 to 0.210`; with as many places as tell its two ends apart, where they differ at all."""
    if low is None or high is None or not (known(low) and known(high)):
        return "unknown"
    while f"{low:z.{places}f}" == f"{high:z.{places}f}" and high - low > 1e-9 and places < MOST_PLACES:
        places += 1
    return f"{low:z,.{places}f} to {high:z,.{places}f}".replace("-", "−")


def ends_text(alpha: float, low: float | None, high: float | None, kind: str = "") -> str:
    """`95 % interval 0.012 to 0.210`; that there is none where no error is known, as of equal differences."""
    if not (known(low) and known(high)):
        return f"no {level(alpha)} interval can be given"
    return f"{kind}{level(alpha)} interval {interval(low, high)}"


def p_text(p: float | None) -> str:
    """A p-value to three decimals, `< 0.001` below that, a dash for none."""
    if p is None or not known(p):
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_equals(p: float | None) -> str:
    """`p = 0.012` or `p < 0.001`, for a sentence."""
    text = p_text(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


class _Words(Formatter):
    """Format strings in which a number is written as everywhere: `{mean}`, `{difference:+}`, `{weight:%}`."""

    def format_field(self, value: Any, spec: str) -> str:
        if spec == "%":
            return percent(value)
        if value is None or (isinstance(value, float) and spec in ("", "+")):
            return number(value, sign=spec == "+")
        return str(format(value, spec))


def say(template: str, row: Mapping[str, Any], **more: Any) -> str:
    """A sentence with the values of `row` and `more` in it.

    A float is written to three places as `number` does, with its sign for `+`, as a percentage for `%`.
    """
    return _Words().vformat(template, (), {**row, **more})


def now() -> str:
    """This moment, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
