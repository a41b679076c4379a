"""What a run is made with: config.json, and what a stopped run is still to be run with."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..errors import RunError
from .json_io import json_text, read_json
from .lock import claim
from .tables import write_atomically

CONFIG = "config.json"
PLANNED = ".planned.json"  # what the notebooks of a stopped run have not been run with yet
JOURNAL = "calls.sqlite"
NEEDED: dict[str, type] = {"provider": str, "seed": int, "parameters": dict}
PACKAGES = ("benchkit", "groq", "langchain-groq", "nltk", "rapidfuzz", "jsonschema-rs", "scipy", "pandas")
GONE = (
    "Mend it, or restore it from a copy of yours: the run's numbers are not touched. Without one, name "
    "another run_dir. What the run was measured with is in metrics_report.json, if 04 has run."
)


def is_run(path: Path) -> bool:
    """Whether benchkit began a run in this folder: others call a file config.json too."""
    return (path / PLANNED).exists() or (path / JOURNAL).exists() or _is_usable(path / CONFIG)


def is_begun(path: Path) -> bool:
    """Whether the folder has, or once had, a configuration."""
    return any((path / name).exists() for name in (CONFIG, JOURNAL))


def read_config(path: Path) -> dict[str, Any]:
    """The config.json of the run folder `path`. Raises RunError where it is gone or cannot be read."""
    config = path / CONFIG
    if not config.exists() and (path / JOURNAL).exists():
        raise RunError(
            f"{path} has lost its config.json, and what it was made with is known nowhere else. Put it "
            "back, or name another run_dir."
        )
    return read_json(config, "01_generate", NEEDED, GONE)


def save_config(path: Path, config: Mapping[str, Any]) -> None:
    with claim(path):
        write_atomically(path / CONFIG, json_text(config))


def _is_usable(config: Path) -> bool:
    try:
        return bool(read_json(config, "01_generate", NEEDED))
    except RunError:
        return False


def recorded_parameters(run_dir: Path) -> dict[str, dict[str, Any]]:
    """What each notebook of a run was last run with, or was to be run with when the run was stopped."""
    recorded = read_config(run_dir)["parameters"] if is_begun(run_dir) else {}
    return recorded | intended(run_dir)


def intended(run_dir: Path) -> dict[str, dict[str, Any]]:
    """What the notebooks that a stopped run has not reached are to be run with."""
    file = run_dir / PLANNED
    return read_json(file, "benchkit run") if file.exists() else {}


def intend(run_dir: Path, plan: Mapping[str, Mapping[str, Any]]) -> None:
    """Remember what the notebooks that are still to run are to be run with: a resume needs no reminding."""
    if plan:
        write_atomically(run_dir / PLANNED, json_text(plan))
    else:
        (run_dir / PLANNED).unlink(missing_ok=True)


def about() -> dict[str, Any]:
    """Where the numbers of a run come from: versions, commit, prompts."""
    prompts = sorted((Path(__file__).parents[1] / "prompts").glob("*.md"))
    return {
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        "git_commit": _git_commit(),
        "prompt_hashes": {p.stem: sha256(p.read_bytes()).hexdigest()[:16] for p in prompts},
    }


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _git_commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
