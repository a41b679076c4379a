"""Tables and runs past the threshold, which the tests make small: Parquet, partitions, the same decision."""

from __future__ import annotations

import pandas as pd
import pytest

from benchkit.decide import Rules
from benchkit.errors import RunError
from benchkit.run import Run, large
from benchkit.run.tables import read_chunks, read_table

from .measured import STEADY, drawn, report_of

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
    large.write_parquet(path, SCORES.assign(value="high"))
    with pytest.raises(RunError, match=r"scores.parquet: value holds texts. Run 04_measure.ipynb again"):
        run.scores()
    path.unlink()
    with pytest.raises(RunError, match=r"has scores_first_rows.csv and no scores.parquet. Run 04"):
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
