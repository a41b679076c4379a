"""What an answer must do in the simulated world, told from the prompt and the answer alone."""

from __future__ import annotations

import pytest

from benchkit.domain import CATEGORIES
from benchkit.metrics.requirements import has_value, is_quoted, requirements_met
from benchkit.offline.world.requirements import DRAFTED, drafted, drafted_of_record, quote, required
from benchkit.offline.world.scenarios import Scenario, reference, scenario
from benchkit.offline.world.seeded import seeded

STEPS = "Sorry to hear that!\n1. Log in to your account.\n2. Then press the blue button by 3 May 2026."


def some(n: int) -> list[Scenario]:
    random = seeded("test", "requirements")
    return [scenario(reference("conversation", CATEGORIES[at % 5], random)) for at in range(n)]


def met(prompt: str, requirements, answer: str) -> float | None:
    """The share that a judge without error finds met."""
    done = {one.id: quote(prompt, one.text, answer) for one in requirements}
    assert all(not words or is_quoted(words, answer) for words in done.values())
    return requirements_met(requirements, {one.id: bool(done[one.id]) == one.must for one in requirements})


class TestScenarios:
    def test_a_case_has_six_musts_and_two_must_nots(self):
        for case in some(10):
            wanted = required(case)
            assert [one.must for one in wanted] == [True] * 6 + [False] * 2
            assert len({one.id for one in wanted}) == len({one.text for one in wanted}) == 8
            assert all(has_value(one, case.golden) and has_value(one, case.prompt) for one in wanted)
            assert sum(bool(one.value) for one in wanted) == 4
        assert required(scenario(reference("json", CATEGORIES[0], seeded(1)))) == ()

    def test_the_truth_of_known_answers(self):
        """Both wordings do all; the prompt, boilerplate and another case's golden do nothing."""
        cases = some(20)
        for case, other in zip(cases, [*cases[5:], *cases[:5]], strict=True):
            wanted = required(case)
            otherwise = " ".join(sentence.otherwise for sentence in case.sentences)
            assert met(case.prompt, wanted, case.golden) == met(case.prompt, wanted, otherwise) == 1.0
            controls = (case.prompt, "Thank you, we look into it.", other.golden)
            assert [met(case.prompt, wanted, text) for text in controls] == [0.0, 0.0, 0.0]

    def test_a_missing_sentence_costs_its_weight(self):
        case = some(1)[0]
        due = next(one for one in required(case) if one.value == case.facts["due"])
        left = " ".join(s.golden for s in case.sentences if s.requirement != due.text)
        assert met(case.prompt, required(case), left) == pytest.approx(9 / 12)

    def test_what_is_forbidden(self):
        """Another amount or date, or a promise that the facts forbid, in either wording, ends it."""
        case = some(1)[0]
        for said in ("That is $1.11.", "On 1 June 1999.", case.forbidden.golden, case.forbidden.otherwise):
            assert met(case.prompt, required(case), f"{case.golden} {said}") == 0.0

    @pytest.mark.parametrize(
        "denial", ["It is not true that {}", "We will not: {} We won't {}", "We never {}"]
    )
    def test_what_is_denied_is_not_done(self, denial):
        """Its words stand in the answer unchanged; said once without the denial they do it."""
        case = some(1)[0]
        sentence = next(one for one in case.sentences if one.requirement)
        told = denial.replace("not: ", "not ").format(sentence.golden, sentence.golden.lower())
        assert is_quoted(sentence.golden, told)
        assert quote(case.prompt, sentence.requirement, told) == ""
        assert quote(case.prompt, sentence.requirement, f"{told} {sentence.golden}") == sentence.golden
        assert quote("?", "name $12.50", "It is not $12.50.") == "12.50"


class TestCasesOfOthers:
    def test_a_draft_has_the_steps_and_facts_of_the_golden_answer(self):
        wanted = drafted("I cannot pay.", STEPS)
        assert [one.text for one in wanted] == [
            f"{DRAFTED}Log in to your account.",
            f"{DRAFTED}Then press the blue button by 3 May 2026.",
            "name a date or an amount other than 3 May 2026",
        ]
        assert [one.must for one in wanted] == [True, True, False]

    @pytest.mark.parametrize(
        ("answer", "share"),
        [
            (STEPS, 1.0),
            (STEPS.upper(), 1.0),
            ("1. Sign in on our website.", 0.5),
            ("I cannot pay.", 0.0),
            (f"{STEPS} Or on 4 May 2026.", 0.0),
        ],
    )
    def test_the_truth_of_a_draft(self, answer, share):
        assert met("I cannot pay.", drafted("I cannot pay.", STEPS), answer) == share

    def test_an_answer_without_steps_is_drafted_from_its_sentences(self):
        assert [one.text for one in drafted("Hm?", "Yes, it does.")] == [
            f"{DRAFTED}Yes, it does.",
            "name a date or an amount other than none",
        ]

    def test_the_words_of_people_are_not_done_by_their_denial(self):
        wanted, never = "promise to refund the order", "do not refund the order"
        assert quote("?", wanted, "We promise to refund the order.") != ""
        assert quote("?", wanted, "We don't promise to refund the order.") == ""
        assert quote("?", never, "We never refund the order.") != ""
        assert quote("?", never, "We refund the order.") == ""

    def test_of_a_record_each_sentence_of_its_long_texts(self):
        """With the value that it names; denying the first is what it must not do."""
        wanted = drafted_of_record({"talk.note": "We pay $40.00. You wait."})
        assert [(one.text, one.must, one.value) for one in wanted] == [
            (f"{DRAFTED}We pay $40.00.", True, "40.00"),
            (f"{DRAFTED}You wait.", True, ""),
            (f"{DRAFTED}it is not true that We pay $40.00.", False, ""),
        ]
        assert met("?", wanted, "talk.note: We pay $40.00. You wait.") == 1.0
        assert met("?", wanted, "talk.note: We pay $40.00.") == 0.5
        assert met("?", wanted, "talk.note: You wait. It is not true that we pay $40.00.") == 0.0

    def test_the_words_of_people_are_done_by_a_sentence_about_the_same(self):
        wanted = "apologise for the late delivery"
        assert quote("?", wanted, "Hello. We apologise for the delivery that came late.") != ""
        assert quote("?", wanted, "The delivery is on its way.") == ""
        assert quote("?", "name $12.50", "It is $12.50.") == "12.50"
