"""What takes longest is begun first, so that the workers end together; one finished run serves them all."""

from __future__ import annotations

import base64
import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

SLOWEST = (
    "test_jupyter.py",
    "test_comparing_runs.py",
    "test_walk.py",
    "test_plots.py",
    "test_report.py",
    "test_stats_contrasts.py",
    "test_verify.py",
    "test_planted.py",
    "test_decide.py",
    "test_sweep.py",
    "test_run.py",
    "test_cli.py",
)
SMALL = {"json_cases": 3, "conversation_cases": 3, "planted_cases": 1, "rounds": 2}
DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the order within a file, which shares what is slow to set up."""
    items.sort(key=lambda item: _place(item.path))


def pytest_collection_finish() -> None:
    """Modules and tests stay to the end: the garbage collector need not look through them again and again."""
    gc.collect()
    gc.freeze()


def _place(path: Path) -> int:
    return SLOWEST.index(path.name) if path.name in SLOWEST else len(SLOWEST)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory) -> Path:
    """A finished small run, made by the command line once for all workers. Tests that change it copy it."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    path = root / "finished"
    with FileLock(root / "finished.lock"):
        if not (path / "html" / "index.html").exists():
            given = [word for name, value in SMALL.items() for word in ("-p", name, str(value))]
            command = [sys.executable, "-m", "benchkit.runner.cli", "run", str(path), "--offline", *given]
            done = subprocess.run(command, capture_output=True, text=True, timeout=400)
            assert done.returncode == 0, done.stderr
            assert "SIMULATED" in done.stdout
    return path


def unpaint(patch: pytest.MonkeyPatch) -> None:
    """Every picture is one dot: for notebooks of which a test reads numbers and words."""
    from benchkit.plots.chart import Chart

    patch.setattr(Chart, "_render", lambda self: DOT)


@pytest.fixture
def unpainted(monkeypatch) -> None:
    unpaint(monkeypatch)
