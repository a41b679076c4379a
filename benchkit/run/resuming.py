"""What a stopped run is to be continued with, so that a resume needs no reminding."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..log import setup_logging
from .json_io import CONFIG_COPY, PLANNED, is_config, json_text, read_config, read_json
from .tables import write_atomically

logger = setup_logging(__name__)


def recorded_parameters(run_dir: Path) -> dict[str, dict[str, Any]]:
    """What each notebook of a run was last run with, or was to be run with when the run was stopped."""
    begun = any((run_dir / name).exists() for name in ("config.json", CONFIG_COPY))
    recorded = read_config(run_dir)["parameters"] if begun else {}
    return recorded | intended(run_dir)


def intended(run_dir: Path) -> dict[str, dict[str, Any]]:
    """What the notebooks that a stopped run has not reached are to be run with."""
    file = run_dir / PLANNED
    return read_json(file, maker="benchkit run") if file.exists() else {}


def intend(run_dir: Path, plan: Mapping[str, Mapping[str, Any]]) -> None:
    """Remember what the notebooks that are still to run are to be run with: a resume needs no reminding."""
    file = run_dir / PLANNED
    if plan:
        write_atomically(file, json_text({name: dict(values) for name, values in plan.items()}))
    else:
        file.unlink(missing_ok=True)


def restore_config(run_dir: Path) -> None:
    """Put config.json back from its copy where it is damaged or gone; what was damaged is kept beside it."""
    config, copy = run_dir / "config.json", run_dir / CONFIG_COPY
    if not copy.exists() or is_config(config):
        return
    kept = _set_aside(config) if config.exists() else "it was gone"
    write_atomically(config, json_text(read_json(copy, maker="01_generate")))
    logger.warning("%s is restored from its copy %s (%s)", config, CONFIG_COPY, kept)


def _set_aside(file: Path) -> str:
    file.replace(file.with_name(f"{file.name}.damaged"))
    return f"as it was: {file.name}.damaged"
