"""Where the numbers of a run come from: versions, commit, prompts, and whether any model was simulated."""

from __future__ import annotations

import platform
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any


def about() -> dict[str, Any]:
    """Where the numbers of a run come from: versions, commit, prompts."""
    packages = ("benchkit", "groq", "langchain-groq", "nltk", "jiwer", "jsonschema", "scipy", "pandas")
    prompts = sorted((Path(__file__).parents[1] / "prompts").glob("*.md"))
    return {
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
        "git_commit": _git_commit(),
        "prompt_hashes": {p.stem: sha256(p.read_bytes()).hexdigest()[:16] for p in prompts},
    }


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def any_simulated(journal: Path) -> bool:
    """Whether the offline provider made a reply in a journal; True where that cannot be told.

    A reply's fingerprint says who made it. One that is damaged, or a journal that cannot be read, could
    be anybody's, and is taken for simulated.
    """
    if not journal.exists():
        return False
    query = """SELECT 1 FROM calls WHERE CASE WHEN json_valid(reply)
        THEN json_extract(reply, '$.fingerprint') LIKE 'offline%' ELSE reply IS NOT NULL END LIMIT 1"""
    try:
        with closing(read_only(journal)) as db:
            return db.execute(query).fetchone() is not None
    except sqlite3.Error:
        return True


def read_only(journal: Path) -> sqlite3.Connection:
    """A journal that is only read: where nothing is left in its log, no file is made beside it either."""
    log = Path(f"{journal}-wal")
    sealed = "" if log.exists() and log.stat().st_size else "&immutable=1"
    return sqlite3.connect(f"{journal.resolve().as_uri()}?mode=ro{sealed}", uri=True)


def _git_commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
