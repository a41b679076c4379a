"""What can be said of cases without asking a model: no false alarm on good ones, faults found."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import pandas as pd
import pytest

from benchkit.domain import TestCase
from benchkit.generate.cases import read_cases
from benchkit.validate.checks import check_cases, unstated_values
from benchkit.validate.likeness import likenesses

from .staging import cases, conversations, written

REAL = Path(__file__).parents[2] / "shared" / "data" / "customer_support_pairs.csv"
SCHEMA = {
    "type": "object",
    "properties": {"tier": {"enum": ["tier_1", "tier_2"]}, "kind": {"const": "net30"}},
}


def check(*tables: pd.DataFrame) -> pd.DataFrame:
    return check_cases(*tables).findings


def kinds(found: pd.DataFrame) -> list[str]:
    return found["finding"].str.split(":").str[0].tolist()


def record(prompt: str, golden: dict, schema: dict = SCHEMA) -> TestCase:
    return TestCase("j", "json", "x", prompt, golden, schema)


def test_good_cases_raise_no_alarm():
    """Not one finding on 120 unspoiled cases of the simulated world."""
    assert check(cases(60))["finding"].tolist() == []


@pytest.mark.parametrize(
    ("fault", "kind", "share"),
    [
        ("fact_changed", "facts", 0.95),
        ("fact_missing", "facts", 0.35),  # names and products are no exact values
        ("near_duplicate", "duplicate", 0.83),  # the first of each category is like no other
    ],
)
def test_planted_faults_are_found(fault, kind, share):
    """Of the faults that the simulated author plants, those that need no reader are found."""
    found = check(cases(30, fault=fault))
    assert set(kinds(found)) <= {kind, "near-duplicate"}
    assert found["id"].nunique() >= share * 60
    assert set(found["fatal"]) == {fault == "near_duplicate"}


def test_a_golden_that_breaks_its_schema_is_fatal():
    """Every json golden with a planted schema fault is found, and none of the conversations."""
    found = check(cases(20, fault="schema_broken"))
    assert kinds(found) == ["schema"] * 20
    assert found["fatal"].all()
    assert found["id"].str.startswith("json").all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"problem": "row 5: prompt is empty"}, "unusable: row 5: prompt is empty"),
        ({"prompt": " "}, "unusable: prompt or golden_response is empty"),
        ({"golden_response": "{'a': 1}"}, "unusable: golden_response or response_schema is not JSON"),
        ({"golden_response": "[1]"}, "unusable: the golden response is not an object"),
        ({"response_schema": '{"type": 5}'}, "unusable: The response schema"),
        ({"response_schema": '{"type": "object", "$ref": "http://far.example/x"}'}, "unusable: The response"),
        (
            {"response_schema": '{"type": "object", "not": {}}'},
            "schema: the golden response breaks its own response_schema at $: ",
        ),
        ({"test_case": "poem"}, "unusable: test_case 'poem' is neither"),
    ],
)
def test_unusable_rows_are_fatal(change, said):
    """A row that cannot be asked or scored says why, once, and never ends the check."""
    found = check(pd.DataFrame([written("json", 1) | change, written("json", 2)]))
    assert len(found) == 1
    assert found["finding"][0].startswith(said)
    assert (found["fatal"][0], found["row"][0]) == (True, 0)


def test_a_prompt_that_holds_a_short_one_is_no_likeness():
    """A long question that contains all words of a short one asks something else; a shuffled one does not."""
    short = conversations(("Where is it?", "There.")).iloc[0].to_dict() | {"id": "a"}
    long = short | {"id": "b", "prompt": "Where is it now that I moved house, and who pays for the new form?"}
    same = short | {"id": "c", "prompt": "Is it where?"}
    found = check(pd.DataFrame([short, long, same]))
    assert [(row.id, row.finding.split(":")[0]) for row in found.itertuples()] == [("c", "near-duplicate")]


def test_duplicate_ids():
    """An id that a usable row or an accepted case has is taken; an unusable row takes none."""
    good = written("conversation", 1)
    other = written("conversation", 2) | {"id": good["id"]}
    found = check(pd.DataFrame([good, other]))
    assert (kinds(found), found["row"].tolist()) == (["duplicate id"], [1])
    assert kinds(check(pd.DataFrame([good | {"problem": "x"}, other]))) == ["unusable"]
    assert kinds(check(pd.DataFrame([other]), pd.DataFrame([good]))) == ["duplicate id"]


def test_likenesses_are_of_the_same_kind():
    """A prompt like an earlier or an accepted one is found, not one like a case of the other kind."""
    said = "The Juniper purifier blinks red since Monday and I want my money back."
    table = conversations((said, "g"), (said.replace("red", "Red") + "!", "g"), ("Where is my parcel?", "g"))
    found = check(table)
    assert found[["id", "row", "fatal"]].to_numpy().tolist() == [["c2", 1, False]]
    assert "like c1" in found["finding"][0]
    assert check(table.iloc[1:2].assign(id="n1"), table.iloc[:1])["finding"][0].endswith("like c1")
    as_json = written("json", 1) | {"prompt": said}
    assert "near-duplicate" not in kinds(check(pd.DataFrame([as_json, table.iloc[0].to_dict()])))


def test_nothing_to_check():
    """No cases give no findings, with the columns that the notebook reads."""
    found = check(cases(1).iloc[:0])
    assert list(found.columns) == ["id", "row", "finding", "fatal"]
    assert not len(found)


@pytest.mark.parametrize("space", ["", " \n"])
def test_an_exact_copy_is_no_second_case(space):
    """The same prompt and golden under another id is fatal; another golden makes it a near-duplicate."""
    first = written("json", 1)
    copy = first | {"id": "copy", "prompt": first["prompt"] + space}
    found = check(pd.DataFrame([first, copy]))
    assert found[["id", "fatal"]].to_numpy().tolist() == [["copy", True]]
    assert found["finding"][0] == f"duplicate: the same prompt and golden response as {first['id']}"
    other = copy | {"golden_response": written("json", 2)["golden_response"]}
    assert "near-duplicate" in kinds(check(pd.DataFrame([first, other])))


def test_near_duplicates_are_a_family():
    """Alike through others is alike; a given family stays and names the found one; kinds stay apart."""
    said = "The Juniper purifier of order AB-1234 blinks red since Monday and I want my money back"
    prompts = [said, "Where is my parcel?", f"{said} now", f"{said} now, please", "Where is my parcel??"]
    table = conversations(*((prompt, f"g{at}") for at, prompt in enumerate(prompts)))
    assert check_cases(table).families == ["like c1", "like c2", "like c1", "like c1", "like c2"]
    given = table.assign(family=["", "", "mine", "", "alone"])
    assert check_cases(given).families == ["mine", "alone", "mine", "mine", "alone"]
    assert check_cases(table.iloc[:2].assign(family=["own", ""])).families == ["own", ""]
    mixed = pd.DataFrame([table.iloc[0].to_dict(), written("json", 1) | {"prompt": said}])
    assert check_cases(mixed).families == ["", ""]


def test_four_thousand_cases_are_checked_in_time():
    """Likeness takes seconds, of letters from one desk too; it took 76 s."""
    letters = conversations(*((row, "g") for row in cases(200, ["conversation"])["prompt"]))
    words = " ".join(letters["prompt"]).split()
    random = Random(1)
    texts = [" ".join(random.choices(words, k=random.randint(40, 160))) for _ in range(3800)]
    began = time.process_time()
    found = likenesses([*letters["prompt"], *texts, *letters["prompt"][:5]])
    assert time.process_time() - began < 6
    assert found.nearest[-5:].tolist() == [0, 1, 2, 3, 4]
    assert found.family[-5:].tolist() == [0, 1, 2, 3, 4]


def test_facts_of_many_cases_are_looked_up_in_time():
    """Looking a value up takes microseconds, whichever value it is."""
    table = pd.concat([cases(200, ["conversation"], seed=seed) for seed in range(5)], ignore_index=True)
    table["prompt"] = table["prompt"].str.replace("[A-Z]", "", regex=True)  # the ids are not stated
    began = time.process_time()
    for row in table.to_dict("records"):
        assert unstated_values(TestCase.from_row(row))
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("Where is my parcel?", "Where is my parcels", True),
        ("editingPlatinum account", "edit platinum account", True),
        ("想了解这款笔记本能否加装内存条吗", "我想了解这款笔记本能否加装内存条吗", True),
        ("想了解这款笔记本能否加装内存条吗", "耳机左边没有声音，想换货，可以吗", False),
        ("🙂", "🙁", False),
        ("", "", False),
        ("a " * 3000 + "b", "a " * 3000 + "c", True),
    ],
)
def test_alike(one, other, alike):
    """Nearly the same letters after sorting the words, short, unspaced or long."""
    assert bool(likenesses([one, other]).nearest[1] == 0) is alike


@pytest.mark.parametrize(
    ("prompt", "golden", "absent"),
    [
        ("I paid $49.99 on 3 May.", "We refund $49.99, paid on May 3rd.", []),
        ("I paid $49.99.", "We refund $59.99.", ["59.99"]),
        ("Slot between 14:00 and 16:30?", "We come between 2 PM and 4:30 PM.", []),
        ("Slot at 14:00?", "We come at 15:00.", ["15:00"]),
        ("Order AB-1234 is late.", "Order AB-1243 is on its way.", ["AB-1243"]),
        ("It broke.", "Expect a reply within 24 hours. Step 2: restart.", []),
        ("It broke.", "It will be there by 4 June 2026.", ["4 June 2026"]),
        ("Call me.", "Write to help@desk.example.", ["help@desk.example"]),
        ("Order 370795561790", "I cancelled order 370795561790.", []),
        ("下单三天还没发货，订单号：ORD20240101001。", "订单ORD20240101001缺货，预计明天发货。", []),
        ("订单A-1001的发票呢？", "订单A-1002的发票已发出。", ["A-1002"]),
        ("주문 A-1001을 취소해 주세요", "주문 A-1001은 취소되었습니다", []),
        ("คำสั่งซื้อA-1001ล่าช้า", "A-1001กำลังจัดส่ง", []),
    ],
)
def test_prose(prompt, golden, absent):
    """A golden text may state in its own way what the prompt states, and no other exact value."""
    case = TestCase("c", "conversation", "x", prompt, golden)
    assert unstated_values(case) == absent


@pytest.mark.parametrize(
    ("prompt", "golden", "absent"),
    [
        ("46 minutes, grade 4", {"a": 46.0, "b": 4}, []),
        ("46 minutes, grade 14", {"a": 46.0, "b": 4}, ["4"]),
        ("at 2026-01-15T04:49:00Z", {"at": "2026-01-15T04:49:00Z"}, []),
        ("on 15 January 2026, 4:49 AM", {"at": "2026-01-15T04:49:00Z"}, []),
        ("on 16 January 2026, 4:49 AM", {"at": "2026-01-15T04:49:00Z"}, ["2026-01-15T04:49:00Z"]),
        ("customer CUST-48957", {"id": "CUST-48957", "ok": True, "none": None}, []),
        ("customer CUST-48957", {"id": "CUST-4895"}, ["CUST-4895"]),
        ("the second tier, thirty days", {"tier": "tier_2", "kind": "net30"}, []),
        ("the second tier", {"other": "tier_3"}, ["tier_3"]),
        ("mail a@b.example", {"mail": ["a@b.example", {"cc": "c@b.example"}]}, ["c@b.example"]),
        ("refund of $20", {"steps": ["refund $20 by 3 May", "say sorry"]}, ["3 May"]),
        ("nothing", {"status": "open", "summary": "all is well"}, []),
    ],
)
def test_records(prompt, golden, absent):
    """Every exact leaf has to stand in the prompt, save for values that the schema itself names."""
    assert unstated_values(record(prompt, golden)) == absent


@pytest.mark.skipif(not REAL.exists(), reason="the real customer-support pairs are not on this machine")
def test_real_cases_are_only_flagged():
    """Of 297 real cases none is fatal, some are alike, and the check takes a moment."""
    table = read_cases(str(REAL))
    began = time.process_time()
    found = check(table)
    assert time.process_time() - began < 5
    assert not found["fatal"].any()
    assert 5 <= len(found) <= 60
    assert set(kinds(found)) == {"near-duplicate"}
