"""What a run is made with: config.json, its copy, and what a stopped run is still to be run with."""

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
from ..log import setup_logging
from .json_io import json_text, read_json
from .lock import claim
from .tables import write_atomically

logger = setup_logging(__name__)
CONFIG = "config.json"
COPY = ".config.json"  # beside it, written with it, read where that is damaged or gone
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
    return any((path / name).exists() for name in (COPY, PLANNED, JOURNAL)) or _is_usable(path / CONFIG)


def is_begun(path: Path) -> bool:
    """Whether the folder has, or once had, a configuration."""
    return any((path / name).exists() for name in (CONFIG, COPY, JOURNAL))


def read_config(path: Path) -> dict[str, Any]:
    """The config.json of the run folder `path`, or its copy where that one is damaged or gone.

    Raises RunError where there is neither, or none that can be read.
    """
    config, copy = path / CONFIG, path / COPY
    if not config.exists() and not copy.exists() and (path / JOURNAL).exists():
        raise RunError(
            f"{path} has lost its config.json, and what it was made with is known nowhere else. Put it "
            "back, or name another run_dir."
        )
    return _read(copy if copy.exists() and not _is_usable(config) else config)


def save_config(path: Path, config: Mapping[str, Any]) -> None:
    """Write config.json and its copy: without it nobody can tell what the rest was made with."""
    text = json_text(config)
    with claim(path):
        for name in (CONFIG, COPY):
            write_atomically(path / name, text)


def restore_config(path: Path) -> None:
    """Put config.json back from its copy where it is damaged or gone; what was damaged is kept beside it."""
    config, kept = path / CONFIG, "it was gone"
    if not (path / COPY).exists() or _is_usable(config):
        return
    text = json_text(_read(path / COPY))
    if config.exists():
        config.replace(aside := path / f"{CONFIG}.damaged")
        kept = f"as it was: {aside.name}"
    write_atomically(config, text)
    logger.warning("%s is restored from its copy %s (%s)", config, COPY, kept)


def _read(path: Path) -> dict[str, Any]:
    return read_json(path, "01_generate", NEEDED, GONE)


def _is_usable(path: Path) -> bool:
    try:
        return bool(_read(path))
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
