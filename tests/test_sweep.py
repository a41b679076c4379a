"""`benchkit sweep`: the runs of a grid, one budget, what they say together, and two real ones."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import dask
import distributed
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchkit.agent import Reply
from benchkit.errors import BudgetStop, UsageError
from benchkit.llm.journal import Journal
from benchkit.report.sweep import row, write_sweep
from benchkit.runner import cli, sweep_part
from benchkit.runner.sweep_command import _dask, _how
from benchkit.runner.sweep_grid import Part, points
from benchkit.runner.sweep_part import NOTHING_LEFT, STOPPED, Ended, remaining, run_part

from .measured import HASTY, STEADY
from .staging import run_in
from .talking import executor, items
from .test_comparing_runs import level, two

__all__ = ["level"]
FIXED = {"json_cases": 1, "conversation_cases": 1, "rounds": 2}


def spend(run_dir: Path, cost_usd: float, most_usd: float = 0.0) -> None:
    """A run that has paid for one call, and for all that it sent at most so much."""

    async def one() -> None:
        journal = Journal(run_dir / "calls.sqlite", lambda: (1, most_usd, 0.0))
        call = executor().call(items(1)[0], 7)
        await journal.record(call, Reply(call.key, "answered", {}, "{}", cost_usd=cost_usd, attempts=1))
        journal.close()

    run_dir.mkdir(parents=True, exist_ok=True)
    asyncio.run(one())


class TestGrid:
    def test_every_combination(self):
        """The product in its order, each with all parameters."""
        found = points({"grid": {"temperature": [0, 0.7], "seed": [1, 2]}, "parameters": FIXED})
        varied = [(0, 1), (0, 2), (0.7, 1), (0.7, 2)]
        assert [tuple(point.varied.values()) for point in found] == varied
        assert all(point.parameters.items() >= FIXED.items() for point in found)

    def test_a_name_tells_the_point(self):
        """The same grid gives the same folders; another fixed parameter or `rounds` gives others."""
        grid = {"models": [["offline/a", "offline/b"], ["offline/a", "offline/c"]]}
        names = [point.name for point in points({"grid": grid})]
        assert names == [point.name for point in points({"grid": grid})]
        assert [re.sub("_[0-9a-f]{8}$", "", name) for name in names] == ["models-a-b", "models-a-c"]
        assert not {*names} & {point.name for point in points({"grid": grid, "parameters": FIXED})}

    def test_an_edited_prompt_is_another_run(self, tmp_path):
        """A finished run is not taken for one with another prompt; where its file lies does not matter."""
        names = []
        for folder, prompt in (("a", "Be brief."), ("b", "Be brief."), ("c", "Be kind.")):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "p.md").write_text(prompt)
            file = tmp_path / folder / "candidates.yaml"
            file.write_text("- {name: a, model: m}\n- {name: b, model: m, prompt_file: p.md}")
            names.append(points({"grid": {"candidates_file": [str(file)]}})[0].name.rpartition("_"))
        assert [name for name, _, _ in names] == [f"candidates_file-{f}-candidates" for f in "abc"]
        assert (names[0][2] == names[1][2], names[0][2] == names[2][2]) == (True, False)

    @pytest.mark.parametrize(
        ("enable_judge", "last", "parts"),
        [
            (True, "05", [Part("01", "04", True), Part("05", "05", False)]),
            (False, "05", [Part("01", "03", True), Part("04", "05", False)]),
            (True, "03", [Part("01", "03", True)]),
        ],
    )
    def test_parts(self, enable_judge, last, parts):
        """The judge asks in 04, which else only counts; a part is given what its notebooks declare."""
        told = {"grid": {"seed": [1]}, "parameters": {"enable_judge": enable_judge, "alpha": 0.1}}
        (point,) = points(told, last)
        assert point.parts == parts
        words = [point.words(part) for part in parts]
        assert ["seed" in some for some in words] == [True, False][: len(parts)]
        assert "0.1" in words[0]

    @pytest.mark.parametrize(
        ("told", "said"),
        [
            ({"grid": {}}, "needs names with lists"),
            ({"grids": {"seed": [1]}}, "has no grids. There are: grid, parameters, max_cost_usd"),
            ({"grid": {"seed": 1}}, "Under grid: give a list"),
            ({"grid": {"max_calls": [1, 2]}}, "holds over the whole sweep. Write it beside grid:"),
            ({"grid": {"seed": [1]}, "parameters": {"seed": 2}}, "seed is given twice"),
            ({"grid": {"temprature": [1]}}, "Did you mean temperature?"),
            ({"grid": {"temperature": [0, 3]}}, "temperature"),
            ({"grid": {"seed": [1, 1]}}, "has the run seed = 1 twice"),
            ({"grid": {"temperature": [0, 0.7, 0.0], "seed": [1, 2]}}, "temperature = 0.0, seed = 1 twice"),
        ],
    )
    def test_what_is_no_grid(self, told, said):
        """Before anything runs: what is wrong, and what would be right."""
        with pytest.raises(UsageError, match=re.escape(said)):
            points(told)


class TestBudget:
    def test_what_the_others_leave(self, tmp_path):
        """A run's own spending is counted by itself, so that its ceiling is what the others leave."""
        for name, cost in (("a", 0.25), ("b", 0.5), ("c", 1.0)):
            spend(tmp_path / name, cost)
        found = remaining(tmp_path / "c", {"max_cost_usd": 2.0, "max_calls": 5, "max_minutes": 1.0})
        assert found == {"max_cost_usd": 1.25, "max_calls": 3, "max_minutes": 1.0}

    @pytest.mark.parametrize("why", ["nothing is left", "another run was stopped"])
    def test_no_run_begins_without_any(self, tmp_path, monkeypatch, why):
        """0 would be no ceiling at all: no process is started."""
        monkeypatch.setattr(sweep_part.subprocess, "Popen", None)
        spend(tmp_path / "a", 1.0)
        if why != "nothing is left":
            (tmp_path / STOPPED).touch()
        ceiling = 1.0 if why == "nothing is left" else 9.0
        found = run_part(str(tmp_path / "b"), [], "04", {"max_cost_usd": ceiling})
        assert found == Ended(BudgetStop.exit_code, NOTHING_LEFT)

    def test_a_runs_stop_is_told_of_the_sweeps_ceiling(self, tmp_path, monkeypatch):
        """What the others left of it is a number that nobody gave, and not the one to raise."""
        command = tmp_path / "command"
        said = "stopped at max_cost_usd = \\$0.0087842: spent; raise max_cost_usd of 01_generate"
        command.write_text(f'#!/bin/sh\necho "benchkit: {said}" >&2; exit 3\n')
        command.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(command))
        found = run_part(str(tmp_path / "b"), [], "04", {"max_cost_usd": 0.016})
        assert found.said == f"{NOTHING_LEFT} (max_cost_usd = 0.016 over all its runs)"

    def test_a_stopped_sweep(self, tmp_path, capsys):
        """One run's stop is the sweep's: exit 3, how to resume, and a table of what there is."""
        grid = tmp_path / "grid.yaml"
        grid.write_text("grid: {seed: [1, 2]}\nparameters: {json_cases: 1}\nmax_calls: 1\n")
        spend(tmp_path / "runs" / "other", 0.5)
        here = {"n_workers": 1, "processes": False, "dashboard_address": ":0"}
        with distributed.LocalCluster(**here, resources={"provider": 1}) as cluster:
            where = ["--scheduler", cluster.scheduler_address]
            assert cli.main(["sweep", str(grid), str(tmp_path / "runs"), *where]) == 3
        told = capsys.readouterr()
        assert f"{NOTHING_LEFT}; raise it in {grid}. Resume with: benchkit sweep {grid}" in told.err
        table = pd.read_csv(tmp_path / "runs" / "sweep.csv")
        assert (list(table["seed"]), table["outcome"].isna().all()) == ([1, 2], True)
        assert (set(table["ended"]), table["simulated"].isna().all()) == ({"not started"}, True)
        assert not (tmp_path / "runs" / STOPPED).exists()


def test_a_sweep_that_waits_for_a_batch(tmp_path, capsys, monkeypatch):
    """Exit 6, and with what to come back; the other runs go on, and the next time only what waits does."""
    grid, log, command = (tmp_path / name for name in ("grid.yaml", "log", "command"))
    grid.write_text("grid: {seed: [1, 2, 3]}\nparameters: {execution: batch}\n")
    waits = 'echo "benchkit: 1 batch is under way. Resume with: benchkit run x." >&2; exit 6'
    done = 'mkdir -p "$4/html"; touch "$4/html/03_execute.html"; echo "{}" > "$4/config.json"'
    command.write_text(f'#!/bin/sh\necho "$4" >> {log}\ncase "$4" in */seed-1_*) {waits};; esac\n{done}\n')
    command.chmod(0o755)
    here = {"n_workers": 1, "processes": False, "dashboard_address": ":0"}
    with distributed.LocalCluster(**here, resources={"provider": 1}) as cluster:
        monkeypatch.setattr(sys, "executable", str(command))
        where = [str(grid), str(tmp_path / "runs"), "--to", "03", "--scheduler", cluster.scheduler_address]
        for runs in (3, 1):
            assert cli.main(["sweep", *where]) == 6
            told = capsys.readouterr()
            assert f"1 batch is under way. Resume with: benchkit sweep {grid}" in told.err
            assert "3 of 3" in told.out
            assert len(log.read_text().splitlines()) == runs
            log.write_text("")


@pytest.mark.parametrize(
    ("end", "begun", "said"),
    [
        (Ended(0), True, "done"),
        (Ended(3, NOTHING_LEFT), False, "not started"),
        (Ended(1, "no key"), False, "failed: no key"),
        (Ended(6, "a batch"), True, "waiting for a batch"),
        (None, False, "not started"),
    ],
)
def test_how_a_run_ended(tmp_path, end, begun, said):
    """So that a blank row of sweep.csv says why; None: the sweep itself was interrupted."""
    if begun:
        run_in(tmp_path / "run")
    assert _how(tmp_path / "run", end, "05") == said


class TestTogether:
    def test_intervals_hold_together(self, tmp_path, level):
        """Twelve runs: each interval is a paired t within five categories at a twelfth of alpha, by hand."""
        gain = np.random.default_rng(4).normal(0.2, 0.05, 30)
        two(tmp_path / "a", 0.5 + gain)
        inside = gain.reshape(6, 5) - gain.reshape(6, 5).mean(axis=0)
        error = np.sqrt((inside**2).sum() / 25 / 30)
        for runs in (1, 12):
            found = row(tmp_path / "a", runs)
            half = stats.t.ppf(1 - 0.025 / runs, 25) * error
            ends = [gain.mean() - half, gain.mean() + half]
            assert [found["low"], found["high"]] == pytest.approx(ends, rel=1e-4)
            assert (found["best"], found["difference"]) == (STEADY, pytest.approx(gain.mean()))
            assert found["alpha"] == pytest.approx(0.05 / runs)

    def test_an_outcome_that_one_of_many_does_not_hold(self, tmp_path, level):
        """What alone is shown at 5 % is open among twelve: both are told."""
        gain = np.random.default_rng(9).normal(0, 0.1, 30)
        gain += 0.052 - gain.mean()
        two(tmp_path / "a", 0.5 + gain)
        assert row(tmp_path / "a", 1)["outcome_adjusted"] == row(tmp_path / "a", 1)["outcome"] == "deploy"
        assert row(tmp_path / "a", 12)["outcome_adjusted"] == "inconclusive"

    def test_table_figure_and_page(self, tmp_path, level):
        """A row a run, those without a result too; the page links each run, and the figure has its words."""
        two(tmp_path / "a", level)
        page = write_sweep(tmp_path, {"a": {"seed": 1}, "b": {"seed": 2}})
        table = pd.read_csv(tmp_path / "sweep.csv", keep_default_na=False)
        assert list(table["seed"]) == [1, 2]
        assert (table["best"][0] in (STEADY, HASTY), table["outcome"][1], table["folder"][1]) == (
            True,
            "",
            str(tmp_path / "b"),
        )
        html = page.read_text()
        assert 'href="a/html/index.html"' in html
        assert "SIMULATED" in html
        assert "1 of 2 runs have a result." in html
        assert "97.5 %" in (tmp_path / "figures" / "sweep.json").read_text()

    def test_the_run_that_is_named_has_the_largest_lead(self, tmp_path, level):
        """And not the highest mean, which is another metric's, or other cases', in another run."""
        two(tmp_path / "a", 0.6 + (level - level.mean()) / 10)
        two(tmp_path / "b", 0.2 + (level - level.mean()) / 10)
        html = write_sweep(tmp_path, {"a": {}, "b": {}}).read_text()
        assert re.search(rf"largest lead over the best other, \+0\.300, is {HASTY}\W+s in", html)


class TestWorkers:
    def test_a_real_run(self, tmp_path, capsys, monkeypatch):
        """On a worker of its own, as far as 01; asked for again, it is left as it is."""
        grid = tmp_path / "grid.yaml"
        grid.write_text("grid: {seed: [1]}\nparameters: {json_cases: 1, conversation_cases: 0}\n")
        assert cli.main(["sweep", str(grid), str(tmp_path / "runs"), "--to", "01"]) == 0, capsys.readouterr()
        assert "1 of 1" in capsys.readouterr().out
        (made,) = [path.parent for path in (tmp_path / "runs").glob("*/initial_tests.csv")]
        monkeypatch.setattr(sweep_part.subprocess, "Popen", None)
        assert run_part(str(made), [], "01", {}) == Ended(0)

    def test_ends_with_its_worker(self):
        """A run whose worker has died stops by itself: no orphan goes on paying beside the one that is run
        again."""
        command = [sys.executable, "-m", "benchkit.runner.sweep_part", "offline"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()  # it serves, and would for ever
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(timeout=60) != 0

    def test_a_worker_has_time_to_come_back(self, monkeypatch):
        """One that died takes longer than Dask's 15 s on a busy machine; without it nothing would go on."""
        seen = []

        def cluster(*_: object, **__: object) -> None:
            seen.append(dask.config.get("distributed.deploy.lost-worker-timeout"))
            raise InterruptedError

        monkeypatch.setattr(distributed, "SpecCluster", cluster)
        with pytest.raises(InterruptedError), _dask(None, 2):
            pass
        assert seen == ["10 minutes"]

    def test_without_dask(self, tmp_path, capsys, monkeypatch):
        """One sentence that says what to install."""
        monkeypatch.setitem(sys.modules, "distributed", None)
        grid = tmp_path / "grid.yaml"
        grid.write_text("grid: {seed: [1, 2]}\n")
        assert cli.main(["sweep", str(grid), str(tmp_path / "runs"), "--to", "01"]) == 2
        assert "pip install 'benchkit[dask]'" in capsys.readouterr().err
