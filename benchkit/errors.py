"""What can go wrong, said so that the reader can act: what, where, and the remedy."""

from __future__ import annotations

import errno
from pathlib import Path

# The file system's numbers, and SQLite's: importing sqlite3 for two of them costs more.
FULL = (errno.ENOSPC, errno.EDQUOT), 13
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM), 8


class BenchkitError(Exception):
    """Base of all: a message that finishes the sentence. `exit_code` is the command line's."""

    exit_code = 1

    def _render_traceback_(self) -> list[str]:
        # IPython calls this hook: a notebook shows the sentence instead of forty frames of ours.
        return [f"{type(self).__name__}: {self}"]


class UsageError(BenchkitError):
    """A parameter or flag that cannot be used as given."""

    exit_code = 2


class InputError(BenchkitError):
    """A file that somebody brought and that cannot be read as what it should be."""


class RunError(BenchkitError):
    """A run folder that is missing, incomplete, damaged, in use or of another configuration."""


class ProviderError(BenchkitError):
    """The provider cannot serve this run: key, model, account or network."""


class Unanswered(ProviderError):
    """A model has answered nothing for so long that waiting on is for another day."""


class BudgetStop(BenchkitError):
    """The run reached a ceiling that was set for it; what is paid for is kept and it can resume."""

    exit_code = 3


class LimitStop(BudgetStop):
    """One model's wait that is too long: a limit such as a daily one, or more than `max_minutes` leave."""


class Interrupted(BenchkitError):
    """Somebody interrupted the run; what is paid for is kept and it can resume."""

    exit_code = 4


class WaitingForBatch(BenchkitError):
    """A batch is with the provider; the run goes on once it is over."""

    exit_code = 6


def is_full(error: Exception) -> bool:
    """Whether the file system's or SQLite's error is a full disk."""
    return _is(error, *FULL)


def unwritable(path: Path, error: Exception) -> RunError:
    """What kept `path` from being written, and the remedy: room on a full disk, or leave to write.

    `error` is the file system's or SQLite's.
    """
    why = getattr(error, "strerror", None) or str(error)
    if is_full(error):
        problem, remedy = f"the disk of {path.parent} is full ({why})", "Make room on it"
    elif _is(error, *READ_ONLY):
        problem, remedy = f"{path.parent} is read-only ({why})", "Make it writable"
    else:
        problem, remedy = why, "Mend that"
    return RunError(f"{path} cannot be written: {problem}. {remedy} and run again: what is recorded is kept.")


def _is(error: Exception, numbers: tuple[int, ...], result: int) -> bool:
    """Whether it is one of the file system's `numbers`, or SQLite's `result`."""
    return getattr(error, "errno", None) in numbers or getattr(error, "sqlite_errorcode", 0) & 0xFF == result
