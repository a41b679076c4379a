"""What the generators' tools take: the record of a json case, and the requirements of a conversation."""

from __future__ import annotations

from typing import Any

from ..domain import CATEGORIES, FEWEST, MOST

TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
MINUTES: dict[str, Any] = {"type": "number", "minimum": 0}


def object_of(**properties: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object that has these properties, all of them and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


# The record that a json case asks for unless somebody brings cases with a schema of their own.
CUSTOMER_INTERACTION = object_of(
    interaction_id={"type": "string", "pattern": "^INT-[0-9A-Z]+$"},
    timestamp={"type": "string", "format": "date-time"},
    customer=object_of(
        id=TEXT,
        segment={"enum": ["consumer", "small_business", "enterprise"]},
        priority_level={"enum": ["low", "medium", "high", "urgent"]},
    ),
    interaction=object_of(
        type={"enum": ["chat", "email", "phone"]},
        summary=TEXT,
        category={"enum": list(CATEGORIES)},
        resolution_status={"enum": ["open", "pending", "resolved", "escalated"]},
        next_steps={"type": "array", "items": TEXT, "minItems": 1, "maxItems": 5, "x-ordered": True},
    ),
    metrics=object_of(
        response_time=MINUTES,
        satisfaction_score={"type": "integer", "minimum": 1, "maximum": 5},
        resolution_time=MINUTES,
    ),
) | {"title": "customer_interaction"}

_REQUIREMENT: dict[str, dict[str, Any]] = {
    "text": TEXT,
    "kind": {"enum": ["must", "must_not"]},
    "weight": {"type": "integer", "minimum": 1, "maximum": 3},
    "value": {"type": "string"},
}
REQUIREMENTS: dict[str, Any] = {
    "type": "array",
    "items": object_of(id=TEXT, **_REQUIREMENT),
    "minItems": FEWEST,
    "maxItems": MOST,
}
# Of a draft: numbered by us, and a short golden answer may do a single thing.
DRAFTED = REQUIREMENTS | {"items": object_of(**_REQUIREMENT), "minItems": 1}
