"""The judge: what it is shown, which verdicts count, what is asked again, and who may judge whom."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from benchkit.agent import Reply
from benchkit.domain import Requirement, TestCase
from benchkit.judge import judge, judge_item, judge_model, judge_response, judging
from benchkit.judge.choosing import akin
from benchkit.metrics.requirements import answer_text

ANSWER = "We refund $40.00 today. Please restart the lamp."
CASE = TestCase(
    "c1",
    "conversation",
    "billing_inquiry",
    "My lamp is dark. Refunds are $40.00.",
    ANSWER,
    requirements=(
        Requirement("refund", "promise the refund of $40.00", weight=3, value="$40.00"),
        Requirement("restart", "ask to restart the lamp"),
        Requirement("other", "promise another amount", must=False),
    ),
)


def verdict(requirement: str, quote: str = "", done: bool | None = None) -> dict[str, Any]:
    return {"requirement": requirement, "done": bool(quote) if done is None else done, "quote": quote}


GOOD = [verdict("refund", "we refund  $40.00"), verdict("restart", "restart the lamp"), verdict("other")]


class Judge:
    """A client whose replies are given by attempt; None is a call that failed."""

    name = "offline"

    def __init__(self, *replies: list[dict[str, Any]] | None) -> None:
        self.replies, self.asked = replies, []

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        return None

    async def map(self, agent, items, label=""):
        self.asked.append(list(items))
        return [self.reply(item) for item in items]

    def reply(self, item) -> Reply:
        said = self.replies[min(item.attempt, len(self.replies)) - 1]
        if said is None:
            return Reply("key", "failed", error="HTTP 500")
        return Reply("key", "answered", {"verdicts": said})


def answers(*texts: str, model: str = "a") -> pd.DataFrame:
    rows = [{"id": "c1", "model": model, "round": i, "case": CASE, "text": t} for i, t in enumerate(texts, 1)]
    return pd.DataFrame(rows)


async def judged(text: str, *replies: list[dict[str, Any]] | None) -> tuple[list[float], list[str], Judge]:
    client = Judge(*replies)
    table = await judge(answers(text), client)
    assert table["requirement"].tolist() == ["refund", "restart", "other"]
    return table["met"].tolist(), table["status"].tolist(), client


class TestVerdicts:
    async def test_borne_out(self):
        """What is quoted counts, white space and case aside; a must_not that is not done is met."""
        met, status, client = await judged(ANSWER, GOOD)
        assert (met, status, len(client.asked)) == ([1, 1, 1], ["", "", ""], 1)

    async def test_a_field_name_is_no_quote_of_a_record(self):
        """Its value is, with the path before it or without; the judge is told how a record is laid out."""
        record = {"talk": {"restart the lamp": "no", "refund": "We pay $40.00"}}
        case = replace(CASE, test_case="json", golden_response=record, response_schema={})
        text = answer_text(record)
        table = answers(text).assign(case=[case])
        said = [
            verdict("refund", "talk.refund: We pay $40.00"),
            verdict("restart", "restart the lamp"),
            GOOD[2],
        ]
        client = Judge(said)
        told = await judge(table, client)
        assert told["met"].tolist() == [1, 0, 1]
        assert told["quote"].tolist()[:2] == ["We pay $40.00", "restart the lamp"]
        assert told["status"].tolist() == ["", "the quote is not in the answer", ""]
        shown = json.loads(client.asked[0][0].content)
        assert (shown["answer"], "record" in shown["answer_is"]) == (text, True)
        assert "answer_is" not in judge_item(CASE, ANSWER).content

    async def test_a_violation(self):
        met, _, _ = await judged(ANSWER, [*GOOD[:2], verdict("other", "We refund")])
        assert met == [1, 1, 0]

    @pytest.mark.parametrize(
        ("bad", "fault"),
        [
            (verdict("restart", "unplug the lamp"), "the quote is not in the answer"),
            (verdict("restart", " ", done=True), "the quote is not in the answer"),
            (None, "no verdict"),
        ],
    )
    async def test_a_fault_is_asked_once_more(self, bad, fault):
        """With the fault named; what is mended counts, what is not is not done and says so."""
        faulty = [GOOD[0], *([bad] if bad else []), GOOD[2]]
        met, status, client = await judged(ANSWER, faulty, GOOD)
        assert (met, status) == ([1, 1, 1], ["", "", ""])
        assert [item.attempt for (item,) in client.asked] == [1, 2]
        assert json.loads(client.asked[1][0].content)["faults"] == [f"restart: {fault}"]
        met, status, client = await judged(ANSWER, faulty, faulty)
        assert (met, status, len(client.asked)) == ([1, 0, 1], ["", fault, ""], 2)

    async def test_the_first_verdicts_stand_where_the_second_call_fails(self):
        met, status, _ = await judged(ANSWER, [GOOD[0], GOOD[2]], None)
        assert (met, status) == ([1, 0, 1], ["", "no verdict", ""])

    @pytest.mark.parametrize(
        ("bad", "fault"),
        [([], "no verdict"), ([verdict("other", "We keep it")], "the quote is not in the answer")],
    )
    async def test_a_must_not_at_fault_is_neither_kept_nor_violated(self, bad, fault):
        """It alone would decide the answer's score: what two askings do not tell is unscored."""
        met, status, client = await judged(ANSWER, [*GOOD[:2], *bad], [*GOOD[:2], *bad])
        assert (met[:2], status) == ([1, 1], ["", "", f"failed: {fault}"])
        assert math.isnan(met[2])
        assert len(client.asked) == 2
        met, status, _ = await judged(ANSWER, [*GOOD[:2], *bad], GOOD)
        assert (met, status) == ([1, 1, 1], ["", "", ""])

    async def test_two_verdicts_that_differ_are_none(self):
        twice = [*GOOD, verdict("restart")]
        met, status, _ = await judged(ANSWER, twice, twice)
        assert (met, status) == ([1, 0, 1], ["", "no verdict", ""])

    async def test_a_value_is_looked_up(self):
        """The judge may be lenient with an amount; the answer does not state it all the same."""
        text = "We refund $45.00 today. Please restart the lamp."
        said = [verdict("refund", "We refund $45.00"), *GOOD[1:]]
        met, status, client = await judged(text, said)
        assert (met, len(client.asked)) == ([0, 1, 1], 1)
        assert status == ["the answer does not state $40.00", "", ""]

    async def test_a_call_that_failed_is_no_zero(self):
        met, status, client = await judged(ANSWER, None)
        assert all(map(math.isnan, met))
        assert len(client.asked) == 1
        assert set(status) == {"failed: HTTP 500"}


class TestAsking:
    async def test_equal_answers_are_one_call(self):
        """Whoever gave them, and in whatever round; the rows are there for each."""
        client = Judge(GOOD)
        both = pd.concat([answers(ANSWER, ANSWER, "No."), answers(ANSWER, model="b")])
        table = await judge(both, client)
        assert [len(items) for items in client.asked] == [2, 1]  # "No." holds no quote, and is asked again
        keys = table[["model", "round"]].drop_duplicates().values.tolist()
        assert keys == [["a", 1], ["a", 2], ["a", 3], ["b", 1]]

    async def test_nothing_to_judge(self):
        client = Judge(GOOD)
        assert len(await judge(answers(), client)) == 0 == len(client.asked)

    def test_what_it_is_shown(self):
        """The prompt, what is required and the answer: no golden, no model, no weight."""
        shown = json.loads(judge_item(CASE, "No.").content)
        assert list(shown) == ["prompt", "requirements", "answer"]
        assert shown["requirements"][2] == {
            "id": "other",
            "text": "promise another amount",
            "kind": "must_not",
        }

    def test_its_call_is_of_case_and_text(self):
        """02 and 04 ask the same, and it is on record; another text, repeat or fault is another call.

        Other requirements are another name too: nothing has changed in a call that nobody made before.
        """
        drafted_anew = replace(CASE, requirements=CASE.requirements[:2])
        assert judge_item(drafted_anew, "No.").case != judge_item(CASE, "No.").case
        agent = judging("offline/judge")
        ways = [("No.",), ("Yes.",), ("No.", 2), ("No.", 1, ["restart: no verdict"])]
        keys = [agent.call(judge_item(CASE, *way), 7).key for way in ways]
        assert len(set(keys)) == 4
        assert keys[0] == agent.call(judge_item(CASE, "No."), 7).key

    @pytest.mark.parametrize(
        "wrong", [verdict("unknown"), {"requirement": "refund", "done": "yes", "quote": ""}]
    )
    def test_the_tool_refuses(self, wrong):
        """An unknown id is a schema error, which the client has mended before anybody reads it."""
        tool = judge_response(("refund", "restart", "other"))
        assert tool.problem({"verdicts": GOOD}) == ""
        assert tool.problem({"verdicts": [wrong]})


class TestWhoJudges:
    @pytest.mark.parametrize(
        ("judge", "candidate", "same"),
        [
            ("openai/gpt-oss-120b", "openai/gpt-oss-20b", True),
            ("openai/gpt-oss-120b", "qwen/qwen3.8-27b", False),
            ("meta-llama/llama-4-scout", "llama-3.1-8b-instant", True),
            ("offline/judge", "offline/steady", False),
            ("offline/judge", "offline/judge", True),
        ],
    )
    def test_family(self, judge, candidate, same):
        assert akin(judge, [candidate]) == ([candidate] if same else [])

    @pytest.mark.parametrize(
        ("candidates", "named", "chosen"),
        [
            (["openai/gpt-oss-120b", "openai/gpt-oss-20b"], [], "qwen/qwen3.8-27b"),
            (["qwen/qwen3.8-27b", "llama-x"], [], "openai/gpt-oss-120b"),
            (["qwen/qwen3.8-27b", "openai/gpt-oss-20b"], [], "qwen/qwen3.8-27b"),
            (["qwen/qwen3.8-27b"], ["", "qwen/qwen3.8-27b"], "qwen/qwen3.8-27b"),
        ],
    )
    def test_no_relative_where_there_is_one(self, candidates, named, chosen):
        """A default makes way; what a person named does not, nor where all are relatives."""
        assert judge_model("groq", candidates, *named) == chosen
