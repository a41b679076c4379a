"""Where runs are: found, made, and taken away where nothing began."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

from ..errors import RunError, UsageError

MADE_FIRST = ("initial_tests.csv", "validated_tests.csv", "calls.sqlite")  # one of them is in any run


def project_root() -> Path:
    """The nearest folder at or above the working directory that has the notebooks or runs in it."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "notebooks" / "01_generate.ipynb").exists() or (folder / "runs").is_dir():
            return folder
    return here


def located(run_dir: str | Path) -> Path:
    """The folder that `run_dir` means.

    A bare name is a run's under `runs/`, unless only the working directory has a folder of that name; a
    relative path is found from the working directory, else from the project's root.
    """
    path = Path(run_dir).expanduser()
    if path.is_absolute():
        return path
    if re.fullmatch(r"[^/\\]*[^/\\.][^/\\]*", str(run_dir)):
        run = project_root() / "runs" / path
        return path if path.exists() and not run.exists() else run
    return path if path.exists() else project_root() / path


def new_run_dir() -> Path:
    """A fresh `runs/run_{timestamp}` that nobody else has."""
    runs = made_folder(project_root() / "runs")
    stamp = datetime.now(UTC).strftime("run_%Y%m%dT%H%M%SZ")
    path, number = runs / stamp, 1
    while True:
        try:
            path.mkdir()
            return path
        except FileExistsError:
            number += 1
            path = runs / f"{stamp}_{number}"


def newest_run_dir() -> Path:
    """The run that was started last, of those that got as far as a case or a call where there are any.

    Raises RunError when there is none.
    """
    runs = project_root() / "runs"
    begun = [path for path in runs.glob("*") if (path / "config.json").exists()]
    found = [path for path in begun if any((path / name).exists() for name in MADE_FIRST)]
    if not (found or begun):
        raise RunError(f"{runs} has no run yet. Run 01_generate.ipynb first, or set run_dir.")
    return max(found or begun, key=lambda path: (_started(path), path.name))


def _started(path: Path) -> str:
    try:
        return str(json.loads((path / "config.json").read_text(encoding="utf-8")).get("started", ""))
    except (OSError, ValueError, AttributeError):
        return ""  # A damaged config.json is said by whoever opens that run.


def made_folder(path: Path) -> Path:
    """`path`, made where it is missing and the folder that it lies in is there.

    Raises UsageError where that is missing too, RunError when `path` cannot be a run folder.
    """
    if not path.parent.is_dir() and path.parent.name != "runs":
        raise UsageError(f"{path} cannot be made: there is no folder {path.parent}. Make that first.")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{path} cannot be made a run folder ({error.strerror}). Name another one.") from error
    if not os.access(path, os.W_OK):
        raise RunError(f"{path} is read-only. Make it writable or name another run_dir.")
    return path


def forget_empty(path: Path) -> None:
    """Take away a run folder in which nothing was made: no run began in it."""
    if not any(entry.name != ".lock" for entry in path.iterdir()):
        (path / ".lock").unlink(missing_ok=True)
        path.rmdir()
