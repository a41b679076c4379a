"""The same notebooks by papermill, one by one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMES = ("01_generate", "02_validate", "03_execute", "04_measure", "05_report")
BIN = Path(sys.executable).parent


def test_papermill_alone(tmp_path):
    """papermill runs the notebooks one by one, in order, with nothing but parameters."""
    run_dir = tmp_path / "run"
    parameters = {
        "01_generate": ["json_cases", "2", "conversation_cases", "2"],
        "03_execute": ["rounds", "1"],
    }
    for name in NAMES:
        given = ["run_dir", str(run_dir), *parameters.get(name, [])]
        flags = [flag for pair in zip(given[::2], given[1::2], strict=True) for flag in ("-p", *pair)]
        command = [
            str(BIN / "papermill"),
            str(ROOT / "notebooks" / f"{name}.ipynb"),
            str(tmp_path / "out.ipynb"),
        ]
        done = subprocess.run(
            [*command, *flags, "--no-progress-bar"], capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr[-2000:]
    assert "## Decision" in (run_dir / "analysis_report.md").read_text()
