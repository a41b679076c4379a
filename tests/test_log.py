"""Warnings to the console, everything to the run's debug.log, keys nowhere."""

from __future__ import annotations

import errno
import logging
import re
import subprocess
import sys

import pytest

from benchkit.log import log_to, redact, setup_logging

from .talking import KEY


@pytest.fixture(autouse=True)
def _restored():
    """Leave the package's handlers as they were."""
    root = setup_logging("benchkit")
    before = list(root.handlers)
    yield
    for handler in [h for h in root.handlers if h not in before]:
        root.removeHandler(handler)
        handler.close()


def test_everything_reaches_the_file(tmp_path):
    """debug.log has every level, one line each: timestamp - name - level - message."""
    log_to(tmp_path)
    setup_logging("stage").debug("a %s", "detail")
    setup_logging("benchkit.llm").error("a failure")
    lines = (tmp_path / "debug.log").read_text().splitlines()
    assert [line.split(" - ", 1)[1] for line in lines] == [
        "benchkit.stage - DEBUG - a detail",
        "benchkit.llm - ERROR - a failure",
    ]
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - ", lines[0])


def test_another_run_another_file(tmp_path):
    """After `log_to` of another run, the first one's file is left alone; twice the same is once."""
    a, b = tmp_path / "a", tmp_path / "b"
    a.mkdir()
    b.mkdir()
    logger = setup_logging("x")
    log_to(a)
    logger.info("one")
    log_to(a)
    logger.info("two")
    log_to(b)
    logger.info("three")
    assert (a / "debug.log").read_text().count("\n") == 2
    assert (b / "debug.log").read_text().endswith("three\n")


@pytest.mark.parametrize("verbose", ["", "1"])
def test_console(verbose):
    """Only warnings reach the console, unless it was asked to be verbose."""
    code = """
from benchkit import setup_logging
logger = setup_logging(__name__)
logger.debug("quiet")
logger.warning("loud")
setup_logging(__name__).warning("loud again")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"BENCHKIT_VERBOSE": verbose}
    )
    said = [line.rsplit(" - ", 1)[1] for line in done.stderr.splitlines()]
    assert said == (["quiet"] if verbose else []) + ["loud", "loud again"]
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Bearer my-own-key!", "Bearer [key]!"),
        (f"key {KEY} refused", "key [key] refused"),
        ("http://me:secret@proxy:80/x", "http://[key]@proxy:80/x"),
        ("http://proxy:80/x at 10:30", "http://proxy:80/x at 10:30"),
        ("nothing here", "nothing here"),
    ],
)
def test_redact(monkeypatch, text, expected):
    """The key in use, anything shaped like one, and passwords in addresses are taken out."""
    monkeypatch.setenv("GROQ_API_KEY", " my-own-key\n")
    assert redact(text) == expected


def test_keys_in_tracebacks(tmp_path, monkeypatch):
    """A key is taken out of arguments and tracebacks as well."""
    monkeypatch.setenv("GROQ_API_KEY", "another-key-entirely")
    log_to(tmp_path)
    logger = setup_logging("x")
    try:
        raise ValueError(f"bad {KEY} and another-key-entirely")
    except ValueError:
        logger.exception("with %s", KEY)
    text = (tmp_path / "debug.log").read_text()
    assert "[key]" in text
    assert KEY not in text
    assert "another-key-entirely" not in text


def test_what_cannot_be_encoded(tmp_path):
    """Half a character in a message does not stop the logging."""
    log_to(tmp_path)
    record = logging.makeLogRecord({"name": "x", "msg": "half \ud83d and \x00"})
    for handler in setup_logging("benchkit").handlers:
        if isinstance(handler, logging.FileHandler) and handler.baseFilename.startswith(str(tmp_path)):
            handler.handle(record)  # not through the logger: what runs the tests could not pass it on
    assert "half \\ud83d" in (tmp_path / "debug.log").read_text()


def test_other_loggers_are_left_alone():
    """Nothing of ours is attached to the root logger or sent to it."""
    assert setup_logging("x").parent is logging.getLogger("benchkit")
    assert not logging.getLogger("benchkit").propagate


@pytest.mark.parametrize("opens", [False, True])
def test_a_full_disk_is_no_traceback(tmp_path, monkeypatch, capsys, opens):
    """A log that cannot be opened or written falls silent: no error, and no traceback on the terminal."""

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    log_to(tmp_path)
    (handler,) = [h for h in logging.getLogger("benchkit").handlers if isinstance(h, logging.FileHandler)]
    monkeypatch.setattr(handler, "_open", (lambda: open("/dev/full", "w")) if opens else full)  # noqa: SIM115
    setup_logging("x").info("a line")
    assert capsys.readouterr().err == ""
