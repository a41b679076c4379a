"""Which texts of a golden answer are free, and which of a record's can carry a requirement."""

from __future__ import annotations

import pytest

from benchkit.domain import TestCase
from benchkit.metrics.fields import free_texts, long_texts

TEN = "We refund the whole amount to your card within a week."
EXACT = [
    ("ORD-12345", None),
    ("2026-05-03T10:00:00Z", None),
    ("3 May 2026", None),
    ("+49 30 1234567", None),
    (40.0, None),
    (True, None),
    (None, None),
    ("", None),
    (TEN, {"enum": [TEN, "no"]}),
    (TEN, {"pattern": "^We"}),
    (TEN, {"const": TEN}),
]


def record(golden, **properties) -> TestCase:
    return TestCase("c", "json", "x", "p", golden, {"type": "object", "properties": properties})


@pytest.mark.parametrize(("value", "rule"), EXACT)
def test_what_is_exact_is_no_free_text(value, rule):
    """Ids, numbers, dates, enumerated values and what a pattern gives: field_accuracy holds those."""
    case = record({"at": value, "note": "Call back."}, at=rule or {})
    assert free_texts(case) == {("note",): "Call back."}
    assert long_texts(case) == {}


def test_texts_from_ten_words_carry_requirements():
    """At whatever depth, named by their path; nine words do not, nor does a conversation as a whole."""
    nine = TEN.replace("whole ", "").replace("your ", "")
    case = record({"a/b": {"note": TEN}, "steps": [nine, TEN.upper()]})
    assert set(free_texts(case)) == {("a/b", "note"), ("steps", 0), ("steps", 1)}
    assert long_texts(case) == {"a/b.note": TEN, "steps.1": TEN.upper()}
    assert long_texts(TestCase("c", "conversation", "x", "p", TEN)) == {}
    assert free_texts(TestCase("c", "conversation", "x", "p", TEN)) == {(): TEN}
