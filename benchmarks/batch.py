"""Calls by batches through every fault, with `kill -9` at random moments: none lost, none paid twice.

    python benchmarks/batch.py [KILLS [CALLS]]

KILLS (40) times over a run of CALLS (2,000) calls a process is killed and its run resumed; then it is run
until it ends well. Batches are of 10 calls, take 2 s and meet every fault of the offline provider in turn,
over and over; the provider counts what it answered twice. About five minutes.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from engine import agent, client, items, machine, offline, run_folder

from benchkit.errors import WaitingForBatch
from benchkit.llm import batch
from benchkit.llm.journal import looking
from benchkit.offline.server.batches import FAULTS

LINES, BATCH_S = 10, 2.0
MODEL = "offline/steady"


def ask(folder: str, calls: str) -> None:
    """The process that is killed: it asks again and again until all is there."""
    print("lives", flush=True)
    batch.MOST_LINES = LINES
    while True:
        one = client(Path(folder))
        one.execution = "batch"
        try:
            replies = asyncio.run(one.map(agent(MODEL), items(int(calls))))
        except WaitingForBatch:
            time.sleep(0.05)
            continue
        if all(reply.status != "failed" for reply in replies):
            return


def started(folder: Path, calls: str) -> subprocess.Popen:
    command = [sys.executable, __file__, "ask", str(folder), calls]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    process.stdout.readline()
    return process


def on_record(folder: Path, keys: list[str]) -> set[str]:
    with looking(folder / "calls.sqlite") as record:
        return set(record.replies(keys))


def main(kills: str = "40", calls: str = "2000") -> None:
    print(machine())
    draw, known, lost, moved, early = random.Random(3), set(), 0, 0, 0
    keys = [agent(MODEL).call(item, 7).key for item in items(int(calls))]
    faults = [fault for _ in range(20) for fault in FAULTS]
    with offline(latency_ms=0, batch_s=BATCH_S, batch_faults=faults) as server, run_folder() as folder:
        for _ in range(int(kills)):
            process = started(folder, calls)
            time.sleep(draw.uniform(0, 3))
            process.kill()
            process.wait()
            found = on_record(folder, keys)
            early += len(found) < len(keys)
            lost, moved, known = lost + len(known - found), moved + (len(found) > len(known)), found
        at_kills = len(known)
        assert started(folder, calls).wait() == 0
        found, counts = on_record(folder, keys), Counter(server.stats())
    print(
        f"{kills} kills, {early} of them with calls left, {moved} after new replies; "
        f"{at_kills} of {calls} on record after the last"
    )
    print(f"recorded and lost {lost}; on record in the end {len(found)} of {calls}")
    print(
        f"{counts['batches']} batches of {counts['uploaded']} uploads; faults met: all {len(FAULTS) - 1}"
        if counts["batches"] > len(FAULTS)
        else f"{counts['batches']} batches: not every fault was met"
    )
    print(f"answered by the provider {counts['served']}, of them twice {counts['served_again']}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["ask"]:
        ask(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
