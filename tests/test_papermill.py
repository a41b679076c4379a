"""The same notebooks by papermill, one by one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from papermill.__main__ import papermill

from benchkit.errors import UsageError
from benchkit.runner.replay import replay

ROOT = Path(__file__).parents[1]
NAMES = ("01_generate", "02_validate", "03_execute", "04_measure", "05_report")


def by_papermill(name: str, out: Path, *flags: str) -> None:
    """In this process, which has papermill imported: another start of Python would test nothing more."""
    files = [str(ROOT / "notebooks" / f"{name}.ipynb"), str(out)]
    papermill([*files, *flags, "--no-progress-bar"], standalone_mode=False)


def test_papermill_alone(tmp_path):
    """papermill's command runs the notebooks one by one, in order, with nothing but parameters."""
    run_dir = tmp_path / "run"
    parameters = {
        "01_generate": ["json_cases", "2", "conversation_cases", "2"],
        "03_execute": ["rounds", "1", "models", "offline/steady,offline/hasty"],
    }
    for name in NAMES:
        given = ["run_dir", str(run_dir), *parameters.get(name, [])]
        flags = [flag for pair in zip(given[::2], given[1::2], strict=True) for flag in ("-p", *pair)]
        out = tmp_path / "out.ipynb"
        if name in (NAMES[0], NAMES[-1]):
            by_papermill(name, out, *flags)
        else:  # the walks have kernels for these: here it is what papermill makes of the notebook that counts
            by_papermill(name, out, *flags, "--prepare-only")
            asyncio.run(replay(out, {}))
    assert "# Which model to deploy: " in (run_dir / "analysis_report.md").read_text()


@pytest.mark.parametrize("given", ["nan", "1e400"])
def test_a_ceiling_is_refused_as_given(tmp_path, given):
    """What papermill makes of `-p` is refused under that name before a run is made of it."""
    values = ["-p", "run_dir", str(tmp_path / "run"), "-p", "max_cost_usd", given]
    by_papermill("01_generate", tmp_path / "out.ipynb", *values, "--prepare-only")
    with pytest.raises(UsageError, match=r"max_cost_usd = (nan|inf) is not usable"):
        asyncio.run(replay(tmp_path / "out.ipynb", {}))
    assert not (tmp_path / "run").exists()
