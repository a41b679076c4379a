"""What people change in a run's cases: each change on disk at once, and what later notebooks make of it."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from benchkit.errors import InputError, RunError
from benchkit.execute import execute, plan_execution
from benchkit.offline import OfflineServer
from benchkit.run import Run
from benchkit.validate import VERDICT
from benchkit.validate.review import Review

from .staging import HASTY, STEADY, cases, client_on, run_in

SCRIPT = "<script>window.ran = 1</script>"
C1, C2, C3, J1 = "conversation-001", "conversation-002", "conversation-003", "json-001"


def begun(run: Run) -> Run:
    """A run that 02 has been through: three conversations and a json case accepted, one more rejected."""
    table = pd.concat([cases(1, ("json",)), cases(4, ("conversation",))], ignore_index=True)
    table = table.assign(**dict.fromkeys(VERDICT, ""))
    run.save("initial_tests.csv", table)
    run.save("validated_tests.csv", table.iloc[:-1])
    run.save("rejected_tests.csv", table.iloc[-1:].assign(reason="response quality: 2 of 5"))
    return run


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return begun(run_in(tmp_path_factory.mktemp("first") / "run")).path


@pytest.fixture
def run(first, tmp_path):
    return Run(Path(shutil.copytree(first, tmp_path / "run")))


def ids(frame: pd.DataFrame) -> list[str]:
    return list(frame["id"])


def kept(run: Run) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in run.path.glob("*.csv")}


def test_each_change_is_on_disk_at_once_and_undone(run):
    """Reject, accept and edit move cases between the tables as they are read; undo takes the last back."""
    before, review = kept(run), Review(run, "ada")
    assert review.reject(C1, "nobody asks this") == f"{C1} rejected."
    assert review.accept("conversation-004", "the answer is good") == "conversation-004 accepted."
    assert review.edit(C2, "unclear", prompt="Where is order A-1001?") == f"{C2} edited prompt."
    again = Run(run.path)
    assert ids(again.validated_tests()) == [J1, C2, C3, "conversation-004"]
    assert again.validated_tests().set_index("id").loc[C2, "prompt"] == "Where is order A-1001?"
    assert list(again.rejected_tests()["reason"]) == ["rejected by ada: nobody asks this"]
    assert again.edits() == ["People reviewed the cases: 1 changed, 1 rejected, 1 accepted (review.csv)."]
    rows = pd.read_csv(run.path / "review.csv", dtype=str)
    assert list(rows.columns) == ["case", "who", "when", "before", "after", "reason"]
    assert rows[["case", "who", "reason"]].values.tolist()[0] == [C1, "ada", "nobody asks this"]
    assert json.loads(rows["before"][0]) == {"outcome": "accepted"}
    assert json.loads(rows["after"][2]) == {"prompt": "Where is order A-1001?"}
    said = [review.undo() for _ in range(3)]
    assert said == [
        f"Undone: {C2} edited prompt.",
        "Undone: conversation-004 accepted.",
        f"Undone: {C1} rejected.",
    ]
    assert kept(run) == before
    assert run.edits() == []
    with pytest.raises(InputError, match="no change to undo"):
        review.undo()


def test_the_tables_keep_their_types_and_columns(run):
    """A table with a review reads like one without."""
    first = run.validated_tests()
    Review(run).reject(C1, "x")
    second = run.validated_tests()
    assert list(second.columns) == list(first.columns)
    assert dict(second.dtypes) == dict(first.dtypes)
    assert list(Run(run.path).rejected_tests().columns)[-1] == "reason"


def test_02_run_again_keeps_the_review_and_hand_edits_are_kept_and_said(run):
    """What 02 writes and what a person does to its file lie below the review."""
    Review(run).reject(C1, "x")
    run.save("validated_tests.csv", pd.read_csv(run.path / "validated_tests.csv", keep_default_na=False))
    assert C1 not in ids(run.validated_tests())
    path = run.path / "validated_tests.csv"
    path.write_bytes(path.read_bytes().replace(b"technical_support", b"returns"))
    assert len(run.edits()) == 2
    assert run.edits()[0].startswith("validated_tests.csv was edited by hand")
    assert C1 not in ids(run.validated_tests())


def test_a_change_and_the_change_back_count_as_none(run):
    review = Review(run)
    review.reject(C1, "x")
    review.accept(C1, "on second thoughts")
    assert run.edits() == []
    assert C1 in ids(run.validated_tests())


def test_what_a_person_rejected_is_not_counted_as_the_validators(run):
    """Whatever the reason says; it has the case's own words."""
    run.record("01_generate", cases_file="mine.csv")
    Review(run, "ada").reject(C1, "the same case as row 3")
    assert run.rows_used() == "3 of 5 rows used: 1 rejected in review, 1 refused by the validator"


def test_an_edited_case_has_no_verdict_of_the_validator(run):
    """It was said of another text; the text as it was has it again."""
    scored = {"prompt_quality_score": 5.0, "response_quality_score": 4.0, "validation_message": "Clear."}
    run.save("validated_tests.csv", run.validated_tests().assign(**scored))
    review, before = Review(run, "ada"), run.validated_tests().set_index("id")
    review.edit(C1, "unclear", prompt="Where is order A-1001?")
    review.edit(C2, "unclear", prompt="Where is order A-1002?")
    review.edit(C2, "it was clear", prompt=before.loc[C2, "prompt"])
    table = run.validated_tests().set_index("id")
    assert table.loc[C1, [*scored][:2]].isna().all()
    assert table.loc[C1, "validation_message"] == "Edited by a person; the validator has not seen it so."
    for id in (C2, C3):
        assert dict(table.loc[id, [*scored]]) == scored


REFUSED = [
    ("edit", C1, {"prompt": " "}, "prompt or golden_response is empty"),
    ("edit", C1, {"requirements": "[{"}, "not readable as JSON"),
    ("edit", C1, {"requirements": '[{"text": "a", "weight": 9}]'}, "requirement r1 has the weight 9"),
    ("edit", C1, {"requirements": "say when\nmust not lie"}, "there are 2, not 3 to 8"),
    ("edit", C1, {"requirements": "say when\nask\ndeny"}, "there is no must_not"),
    ("edit", J1, {"golden_response": "{'a'"}, "is not JSON"),
    ("edit", J1, {"golden_response": '{"a": 1}'}, "breaks its own response_schema"),
    ("edit", C1, {}, "was changed"),
    ("accept", C1, {}, "accepted already"),
    ("reject", "conversation-004", {}, "rejected already"),
    ("reject", "nobody", {}, "no case 'nobody'"),
]


@pytest.mark.parametrize(("action", "case", "texts", "why"), REFUSED)
def test_what_cannot_be_done_is_named_and_nothing_is_written(run, action, case, texts, why):
    before = kept(run)
    with pytest.raises(InputError, match=why):
        getattr(Review(run), action)(case, "a reason", **texts)
    assert kept(run) == before


def test_a_change_needs_a_reason(run):
    with pytest.raises(InputError, match="Give a reason"):
        Review(run).reject(C1, "  ")
    assert not (run.path / "review.csv").exists()


def test_a_case_that_would_be_there_twice_is_not_accepted(run):
    """A rejected copy stays rejected, also by an edit that makes it one."""
    texts = run.validated_tests().set_index("id").loc[C1, ["prompt", "golden_response", "requirements"]]
    review = Review(run)
    with pytest.raises(InputError, match=f"the same prompt and golden response as {C1}"):
        review.edit("conversation-004", "x", **texts)


def test_what_only_looks_different_is_no_change(run):
    """A browser gives lines back with other ends, and JSON is shown on several lines."""
    cases = run.validated_tests().set_index("id")
    shown = {name: json.dumps(json.loads(cases.loc[J1, name]), indent=2) for name in ("golden_response",)}
    with pytest.raises(InputError, match="Nothing of"):
        Review(run).edit(J1, "x", prompt=cases.loc[J1, "prompt"], **shown)
    wanted = json.dumps(json.loads(cases.loc[C1, "requirements"]), indent=2)
    with pytest.raises(InputError, match="Nothing of"):
        Review(run).edit(C1, "x", requirements=wanted)


def test_texts_that_spreadsheets_or_browsers_would_run_come_back_as_they_were(run):
    """Formulas and scripts are text, in the table and in the reason."""
    prompt = f"=1+1 {SCRIPT}"
    Review(run).edit(C1, f"@{SCRIPT}", prompt=prompt)
    assert run.validated_tests().set_index("id").loc[C1, "prompt"] == prompt
    assert Review(run).changes()[0].reason == f"@{SCRIPT}"
    assert "'@<script>" in (run.path / "review.csv").read_text()


BY_HAND = [
    ({"case": "other"}, "row 2: neither accepted nor rejected cases hold 'other'"),
    *(
        ({"after": after}, "row 2: before and after have to be JSON objects with the same of outcome")
        for after in ("yes", "[1]", '{"prompt": "p"}', '{"outcome": "maybe"}', '{"outcome": 1}')
    ),
    ({"before": '{"id": "a"}', "after": '{"id": "b"}'}, "row 2: before and after have to be JSON objects"),
    ({"before": '{"prompt": "a"}', "after": '{"prompt": "b"}'}, "row 2: prompt of .* is no longer what"),
]


@pytest.mark.parametrize(("cells", "why"), BY_HAND)
def test_a_bad_row_that_a_person_wrote_is_named_with_its_remedy(run, cells, why):
    Review(run).reject(C1, "x")
    path = run.path / "review.csv"
    pd.read_csv(path).assign(**cells).to_csv(path, index=False)
    with pytest.raises(RunError, match=f"review.csv {why}.*Mend that row, or delete it"):
        run.validated_tests()


async def test_only_an_edited_case_is_asked_again(tmp_path, monkeypatch):
    """Another prompt is a new case to the journal; another golden answer and a rejected case cost nothing."""
    with OfflineServer(latency_ms=0, record=True) as server:
        client = client_on(server, tmp_path / "run", monkeypatch)
        run = begun(client.run)
        await execute(plan_execution(client, run.validated_tests(), [STEADY, HASTY], 2), client)
        assert len(server.requests) == 16
        review = Review(run)
        review.edit(C1, "unclear", prompt="Where is order A-1001? It was due on 3 May.")
        review.edit(C2, "better", golden_response="Order A-1001 is on its way; it comes on 3 May.")
        review.reject(C3, "nobody asks this")
        responses = await execute(plan_execution(client, run.validated_tests(), [STEADY, HASTY], 2), client)
        assert len(server.requests) == 16 + 4
    assert Counter(responses["id"]) == {J1: 4, C1: 4, C2: 4}
