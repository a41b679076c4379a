"""What happens to one HTTP request: key, model, limits, fault, reply."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from aiohttp import web

from benchkit.offline import completions, contract
from benchkit.offline.breakage import Draft, tool_use_failed
from benchkit.offline.chance import chance, digest, digest_bytes
from benchkit.offline.faults import ENVOY, PAGE, REFUSED, Faults
from benchkit.offline.limits import Limiter, Refusal, limiter
from benchkit.offline.models import ROSTER, STAND_INS, SimulatedModel

DRIPS = 20  # pieces that a dripping body comes in


class Desk:
    """The server's state and its handlers. Everything runs in the server's one event loop."""

    def __init__(
        self,
        *,
        seed: int,
        shared_limits: Mapping[str, int | None],
        limits: Mapping[str, Mapping[str, int]],
        fractional_retry_after: bool,
        error_rate: float,
        faults: Mapping[str, float],
        hang_s: float,
        drip_s: float,
        latency_ms: float | None,
        at_once: int,
        key: str,
        record: bool,
        key_dies_after: int,
        retire_after: Mapping[str, int],
        stand_in: bool,
        models: Iterable[SimulatedModel],
        clock: Callable[[], float],
    ) -> None:
        self.seed, self.latency_ms, self.key, self.record = seed, latency_ms, key, record
        self.models = {**ROSTER, **(STAND_INS if stand_in else {}), **{model.id: model for model in models}}
        self.limiters: dict[str, Limiter] = {
            model: limiter(model, clock, shared_limits, limits.get(model, {})) for model in self.models
        }
        self.fractional_retry_after, self.hang_s, self.drip_s = fractional_retry_after, hang_s, drip_s
        self.faults = Faults(seed, error_rate, faults)
        self.key_dies_after, self.retire_after = key_dies_after, retire_after
        self.requests: list[dict[str, Any]] = []
        self.counts: Counter[str] = Counter()
        self.in_flight = self.peak_in_flight = 0
        self.at_once = at_once
        self.reopen()
        self._answered: set[int] = set()
        self._arrivals = 0

    def reopen(self) -> None:
        """What belongs to one event loop: a server can be started again, in another."""
        self.closing = asyncio.Event()
        self.turns = asyncio.Semaphore(self.at_once) if self.at_once else None

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """POST /openai/v1/chat/completions."""
        content = await request.read()
        self._arrivals += 1
        request_id = f"req_{digest(self.seed, self._arrivals, time.time_ns()):016x}"
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        try:
            return await self._chat(request, content, request_id)
        finally:
            self.in_flight -= 1

    async def list_models(self, request: web.Request) -> web.Response:
        """GET /openai/v1/models: what is served now; a retired model is listed no more."""
        if not self._key_works(request):
            return _refusal(contract.INVALID_KEY)
        rows = [model.row() for id, model in self.models.items() if not self._retired(id)]
        return _json(200, {"object": "list", "data": rows})

    async def get_model(self, request: web.Request) -> web.Response:
        """GET /openai/v1/models/{id}."""
        id = request.match_info["model"]
        if not self._key_works(request):
            return _refusal(contract.INVALID_KEY)
        if id not in self.models or self._retired(id):
            return _refusal(contract.not_found(id))
        return _json(200, self.models[id].row())

    async def elsewhere(self, request: web.Request) -> web.Response:
        return _refusal(contract.unknown_url(request.method, request.path))

    async def _chat(self, request: web.Request, content: bytes, request_id: str) -> web.StreamResponse:
        if not self._key_works(request):
            self.counts["failed_401"] += 1
            return _refusal(contract.INVALID_KEY, request_id)
        try:
            body = json.loads(content)
        except (json.JSONDecodeError, UnicodeDecodeError) as wrong:
            return _refusal(contract.bad_json(str(wrong)), request_id)
        refused = self._refused(body, len(content))
        if self.record and isinstance(body, dict):
            self.requests.append(body)
        if refused:
            self.counts[f"failed_{refused[0]}"] += 1
            return _refusal(refused, request_id)
        return await self._admitted(request, body, digest_bytes(content), request_id)

    def _refused(self, body: Any, size: int) -> contract.Refused | None:
        if not isinstance(body, dict):
            return contract.bad_json("it must be an object")
        id = str(body.get("model", ""))
        if id not in self.models:
            return contract.unknown_model(id)
        if self._retired(id):
            return contract.decommissioned(id)
        return contract.problem(body, self.models[id], size)

    async def _admitted(
        self, request: web.Request, body: dict[str, Any], key: int, request_id: str
    ) -> web.StreamResponse:
        model, limits = self.models[body["model"]], self.limiters[body["model"]]
        asked = completions.prompt_tokens(body)
        reserved = asked + completions.token_limit(body, model) if limits.buckets else 0
        refusal = limits.admit(reserved)
        if refusal:
            self._count(f"refused_{refusal.status}", model.id)
            headers = limits.headers() | {"retry-after": self._wait(refusal), "x-request-id": request_id}
            return _json(refusal.status, refusal.body, headers)
        billed = 0
        try:
            response, billed = await self._reply(request, body, model, asked, key, request_id)
        except asyncio.CancelledError:
            if not self.closing.is_set():
                self._count("abandoned", model.id)
            raise
        finally:
            limits.give_back(reserved - billed)
        return response

    async def _reply(
        self,
        request: web.Request,
        body: dict[str, Any],
        model: SimulatedModel,
        asked: int,
        key: int,
        request_id: str,
    ) -> tuple[web.StreamResponse, int]:
        """(response, tokens that it is billed for); what fails costs nothing."""
        fault, attempt = self.faults.draw(key)
        said = completions.request_key(body)
        draft = completions.respond(model, body, self.seed, said)
        if fault == "tool_use_failed":
            form = chance("form", self.seed, key, attempt)
            draft = Draft(failure=tool_use_failed(form.randrange(6), draft.tool, draft.arguments, form))
        limit = completions.token_limit(body, model)
        cost = completions.usage(model, draft, asked, limit, said, self.seed, self.latency_ms)
        headers = self.limiters[model.id].headers() | {"x-request-id": request_id}
        if fault in REFUSED or fault == "503_text":
            return await self._fail(fault, model.id, cost.wait_s / 4, headers), 0
        cost = await self._worked(cost)
        if draft.failure:
            self._count("failed_tool_use", model.id)
            return _json(400, draft.failure, headers), 0
        ids = (request_id, int(time.time()))
        payload = _bytes(completions.completion(model, body, draft, cost, ids, self.seed))
        if fault:
            self._count("dripped" if fault == "drip" else f"failed_{fault}", model.id)
            billed = cost.tokens if fault == "drip" else 0
            return await self._damaged(fault, request, payload, headers), billed
        self._served(key, model.id)
        return web.Response(body=payload, content_type="application/json", headers=headers), cost.tokens

    async def _worked(self, cost: completions.Usage) -> completions.Usage:
        """Take the time that the reply takes, at most `at_once` at a time; waiting for a turn is queueing."""
        began = time.perf_counter()
        async with self.turns or nullcontext():
            queued = time.perf_counter() - began if self.turns else 0.0
            if cost.wait_s > 0:
                await asyncio.sleep(cost.wait_s)
        return replace(cost, queue_s=cost.queue_s + queued)

    async def _fail(self, fault: str, model: str, wait: float, headers: dict[str, str]) -> web.Response:
        self._count(f"failed_{fault}", model)
        await asyncio.sleep(wait)
        if fault == "503_text":
            return web.Response(status=503, text=ENVOY, headers=headers)
        status, said = REFUSED[fault]
        return _json(status, said, headers)

    async def _damaged(
        self, fault: str, request: web.Request, payload: bytes, headers: dict[str, str]
    ) -> web.StreamResponse:
        """The good answer, spoilt on its way."""
        if fault == "hang":
            await self._until_closing(self.hang_s)
            return _refusal((504, {"error": {"message": "Gateway timeout", "type": "internal_server_error"}}))
        if fault == "content_type":
            return web.Response(body=PAGE.encode(), content_type="text/html", headers=headers)
        if fault in ("no_choices", "null_message"):
            body = json.loads(payload)
            body["choices"] = [] if fault == "no_choices" else [body["choices"][0] | {"message": None}]
            return _json(200, body, headers)
        if fault == "truncated":
            return web.Response(
                body=payload[: len(payload) // 2], content_type="application/json", headers=headers
            )
        if fault == "garbled":
            third = len(payload) // 3
            spoilt = payload[:third] + b"\xff\x00}{" + payload[third + 9 :]
            return web.Response(body=spoilt, content_type="application/json", headers=headers)
        return await self._piecemeal(request, payload, headers, resets=fault == "reset")

    async def _piecemeal(
        self, request: web.Request, payload: bytes, headers: dict[str, str], resets: bool
    ) -> web.StreamResponse:
        """The body in pieces over `drip_s`, or half of it and then a torn connection."""
        response = web.StreamResponse(headers=headers | {"content-length": str(len(payload))})
        response.content_type = "application/json"
        await response.prepare(request)
        if resets:
            await response.write(payload[: len(payload) // 2])
            if request.transport is not None:
                request.transport.abort()
            return response
        size = -(-len(payload) // DRIPS)
        for start in range(0, len(payload), size):
            await response.write(payload[start : start + size])
            await self._until_closing(self.drip_s / DRIPS)
        await response.write_eof()
        return response

    async def _until_closing(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.closing.wait(), seconds)
        except TimeoutError:
            return

    def _wait(self, refusal: Refusal) -> str:
        """Retry-After: whole seconds, or milliseconds too."""
        if self.fractional_retry_after:
            return f"{max(refusal.retry_after, 0.001):.3f}"
        return str(max(1, math.ceil(refusal.retry_after)))

    def _served(self, key: int, model: str) -> None:
        self._count("served", model)
        if key in self._answered:
            self._count("served_again", model)
        self._answered.add(key)

    def _count(self, name: str, model: str) -> None:
        self.counts[name] += 1
        self.counts[f"{name}:{model}"] += 1

    def _key_works(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        dead = 0 < self.key_dies_after <= self.counts["served"]
        return bool(given) and not dead and (not self.key or given == self.key)

    def _retired(self, model: str) -> bool:
        return model in self.retire_after and self.counts[f"served:{model}"] >= self.retire_after[model]


def _refusal(refused: contract.Refused, request_id: str = "") -> web.Response:
    return _json(*refused, {"x-request-id": request_id} if request_id else None)


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=_bytes(body), content_type="application/json", headers=headers)


def _bytes(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
