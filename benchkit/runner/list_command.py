"""`benchkit list`: the runs of a folder, oldest first. Only reads."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import BenchkitError, UsageError
from ..run import Run
from ..run.config import JOURNAL, is_begun
from ..run.foreign import CASES
from ..run.large import whole_of
from ..run.paths import located, project_root, response_files
from .terminal import say

STAGES = {  # the last one whose file is there is what a run has reached
    "01 generate": "initial_tests.csv",
    "02 validate": CASES,
    "03 execute": "combined_model_responses.csv",
    "04 measure": "metrics_report.json",
    "05 report": "analysis_report.md",
}
LONGEST = 100  # characters of a decision or of what is wrong


def add_list(command: argparse.ArgumentParser) -> None:
    where = "a folder of runs (default: runs)"
    command.add_argument("folder", nargs="?", default="", metavar="FOLDER", help=where)
    command.add_argument("--verbose", action="store_true", help="show tracebacks")
    command.set_defaults(command=list_runs)


def list_runs(args: argparse.Namespace) -> int:
    """Print a row a run; one that cannot be read says why in its row, and keeps no other from its own."""
    from .cli import table_of

    folder = located(args.folder) if args.folder else project_root() / "runs"
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder. Give the path of a folder that has runs in it.")
    rows = sorted(_rows(folder), key=lambda row: (row["started"], row["run"]))
    say(table_of(rows) if rows else f"{folder} has no run. Start one with: benchkit run")
    return 0


def _rows(folder: Path) -> Iterator[dict[str, Any]]:
    for path in (folder, *folder.iterdir()):
        if path.is_dir() and (is_begun(path) or (path / CASES).exists()):
            try:
                yield _row(Run(path))
            except (BenchkitError, OSError, KeyError, TypeError, ValueError) as error:
                damaged = "cannot be read: " + " ".join(str(error).replace(f"{path}/", "").split())
                known = dict.fromkeys(("cases", "cost_usd", "compared"))
                yield (
                    {"run": path.name, "started": "", "reached": "?"} | known | {"decision": _short(damaged)}
                )


def _row(run: Run) -> dict[str, Any]:
    from ..llm.journal import looking

    files = {stage: run.path / file for stage, file in STAGES.items()}
    reached = [stage for stage, file in files.items() if file.exists() or whole_of(file).exists()]
    cases, compared = _size(run), ", ".join(run.response_files() or response_files(run.path))
    decision = run.metrics_report()["decision"]["sentence"] if "04 measure" in reached else None
    with looking(run.path / JOURNAL) as record:
        spent = record.spent()[1] if (run.path / JOURNAL).exists() else None
    return {
        "run": run.path.name,
        "started": str(run.config.get("started", ""))[:16].replace("T", " "),
        "reached": reached[-1] if reached else "begun",
        "cases": cases,
        "cost_usd": spent,
        "compared": compared or None,
        "decision": decision and _short(("SIMULATED: " if run.simulated else "") + decision),
    }


def _size(run: Run) -> int | None:
    """The accepted cases, or those that 01 made where 02 has not run."""
    if (run.path / CASES).exists():
        return len(run.validated_tests())
    return len(run.initial_tests()) if (run.path / STAGES["01 generate"]).exists() else None


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
