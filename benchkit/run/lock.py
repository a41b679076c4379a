"""One process at a time owns a run; a second is told who."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from ..errors import RunError, unwritable

if TYPE_CHECKING:
    from filelock import FileLock

TOKEN = "BENCHKIT_RUN_TOKEN"  # how the kernels of a pipeline know that the owner is their parent


@contextmanager
def claim(run_dir: Path) -> Iterator[None]:
    """Own `run_dir` until the block ends. Kernels started by the owner pass.

    Raises RunError, naming the owner, while another process has it. The operating system frees
    the lock of a process that died, so there is nothing to clean up by hand.
    """
    owner = run_dir / ".owner.json"
    if _is_ours(owner):
        yield
        return
    try:
        lock = _locked(run_dir)
    except OSError as error:
        raise unwritable(run_dir / ".lock", error) from error
    try:
        with _announced(owner):
            yield
    finally:
        lock.release()


def check_free(run_dir: Path) -> None:
    """Raises RunError, naming the owner, while another process has the run; writes nothing."""
    if _is_ours(run_dir / ".owner.json") or not (run_dir / ".lock").exists():
        return
    with suppress(OSError):  # a folder that is read-only is nobody's to change
        _locked(run_dir).release()


def _locked(run_dir: Path) -> FileLock:
    from filelock import FileLock, Timeout

    lock = FileLock(run_dir / ".lock", is_singleton=True, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        owner = _describe(run_dir / ".owner.json")
        raise RunError(f"{run_dir} is in use by {owner}. Wait for it, or stop it first.") from None
    return lock


@contextmanager
def _announced(owner: Path) -> Iterator[None]:
    token = uuid4().hex
    about = {"pid": os.getpid(), "command": " ".join(sys.argv)[:200], "since": _now(), "token": token}
    try:
        owner.write_text(json.dumps(about))
    except OSError as error:
        raise unwritable(owner, error) from error
    os.environ[TOKEN] = " ".join([*_tokens(), token])  # a process may own several runs
    try:
        yield
    finally:
        with suppress(OSError):  # on a disk that turned read-only; it would hide why the block ended
            owner.unlink(missing_ok=True)
        os.environ[TOKEN] = " ".join(other for other in _tokens() if other != token)


def _read(owner: Path) -> dict:
    try:
        about = json.loads(owner.read_text())
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def _is_ours(owner: Path) -> bool:
    return _read(owner).get("token") in _tokens()


def _tokens() -> list[str]:
    return os.environ.get(TOKEN, "").split()


def _describe(owner: Path) -> str:
    about = _read(owner)
    if not about:
        return "another process"
    return f"process {about.get('pid')} ({about.get('command')}) since {about.get('since')}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
