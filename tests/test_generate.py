"""01: cases by tool call, their identity, and what becomes of a generator that fails."""

from __future__ import annotations

import json
from collections import Counter

import pandas as pd
import pytest

from benchkit.domain import CATEGORIES, TestCase
from benchkit.generate import CUSTOMER_INTERACTION, generate, generator, rewriter, written_in_words
from benchkit.generate.requirements import draft, drafting_in_words, redrafter, requirements_table
from benchkit.metrics.schemas import check_schema, schema_compliance
from benchkit.offline import OfflineServer

from .staging import AUTHOR, Canned, case_plan, cases, client_on, conversations, simulated

WHEN = {"text": "say when", "kind": "must", "weight": 1, "value": ""}


def plan(**options):
    return case_plan(**{"json_cases": 7, "conversation_cases": 6} | options)


class TestPlanning:
    def test_categories_take_turns(self):
        """Each kind has its number of cases, spread evenly over the five categories."""
        table = plan(json_cases=10, conversation_cases=7)
        assert table["test_case"].value_counts().to_dict() == {"json": 10, "conversation": 7}
        counts = Counter(zip(table["test_case"], table["category"], strict=True))
        assert {counts["json", category] for category in CATEGORIES} == {2}
        assert {counts["conversation", category] for category in CATEGORIES} == {1, 2}
        assert table["id"].is_unique

    @pytest.mark.parametrize(
        ("options", "kinds"),
        [
            ({"enable_json_tests": False}, {"conversation"}),
            ({"json_cases": 0}, {"conversation"}),
            ({"cases_file": "cases.csv"}, set()),
        ],
    )
    def test_kinds_can_be_turned_off(self, options, kinds):
        """A flag or a count of 0 turns a kind off; a file of cases turns off both."""
        table = plan(**options)
        assert set(table["test_case"]) == kinds
        assert list(table.columns) == ["id", "test_case", "category"]


def test_the_tools_are_as_agreed():
    """One tool each, with id, prompt, golden_response and test_case; the record's schema is sound."""
    for kind, golden in (("json", "object"), ("conversation", "string")):
        tool = generator(kind, AUTHOR).tool
        assert tool.name == f"generate_{kind}_test"
        fields = ["id", "prompt", "golden_response", "test_case"]
        fields += ["requirements"] if kind == "conversation" else []
        assert list(tool.parameters["properties"]) == fields
        assert tool.parameters["properties"]["golden_response"]["type"] == golden
    check_schema(CUSTOMER_INTERACTION)
    assert list(CUSTOMER_INTERACTION["properties"]) == [
        "interaction_id",
        "timestamp",
        "customer",
        "interaction",
        "metrics",
    ]


class TestAsking:
    async def test_every_planned_case_is_there(self, tmp_path, monkeypatch):
        """Over real HTTP: each case has the id, kind and category ordered, and a golden of its kind."""
        with OfflineServer(latency_ms=0, record=True) as server:
            table = await generate(plan(), client_on(server, tmp_path, monkeypatch), AUTHOR)
        assert table["id"].tolist() == sorted(plan()["id"])
        assert table.merge(plan(), on=["id", "test_case", "category"]).shape[0] == 13
        assert (table["problem"] == "").all()
        for row in table.to_dict("records"):
            case = TestCase.from_row(row)
            assert isinstance(case.golden_response, dict if case.test_case == "json" else str)
            assert (case.attempt, case.parent_id) == (1, "")
            assert case.response_schema == (CUSTOMER_INTERACTION if case.test_case == "json" else None)
        good = sum(
            schema_compliance(json.loads(row["golden_response"]), CUSTOMER_INTERACTION)
            for row in table[table["test_case"] == "json"].to_dict("records")
        )
        assert good >= 5
        forced = {body["tool_choice"]["function"]["name"] for body in server.requests}
        assert forced == {"generate_json_test", "generate_conversation_test"}
        assert {len(body["tools"]) for body in server.requests} == {1}

    async def test_asking_again_costs_nothing(self, tmp_path, monkeypatch):
        """The same plan on the same run is read from the journal, and one more case is one more call."""
        with OfflineServer(latency_ms=0) as server:
            client = client_on(server, tmp_path, monkeypatch)
            first = await generate(plan(), client, AUTHOR)
            sent = server.counts["served"]
            again = await generate(plan(), client, AUTHOR)
            assert server.counts["served"] == sent
            assert again.equals(first)
            assert len(await generate(plan(json_cases=8), client, AUTHOR)) == 14
            assert server.counts["served"] <= sent + 2

    async def test_a_generator_that_cannot_call_its_tool(self, tmp_path, monkeypatch):
        """Unusable replies are asked for once more, then kept as unusable rows with the reason."""
        model = simulated(AUTHOR, id="offline/mute", broken_json=1.0)
        with OfflineServer(latency_ms=0, models=[model]) as server:
            table = await generate(plan(), client_on(server, tmp_path, monkeypatch), "offline/mute")
        assert len(table) == 13
        assert server.counts["served"] + server.counts["failed_tool_use_failed"] >= 13
        assert table["problem"].str.startswith("the generator gave no case: ").all()
        assert (table["prompt"] == "").all()

    async def test_nothing_planned_asks_nothing(self, tmp_path, monkeypatch):
        """An empty plan needs no provider and gives an empty table with its columns."""
        with OfflineServer(latency_ms=0) as server:
            client = client_on(server, tmp_path, monkeypatch)
            table = await generate(plan(cases_file="x.csv"), client, AUTHOR)
        assert (len(table), server.counts["served"]) == (0, 0)
        assert list(table.columns) == [*TestCase.__dataclass_fields__, "problem"]


class TestRewriting:
    async def test_lineage(self, tmp_path, monkeypatch):
        """A rejected case comes back as its next attempt: counted id, parent, and the fault was shown."""
        with OfflineServer(latency_ms=0, record=True) as server:
            client = client_on(server, tmp_path, monkeypatch)
            first = await generate(plan(json_cases=1, conversation_cases=1), client, AUTHOR)
            second = await rewriter(client, AUTHOR)(first.assign(reason="facts: the 12th is not stated"))
            third = await rewriter(client, AUTHOR)(second.assign(reason="still wrong"))
        assert second["id"].tolist() == ["conversation-001.2", "json-001.2"]
        assert second["parent_id"].tolist() == ["conversation-001", "json-001"]
        assert third["id"].tolist() == ["conversation-001.3", "json-001.3"]
        assert third["parent_id"].tolist() == second["id"].tolist()
        assert [second["attempt"].tolist(), third["attempt"].tolist()] == [[2, 2], [3, 3]]
        assert second["category"].tolist() == first["category"].tolist()
        assert set(second["prompt"]).isdisjoint(first["prompt"])
        orders = [json.loads(body["messages"][1]["content"]) for body in server.requests]
        shown = {order["id"]: order["rejected"] for order in orders if order["id"].endswith(".2")}
        assert shown["json-001.2"]["reason"] == "facts: the 12th is not stated"
        assert shown["json-001.2"]["prompt"] == first["prompt"].iloc[1]


def test_what_was_written_is_counted_in_words():
    """Of each kind how many can be used; nothing at all is said to be nothing."""
    some = pd.DataFrame({"test_case": ["json", "json", "conversation"], "problem": ["", "no prompt", ""]})
    said = "1 of 2 json cases and 1 of 1 conversation case can be used and go on to be checked."
    assert written_in_words(some) == said
    assert written_in_words(some.head(0)) == "There is no case."


class TestRequirements:
    async def test_conversations_carry_them(self, tmp_path, monkeypatch):
        """3 to 8 of either kind, kept in the row; a record has none; a rewrite is shown the rejected ones."""
        with OfflineServer(
            latency_ms=0, record=True, models=[simulated(AUTHOR, author_errors=0.0)]
        ) as server:
            client = client_on(server, tmp_path, monkeypatch)
            table = await generate(plan(), client, AUTHOR)
            chosen = table[table["test_case"] == "conversation"].head(1)
            await rewriter(client, AUTHOR)(chosen.assign(reason="requirements: r1"))
        for case in map(TestCase.from_row, table.to_dict("records")):
            kinds = {one.kind for one in case.requirements}
            assert kinds == ({"must", "must_not"} if case.test_case == "conversation" else set())
            assert case.test_case == "json" or 3 <= len(case.requirements) <= 8
        shown = json.loads(server.requests[-1]["messages"][1]["content"])["rejected"]
        assert shown["requirements"] == chosen["requirements"].iloc[0]
        looked = requirements_table(table)
        assert list(looked.columns) == ["id", "requirement", "kind", "weight", "value", "text"]
        assert len(looked) == sum(
            len(TestCase.from_row(row).requirements) for row in table.to_dict("records")
        )

    async def test_faults_are_kept_for_02_to_find(self, tmp_path, monkeypatch):
        """A duplicate id makes no unreadable row here, nor in the table that shows requirements."""
        with OfflineServer(latency_ms=0, models=[simulated(AUTHOR, author_errors=1.0)]) as server:
            client = client_on(server, tmp_path, monkeypatch)
            table = await generate(plan(json_cases=0, conversation_cases=20), client, AUTHOR)
        assert (table["problem"] == "").all()
        ids = requirements_table(table).groupby("id")["requirement"]
        assert any(some.duplicated().any() for _, some in ids)


def bare(**more) -> pd.DataFrame:
    """Conversations without requirements, a json case, and an unusable row."""
    rows = conversations(*[(f"Where is parcel {n}?", f"1. Log in. It comes on {n} May.") for n in (1, 2)])
    rows["requirements"] = ""
    own = rows.head(1).assign(id="own", requirements='[{"id": "r1", "text": "ask"}]')
    broken = rows.head(1).assign(id="broken", problem="row 5: prompt is empty")
    return pd.concat([rows, own, broken, cases(1, ["json"])], ignore_index=True).assign(**more)


class TestDrafting:
    async def test_one_call_for_each_conversation_that_brings_none(self, tmp_path, monkeypatch):
        """Its price is said before; drafts are numbered by us, and asking again costs nothing."""
        with OfflineServer(latency_ms=0, models=[simulated(AUTHOR, author_errors=0.0)]) as server:
            client = client_on(server, tmp_path, monkeypatch)
            said = drafting_in_words(bare(), client, AUTHOR)
            made = await draft(bare(), client, AUTHOR)
            assert server.counts["served"] == 2
            assert (await draft(bare(), client, AUTHOR)).equals(made)
            assert server.counts["served"] == 2
            assert "0 calls" in drafting_in_words(bare(), client, AUTHOR)
        assert said.startswith(
            "2 conversations without requirements: 2 calls to offline/author, about USD 0.0"
        )
        assert made["draft"].tolist() == ["drafted", "drafted", "", "", ""]
        drafts = [TestCase.from_row(row).requirements for row in made.head(2).to_dict("records")]
        assert all([one.id for one in some] == [f"r{at + 1}" for at in range(len(some))] for some in drafts)
        assert all(any(not one.must for one in some) for some in drafts)
        assert made["requirements"].tolist()[2:] == bare()["requirements"].tolist()[2:]

    async def test_of_records_their_long_texts_alone(self, tmp_path, monkeypatch):
        """Nothing exact and nothing short is shown; a record without a long text is not asked about."""
        note = "We refund the whole amount to your card by 3 May 2026."
        golden = {"id": "A-1", "due": "2026-05-03", "state": note.upper(), "note": note, "mood": "calm"}
        schema = {"properties": {"state": {"enum": [note.upper()]}}}
        row = TestCase("j", "json", "x", "The lamp is dark.", golden, schema).row() | {"problem": ""}
        table = pd.concat([bare(), pd.DataFrame([row])], ignore_index=True)
        with OfflineServer(
            latency_ms=0, record=True, models=[simulated(AUTHOR, author_errors=0.0)]
        ) as server:
            client = client_on(server, tmp_path, monkeypatch)
            said = drafting_in_words(table, client, AUTHOR)
            made = await draft(table, client, AUTHOR)
        assert said.startswith("2 conversations and 1 record with long texts without requirements: 3 calls")
        assert made["draft"].tolist() == ["drafted", "drafted", "", "", "", "drafted"]
        told = [json.loads(body["messages"][1]["content"]) for body in server.requests]
        (shown,) = (one["golden_response"] for one in told if one["id"] == "j")
        assert shown == {"note": note}
        wanted = TestCase.from_row(made.iloc[-1].to_dict()).requirements
        assert [(one.must, one.value) for one in wanted] == [(True, "3 May 2026"), (False, "")]

    async def test_not_wanted_asks_nothing(self, tmp_path, monkeypatch):
        with OfflineServer(latency_ms=0) as server:
            client = client_on(server, tmp_path, monkeypatch)
            said = drafting_in_words(bare(), client, wanted=False)
            assert (await draft(bare(), client, wanted=False)).equals(bare())
            everything = bare(requirements='[{"id": "r1", "text": "ask"}]')
            assert "Nothing is drafted" in drafting_in_words(everything, client)
        assert server.counts["served"] == 0
        assert said.startswith("2 conversations without requirements; none are drafted")
        assert "2 of 3 conversations without a must, and so without requirements_met. Bring" in said

    async def test_a_draft_that_cannot_be_had(self):
        """The case stays, without requirements, and says so."""
        made = await draft(bare(), Canned({"c1": None, "c2": {"requirements": [WHEN]}}), AUTHOR)
        assert made["draft"].tolist()[:2] == ["failed: called no tool", "drafted"]
        assert made["requirements"].tolist()[0] == ""
        assert len(made) == len(bare())
        unclear = {"requirements": [WHEN | {"text": "never lie"}]}
        made = await draft(bare(), Canned({"c1": unclear, "c2": {"requirements": [WHEN]}}), AUTHOR)
        assert made["draft"][0].startswith(
            "failed: requirement r1 has the kind 'must' and a text that forbids"
        )
        assert made["requirements"].tolist()[0] == ""

    async def test_once_more_with_the_reason(self, tmp_path, monkeypatch):
        """What was turned down, and why, is shown; the new list takes its place."""
        with OfflineServer(
            latency_ms=0, record=True, models=[simulated(AUTHOR, author_errors=0.0)]
        ) as server:
            client = client_on(server, tmp_path, monkeypatch)
            first = await draft(bare(), client, AUTHOR)
            rejected = first.head(1).assign(reason="the golden answer does not meet r1")
            again = await redrafter(client, AUTHOR)(rejected)
        shown = json.loads(server.requests[-1]["messages"][1]["content"])["rejected"]
        assert shown == {
            "requirements": first["requirements"].iloc[0],
            "reason": "the golden answer does not meet r1",
        }
        assert again["draft"].tolist() == ["drafted"]
