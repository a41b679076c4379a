"""`benchkit plan`: with a pilot, with none, and with what an interrupted run has on record."""

from __future__ import annotations

import pytest

from benchkit import cli
from benchkit.execute import execute, plan_execution
from benchkit.offline import OfflineServer

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
        [("--detect", "0"), ("--cases", "0"), ("--rounds", "0"), ("--power", "1"), ("--power", "0.01")],
    )
    def test_bad_usage(self, tmp_path, monkeypatch, capsys, wrong):
        """A value that is none: exit code 2 and one sentence."""
        monkeypatch.chdir(tmp_path)
        assert cli.main(["plan", *wrong]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1

    def test_no_such_run(self, tmp_path, capsys):
        """A folder that is named has to be there."""
        assert cli.main(["plan", str(tmp_path / "nowhere")]) == 1
        assert "nowhere is not a folder" in capsys.readouterr().err
