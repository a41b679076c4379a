"""CSV tables: every text comes back, no formula runs, nothing is ever half written."""

from __future__ import annotations

import csv
import errno
import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchkit.errors import RunError
from benchkit.run.delimited import read_rows
from benchkit.run.tables import neutralise, read_table, restore, write_atomically, write_table

HARD = ["=1+1", "'=1+1", "''=x", "\t=x", "\r\n", "\r", "a\rb", "a\nb", "'", "-5", "+1", "@x", "\n=1", "＝1"]
HARD += ['"', '",\n"', "", " ", "None", "nan", "NA", "007", "\ufeffx", "\x01\x1f\x7f", "\u2028", "é😀"]
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
HEADER = "id,prompt,test_case,golden_response\n"


def cases(*prompts: str) -> pd.DataFrame:
    rows = [
        {"id": f"c{i}", "prompt": text, "test_case": "conversation", "golden_response": text}
        for i, text in enumerate(prompts)
    ]
    return pd.DataFrame(rows, dtype="object")  # with pyarrow, pandas keeps no lone surrogate otherwise


def written(folder, text: str):
    path = folder / "validated_tests.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("text", HARD)
def test_hard_texts_come_back(tmp_path, text):
    """A cell that a spreadsheet, a CSV reader or pandas would change is the same after a round trip."""
    path = tmp_path / "validated_tests.csv"
    write_table(path, cases(text, "second"))
    assert read_table(path)["prompt"].tolist() == [text, "second"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.sampled_from("='+-@\t\r\n\",a\x00\ud800;😀") | st.characters()), min_size=1))
def test_any_text_comes_back(tmp_path, texts):
    """Any text survives writing and reading; only NUL and lone surrogates are replaced, visibly."""
    path = tmp_path / "validated_tests.csv"
    write_table(path, cases(*texts))
    wanted = ["".join("�" if c == "\x00" or "\ud800" <= c <= "\udfff" else c for c in t) for t in texts]
    assert read_table(path)["prompt"].tolist() == wanted


@given(text=st.text(st.sampled_from("'=+-@\t\rab")))
def test_neutralised_is_no_formula(text):
    """What goes out never begins as a formula, and `restore` undoes exactly that."""
    assert not neutralise(text).startswith(FORMULA)
    assert restore(neutralise(text)) == text


def test_no_cell_or_column_of_the_file_is_a_formula(tmp_path):
    """Looked at with another reader, neither cells nor column names begin as a formula."""
    path = tmp_path / "validated_tests.csv"
    write_table(path, cases(*HARD).assign(**{"@model_response": "=cmd|' /C calc'!A0"}))
    with open(path, encoding="utf-8", newline="") as file:
        assert not [cell for row in csv.reader(file) for cell in row if cell.startswith(FORMULA)]
    assert "@model_response" in read_table(path).columns


def test_long_cells_come_back(tmp_path):
    """A prompt of 300 KB is read, which the csv module refuses unless told."""
    path = tmp_path / "validated_tests.csv"
    write_table(path, cases("x" * 300_000))
    assert len(read_table(path)["prompt"][0]) == 300_000


def test_types_and_absent_columns(tmp_path):
    """Numbers are typed, what is not known stays unknown, absent text is "" and a first attempt is 1."""
    path = tmp_path / "m_all_responses.csv"
    told = {"id": ["a", "b"], "model_response": ["x", None], "round": [1, 2], "latency_s": [-0.0, 0.1 + 0.2]}
    tokens = pd.array([12, None], dtype="Int64")  # of a failed call there are none
    write_table(path, pd.DataFrame(told | {"prompt_tokens": tokens}))
    table = read_table(path)
    assert table["round"].tolist() == [1, 2]
    assert table["round"].dtype == table["prompt_tokens"].dtype == "Int64"
    assert table["prompt_tokens"].tolist() == [12, pd.NA]
    assert table["latency_s"][1] == 0.1 + 0.2
    assert table["cost_usd"].isna().all()
    assert table["model_response"].tolist() == ["x", ""]
    assert table["status"].tolist() == ["", ""]
    bare = read_table(written(tmp_path, HEADER + "a,p,conversation,g\n"))
    assert (bare["attempt"][0], bare["category"][0]) == (1, "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("id,prompt\na,b\n", "no column test_case, golden_response"),
        (HEADER + "a,b,conversation\n", "row 2 has 3 cells, the header 4"),
        (HEADER + "a,b,conversation,g,h\n", "row 2 has 5 cells, the header 4"),
        (
            HEADER + 'a,b,conversation,"cut off',
            "row 2 is not readable as CSV (unexpected end of data; line 2)",
        ),
        ("id,id,prompt,test_case,golden_response\n", "has a column twice"),
        (
            HEADER.strip() + ",attempt\na,b,conversation,g,two\n",
            "row 2: attempt = 'two' is not a whole number",
        ),
        (
            HEADER.strip() + ",attempt\na,b,conversation,g,inf\n",
            "row 2: attempt = 'inf' is not a whole number",
        ),
    ],
)
def test_damage_is_said(tmp_path, text, said):
    """A damaged table says which file, what is wrong with it and, in a run, which notebook makes it."""
    path = written(tmp_path, text)
    for remedy in ("Mend it there.", "Mend it, or delete it and run 02_validate.ipynb again."):
        with pytest.raises(RunError) as error:
            read_table(path)
        assert said in str(error.value)
        assert str(path) in str(error.value)
        assert str(error.value).endswith(f". {remedy}")
        (tmp_path / "calls.sqlite").touch()


def test_all_bad_rows_are_said_at_once(tmp_path):
    """In their order, whatever is wrong with each; of very many the first twenty, and how many more."""
    good = "a,b,conversation,g\n"
    path = written(tmp_path, HEADER + "a,b\n" + good + 'a,b,"c"d,g\n' + good + "a,b,c,d,e\n")
    with pytest.raises(RunError) as error:
        read_table(path)
    assert "csv row 2 has 2 cells, the header 4; row 4 is not readable as CSV (" in str(error.value)
    assert "; row 6 has 5 cells, the header 4. Mend it there." in str(error.value)
    path = written(tmp_path, HEADER + "a,b\n" * 25)
    with pytest.raises(RunError, match=r"row 21 has 2 cells, the header 4; and 5 more\. Mend"):
        read_table(path)


@pytest.mark.parametrize(
    ("cell", "cure"),
    [("5,0", "decimals with a point"), ("-0,25", "decimals"), ("pass", "1 and 0"), ("False", "1 and 0")],
)
def test_what_to_write_in_the_place_of_a_cell(tmp_path, cell, cure):
    """Decimal commas and verdicts are what people bring; other words get no such advice."""
    path = tmp_path / "scores.csv"
    for text, wanted in ((cell, True), ("abc", False)):
        path.write_text(f"id;model;round;metric;value\nx;a;1;mine;{text}\n")
        with pytest.raises(RunError, match="leave a cell empty where there is no value") as caught:
            read_table(path)
        assert (cure in str(caught.value)) == wanted


@pytest.mark.parametrize(
    "header", ["Golden Response", "golden response", "Golden-Response", " GOLDEN_response "]
)
@pytest.mark.parametrize("first", ["", "sep=;\r\n", "SEP=;\n"])
def test_names_and_separators_as_spreadsheets_write_them(tmp_path, header, first):
    """Excel's own first line is none of the table, and a name is known in whatever letters."""
    path = tmp_path / "cases.csv"
    path.write_bytes(f"{first}ID;Prompt;{header}\r\n1;what; that\r\n".encode())
    names, rows = read_rows(path, ("prompt", "golden_response"), ("id", "prompt", "golden_response"))
    assert (names, rows) == (["id", "prompt", "golden_response"], [(2, ["1", "what", " that"], "")])


def test_missing_is_said(tmp_path):
    """A table that is not there names the notebook that makes it."""
    with pytest.raises(RunError, match=r"has no scores\.csv\. Run 04_measure\.ipynb"):
        read_table(tmp_path / "scores.csv")


@pytest.mark.parametrize("text", ["\ufeff" + HEADER, HEADER.replace("\n", "\r\n"), HEADER + "\n\n"])
def test_foreign_files_are_read(tmp_path, text):
    """A byte order mark, CRLF and blank lines are no damage."""
    newline = "\r\n" if "\r" in text else "\n"
    table = read_table(written(tmp_path, text + f'a,"two{newline}lines",conversation,g{newline}'))
    assert table["prompt"].tolist() == [f"two{newline}lines"]


def test_a_crash_leaves_the_old_file(tmp_path, monkeypatch):
    """Whatever ends a write before the rename, the old file is whole and no half of the new one stays."""
    path = tmp_path / "scores.csv"
    write_atomically(path, "old")

    def dies(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", dies)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["scores.csv"]


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    """A write that fails says so, and the old file stays."""
    path = tmp_path / "scores.csv"
    write_atomically(path, "old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    said = r"cannot be written: the disk of .* is full \(No space left on device\)\. Make room on it and run"
    with pytest.raises(RunError, match=said):
        write_atomically(path, "new")
    assert path.read_text() == "old"


def test_the_new_file_is_whole_before_it_is_seen(tmp_path, monkeypatch):
    """At the moment of the rename the temporary file holds all of the text."""
    path, seen = tmp_path / "scores.csv", []
    kind = type(path)
    replace = kind.replace
    monkeypatch.setattr(kind, "replace", lambda self, to: (seen.append(self.read_text()), replace(self, to)))
    write_atomically(path, "x" * 100_000)
    assert seen == ["x" * 100_000]


def test_the_reason_is_said_where_nothing_can_be_tidied_up(tmp_path, monkeypatch):
    """On a disk that turned read-only even a file that is not there cannot be removed."""

    def read_only(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "write_bytes", read_only)
    monkeypatch.setattr(Path, "unlink", read_only)
    with pytest.raises(RunError, match=r"scores\.csv cannot be written: .* is read-only .*Make it writable"):
        write_atomically(tmp_path / "scores.csv", "new")
