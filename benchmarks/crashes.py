"""`kill -9` at random moments: what was recorded is neither lost nor asked for again.

    python benchmarks/crashes.py [KILLS [CALLS]]

KILLS (100) times over a run of CALLS (1,000) calls a process is killed and its run resumed; then it ends
well. After each kill the journal is read: a reply that is gone is lost, one that has changed was asked
again. The provider counts what it answered twice: what was in flight. About three minutes.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from engine import agent, client, items, machine, offline, run_folder

from benchkit.llm.journal import Journal

IN_FLIGHT = 8


def ask(folder: str, calls: str) -> None:
    """The process that is killed; tells when it lives and when its first replies are on disk."""
    print("lives", flush=True)
    write = Journal._write

    def told(self: Journal) -> None:
        write(self)
        Journal._write = write
        print("records", flush=True)

    Journal._write = told
    asyncio.run(client(Path(folder), IN_FLIGHT).map(agent("offline/steady"), items(int(calls))))


def on_record(folder: Path) -> dict[str, tuple[str, int]]:
    """(reply, requests sent for it) by key."""
    with sqlite3.connect(folder / "calls.sqlite") as db:
        return {key: (reply, sent) for key, reply, sent in db.execute("SELECT key, reply, sent FROM calls")}


def killed(folder: Path, calls: str, draw: random.Random) -> None:
    command = [sys.executable, __file__, "ask", str(folder), calls]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    process.stdout.readline()
    if draw.random() < 0.9:
        process.stdout.readline()
    time.sleep(draw.uniform(0, 0.1))
    process.kill()
    process.wait()


def main(kills: str = "100", calls: str = "1000") -> None:
    print(machine())
    draw, known, lost, again, moved = random.Random(3), {}, 0, 0, 0
    with offline(latency_ms=100) as server, run_folder() as folder:
        for _ in range(int(kills)):
            killed(folder, calls, draw)
            found = on_record(folder) if (folder / "calls.sqlite").exists() else {}
            lost += sum(key not in found for key in known)
            again += sum(known[key] != found[key] for key in known.keys() & found.keys())
            moved += len(found) > len(known)
            known = found
        replies = asyncio.run(client(folder).map(agent("offline/steady"), items(int(calls))))
        counts = server.stats()
    print(
        f"{kills} kills, {moved} of them after new replies; {len(known)} of {calls} on record after the last"
    )
    print(f"recorded and lost {lost}, recorded and asked again {again}, replies in the end {len(replies)}")
    twice = counts.get("served_again", 0)
    print(f"answered twice by the provider {twice}, {twice / int(kills):.2f} a kill of {IN_FLIGHT} in flight")


if __name__ == "__main__":
    if sys.argv[1:2] == ["ask"]:
        ask(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
