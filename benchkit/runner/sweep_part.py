"""What a worker does of a sweep: a part of a run by `benchkit run`, in a process that ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import BudgetStop
from ..llm.budget import CEILINGS, STOPPED_AT
from ..llm.journal import looking
from ..run.config import JOURNAL, intended
from ..run.lock import wait_until_free

STOPPED = ".stopped"  # in the sweep's folder: its budget is used up, so that no other run begins to ask
NOTHING_LEFT = "the sweep's budget is used up"


@dataclass(frozen=True)
class Ended:
    """How a part ended: the command's exit code, the last it said of an error, and when it ran (epoch s)."""

    code: int
    said: str = ""
    began: float = 0.0
    ended: float = 0.0


def run_part(run_dir: str, words: list[str], last: str, ceilings: Mapping[str, float] | None) -> Ended:
    """Run the notebooks that `words` name and that are still to run; waits for whoever has the run.

    `ceilings` are the whole sweep's, None for a part that is not to wait for them: the run may spend what
    the sweep's other runs have left of them.
    """
    folder, began = Path(run_dir).parent, time.time()
    if is_done(Path(run_dir), last):
        return Ended(0)
    if ceilings:
        left = remaining(Path(run_dir), ceilings)
        if (folder / STOPPED).exists() or min(left.values()) <= 0:
            return Ended(BudgetStop.exit_code, NOTHING_LEFT)
        words = words + [word for name, value in left.items() for word in ("-p", name, str(value))]
    wait_until_free(Path(run_dir))
    command = [sys.executable, "-m", __name__, "run", run_dir, *words]
    how: dict = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, start_new_session=True, **how) as process:
        assert process.stderr is not None
        said = process.stderr.read().splitlines()
    if process.returncode == BudgetStop.exit_code:
        (folder / STOPPED).touch()
    error = [line.removeprefix("benchkit: ") for line in said if line.startswith("benchkit: ")]
    why = error or said[-1:] if process.returncode else []
    if stopped := ceilings and process.returncode == BudgetStop.exit_code and STOPPED_AT.match(" ".join(why)):
        # Of the run's own ceiling, which is what the others have left, nobody has heard.
        name = stopped.group(1)
        why = [f"{NOTHING_LEFT} ({name} = {ceilings[name]:g} over all its runs)"]
    return Ended(process.returncode, " ".join(why), began, time.time())


def is_done(run_dir: Path, last: str) -> bool:
    """Whether the run's notebooks up to `last` have run and have their pages."""
    return any((run_dir / "html").glob(f"{last}_*.html")) and not intended(run_dir)


def remaining(run_dir: Path, ceilings: Mapping[str, float]) -> dict[str, float]:
    """What the sweep's other runs leave of each ceiling, of all that they have spent, resumes included."""
    spent = dict.fromkeys(CEILINGS, 0.0)
    for journal in run_dir.parent.glob(f"*/{JOURNAL}"):
        if journal.parent != run_dir:
            with looking(journal) as record:
                calls, cost, seconds = record.spent()
            for name, used in zip(CEILINGS, (cost, calls, seconds / 60), strict=True):
                spent[name] += used
    return {name: ceiling - type(ceiling)(spent[name]) for name, ceiling in ceilings.items()}


def _end_with_the_worker() -> None:
    """Wait for the worker's end of the pipe to close; then stop as at a request to terminate, so that what is
    in flight is waited for and nothing is paid twice."""
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    from .cli import main

    threading.Thread(target=_end_with_the_worker, daemon=True).start()
    sys.exit(main())
