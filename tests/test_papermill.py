"""What papermill's own command refuses; that it makes what JupyterLab makes: test_jupyter."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from papermill.__main__ import papermill

from benchkit.errors import UsageError
from benchkit.runner.replay import replay

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("given", ["nan", "1e400"])
def test_a_ceiling_is_refused_as_given(tmp_path, given):
    """What papermill makes of `-p` is refused under that name before a run is made of it."""
    values = ["-p", "run_dir", str(tmp_path / "run"), "-p", "max_cost_usd", given, "--prepare-only"]
    files = [str(ROOT / "notebooks" / "01_generate.ipynb"), str(tmp_path / "out.ipynb")]
    papermill([*files, *values, "--no-progress-bar"], standalone_mode=False)
    with pytest.raises(UsageError, match=r"max_cost_usd = (nan|inf) is not usable"):
        asyncio.run(replay(tmp_path / "out.ipynb", {}))
    assert not (tmp_path / "run").exists()
