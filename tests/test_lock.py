"""One process at a time owns a run; a second is told who."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchkit.errors import RunError
from benchkit.run.lock import TOKEN, check_free, claim

HOLD = """
import sys
from pathlib import Path
from benchkit.run.lock import claim
with claim(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""
TRY = """
import sys
from pathlib import Path
from benchkit.run.lock import claim
from benchkit.errors import RunError
try:
    with claim(Path(sys.argv[1])):
        print("got it")
except RunError as error:
    print(error)
"""


def other(code: str, path: Path, environment: dict[str, str] | None = None) -> subprocess.Popen:
    without = {name: value for name, value in os.environ.items() if name != TOKEN}
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=without | (environment or {}),
    )


def said(process: subprocess.Popen) -> str:
    return process.communicate(timeout=20)[0]


def test_second_process_is_told_who(tmp_path):
    """While a process holds the run, another is refused with the first one's number and command."""
    first = other(HOLD, tmp_path)
    assert first.stdout.readline() == "held\n"
    with pytest.raises(RunError, match=rf"in use by process {first.pid} \(-c .*\) since 20"):
        claim(tmp_path).__enter__()
    first.communicate("\n", timeout=20)
    with claim(tmp_path):
        assert json.loads((tmp_path / ".owner.json").read_text())["pid"] == os.getpid()


def test_looking_at_who_has_it(tmp_path):
    """A run that another process has is not free, with its name; one that nobody has is, and stays so."""
    check_free(tmp_path)
    assert not list(tmp_path.iterdir())
    first = other(HOLD, tmp_path)
    assert first.stdout.readline() == "held\n"
    with pytest.raises(RunError, match=f"in use by process {first.pid}"):
        check_free(tmp_path)
    first.communicate("\n", timeout=20)
    check_free(tmp_path)
    with claim(tmp_path):
        check_free(tmp_path)


def test_killed_owner_leaves_nothing(tmp_path):
    """The lock of a process that was killed is free, though its note is still there."""
    first = other(HOLD, tmp_path)
    first.stdout.readline()
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=20)
    assert (tmp_path / ".owner.json").exists()
    with claim(tmp_path):
        assert str(os.getpid()) in said(other(TRY, tmp_path))


def test_children_of_the_owner_pass(tmp_path):
    """A kernel started by the owner may use the run; a stranger may not, and after the end anyone may."""
    with claim(tmp_path):
        assert said(other(TRY, tmp_path, {TOKEN: os.environ[TOKEN]})) == "got it\n"
        assert f"process {os.getpid()}" in said(other(TRY, tmp_path))
    assert said(other(TRY, tmp_path)) == "got it\n"


def test_reentrant(tmp_path):
    """The owner may claim again; the run is free only after the outermost block."""
    with claim(tmp_path):
        with claim(tmp_path), claim(tmp_path):
            pass
        assert "in use" in said(other(TRY, tmp_path))
    assert not (tmp_path / ".owner.json").exists()


def test_several_runs_in_any_order(tmp_path):
    """A process may own two runs and let go of the first one first."""
    a, b = tmp_path / "a", tmp_path / "b"
    a.mkdir()
    b.mkdir()
    first, second = ExitStack(), ExitStack()
    first.enter_context(claim(a))
    second.enter_context(claim(b))
    with claim(a):
        pass
    assert (a / ".owner.json").exists()
    first.close()
    with claim(b):
        pass
    assert (b / ".owner.json").exists()
    assert "in use" in said(other(TRY, b))
    second.close()
    assert not os.environ.get(TOKEN)


def test_full_disk(tmp_path, monkeypatch):
    """Where the owner's note cannot be written, the lock is let go of again."""

    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(RunError, match="No space left on device"):
            claim(tmp_path).__enter__()
    assert said(other(TRY, tmp_path)) == "got it\n"


def test_damaged_note(tmp_path):
    """A note that cannot be read is no reason to fail otherwise than by saying that somebody is there."""
    first = other(HOLD, tmp_path)
    first.stdout.readline()
    for note in ("", "[]", '{"pid": 3}'):
        (tmp_path / ".owner.json").write_text(note)
        with pytest.raises(RunError, match=r"in use by (another process|process 3)"):
            claim(tmp_path).__enter__()
    first.communicate("\n", timeout=20)
