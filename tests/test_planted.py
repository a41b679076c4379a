"""02's planted cases: what is spoilt how, what becomes of it, and that none of it gets into the set."""

from __future__ import annotations

import json
import math
import re
from random import Random

import pandas as pd
import pytest

from benchkit import report
from benchkit.domain import TestCase
from benchkit.metrics.schemas import schema_compliance
from benchkit.offline import OfflineServer
from benchkit.run import Run
from benchkit.validate import validate, validator_audit
from benchkit.validate.validator_audit import (
    SOUND,
    THANKS,
    fact_changed,
    plant,
    planted_in_words,
    prompt_cut,
    schema_broken,
    try_validator,
    validator_found,
    validator_rates,
)

from .measured import drawn, report_of
from .staging import CRITIC, Canned, cases, client_on, conversations, run_in, simulated

GOOD, LOW = {"prompt_quality_score": 5, "response_quality_score": 5, "message": "Fine."}, 2


def verdict(**scores: float) -> dict:
    return {"id": "x", **GOOD, **scores}


def parts(row: dict) -> TestCase:
    return TestCase.from_row(row)


class TestPlanting:
    def test_every_kind_of_fault(self):
        """Each fault is what its name says, and leaves the rest of its case as it was."""
        table = cases(10)
        source = {row["id"]: parts(row) for row in table.to_dict("records")}
        for row in plant(table, 80, seed=7).to_dict("records"):
            made, was = parts(row), source[row["planted_from"]]
            assert (made.test_case, made.category, made.response_schema) == (
                was.test_case,
                was.category,
                was.response_schema,
            )
            same_prompt, same_golden = made.prompt == was.prompt, made.golden_response == was.golden_response
            if row["fault"] == "golden swapped":
                assert same_prompt
                assert made.golden_response in [one.golden_response for one in source.values()]
            elif row["fault"] == "fact changed":
                assert same_prompt
                assert not same_golden
                assert row["checks_found"].startswith("facts: ")
            elif row["fault"] == "schema broken":
                assert same_prompt
                assert not schema_compliance(made.golden_response, made.response_schema)
            elif row["fault"] == "prompt cut":
                assert same_golden
                assert was.prompt.startswith(made.prompt)
                assert len(made.prompt) <= len(was.prompt) // 2
            else:
                assert row["fault"] == SOUND
                assert same_golden
                assert made.prompt.removeprefix(was.prompt.rstrip()).strip() in THANKS
                assert row["checks_found"] == ""

    @pytest.mark.parametrize("count", [0, 8])
    def test_as_many_sound_ones(self, count):
        """As many sound cases as spoilt ones, the faults in turn, the same for the same seed."""
        planted = plant(cases(20), count, seed=7)
        faults = planted["fault"].tolist()
        assert (len(faults), faults.count(SOUND)) == (2 * count, count)
        assert len(set(faults[: min(count, 4)])) == min(count, 4)
        assert plant(cases(20), count, seed=7).equals(planted)
        assert planted["id"].is_unique
        assert count < 8 or not plant(cases(20), count, seed=8).equals(planted)

    def test_conversations_alone_have_no_schema_to_break(self):
        """Only what a kind can suffer is planted."""
        assert set(plant(cases(5, ["conversation"]), 9, 7)["fault"]) == {
            "golden swapped",
            "fact changed",
            "prompt cut",
            SOUND,
        }
        assert "schema broken" in set(plant(cases(5, ["json"]), 9, 7)["fault"])

    def test_few_cases_give_few_plants(self):
        """One case has no other to swap with; no case at all gives no plants."""
        assert plant(cases(1, ["conversation"]), 50, 7)["fault"].value_counts().to_dict() == {
            "fact changed": 1,
            "prompt cut": 1,
            SOUND: 1,
        }
        assert plant(cases(1).iloc[:0], 8, 7).empty

    def test_more_than_can_be_planted_is_said_and_balanced(self):
        """As many of each fault as the scarcest allows, each case sound once; why it is fewer is said."""
        planted = plant(cases(3), 1000, 7)
        counts = planted["fault"].value_counts()
        assert counts.pop(SOUND) == 6
        assert set(counts) == {3}
        said = planted_in_words(planted, 1000)
        assert said == (
            f"{counts.sum()} spoilt cases and 6 sound ones are planted. "
            "These cases allow no more: each has a fault, and is planted sound, at most once."
        )
        enough = plant(cases(3), 4, 7)
        assert planted_in_words(enough, 4) == "4 spoilt cases and 4 sound ones are planted."

    def test_another_count_changes_no_plant(self):
        """What is on record under a plant's id is that plant, whatever the count."""
        few, many = (plant(cases(5), count, 7).set_index("id")["prompt"] for count in (4, 12))
        assert many.index.is_unique
        assert few.equals(many[few.index])

    def test_a_case_that_cannot_be_spoilt(self):
        """Without a fact, a schema or words to cut there is nothing to plant, and nothing is made up."""
        bare = TestCase("c1", "conversation", "x", "Why so?", "Because of that.")
        loose = TestCase("j1", "json", "x", "Say a or b.", {"a": "b"}, {"type": "object"})
        assert fact_changed(bare, Random(1)) is None
        assert prompt_cut(bare, Random(1)) is None
        assert schema_broken(bare, Random(1)) is None
        assert (schema_broken(loose, Random(1)), fact_changed(loose, Random(1))) == (None, None)

    @pytest.mark.parametrize(
        ("golden", "changed"),
        [
            ("We refund $5 for K5-12345.", ["We refund $# for K5-12345.", "We refund $5 for K#-#."]),
            ("$5, or $5 more, in 5 days.", ["$#, or $# more, in 5 days.", "$5, or $5 more, in # days."]),
            ("Order 12 of 2012: 12 pieces.", ["Order # of 2012: # pieces.", "Order 12 of #: 12 pieces."]),
        ],
    )
    def test_one_fact_changes(self, golden, changed):
        """A changed fact is changed wherever it stands as that fact, and in no other that has its digits."""
        case = TestCase("c", "conversation", "x", golden, golden)
        for seed in range(20):
            made = fact_changed(case, Random(seed)).golden_response
            assert made != golden
            forms = [re.escape(form).replace(r"\#", r"\d+") for form in changed]
            assert any(re.fullmatch(form, made) for form in forms), made

    def test_nothing_is_spoilt_for_nothing(self, monkeypatch):
        """With count 0 no case is spoilt, and with 1 no more than one for each fault."""
        spoilt = []
        monkeypatch.setattr(validator_audit, "prompt_cut", lambda case, random: spoilt.append(case) or case)
        plant(cases(20), 0, 7)
        assert spoilt == []
        plant(cases(20), 1, 7)
        assert len(spoilt) == 1

    def test_swapped_from_another_category(self):
        """Answers of one category may do for each other; those of another one cannot."""
        table = conversations(
            ("One lamp is dark.", "a"), ("Two lamps are dark.", "b"), ("Please cancel it now.", "c")
        )
        table["category"] = ["lamps", "lamps", "accounts"]
        planted = plant(table, 50, 7)
        swapped = planted[planted["fault"] == "golden swapped"].set_index("planted_from")["golden_response"]
        assert swapped[["c1", "c2"]].tolist() == ["c", "c"]


class TestTheInstrument:
    async def test_known_answers(self):
        """Refused, passed and no verdict are told apart, per fault and in all; no verdict is no catch."""
        table = conversations(("The lamp is dark today.", "g1"), ("Please cancel my account.", "g2"))
        planted = plant(table, 3, 7)
        assert planted["fault"].value_counts().to_dict() == {
            "golden swapped": 2,
            "prompt cut": 1,
            SOUND: 2,
        }
        cut = planted.loc[planted["fault"] == "prompt cut", "planted_from"].item()
        low = verdict(response_quality_score=LOW)
        told = {row.id: None if row.planted_from == cut else low for row in planted.itertuples()}
        tried = await try_validator(planted, Canned(told))
        rates = validator_rates(tried).set_index("fault")
        assert rates.loc["golden swapped", ["planted", "judged", "refused", "share"]].tolist() == [2, 1, 1, 1]
        assert rates.loc["prompt cut", ["planted", "judged", "refused"]].tolist() == [1, 0, 0]
        assert math.isnan(rates.loc["prompt cut", "share"])
        assert rates.loc["all faults", ["planted", "judged", "refused"]].tolist() == [3, 1, 1]
        assert rates.loc["none (sound)", ["planted", "judged", "refused"]].tolist() == [2, 1, 1]
        # Wilson, 1 of 1.
        assert rates.loc["all faults", ["low", "high"]].tolist() == pytest.approx([0.206549, 1.0], abs=1e-6)

    async def test_published_quality_is_found_again(self, tmp_path, monkeypatch):
        """A critic that misses 30 % and raises 20 % false alarms is measured as such; again costs nothing."""
        errs = simulated(CRITIC, id="offline/errs", critic_misses=0.3, critic_false_alarms=0.2, broken_json=0)
        planted = plant(cases(40), 100, seed=8)
        with OfflineServer(latency_ms=0, models=[errs], record=True) as server:
            client = client_on(server, tmp_path, monkeypatch)
            tried = await try_validator(planted, client, "offline/errs")
            sent = server.counts["served"]
            assert (await try_validator(planted, client, "offline/errs")).equals(tried)
            assert server.counts["served"] == sent == len(planted)
            told = [json.loads(body["messages"][1]["content"]) for body in server.requests]
        rates = validator_rates(tried).set_index("fault")
        assert rates.loc["all faults", "low"] < 0.7 < rates.loc["all faults", "high"]
        assert rates.loc["none (sound)", "low"] < 0.2 < rates.loc["none (sound)", "high"]
        assert rates.loc["schema broken", "by_checks"] == rates.loc["schema broken", "planted"]
        # Blind: it is shown what it is shown of any case, under an id that any case has.
        assert {one["id"] for one in told} <= set(cases(40)["id"])
        assert "planted" not in json.dumps(told)

    async def test_none_of_it_reaches_the_set(self, tmp_path, monkeypatch):
        """With plants and without, the same cases are accepted and rejected, and the file comes back."""
        with OfflineServer(latency_ms=0) as server:
            client = client_on(server, tmp_path, monkeypatch)
            outcome = await validate(cases(8), client, CRITIC)
            tried = await try_validator(plant(outcome.accepted, 8, 7), client, CRITIC)
            again = await validate(cases(8), client, CRITIC)
        assert again.accepted.equals(outcome.accepted)
        assert not set(tried["prompt"]) & set(outcome.rejected["prompt"])
        run = Run(tmp_path)
        run.save("planted_tests.csv", tried)
        columns = ["id", "planted_from", "fault", "checks_found", "verdict"]
        assert run.planted_tests()[columns].to_numpy().tolist() == tried[columns].to_numpy().tolist()
        assert validator_found(run.planted_tests()) == validator_found(tried)

    async def test_nothing_planted(self, tmp_path):
        """No plants: nothing is asked, the table has its columns, and nothing is claimed."""
        client = Canned({})
        tried = await try_validator(plant(cases(2), 0, 7), client)
        assert client.asked == []
        assert validator_found(tried) == {}
        run = run_in(tmp_path)
        assert validator_found(run.planted_tests()) == {}
        run.save("planted_tests.csv", tried)
        assert validator_found(run.planted_tests()) == {}
        assert validator_rates(run.planted_tests())["planted"].tolist() == [0, 0]


def test_the_report_states_it():
    """The sentence has the counts and the intervals of metrics_report.json, and is absent without plants."""
    made = report_of(drawn(1))
    assert report.validator(made) == ""
    tried = pd.DataFrame(
        {
            "fault": ["prompt cut"] * 4 + [SOUND] * 4,
            "checks_found": "",
            "verdict": ["refused"] * 3 + ["passed"] * 5,
        }
    )
    made["validator"] = validator_found(tried)
    shown = report.validator(made)
    assert shown.split("\n\n")[0] == (
        "The validator, tested on planted cases that it was not told of, refused 3 of 4 spoilt cases "
        "(95 % interval 0.301 to 0.954) and 0 of 4 sound cases (95 % interval 0.000 to 0.490)."
    )
    assert "| prompt cut | 4 | 0 | 3 of 4 | 0.301 to 0.954 | 1 |" in shown
    assert "| none (sound) | 4 | 0 | 0 of 4 | 0.000 to 0.490 | – |" in shown
    assert json.loads(json.dumps(made["validator"])) == made["validator"]
