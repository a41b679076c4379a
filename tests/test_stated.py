"""Exact values and their many ways of being written."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.metrics.stated import Told, facts, number


def found(text: str) -> list[tuple[str, str]]:
    return [(fact.kind, fact.written) for fact in facts(text)]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Order ORD-12345 is late.", [("id", "ORD-12345")]),
        ("You paid $49.99, i.e. 1,234.50 EUR.", [("amount", "49.99"), ("amount", "1,234.50")]),
        ("at 14:30 or 2:30 PM", [("time", "14:30"), ("time", "2:30 PM")]),
        ("on 3 May 2026 or March 15th, 2026", [("date", "3 May 2026"), ("date", "March 15th, 2026")]),
        ("2026-01-15T04:49:00Z", [("date", "2026-01-15"), ("time", "04:49:00")]),
        ("on 03/04/2026.", [("date", "03/04/2026")]),
        ("ann.lee+x@mail.example.com", [("email", "ann.lee+x@mail.example.com")]),
        ("user cust_8841, UUID 12345AB", [("id", "cust_8841"), ("id", "12345AB")]),
        ("within 24 hours, step 2", [("number", "24"), ("number", "2")]),
        (
            "a 24-hour line, 30-day trial, 24/7",
            [("number", "24"), ("number", "30"), ("number", "24"), ("number", "7")],
        ),
        ("TWO-FACTOR and FAQ", []),
        ("market 12, Mayor 3", [("number", "12"), ("number", "3")]),
        ("", []),
    ],
)
def test_what_is_found(text, kinds):
    """References, amounts, times, dates, addresses and numbers are told apart."""
    assert found(text) == kinds


@pytest.mark.parametrize(
    ("fact", "prompt"),
    [
        ("$49.99", "I paid 49.99 dollars"),
        ("$1,234.50", "the total was 1234.5"),
        ("14:30", "at 2:30 PM"),
        ("2:30 PM", "at 14:30 sharp"),
        ("12:15 am", "at 0:15"),
        ("3 May 2026", "bought on 2026-05-03"),
        ("May 3, 2026", "on the 3rd of May 2026"),
        ("2026-05-03", "in 2026, on May 3"),
        ("2026-05-03", "on 03/05/2026"),
        ("2026-05-03", "on 3.5.26"),
        ("ORD-12345", "order #ord-12345."),
        ("ann@x.com", "write to Ann@X.com"),
        ("00123842", "purchase 00123842"),
    ],
)
def test_the_same_in_other_words(fact, prompt):
    """A value that the prompt writes in another way is stated."""
    assert [Told(prompt).has(one) for one in facts(fact)] == [True]


@pytest.mark.parametrize(
    ("fact", "prompt"),
    [
        ("$49.99", "I paid $149.99"),
        ("2:30 PM", "at 2:30 AM"),
        ("3 May 2026", "on 3 May 2025"),
        ("3 May 2026", "on 3 May"),
        ("ORD-12345", "order ORD-123456"),
        ("ORD-12345", "order XORD-12345"),
        ("00123842", "purchase 123842"),
        ("ann@x.com", "write to joann@x.com"),
    ],
)
def test_another_value(fact, prompt):
    """A value that differs, or is a part of another one, is not stated."""
    assert not any(Told(prompt).has(one) for one in facts(fact))


@pytest.mark.parametrize(
    ("value", "prompt", "stated"),
    [
        (46.0, "46 minutes", True),
        (6.5, "6.50", True),
        (3, "three stars", True),
        (-5, "minus 5", True),
        (1234567.89, "1,234,567.89", True),
        (4, "14 minutes", False),
        (46, "46.5 minutes", False),
    ],
)
def test_numbers_of_a_record(value, prompt, stated):
    """46.0 and 46 are the same number, 4 and 14 are not."""
    assert Told(prompt).has(number(value)) is stated


@given(st.text(st.sampled_from("0123456789-/.:, $€@TZapmAPMJunMarch\n٣") | st.characters(), max_size=60))
def test_a_text_states_its_own_facts(text):
    """Whatever a text is, it can be read, and what is found in it is stated by it."""
    assert all(Told(text).has(fact) for fact in facts(text) if fact.keys)


@pytest.mark.parametrize(
    "piece", ["1", "a1-", "1,111", "11:11", "a@b.", "-", " ", "May 1 ", "1/1/", "$", "a-", "1-", "1-1A-"]
)
def test_long_texts_are_read_in_time(piece):
    """Reading takes time in proportion to the length: 100 KB of anything is no trap."""
    text = piece * (100_000 // len(piece))
    began = time.process_time()
    sum(1 for _ in facts(text))
    assert time.process_time() - began < 2
