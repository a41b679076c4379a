"""Run folders: begun, continued, refused, adopted, and read with the remedy at hand."""

from __future__ import annotations

import csv
import json
import logging
import math
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchkit import metrics
from benchkit.errors import RunError, UsageError
from benchkit.measure import brought
from benchkit.plots import Chart, plot_yield
from benchkit.run import Run, combined, open_run, read_run, start_run
from benchkit.run.paths import located, newest_run_dir
from benchkit.run.responses import file_name, model_of, response_files
from benchkit.run.rows import rows_used

OLD_COLUMNS = ["id", "prompt", "model_response", "test_case", "round", "timestamp"]
CASES = [
    {
        "id": "t1",
        "prompt": "Where is it?",
        "test_case": "customer, agent",
        "golden_response": "It arrives on 3 May.",
    },
    {
        "id": "t2",
        "prompt": "Record 5",
        "test_case": "json",
        "golden_response": "{'a': 5, 'ok': True, 'none': None}",
    },
]


TABLE = pd.DataFrame({"id": ["a", "b"], "category": ["x", "y"]})


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """Every test works in a folder of its own, as a project's root."""
    (tmp_path / "runs").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def begun(path="runs/demo", **parameters) -> Run:
    return start_run(path, **{"provider": "offline", "seed": 7, "cases_file": ""} | parameters)


def adopted(folder, *models: str):
    """A folder as another harness leaves it."""
    folder.mkdir()
    pd.DataFrame(CASES).to_csv(folder / "validated_tests.csv", index=False)
    for model in models:
        rows = [
            {"id": c["id"], "prompt": c["prompt"], "model_response": model, "test_case": c["test_case"]}
            | {"round": 1, "timestamp": "2025-01-01"}
            for c in CASES
        ]
        pd.DataFrame(rows)[OLD_COLUMNS].to_csv(folder / f"{model}_all_responses.csv", index=False)
    return folder


def case_table(*ids: str, prompt: str = "p") -> pd.DataFrame:
    rows = [{"id": id, "prompt": prompt, "test_case": "conversation", "golden_response": "g"} for id in ids]
    return pd.DataFrame(rows)


def response_table(*models: str, ids=("a", "b"), rounds: int = 2, prompt: str = "p") -> pd.DataFrame:
    rows = [
        {"id": id, "prompt": prompt, "test_case": "conversation", "model": model, "round": k + 1}
        | {"model_response": f"{model} {id} {k}", "status": "answered", "error": "", "timestamp": ""}
        | {"latency_s": 0.5, "queue_s": math.nan, "prompt_tokens": None, "completion_tokens": 3}
        | {"cost_usd": math.nan}
        for model in models
        for id in ids
        for k in range(rounds)
    ]
    return pd.DataFrame(rows).astype({"prompt_tokens": "Int64", "completion_tokens": "Int64"})


def executed(*models: str, ids=("a", "b")) -> Run:
    """A run that 02 and 03 went over."""
    run = begun()
    run.save("validated_tests.csv", case_table(*ids))
    run.record("03_execute", models=list(models), rounds=2)
    run.save_responses(response_table(*models, ids=ids))
    return run


class TestStarting:
    def test_config_says_what_the_run_is(self):
        """config.json holds provider, seed, parameters, versions, commit and prompt hashes."""
        config = begun(json_cases=3).config
        assert (config["provider"], config["seed"]) == ("offline", 7)
        assert config["parameters"]["01_generate"]["json_cases"] == 3
        assert {"python", "benchkit", "groq"} <= config["versions"].keys()
        assert {"generate_json", "validate", "execute_json"} <= config["prompt_hashes"].keys()
        assert "git_commit" in config

    def test_continuing_keeps_what_was_recorded(self):
        """01 on the same run again keeps when it began and what the other notebooks ran with."""
        run = begun(json_cases=3)
        run.record("03_execute", rounds=5)
        began = run.config["started"]
        again = begun(json_cases=4)
        assert again.parameter("03_execute", "rounds") == 5
        assert again.parameter("01_generate", "json_cases") == 4
        assert again.config["started"] == began

    @pytest.mark.parametrize(
        ("name", "value"), [("provider", "groq"), ("seed", 8), ("cases_file", "other.csv")]
    )
    def test_another_configuration_is_refused(self, name, value):
        """A folder of another provider, seed or cases file is left as it is."""
        run = begun()
        run.save("initial_tests.csv", case_table("a"))
        before = (run.path / "config.json").read_bytes()
        with pytest.raises(RunError, match=f"made with {name} = "):
            begun(**{name: value})
        assert (run.path / "config.json").read_bytes() == before

    def test_nothing_made_nothing_fixed(self):
        """A run in which nothing was made yet, as after a mistyped cases file, may still change its mind."""
        begun(cases_file="mistyped.csv")
        assert begun(cases_file="right.csv").parameter("01_generate", "cases_file") == "right.csv"

    @pytest.mark.parametrize("wrong", [{"provider": "gorq"}, {"seed": "7"}])
    def test_wrong_parameters_make_no_folder(self, wrong, workplace):
        """A provider or seed that cannot be used is said before anything is made."""
        with pytest.raises(UsageError, match=f"{next(iter(wrong))} = "):
            begun(**wrong)
        assert not list((workplace / "runs").iterdir())

    def test_a_file_is_no_folder(self, workplace):
        """A run_dir that is a file is refused, and the file stays."""
        (workplace / "file").write_text("mine")
        with pytest.raises(RunError, match="cannot be made a run folder"):
            begun("file")
        assert (workplace / "file").read_text() == "mine"

    def test_foreign_responses_are_not_written_over(self, workplace):
        """01 does not begin in a folder that holds somebody's cases, adopted or not."""
        folder = adopted(workplace / "theirs", "a", "b")
        before = (folder / "validated_tests.csv").read_bytes()
        with pytest.raises(UsageError, match="is no run of benchkit"):
            begun(folder)
        assert open_run(folder).provider == "imported"
        with pytest.raises(RunError, match="from elsewhere"):
            begun(folder)
        assert (folder / "validated_tests.csv").read_bytes() == before

    @pytest.mark.parametrize("name", ["config.json", "01_generate.ipynb", "src"])
    def test_a_folder_that_holds_anything_is_left_alone(self, workplace, name):
        """Whatever lies in it, a folder that is no run keeps its contents, and no file is added."""
        folder = workplace / "mine"
        folder.mkdir()
        (folder / name).mkdir() if name == "src" else (folder / name).write_text("{}")
        with pytest.raises(UsageError, match=f"mine holds {name} and is no run of benchkit"):
            begun(folder)
        assert [entry.name for entry in folder.iterdir()] == [name]

    def test_what_is_no_content(self, workplace):
        """A lock, a keeper of empty folders and papermill's notebook are in no way."""
        folder = workplace / "mine"
        folder.mkdir()
        for name in (".lock", ".gitkeep"):
            (folder / name).touch()
        (folder / "out.ipynb").write_text('{"metadata": {"papermill": {"output_path": "out.ipynb"}}}')
        assert begun(folder).path == folder

    def test_names_are_under_runs(self, workplace):
        """A bare name is a run's, unless only the working directory has a folder of that name."""
        assert begun("fresh").path == workplace / "runs" / "fresh"
        assert open_run("fresh").path == workplace / "runs" / "fresh"
        (workplace / "fresh").mkdir()
        assert located("fresh") == workplace / "runs" / "fresh"
        (workplace / "beside").mkdir()
        assert (located("beside"), located("..").name) == (Path("beside"), "..")
        assert str(workplace / "runs" / "fresh") in begun("fresh")._repr_markdown_()

    def test_a_folder_is_made_where_its_parent_is(self, workplace):
        """One level: a mistyped path makes no tree of folders."""
        assert begun(workplace / "one").path.is_dir()
        with pytest.raises(UsageError, match=r"there is no folder .*nowhere\. Make that first"):
            begun(workplace / "nowhere" / "one")
        assert not (workplace / "nowhere").exists()

    def test_relative_folders_are_the_projects(self, workplace, monkeypatch):
        """From the notebooks' folder as from the root, runs/demo is the same run, and it is the newest."""
        (workplace / "notebooks").mkdir()
        (workplace / "notebooks" / "01_generate.ipynb").write_text("{}")
        monkeypatch.chdir(workplace / "notebooks")
        run = begun("runs/demo")
        assert run.path == (workplace / "runs" / "demo").resolve()
        assert open_run("runs/demo").path == open_run("").path == run.path

    def test_new_runs_never_share_a_folder(self):
        """Two runs of the same second get two folders, and the newest is the one that was begun last."""
        first, second = begun(""), begun("")
        assert first.path != second.path
        assert open_run("").path == second.path
        begun(first.path)
        assert newest_run_dir().name == second.path.name

    def test_the_newest_run_is_one_that_got_somewhere(self):
        """A run that ended on its first sentence is passed over where another has cases."""
        first, second = begun(""), begun("")
        assert newest_run_dir().name == second.path.name
        (first.path / "initial_tests.csv").touch()
        assert newest_run_dir().name == first.path.name


class TestOpening:
    def test_missing_folders_are_said(self):
        """No run yet, no such folder, a folder that is no run: each says what to do."""
        with pytest.raises(RunError, match=r"has no run yet\. Run 01_generate"):
            open_run("")
        with pytest.raises(RunError, match="runs/none is not a folder"):
            open_run("runs/none")
        with pytest.raises(RunError, match="so it is no run"):
            open_run("runs")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "cannot be read"),
            ('{"provider": "offline", "se', "cannot be read"),
            ("[]", "does not hold a JSON object"),
            ('{"provider": 1, "seed": 7, "parameters": []}', "no usable provider, parameters"),
        ],
    )
    def test_damaged_config_is_said(self, text, said):
        """A config.json that is cut off or of another shape: the fault and the remedy."""
        run = begun()
        (run.path / "config.json").write_text(text)
        with pytest.raises(RunError, match=said) as error:
            open_run(run.path)
        assert "config.json" in str(error.value)
        assert "another run_dir" in str(error.value)

    def test_a_lost_config_is_not_taken_for_an_import(self):
        """A run with a journal and no config.json is ours, and 01 does not write another one over it."""
        run = begun()
        sqlite3.connect(run.path / "calls.sqlite").close()
        (run.path / "calls.sqlite").touch()
        (run.path / "config.json").unlink()
        for opened in (lambda: open_run(run.path), begun):
            with pytest.raises(RunError, match=r"lost its config\.json"):
                opened()

    @pytest.mark.parametrize(
        ("table", "maker"),
        [
            ("initial_tests", "01_generate"),
            ("validated_tests", "02_validate"),
            ("rejected_tests", "02_validate"),
            ("responses", "03_execute"),
            ("scores", "04_measure"),
            ("metrics_report", "04_measure"),
        ],
    )
    def test_missing_artifacts_name_their_notebook(self, table, maker):
        """What is not there yet is said with the notebook that makes it."""
        with pytest.raises(RunError, match=rf"Run {maker}\.ipynb"):
            getattr(begun(), table)()

    def test_a_half_report_is_said(self):
        """A metrics report that lacks its parts is no KeyError."""
        run = begun()
        run.save_json("metrics_report.json", {"configuration": {}})
        with pytest.raises(RunError, match=r"no usable comparisons, decision.*04_measure\.ipynb"):
            run.metrics_report()

    def test_a_report_of_other_responses_is_said(self):
        """05 must not report what 03 has asked anew since 04; whoever only looks may still read it."""
        run = begun()
        run.save("validated_tests.csv", case_table("a"))
        measured = {"comparisons": [], "configuration": {"rounds": 3}, "decision": {}}
        run.save_report(measured)
        assert run.current_report()["configuration"] == {"rounds": 3}
        run.save("validated_tests.csv", case_table("a", "b"))
        with pytest.raises(
            RunError, match=r"before validated_tests\.csv changed\. Run 04_measure\.ipynb again"
        ):
            run.current_report()
        assert run.metrics_report()["configuration"] == {"rounds": 3}
        run.save_json("metrics_report.json", measured)  # somebody's who kept no digests
        assert run.current_report() == measured

    def test_an_older_report_names_its_judge_elsewhere(self):
        """So that another one now is noticed: its configuration did not have it."""
        run = begun()
        assert run.seen_before() == {}
        judged = {"judge": {"judged": {"model": "offline/judge"}}, "comparisons": [], "decision": {}}
        run.save_json("metrics_report.json", judged | {"configuration": {"rounds": 3}})
        assert run.seen_before() == {"rounds": 3, "judge": "offline/judge"}
        run.save_json("metrics_report.json", judged | {"configuration": {"judge": ""}})
        assert run.seen_before() == {"judge": ""}

    def test_in_use_is_said(self, monkeypatch):
        """A run that another process owns is not written to, and the owner is named."""
        from filelock import FileLock

        run = begun()
        (run.path / ".owner.json").write_text(json.dumps({"pid": 4711, "command": "other", "since": "now"}))
        with FileLock(run.path / ".lock"), pytest.raises(RunError, match="in use by process 4711"):
            run.save("initial_tests.csv", case_table("a"))
        assert not (run.path / "initial_tests.csv").exists()


class TestSaving:
    def test_json_has_no_nan(self):
        """NumPy's and pandas' numbers become JSON's, and what is no finite number null."""
        run = begun()
        value = {"a": np.float64("nan"), "b": [np.int64(3), float("inf")], "c": pd.NA, 5: np.float32(0.5)}
        run.save_json("metrics.json", value)
        assert json.loads((run.path / "metrics.json").read_text()) == {
            "a": None,
            "b": [3, None],
            "c": None,
            "5": 0.5,
        }

    def test_unknown_values_leave_the_old_file(self):
        """What JSON cannot hold is an error before anything is written."""
        run = begun()
        run.save_json("metrics.json", {"a": 1})
        with pytest.raises(TypeError, match="set is not"):
            run.save_json("metrics.json", {"a": {1}})
        assert json.loads((run.path / "metrics.json").read_text()) == {"a": 1}

    def test_surrogates_are_escaped(self):
        """Half a character, which models do send, ends no run."""
        run = begun()
        run.save_json("metrics.json", {"a": "x\ud800"})
        run.save_text("analysis_report.md", "x\ud800")
        assert json.loads((run.path / "metrics.json").read_text())["a"] == "x\ud800"
        assert (run.path / "analysis_report.md").read_text() == "x\\ud800"

    def test_a_figure_is_replaced_whole(self, monkeypatch):
        """A figure that fails half way leaves the one that was there."""
        run = begun()
        first = run.figure(plot_yield(TABLE, TABLE.iloc[:0]))

        def fails(self) -> bytes:
            raise MemoryError

        monkeypatch.setattr(Chart, "_render", fails)
        with pytest.raises(MemoryError):
            run.figure(plot_yield(TABLE, TABLE))
        assert sorted(path.name for path in (run.path / "figures").iterdir()) == ["yield.json", "yield.png"]
        assert run.figures()["yield"].png == first.png

    def test_a_figure_says_what_the_run_knows(self):
        """Signed by the run, marked SIMULATED, with a sidecar that gives its words back."""
        run = begun(provider="offline")
        chart = run.figure(plot_yield(TABLE, TABLE.iloc[:0]))
        kept = run.figures()["yield"]
        assert kept.caption == chart.caption
        assert kept.caption.startswith("Simulated models: ")
        assert "|seed:" in kept.signature
        told = json.loads((run.path / "figures" / "yield.json").read_text())
        assert set(told) >= {"caption", "alt", "drawn_from", "notebook"}

    def test_an_unchanged_figure_is_drawn_once(self, monkeypatch):
        """A notebook that runs again draws only what has other data, words or title."""
        run = begun(provider="offline")
        run.record("02_validate")
        first = run.figure(plot_yield(TABLE, TABLE.iloc[:0])).png
        run.record("02_validate")
        drawn, render = [], Chart._render
        monkeypatch.setattr(Chart, "_render", lambda self: drawn.append(self) or render(self))
        assert run.figure(plot_yield(TABLE, TABLE.iloc[:0])).png == first
        assert run.figures()["yield"].png == first
        assert not drawn
        assert run.figure(plot_yield(TABLE, TABLE)).png != first
        assert len(drawn) == 1

    def test_a_figure_of_an_earlier_metric_is_gone(self):
        """A notebook that runs again draws anew: of its earlier figures none is left, another's stay."""
        run = begun()
        run.record("02_validate")
        run.figure(plot_yield(TABLE, TABLE.iloc[:0]))
        run.record("03_execute", primary_metric="clarity")
        run.figure(replace(plot_yield(TABLE, TABLE), name="power_clarity"))
        (run.path / "figures" / "power_old.png").write_bytes(b"from elsewhere")
        assert list(run.figures()) == ["yield", "power_clarity"]
        run.record("03_execute", primary_metric="bleu_score")
        run.figure(replace(plot_yield(TABLE, TABLE), name="power_bleu_score"))
        assert list(run.figures()) == ["yield", "power_bleu_score"]

    def test_a_figure_that_is_drawn_again_keeps_its_place(self):
        """A person runs one cell anew: the pages have the figures in the notebook's order all the same."""
        run = begun()
        run.record("02_validate")
        chart = plot_yield(TABLE, TABLE.iloc[:0])
        for name in "abcab":
            run.figure(replace(chart, name=name))
        assert list(run.figures()) == ["a", "b", "c"]


class TestEditing:
    """What a person changed in a table by hand is not undone when the run goes on."""

    @pytest.mark.parametrize("name", ["initial_tests.csv", "validated_tests.csv"])
    def test_an_edit_is_kept_and_said(self, name, caplog):
        """The notebook that makes the file runs again: the edit stays, and a warning names the file."""
        run = begun()
        logging.getLogger("benchkit").addHandler(caplog.handler)
        run.save(name, case_table("a", "b"))
        run.save(name, case_table("a", "b", "c"))
        path = run.path / name
        assert "edited" not in caplog.text
        path.write_text(path.read_text().replace("a,p,", "a,my own words,"))
        begun().save(name, case_table("a", "b", "c"))
        assert pd.read_csv(path)["prompt"].tolist() == ["my own words", "p", "p"]
        assert f"{name} was edited since benchkit wrote it" in caplog.text
        assert run.edits() == [f"{name} was edited by hand."]
        path.unlink()
        run.save(name, case_table("a"))
        assert len(pd.read_csv(path)) == 1
        logging.getLogger("benchkit").removeHandler(caplog.handler)

    @pytest.mark.parametrize(
        "name",
        ["scores.csv", "a_all_responses.csv", "rejected_tests.csv", "metrics.json", "analysis_report.md"],
    )
    def test_what_is_made_anew_is_kept_beside(self, name, caplog):
        """Whatever a person changed in it, and each time; nothing is said where nobody did."""
        run, path = begun(), begun().path / name
        logging.getLogger("benchkit").addHandler(caplog.handler)
        caplog.clear()

        def make(text: str) -> None:
            if path.suffix == ".csv":
                run.save(name, pd.DataFrame({"id": [text]}))
            else:
                run.save_text(name, text)

        for text in "aabb":
            make(text)
        assert (caplog.text, run.edits()) == ("", [])
        for kept in (".edited", ".edited1"):
            path.write_text(f"my own {kept}")
            make("b")
            assert path.with_suffix(kept + path.suffix).read_text() == f"my own {kept}"
            assert "my own" not in path.read_text()
            assert f"{path} was changed since benchkit wrote it, and is made anew." in caplog.text
            assert path.stem + kept + path.suffix in caplog.text
        assert run.edits() == []
        logging.getLogger("benchkit").removeHandler(caplog.handler)

    def test_responses_that_were_changed_are_said(self):
        """04 scores them as they stand."""
        run = begun()
        run.save("a_all_responses.csv", pd.DataFrame({"id": ["x"], "model_response": "no", "round": 1}))
        path = run.path / "a_all_responses.csv"
        path.write_text(path.read_text().replace("no", "yes"))
        assert run.edits() == ["a_all_responses.csv was changed since benchkit wrote it."]

    def test_a_spreadsheet_that_saved_it_again_edited_nothing(self):
        """Other quotes and a byte order mark are the same table."""
        run = begun()
        run.save("validated_tests.csv", case_table("a"))
        path = run.path / "validated_tests.csv"
        pd.read_csv(path).to_csv(path, index=False, quoting=csv.QUOTE_ALL, encoding="utf-8-sig")
        assert run.edits() == []
        run.save("validated_tests.csv", case_table("a", "b"))
        assert len(pd.read_csv(path)) == 2


class TestRowsUsed:
    def test_in_words(self):
        """Each row that is not used is counted once, under what became of it."""
        reasons = ["unusable: row 8: has 3 cells, the header 4", "unusable: row 9: golden_response is empty"]
        reasons += ["unusable: row 10: the same case as row 2", "response quality: 2 of 5, 4 needed. Off."]
        assert rows_used(9, reasons) == (
            "9 of 13 rows used: 2 unusable, 1 duplicate, 1 refused by the validator"
        )
        assert rows_used(3, []) == "3 of 3 rows used"
        reasons = [
            "duplicate: the same prompt",
            "near-duplicate: 95 % like c1",
            "facts: x; near-duplicate: y",
        ]
        assert rows_used(1, reasons, flagged=1) == (
            "1 of 4 rows used (1 flagged): 2 turned down by the checks, 1 duplicate"
        )

    def test_of_a_run(self):
        """Only where somebody brought the cases; what a person took out of the file is counted too."""
        run = begun(cases_file="mine.csv")
        run.save("initial_tests.csv", case_table("a", "b", "c"))
        assert run.rows_used() == ""
        run.save("rejected_tests.csv", case_table("b").assign(reason="no verdict: timeout"))
        run.save("validated_tests.csv", case_table("a"))
        assert run.rows_used() == (
            "1 of 3 rows used: 1 without a verdict of the validator, 1 taken out by hand"
        )
        other = begun("runs/generated")
        other.save("rejected_tests.csv", case_table().assign(reason=""))
        assert other.rows_used() == ""


class TestFileNames:
    def test_known_names(self):
        """Plain ids read as the design writes them."""
        assert file_name("openai/gpt-oss-120b") == "openai__gpt-oss-120b"
        assert file_name("mixtral-8x7b-32768") == "mixtral-8x7b-32768"

    def test_lookalikes_differ(self):
        """Ids that would look alike as files, or differ by case alone, get different names."""
        ids = ["a/b", "a__b", "a_/b", "a/_b", "A/b", "A/B", "a:b", "a-b", "a b", "a/b/c", "a__b/c", "a/b__c"]
        ids += ["é", "è", "", ".", "..", "../x", "golden", "x" * 300, "x" * 299 + "y", "a/b~1", "\ud800"]
        names = [file_name(id).lower() for id in ids]
        assert len(set(names)) == len(ids)
        assert all(len(name) < 200 and "/" not in name for name in names)

    @settings(suppress_health_check=[HealthCheck.too_slow])  # on a loaded machine
    @given(ids=st.lists(st.text(st.sampled_from("abAB_/-.~:"), max_size=8), min_size=2, unique=True))
    def test_two_models_never_share_a_file(self, ids):
        """No two ids have the same name, also where case does not count."""
        assert len({file_name(id).lower() for id in ids}) == len(ids)

    @given(
        id=st.from_regex(
            r"[a-zA-Z0-9.-]{1,9}(_[a-zA-Z0-9.-]{1,9})?(/[a-zA-Z0-9.-]{1,9}){0,2}", fullmatch=True
        )
    )
    def test_ids_of_ordinary_letters_are_found_again(self, id):
        """A name tells its id again, upper case and folders included."""
        assert model_of(file_name(id)) == id

    def test_imported_names(self, workplace):
        """Whatever a file of somebody else is called, it gives a model id of its own."""
        folder = adopted(workplace / "theirs", "openai__gpt-oss-20b", "GPT-4", "my_model", "a__b__c")
        (folder / ".x_all_responses.1.tmp.csv").write_text("half")
        assert set(response_files(folder)) == {"openai/gpt-oss-20b", "GPT-4", "my_model", "a/b__c"}

    def test_column_of_a_model_called_golden(self):
        """The combined file keeps the golden response beside any model's column."""
        table = combined(response_table("golden", "b"), case_table("a", "b"))
        assert table["golden_response"].tolist() == ["g"] * 4
        assert len(table.columns) == len(set(table.columns)) == 7


class TestResponses:
    def test_come_back_with_their_models(self):
        """Saved responses are read again with their ids, in the order of the models that were asked."""
        run = executed("Upper/Case:x", "offline/hasty")
        again = run.responses()
        assert again["model"].drop_duplicates().tolist() == ["Upper/Case:x", "offline/hasty"]
        assert (
            again["model_response"].tolist()
            == response_table("Upper/Case:x", "offline/hasty")["model_response"].tolist()
        )
        assert again["prompt_tokens"].isna().all()
        assert again["completion_tokens"].tolist() == [3] * 8

    def test_combined_file(self):
        """One row a case and round, golden response and every model's answer side by side."""
        run = executed("m/a", "m/b")
        table = pd.read_csv(run.path / "combined_model_responses.csv")
        assert list(table.columns[:5]) == ["test_id", "round", "prompt", "test_case", "golden_response"]
        assert table[["test_id", "round"]].to_numpy().tolist() == [["a", 1], ["a", 2], ["b", 1], ["b", 2]]
        assert table["m__b_response"].tolist() == ["m/b a 0", "m/b a 1", "m/b b 0", "m/b b 1"]

    def test_other_models_leave_the_old_files(self):
        """03 with other models keeps the old models' files; what is read and combined is the new pair."""
        run = executed("m/a", "m/b")
        old = (run.path / "m__a_all_responses.csv").read_bytes()
        run.record("03_execute", models=["m/b", "m/c"], rounds=2)
        run.save_responses(response_table("m/b", "m/c"))
        assert (run.path / "m__a_all_responses.csv").read_bytes() == old
        assert set(run.responses()["model"]) == {"m/b", "m/c"}
        assert "m__a_response" not in pd.read_csv(run.path / "combined_model_responses.csv")

    def test_an_unfinished_execution_is_said(self):
        """03 was begun with another model and stopped: its file is named, not silently left out."""
        run = executed("m/a", "m/b")
        run.record("03_execute", models=["m/a", "m/new"], rounds=2)
        with pytest.raises(RunError, match=r"no m__new_all_responses\.csv\. Run 03_execute\.ipynb"):
            run.responses()

    @pytest.mark.parametrize(
        ("changed", "which"),
        [
            (case_table("a", "b", prompt="other"), "a, b"),
            (case_table("a"), "b"),
            (case_table("a", "b", "c"), "c"),
        ],
    )
    def test_answers_to_other_cases_are_refused(self, changed, which):
        """02 ran again and the cases changed: 04 does not score the answers to the old ones."""
        run = executed("m/a", "m/b")
        run.save("validated_tests.csv", changed)
        with pytest.raises(RunError, match=rf"\({which}\)\. Run 03_execute\.ipynb again"):
            run.responses()

    def test_damage_names_the_models_file(self):
        """A response file that is cut off is named."""
        run = executed("m/a", "m/b")
        path = run.path / "m__b_all_responses.csv"
        path.write_bytes(path.read_bytes()[:-40])
        (run.path / "calls.sqlite").touch()
        with pytest.raises(RunError, match=r"m__b_all_responses\.csv row 5 has .*03_execute\.ipynb"):
            run.responses()


class TestAdopting:
    def test_a_folder_from_elsewhere(self, workplace):
        """validated_tests.csv and two response files with six columns are a run; nothing of it is touched."""
        from benchkit.generate.cases import adopt_cases

        folder = adopted(workplace / "theirs", "mixtral-8x7b-32768", "openai__gpt-oss-20b")
        before = {p.name: p.read_bytes() for p in folder.glob("*.csv")}
        run = open_run(folder)
        assert (run.provider, run.simulated, run.brought) == ("imported", False, True)
        responses, cases = run.responses(), adopt_cases(run.validated_tests())
        assert set(responses["model"]) == {"mixtral-8x7b-32768", "openai/gpt-oss-20b"}
        assert (responses["status"] == "").all()
        assert cases["test_case"].tolist() == ["conversation", "json"]
        assert json.loads(cases["golden_response"][1]) == {"a": 5, "ok": True, "none": None}
        assert {p.name: p.read_bytes() for p in folder.glob("*.csv")} == before

    async def test_a_named_judge_judges_them(self, workplace):
        """By its name at its own provider; what a simulated judge said is simulated. Without one, nobody."""
        from benchkit import connect
        from benchkit.generate.cases import adopt_cases
        from benchkit.judge import judge_of
        from benchkit.measure import align, judge_answers, judged

        folder = adopted(workplace / "theirs", "a", "b")
        table = pd.read_csv(folder / "validated_tests.csv").assign(requirements=["name the amount", ""])
        table.to_csv(folder / "validated_tests.csv", index=False)
        run = open_run(folder)
        cases = adopt_cases(run.validated_tests())
        answers = align(run.responses(), cases)
        assert judge_of(run.provider, ["a", "b"], run.parameter) == ""
        said = judged(await judge_answers(answers, cases, connect(run), ""), "", run.provider)
        assert "-p judge_model MODEL" in said["in_words"]
        assert not run.simulated
        run.record("04_measure", judge_model="offline/judge")
        judge = judge_of(run.provider, ["a", "b"], run.parameter)
        told = await judge_answers(answers, cases, connect(run, model=judge), judge)
        assert {"a", "b"} <= set(told["model"])
        assert told["met"].notna().all()
        assert run.simulated
        assert judged(told, judge, run.provider)["answers"] == len(told) >= 4

    def test_simulated_answers_stay_simulated(self, workplace):
        """Answers of simulated models are said to be simulated in whatever folder they lie."""
        folder = adopted(workplace / "theirs", "offline__steady", "b")
        assert open_run(folder).simulated
        assert "SIMULATED" in repr(open_run(folder))

    def test_03_by_mistake_breaks_nothing(self, workplace):
        """An imported folder keeps its own models, even when 03 was told others before it stopped."""
        run = open_run(adopted(workplace / "theirs", "a", "b"))
        run.record("03_execute", models=["offline/steady", "offline/hasty"], rounds=3)
        assert set(run.responses()["model"]) == {"a", "b"}

    def test_no_file_of_theirs_is_written_over(self, workplace):
        """Where their files are in the way, the run is a folder inside, with copies of its own."""
        folder = adopted(workplace / "theirs", "a", "b")
        (folder / "metrics.json").write_text("theirs")
        before = {p.name: p.read_bytes() for p in folder.iterdir()}
        run = open_run(folder)
        assert run.path == folder / "benchkit"
        run.save_json("metrics.json", {})
        (run.path / "b_all_responses.csv").unlink()
        (folder / "a_all_responses.csv").rename(folder / "c_all_responses.csv")
        again = open_run(folder)
        assert (again.path, set(again.responses()["model"])) == (run.path, {"b", "c"})
        assert read_run(folder).path == run.path
        (folder / "c_all_responses.csv").rename(folder / "a_all_responses.csv")
        assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before

    def test_a_config_of_theirs_stays(self, workplace):
        """Others call a file config.json too; it is neither read as ours nor replaced."""
        folder = adopted(workplace / "theirs", "a", "b")
        (folder / "config.json").write_text('{"temperature": 1}')
        assert open_run(folder).path == folder / "benchkit"
        assert (folder / "config.json").read_text() == '{"temperature": 1}'

    def test_brought_files_are_never_saved_over(self, workplace):
        """Also not in a folder that has become a run, by 02 or 03 started on it by mistake."""
        run = open_run(adopted(workplace / "theirs", "a", "b"))
        before = {p.name: p.read_bytes() for p in run.path.glob("*.csv")}
        for name in ("validated_tests.csv", "a_all_responses.csv"):
            with pytest.raises(RunError, match="came from elsewhere and is not written over"):
                run.save(name, case_table("x"))
        assert {p.name: p.read_bytes() for p in run.path.glob("*.csv")} == before

    def test_brought_scores(self, workplace):
        """Scores alone are a run: five columns, the rest is known from the cases; theirs stay."""
        folder = adopted(workplace / "theirs")
        text = "id,model,round,metric,value\nt1,a,1,mine,0.5\nt2,b,1,mine,\n"
        (folder / "scores.csv").write_text(text)
        run = open_run(folder)
        run.save("scores.csv", run.brought_scores())
        again = open_run(folder).brought_scores()
        assert again["value"].tolist()[0] == 0.5
        assert math.isnan(again["value"][1])
        assert again["test_case"].tolist() == ["customer, agent", "json"]
        assert (folder / "scores.csv").read_text() == text
        behind = run.responses()
        assert behind[["id", "model", "status", "prompt"]].to_numpy().tolist() == [
            ["t1", "a", "answered", "Where is it?"],
            ["t2", "b", "failed", "Record 5"],
        ]
        assert behind["latency_s"].isna().all()
        (folder / "scores.csv").write_text(text + "t9,a,1,mine,1\n")
        assert len(open_run(folder).brought_scores()) == 2  # of other cases: none of ours
        (folder / "scores.csv").write_text(text + "t1,a,1,mine,1\n")
        with pytest.raises(RunError, match=r"two values of mine for a on case t1 in round 1\. Keep one"):
            open_run(folder).brought_scores()
        assert not len(open_run(adopted(workplace / "others", "a")).brought_scores())

    def test_scores_that_are_missing_are_unscored(self, workplace):
        """Whichever: of a round, of a model, of a case, or none at all; another case's are named."""
        folder = workplace / "theirs"
        folder.mkdir()
        ids = [f"t{number}" for number in range(7)]
        rows = [f"{id},question {id},conversation,x\n" for id in ids]
        (folder / "validated_tests.csv").write_text("id,prompt,test_case,golden_response\n" + "".join(rows))
        scores = {(id, m, n): "0.5" for id in ids[:-1] for m, n in (("a", 1), ("a", 2), ("b", 1))}
        del scores["t0", "a", 1], scores["t1", "b", 1], scores["t2", "a", 1], scores["t2", "a", 2]
        scores |= {("t3", "b", 1): "", ("ghost", "a", 1): "1"}
        rows = [f"{id},{model},{round},mine,{value}\n" for (id, model, round), value in scores.items()]
        (folder / "scores.csv").write_text("id,model,round,metric,value\n" + "".join(rows))
        run = open_run(folder)
        found = run.brought_scores()
        by_model = found.groupby("model")["value"]
        assert by_model.size().to_dict() == {"a": 14, "b": 7}  # b has one round
        assert by_model.count().to_dict() == {"a": 9, "b": 4}
        assert set(found.loc[found["value"].isna(), "reason"]) == {"no score brought"}
        assert (run.responses()["status"] == "failed").groupby(run.responses()["model"]).sum().to_dict() == {
            "a": 5,
            "b": 3,
        }
        assert found.attrs["warnings"] == [
            "1 case of scores.csv is not in validated_tests.csv, so its scores are not used: ghost.",
            "1 case of validated_tests.csv has no score in scores.csv, and is unscored: t6.",
        ]

    def test_which_way_is_good_of_brought_scores(self, workplace, monkeypatch, caplog):
        """Higher is taken as better, and that is said, but for what lower_is_better names."""
        monkeypatch.setattr(metrics, "METRICS", dict(metrics.METRICS))
        folder = adopted(workplace / "theirs")
        rows = [f"t1,{model},1,{name},{at}\n" for at, model in enumerate("ab", 7) for name in ("s", "mine")]
        rows += [f"t1,{model},1,wer_score,1\n" for model in "ab"]
        (folder / "scores.csv").write_text("id,model,round,metric,value\n" + "".join(rows))
        run = open_run(folder)
        for lower, higher in ((["s"], "mine"), ([], "s and mine"), (["s", "wer_score"], "mine")):
            found = brought(run, lower)
            assert (
                f"Nobody said which way is good of {higher}: higher is taken" in found.attrs["warnings"][-1]
            )
            assert found.attrs["warnings"][-1] in caplog.text
            assert metrics.described("s").lower_is_better == ("s" in lower)
        assert metrics.described("s").span is None
        assert metrics.recorded(["s", "mine", "wer_score"]).keys() == {"s"}
        for wrong in ("rouge", "clarity"):
            with pytest.raises(UsageError, match=f"lower_is_better names {wrong}"):
                brought(run, [wrong])

    @pytest.mark.parametrize("with_cases", [True, False])
    def test_every_bad_score_is_named_in_their_file(self, workplace, with_cases):
        """One look at the file that they know mends it all; blank is no value, and nothing is written."""
        folder = workplace / "theirs"
        folder.mkdir() if not with_cases else adopted(folder)
        cells = ["nan", "0.5", "inf", "abc", "", "1e400", "-5"]
        rows = [f"t1,a,{n},mine,{cell}\n" for n, cell in enumerate(cells, 1)]
        text = "id,model,round,metric,value\n" + "".join(rows) + "t1,b,x,mine,1\n"
        (folder / "scores.csv").write_text(text)
        before = sorted(path.name for path in folder.iterdir())
        with pytest.raises(RunError) as caught:
            open_run(folder)
        said = str(caught.value)
        assert said.startswith(f"{folder / 'scores.csv'} row 2: value = 'nan' is not a number; row 4: value")
        named = [("value", 4, "inf"), ("value", 5, "abc"), ("value", 7, "1e400")]
        assert all(f"row {row}: {column} = {cell!r} is not a number" in said for column, row, cell in named)
        assert "row 9: round = 'x' is not a whole number (leave a cell empty where there is no value)" in said
        assert said.endswith("Mend it there.")
        assert not [other for other in ("row 3", "row 6", "04_measure") if other in said]
        assert sorted(path.name for path in folder.iterdir()) == before

    def test_scores_and_nothing_else(self, workplace):
        """Without any cases the scores name them, each once and of the kind "all"; theirs stay."""
        folder = workplace / "theirs"
        folder.mkdir()
        text = "id,model,round,metric,value\nt1,a,1,mine,0.5\nt1,b,1,mine,\nt2,a,1,mine,1\n"
        (folder / "scores.csv").write_text(text)
        run = open_run(folder)
        assert run.path == folder / "benchkit"
        assert run.brought_scores()["test_case"].tolist() == ["all"] * 4  # b on t2 is unscored
        assert run.validated_tests()["id"].tolist() == ["t1", "t2"]
        assert run.validated_tests()["prompt"].is_unique
        assert (folder / "scores.csv").read_text() == text

    def test_reading_leaves_no_trace(self, workplace):
        """Who only reads writes nothing: no config, no log, no repair, in a run or in a foreign folder."""
        folder = adopted(workplace / "theirs", "a", "b")
        run = executed("m/a", "m/b")
        for path in (folder, run.path):
            before = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in path.rglob("*")}
            assert len(read_run(path).responses())
            assert {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in path.rglob("*")} == before
        assert read_run(folder).provider == "imported"
        with pytest.raises(RunError, match=r"has no config\.json"):
            read_run(workplace)

    def test_blanks_around_ids(self, workplace):
        """Nobody sees them: cases and answers lose them alike."""
        folder = adopted(workplace / "theirs", "a")
        for file in folder.glob("*.csv"):
            file.write_text(file.read_text().replace("t1,", "t1 ,"))
        run = open_run(folder)
        assert run.responses()["id"].tolist() == run.validated_tests()["id"].tolist() == ["t1", "t2"]

    def test_missing_columns_are_said(self, workplace):
        """A response file without rounds says which column it lacks."""
        folder = adopted(workplace / "theirs", "a", "b")
        pd.read_csv(folder / "a_all_responses.csv").drop(columns="round").to_csv(
            folder / "a_all_responses.csv", index=False
        )
        with pytest.raises(RunError, match=r"a_all_responses\.csv has no column round"):
            open_run(folder).responses()
