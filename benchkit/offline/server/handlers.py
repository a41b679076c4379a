"""What happens to one HTTP request: key, model, limits, fault, reply."""

from __future__ import annotations

import asyncio
import json
import math
import secrets
import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from ..world import ROSTER, STAND_INS, Draft, SimulatedModel, respond
from ..world.seeded import digest_bytes, seeded
from . import contract
from .completions import Usage, completion, prompt_tokens, usage
from .contract import json_response
from .faults import DAMAGED, REFUSED, Faults, damaged, refused
from .limits import Limiter, Refusal
from .settings import Settings


@dataclass(frozen=True)
class Asked:
    """A chat request that may be answered, and what is known of it."""

    http: web.Request | None  # None in a batch
    body: dict[str, Any]
    model: SimulatedModel
    key: int  # of the body's bytes
    id: str
    prompt_tokens: int
    limit: int  # tokens that the answer may have

    @property
    def seeds(self) -> str:
        """All of a request that an answer depends on, besides the tool."""
        return json.dumps([self.body.get("messages"), self.body.get("seed")])


class Handlers:
    """The server's state and its handlers. Everything runs in the server's one event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.key = settings, settings.key
        own = {model.id: model for model in settings.models}
        self.models = {**ROSTER, **(STAND_INS if settings.stand_in else {}), **own}
        self.limiters = {
            model: Limiter(model, settings.clock, **settings.limits_of(model)) for model in self.models
        }
        self.faults = Faults(settings.seed, settings.error_rate, settings.faults)
        self.requests: list[dict[str, Any]] = []
        self.counts: Counter[str] = Counter()
        self.in_flight = self.peak_in_flight = 0
        self._answered: set[int] = set()
        self.closing = asyncio.Event()
        self.turns = asyncio.Semaphore(settings.at_once) if settings.at_once else None

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """POST /openai/v1/chat/completions."""
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        try:
            return await self._chat(request, await request.read())
        finally:
            self.in_flight -= 1

    async def list_models(self, request: web.Request) -> web.Response:
        """GET /openai/v1/models: what is served now; a retired model is listed no more."""
        if not self.key_works(request):
            return json_response(*contract.INVALID_KEY)
        rows = [model.row() for id, model in self.models.items() if not self._retired(id)]
        return json_response(200, {"object": "list", "data": rows})

    async def elsewhere(self, request: web.Request) -> web.Response:
        return json_response(*contract.unknown_url(request.method, request.path))

    async def _chat(self, request: web.Request, content: bytes) -> web.StreamResponse:
        id, body = f"req_{secrets.token_hex(8)}", {}
        refused = None if self.key_works(request) else contract.INVALID_KEY
        if not refused:
            try:
                body = json.loads(content)
                refused = self.refused(body, len(content))
            except ValueError as wrong:
                refused = contract.bad_json(str(wrong))
            if self.settings.record and isinstance(body, dict):
                self.requests.append(body)
        if refused:
            self.counts[f"failed_{refused[0]}"] += 1
            return json_response(*refused, {"x-request-id": id})
        return await self._admitted(self._asked(body, digest_bytes(content), id, request))

    def _asked(self, body: dict[str, Any], key: int, id: str, http: web.Request | None = None) -> Asked:
        model = self.models[body["model"]]
        return Asked(http, body, model, key, id, prompt_tokens(body), contract.token_limit(body, model))

    def in_batch(self, body: dict[str, Any], key: int) -> dict[str, Any]:
        """The body of a line of a batch: the ordinary answer, outside the ordinary limits."""
        asked = self._asked(body, key, f"req_{key:016x}")
        draft, cost = self._drafted(asked, 0)
        self._served(asked)
        return completion(asked.model, body, draft, cost, asked.id, self.settings.seed)

    def refused(self, body: Any, size: int) -> contract.Refused | None:
        if not isinstance(body, dict):
            return contract.bad_json("it must be an object")
        id = str(body.get("model", ""))
        if id not in self.models:
            return contract.not_found(id)
        if self._retired(id):
            return contract.decommissioned(id)
        return contract.problem(body, self.models[id], size)

    async def _admitted(self, asked: Asked) -> web.StreamResponse:
        limits = self.limiters[asked.model.id]
        reserved = asked.prompt_tokens + asked.limit
        if refusal := limits.admit(reserved):
            self._count(f"refused_{refusal.status}", asked)
            headers = limits.headers() | {"retry-after": self._wait(refusal), "x-request-id": asked.id}
            return json_response(refusal.status, refusal.body, headers)
        billed = 0
        try:
            response, billed = await self._reply(asked)
            return response
        except asyncio.CancelledError:
            if not self.closing.is_set():
                self._count("abandoned", asked)
            raise
        finally:
            limits.give_back(reserved - billed)

    async def _reply(self, asked: Asked) -> tuple[web.StreamResponse, int]:
        """(response, tokens that it is billed for); what fails costs nothing."""
        fault, attempt = self.faults.draw(asked.key)
        draft, cost = self._drafted(asked, attempt if fault == "tool_use_failed" else 0)
        headers = self.limiters[asked.model.id].headers() | {"x-request-id": asked.id}
        if fault in REFUSED:
            self._count(f"failed_{fault}", asked)
            await asyncio.sleep(cost.wait_s / 4)
            return refused(fault, headers), 0
        cost = await self._worked(cost)
        if draft.invalid:
            self._count("failed_tool_use", asked)
            return json_response(*contract.tool_use_failed(draft), headers), 0
        said = completion(asked.model, asked.body, draft, cost, asked.id, self.settings.seed)
        if fault in DAMAGED:
            assert asked.http
            self._count("dripped" if fault == "drip" else f"failed_{fault}", asked)
            response = await damaged(fault, asked.http, said, headers, self.settings, self.closing)
            return response, cost.tokens if fault == "drip" else 0
        self._served(asked)
        return json_response(200, said, headers), cost.tokens

    def _drafted(self, asked: Asked, failing: int) -> tuple[Draft, Usage]:
        """The model's answer and its cost; where `failing` is an attempt's number, a refused tool call."""
        seed, seeds = self.settings.seed, asked.seeds
        draft = respond(asked.model, asked.body["messages"], contract.chosen_tool(asked.body), seed, seeds)
        if failing:
            draft = replace(draft, invalid=seeded("form", seed, asked.key, failing).randint(1, 6))
        sizes = asked.prompt_tokens, asked.limit
        return draft, usage(asked.model, draft, *sizes, (seed, seeds), self.settings.latency_ms)

    async def _worked(self, cost: Usage) -> Usage:
        """Take the time that the reply takes, `at_once` at a time; waiting for a turn is queueing."""
        began = time.perf_counter()
        async with self.turns or nullcontext():
            queued = time.perf_counter() - began if self.turns else 0.0
            if cost.wait_s > 0:
                await asyncio.sleep(cost.wait_s)
        return replace(cost, queue_s=cost.queue_s + queued)

    def _wait(self, refusal: Refusal) -> str:
        """Retry-After: whole seconds, or milliseconds too."""
        if self.settings.fractional_retry_after:
            return f"{max(refusal.retry_after, 0.001):.3f}"
        return str(max(1, math.ceil(refusal.retry_after)))

    def _served(self, asked: Asked) -> None:
        self._count("served", asked)
        if asked.key in self._answered:
            self._count("served_again", asked)
        self._answered.add(asked.key)

    def _count(self, name: str, asked: Asked) -> None:
        self.counts[name] += 1
        self.counts[f"{name}:{asked.model.id}"] += 1

    def key_works(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        dead = 0 < self.settings.key_dies_after <= self.counts["served"]
        return bool(given) and not dead and (not self.key or given == self.key)

    def _retired(self, model: str) -> bool:
        last = self.settings.retire_after.get(model)
        return last is not None and self.counts[f"served:{model}"] >= last
