"""What a provider costs that fails 30 % of the requests, beside the same calls without a fault.

    python benchmarks/faults.py [TIMES]

Every way of failing but a key or model that is gone: 498, 500, 502, 503 as JSON and as text, a hang, a slow
drip, a reset, truncated and garbled bodies, a wrong content type, tool_use_failed, all as often. The
offline provider is a process of its own. Two minutes for each of TIMES (1).
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter

from engine import agent, client, items, machine, offline, run_folder, spread

from benchkit.offline.faults import NAMES

CALLS, LATENCY_MS, RATE, TIMEOUT_S = 2000, 1000, 0.3, 5.0


def measured(**options: object) -> tuple[float, Counter[str], dict[str, int]]:
    """(seconds, calls by status, what the provider counted)."""
    with offline(latency_ms=LATENCY_MS, drip_s=1.0, **options) as server, run_folder() as folder:
        one = client(folder, 50)
        one.provider.timeout_s = TIMEOUT_S
        began = time.perf_counter()
        replies = asyncio.run(one.map(agent("offline/steady"), items(CALLS)))
        return time.perf_counter() - began, Counter(reply.status for reply in replies), server.stats()


def main(times: str = "1") -> None:
    print(machine())
    print(f"{CALLS} calls of {LATENCY_MS} ms, 50 in flight, timeout {TIMEOUT_S:.0f} s")
    faults = {name: RATE / len(NAMES) for name in NAMES}
    runs = [(measured(), measured(faults=faults)) for _ in range(int(times))]
    for title, column in (("without faults", 0), ("with 30 % faults", 1)):
        seconds = [pair[column][0] for pair in runs]
        print(f"{title:20}{spread(seconds):34} s  {dict(runs[-1][column][1])}")
    failed = {k: v for k, v in runs[-1][1][2].items() if ":" not in k}
    print(f"overhead            {spread([bad[0] / good[0] for good, bad in runs])} x")
    print(f"the provider's count of the last run: {failed}")


if __name__ == "__main__":
    main(*sys.argv[1:])
