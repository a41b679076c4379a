"""02: thresholds, rejects that go back, what a person brought, and verdicts that cannot be used."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import pandas as pd
import pytest

from benchkit.domain import TestCase
from benchkit.errors import InputError
from benchkit.generate import generate, rewriter
from benchkit.generate.cases import read_cases
from benchkit.offline import OfflineServer
from benchkit.run import Run
from benchkit.run.tables import read_table
from benchkit.validate import validate
from benchkit.validate.checks import check_cases

from .staging import AUTHOR, CRITIC, Canned, case_plan, cases, client_on, conversations, run_in, simulated

REAL = Path(__file__).parents[2] / "shared" / "data" / "customer_support_pairs.csv"
GOOD, BAD = "A reply that is long enough to be one.", ""


def verdict(prompt: float = 5, response: float = 5, message: str = "Fine.") -> dict:
    return {
        "id": "other",
        "prompt_quality_score": prompt,
        "response_quality_score": response,
        "message": message,
    }


def three() -> pd.DataFrame:
    return conversations(
        ("Where is my parcel?", "g"), ("The lamp is dark.", "g"), ("Cancel my account!", "g")
    )


async def rewritten(rejected: pd.DataFrame) -> pd.DataFrame:
    """New attempts as the generator makes them, without a generator."""
    rows = [
        row
        | {"id": f"{row['id']}+", "parent_id": row["id"], "attempt": row["attempt"] + 1}
        | {"prompt": f"{row['id']} {row['attempt']} quite another text"}
        for row in rejected[list(TestCase.__dataclass_fields__)].to_dict("records")
    ]
    return pd.DataFrame(rows).assign(problem="")


class TestThresholds:
    @pytest.mark.parametrize(
        ("scores", "threshold", "accepted"),
        [
            ((4, 4), 4, True),
            ((4, 3.99), 4, False),
            ((0, 0), 0, True),
        ],
    )
    async def test_both_scores_reach_it(self, scores, threshold, accepted):
        """The threshold itself is enough, for both scores."""
        table = three().iloc[:1]
        outcome = await validate(table, Canned({"c1": verdict(*scores)}), threshold=threshold)
        assert (len(outcome.accepted), len(outcome.rejected)) == ((1, 0) if accepted else (0, 1))

    async def test_the_reason_says_what_was_low(self):
        """A reject says which score was too low, what was needed and what the validator said."""
        client = Canned(
            {"c1": verdict(5, 2, "A date is wrong."), "c2": verdict(1, 2, "Vague."), "c3": verdict()}
        )
        outcome = await validate(three(), client)
        assert outcome.rejected["reason"].tolist() == [
            "response quality: 2 of 5, 4 needed. A date is wrong.",
            "prompt quality: 1 of 5, 4 needed. Vague.",
        ]
        assert outcome.accepted["id"].tolist() == ["c3"]
        assert outcome.accepted["validation_message"].tolist() == ["Fine."]
        assert outcome.accepted["validation_timestamp"].tolist() == ["2026-01-01T00:00:00"]


class TestUnusableVerdicts:
    @pytest.mark.parametrize("reply", [None, verdict(math.nan, 5)])
    async def test_no_verdict_is_no_acceptance(self, reply):
        """A reply without two scores rejects the case, aloud, and does not have it written anew."""
        client = Canned({"c1": reply, "c2": verdict(), "c3": verdict()})
        outcome = await validate(three(), client, rewrite=rewritten)
        assert outcome.accepted["id"].tolist() == ["c2", "c3"]
        assert outcome.rejected["reason"].str.startswith("no verdict: ").tolist() == [True]
        assert len(client.asked) == 1

    async def test_over_http(self, tmp_path, monkeypatch):
        """A validator that never calls its tool is asked once more for each case, then all are rejected."""
        mute = simulated(CRITIC, id="offline/mute", broken_json=1.0)
        with OfflineServer(latency_ms=0, record=True, models=[mute]) as server:
            client = client_on(server, tmp_path, monkeypatch)
            outcome = await validate(three(), client, "offline/mute", rewrite=rewritten)
        assert len(outcome.rejected) == 3
        assert outcome.rejected["reason"].str.startswith("no verdict: ").all()
        assert len(server.requests) == 6
        assert list(outcome.reasons.items()) == [("no verdict", 3)]
        with pytest.raises(InputError, match=r"0 of 3 cases were accepted \(3 × no verdict\)"):
            outcome.require_accepted()


class TestRegeneration:
    async def test_rejects_go_back_until_the_limit(self):
        """A case that is never good is tried max_regenerations times; every attempt is on record."""
        never = {f"c1{'+' * n}": verdict(1, 1) for n in range(5)}
        client = Canned(never | {"c2": verdict(), "c3": verdict()})
        outcome = await validate(three(), client, rewrite=rewritten, max_regenerations=2)
        assert outcome.rejected["id"].tolist() == ["c1", "c1+", "c1++"]
        assert outcome.rejected["parent_id"].tolist() == ["", "c1", "c1+"]
        assert outcome.rejected["attempt"].tolist() == [1, 2, 3]
        assert outcome.accepted["id"].tolist() == ["c2", "c3"]
        assert outcome.used == "2 of 3 rows used: 1 refused by the validator"
        yields = outcome.yields
        assert yields[["cases", "accepted", "rejected"]].to_numpy().tolist() == [
            [3, 2, 1],
            [1, 0, 1],
            [1, 0, 1],
        ]

    async def test_none_when_the_limit_is_zero(self):
        """With max_regenerations 0 every reject stays rejected and nothing is written anew."""
        client = Canned({"c1": verdict(1, 1), "c2": verdict(), "c3": verdict()})
        outcome = await validate(three(), client, rewrite=rewritten, max_regenerations=0)
        assert (outcome.rejected["id"].tolist(), len(client.asked)) == (["c1"], 1)

    async def test_a_regenerated_case_takes_no_taken_place(self):
        """A new attempt that repeats an accepted prompt or id is turned down like any other."""

        async def copies(rejected: pd.DataFrame) -> pd.DataFrame:
            return (await rewritten(rejected)).assign(prompt="The lamp is dark!")

        client = Canned({"c1": verdict(1, 1), "c2": verdict(), "c3": verdict()})
        outcome = await validate(three(), client, rewrite=copies, max_regenerations=1)
        assert outcome.rejected["reason"].iloc[1] == "near-duplicate: 100 % like c2"
        assert outcome.accepted["id"].tolist() == ["c2", "c3"]

    async def test_all_faults_are_told(self):
        """A case with two faults goes back with both, so that one rewriting can mend them."""
        table = three()
        table.loc[1, ["prompt", "golden_response"]] = ["Where is my parcel?", "It comes on 3 May 2026."]
        outcome = await validate(
            table, Canned({"c1": verdict(), "c3": verdict()}), rewrite=rewritten, max_regenerations=0
        )
        reason = outcome.rejected["reason"].iloc[0]
        assert reason.startswith("facts: ")
        assert "near-duplicate: 100 % like c1" in reason
        assert outcome.accepted["family"].tolist() == ["", ""]  # what it was like is not in the set

    async def test_the_whole_way_over_http(self, tmp_path, monkeypatch):
        """Generated, checked, judged, written anew: every case is accepted or rejected once."""
        sloppy = simulated(AUTHOR, id="offline/sloppy", author_errors=0.6, author_errors_again=0.3)
        plan = case_plan(10, 10)
        with OfflineServer(latency_ms=0, models=[sloppy]) as server:
            client = client_on(server, tmp_path, monkeypatch)
            table = await generate(plan, client, "offline/sloppy")
            rewrite = rewriter(client, "offline/sloppy")
            outcome = await validate(table, client, CRITIC, rewrite=rewrite, max_regenerations=2)
            sent = server.counts["served"]
            again = await validate(table, client, CRITIC, rewrite=rewrite, max_regenerations=2)
            assert server.counts["served"] == sent
        assert again.accepted.equals(outcome.accepted)
        everything = pd.concat([outcome.accepted, outcome.rejected])
        assert everything["id"].is_unique
        assert set(table["id"]) <= set(everything["id"])
        assert outcome.rejected["reason"].ne("").all()
        later = everything[everything["attempt"] > 1]
        assert len(later) >= 5
        assert set(later["parent_id"]) <= set(outcome.rejected["id"])
        assert outcome.yields["cases"].sum() == len(everything)
        assert outcome.accepted[["prompt_quality_score", "response_quality_score"]].min(axis=None) >= 4
        run = Run(tmp_path)
        run.save("validated_tests.csv", outcome.accepted)
        run.save("rejected_tests.csv", outcome.rejected)
        assert run.validated_tests()["id"].tolist() == outcome.accepted["id"].tolist()
        assert run.rejected_tests()["reason"].tolist() == outcome.rejected["reason"].tolist()


class TestBrought:
    async def test_only_the_unusable_are_lost(self):
        """Without validation, likenesses and unstated facts are flagged, and only fatal findings reject."""
        table = three()
        table.loc[1, ["prompt", "golden_response"]] = ["Where is my parcel?", "another"]
        table.loc[2, "golden_response"] = "We wrote on 3 May 2026."
        table.loc[3] = table.loc[0].to_dict() | {
            "id": "c4",
            "problem": "row 5: prompt is empty",
            "prompt": "",
        }
        outcome = await validate(table, Canned({}), enable_validation=False)
        assert outcome.accepted["id"].tolist() == ["c1", "c2", "c3"]
        flags = outcome.accepted["validation_message"].tolist()
        assert flags[0] == ""
        assert flags[1] == "flagged: near-duplicate: 100 % like c1"
        assert flags[2].startswith("flagged: facts: ")
        assert outcome.rejected["reason"].tolist() == ["unusable: row 5: prompt is empty"]
        assert outcome.used == "3 of 4 rows used (2 flagged): 1 unusable"
        assert outcome.accepted["family"].tolist() == ["like c1", "like c1", ""]

    async def test_doubts_are_flagged(self):
        """With flag_only the validator rejects nothing: its doubts, and a missing verdict, stand as flags."""
        client = Canned({"c1": verdict(5, 2, "A date is wrong."), "c2": None, "c3": verdict()})
        table = three()
        table.loc[2, "golden_response"] = "We wrote on 3 May 2026."
        outcome = await validate(table, client, flag_only=True, rewrite=rewritten)
        assert outcome.accepted["validation_message"].tolist() == [
            "flagged: response quality: 2 of 5, 4 needed. A date is wrong.",
            "flagged: no verdict: called no tool",
            "flagged: facts: the golden response has 3 May 2026, which the prompt does not state; Fine.",
        ]
        assert outcome.used == "3 of 3 rows used (3 flagged)"
        assert outcome.accepted["response_quality_score"].tolist()[::2] == [2, 5]
        assert outcome.sound["id"].tolist() == ["c3"]

    async def test_what_was_found_is_not_looked_for_again(self, monkeypatch):
        """The findings that the notebook shows are the ones that sort the cases out."""
        findings = check_cases(three())
        monkeypatch.setattr("benchkit.validate.check_cases", None)
        outcome = await validate(three(), Canned({}), enable_validation=False, findings=findings)
        assert len(outcome.accepted) == 3

    @pytest.mark.skipif(not REAL.exists(), reason="the real customer-support pairs are not on this machine")
    async def test_real_cases_without_validation(self, tmp_path):
        """All 297 real cases are accepted within ten seconds, likenesses flagged, and survive the file."""
        began = time.process_time()
        outcome = await validate(read_cases(str(REAL)), Canned({}), enable_validation=False)
        run = run_in(tmp_path)
        run.save("validated_tests.csv", outcome.accepted)
        run.save("rejected_tests.csv", outcome.rejected)
        assert time.process_time() - began < 10
        assert (len(outcome.accepted), len(outcome.rejected)) == (297, 0)
        assert outcome.accepted["validation_message"].str.startswith("flagged: near-duplicate").sum() >= 5
        source = pd.read_csv(REAL, keep_default_na=False)
        again = run.validated_tests()
        assert again["golden_response"].tolist() == source["golden_response"].tolist()
        assert not len(run.rejected_tests())


class TestEdges:
    async def test_nothing_accepted(self, tmp_path):
        """Zero accepted cases: both tables are saved and read, and the error says why and what to do."""
        client = Canned({f"c{n}": verdict(1, 1, "Weak.") for n in (1, 2, 3)})
        outcome = await validate(three(), client)
        with pytest.raises(
            InputError, match=r"0 of 3 cases were accepted \(3 × prompt quality\).*rejected_tests\.csv"
        ):
            outcome.require_accepted()
        run = run_in(tmp_path)
        run.save("validated_tests.csv", outcome.accepted)
        run.save("rejected_tests.csv", outcome.rejected)
        assert not len(run.validated_tests())
        assert len(read_table(tmp_path / "rejected_tests.csv")) == 3
        assert outcome.yields["accepted"].sum() == 0

    async def test_no_cases_at_all(self):
        """An empty table asks nothing and has an empty yield."""
        outcome = await validate(three().iloc[:0], Canned({}))
        assert (len(outcome.accepted), len(outcome.rejected), len(outcome.yields)) == (0, 0, 0)
        with pytest.raises(InputError, match="0 of 0"):
            outcome.require_accepted()

    async def test_the_validator_sees_the_whole_case(self, tmp_path, monkeypatch):
        """Prompt, golden response and schema go to the validator as JSON, one case a call."""
        table = cases(1)
        with OfflineServer(latency_ms=0, record=True) as server:
            await validate(table, client_on(server, tmp_path, monkeypatch), CRITIC)
        told = {m["id"]: m for m in (json.loads(body["messages"][1]["content"]) for body in server.requests)}
        for row in table.to_dict("records"):
            case = TestCase.from_row(row)
            assert told[case.id]["golden_response"] == case.golden_response
            assert told[case.id].get("response_schema") == case.response_schema
