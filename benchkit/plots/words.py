"""The words in a figure: names that can be drawn, metrics with unit and direction, counts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np
from matplotlib.font_manager import findfont, get_font

METRICS = (
    "response_relevance",
    "clarity",
    "task_completion",
    "bleu_score",
    "wer_score",
    "schema_compliance",
    "field_accuracy",
    "structural_consistency",
)
VENDOR = re.compile(r"^(?:[\w.-]+/)+(?=.)")  # of a model id; another text may have a slash too
LOWER_IS_BETTER = frozenset({"wer_score", "latency_s", "queue_s", "cost_usd"})
ANY = (-np.inf, np.inf)
UNBOUNDED = frozenset({"wer_score"})  # it may exceed 1, and so may two rounds' difference
UNITS = {
    "wer_score": "errors per word",
    "schema_compliance": "share valid",
    "latency_s": "s",
    "queue_s": "s",
    "cost_usd": "US$",
}


@cache
def _has_glyph(character: str) -> bool:
    return get_font(findfont("DejaVu Sans")).get_char_index(ord(character)) != 0


def plain(text: str) -> str:
    """Text on one line, without control characters."""
    return " ".join("".join(" " if unicodedata.category(c)[0] == "C" else c for c in str(text)).split())


def glyphs(text: str) -> str:
    """Text that the figure's font can draw: what it lacks becomes the replacement character."""
    return "".join(c if _has_glyph(c) else "\N{REPLACEMENT CHARACTER}" for c in plain(text))


def shorten(text: str, width: int) -> str:
    """At most `width` characters: first the vendor goes, then the middle, for ids differ at both ends."""
    text, tail = glyphs(text), (width - 1) * 2 // 5
    if len(text) > width:
        text = VENDOR.sub("", text)
    return text if len(text) <= width else f"{text[: width - 1 - tail]}…{text[-tail:]}"


def labels(names: Iterable[str], width: int = 30) -> dict[str, str]:
    """Short label of each name, never the same for two names."""
    found: dict[str, str] = {}
    for name in names:
        label = shorten(name, width)
        taken = set(found.values())
        found[name] = label if label not in taken else f"{shorten(name, width - 4)} ({len(found) + 1})"
    return found


def in_order(metrics: Iterable[str]) -> list[str]:
    """Metrics as DESIGN lists them, unknown ones after, by name."""
    found = set(metrics)
    return [m for m in METRICS if m in found] + sorted(found - set(METRICS))


def limits(metric: str) -> tuple[float, float]:
    """The lowest and highest score that a metric can give."""
    if metric not in METRICS:
        return ANY
    return 0.0, np.inf if metric in UNBOUNDED else 1.0


def better(metric: str) -> str:
    return "lower is better" if metric in LOWER_IS_BETTER else "higher is better"


def axis_label(metric: str) -> str:
    """A metric with its unit and direction."""
    unit = UNITS.get(metric, "0 to 1" if metric in METRICS else "score")
    return f"{glyphs(metric)} ({unit}; {better(metric)})"


def count(number: int, one: str, many: str = "") -> str:
    """`1 case`, `2 cases`, `1,782 responses`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(parts: Mapping[str, Any]) -> str:
    """`a 1, b 2` for captions."""
    return ", ".join(f"{name} {value}" for name, value in parts.items())


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def range_of(values: Mapping[str, float]) -> str:
    """Every name with its value, or with more than four only the lowest and the highest."""
    parts = {name: f"{value:z.3g}" for name, value in values.items()}
    if len(parts) <= 4:
        return listed(parts)
    low, high = min(values, key=lambda n: values[n]), max(values, key=lambda n: values[n])
    return f"from {parts[low]} ({low}) to {parts[high]} ({high}) over {len(parts)} models"
