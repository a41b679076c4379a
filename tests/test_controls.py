"""Controls: answers that know nothing, scored by the same functions as a model's."""

from __future__ import annotations

import pytest

from benchkit.domain import is_control
from benchkit.measure import score_controls
from benchkit.metrics import METRICS
from benchkit.metrics.controls import BOILERPLATE, defaults
from benchkit.metrics.conversation import task_completion
from benchkit.metrics.fields import field_accuracy

from .measured import case, cases


def by_name(table):
    """{(metric, control): {id: value}}."""
    scores = score_controls(table)
    assert all(map(is_control, scores["model"]))
    assert set(scores["round"]) == {1}
    names = scores["model"].str.removeprefix("control: ")
    keyed = scores.assign(control=names).groupby(["metric", "control"])
    return {key: dict(zip(rows["id"], rows["value"], strict=True)) for key, rows in keyed}


def test_conversations():
    """Prompt, boilerplate and the next golden of the category, under every metric of conversations."""
    table = cases(
        case("a", golden="Open the settings.", category="x"),
        case("b", golden="Refund of $20 sent.", category="y"),
        case("c", golden="Restart the router.", category="x"),
    )
    found = by_name(table)
    assert {metric for metric, _ in found} == {
        m.name for m in METRICS.values() if m.kind == "conversation" and m.function
    }
    prompts, goldens = (
        dict(zip("abc", table["prompt"], strict=True)),
        dict(zip("abc", table["golden_response"], strict=True)),
    )
    for id, other in {"a": "c", "b": "c", "c": "a"}.items():
        said = {"prompt copied": prompts[id], "boilerplate": BOILERPLATE, "another golden": goldens[other]}
        for name, text in said.items():
            assert found["task_completion", name][id] == task_completion(text, goldens[id])
    assert found["response_relevance", "prompt copied"] == dict.fromkeys("abc", 1.0)


def test_a_single_case_has_no_other():
    """Without another case of its kind there is no golden to borrow."""
    found = by_name(cases(case("a"), case("b", kind="json")))
    assert {name for _, name in found} == {"prompt copied", "boilerplate", "schema defaults"}


def test_records():
    """Records of defaults are complete and valid where nothing needs more, and know no value."""
    schema = {
        "type": "object",
        "properties": {
            "action": {"$ref": "#/$defs/action"},
            "note": {"type": "string"},
            "count": {"type": "integer"},
        },
        "required": ["action", "note", "count"],
        "$defs": {"action": {"enum": ["refund", "replace"]}},
    }
    import json

    golden = {"action": "refund", "note": "customer asked for order A-7", "count": 2}
    rows = [case(id, kind="json", golden=golden, response_schema=json.dumps(schema)) for id in "ab"]
    found = by_name(cases(*rows))
    record = {"action": "refund", "note": "", "count": 0}
    assert found["field_accuracy", "schema defaults"]["a"] == field_accuracy(record, golden, schema) == 1 / 3
    copied = record | {"note": rows[0]["prompt"]}
    assert found["field_accuracy", "prompt copied"]["a"] == field_accuracy(copied, golden, schema) > 1 / 3
    assert found["schema_compliance", "schema defaults"] == {"a": 1.0, "b": 1.0}
    assert found["field_accuracy", "another golden"]["a"] == 1.0


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"properties": {"a": {"const": 5}, "b": {"default": "d"}}}, {"a": 5, "b": "d"}),
        ({"properties": {"a": {"type": ["null", "number"]}}}, {"a": 0}),
        (
            {"properties": {"a": {"type": "array", "items": {"type": "string"}, "minItems": 2}}},
            {"a": ["t", "t"]},
        ),
        ({"properties": {"a": {"anyOf": [{"type": "boolean"}, {"type": "null"}]}}}, {"a": False}),
        ({"properties": {"a": {"type": "string", "format": "date"}}}, {"a": ""}),
        ({"properties": {"a": {"properties": {"b": {}}}}}, {"a": {"b": "t"}}),
        ({"properties": {"a": True}}, {"a": None}),
        ({}, {}),
    ],
)
def test_defaults(schema, value):
    """What a schema says by itself, with a text where it leaves one free."""
    assert defaults(schema, "t") == value


def test_a_schema_that_contains_itself_ends():
    """A record of defaults has an end where its schema has none."""
    found = by_name(
        cases(
            case("a", kind="json", golden={"a": {}}, response_schema='{"properties": {"a": {"$ref": "#"}}}')
        )
    )
    assert found["field_accuracy", "schema defaults"]["a"] in (0.0, 1.0)
