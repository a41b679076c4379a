"""Calls a second of the engine beside ChatGroq as it is, on two transports, and a bare aiohttp loop.

    python benchmarks/throughput.py [TIMES]

Everything of ours is on: pacer, journal, progress, debug.log. All take turns at the same server, a process
of its own, which measures from the first request to the last reply and how many were in flight. All send the
same prompts with the same tool, forced; the two on aiohttp have the same connection limit, above the largest
window: with `max_connections=None` the adapter falls back to 100, so that 200 were never in flight. Half a
minute for each of TIMES (5).

What bounds it is one core: what is ours in a call is about 0.3 ms of it, and as much is saved by handing the
tool over in the request's extra body.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

import aiohttp
from engine import Server, agent, canned, client, items, machine, run_folder, spread

from benchkit.llm.groq import MOST_CONNECTIONS

SET_UP = f"""bare aiohttp: one ClientSession, limit={MOST_CONNECTIONS}, the same tool and messages as JSON
ChatGroq as it comes: groq.DefaultAsyncHttpxClient(), its own pool of 100, bind_tools and tool_choice
ChatGroq on aiohttp: groq.DefaultAioHttpClient(max_connections={MOST_CONNECTIONS}), bind_tools and tool_choice
benchkit: the same transport and limit, max_concurrency as in flight"""
CASES = ((600, 50, 200), (3000, 200, 200), (3000, 64, 0))  # calls, in flight, milliseconds
Ask = Callable[[int, int], Awaitable[None]]


async def workers(calls: int, size: int, ask: Callable[[int], Awaitable[object]]) -> None:
    """`calls` calls, `size` at a time."""
    numbers = iter(range(calls))

    async def work() -> None:
        for number in numbers:
            await ask(number)

    await asyncio.gather(*(work() for _ in range(size)))


async def bare_aiohttp(calls: int, size: int) -> None:
    url = os.environ["GROQ_BASE_URL"] + "/openai/v1/chat/completions"
    one = agent("canned")
    asked = [{"role": "system", "content": one.system_prompt}]
    body = {"model": "canned", "max_tokens": one.max_tokens, "temperature": one.temperature, "seed": 8}
    body |= {
        "tools": [one.tool.definition],
        "tool_choice": {"type": "function", "function": {"name": one.tool.name}},
    }
    some = items(calls)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=MOST_CONNECTIONS)) as session:

        async def ask(number: int) -> None:
            messages = [*asked, {"role": "user", "content": some[number].content}]
            async with session.post(url, json=body | {"messages": messages}) as response:
                json.loads(await response.read())

        await workers(calls, size, ask)


def chat_groq(aio: bool) -> Ask:
    async def run(calls: int, size: int) -> None:
        import groq
        import httpx
        from langchain_core.messages import HumanMessage, SystemMessage
        from langchain_groq import ChatGroq

        limits = httpx.Limits(max_connections=MOST_CONNECTIONS, keepalive_expiry=60)
        http = groq.DefaultAioHttpClient(limits=limits) if aio else groq.DefaultAsyncHttpxClient()
        chat = ChatGroq(model="canned", max_tokens=2048, timeout=120, max_retries=0, http_async_client=http)
        one = agent("canned")
        bound = chat.bind_tools([one.tool.definition], tool_choice=one.tool.name)
        asked = [[SystemMessage(one.system_prompt), HumanMessage(item.content)] for item in items(calls)]
        await workers(calls, size, lambda number: bound.ainvoke(asked[number]))
        await http.aclose()

    return run


async def ours(calls: int, size: int) -> None:
    with run_folder() as folder:
        await client(folder, size).map(agent("canned"), items(calls))


WAYS: dict[str, Ask] = {
    "bare aiohttp": bare_aiohttp,
    "ChatGroq as it comes": chat_groq(aio=False),
    "ChatGroq on aiohttp": chat_groq(aio=True),
    "benchkit": ours,
}


def measured(server: Server, ask: Ask, calls: int, size: int) -> tuple[float, float, int]:
    """(seconds from first request to last reply, this process's CPU ms a call, most in flight)."""
    began = time.process_time()
    asyncio.run(ask(calls, size))
    busy, seen = time.process_time() - began, server.stats()
    assert seen["answered"] == calls
    return seen["seconds"], busy * 1000 / calls, seen["in_flight"]


def main(times: str = "5") -> None:
    print(machine())
    print(SET_UP)
    for calls, size, latency in CASES:
        ideal = calls / size * latency / 1000
        print(f"\n{calls} calls, {size} in flight, {latency} ms; ideal {ideal:.2f} s")
        columns = "".join(f"{name:>11}" for name in ("calls/s", "x ideal", "CPU ms", "in flight"))
        print(f"{'':24}{'seconds':>10}   {'range (runs)':22}{columns}")
        seconds: dict[str, list[float]] = {way: [] for way in WAYS}
        cpu: dict[str, list[float]] = {way: [] for way in WAYS}
        most: dict[str, int] = {}
        with canned(latency) as server:
            for _ in range(int(times)):
                for way, ask in WAYS.items():
                    if way == "ChatGroq as it comes" and size > 100:
                        continue  # its pool collapses there
                    took, busy, most[way] = measured(server, ask, calls, size)
                    seconds[way].append(took)
                    cpu[way].append(busy)
        for way, took in seconds.items():
            if not took:
                continue
            middle = statistics.median(took)
            times_ideal = f"{middle / ideal:11.3f}" if ideal else f"{'':11}"
            row = f"{calls / middle:11.0f}{times_ideal}{min(cpu[way]):11.2f}{most[way]:11}"
            print(f"{way:24}  {spread(took):33}{row}")
        shares = [a / b for a, b in zip(seconds["ChatGroq on aiohttp"], seconds["benchkit"], strict=True)]
        print(f"calls/s of benchkit : ChatGroq on aiohttp  {spread(shares)}")
        print(bound(ideal * 1000 / calls, {way: min(busy) for way, busy in cpu.items() if busy}))


def bound(ideal_ms: float, cpu_ms: dict[str, float]) -> str:
    """What one core has for a call at the ideal pace, and what it takes; all in milliseconds."""
    own, chat, bare = (cpu_ms[way] for way in ("benchkit", "ChatGroq on aiohttp", "bare aiohttp"))
    takes = f"benchkit takes {own:.2f} ms of a core, ChatGroq alone {chat:.2f}, bare aiohttp {bare:.2f}"
    if not ideal_ms:
        return f"{takes}: at most {1000 / own:.0f} calls/s"
    return f"{takes}; within 1.1 x ideal there are {1.1 * ideal_ms:.2f} ms for a call"


if __name__ == "__main__":
    main(*sys.argv[1:])
