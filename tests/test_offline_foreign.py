"""Somebody's own schema: read from what a prompt states, plain defaults for the rest."""

from __future__ import annotations

import json
from dataclasses import replace
from statistics import mean
from typing import Any

import pytest

from benchkit.generate import CUSTOMER_INTERACTION
from benchkit.offline.world import answers, foreign
from benchkit.offline.world.scenarios import leaves
from benchkit.offline.world.seeded import seeded

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


TOLD = {
    "ticket": "TK-0412",
    "items": [{"name": "kettle", "price": 12.5}, {"name": "lid", "price": 3}],
    "urgent": True,
    "channel": "shop",
    "due": "2026-03-14",
    "mail": "anna@example.org",
    "floors": 4,
}
PROMPT = (
    'Noted: ticket: "TK-0412"; items 1 name: "kettle"; items 1 price: 12.5; items 2 name: "lid"; '
    "items 2 price: 3; urgent: true; sold in the shop; due: 2026-03-14; write to anna@example.org; floors: 4."
)


def test_a_foreign_schema_is_answered_with_what_the_prompt_states() -> None:
    """A flawless model reads every field; one that is right half of the time has half of them."""
    assert answers.record_answer(FLAWLESS, PROMPT, TICKET, seeded("read")) == TOLD
    poor = replace(FLAWLESS, field_accuracy=0.5)
    records = [answers.record_answer(poor, f"{PROMPT} {at}", TICKET, seeded("read", at)) for at in range(200)]
    told = dict(leaves(TOLD))
    right = mean(
        dict(leaves(record)).get(path) == value for record in records for path, value in told.items()
    )
    assert right == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        ({"properties": {"a": {"const": 3}, "b": {"enum": ["x", "y"]}}}, {"a": 3, "b": "x"}),
        ({"properties": {"b": {"anyOf": [{"type": "null"}, {"type": "number"}]}}}, {"b": 0}),
        ({"type": "array", "items": {"type": "string", "minLength": 12}, "minItems": 2},
         {"value": ["not stated.."] * 2}),
        ({"properties": {"a": {"type": "integer", "exclusiveMinimum": 3}}}, {"a": 4}),
        ({"properties": {"b": {"type": ["null", "boolean"]}}}, {"b": False}),
        ({"properties": {"at": {"format": "date"}, "n": {"type": "null"}}}, {"at": "2026-01-05", "n": None}),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"properties": {"a": {"type": "number", "maximum": -2}}}}},
         {"a": -2}),
    ],
)  # fmt: skip
def test_defaults_meet_their_schema(schema: dict[str, Any], made: Any) -> None:
    """Without a prompt each field has the plainest value that its type, bounds and format allow."""
    assert foreign.record(schema) == made
    assert valid(made.get("value", made), schema)


def test_the_default_schema_has_defaults() -> None:
    """Every field but the patterned id of the default record is valid without a prompt."""
    made = foreign.record(CUSTOMER_INTERACTION)
    assert valid(made | {"interaction_id": "INT-1"}, CUSTOMER_INTERACTION)


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {"$ref": "#/nowhere"},
        {"type": "string", "pattern": "("},
        {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#"}}},
    ],
)
def test_an_impossible_schema_is_survived(schema: Any) -> None:
    """What nothing can satisfy gets a near miss that is still JSON, from a prompt as from none."""
    assert json.dumps(foreign.record(schema))
    if isinstance(schema, dict):
        assert json.dumps(answers.record_answer(FLAWLESS, PROMPT, schema, seeded("x")))
