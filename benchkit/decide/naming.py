"""What was named before results were seen, and what was named, or added, afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..measure import check_primary
from .saying import KIND_NAMES

_TERMS = ("alpha", "margin", "reference")
_SIZES = ("cases", "rounds")


def first_named(
    now: Mapping[str, Any], config: Mapping[str, Any], seen_before: Mapping[str, Any]
) -> dict[str, Any]:
    """The terms of the decision as they stood before results were seen, and the cases and rounds then.

    `now` is the configuration of this report and `seen_before` that of an earlier one of the same run, {}
    for none. A metric that 03's parameters named comes before one that 04's do.
    """
    earlier = seen_before.get("first_named", seen_before)
    in_03 = config.get("parameters", {}).get("03_execute", {}).get("primary_metric") or ""
    first = {name: earlier.get(name, now[name]) for name in _TERMS}
    first |= {name: earlier.get(name, seen_before.get(name, now[name])) for name in _SIZES if name in now}
    kinds = dict(now["primary_metrics"]) | check_primary(in_03) | dict(earlier.get("primary_metrics", {}))
    return first | {"primary_metrics": kinds}


def named_late(now: Mapping[str, Any], first: Mapping[str, Any]) -> Iterator[str]:
    """A warning for every term that is another than the one named first."""
    late = [
        (f"{name} is {now[name] or 'none'}", first[name] or "none")
        for name in _TERMS
        if now[name] != first[name]
    ]
    late += [
        (f"{metric} decides on {KIND_NAMES[kind]}", first["primary_metrics"][kind])
        for kind, metric in now["primary_metrics"].items()
        if first["primary_metrics"][kind] != metric
    ]
    for what, before in late:
        yield (
            f"{what}; before results were seen it was {before}. What is chosen after results are known shows "
            "what it was chosen for: take the decision as a suggestion, and test it on new cases."
        )


def looked_before(now: Mapping[str, Any], first: Mapping[str, Any]) -> Iterator[str]:
    """A warning where cases or rounds are others than when results were first looked at."""
    if any(now[name] != first[name] for name in _SIZES if name in now):
        yield (
            f"This report is of {_size(now)}; results were looked at before, of {_size(first)}. The p-values "
            "and intervals do not count that look: who may stop or go on after seeing results finds more "
            f"differences between equal models than alpha = {now['alpha']:g} says. Take the decision as a "
            "suggestion, and test it on new cases, their number named beforehand."
        )


def _size(of: Mapping[str, Any]) -> str:
    return f"{of['cases']:,} cases in {of['rounds']} round{'' if of['rounds'] == 1 else 's'}"
