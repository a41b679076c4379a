"""Requirements as people write them, and what verdicts on them are worth."""

from __future__ import annotations

import json

import pytest

from benchkit.domain import Requirement, TestCase, read_requirements
from benchkit.metrics.requirements import has_value, is_quoted, requirements_met

MUST = [Requirement("a", "give a date", weight=3), Requirement("b", "say sorry"), Requirement("c", "ask")]
NEVER = Requirement("n", "promise a refund", must=False)


class TestReading:
    def test_a_json_list(self):
        text = json.dumps(
            [{"text": "give the date", "weight": 2, "value": "3 May"}, {"id": "x", "text": "ask"}]
        )
        assert read_requirements(text) == (
            Requirement("r1", "give the date", True, 2, "3 May"),
            Requirement("x", "ask"),
        )

    def test_one_a_line(self):
        text = "Give the date.\n\n  must: ask\nMust not promise a refund\nmust_not: blame"
        assert [(one.kind, one.text) for one in read_requirements(text)] == [
            ("must", "Give the date."),
            ("must", "ask"),
            ("must_not", "promise a refund"),
            ("must_not", "blame"),
        ]

    @pytest.mark.parametrize(
        "line",
        [
            "must  not X",
            "mustn't X",
            "Do not X",
            "- must not X",
            "must: must not X",
            "must not never X",
            "The answer must not X",
            "You may not X",
            "The agent does not X",
            "- A reply cannot X",
            "Must: the answer doesn’t X",
            "The response is not to X",
        ],
    )
    def test_what_forbids_is_never_read_as_asked_for(self, line):
        """Nor denied twice: as a line, and as an object with its kind or without."""
        forbidden = Requirement("r1", "X", must=False)
        told = [line, json.dumps([{"text": line}]), json.dumps([{"text": line, "kind": "must_not"}])]
        assert [read_requirements(one) for one in told] == [(forbidden,)] * 3
        assert read_requirements(json.dumps([forbidden.record()])) == (forbidden,)
        with pytest.raises(
            ValueError, match=r"r1 has the kind 'must' and a text that forbids .*; leave the kind"
        ):
            read_requirements(json.dumps([{"text": line, "kind": "must"}]))

    @pytest.mark.parametrize(
        "line",
        [
            "You cannot return it",
            "The customer must not pay twice",
            "Must not only ask",
            "Say that it is not X",
        ],
    )
    def test_what_denies_something_else_is_asked_for(self, line):
        assert read_requirements(line)[0].must

    def test_every_fault_is_named_by_the_requirement_s_own_id(self):
        said = [{"id": "a", "text": "x", "weight": 9, "forbidden": True}, {"text": "y"}, {"id": "c"}]
        told = (
            "^requirement a has the key 'forbidden', which is none of: id, text, kind, weight, value; "
            "requirement a has the weight 9; use 1, 2 or 3; requirement c has no text$"
        )
        with pytest.raises(ValueError, match=told):
            read_requirements(json.dumps(said))

    def test_bullets_are_no_text_and_a_number_may_be_one(self):
        assert [one.text for one in read_requirements("- ask\n2) say when\n3 days are named")] == [
            "ask",
            "say when",
            "3 days are named",
        ]
        said = json.dumps([{"text": "ask", "weight": "2", "kind": "MUST"}])
        assert read_requirements(said) == (Requirement("r1", "ask", weight=2),)

    def test_broken_json_is_called_so(self):
        with pytest.raises(ValueError, match="not readable as JSON"):
            read_requirements('[{"text": ]')

    @pytest.mark.parametrize("text", ["", "  \n ", "[]"])
    def test_none(self, text):
        assert read_requirements(text) == ()

    @pytest.mark.parametrize(
        ("said", "problem"),
        [
            ([{"text": " "}], "r1 has no text"),
            ([3], "r1 is neither an object nor a text"),
            ([{"text": "a", "kind": "should"}], "the kind 'should'; use must or must_not"),
            ([{"text": "a", "weight": 4}], "the weight 4; use 1, 2 or 3"),
            ([{"text": "a", "must_not": "b"}], "r1 has the key 'must_not', which is none of: id, text, kind"),
            ([{"text": "a", "id": "x"}, {"text": "b", "id": "x"}], "two requirements have the id 'x'"),
        ],
    )
    def test_what_is_wrong(self, said, problem):
        with pytest.raises(ValueError, match=problem):
            read_requirements(json.dumps(said))

    def test_a_case_keeps_them(self):
        case = TestCase("1", "conversation", "c", "p", "g", requirements=(*MUST, NEVER))
        assert TestCase.from_row(case.row()) == case


class TestQuotes:
    def test_white_space_and_case_aside(self):
        assert is_quoted("we  WILL\nrefund", "Today we will refund it.")

    @pytest.mark.parametrize(
        ("quote", "answer"),
        [
            ("we don't charge", "We don’t charge."),
            ("“We will pay”", "We will pay."),
            ("a refund of $5", "We owe a **refund** of $5."),
            ("re‑placement", "A re-placement comes."),
            ("退款", "我们会退款给您"),
        ],
    )
    def test_how_it_is_typed_is_aside(self, quote, answer):
        assert is_quoted(quote, answer)

    @pytest.mark.parametrize("quote", ["", "  ", "we refund", ".", "e", "ill refund", "** **"])
    def test_other_words(self, quote):
        assert not is_quoted(quote, "Today we will refund it.")

    @pytest.mark.parametrize(
        ("value", "answer", "stated"),
        [
            ("2026-05-03", "on 3 May 2026", True),
            ("$50.00", "We refund 50 dollars.", True),
            ("$50.00", "We refund $60.", False),
            ("ORD-1", "Order ORD-12 is on its way.", False),
            ("Gold plan", "You have the gold plan.", True),
        ],
    )
    def test_the_exact_value(self, value, answer, stated):
        assert has_value(Requirement("r", "name it", value=value), answer) is stated


class TestRequirementsMet:
    @pytest.mark.parametrize(
        ("met", "value"),
        [
            ({"a": True, "b": True, "c": True, "n": True}, 1.0),
            ({"a": True, "b": False, "c": False, "n": True}, 0.6),
            ({"a": False, "b": False, "c": False, "n": True}, 0.0),
            ({"a": True, "b": True, "c": True, "n": False}, 0.0),
        ],
    )
    def test_weighted_and_forbidden(self, met, value):
        assert requirements_met([*MUST, NEVER], met) == pytest.approx(value)

    def test_nothing_required_is_undefined(self):
        assert requirements_met([NEVER], {"n": True}) is None
        assert requirements_met([], {}) is None

    def test_a_missing_verdict_is_an_error(self):
        with pytest.raises(KeyError):
            requirements_met(MUST, {"a": True})
