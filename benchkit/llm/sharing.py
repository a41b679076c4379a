"""How many processes of this machine ask a model under one key: they share its limits."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

EVERY_S = 1.0  # between two looks
GONE_S = 30.0  # a process that has not touched its file for so long asks no more


class Sharers:
    """The processes that ask one model of one provider under one key, each with a file of its own.

    The file's name holds a digest of all three, never the key. It lies in the machine's temporary folder and
    is touched while its process asks. Where none can be written, a process takes itself to be alone.
    """

    def __init__(
        self, url: str, key: str, model: str, folder: Path | None = None, owner: int | None = None
    ) -> None:
        digest = sha256("\n".join((url, key, model)).encode()).hexdigest()[:16]
        self._folder = folder or Path(tempfile.gettempdir())
        self._pattern = f"benchkit-{digest}-*"
        self._file = self._folder / f"benchkit-{digest}-{os.getpid() if owner is None else owner}"
        self._looked_at, self._found = float("-inf"), 1

    def __call__(self, clock: Callable[[], float] = time.monotonic) -> int:
        """How many there are, this one included."""
        if clock() - self._looked_at >= EVERY_S:
            self._looked_at = clock()
            with suppress(OSError):  # another one may leave at this moment
                self._file.touch()
                now = self._file.stat().st_mtime
                ages = [now - file.stat().st_mtime for file in self._folder.glob(self._pattern)]
                self._found = max(1, sum(age < GONE_S for age in ages))
        return self._found

    def leave(self) -> None:
        """This process asks no more: the others may have its share."""
        with suppress(OSError):
            self._file.unlink(missing_ok=True)
