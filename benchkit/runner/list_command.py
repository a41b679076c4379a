"""`benchkit list`: the runs of a folder, oldest first. Only reads."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import BenchkitError, UsageError
from ..llm.journal import looking
from ..run import Run
from ..run.config import JOURNAL, is_begun
from ..run.foreign import CASES
from ..run.large import whole_of
from ..run.opening import results_in
from ..run.paths import located, project_root
from ..run.responses import response_files
from .terminal import say, table_of

STAGES = {  # the last one whose file is there is what a run has reached
    "01 generate": "initial_tests.csv",
    "02 validate": CASES,
    "03 execute": "combined_model_responses.csv",
    "04 measure": "metrics_report.json",
    "05 report": "analysis_report.md",
}
LONGEST = 100  # characters of a decision or of what is wrong


def list_runs(args: argparse.Namespace) -> int:
    """Print a row a run; one that cannot be read says why in its row, and keeps no other from its own."""
    folder = located(args.folder).resolve() if args.folder else project_root() / "runs"
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder. Give the path of a folder that has runs in it.")
    rows = sorted(_rows(folder), key=lambda row: (row["started"], row["run"]))
    say(table_of(rows) if rows else f"{folder} has no run. Start one with: benchkit run")
    return 0


def _rows(folder: Path) -> Iterator[dict[str, Any]]:
    for path in {results_in(path) for path in (folder, *folder.iterdir()) if path.is_dir()}:
        if is_begun(path) or (path / CASES).exists():
            row: dict[str, Any] = {"run": path.name, "started": "", "reached": "?"}
            row |= dict.fromkeys(("cases", "cost_usd", "compared", "decision"))
            try:
                row |= _row(Run(path))
            except (BenchkitError, OSError, KeyError, TypeError, ValueError) as error:
                row["decision"] = "cannot be read: " + " ".join(str(error).replace(f"{path}/", "").split())
            text = row["decision"] or ""
            yield row | {"decision": text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"}


def _row(run: Run) -> dict[str, Any]:
    files = {stage: run.path / file for stage, file in STAGES.items()}
    reached = [stage for stage, file in files.items() if file.exists() or whole_of(file).exists()]
    report = run.metrics_report() if "04 measure" in reached else None
    decision = report["decision"]["sentence"] if report else None
    answered = run.response_files() or response_files(run.path)
    scored = report["configuration"].get("models", ()) if report else ()
    marked = f"SIMULATED: {decision}" if decision and run.simulated else decision
    with looking(run.path / JOURNAL) as record:
        low, high = record.cost_usd()
    spent = f"{low:g}" if low == high else f"{low:.4g} to {high:.4g}"
    started = run.config.get("started", "") if is_begun(run.path) else ""
    return {
        "run": run.name,
        "started": str(started)[:16].replace("T", " "),
        "reached": reached[-1] if reached else "begun",
        "cases": _size(run),
        "cost_usd": spent if (run.path / JOURNAL).exists() else None,
        "compared": ", ".join(answered or scored) or None,
        "decision": marked,
    }


def _size(run: Run) -> int | None:
    """The accepted cases, or those that 01 made where 02 has not run."""
    if (run.path / CASES).exists():
        return len(run.validated_tests())
    return len(run.initial_tests()) if (run.path / STAGES["01 generate"]).exists() else None
