"""What a provider costs that fails 30 % of the requests, beside the same calls without a fault.

    python benchmarks/faults.py [TIMES]

Every way of failing but a key or model that is gone: 498, 500, 502, 503 as JSON and as text, a hang, a slow
drip, a reset, truncated and garbled bodies, a wrong content type, completions without a choice or a
message, tool_use_failed, all as often. The offline provider is a process of its own. The floor is the time
that the requests took at the provider, shared among those in flight: no wait between attempts is in it. Of
the calls that begin last some fail three times and then wait 1, 2 and 4 s and up to one more each: about 12
s of every run, however long, which is why it is read at two sizes. Seven minutes for each of TIMES (1).
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence

from engine import agent, client, items, machine, offline, run_folder, spread

from benchkit.agent import Reply
from benchkit.offline.server.faults import NAMES

SIZES, IN_FLIGHT, LATENCY_MS, RATE, TIMEOUT_S = (2000, 6000), 50, 1000, 0.3, 5.0
Run = tuple[float, list[Reply], dict[str, int]]  # seconds, replies, what the provider counted


def measured(calls: int, **options: object) -> Run:
    with offline(latency_ms=LATENCY_MS, drip_s=1.0, **options) as server, run_folder() as folder:
        one = client(folder, IN_FLIGHT)
        one.provider.timeout_s = TIMEOUT_S
        began = time.perf_counter()
        replies = asyncio.run(one.map(agent("offline/steady"), items(calls)))
        return time.perf_counter() - began, replies, server.stats()


def floor_s(replies: Sequence[Reply]) -> float:
    """Seconds in which the provider could have done what it did for them."""
    return sum((r.latency_s or 0.0) + r.retry_s - r.waited_s for r in replies) / IN_FLIGHT


def report(title: str, runs: Sequence[Run]) -> None:
    _, replies, counts = runs[-1]
    floors = min(floor_s(replies) for _, replies, _ in runs)
    print(f"{title:20}{spread([run[0] for run in runs]):34} s, floor {floors:.1f} s")
    print(f"{'':20}{dict(Counter(reply.status for reply in replies))}")
    print(f"{'':20}{ {name: count for name, count in counts.items() if ':' not in name} }")


def main(times: str = "1") -> None:
    print(machine())
    faults = {name: RATE / len(NAMES) for name in NAMES}
    for calls in SIZES:
        print(f"\n{calls} calls of {LATENCY_MS} ms, {IN_FLIGHT} in flight, timeout {TIMEOUT_S:.0f} s")
        good, bad = zip(
            *((measured(calls), measured(calls, faults=faults)) for _ in range(int(times))), strict=True
        )
        report("without faults", good)
        report(f"with {RATE:.0%} faults", bad)
        shares = [failing[0] / fine[0] for fine, failing in zip(good, bad, strict=True)]
        print(f"overhead            {spread(shares)} x")


if __name__ == "__main__":
    main(*sys.argv[1:])
