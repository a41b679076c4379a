"""100,000 calls through one process: its memory, what a call costs at the end, and resuming when all is done.

    python benchmarks/size.py [CALLS]

Against an instant server in a process of its own. Cost is this process's CPU time. About five minutes.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from itertools import pairwise

from engine import agent, canned, client, items, machine, run_folder

from benchkit.llm.client import Client


def resident_mb() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


async def ask(one: Client, calls: int) -> tuple[list[tuple[float, float]], float]:
    """((CPU seconds, resident MB) at each twentieth of the way, MB before the first call)."""
    marks: list[tuple[float, float]] = []
    some, settle, done = items(calls), Client._settle, 0
    before = resident_mb()

    async def counted(self, *how):
        nonlocal done
        reply = await settle(self, *how)
        done += 1
        if done % (calls // 20) == 0:
            marks.append((time.process_time(), resident_mb()))
        return reply

    Client._settle = counted
    await one.map(agent("canned"), some)
    Client._settle = settle
    return marks, before


def main(calls: str = "100000") -> None:
    print(machine())
    count = int(calls)
    with canned(0) as server, run_folder() as folder:
        asyncio.run(client(folder).map(agent("canned"), items(500, start=count)))  # imports and pools
        server.stats()
        marks, before = asyncio.run(ask(client(folder), count))
        seconds = server.stats()["seconds"]
        began = time.perf_counter()
        replies = asyncio.run(client(folder).map(agent("canned"), items(count)))
        resumed = time.perf_counter() - began
        size = (folder / "calls.sqlite").stat().st_size / 2**20
        asked = server.stats()["answered"]
    costs = [(b[0] - a[0]) * 20_000 / count for a, b in pairwise(marks)]
    first, last = sum(costs[:4]) / 4, sum(costs[-4:]) / 4
    print(f"{count} calls in {seconds:.0f} s, {count / seconds:.0f} calls/s, journal {size:.0f} MB")
    print(
        f"memory {before:.0f} MB before the first call, {max(m for _, m in marks):.0f} MB at most, ", end=""
    )
    print(f"growth {max(m for _, m in marks) - before:.0f} MB")
    print(f"CPU a call: first fifth {first:.3f} ms, last fifth {last:.3f} ms, {last / first - 1:+.1%}")
    print(f"resumed when all is on record: {resumed:.1f} s, {len(replies)} replies, {asked} requests")


if __name__ == "__main__":
    main(*sys.argv[1:])
