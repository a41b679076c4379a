"""Tables and runs past the threshold, which the tests make small: Parquet, partitions, the same decision."""

from __future__ import annotations

import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from benchkit.decide import Rules
from benchkit.errors import RunError
from benchkit.generate.cases import adopt_cases
from benchkit.measure import aligned, draw_pairs, metrics_report, partitions, score, with_controls
from benchkit.measure.labels import sheet
from benchkit.report.worst import worst_cases
from benchkit.run import Run, large, open_run
from benchkit.run.tables import read_chunks, read_table, write_table
from benchkit.run.texts import blocks_of, with_texts

from .measured import STEADY, About, case, drawn, report_of

MAPPING = partitions.mapping
SCORES = drawn(3, n=6).assign(family="", content=float("nan"))


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A folder whose tables of scores are large."""
    monkeypatch.setattr(large, "LARGE", 100)
    monkeypatch.setattr(large, "FIRST", 7)
    (tmp_path / "config.json").write_text(
        '{"provider": "offline", "seed": 1, "started": "", "parameters": {}}'
    )
    return Run(tmp_path)


def small(frame):
    return frame.astype(
        {name: object for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)}
    )


def test_a_large_table_is_parquet_with_its_first_rows_beside(run, monkeypatch):
    """Parquet and CSV give the same scores; the CSV of the first rows has a name of its own."""
    run.save("scores.csv", SCORES)
    held = {path.name for path in run.path.glob("scores*")}
    assert held == {"scores.parquet", "scores_first_rows.csv"}
    assert len(pd.read_csv(run.path / "scores_first_rows.csv")) == 7
    whole = run.scores()
    monkeypatch.setattr(large, "LARGE", 10_000)
    run.save("scores.csv", SCORES)
    assert {path.name for path in run.path.glob("scores*")} == {"scores.csv"}
    pd.testing.assert_frame_equal(small(whole), run.scores(), check_dtype=False)


def test_without_pyarrow_it_is_csv_and_says_so(run, monkeypatch, caplog):
    monkeypatch.setattr(large, "find_spec", lambda name: None)
    run.save("scores.csv", SCORES)
    assert len(pd.read_csv(run.path / "scores.csv")) == len(SCORES)
    assert "pip install 'benchkit[large]'" in caplog.text
    (run.path / "scores.parquet").write_bytes(b"")
    with pytest.raises(RunError, match=r"scores.parquet cannot be read without pyarrow. Install it: pip"):
        run.scores()


def test_damaged_and_missing_parquet_is_named(run):
    run.save("scores.csv", SCORES)
    path = run.path / "scores.parquet"
    whole = path.read_bytes()
    for damaged in (b"", whole[:-200], b"PAR1" + bytes(900) + b"PAR1"):
        path.write_bytes(damaged)
        with pytest.raises(RunError, match=r"scores.parquet cannot be read as Parquet .*04_measure.ipynb"):
            run.scores()
    large.write_parquet(path, SCORES.drop(columns="metric"))
    with pytest.raises(RunError, match=r"scores.parquet has no column metric. Run 04_measure.ipynb again"):
        run.scores()
    path.unlink()
    with pytest.raises(RunError, match=r"has no scores.csv. Run 04"):
        run.scores()


def test_texts_as_categories_give_the_same_report(run):
    """What is decided and said does not depend on how the texts are kept in memory."""
    rules = Rules(primary_metric="task_completion,field_accuracy")
    run.save("scores.csv", SCORES)
    plain, other = (report_of(scores, rules) for scores in (SCORES, run.scores()))
    made = "run_timestamp"
    assert {**plain, made: ""} == {**other, made: ""}


def test_a_table_in_chunks_is_the_table(tmp_path):
    """Types, texts and the numbers of bad rows are those of the whole table."""
    path = tmp_path / "m_all_responses.csv"
    rows = [f'a{i},"line\r\nof {i}",{i % 3 + 1},{STEADY}' for i in range(10)]
    path.write_bytes("\r\n".join(["\ufeffid;model_response;round;by".replace(";", ","), *rows]).encode())
    chunks = list(read_chunks(path, 4))
    assert [len(one) for one in chunks] == [4, 4, 2]
    pd.testing.assert_frame_equal(pd.concat(chunks, ignore_index=True), read_table(path))
    path.write_text(path.read_text("utf-8").replace("a8", "a8,more").replace(" 5\n", ' 5" \n'), "utf-8")
    with pytest.raises(RunError, match=r"m_all_responses.csv row "):
        list(read_chunks(path, 4))
    path.write_bytes(b"id,model_response,round\na,\xe9,1\n")
    with pytest.raises(RunError, match=r"is not UTF-8. A file of this size has to be"):
        list(read_chunks(path, 4))


CASES = [case(f"c{i}", ("conversation", "json")[i % 2], prompt=f"What about order {i}?") for i in range(23)]
GOOD = {"conversation": "Please open the settings and restart router {}.", "json": '{{"a": {}}}'}


def answers(model):
    """Rows as a harness leaves them: some lost, malformed, refused, to another prompt, to no case of ours."""
    for at, row in enumerate(CASES):
        for round in (1, 2):
            text = GOOD[row["test_case"]].format((at + round) % 3 + len(model) % 2)
            one = {"id": row["id"], "prompt": row["prompt"], "model_response": text, "round": round}
            spoilt = {3: {"model_response": "{"}, 5: {"error": "timeout"}, 7: {"status": "refused"}}
            spoilt |= {11: {"prompt": "Something else"}, 13: {"id": "unknown"}, 17: {"model_response": ""}}
            yield {"status": "", "error": ""} | one | spoilt.get((at * 2 + round) % 19, {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of somebody's cases and answers: three models, one of which lacks some."""
    path = tmp_path_factory.mktemp("theirs")
    write_table(path / "validated_tests.csv", pd.DataFrame(CASES))
    for at, model in enumerate(("b", "another", "a")):
        write_table(path / f"{model}_all_responses.csv", pd.DataFrame(answers(model)).iloc[9 * at :])
    return path


@pytest.fixture(scope="module")
def whole(folder):
    """(responses, cases, judgements) in one pass."""
    cases = adopt_cases(open_run(folder).validated_tests())
    judgements = pd.DataFrame(
        [
            {"id": "c0", "model": "a", "round": 1, "requirement": "r1", "met": 1.0, "status": ""},
            {"id": "c20", "model": "b", "round": 1, "requirement": "r1", "met": 0.0, "status": ""},
        ]
    )
    cases["requirements"] = [
        "must give the way" if kind == "conversation" else "" for kind in cases["test_case"]
    ]
    return aligned(open_run(folder), cases, warn=False), cases, judgements


@pytest.fixture
def parted(whole, folder, monkeypatch):
    """(responses, in five blocks, cases, judgements), each block in this process."""
    responses, cases, judgements = whole
    monkeypatch.setattr(large, "LARGE", 100)
    monkeypatch.setattr(partitions, "BLOCK", 25)
    monkeypatch.setattr(partitions, "mapping", lambda scheduler: nullcontext(map))
    return responses, aligned(open_run(folder), cases, warn=False), cases, judgements


def test_blocks_merged_are_one_pass(parted):
    """Statuses, warnings, scores, their order, and each text where it is asked for: all equal."""
    whole, parts, cases, judgements = parted
    assert whole.attrs["warnings"] == parts.attrs["warnings"]
    assert len(whole.attrs["warnings"]) >= 4
    assert set(whole["status"]) == {"answered", "malformed", "refused", "failed"}
    held = "model_response"
    pd.testing.assert_frame_equal(
        small(parts).drop(columns=held), whole.drop(columns=held), check_dtype=False
    )
    assert not set(parts[held]) & set(whole[held]) - {""}
    some = with_texts(parts, ["c2", "c19"])
    assert list(some[held]) == list(whole[whole["id"].isin(["c2", "c19"])][held])
    assert sum(map(len, blocks_of(parts))) == len(whole)
    assert len(list(blocks_of(parts))) > 4
    for judged in (None, judgements):
        one, other = score(whole, cases, judged), score(parts, cases, judged)
        assert isinstance(other["id"].dtype, pd.CategoricalDtype)
        pd.testing.assert_frame_equal(small(other), one, check_dtype=False, check_exact=True)
        both = with_controls(one, cases), with_controls(other, cases)
        pd.testing.assert_frame_equal(small(both[1]), both[0], check_dtype=False, check_exact=True)


def test_past_the_threshold_the_decision_is_the_same(parted):
    whole, parts, cases, _ = parted
    rules, made = Rules(primary_metric="task_completion,field_accuracy"), []
    for responses in (whole, parts):
        scores = with_controls(score(responses, cases), cases)
        report = metrics_report(scores, responses, rules, About())
        made.append(report | {"run_timestamp": ""})
    assert made[0]["decision"]["sentence"]
    assert made[0] == made[1]


def test_what_people_read_has_its_texts(parted):
    """The worst cases and the sheet of labels, whose cases are drawn where there are many."""
    whole, parts, cases, _ = parted
    primary, made = {"conversation": "task_completion", "json": "field_accuracy"}, []
    for responses in (whole, parts):
        scores = score(responses, cases)
        worst, pairs = worst_cases(responses, scores, cases, primary), draw_pairs(responses, 7)
        made.append((worst.to_dict("records"), sheet(pairs, responses).to_dict("records")))
        assert draw_pairs(responses, 7).equals(pairs)
    assert made[0] == made[1]
    assert len(made[0][0]) == 18


def test_of_many_cases_some_are_drawn_for_labels(parted, monkeypatch):
    whole, _, _, _ = parted
    monkeypatch.setattr(large, "FIRST", 5)
    drawn = draw_pairs(whole, 7)
    assert 3 <= drawn["id"].nunique() <= 5
    assert set(draw_pairs(whole, 8)["id"]) != set(drawn["id"])


def test_dask_scores_what_this_process_does(parted, monkeypatch):
    whole, parts, cases, judgements = parted
    monkeypatch.setattr(partitions, "mapping", MAPPING)
    with local_cluster() as scheduler:
        parts.attrs["partitions"]["scheduler"] = scheduler
        other = score(parts, cases, judgements)
    one = score(whole, cases, judgements)
    pd.testing.assert_frame_equal(small(other), one, check_dtype=False, check_exact=True)


def test_a_kernel_can_start_processes(monkeypatch):
    """The main module of a notebook's kernel has no __spec__, which multiprocessing reads."""
    del (main := ModuleType("__main__")).__spec__
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr(partitions.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    with MAPPING("") as over:
        assert list(over(abs, [-1, -2])) == [1, 2]


@contextmanager
def local_cluster():
    """The address of a scheduler with a worker."""
    distributed = pytest.importorskip("distributed")
    how = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "protocol": "tcp"}
    with distributed.LocalCluster(**how, dashboard_address=None) as cluster:
        yield cluster.scheduler_address


def test_a_lost_block_is_named(parted):
    _, parts, cases, _ = parted
    path = next(Path(parts.attrs["partitions"]["folder"]).glob("texts-2-*.parquet"))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(RunError, match=r"texts-2-.*.parquet cannot be read as Parquet"):
        score(parts, cases)
    path.unlink()
    with pytest.raises(RunError, match=r"has lost \d+ texts. Run 04_measure.ipynb again"):
        score(parts, cases)
