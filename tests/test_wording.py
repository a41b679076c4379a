"""Numbers and lists as they are written everywhere."""

from __future__ import annotations

import pytest

from benchkit.wording import count, interval, level, listed, number, p_equals, p_text, scope


@pytest.mark.parametrize(
    ("p", "text", "sentence"),
    [
        (6.8e-14, "< 0.001", "p < 0.001"),
        (0.00099, "< 0.001", "p < 0.001"),
        (0.001, "0.001", "p = 0.001"),
        (0.0499, "0.050", "p = 0.050"),
        (1.0, "1.000", "p = 1.000"),
        (None, "–", "p = –"),
        (float("nan"), "–", "p = –"),
    ],
)
def test_p_values(p, text, sentence):
    """A small p-value is never written as zero."""
    assert (p_text(p), p_equals(p)) == (text, sentence)


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (-0.0012, -0.0008, "−0.0012 to −0.0008"),
        (-0.00112, -0.00108, "−0.00112 to −0.00108"),
        (0.012, 0.21, "0.012 to 0.210"),
        (-0.0001, 0.0001, "−0.0001 to 0.0001"),
        (0.5, 0.5, "0.500 to 0.500"),
        (None, 0.5, "unknown"),
        (float("nan"), 0.5, "unknown"),
    ],
)
def test_intervals_show_two_ends(low, high, text):
    """Ends that differ are written so that they differ."""
    assert interval(low, high) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1234, "0.123"),
        (-0.0004, "−0.0004"),
        (0.0, "0.000"),
        (-1e-17, "0.000"),
        (1234.5, "1,234.500"),
        (None, "unknown"),
    ],
)
def test_numbers(value, text):
    """What is not 0 does not read as 0, a rounding error does."""
    assert number(value) == text


def test_lists_counts_and_levels():
    """Lists, plurals and confidence levels."""
    assert [listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert (count(1, "case"), count(1782, "response"), count(2, "category", "categories")) == (
        "1 case",
        "1,782 responses",
        "2 categories",
    )
    assert (level(0.05), level(0.2), level(0.001)) == ("95 %", "80 %", "99.9 %")


@pytest.mark.parametrize(
    ("decide", "words"),
    [
        ({"json": True, "conversation": True}, "all kinds together"),
        ({"json": True, "conversation": False}, "JSON cases alone"),
        ({"conversation": True}, "conversations"),
        ({"all": True}, "all cases"),
        ({"json": True, "conversation": True, "tool": False}, "JSON cases and conversations alone"),
    ],
)
def test_scope_names_what_decides(decide, words):
    """What the decision is about; `alone` where another kind decides nothing."""
    assert scope([{"kind": kind, "decides": does} for kind, does in decide.items()]) == words
