"""A provider that is not the bottleneck: one canned tool call after a fixed time, over plain asyncio.

Run by the other scripts as a process of its own. Prints its URL; for every line on standard input, as JSON:
the requests answered since the last one, the seconds from the first request to the last reply, and the most
that were in flight at once.

    python benchmarks/canned.py LATENCY_MS
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

ARGUMENTS = {"response_text": "It is on its way. " * 12, "response_type": "answer", "next_steps": ["Wait."]}
FUNCTION = {"name": "process_customer_response", "arguments": json.dumps(ARGUMENTS)}
MESSAGE = {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": FUNCTION}]}
USAGE = {"prompt_tokens": 130, "completion_tokens": 90, "total_tokens": 220, "queue_time": 0.001}
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "canned",
    "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "tool_calls"}],
    "usage": USAGE | {"prompt_time": 0.002, "completion_time": 0.1, "total_time": 0.102},
    "x_groq": {"id": "req_1"},
}
MODELS = {"object": "list", "data": [{"id": "canned", "object": "model", "created": 1, "owned_by": "us"}]}


def response(body: dict) -> bytes:
    text = json.dumps(body).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n"
    return head.encode() + text


COMPLETED, LISTED = response(COMPLETION), response(MODELS)


class Stats:
    answered, first, last, waiting, most = 0, 0.0, 0.0, 0, 0

    def line(self) -> str:
        seen = {"answered": self.answered, "seconds": self.last - self.first, "in_flight": self.most}
        self.answered, self.first, self.last, self.most = 0, 0.0, 0.0, 0
        return json.dumps(seen)


class Connection(asyncio.Protocol):
    def __init__(self, stats: Stats, latency_s: float) -> None:
        self.stats, self.latency_s, self.waiting = stats, latency_s, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        head, blank, rest = self.waiting.partition(b"\r\n\r\n")
        if not blank:
            return
        stated = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
        if len(rest) < int(stated or 0):
            return
        self.waiting = b""
        if head.startswith(b"GET"):
            self.transport.write(LISTED)
            return
        self.stats.first = self.stats.first or time.perf_counter()
        self.stats.waiting += 1
        self.stats.most = max(self.stats.most, self.stats.waiting)
        if self.latency_s:
            asyncio.get_running_loop().call_later(self.latency_s, self.answer)
        else:
            self.answer()

    def answer(self) -> None:
        self.transport.write(COMPLETED)
        self.stats.answered, self.stats.last = self.stats.answered + 1, time.perf_counter()
        self.stats.waiting -= 1


async def main(latency_ms: str) -> None:
    stats, loop, done = Stats(), asyncio.get_running_loop(), asyncio.Event()
    server = await loop.create_server(
        lambda: Connection(stats, float(latency_ms) / 1000), "127.0.0.1", 0, backlog=1024
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    loop.add_reader(
        sys.stdin, lambda: print(stats.line(), flush=True) if sys.stdin.readline() else done.set()
    )
    await done.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
