"""`benchkit plan`: with a pilot, with none, and with what an interrupted run has on record."""

from __future__ import annotations

import re

import pytest

from benchkit.decide import metrics_report
from benchkit.execute import execute, plan_execution
from benchkit.execute.pilot import pilot_scores
from benchkit.execute.planning import Aim, plan_detection
from benchkit.generate.cases import adopt_cases
from benchkit.measure import PRIMARY, align, compare, score, summarise
from benchkit.offline import OfflineServer
from benchkit.runner import cli

from .staging import HASTY, STEADY, cases, client_on


def told(capsys, *arguments: str) -> str:
    assert cli.main(["plan", *map(str, arguments)]) == 0
    return capsys.readouterr().out


@pytest.fixture
async def begun(tmp_path, monkeypatch):
    """A run of which 03 was interrupted when all answers had come and no file was written."""
    with OfflineServer(latency_ms=0) as server:
        client = client_on(server, tmp_path / "run", monkeypatch)
        run, table = client.run, cases(4)
        run.save("validated_tests.csv", table)
        run.record("03_execute", models=[STEADY, HASTY], rounds=2, temperature=0.7)
        responses = await execute(plan_execution(client, table, [STEADY, HASTY], 2), client)
    return run, responses


class TestPlan:
    def test_without_any_run(self, tmp_path, monkeypatch, capsys):
        """Nothing is known: the range is assumed and says so, the size is 01's and 03's default."""
        monkeypatch.chdir(tmp_path)
        text = told(capsys)
        assert "Nothing is known yet of how the models vary on field_accuracy and task_completion" in text
        assert "measured:" not in text
        assert "10 cases × 3 rounds" in text
        assert "unknown" in text
        assert "SIMULATED" not in text
        assert not list(tmp_path.iterdir())

    def test_what_is_on_record_is_the_pilot(self, begun, capsys):
        """The journal alone is enough, and so are the files; both give the same plan. It says SIMULATED."""
        run, responses = begun
        from_journal = told(capsys, run.path)
        assert f"measured: {STEADY} and {HASTY}, 4 cases × 2 rounds" in from_journal
        assert from_journal.startswith("SIMULATED")
        run.save_responses(responses)
        assert told(capsys, run.path) == from_journal

    def test_arguments_change_the_plan(self, begun, capsys):
        """Size, rounds and the wanted difference are taken from the command line where they are given."""
        text = told(capsys, begun[0].path, "--cases", 40, "--rounds", 5, "--detect", 0.1, "--power", 0.9)
        assert "40 cases × 5 rounds find a difference of" in text
        assert "with 90 % power, and one of 0.1 with" in text
        assert "to find 0.1" in text
        assert " 400 " in text  # calls of a model: 2 kinds × 40 × 5

    @pytest.mark.parametrize(
        "wrong",
        [
            *(("--detect", one) for one in ("0", "1", "nan", "inf", "-0.1", "1e-12")),
            *(("--cases", one) for one in ("0", "-3", "1000001")),
            *(("--rounds", one) for one in ("0", "-1", "1001")),
            *(("--power", one) for one in ("1", "0.01", "nan")),
        ],
    )
    def test_bad_usage(self, tmp_path, monkeypatch, capsys, wrong):
        """A value that is none: exit code 2 and one sentence."""
        monkeypatch.chdir(tmp_path)
        assert cli.main(["plan", *wrong]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1

    def test_what_cannot_be_shown_is_said(self, tmp_path, monkeypatch, capsys):
        """A difference above the largest possible one is none, and no run has more than a million cases."""
        monkeypatch.chdir(tmp_path)
        few = told(capsys, "--cases", 2, "--rounds", 1, "--detect", 0.9)
        assert "2 cases × 1 round cannot show even the largest possible difference, 1, with 80 % power" in few
        assert "find a difference of 1" not in few
        assert "more than there can be" in few
        least = told(capsys, "--detect", 0.0001)
        assert "For that more than 1,000,000 cases are needed: no run has so many." in least
        assert "to find 0.0001" not in least

    def test_no_such_run(self, tmp_path, capsys):
        """A folder that is named has to be there."""
        assert cli.main(["plan", str(tmp_path / "nowhere")]) == 1
        assert "nowhere is not a folder" in capsys.readouterr().err


MODELS = [STEADY, HASTY, "offline/terse"]


@pytest.fixture
async def finished(tmp_path, monkeypatch):
    """A run of three models that 03 and 04 have finished: (run, its comparisons on the deciding metrics)."""
    with OfflineServer(latency_ms=0, error_rate=0) as server:
        client = client_on(server, tmp_path / "run", monkeypatch)
        run, table = client.run, cases(12)
        run.save("validated_tests.csv", table)
        run.record("03_execute", models=MODELS, rounds=2, temperature=0.7)
        run.save_responses(await execute(plan_execution(client, table, MODELS, 2), client))
    responses = align(run.responses(), adopt_cases(run.validated_tests()))
    lost = (responses["model"] == HASTY) & responses["id"].isin(responses["id"].unique()[:2])
    responses.loc[lost, ["status", "error"]] = ["failed", "timeout"]
    run.save_responses(responses)
    scores = score(responses, adopt_cases(run.validated_tests()))
    how = {"margin": 0.02, "alpha": 0.05}
    table = compare(scores, MODELS, PRIMARY, **how)
    run.save("scores.csv", scores)
    run.record("04_measure", **how, primary_metric="", reference="")
    run.save_report(
        metrics_report(responses, scores, summarise(scores), table, simulated=True, primary=PRIMARY, **how)
    )
    return run, table[table["primary"] & (table["outcome"] == "inconclusive")].dropna(subset=["more_cases"])


class TestPlanOfAFinishedRun:
    def test_it_says_what_the_report_says(self, finished):
        """Every open pair: the plan's cases are the report's n and its more, the rounds are its rounds."""
        run, rows = finished
        assert len(rows) >= 2
        for row in rows.to_dict("records"):
            (line,) = [
                one
                for one in self.planned(run, row["resolves"])
                if {one["model_a"], one["model_b"]} == {row["model_a"], row["model_b"]}
                and one["metric"] == row["metric"]
            ]
            assert line["n"] == row["n"]
            assert line["cases_needed"] == row["n"] + row["more_cases"] == row["cases_needed"]
            assert (line["needed_low"], line["needed_high"]) == (row["needed_low"], row["needed_high"])
            more = line["rounds_needed"]
            assert (more if more == more and more > 2 else None) == (
                row["rounds_needed"] if row["rounds_needed"] == row["rounds_needed"] else None
            )

    def planned(self, run, detect):
        """What `benchkit plan RUN --detect` plans with, by row."""
        from benchkit.runner.plan_command import _scores

        some = adopt_cases(run.validated_tests())
        answers = run.responses()
        sizes = some["test_case"].value_counts().to_dict()
        seen = _scores(run, answers, some)
        assert seen["value"].notna().sum() == pilot_scores(answers, some)["value"].notna().sum()
        outlook = plan_detection(seen, sizes, PRIMARY, Aim(2, detect), models=MODELS, again=True)
        return outlook.table.astype({"rounds_needed": float}).to_dict("records")

    def test_the_command_prints_it(self, finished, capsys):
        """The hardest pair's sentence has the report's cases in all, and the alpha of Holm's first step."""
        run, rows = finished
        hardest = rows.sort_values("standard_error").groupby("metric").tail(1).iloc[0]
        text = told(capsys, run.path, "--detect", repr(float(hardest["resolves"])))
        assert f"about {int(hardest['cases_needed']):,} cases are needed (in all, 95 % interval" in text
        assert "at alpha 0.05/3, Holm's first step of 3 comparisons" in text
        (line,) = re.findall(rf"{hardest['metric']} +{hardest['model_a']} +{hardest['model_b']} .*", text)
        assert f" {int(hardest['cases_needed'])} " in line
