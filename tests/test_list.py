"""`benchkit list`: a row a run, broken ones named, nothing written."""

from __future__ import annotations

from pathlib import Path

from benchkit.report.sweep import row
from benchkit.run import Run, start_run
from benchkit.runner import cli

from .measured import HASTY, STEADY
from .staging import cases
from .test_comparing_runs import brought, level, two
from .test_sweep import spend

__all__ = ["level"]


def held(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_the_runs_of_a_folder(tmp_path, level, capsys):
    """When, how far, cases, cost, who was compared and the decision; a damaged run keeps no other away."""
    measured = two(tmp_path / "measured", level)
    start_run(tmp_path / "begun", provider="groq", seed=7)
    started = start_run(tmp_path / "validated", provider="groq", seed=7)
    started.save("validated_tests.csv", cases(2))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    (tmp_path / "notes").mkdir()
    before = held(tmp_path)
    assert cli.main(["list", str(tmp_path)]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["run", "started", "reached", "cases", "cost_usd", "compared", "decision"]
    said = {row.split()[0]: row for row in rows}
    assert next(iter(said)) == "broken"
    assert set(said) == {"broken", "begun", "measured", "validated"}
    assert "cannot be read: " in said["broken"]
    assert "config.json" in said["broken"]
    assert f"{STEADY}, {HASTY}" in said["measured"]
    assert Run(measured.path).metrics_report()["decision"]["sentence"][:60] in said["measured"]
    assert "02 validate" in said["validated"]
    assert " 4 " in said["validated"]
    assert held(tmp_path) == before


def test_what_a_run_cost_is_no_ceilings_count(tmp_path, capsys):
    """The calls on record have a price; what was in flight at a crash, or told none, is held at its most."""
    for name, most in (("exact", 0.25), ("killed", 0.5)):
        start_run(tmp_path / name, provider="groq", seed=7)
        spend(tmp_path / name, 0.25, most)
    assert cli.main(["list", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "  0.25  " in out
    assert "  0.25 to 0.5  " in out
    found = [row(tmp_path / name, 1) for name in ("exact", "killed")]
    assert [(one["cost_usd"], one["at_most_usd"]) for one in found] == [(0.25, 0.25), (0.25, 0.5)]


def test_brought_scores(tmp_path, level, capsys):
    """One row by the name of their folder, with what the results inside say; without any, no start."""
    run = brought(tmp_path / "theirs", two(tmp_path / "measured", level))
    (tmp_path / "unscored").mkdir()
    (tmp_path / "unscored" / "validated_tests.csv").write_bytes(
        (run.path / "validated_tests.csv").read_bytes()
    )
    assert cli.main(["list", str(tmp_path)]) == 0
    said = {row.split()[0]: row for row in capsys.readouterr().out.splitlines()[1:]}
    assert set(said) == {"measured", "theirs", "unscored"}
    for told in ("04 measure", f"{STEADY}, {HASTY}", run.config["started"][:16].replace("T", " ")):
        assert told in said["theirs"]
    assert run.metrics_report()["decision"]["sentence"][:60] in said["theirs"]
    assert said["unscored"].split()[1:3] == ["02", "validate"]
    assert cli.main(["list", str(tmp_path / "theirs")]) == 0
    assert [row.split()[0] for row in capsys.readouterr().out.splitlines()] == ["run", "theirs"]


def test_a_folder_without_runs(tmp_path, capsys):
    """An empty one is no error; one that is not there is bad usage."""
    assert cli.main(["list", str(tmp_path)]) == 0
    assert "has no run. Start one with: benchkit run" in capsys.readouterr().out
    assert cli.main(["list", str(tmp_path / "none")]) == 2
    assert "none is not a folder. Give the path" in capsys.readouterr().err
