"""`benchkit verify`: a run that agrees, and every place at which one may have been edited by hand."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit.agent import Item, Reply
from benchkit.errors import RunError
from benchkit.llm.journal import Journal
from benchkit.report.export import export_report
from benchkit.report.verify import Verification, verify
from benchkit.report.verify.apart import lines_apart, same, values_apart
from benchkit.report.verify.cases import cases_apart, judged_on_record
from benchkit.run import Run
from benchkit.run.json_io import json_text
from benchkit.runner import cli
from benchkit.validate import judging
from benchkit.validate.judging import validator

from .reported import finished, write_report
from .staging import HASTY, STEADY

STEADY_FILE = "offline__steady_all_responses.csv"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    return finished(tmp_path_factory.mktemp("verify") / "run").path


@pytest.fixture
def run(made, tmp_path) -> Run:
    """A copy of the finished run, to be tampered with."""
    return Run(Path(shutil.copytree(made, tmp_path / "run")))


def edit(run: Run, name: str, old: str, new: str) -> None:
    """Replace the first `old` in an artifact by `new`, as a hand would."""
    text = (run.path / name).read_bytes().decode()
    assert old in text
    (run.path / name).write_bytes(text.replace(old, new, 1).encode())


def edit_json(run: Run, name: str, change: Callable[[Any], object]) -> None:
    value = json.loads((run.path / name).read_text())
    change(value)
    (run.path / name).write_text(json_text(value))


def told(found: Verification) -> list[str]:
    return [str(one) for one in found.differences]


def test_a_finished_run_agrees(made, capsys):
    """Exit code 0, a line per file with how many values were compared, and what cannot be recomputed."""
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    assert cli.main(["verify", str(made)]) == 0
    said = capsys.readouterr().out
    for name in (
        "scores.csv",
        "metrics_report.json",
        "metrics.json",
        "commentary.json",
        "analysis_report.md",
    ):
        assert re.search(rf"^{name} +[\d,]+ values  all agree$", said, re.M), name
    assert "run_timestamp" in said
    assert "offline/analyst: they are not recomputed" in said
    # It reads only: not even the log is written.
    assert {path: path.read_bytes() for path in made.rglob("*") if path.is_file()} == before


def test_the_metric_that_decides_may_be_named_in_03(run):
    """What 03 named and 04 left open is what is computed again; another name afterwards is config.json's."""
    config = json.loads((run.path / "config.json").read_text())
    run.record("03_execute", **config["parameters"]["03_execute"], primary_metric="schema_compliance")
    assert told(verify(run)) == [
        "config.json  parameters.03_execute.primary_metric: states 'schema_compliance', recomputed nothing"
    ]
    edit_json(run, "metrics_report.json", lambda r: r.pop("made_with"))  # as of before it was on record
    places = [one.place for one in verify(run).differences if one.file == "metrics_report.json"]
    assert "configuration.primary_metrics.json" in places


def leaves(value: Any, place: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [
            leaf for name, one in value.items() for leaf in leaves(one, f"{place}.{name}" if place else name)
        ]
    if isinstance(value, list):
        return [leaf for at, one in enumerate(value) for leaf in leaves(one, f"{place}[{at}]")]
    return [(place, value)]


def test_every_number_of_the_report_is_compared(made):
    """Whichever leaf of metrics_report.json is changed, it is named, and it alone."""
    stated = json.loads((made / "metrics_report.json").read_text())
    stated.pop("inputs")  # a file's name has a dot, which this test takes for a step
    for place, value in leaves(stated):
        changed = json.loads(json_text(stated))
        inner: Any = changed
        *way, last = re.findall(r"[^.\[\]]+", place)
        for step in way:
            inner = inner[int(step) if isinstance(inner, list) else step]
        key = int(last) if isinstance(inner, list) else last
        inner[key] = not value if isinstance(value, bool) else 0.123 if value is None else _other(value)
        (found,) = values_apart("f", changed, stated)
        assert re.sub(r"\[(\d+)[^\]]*\]", r"[\1]", found.place) == place


def _other(value: Any) -> Any:
    return f"{value}." if isinstance(value, str) else value * (1 + 1e-6) + 1e-6


JSON_EDITS = [
    ("metrics_report.json", "decision.sentence", lambda r: r["decision"].update(sentence="Deploy me.")),
    ("metrics_report.json", "p_adjusted", lambda r: r["comparisons"][0].update(p_adjusted=0.0499)),
    ("metrics_report.json", "comparisons[2", lambda r: r["comparisons"].pop(2)),
    ("metrics_report.json", "denominators[0", lambda r: r["denominators"][0].update(unscored=0, scored=99)),
    ("metrics_report.json", "configuration.alpha", lambda r: r["configuration"].update(alpha=0.1)),
    ("metrics_report.json", "simulated", lambda r: r.update(simulated=False)),
    ("metrics_report.json", "boast", lambda r: r.update(boast=1)),
    ("metrics_report.json", "run_timestamp", lambda r: r.pop("run_timestamp")),
    (
        "metrics_report.json",
        "signature",
        lambda r: r.update(signature=r["signature"].replace("n:12", "n:120")),
    ),
    ("metrics.json", "bleu_score", lambda r: r[STEADY]["conversation_metrics"].update(bleu_score=0.99)),
    ("commentary.json", "withheld", lambda r: r.update(withheld=0)),
    ("commentary.json", "problems", lambda r: r["left_out"][0].update(problems=["too long"])),
]


def test_edited_json_artifacts_are_named(run):
    """File and place of whatever was changed, in every JSON artifact, and of nothing else."""
    for name, _, change in JSON_EDITS:
        edit_json(run, name, change)
    found = told(verify(run))
    for name, place, _ in JSON_EDITS:
        assert [line for line in found if line.startswith(f"{name}  ") and place in line], (name, place)
    files = {line.split("  ")[0] for line in found}
    shown = {"analysis_report.md", "html/analysis_report.html"}
    assert files <= {"metrics_report.json", "metrics.json", "commentary.json"} | shown


def test_a_falsehood_in_the_commentary_is_named(run):
    """A passage that was changed in commentary.json and in the report alike is held against the numbers."""
    old = "All of the models here are simulated."
    new = f"{HASTY} is significantly better than {STEADY} on bleu_score (p = 0.0123)."
    edit(run, "commentary.json", old, new)
    edit(run, "analysis_report.md", old, new)
    edit(run, "html/analysis_report.html", old, new)
    found = told(verify(run))
    assert found
    assert all(line.startswith("commentary.json  passage 'The decision'") for line in found)


REPORT_EDITS = [
    (r"\| \*\*task_completion\*\* \| (-?[\d.]+)", "Comparisons"),  # a table
    (r"\*\*(Inconclusive|Deploy|offline/steady is ahead|No )", "Decision"),
    (r"interval (-?\d\.\d+) to", "Decision"),
    (r"\*Simulated models: (\d+ of \d+) intervals", "Comparisons"),  # a caption
    (r"intervals: \w+ ([-+][\d.]+)", "Comparisons"),  # an alt text
    (r"Median latency in seconds over (\d+)", "Cost and latency"),
    (r"n (\d+) · rounds", "Comparisons"),  # small print
    (r"seed:(\d+)", "Method"),
    (r"alpha = ([\d.]+)", "Method"),
    (r"offline/steady<br><small>([\d.]+)", "Where the models differ most"),
    (r"(\d+) passage was left out", "Commentary"),
    (r"were (scored)\.", "Commentary"),
]


def test_an_edited_report_is_named(run):
    """Line and heading of whatever is changed in analysis_report.md: table, sentence, caption, alt text."""
    path = run.path / "analysis_report.md"
    edited = text = path.read_text()
    wanted = set()
    for pattern, heading in REPORT_EDITS:
        match = re.search(pattern, edited)
        assert match, pattern
        edited = edited[: match.start(1)] + "7" + edited[match.start(1) :]
        wanted.add(
            f"analysis_report.md  line {edited[: match.start(1)].count(chr(10)) + 1} ({heading}): states"
        )
    path.write_text(edited)
    assert {line.partition(": states")[0] + ": states" for line in told(verify(run))} == wanted
    assert edited != text


def test_a_line_more_or_less_is_named(run):
    """A sentence that was put in, and one that was taken out."""
    edit(run, "analysis_report.md", "## Method\n", "## Method\n\nThe p-value is 0.01.\n")
    edit(run, "analysis_report.md", "A failed call is unscored;", "")
    found = told(verify(run))
    assert [line for line in found if "'The p-value is 0.01.'" in line and "recomputed nothing" in line]
    assert [line for line in found if "A failed call is unscored" in line]


def test_an_edited_page_is_named(run):
    """What a manager reads is the report's page: its words are those of the recomputed report."""
    page = run.path / "html" / "analysis_report.html"
    export_report(run.path / "analysis_report.md", page, simulated=True)
    assert not verify(run).differences
    (old,) = set(re.findall(r"alpha = 0\.05;", page.read_text()))
    page.write_text(page.read_text().replace(old, "alpha = 0.01;"))
    (line,) = told(verify(run))
    assert re.fullmatch(r"html/analysis_report\.html  line \d+: states 'alpha = 0\.01;', .* 0\.05;'", line)


def test_an_edited_score_is_named(run):
    """A value in scores.csv: its case, model, round and metric. Removed and repeated rows too."""
    table = run.scores()
    at = table["value"].first_valid_index()
    row = table.loc[at]
    table.loc[at, "value"] = row["value"] / 2 + 0.1234
    run.save("scores.csv", table)
    (line,) = [one for one in told(verify(run)) if one.startswith("scores.csv")]
    assert f"{row['id']}, {row['model']}, {row['round']}, {row['metric']}, value: states " in line
    lines = (run.path / "scores.csv").read_text().splitlines(keepends=True)
    (run.path / "scores.csv").write_text("".join([*lines[:5], lines[7], *lines[7:]]))
    found = [one for one in told(verify(run)) if one.startswith("scores.csv")]
    assert [one for one in found if "states 'the row twice'" in one]
    assert sum("states nothing, recomputed 'a row'" in one for one in found) == 2


@pytest.mark.parametrize("column", ["model_response", "status", "latency_s", "cost_usd", "prompt_tokens"])
def test_an_edited_response_is_named(run, column):
    """A response that is not what came back is named first, by its case, round and column."""
    table = run.responses()
    table = table[table["model"] == STEADY].reset_index(drop=True)
    at = table.index[table["status"] == "answered"][0]
    row = table.loc[at]
    changed = {"model_response": row["model_response"].replace(" ", "  ", 1), "status": "failed"}
    table.loc[at, column] = changed.get(column, 7)
    run.save(STEADY_FILE, table.drop(columns="model"))
    first, *rest = told(verify(run))
    assert first.startswith(f"{STEADY_FILE}  {row['id']}, round {row['round']}, {column}: states ")
    assert rest or column == "prompt_tokens" or column == "model_response"


def test_a_response_that_nobody_gave_is_named(run):
    """A row for a round that was never asked has no reply on record."""
    table = run.responses()
    extra = table[(table["model"] == STEADY) & (table["status"] == "answered")].head(1).assign(round=3)
    table = table[table["model"] == STEADY]
    import pandas as pd

    run.save(STEADY_FILE, pd.concat([table, extra]).drop(columns="model"))
    first, *rest = told(verify(run))
    assert "round 3: states 'a response', recomputed 'no reply on record'" in first
    assert rest


def test_an_edited_golden_is_named(run):
    """A golden response that was changed afterwards shows in the combined table and in the scores."""
    table = run.validated_tests()
    table.loc[table["test_case"] == "conversation", "golden_response"] = "Something else."
    run.save("validated_tests.csv", table)
    found = told(verify(run))
    assert [line for line in found if line.startswith("combined_model_responses.csv") and "golden" in line]
    assert [line for line in found if line.startswith("scores.csv")]


def test_without_a_journal_it_says_so(run):
    """Responses that were made elsewhere are taken as they stand."""
    (run.path / "calls.sqlite").unlink()
    found = verify(run)
    assert not found.differences
    assert [note for note in found.notes if "taken as they stand" in note]


def test_another_version_is_no_error(run):
    """A run that was made with another version of a package is told from one that was changed."""
    for name in ("metrics_report.json", "metrics.json"):
        text = (run.path / name).read_text()
        (run.path / name).write_text(re.sub(r"scipy:[\d.]+", "scipy:0.1.2", text))
    write_report(run)
    found = verify(run)
    assert not found.differences
    assert [note for note in found.notes if note.startswith("Made with scipy 0.1.2, recomputed with scipy ")]


def test_without_a_report_the_rest_is_verified(run):
    """A run that was measured and not reported yet is checked as far as it goes."""
    (run.path / "analysis_report.md").unlink()
    (line,) = told(verify(run))
    assert line == "analysis_report.md  the file: states 'none', recomputed 'the report that 05 wrote'"
    for name in ("commentary.json", "html/analysis_report.html"):
        (run.path / name).unlink()
    found = verify(run)
    assert not found.differences
    assert [note for note in found.notes if "05_report.ipynb has not run" in note]


@pytest.mark.parametrize("name", ["scores.csv", "commentary.json", "metrics.json", "calls.sqlite"])
def test_a_damaged_file_is_an_error_that_names_it(run, name, capsys):
    """Exit code 1 and the file's name, for a file that cannot be read."""
    (run.path / name).write_bytes(b"\x00\xff broken")
    assert cli.main(["verify", str(run.path)]) == 1
    assert name in capsys.readouterr().err


def test_an_edit_is_exit_code_one(run, capsys):
    """Each difference has its line, and the exit code is 1."""
    edit_json(run, "metrics_report.json", lambda r: r["comparisons"][0].update(n=999))
    assert cli.main(["verify", str(run.path)]) == 1
    assert "n: states 999, recomputed " in capsys.readouterr().out


def test_bad_usage(tmp_path, capsys):
    """Exit code 2 for a folder that is none, is no run, or is not named; nothing is made in it."""
    assert cli.main(["verify", str(tmp_path / "none")]) == 2
    assert cli.main(["verify", str(tmp_path)]) == 2
    assert "has no config.json, so there is nothing to verify" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    with pytest.raises(SystemExit) as stopped:
        cli.main(["verify"])
    assert stopped.value.code == 2


def test_missing_sources_are_said(run):
    """Without the CSV files there is nothing to compute from."""
    (run.path / STEADY_FILE).unlink()
    with pytest.raises(RunError, match=STEADY_FILE):
        verify(run)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (5, 5.0, True),
        (True, 1, False),
        (0.1 + 0.2, 0.3, True),
        (0.300001, 0.3, False),
        (float("nan"), float("nan"), True),
        (None, 0, False),
        ("5", 5, False),
        (float("nan"), 0.0, False),
    ],
)
def test_what_is_the_same(one, other, equal):
    """Numbers agree to 9 digits; unknown is not zero, text is no number, true is not 1."""
    assert same(one, other) is equal


@given(
    st.lists(st.text("ab1 \n#|", max_size=12), max_size=8),
    st.integers(0, 7),
    st.text("ab1|", min_size=1, max_size=4),
)
def test_any_changed_line_is_found(lines, at, more):
    """Whatever a text holds, what is put into it is found, and nothing else is."""
    text = "\n".join(line.replace("\n", " ") for line in lines)
    assert not list(lines_apart("f", text, text))
    rows = text.split("\n")
    rows[at % len(rows)] += more
    assert list(lines_apart("f", "\n".join(rows), text))


def test_a_missing_or_foreign_figure_is_named(run):
    """A figure that is gone, cut off, or another; and a page whose picture is not the file's."""
    assert not verify(run).differences
    figures = run.path / "figures"
    (figures / "scores.png").unlink()
    (figures / "rounds.png").write_bytes((figures / "rounds.png").read_bytes()[:2000])
    shutil.copy(figures / "latency.png", figures / "differences.png")
    found = told(verify(run))
    assert (
        "figures/scores.png  the file: states 'no such file', recomputed 'a figure that the report shows'"
        in found
    )
    assert [
        line for line in found if line.startswith("figures/rounds.png  the file: states 'no picture that")
    ]
    assert [line for line in found if line.startswith("figures/differences.png  caption: states ")]
    assert [
        line for line in found if line.startswith("html/analysis_report.html  picture 1: states 'another")
    ]
    assert cli.main(["verify", str(run.path)]) == 1


def test_a_picture_taken_out_of_the_page_is_named(run):
    """The page shows every figure of the report."""
    page = run.path / "html" / "analysis_report.html"
    page.write_text(re.sub(r"<img[^>]*>", "", page.read_text(), count=1))
    assert [line for line in told(verify(run)) if "states 'no picture'" in line]


def test_a_missing_page_is_named(run):
    """The report's page, and that of every notebook that ran."""
    notebooks = run.path / "notebooks"
    notebooks.mkdir()
    (notebooks / "03_execute.ipynb").write_text("{}")
    (run.path / "html" / "analysis_report.html").unlink()
    missing = "the file: states 'no such file', recomputed"
    assert told(verify(run)) == [
        f"html/03_execute.html  {missing} 'a page of notebooks/03_execute.ipynb'",
        f'html/analysis_report.html  {missing} "the report\'s page"',
    ]


def test_an_edited_prompt_is_named(run):
    """What a response is said to answer is what its model was asked, row by row."""
    table = run.responses()
    table = table[table["model"] == STEADY].reset_index(drop=True)
    table.loc[0, "prompt"] += " Please."
    run.save(STEADY_FILE, table.drop(columns="model"))
    row = table.loc[0]
    first, *rest = told(verify(run))
    assert first.startswith(f"{STEADY_FILE}  {row['id']}, round {row['round']}, prompt: states ")
    assert [line.split("  ")[0] for line in rest] == [STEADY_FILE]
    assert "by their digest" in rest[0]


@pytest.mark.parametrize("column", ["prompt", "category", "golden_response", "validation_message"])
def test_an_edited_case_is_named(run, column):
    """Whatever column was edited after 04: the file, and the field where what was asked is known."""
    table = run.validated_tests()
    table.loc[0, column] = f"{table.loc[0, column]} Edited.".replace("} Edited.", ', "x": 1}')
    run.save("validated_tests.csv", table)
    found = told(verify(run))
    assert [line for line in found if line.startswith("validated_tests.csv  the file: states 'other bytes'")]
    if column == "prompt":
        assert found[0].startswith(f"validated_tests.csv  {table.loc[0, 'id']}, prompt: states ")


def test_what_the_validator_judged_is_held_against_the_case(run):
    """With its verdict on record, every field of a case is what it was shown, and its scores what it gave."""
    table = run.validated_tests()
    row = table.loc[0].to_dict() | {"prompt_quality_score": 4.5, "response_quality_score": 5.0}
    judge, reply = validator("offline/critic"), {"prompt_quality_score": 4.5, "response_quality_score": 5}
    call = judge.call(Item(row["id"], judging._message(row)), 7)
    with closing(Journal(run.path / "calls.sqlite")) as journal:
        asyncio.run(journal.record(call, Reply(call.key, "answered", reply)))
    judged = judged_on_record(run.path / "calls.sqlite")
    import pandas as pd

    assert not list(cases_apart(pd.DataFrame([row]), judged, {}))
    for column, value in (("golden_response", "{}"), ("category", "other"), ("prompt_quality_score", 5.0)):
        (found,) = cases_apart(pd.DataFrame([row | {column: value}]), judged, {})
        assert found.place == f"{row['id']}, {column}"


CONFIG_EDITS = [
    ("seed", lambda c: c.update(seed=8)),
    ("provider", lambda c: c.update(provider="groq")),
    ("parameters.04_measure.alpha", lambda c: c["parameters"]["04_measure"].update(alpha=0.1)),
    ("parameters.03_execute.models[1]", lambda c: c["parameters"]["03_execute"]["models"].pop()),
]


@pytest.mark.parametrize(("place", "change"), CONFIG_EDITS)
def test_an_edited_config_is_named_and_nothing_else(run, place, change):
    """What was measured is not to blame for what config.json says now."""
    edit_json(run, "config.json", change)
    (line,) = told(verify(run))
    assert line.startswith(f"config.json  {place}: states ")


def test_what_the_report_says_of_its_parameters_is_checked_too(run):
    """Where config.json gives the report's numbers and the report's own record of it does not."""
    edit_json(
        run, "metrics_report.json", lambda r: r["made_with"]["parameters"]["04_measure"].update(alpha=0.1)
    )
    (line,) = told(verify(run))
    assert line == "metrics_report.json  made_with.parameters.04_measure.alpha: states 0.1, recomputed 0.05"


@pytest.mark.parametrize("text", ["", '{"provider": "offl', "[]", '{"provider": "offline"}'])
def test_a_damaged_config_says_what_helps(run, text, capsys):
    """config.json cannot be made again out of nothing: its copy, or one of the reader's own."""
    (run.path / "config.json").write_text(text)
    assert cli.main(["verify", str(run.path)]) == 1
    assert "Its copy .config.json is there" in capsys.readouterr().err
    (run.path / ".config.json").unlink()
    assert cli.main(["verify", str(run.path)]) == 1
    assert "restore it from a copy of yours" in capsys.readouterr().err
