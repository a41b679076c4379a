"""One process at a time owns a run; a second is told who."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from ..errors import RunError, unwritable
from ..wording import now

if TYPE_CHECKING:
    from filelock import AcquireReturnProxy

LOCK, OWNER = ".lock", ".owner.json"
PATIENCE_S = 60.0
TOKEN = "BENCHKIT_RUN_TOKEN"  # how the kernels of a pipeline know that the owner is their parent


@contextmanager
def claim(run_dir: Path) -> Iterator[None]:
    """Own `run_dir` until the block ends. Kernels started by the owner pass.

    Raises RunError, naming the owner, while another process has it. The operating system frees
    the lock of a process that died, so there is nothing to clean up by hand.
    """
    owner, token = run_dir / OWNER, uuid4().hex
    if _is_ours(owner):
        yield
        return
    about = {"pid": os.getpid(), "command": " ".join(sys.argv)[:200], "since": now(), "token": token}
    try:
        lock = _locked(run_dir)
    except OSError as error:
        raise unwritable(run_dir / LOCK, error) from error
    with lock:
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


def check_free(run_dir: Path) -> None:
    """Raises RunError, naming the owner, while another process has the run; writes nothing."""
    if not _is_ours(run_dir / OWNER) and (run_dir / LOCK).exists():
        with suppress(OSError), _locked(run_dir):  # a folder that is read-only is nobody's to change
            pass


def wait_until_free(run_dir: Path) -> None:
    """Wait for whoever has the run, PATIENCE_S at most: one that is stopping has it until it has stopped."""
    from filelock import FileLock, Timeout

    if (run_dir / LOCK).exists():
        with suppress(Timeout, OSError), FileLock(run_dir / LOCK).acquire(timeout=PATIENCE_S):
            pass  # `claim` says who it is


def _locked(run_dir: Path) -> AcquireReturnProxy:
    from filelock import FileLock, Timeout

    try:
        return FileLock(run_dir / LOCK, is_singleton=True, thread_local=False).acquire(timeout=0)
    except Timeout:
        about = _read(run_dir / OWNER)
        owner = f"process {about.get('pid')} ({about.get('command')}) since {about.get('since')}"
        owner = owner if about else "another process"
        raise RunError(f"{run_dir} is in use by {owner}. Wait for it, or stop it first.") from None


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
