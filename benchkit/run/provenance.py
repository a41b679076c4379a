"""Where the numbers of a run come from: versions, commit, prompts."""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any


def about() -> dict[str, Any]:
    """Where the numbers of a run come from: versions, commit, prompts."""
    packages = ("benchkit", "groq", "langchain-groq", "nltk", "rapidfuzz", "jsonschema-rs", "scipy", "pandas")
    prompts = sorted((Path(__file__).parents[1] / "prompts").glob("*.md"))
    return {
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
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
