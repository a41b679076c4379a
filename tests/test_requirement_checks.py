"""02: what is wrong with requirements is found, without a model and by the judge; sound ones are kept."""

from __future__ import annotations

import random
from dataclasses import replace

import pandas as pd
import pytest

from benchkit.domain import Requirement, TestCase, as_text
from benchkit.generate.requirements import draft, redrafter
from benchkit.offline import OfflineServer
from benchkit.offline.world.scenarios import recognised
from benchkit.offline.world.simulated_generator import REQUIREMENT_FAULTS, own_requirements
from benchkit.validate import validate
from benchkit.validate.checks import check_cases
from benchkit.validate.requirements import (
    doubts_without_a_model,
    drafts_in_words,
    is_unfit,
    mend_drafts,
    requirements_judge,
)

from .staging import AUTHOR, CRITIC, Canned, cases, client_on, conversations, simulated

JUDGE = "offline/judge"
EXACT = simulated(
    JUDGE, judge_errors=0.0, judge_leniency=0.0, judge_obeys=0.0, judge_invents=0.0, broken_json=0.0
)
WHEN, ASK = Requirement("r1", "say when", value="3 May"), Requirement("r2", "ask for the number", weight=2)
DENY = Requirement("r3", "deny it", must=False)


def case(*wanted: Requirement, golden: str = "It comes on 3 May.") -> TestCase:
    return TestCase("c", "conversation", "x", "Where is it?", golden, requirements=wanted)


def planted(fault: str, count: int) -> pd.DataFrame:
    """Good conversations whose requirements have the fault."""
    table = cases(count, ["conversation"])
    spoilt = [own_requirements(recognised(p), fault, random.Random(p)) for p in table["prompt"]]
    return table.assign(requirements=list(map(as_text, spoilt)))


class TestWithoutAModel:
    @pytest.mark.parametrize(
        ("wanted", "generated", "said"),
        [
            ((WHEN, ASK, DENY), True, ""),
            ((), True, "there are 0, not 3 to 8"),
            ((), False, ""),
            ((WHEN,), False, ""),
            ((WHEN, DENY), True, "there are 2, not 3 to 8"),
            ((WHEN, ASK, replace(DENY, must=True)), True, "there is no must_not"),
            ((DENY,), False, "there is no must"),
            ((replace(WHEN, value="4 May"), ASK, DENY), False, "r1 names 4 May, which neither"),
            (
                (WHEN, ASK, replace(ASK, id="r4", text="Ask for  the NUMBER"), DENY),
                True,
                "r4 says the same as r2",
            ),
        ],
    )
    def test_known_doubts(self, wanted, generated, said):
        found = doubts_without_a_model(case(*wanted), generated=generated)
        assert len(found) == bool(said)
        assert said in "".join(found)

    def test_brought_doubts_are_flags_and_generated_ones_are_not(self):
        """What cannot be read at all is fatal either way, with its reason."""
        table = conversations(*[(f"What about {name}?", "Soon.") for name in ("Ada", "Grace", "the parcel")])
        table["requirements"] = [
            as_text([one.record() for one in some]) for some in ([DENY], [ASK], [ASK, ASK])
        ]
        found = check_cases(table).findings
        assert found["fatal"].tolist() == [True, False]
        assert found["finding"].tolist() == [
            "requirements (without a model): two requirements have the id 'r2'; give each its own",
            "requirements (without a model): there is no must",
        ]
        assert len(check_cases(table, generated=True).findings) == 3


class TestTheJudge:
    async def test_sound_requirements_raise_no_doubt(self, tmp_path, monkeypatch):
        """Four answers a conversation, one call each; asking again costs nothing; json is not judged."""
        table = cases(12)
        with OfflineServer(latency_ms=0, models=[EXACT]) as server:
            client = client_on(server, tmp_path, monkeypatch)
            doubts = requirements_judge(client, JUDGE)
            assert await doubts(table, table) == [""] * 24
            assert server.counts["served"] == 48
            assert await doubts(table, table) == [""] * 24
            assert server.counts["served"] == 48

    async def test_nothing_to_judge(self):
        """Records and conversations without requirements ask nothing."""
        table = pd.concat([cases(2, ["json"]), conversations(("a", "b")).assign(requirements="")])
        assert await requirements_judge(Canned({}), JUDGE)(table, table) == ["", "", ""]

    @pytest.mark.parametrize(
        ("fault", "check"),
        [
            (
                "unmet_by_golden",
                "requirements (golden): the golden answer does not meet r8 (tell the customer: ",
            ),
            ("met_by_prompt", "requirements (prompt copied): the prompt, copied back, meets half"),
            ("unstated_value", "requirements (without a model): r1 names $"),
            ("duplicate_id", "requirements (without a model): two requirements have the id 'r1'"),
            ("no_must_not", "requirements (without a model): there is no must_not"),
        ],
    )
    async def test_each_planted_fault_is_caught(self, tmp_path, monkeypatch, fault, check):
        """Every case with it is turned down, and sent back with the reason."""
        assert fault in REQUIREMENT_FAULTS
        sent = []

        async def rewrite(rejected):
            sent.append(rejected)
            return rejected.assign(id=rejected["id"] + "+", attempt=2, parent_id=rejected["id"])

        critic = simulated(CRITIC, critic_false_alarms=0.0, broken_json=0.0)
        with OfflineServer(latency_ms=0, models=[EXACT, critic]) as server:
            client = client_on(server, tmp_path, monkeypatch)
            outcome = await validate(
                planted(fault, 5), client, CRITIC,
                rewrite=rewrite, max_regenerations=1, doubts=requirements_judge(client, JUDGE),
            )  # fmt: skip
        assert outcome.rejected["reason"].str.contains(check, regex=False).tolist() == [True] * 10
        assert len(outcome.accepted) == 0
        assert sent[0]["reason"].str.contains(check, regex=False).all()
        table = outcome.requirement_failures
        assert table.loc[check.split("(")[1].split(")")[0], "rejected"] == 10

    async def test_what_was_brought_is_flagged(self, tmp_path, monkeypatch):
        table = planted("met_by_prompt", 3)
        with OfflineServer(latency_ms=0, models=[EXACT]) as server:
            client = client_on(server, tmp_path, monkeypatch)
            doubts = requirements_judge(client, JUDGE)
            outcome = await validate(table, client, CRITIC, flag_only=True, doubts=doubts)
        assert (len(outcome.accepted), len(outcome.rejected)) == (3, 0)
        assert outcome.accepted["validation_message"].str.startswith("flagged: ").all()
        assert outcome.requirement_failures.loc["prompt copied"].tolist() == [0, 3]

    async def test_a_judge_that_errs_turns_down_few(self, tmp_path, monkeypatch):
        """With 5 % wrong verdicts a third of all goldens would fail; confirmed, almost none does."""
        errs = replace(EXACT, judge_errors=0.05)
        table = cases(60, ["conversation"])
        with OfflineServer(latency_ms=0, models=[errs]) as server:
            client = client_on(server, tmp_path, monkeypatch)
            found = await requirements_judge(client, JUDGE)(table, table)
            calls = server.counts["served"]
        assert sum(map(is_unfit, found)) <= 5
        assert 240 < calls < 300

    async def test_no_verdict_is_a_flag(self):
        """A judge that cannot be asked turns nothing down, and the case says so."""
        table = conversations(("Where is it?", "It comes on 3 May."))

        class Silent(Canned):
            async def map(self, agent, items, label=""):
                return [self._reply(None) for _ in items]

        found = await requirements_judge(Silent({}), JUDGE)(table, table)
        assert found[0].startswith("requirements (not judged): no verdict on the answer 'golden'")
        assert not is_unfit(found[0])


class TestDrafts:
    async def test_a_draft_that_fails_is_written_again_and_then_dropped(self, tmp_path, monkeypatch):
        """No case is lost; what cannot be mended has no requirements, and both are counted."""
        table = cases(10, ["conversation"]).assign(requirements="")
        careless = simulated(AUTHOR, author_errors=1.0, author_errors_again=0.5, broken_json=0.0)
        with OfflineServer(latency_ms=0, models=[EXACT, careless]) as server:
            client = client_on(server, tmp_path, monkeypatch)
            drafted = await draft(table, client, AUTHOR)
            mended = await mend_drafts(drafted, redrafter(client, AUTHOR), requirements_judge(client, JUDGE))
            sent = server.counts["served"]
            again = await mend_drafts(drafted, redrafter(client, AUTHOR), requirements_judge(client, JUDGE))
            assert (server.counts["served"], again.equals(mended)) == (sent, True)
        dropped = mended["draft"].str.startswith("dropped: requirements (")
        assert 0 < dropped.sum() < 10
        assert (dropped == (mended["requirements"] == "")).all()
        assert (mended["draft"][~dropped] == "drafted").all()
        assert len(mended) == 10
        said = f"Of 10 drafts: {10 - dropped.sum()} kept and {dropped.sum()} dropped after a second try."
        assert drafts_in_words(mended).startswith(said)

    async def test_drafts_of_records_pass_the_same_checks(self, tmp_path, monkeypatch):
        """Sound ones stay, though the prompt holds the summary; what speaks of an exact field is dropped."""
        rows = []
        for at in range(6):
            note = f"We refund the lamp of row {at} in full, and the courier collects it on Monday."
            golden = {"due": f"2026-05-0{at + 1}", "note": note}
            prompt = f"Order of 3 May: {note} It is due on 2026-05-0{at + 1}."
            rows.append(TestCase(f"j{at}", "json", "x", prompt, golden, {}).row() | {"problem": ""})
        table = pd.DataFrame(rows)
        with OfflineServer(latency_ms=0, models=[EXACT, simulated(AUTHOR, author_errors=0.0)]) as server:
            client = client_on(server, tmp_path, monkeypatch)
            drafted = await draft(table, client, AUTHOR)
            doubts = requirements_judge(client, JUDGE)
            assert (await mend_drafts(drafted, redrafter(client, AUTHOR), doubts)).equals(drafted)
            assert (drafted["draft"] == "drafted").all()
            exact = [
                {"id": "r1", "text": "give the date", "kind": "must", "weight": 1, "value": "1 May 2026"}
            ]
            drafted.loc[0, "requirements"] = as_text(exact)

            async def the_same(rejected):
                return rejected

            told = (await mend_drafts(drafted, the_same, doubts))["draft"]
        why = "r1 names 1 May 2026, which no long text of the golden record states"
        assert told.iloc[0].startswith(f"dropped: requirements (without a model): {why}")
        assert (told.iloc[1:] == "drafted").all()

    async def test_nothing_drafted_is_left_as_it_is(self):
        table = cases(2, ["conversation"])
        assert (await mend_drafts(table, None)).equals(table)
        assert drafts_in_words(table) == "No requirements were drafted."

    def test_a_value_that_nobody_states_is_named_with_its_case(self):
        """Before likenesses and facts, of which there may be many."""
        table = cases(14, ["conversation"]).assign(prompt="Where is my lamp? I ordered it.", problem="")
        asked = Requirement("r1", "name the amount", value="999.99 EUR").record()
        table.iloc[13, table.columns.get_loc("requirements")] = as_text([asked])
        said = check_cases(table).in_words.splitlines()
        why = "requirements (without a model): r1 names 999.99 EUR, which neither the prompt nor the golden"
        assert said[0].startswith(f"{table['id'].iloc[13]}: {why}")
        assert (len(said), said[-1][:4], check_cases(table.head(0)).in_words) == (11, "and ", "")

    def test_cases_without_a_must_are_counted_with_the_remedy(self):
        """Whether they forbid or say nothing; of records and unusable rows nothing is said."""
        table = cases(5, ["conversation", "json"]).assign(problem="")
        told = [at for at, kind in enumerate(table["test_case"]) if kind == "conversation"]
        column = table.columns.get_loc("requirements")
        table.iloc[told[0], column] = ""
        table.iloc[told[1], column] = as_text([Requirement("n", "deny", must=False).record()])
        table.iloc[told[2], table.columns.get_loc("problem")] = "row 5: prompt is empty"
        said = f"2 of {len(told) - 1} conversations without a must, and so without requirements_met. Bring "
        assert drafts_in_words(table).startswith(f"No requirements were drafted. {said}")
        assert "draft_requirements" in drafts_in_words(table)
