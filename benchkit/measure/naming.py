"""What was named before results were seen, and what was named, or added, afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..wording import kind_name

_TERMS = ("alpha", "margin", "reference", "kind_weights", "category_weights")
_SIZES = ("cases", "rounds")


def first_named(now: Mapping[str, Any], seen_before: Mapping[str, Any]) -> dict[str, Any]:
    """The terms of the decision, the judge, the cases and the rounds as results were first seen.

    `now` is the configuration of this report and `seen_before` that of an earlier one of the same run, {} for
    none.
    """
    earlier = seen_before.get("first_named", seen_before)
    first = {name: earlier.get(name, seen_before.get(name, now[name])) for name in (*_TERMS, *_SIZES)}
    first["decided_by"] = earlier.get("decided_by", "metrics" if seen_before else now["decided_by"])
    first["judge"] = earlier.get("judge", seen_before.get("judge", now.get("judge", "")))
    return first | {"primary_metrics": now["primary_metrics"] | dict(earlier.get("primary_metrics", {}))}


def named_late(now: Mapping[str, Any], first: Mapping[str, Any]) -> Iterator[str]:
    """A warning for every term that is another than the one named first."""
    late = [(name, now[name] or "none", first[name] or "none") for name in _TERMS if now[name] != first[name]]
    late += [
        (f"what decides on {kind_name(kind)}", metric, first["primary_metrics"][kind])
        for kind, metric in now["primary_metrics"].items()
        if first["primary_metrics"][kind] != metric
    ]
    if now["decided_by"] != first["decided_by"]:
        late.append(("who decides", now["decided_by"], first["decided_by"]))
    if now.get("judge") and first["judge"] and now["judge"] != first["judge"]:  # without one: another metric
        late.append(("the judge", now["judge"], first["judge"]))
    for what, after, before in late:
        yield (
            f"{what[0].upper()}{what[1:]} was changed after results were seen, from {before} to {after}: "
            "take this as a suggestion, and test it on new cases."
        )


def looked_before(now: Mapping[str, Any], first: Mapping[str, Any]) -> dict[str, Any] | None:
    """The sizes now and at the first look, where they differ; None at the first look."""
    if all(now[name] == first[name] for name in _SIZES):
        return None
    return {name: now[name] for name in _SIZES} | {f"first_{name}": first[name] for name in _SIZES}
