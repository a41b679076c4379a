"""`benchkit verify`: a run that agrees, and every kind of place at which one may have been edited by hand."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchkit.report.verify import Difference, lines_apart, same, table_apart, values_apart
from benchkit.run import Run
from benchkit.run.json_io import json_text
from benchkit.runner import cli
from benchkit.runner.replay import verify

from .staging import run_again

STEADY_FILE = "offline__steady_all_responses.csv"


@pytest.fixture
def run(finished_run, tmp_path, unpainted) -> Run:
    """A copy of the finished run, to be tampered with."""
    return Run(Path(shutil.copytree(finished_run, tmp_path / "run")))


@pytest.fixture
def computed(finished_run, monkeypatch) -> None:
    """What the notebooks make of an untouched run is what it holds, as the first test shows: nothing runs."""

    async def copied(path: Path, copy: Path, *_: object) -> list[Difference]:
        shutil.copytree(finished_run, copy, dirs_exist_ok=True, copy_function=shutil.copy)
        return []

    monkeypatch.setattr("benchkit.runner.replay._replayed", copied)


def edit_json(run: Run, name: str, change: Callable[[Any], object]) -> None:
    value = json.loads((run.path / name).read_text())
    change(value)
    (run.path / name).write_text(json_text(value))


def told(run: Run) -> list[str]:
    return [str(one) for one in verify(run.path).differences]


def test_a_finished_run_agrees_and_is_only_read(finished_run, capsys, unpainted):
    """Exit code 0 and a line per file; not a byte of the run changes, not even its log."""
    before = {path: path.read_bytes() for path in finished_run.rglob("*") if path.is_file()}
    assert cli.main(["verify", str(finished_run)]) == 0
    said = capsys.readouterr().out
    for name in (
        "scores.csv",
        "metrics_report.json",
        "metrics.json",
        "commentary.json",
        "analysis_report.md",
    ):
        assert re.search(rf"^{name} +agrees$", said, re.M), name
    assert said.count("agrees") >= 25
    assert "Not recomputed" in said
    assert {path: path.read_bytes() for path in finished_run.rglob("*") if path.is_file()} == before


def test_every_kind_of_edit_is_named(run):
    """A response, a score, a number of the report, a sentence, a page: each by its file and place."""
    responses = run.responses().drop(columns="model").head(1)
    table = pd.read_csv(run.path / STEADY_FILE)
    table.loc[0, "model_response"] = "Something else."
    table.loc[1, "latency_s"] = 77.0
    table.to_csv(run.path / STEADY_FILE, index=False)
    scores = pd.read_csv(run.path / "scores.csv")
    scores.loc[3, "value"] = 0.12345
    scores.drop(index=5).to_csv(run.path / "scores.csv", index=False)
    cases = pd.read_csv(run.path / "validated_tests.csv")
    cases.loc[0, "golden_response"] = "Another golden."
    cases.to_csv(run.path / "validated_tests.csv", index=False)
    edit_json(run, "metrics_report.json", lambda r: r["comparisons"][0].update(p_adjusted=0.0499))
    edit_json(run, "metrics.json", lambda r: r["offline/steady"].update(boast=1))
    edit_json(run, "commentary.json", lambda r: r.update(next_step="mend"))
    report = (run.path / "analysis_report.md").read_text()
    (run.path / "analysis_report.md").write_text(report.replace("## Method\n", "## Method\n\nTrust me.\n"))
    page = run.path / "html" / "analysis_report.html"
    page.write_text(re.sub(r"alpha = 0\.05", "alpha = 0.01", page.read_text(), count=1))
    found = told(run)
    first = responses.iloc[0]
    row = scores.loc[3]
    for wanted in (
        f"{STEADY_FILE}  {first['id']}, {first['test_case']}, {first['round']}.model_response: states",
        f"{row['model']}, {row['test_case']}, {row['round']}, {row['metric']}.value: states '0.12345'",
        "states nothing, recomputed a row",
        "p_adjusted: states 0.0499, recomputed",
        "metrics.json  offline/steady.boast: states 1, recomputed nothing",
        "commentary.json  next_step: states 'mend'",
        "analysis_report.md  line",
        "html/analysis_report.html  line",
    ):
        assert [line for line in found if wanted in line], wanted
    assert "decision.warnings" in "".join(found) or "decision.caveat" in "".join(found)
    assert run.edits() == [
        "validated_tests.csv was edited by hand.",
        f"{STEADY_FILE} was changed since benchkit wrote it.",
    ]


FAILED = json.dumps(
    {"status": "failed", "arguments": None, "text": "", "error": "APITimeoutError: timed out"}
    | {"retriable": True}
)


def change(run: Run, query: str, *values: Any) -> None:
    with closing(sqlite3.connect(run.path / "calls.sqlite")) as db, db:
        db.execute(query, values)


def test_edited_cases_are_said_and_kept_and_what_failed_stays_failed(run, capsys):
    """The report says it, and so does verify, which computes with the cases as they are and asks nothing
    again: a finished run in which a call failed agrees."""
    cases = pd.read_csv(run.path / "validated_tests.csv", dtype=str, keep_default_na=False)
    conversation = cases.index[cases["test_case"] == "conversation"][0]
    cases.loc[conversation, "golden_response"] += " Thank you."
    cases.drop(index=cases.index[cases["test_case"] == "json"][0]).to_csv(
        run.path / "validated_tests.csv", index=False
    )
    said = "validated_tests.csv was edited by hand."
    assert run.edits() == [said]
    change(
        run,
        "UPDATE calls SET status = 'kept', reply = json_patch(reply, ?) WHERE key = "
        "(SELECT min(key) FROM calls WHERE model = 'offline/steady' AND \"case\" = ?)",
        *(FAILED, cases["id"][conversation]),
    )
    asyncio.run(run_again(run, 2))
    change(run, "UPDATE calls SET status = 'failed' WHERE status = 'kept'")
    assert (run.responses()["status"] == "failed").sum() == 1
    decision = run.metrics_report()["decision"]
    assert said in [decision["caveat"], *decision["warnings"]]
    assert said in (run.path / "analysis_report.md").read_text().replace("\\", "")
    assert cli.main(["verify", str(run.path)]) == 0
    assert said in capsys.readouterr().out.splitlines()


def test_what_is_not_on_record_is_said_not_asked(run, monkeypatch):
    """A case that was edited before it was validated has no reply on record; nothing is paid for."""
    edit_json(run, "config.json", lambda c: c.update(provider="groq"))
    monkeypatch.setenv("GROQ_API_KEY", "gsk_test")
    cases = pd.read_csv(run.path / "initial_tests.csv")
    cases.loc[0, "prompt"] = cases.loc[0, "prompt"] + " Please hurry."
    cases.to_csv(run.path / "initial_tests.csv", index=False)
    found = told(run)
    assert [line for line in found if line.startswith("02_validate  the notebook") and "GROQ_API_KEY" in line]


def test_a_figure_of_another_run_is_named(run, computed):
    """A figure that none of the run's notebooks draws."""
    shutil.copy(run.path / "figures" / "scores.json", run.path / "figures" / "scores_old.json")
    assert told(run) == ["figures/scores_old.json  the file: states there, recomputed nothing"]


def test_a_missing_file_is_named(run, computed):
    """What the notebooks make and the run lacks; exit code 1, as for every difference."""
    (run.path / "commentary.json").unlink()
    assert "commentary.json  the file: states nothing, recomputed there" in told(run)
    assert cli.main(["verify", str(run.path)]) == 1


def test_another_version_is_no_difference(run, computed):
    """A run that was made with another version of a package is told from one that was changed."""
    for path in (
        run.path / "metrics_report.json",
        run.path / "metrics.json",
        run.path / "analysis_report.md",
    ):
        path.write_text(re.sub(r"scipy:[\d.]+", "scipy:0.1.2", path.read_text()))
    found = verify(run.path)
    assert not found.differences
    assert [note for note in found.notes if note.startswith("Made with scipy:0.1.2, recomputed with scipy:")]


@pytest.mark.parametrize("name", ["scores.csv", "metrics.json"])
def test_a_damaged_file_is_an_error_that_names_it(run, computed, name, capsys):
    """Exit code 1 and the file's name, for a file that cannot be read."""
    (run.path / name).write_bytes(b"\x00\xff broken")
    assert cli.main(["verify", str(run.path)]) == 1
    assert name in capsys.readouterr().err


def test_a_damaged_journal_is_the_run_s_own(run, computed, capsys):
    """The file that is named is the one that can be mended, not that of the copy that was computed on."""
    journal = run.path / "calls.sqlite"
    with journal.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (journal.stat().st_size - 4096))
    assert cli.main(["verify", str(run.path)]) == 1
    assert f"benchkit: {journal} is damaged" in capsys.readouterr().err


def test_bad_usage(tmp_path, capsys):
    """Exit code 2 for a folder that is none, is no run, or is not named; nothing is made in it."""
    assert cli.main(["verify", str(tmp_path / "none")]) == 2
    assert cli.main(["verify", str(tmp_path)]) == 2
    assert "has no config.json" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1.0, 1.0 + 1e-13, True),
        (0.5, 0.5001, False),
        (1, 1.0, True),
        (True, 1, False),
        (None, 0, False),
        ("a", "a", True),
    ],
)
def test_what_is_the_same(one, other, equal):
    """Numbers to nine digits, everything else exactly."""
    assert same(one, other) is equal


LEAF = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2)
TREE = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xy", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(TREE, TREE)
def test_json_agrees_only_with_itself(one, other):
    """No difference is found between a value and itself, and one is found wherever two differ."""
    assert not list(values_apart("f", one, one))
    assert bool(list(values_apart("f", one, other))) == (json.dumps(one) != json.dumps(other)) or one == other


@given(
    st.lists(st.text("ab ", max_size=5), min_size=1, max_size=6), st.integers(0, 5), st.text("cd", min_size=1)
)
def test_any_changed_line_is_found(lines, at, more):
    """A line that was changed, or put in, is found."""
    lines = [f"x{line}" for line in lines]
    at %= len(lines)
    changed = [*lines[:at], lines[at] + more, *lines[at + 1 :]]
    assert not list(lines_apart("f", "\n".join(lines), "\n".join(lines)))
    assert list(lines_apart("f", "\n".join(changed), "\n".join(lines)))
    assert list(lines_apart("f", "\n".join([*lines[:at], more, *lines[at:]]), "\n".join(lines)))


def test_rows_are_held_against_each_other_by_their_keys():
    """A row taken out is one difference, not one for every row after it."""
    text = "id,round,value\na,1,0.5\nb,1,0.25\nc,1,1\n"
    (found,) = table_apart("f", text.replace("a,1,0.5\n", ""), text)
    assert str(found) == "f  a, 1: states nothing, recomputed a row"
