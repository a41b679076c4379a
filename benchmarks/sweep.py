"""A sweep of small runs on two workers beside the ideal of its slowest resource; one with a worker killed.

    python benchmarks/sweep.py [RUNS [KILLS]]

RUNS (12) runs of 4 cases and 2 models through 01 to 04, without the judge, ask the offline provider in a
process of its own, which answers in 2 s and has no more than 4 calls at work. Two resources can be the
slowest: the provider, which one run has at a time, and the two workers. The ideal is the larger of the
seconds that the parts that ask took, all together, and half the seconds of all parts. Then KILLS (1) sweeps
of 2 runs through 03 in which the worker that asks is killed with -9 while the second run asks: the provider
counts what it answered twice.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from engine import Server, machine, offline

from benchkit.runner.sweep_part import Ended

SMALL = {"json_cases": 2, "conversation_cases": 2, "rounds": 1, "enable_judge": False, "planted_cases": 0}
MODELS = {"models": ["offline/steady", "offline/hasty"], "generator_model": "offline/author"}
MODELS |= {"validator_model": "offline/critic"}
PROVIDER: dict[str, Any] = {"latency_ms": 2000, "at_once": 4}


def grid(folder: Path, runs: int, **more: Any) -> Path:
    file = folder / "grid.yaml"
    fixed = {"provider": "groq"} | SMALL | MODELS | more
    file.write_text(yaml.safe_dump({"grid": {"seed": list(range(runs))}, "parameters": fixed}))
    return file


@contextmanager
def timed_parts() -> Iterator[list[tuple[str, Ended]]]:
    """(last notebook, how it ended) of every part of the sweeps in the block."""
    from distributed import Client

    ended, submit = [], Client.submit

    def noting(self: Client, work: Any, *given: Any, **how: Any) -> Any:
        future = submit(self, work, *given, **how)
        future.add_done_callback(lambda done: ended.append((given[2], done.result())))
        return future

    Client.submit = noting
    try:
        yield ended
    finally:
        Client.submit = submit


def undisturbed(runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder, offline(**PROVIDER) as server, timed_parts() as ended:
        began = time.time()
        code = sweep_command_of(grid(Path(folder), runs), Path(folder) / "runs")
        took_s, counts = time.time() - began, server.stats()
    asking = sum(end.ended - end.began for last, end in ended if last == "03")
    rest = sum(end.ended - end.began for last, end in ended if last != "03")
    start_s = min(end.began for _, end in ended) - began
    ideal_s = max(asking, (asking + rest) / 2)
    print(f"{runs} runs, exit {code}: {took_s:.0f} s, of them {start_s:.0f} s until the first part began")
    print(f"parts that ask {asking:.0f} s, the others {rest:.0f} s; ideal on two workers {ideal_s:.0f} s")
    print(
        f"times the ideal {took_s / ideal_s:.2f}; "
        f"answered {counts['served']}, twice {counts.get('served_again', 0)}"
    )


def sweep_command_of(file: Path, folder: Path) -> int:
    from benchkit.runner import cli

    return cli.main(["sweep", str(file), str(folder), "--to", "04"])


def killed() -> None:
    with tempfile.TemporaryDirectory() as folder, offline(**PROVIDER) as server:
        runs = Path(folder) / "runs"
        words = ["sweep", str(grid(Path(folder), 2, rounds=5)), str(runs), "--to", "03"]
        process = subprocess.Popen([sys.executable, "-m", "benchkit.runner.cli", *words])
        worker = worker_that_asks(runs, server)
        os.kill(worker, signal.SIGKILL)
        at_kill = server.stats()["served"]
        code, counts = process.wait(), server.stats()
        done = len(list(runs.glob("*/combined_model_responses.csv")))
    print(
        f"worker killed after {at_kill} answers: exit {code}, {done} of 2 runs have their responses; "
        f"answered {counts['served']}, twice {counts.get('served_again', 0)}"
    )


def worker_that_asks(runs: Path, server: Server) -> int:
    """The parent of the second run's `benchkit run`, once that has a journal and is asking."""
    while True:
        time.sleep(0.2)
        journals = sorted(runs.glob("*/calls.sqlite"), key=lambda path: path.stat().st_ctime)
        if len(journals) < 2:
            continue
        if not list(journals[1].parent.glob("html/02_validate.html")):
            continue
        time.sleep(10.0)  # some calls of 03 are answered and some are on their way
        for status in Path("/proc").glob("[0-9]*/cmdline"):
            words = status.read_bytes().split(b"\0")
            if b"benchkit.runner.sweep_part" in words and str(journals[1].parent).encode() in words:
                stat = (status.parent / "stat").read_text().rpartition(")")[2].split()
                return int(stat[1])


def main(runs: str = "12", kills: str = "1") -> None:
    print(machine(), flush=True)
    if int(runs):
        undisturbed(int(runs))
    for _ in range(int(kills)):
        killed()


if __name__ == "__main__":
    main(*sys.argv[1:])
