"""`logger = setup_logging(__name__)`: warnings to the console, all to the run's debug.log, keys nowhere."""

from __future__ import annotations

import logging
import os
import re
import sys
from contextlib import suppress
from pathlib import Path

FORMAT = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
KEY_SHAPE = re.compile(r"gsk_\w{4,}|(?<=://)[^/@\s]+:[^/@\s]+(?=@)")  # also a name and password in a URL


def redact(text: str) -> str:
    """`text` without any API key: neither the one in use nor anything shaped like one."""
    key = os.environ.get("GROQ_API_KEY", "").strip()
    return KEY_SHAPE.sub("[key]", text.replace(key, "[key]") if len(key) > 3 else text)


class _Redacting(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class _RunLog(logging.FileHandler):
    """debug.log. On a full disk it falls silent: what was at work says so, and no traceback hides it."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # from opening it
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)

    def close(self) -> None:
        with suppress(OSError):  # from what is left to write
            super().close()


def setup_logging(name: str) -> logging.Logger:
    """A logger below `benchkit` that writes `timestamp - name - level - message`."""
    root = logging.getLogger("benchkit")
    if not root.handlers:
        root.setLevel(logging.DEBUG)
        root.propagate = False
        console = logging.StreamHandler(sys.stderr)
        console.setLevel(logging.DEBUG if os.environ.get("BENCHKIT_VERBOSE") else logging.WARNING)
        _attach(root, console)
    return logging.getLogger(name if name.startswith("benchkit") else f"benchkit.{name}")


def log_to(folder: Path) -> None:
    """Send everything to `folder/debug.log` from now on, and no longer to another run's."""
    root = setup_logging("benchkit")
    path = str((folder / "debug.log").resolve())
    for handler in [h for h in root.handlers if isinstance(h, logging.FileHandler)]:
        if handler.baseFilename == path and Path(path).exists():
            return
        root.removeHandler(handler)
        handler.close()
    _attach(root, _RunLog(path, encoding="utf-8", errors="backslashreplace", delay=True))


def _attach(logger: logging.Logger, handler: logging.Handler) -> None:
    handler.setFormatter(_Redacting(FORMAT))
    logger.addHandler(handler)
