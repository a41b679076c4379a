"""The ways in which a provider fails, each with its own probability per attempt, and what then is sent."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aiohttp import web

from ...errors import UsageError
from ..world.seeded import seeded
from .contract import json_bytes, json_response
from .limits import error
from .settings import Settings

ENVOY = "upstream connect error or disconnect/reset before headers. reset reason: overflow"
OVER = "Service unavailable: over capacity. Please wait and try again."
# Answers of their own: status and body, a dict as JSON and a text as it is.
REFUSED: dict[str, tuple[int, dict[str, Any] | str]] = {
    "498": (498, error("Flex Tier Capacity Exceeded", "capacity_exceeded", "capacity_exceeded")),
    "500": (500, error("Internal server error", "internal_server_error")),
    "502": (502, error("Bad gateway", "internal_server_error")),
    "503": (503, error(OVER, "internal_server_error")),
    "503_text": (503, ENVOY),
}
PAGE = "<!DOCTYPE html><html><title>Just a moment...</title><body>Checking your browser</body></html>"
# Damage to the good answer on its way.
DAMAGED = ("hang", "drip", "reset", "truncated", "garbled", "content_type")
NAMES = (*REFUSED, *DAMAGED, "tool_use_failed")
DRIPS = 20  # pieces that a dripping body comes in
SPREAD = ("500", "502", "503", "reset")  # what `error_rate` is made of


class Faults:
    """Which fault, if any, befalls an attempt. The n-th attempt of the same request always meets the same."""

    def __init__(self, seed: int, error_rate: float, faults: Mapping[str, float]) -> None:
        self.seed = seed
        self.rates = dict.fromkeys(NAMES, 0.0) | dict(faults)
        for name in SPREAD:
            self.rates[name] += error_rate / len(SPREAD)
        if not 0 <= sum(self.rates.values()) <= 1:
            raise UsageError(f"Fault rates must sum to 0..1, not {sum(self.rates.values())}.")
        self.attempts: Counter[int] = Counter()

    def draw(self, request: int) -> tuple[str, int]:
        """(the fault or "", the attempt's number from 1) for one more attempt of this request."""
        if not any(self.rates.values()):
            return "", 1
        self.attempts[request] += 1
        attempt = self.attempts[request]
        left = seeded("fault", self.seed, request, attempt).random()
        for name, rate in self.rates.items():
            left -= rate
            if rate and left < 0:
                return name, attempt
        return "", attempt


def refused(fault: str, headers: dict[str, str]) -> web.Response:
    """A fault that is an answer of its own, one of REFUSED."""
    status, body = REFUSED[fault]
    if isinstance(body, str):
        return web.Response(status=status, text=body, headers=headers)
    return json_response(status, body, headers)


async def damaged(
    fault: str,
    request: web.Request,
    completion: dict[str, Any],
    headers: dict[str, str],
    settings: Settings,
    closing: asyncio.Event,
) -> web.StreamResponse:
    """The good answer, spoilt on its way."""
    if fault == "hang":
        await _until(closing, settings.hang_s)
        return json_response(504, error("Gateway timeout", "internal_server_error"), headers)
    if fault == "content_type":
        return web.Response(body=PAGE.encode(), content_type="text/html", headers=headers)
    payload = json_bytes(completion)
    half = payload[: len(payload) // 2]
    if fault in ("truncated", "garbled"):
        body = half if fault == "truncated" else half + b"\xff\x00}{" + payload[len(half) + 9 :]
        return web.Response(body=body, content_type="application/json", headers=headers)
    response = web.StreamResponse(headers=headers | {"content-length": str(len(payload))})
    response.content_type = "application/json"
    await response.prepare(request)
    if fault == "drip":
        size = -(-len(payload) // DRIPS)
        for start in range(0, len(payload), size):
            await response.write(payload[start : start + size])
            await _until(closing, settings.drip_s / DRIPS)
        await response.write_eof()
        return response
    await response.write(half)
    if request.transport is not None:
        request.transport.abort()  # a reset
    return response


async def _until(closing: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(closing.wait(), seconds)
