"""How much of a limit is used, and how many requests are refused on the way, beside the arithmetic floor.

    python benchmarks/limits.py [rpm] [tpm] [two] [processes]

The limits are announced as Groq does: requests a minute only in a 429's text, tokens a minute in headers.
The offline provider is a process of its own; its minute holds a second's worth of requests or ten of
tokens, so that bursts are refused. Use counts from the 5th second to the last reply. Half a minute, two
minutes, half a minute. `processes`: two under one key, at each of the two limits; a minute and a half.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from engine import agent, client, items, machine, offline, run_folder

from benchkit.agent import Agent, Item

Work = Sequence[tuple[Agent, Sequence[Item]]]
LATE_S = 5.0


def uneven(count: int) -> list[Item]:
    """Prompts of 10 to 800 words."""
    draw = random.Random(1)
    return [Item(f"case-{n}", f"Order {n}. " + "late " * draw.choice((10, 100, 800))) for n in range(count)]


def late_pace(folder: Path, model: str) -> tuple[float, float]:
    """(requests, tokens) a minute from the 5th second to the last reply."""
    query = "SELECT reply FROM calls WHERE model = ? AND status != 'failed'"
    with sqlite3.connect(folder / "calls.sqlite") as db:
        replies = [json.loads(text) for (text,) in db.execute(query, [model])]
    ends = [datetime.fromisoformat(reply["timestamp"]).timestamp() for reply in replies]
    began = min(end - (reply["latency_s"] or 0) for end, reply in zip(ends, replies, strict=True)) + LATE_S
    late = [reply for end, reply in zip(ends, replies, strict=True) if end > began]
    minutes = (max(ends) - began) / 60
    tokens = sum((reply["prompt_tokens"] or 0) + (reply["completion_tokens"] or 0) for reply in late)
    return len(late) / minutes, tokens / minutes


def run(title: str, work: Work, goals: dict[str, tuple[str, float]], **options: object) -> None:
    """Ask `work` of a provider with `options`; `goals` is {model: ("requests" or "tokens", a minute)}."""
    with offline(**options) as server, run_folder() as folder:
        replies = [reply for some in asyncio.run(client(folder).map_all(work)) for reply in some]
        counts = server.stats()
        print(f"\n{title}")
        for model, (unit, limit) in goals.items():
            pace = late_pace(folder, model)[unit == "tokens"]
            refused = counts.get(f"refused_429:{model}", 0)
            sent = counts[f"served:{model}"] + counts.get(f"failed_tool_use:{model}", 0) + refused
            print(
                f"{model:18} {limit:8,.0f} {unit} a minute, used {pace:9,.0f} = {pace / limit:6.1%}, "
                f"refused {refused} of {sent} = {refused / sent:.2%}"
            )
        lost = sum(reply.status == "failed" for reply in replies)
        print(f"replies {len(replies)}, lost {lost}, paid twice {counts.get('served_again', 0)}")


def ask(folder: str, start: str, calls: str) -> None:
    """One of several processes under one key."""
    work = items(int(calls), int(start))
    asyncio.run(client(Path(folder)).map(agent("offline/steady", max_tokens=512), work))


def processes(title: str, calls: int, **options: object) -> None:
    with offline(**options) as server, run_folder() as folder:
        began, started = time.perf_counter(), []
        for start in (0, calls):
            (folder / str(start)).mkdir()
            command = [sys.executable, __file__, "ask", str(folder / str(start)), str(start), str(calls)]
            started.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        codes = [process.wait() for process in started]
        took_s, counts = time.perf_counter() - began, server.stats()
    refused = counts.get("refused_429", 0)
    print(f"\n{title}, two processes of {calls} calls: exit {codes}, {took_s:.0f} s, refused {refused}")


def main(*which: str) -> None:
    print(machine())
    steady, hasty = agent("offline/steady"), agent("offline/hasty")
    if not which or "rpm" in which:
        work = [(steady, items(400))]
        goal = {steady.model: ("requests", 1200.0)}
        run("1,200 requests/min, 400 calls, 300 ms", work, goal, rpm=1200, burst=20, latency_ms=300)
    if not which or "tpm" in which:
        work = [(agent("offline/steady", max_tokens=512), uneven(200))]
        goal = {steady.model: ("tokens", 60_000.0)}
        limits = {"tpm": 60_000, "burst_tokens": 10_000, "latency_ms": 300}
        run("60,000 tokens/min, 200 calls of uneven size", work, goal, **limits)
    if not which or "two" in which:
        work = [(steady, items(400)), (hasty, items(300))]
        own = {steady.model: {"rpm": 1200, "burst": 20}, hasty.model: {"rpm": 600, "burst": 10}}
        goals = {steady.model: ("requests", 1200.0), hasty.model: ("requests", 600.0)}
        run("Two models, each at its own limit", work, goals, limits=own, latency_ms=300)
    if not which or "processes" in which:
        processes("1,200 requests/min", 200, rpm=1200, burst=20, latency_ms=300)
        processes("120,000 tokens/min", 200, tpm=120_000, burst_tokens=20_000, latency_ms=300)


if __name__ == "__main__":
    if sys.argv[1:2] == ["ask"]:
        ask(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
