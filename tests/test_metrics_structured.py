"""JSON metrics: tables of known answers, and what has to hold for any object."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchkit.errors import InputError
from benchkit.generate import CUSTOMER_INTERACTION
from benchkit.metrics.fields import ABSENT, MAX_COMPARISONS, Field, compare_fields, field_accuracy
from benchkit.metrics.schemas import check_schema, schema_compliance, structural_consistency

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, width=32)
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=3), json_values, max_size=4)
goldens = objects.filter(bool)
F1_SCHEMA = {
    "properties": {"a": {"enum": ["high", "low"]}, "b": {"$ref": "#/$defs/b"}},
    "$defs": {"b": {"format": "x"}},
}


@pytest.mark.parametrize(
    ("found", "golden", "expected"),
    [
        (5, 5, 1),
        ("5", 5, 0),
        (5, "5", 0),
        (True, 1, 0),
        (None, None, 1),
        (False, None, 0),
        ("007", "7", 0),
        (" INT-1 ", "INT-1", 1),
        ("int-1", "INT-1", 0),
        ("2026-04-15T12:00:00+02:00", "2026-04-15T10:00:00Z", 1),
        ("2026-04-15T10:00:00", "2026-04-15T10:00:00Z", 0),
        ("2026-02-30T25:00", "2026-02-30T25:00", 1),
        ("April 16, 2026", "April 15, 2026", 0),
        ("+1 800 555 0101", "+1 800 555 0100", 0),
        ("the refund was sent", "The refund was issued.", 0.75),
        ("refund refund", "refund", 2 / 3),
        ("退款已处理", "退款已处理", 1),
        ("!", "?", 0),
        ("", "", 1),
        ("High", "high", 1),
        ({}, {}, 1),
        ([], {}, 0),
        ([1], [], 0),
        ("x", ["x"], 0),
        (["y", "x"], ["x", "y"], 1),
        (["x", "y", "z"], ["y", "x"], 2 / 3),
        ([{"k": 2, "t": "b"}, {"k": 1, "t": "c"}], [{"k": 1, "t": "a"}, {"k": 2, "t": "b"}], 3 / 4),
        ([[3], [2, 1]], [[1, 2], [3]], 1),
    ],
)
def test_field_accuracy_of_a_leaf(found: object, golden: object, expected: float) -> None:
    """Types, ids and dates count exactly, free text by token F1, arrays by their best matching."""
    assert field_accuracy({"leaf": found}, {"leaf": golden}) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("response", "golden", "schema", "expected"),
    [
        ({}, {}, None, None),
        (None, {"a": 1}, None, 0.0),
        ([], {"a": 1}, None, 0.0),
        ({}, {"a": None}, None, 0.0),
        ({"a": 1, "z": 9}, {"a": 1}, None, 1.0),
        ({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1, "c": 0}, "d": 0}, None, 1 / 3),
        ({"a": "High"}, {"a": "high"}, F1_SCHEMA, 0.0),
        ({"b": "half right"}, {"b": "half wrong"}, F1_SCHEMA, 0.0),
        ({"c": "half right"}, {"c": "half wrong"}, F1_SCHEMA, 0.5),
        (
            {"a": ["Low"]},
            {"a": ["low"]},
            {"properties": {"a": {"items": {"anyOf": [{"const": "low"}]}}}},
            0.0,
        ),
    ],
)
def test_field_accuracy(response: object, golden: dict, schema: dict | None, expected: float | None) -> None:
    """The mean over the golden's leaves: missing is 0, extra is free, the schema knows enums and formats."""
    assert field_accuracy(response, golden, schema) == (
        expected if expected is None else pytest.approx(expected)
    )


HOW = {"enum": ["in transit", "on hold"]}


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"s": HOW}},
        {"properties": {"s": {"const": "in transit"}}},
        {"properties": {"s": {"pattern": "^[a-z ]+$"}}},
        {"properties": {"s": {"format": "uri"}}},
        {"properties": {"s": {"format": "of our own"}}},
        {"properties": {"s": {"$ref": "#/$defs/S"}}, "$defs": {"S": HOW}},
        {"properties": {"s": {"$ref": "#S"}}, "$defs": {"x": {"$anchor": "S"} | HOW}},
        {"properties": {"s": {"anyOf": [HOW, {"type": "null"}]}}},
        {"allOf": [{"properties": {"s": HOW}}]},
        {"oneOf": [{"properties": {"s": HOW}}, {"properties": {"s": {"type": "integer"}}}]},
        {"additionalProperties": HOW},
        {"if": {"required": ["t"]}, "else": {"properties": {"s": HOW}}},
        {"if": {"required": ["s"]}, "then": {"properties": {"s": HOW}}},
    ],
)
def test_exact_wherever_the_schema_says_so(schema: dict) -> None:
    """However a schema comes to an enum, const, pattern or format: the text there is right or wrong."""
    golden = {"s": "in transit"}
    assert field_accuracy({"s": "in transit to Bonn"}, golden, schema) == 0.0
    assert field_accuracy({"s": "in transit"}, golden, schema) == 1.0


@pytest.mark.parametrize("where", ["prefixItems", "items", "contains"])
def test_exact_within_an_array(where: str) -> None:
    """Items are exact by their place, by what holds for all, and by what one of them has to be."""
    schema = {"properties": {"s": {where: [HOW] if where == "prefixItems" else HOW}}}
    assert field_accuracy({"s": ["in transit to Bonn"]}, {"s": ["in transit"]}, schema) == 0.0
    some = {"properties": {"s": {"prefixItems": [HOW, {"type": "string"}]}}}
    found = field_accuracy({"s": ["on hold", "so so la"]}, {"s": ["on hold", "so so da"]}, some)
    assert found == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"s": {"type": "string"}}},
        {"properties": {"s": {"not": {"const": "x"}}}},
        {"if": {"properties": {"s": {"const": "in transit"}}}, "then": {}},
        {"properties": {"enum": {"type": "string"}, "s": {}}},
        {"$defs": {"s": HOW}},
    ],
)
def test_free_text_where_the_schema_leaves_it_free(schema: dict) -> None:
    """A condition, a prohibition or a definition that nothing refers to makes no text exact."""
    found = field_accuracy({"s": "in transit to", "enum": "a b"}, {"s": "in transit", "enum": "a c"}, schema)
    assert found == pytest.approx((4 / 5 + 1 / 2) / 2)


@pytest.mark.parametrize(
    ("name", "weight"),
    [
        ("id", 3),
        ("order_id", 3),
        ("orderId", 3),
        ("invoice_number", 3),
        ("reference", 3),
        ("number", 1),
        ("paid", 1),
    ],
)
def test_identifying_fields_weigh_three(name: str, weight: float) -> None:
    """What names the thing weighs 3 of itself; a schema's x-weight is stronger, at the place or above it."""
    golden = {"at": {name: "A-17"}, "other": 1}
    assert field_accuracy({"other": 1}, golden) == 1 / (1 + weight)
    own = {"properties": {"at": {"properties": {name: {"x-weight": 0.5}}, "x-weight": 9}}}
    assert field_accuracy({"other": 1}, golden, own) == 1 / 1.5
    above = {"properties": {"at": {"$ref": "#/$defs/at"}}, "$defs": {"at": {"x-weight": 9}}}
    assert field_accuracy({"other": 1}, golden, above) == 1 / 10


def test_what_weighs_nothing() -> None:
    """A field may be left out; where all are, the case has no value; a branch that fails weighs nothing."""
    schema = {"properties": {"a": {"x-weight": 0}}}
    assert field_accuracy({"a": 2, "b": 1}, {"a": 1, "b": 1}, schema) == 1.0
    assert field_accuracy({"a": 2}, {"a": 1}, schema) is None
    tried = {"properties": {"a": {"oneOf": [{"type": "string", "x-weight": 5}, {"type": "integer"}]}}}
    assert field_accuracy({"b": 1}, {"a": 1, "b": 1}, tried) == 1 / 2


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (["x", "y", "z"], 1),
        (["z", "y", "x"], 1 / 3),
        (["y", "z"], 2 / 3),
        (["y", "x", "z"], 2 / 3),
        (["w", "x", "y", "z"], 3 / 4),
        ([], 0),
    ],
)
@pytest.mark.parametrize("schema", [{"x-ordered": True}, {"prefixItems": [{"type": "string"}]}])
def test_order_matters_where_the_schema_says_so(found: list, expected: float, schema: dict) -> None:
    """Pairs in one order: one item too few or too many costs that item, and a reversed list nearly all."""
    score = field_accuracy({"s": found}, {"s": ["x", "y", "z"]}, {"properties": {"s": schema}})
    assert score == pytest.approx(expected)


@pytest.mark.parametrize("is_ordered", [True, False])
def test_an_array_too_long_to_match(is_ordered: bool) -> None:
    """Beyond the affordable comparisons an array goes by position."""
    side = int(MAX_COMPARISONS**0.5) + 1
    golden = [f"{n} {n}x" for n in range(side)]
    schema = {"properties": {"a": {"x-ordered": is_ordered}}}
    assert field_accuracy({"a": golden}, {"a": golden}, schema) == 1.0
    assert field_accuracy({"a": golden[::-1]}, {"a": golden}, schema) == pytest.approx(1 / side)


RECORD: dict = {
    "interaction_id": "INT-T1",
    "timestamp": "2026-04-15T10:00:00Z",
    "customer": {"id": "CUST-10001", "segment": "consumer", "priority_level": "low"},
    "interaction": {
        "type": "chat",
        "summary": "router drops the connection",
        "category": "technical_support",
        "resolution_status": "open",
        "next_steps": ["restart the router", "update its firmware", "call back"],
    },
    "metrics": {"response_time": 2.5, "satisfaction_score": 4, "resolution_time": 30},
}


def test_the_built_in_record_weighs_what_matters() -> None:
    """A wrong customer id costs 3 of 17; reversed steps cost; field by field it is seen what was wrong."""
    wrong = json.loads(json.dumps(RECORD))
    wrong["customer"]["id"] = "CUST-10002"
    assert field_accuracy(wrong, RECORD, CUSTOMER_INTERACTION) == pytest.approx(14 / 17)
    steps = json.loads(json.dumps(RECORD))
    steps["interaction"]["next_steps"].reverse()
    assert field_accuracy(steps, RECORD, CUSTOMER_INTERACTION) == pytest.approx(1 - 2 / 3 / 17)
    del wrong["metrics"]
    fields = compare_fields(wrong, RECORD, CUSTOMER_INTERACTION)
    assert [field for field in fields if field.score < 1] == [
        Field("$.customer.id", "CUST-10001", "CUST-10002", 0.0, 3.0),
        Field("$.metrics.response_time", 2.5, ABSENT, 0.0, 1.0),
        Field("$.metrics.satisfaction_score", 4, ABSENT, 0.0, 1.0),
        Field("$.metrics.resolution_time", 30, ABSENT, 0.0, 1.0),
    ]
    assert sum(field.weight for field in fields) == 17


@pytest.mark.parametrize(
    ("response", "golden", "expected"),
    [
        ({"a": 1}, {"a": 2.5}, 1.0),
        ({"a": 1}, {"a": True}, 0.0),
        ({"a": 1}, {"a": "1"}, 0.0),
        ({"a": 1, "z": 1}, {"a": 1}, 0.5),
        ({}, {"a": 1}, 0.0),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": None}}, 2 / 3),
        ({"a": ["x"]}, {"a": ["y", "z", "w"]}, 1.0),
        ({"a": []}, {"a": ["y"]}, 0.5),
        ({"a": {"b": 1}}, {"a": [{"b": 1}]}, 0.0),
        ({"a.b": 1}, {"a": {"b": 1}}, 0.0),
        ({"a[]": 1}, {"a": [1]}, 0.0),
        (None, {"a": 1}, 0.0),
        ({"a": 1}, {}, None),
    ],
)
def test_structural_consistency(response: object, golden: dict, expected: float | None) -> None:
    """Jaccard of (path, type): items share a path, numbers are one type, extra keys cost."""
    assert structural_consistency(response, golden) == expected


@settings(deadline=None)
@given(objects, goldens)
def test_structured_ranges(response: dict, golden: dict) -> None:
    """Both metrics stay within 0 and 1."""
    assert 0 <= field_accuracy(response, golden) <= 1  # type: ignore[operator]
    assert 0 <= structural_consistency(response, golden) <= 1  # type: ignore[operator]


@settings(deadline=None)
@given(goldens)
def test_structured_identity(golden: dict) -> None:
    """The golden itself is right everywhere, also after a trip through JSON."""
    copy = json.loads(json.dumps(golden))
    assert field_accuracy(copy, golden) == pytest.approx(1)
    assert structural_consistency(copy, golden) == 1


def _turned(value: object) -> object:
    if isinstance(value, dict):
        return {key: _turned(item) for key, item in reversed(value.items())}
    return [_turned(item) for item in reversed(value)] if isinstance(value, list) else value


@settings(deadline=None)
@given(objects, goldens)
def test_order_changes_nothing(response: dict, golden: dict) -> None:
    """Neither the order of keys nor that of array items matters."""
    turned = _turned(response)
    assert field_accuracy(turned, golden) == pytest.approx(field_accuracy(response, golden))
    assert structural_consistency(turned, golden) == structural_consistency(response, golden)


@settings(deadline=None)
@given(objects, goldens, json_values)
def test_extra_keys_never_help(response: dict, golden: dict, extra: object) -> None:
    """A key that the golden lacks raises neither metric."""
    more = response | {"not in the golden": extra}
    assert structural_consistency(more, golden) <= structural_consistency(response, golden)  # type: ignore[operator]
    assert field_accuracy(more, golden) == field_accuracy(response, golden)


@pytest.mark.parametrize(
    ("response", "golden"),
    [
        ({"a": ["refund"] * 12_000}, {"a": ["refund the order", "call back"] * 5}),
        ({"a": [[n % 7] * 30 for n in range(300)]}, {"a": [[n % 5] * 300 for n in range(30)]}),
        ({"a": "order " * 16_000}, {"a": "refund " * 16_000}),
    ],
    ids=["long array", "arrays of arrays", "long text"],
)
def test_huge_objects(response: dict, golden: dict) -> None:
    """100 KB against 100 KB is scored in seconds."""
    started = time.process_time()
    assert 0 <= field_accuracy(response, golden) < 0.1  # type: ignore[operator]
    assert structural_consistency(response, golden) == 1.0
    assert time.process_time() - started < 5


CHECKED = {
    "type": "object",
    "properties": {"at": {"type": "string", "format": "date-time"}, "n": {"type": "integer", "minimum": 1}},
    "required": ["at"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"at": "2026-04-15T10:00:00Z", "n": 1}, 1.0),
        ({"at": "2026-04-15T10:00:00+02:00"}, 1.0),
        ({"at": "2026-04-15T10:00:00Z", "n": 2.0}, 1.0),
        ({"at": "yesterday"}, 0.0),
        ({"at": "2026-04-15T10:00:00Z", "n": "1"}, 0.0),
        ({"at": "2026-04-15T10:00:00Z", "n": True}, 0.0),
        ({"at": "2026-04-15T10:00:00Z", "more": 1}, 0.0),
        ({}, 0.0),
        (None, 0.0),
    ],
)
def test_schema_compliance(arguments: object, expected: float) -> None:
    """All or nothing, formats included."""
    assert schema_compliance(arguments, CHECKED) == expected


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ([], "array"),
        ({"type": "foo"}, r"\$\.type"),
        ({"required": 5}, r"\$\.required"),
        ({"properties": {"a": {"pattern": "("}}}, "regex"),
        ({"properties": {"a": {"$ref": "#/$defs/nowhere"}}}, "nowhere"),
        ({"$ref": "https://example.com/schema"}, "example.com"),
        ({"type": "string"}, "takes an object"),
        ({"properties": {"a": {"x-weight": "high"}}}, r"\$\.properties\.a\.x-weight"),
        ({"properties": {"a": {"items": {"x-weight": -1}}}}, "x-weight"),
        ({"properties": {"a": {"x-ordered": "yes"}}}, "x-ordered"),
    ],
)
def test_unusable_schema(schema: object, said: str) -> None:
    """A schema that cannot be used says why, before and while it is used; nothing is fetched."""
    with pytest.raises(InputError, match=said):
        check_schema(schema)
    with pytest.raises(InputError, match=said):
        schema_compliance({}, schema)  # type: ignore[arg-type]


def test_no_schema_allows_all() -> None:
    """A case without a schema breaks none; for a tool there has to be one."""
    assert schema_compliance({"a": 1}, None) == 1.0
    with pytest.raises(InputError, match="null"):
        check_schema(None)


def test_usable_schema() -> None:
    """Local references, recursion through a property and a constant that looks like a reference are fine."""
    check_schema(
        {
            "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#/$defs/b"}},
            "$defs": {"b": {"const": {"$ref": "x"}}},
        }
    )
    assert schema_compliance({"a": {"a": {}}}, {"properties": {"a": {"$ref": "#"}}}) == 1.0
