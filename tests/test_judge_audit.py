"""The judge's own test: planted answers whose truth is known, and what is said of the judge by them."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace

import pandas as pd
import pytest

from benchkit.agent import Reply
from benchkit.domain import CATEGORIES, Requirement, TestCase
from benchkit.errors import UsageError
from benchkit.judge.planted_answers import plant_answers
from benchkit.measure import judged
from benchkit.measure.judge_audit import judge_found, judge_in_words, judge_rates, try_judge
from benchkit.metrics.fields import long_texts
from benchkit.offline.world.models import ROSTER
from benchkit.offline.world.requirements import drafted_of_record, quote, required
from benchkit.offline.world.scenarios import amount, day, reference, scenario
from benchkit.offline.world.seeded import seeded
from benchkit.offline.world.simulated_judge import judge

SURE = replace(
    ROSTER["offline/judge"], judge_errors=0.0, judge_leniency=0.0, judge_obeys=0.0, judge_invents=0.0
)
FAULTS = [
    "none",
    "padded",
    "breaks a must_not",
    "fact changed",
    "commitment left out",
    "commitment denied",
    "another golden",
    "injection",
]


class World:
    """A client that asks a simulated judge in this process."""

    name = "offline"

    def __init__(self, **qualities: float) -> None:
        self.model, self.calls = replace(SURE, **qualities), 0

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        return None

    async def map(self, agent, items, label=""):
        self.calls += len(items)
        return [Reply("", "answered", self.said(item)) for item in items]

    def said(self, item):
        draw = seeded(item.case, item.round, item.attempt)
        return judge(self.model, json.loads(item.content), draw)


def cases(count: int = 10) -> pd.DataFrame:
    rows, draw = [], random.Random(3)
    for at in range(count):
        known = scenario(reference("conversation", CATEGORIES[at % 5], draw))
        case = TestCase(f"c{at}", "conversation", CATEGORIES[at % 5], known.prompt, known.golden)
        rows.append(replace(case, requirements=required(known)).row())
    return pd.DataFrame(rows)


def records(count: int = 10) -> pd.DataFrame:
    """Records whose summary has requirements, as the simulated generator drafts them."""
    rows, draw = [], random.Random(5)
    for at in range(count):
        due, open_case = day(draw, (1, 9)), f"Case LMP-77{at}43 stays open."
        summary = f"We refund {amount(draw)} for the broken lamp by {due}. {open_case}"
        golden = {
            "id": f"A-{at}4",
            "status": "open",
            "refund": 40 + at,
            "talk": {"summary": summary, "mood": "calm"},
        }
        case = TestCase(f"r{at}", "json", CATEGORIES[at % 5], f"Lamp {at} is dark.", golden, {})
        rows.append(replace(case, requirements=drafted_of_record(long_texts(case))).row())
    return pd.DataFrame(rows)


def test_the_truth_of_every_planted_answer():
    """What construction tells is what the simulated world knows of the text, of conversations and records."""
    planted = plant_answers(pd.concat([cases(), records()]), 4, seed=7)
    every = [*FAULTS, *(f"{fault}, in a record" for fault in FAULTS)]
    assert planted["fault"].value_counts().to_dict() == dict.fromkeys(every, 4)
    alone = plant_answers(cases(), 4, seed=7).drop(columns="case")
    assert planted.head(len(alone)).drop(columns="case").equals(alone)
    for row in planted.to_dict("records"):
        by_id = {one.id: one for one in row["case"].requirements}
        for id, met in row["truth"].items():
            done = bool(quote(row["case"].prompt, by_id[id].text, row["text"]))
            assert (done == by_id[id].must) == met, (row["fault"], by_id[id].text)


async def test_a_judge_without_error():
    """All its verdicts are right, and a second judgement repeats them."""
    client = World()
    tried = await try_judge(plant_answers(cases(), 4, seed=7), client, "offline/judge")
    assert client.calls == 32 + 11
    found = judge_found(tried)
    assert {row["right"] for row in [found["all"], *found["by_fault"].values()]} == {1.0}
    assert (found["agreement"], found["no_quote"], found["with_length"]) == (1.0, 0.0, None)
    assert "100 % are right" in judge_in_words(found)


async def test_a_judge_that_reads_no_denial_is_seen():
    """The quote is there and the value too: nothing but the judge can tell that it is denied."""

    class Credulous(World):
        def said(self, item):
            shown = json.loads(item.content)
            shown["answer"] = shown["answer"].replace("It is not true that ", "")
            return judge(self.model, shown, seeded(item.case))

    planted = plant_answers(pd.concat([cases(), records()]), 6, seed=7)
    found = judge_found(await try_judge(planted, Credulous(), "offline/judge"))["by_fault"]
    rates = {name: row["right"] for name, row in found.items() if row["right"] < 1}
    assert rates["commitment denied"] == rates["commitment denied, in a record"] == 0


async def test_both_kinds_of_case_are_told_apart():
    """A judge that obeys whoever talks to it is seen on records too, and on no golden record."""
    planted = plant_answers(pd.concat([cases(), records()]), 4, seed=7)
    sure = judge_found(await try_judge(planted, World(), "offline/judge"))
    assert {row["right"] for row in sure["by_fault"].values()} == {1.0}
    obeys = judge_found(await try_judge(planted, World(judge_obeys=1.0), "offline/judge"))["by_fault"]
    wrong = {name for name, row in obeys.items() if row["alone"] < 1}
    assert wrong == {"injection", "injection, in a record"}


def test_a_value_is_changed_in_all_fields_that_state_it():
    one = Requirement("a", "promise the refund", value="$40.00")
    golden = {"refund": 40, "note": "We refund $40.00 of the $90.00.", "paid": 90}
    case = TestCase("c", "json", "x", "p", golden, {}, requirements=(one,))
    planted = plant_answers(pd.DataFrame([case.row()]), 1, seed=7).set_index("fault")
    row = planted.loc["fact changed, in a record"]
    assert row["truth"] == {"a": False}
    said = re.fullmatch(r"refund: (\d+)\nnote: We refund \$(\S+) of the \$90\.00\.\npaid: 90", row["text"])
    assert said[1] in ("39", "41")
    assert said[2] != "40.00"


def test_a_record_without_free_text():
    """There is nothing to pad, to add to or to talk in; what it lacks is still known."""
    one = Requirement("a", "state the date", value="2026-05-03")
    golden = {"due": "2026-05-03", "state": "open"}
    case = TestCase(
        "c", "json", "x", "p", golden, {"properties": {"state": {"enum": ["open"]}}}, requirements=(one,)
    )
    planted = plant_answers(pd.DataFrame([case.row()]), 1, seed=7)
    assert planted["fault"].tolist() == ["none, in a record", "fact changed, in a record"]
    assert planted["truth"].tolist() == [{"a": True}, {"a": False}]


async def test_leniency_is_seen_where_it_acts():
    """And nowhere in golden answers, which deserve what they get."""
    tried = await try_judge(plant_answers(cases(), 6, seed=7), World(judge_leniency=1.0), "offline/judge")
    rates = judge_rates(tried).set_index("answer")
    assert rates.loc["another golden", "alone"] < 0.8
    assert rates.loc["another golden", "alone"] <= rates.loc["another golden", "right"]
    assert rates.loc["none", "right"] == 1


async def test_quotes_that_are_not_there_are_counted():
    """Asked again they are invented again: nothing that is done counts as done."""
    tried = await try_judge(plant_answers(cases(), 6, seed=7), World(judge_invents=1.0), "offline/judge")
    found = judge_found(tried)
    assert found["no_quote"] > 0.3
    assert found["by_fault"]["none"]["right"] < 0.5


async def test_what_was_judged_is_counted():
    """What the answer's words did not bear out, what was not told in two askings, what was lost."""
    status = ["", "the quote is not in the answer", "failed: no verdict", "failed: HTTP 500"]
    table = pd.DataFrame({"id": "c", "model": "a", "round": 1, "status": status})
    counts = judged(table.assign(first_fault=["", "no verdict", "no verdict", ""]), "x/judge")
    names = ("answers", "verdicts", "faulty", "undecided", "lost")
    assert [counts[name] for name in names] == [1, 4, 1, 1, 1]
    assert "enable_judge is False" in judged(table, "", "offline")["in_words"]


async def test_nothing_planted_or_nobody_to_ask():
    """No answers, no verdicts, no sentence; a count below 0 is refused."""
    none = plant_answers(cases(2), 0, seed=7)
    tried = await try_judge(none, World(), "")
    assert len(tried) == 0
    assert judge_found(tried) == judge_found(tried, judged={"in_words": "Nobody did."}) == {}
    assert judge_found(tried, judged={"answers": 1}) == {"judged": {"answers": 1}}
    assert judge_in_words({}) == ""
    assert len(judge_rates(tried)) == 0
    with pytest.raises(UsageError):
        plant_answers(cases(2), -1, seed=7)


@pytest.mark.parametrize(
    ("text", "value", "said"),
    [
        ("Promise a new lamp.", "", r"We promise a new lamp\."),
        ("promise $50.00", "$50.00", r"We promise \$50\.00\."),
        ("promise a visit", "5 May 2026", r"We promise a visit: 5 May 2026\."),
        (
            "name another amount than $40.00",
            "",
            r"We name another amount than \$40\.00: We refund \$\d+\.\d+\.",
        ),
    ],
)
def test_a_must_not_is_broken_in_its_own_words(text, value, said):
    """A forbidden value is stated, and where any other than the right one is, such a one."""
    never = Requirement("n", text, must=False, value=value)
    case = TestCase(
        "c", "conversation", "x", "Refunds are $40.00.", "We refund $40.00.", requirements=(never,)
    )
    planted = plant_answers(pd.DataFrame([case.row()]), 1, seed=7).set_index("fault")
    row = planted.loc["breaks a must_not"]
    assert re.fullmatch(rf"We refund \$40\.00\.\n{said}", row["text"])
    assert row["text"].count("refund $40.00") == 1
    assert row["truth"] == {"n": False}
