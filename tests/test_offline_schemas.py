"""Somebody's own schema: instances made from nothing, and read from what a prompt states."""

from __future__ import annotations

import json
from statistics import mean
from typing import Any

import pytest

from benchkit.generate import CUSTOMER_INTERACTION
from benchkit.offline import answers, author, schemas
from benchkit.offline.chance import chance
from benchkit.offline.scenarios import leaves

from .test_offline_world import FLAWLESS, valid

TICKET: dict[str, Any] = {
    "type": "object",
    "properties": {
        "ticket": {"type": "string", "pattern": "^TK-[0-9]{4}$"},
        "items": {
            "type": "array",
            "items": {"$ref": "#/$defs/item"},
            "minItems": 2,
            "maxItems": 2,
        },
        "urgent": {"type": "boolean"},
        "channel": {"enum": ["web", "shop"]},
        "due": {"type": ["string", "null"], "format": "date"},
        "mail": {"type": "string", "format": "email"},
        "floors": {"type": "integer", "minimum": 3, "exclusiveMaximum": 9, "multipleOf": 2},
    },
    "required": ["ticket", "items", "urgent", "channel", "due", "mail", "floors"],
    "$defs": {
        "item": {"type": "object", "properties": {"name": {"type": "string"}, "price": {"type": "number"}}}
    },
}


def test_a_foreign_schema_is_answered_with_what_the_prompt_states() -> None:
    """A flawless model reads the author's memo for somebody's own schema back without a loss."""
    for seed in range(20):
        prompt, golden = author.foreign_case(TICKET, "billing_inquiry", "", chance("memo", seed))
        record = answers.record_answer(FLAWLESS, prompt, TICKET, chance("read", seed))
        assert valid(golden, TICKET)
        assert valid(record, TICKET)
        wanted = dict(leaves(golden))
        assert mean(dict(leaves(record)).get(path) == value for path, value in wanted.items()) > 0.9


@pytest.mark.parametrize(
    "schema",
    [
        TICKET,
        CUSTOMER_INTERACTION,
        {
            "type": "object",
            "properties": {"a": {"const": 3}, "b": {"anyOf": [{"type": "null"}, {"type": "number"}]}},
        },
        {"allOf": [{"properties": {"a": {"type": "integer"}}}, {"required": ["a"], "type": "object"}]},
        {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "maxItems": 2},
        {"type": "string", "pattern": "^(alpha|beta)-[^x]{2,3}\\d+$"},
        {"type": "string", "minLength": 300},
        {"type": "object", "properties": {"next": {"$ref": "#"}}},
    ],
)
def test_an_instance_meets_its_schema(schema: dict[str, Any]) -> None:
    """Any ordinary schema gets valid instances, whatever the draw."""
    assert all(valid(schemas.instance(schema, chance("instance", seed)), schema) for seed in range(30))


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"type": "integer", "minimum": 5, "maximum": 1},
        {"$ref": "#/nowhere"},
        {"type": "string", "pattern": "("},
        {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#"}}},
        {"enum": []},
        {"type": "array", "minItems": 5, "maxItems": 2},
        {"type": "number", "multipleOf": 0.1, "exclusiveMinimum": 3},
    ],
)
def test_an_impossible_schema_is_survived(schema: Any) -> None:
    """What nothing can satisfy gets a near miss that is still JSON."""
    assert json.dumps(schemas.instance(schema, chance(1)))
