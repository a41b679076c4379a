"""The words in a figure: labels that differ, metrics with unit and direction."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

import numpy as np

from ..metrics import described
from ..wording import number

VENDOR = re.compile(r"^(?:[\w.-]+/)+(?=.)")  # of a model id; another text may have a slash too


def plain(text: str) -> str:
    """Text on one line, without control characters."""
    return " ".join("".join(" " if unicodedata.category(c)[0] == "C" else c for c in str(text)).split())


def shorten(text: str, width: int) -> str:
    """At most `width` characters: first the vendor goes, then the middle, for ids differ at both ends."""
    text, tail = plain(text), (width - 1) * 2 // 5
    if len(text) > width:
        text = VENDOR.sub("", text)
    return text if len(text) <= width else f"{text[: width - 1 - tail]}…{text[-tail:]}"


def labels(names: Iterable[str], width: int = 30) -> dict[str, str]:
    """A short label for each name, never the same for two: where the ends do not tell names apart, the part
    that begins where they first differ does (`start…part`), and else a number."""
    found = {name: shorten(name, width) for name in map(str, names)}
    for label in {one for one in found.values() if list(found.values()).count(one) > 1}:
        alike = [name for name in found if found[name] == label]
        drawn, room = [plain(name) for name in alike], width // 2 - 1
        first = next((i for i, some in enumerate(zip(*drawn, strict=False)) if len(set(some)) > 1), 0)
        start = max(first - 2, room)
        parts = [f"{text[:room]}…{text[start : start + room]}" for text in drawn]
        for at, (name, part) in enumerate(zip(alike, parts, strict=True), 1):
            found[name] = part if parts.count(part) == 1 else f"{shorten(name, width - 5)} ({at})"
    return found


def limits(metric: str) -> tuple[float, float]:
    """The lowest and highest score that a metric can give."""
    low, high = described(metric).low, described(metric).high
    return -np.inf if low is None else low, np.inf if high is None else high


def unit(metric: str) -> str:
    """What the axis counts: the metric's unit, or its range."""
    low, high = limits(metric)
    return described(metric).unit or (f"{low:g} to {high:g}" if np.isfinite(high - low) else "score")


def axis_label(metric: str) -> str:
    """A metric with its unit and direction."""
    return f"{metric} ({unit(metric)}; {described(metric).direction})"


def each(parts: Mapping[str, object]) -> str:
    """`a 1, b 2` for captions."""
    return ", ".join(f"{name} {value}" for name, value in parts.items())


def range_of(values: Mapping[str, float], places: int = 3) -> str:
    """Every name with its value, or with more than four only the lowest and the highest."""
    parts = {name: number(value, places) for name, value in values.items()}
    if len(parts) <= 4:
        return each(parts)
    low, high = min(values, key=lambda n: values[n]), max(values, key=lambda n: values[n])
    return f"from {parts[low]} ({low}) to {parts[high]} ({high}) over {len(parts)} models"
