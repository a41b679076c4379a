"""Groq's files and batches: what is uploaded is answered in one go once the batch's delay is over."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from ..world.seeded import digest_bytes
from . import contract
from .contract import json_bytes, json_response
from .handlers import Handlers
from .limits import error

# What befalls a batch, by name: one of these for each batch in turn, "" for none.
FAULTS = (
    "",
    "all_errors",  # no output file, every line in the error file
    "expired",  # half is done, a quarter is in the error file, a quarter in neither
    "cancelled",
    "failed",  # at validation
    "bad_line",  # a 400 inside the output file
    "duplicate",
    "foreign",
    "missing",
    "cut",  # the last line, the first time that the file is fetched
    "empty_id",  # error_file_id is "" rather than null
    "object_id",  # and {}
    "lost_upload",  # the connection breaks after the upload
    "lost_create",  # or after the batch is made
)
NO_PLAN = 403, error("Batch is not available for your plan.", code="not_available_for_plan")
NO_TOOLS = 400, error("'tools' : property is not supported in batches")
PAGE = 20  # batches of one answer to a list
Handler = Callable[[web.Request], Awaitable[web.Response]]


@dataclass
class Batch:
    """A batch as it is made, and what it comes to."""

    id: str
    file: str
    metadata: dict[str, str]
    fault: str
    began: float  # on the server's clock
    over: dict[str, Any] = field(default_factory=dict)  # status and files, once it has ended

    def row(self) -> dict[str, Any]:
        row = {
            "id": self.id,
            "object": "batch",
            "input_file_id": self.file,
            "metadata": self.metadata,
            "status": "in_progress",
            "output_file_id": None,
            "error_file_id": None,
            "errors": None,
        }
        return row | self.over


class Batches:
    """Handlers of /files and /batches. `faults` are what befalls the batches, in their order."""

    def __init__(self, handlers: Handlers) -> None:
        self.handlers, self.settings = handlers, handlers.settings
        self.files: dict[str, bytes] = {}
        self.made: dict[str, Batch] = {}
        self._cut: set[str | None] = set()  # files whose next reading lacks the end
        self.faults = list(self.settings.batch_faults)

    def routes(self) -> list[web.RouteDef]:
        at = "/openai/v1"
        return [
            web.post(f"{at}/files", self._allowed(self.upload)),
            web.get(at + "/files/{id}/content", self._allowed(self.content)),
            web.post(f"{at}/batches", self._allowed(self.create)),
            web.get(f"{at}/batches", self._allowed(self.list)),
            web.get(at + "/batches/{id}", self._allowed(self.retrieve)),
        ]

    def _allowed(self, handler: Handler) -> Handler:
        """The handler behind the key and the plan."""

        async def allowed(request: web.Request) -> web.Response:
            if not self.handlers.key_works(request):
                return json_response(*contract.INVALID_KEY)
            return await handler(request) if self.settings.batch_plan else json_response(*NO_PLAN)

        return allowed

    async def upload(self, request: web.Request) -> web.Response:
        file = (await request.post())["file"]
        assert isinstance(file, web.FileField)
        id = self._keep(file.file.read())
        self.handlers.counts["uploaded"] += 1
        if self.faults[:1] == ["lost_upload"]:
            self.faults.pop(0)
            return _lost(request)
        return json_response(200, {"id": id, "object": "file", "purpose": "batch", "filename": file.filename})

    async def content(self, request: web.Request) -> web.Response:
        if (body := self.files.get(request.match_info["id"])) is None:
            return json_response(404, error("file not found", code="not_found"))
        if request.match_info["id"] in self._cut:
            self._cut.remove(request.match_info["id"])
            body = body[:-20]
        return web.Response(body=body, content_type="application/octet-stream")

    async def create(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if asked.get("input_file_id") not in self.files:
            return json_response(404, error("input file not found", code="not_found"))
        fault = self.faults.pop(0) if self.faults else ""
        id, now = f"batch_{len(self.made):06d}", self.settings.clock()
        self.made[id] = Batch(id, asked["input_file_id"], asked.get("metadata") or {}, fault, now)
        self.handlers.counts["batches"] += 1
        return _lost(request) if fault == "lost_create" else json_response(200, self._row(self.made[id]))

    async def list(self, request: web.Request) -> web.Response:
        """The newest first, a page at a time; `paging.next_cursor` leads to the next."""
        start = int(request.query.get("cursor") or 0)
        newest = [*reversed(self.made.values())]
        more = {"next_cursor": str(start + PAGE)} if start + PAGE < len(newest) else {}
        rows = [self._row(one) for one in newest[start : start + PAGE]]
        return json_response(200, {"object": "list", "data": rows, "paging": more})

    async def retrieve(self, request: web.Request) -> web.Response:
        if (one := self.made.get(request.match_info["id"])) is None:
            return json_response(404, error("batch not found", code="not_found"))
        return json_response(200, self._row(one))

    def _keep(self, content: bytes) -> str:
        id = f"file_{len(self.files):06d}"
        self.files[id] = content
        return id

    def _row(self, batch: Batch) -> dict[str, Any]:
        if not batch.over and self.settings.clock() - batch.began >= self.settings.batch_s:
            batch.over = self._end(batch)
        return batch.row()

    def _end(self, batch: Batch) -> dict[str, Any]:
        """Status and files of a batch that is over, with its fault."""
        asked = [json.loads(line) for line in self.files[batch.file].splitlines()]
        fault, half = batch.fault, len(asked) // 2
        if fault == "failed":
            problem = {"code": "invalid", "message": "line 1 is not valid", "line": 1, "param": None}
            return {"status": "failed", "errors": [problem]}
        wrong, lines = [], []
        if fault == "all_errors":
            wrong = [_line(one, 500, error("Internal server error")) for one in asked]
            asked = []
        elif fault in ("expired", "cancelled"):
            wrong = [_line(one, 0, {"code": "batch_expired"}) for one in asked[half : half + half // 2]]
            asked = asked[:half]
        elif fault == "missing":
            asked = asked[1:]
        elif fault == "bad_line":
            lines = [_line(asked.pop(), 400, error("Invalid request"))]
        lines += [self._answer(one) for one in reversed(asked)]  # the order is not kept
        lines += lines[:1] if fault == "duplicate" else []
        lines += [lines[0] | {"custom_id": "of-another"}] if fault == "foreign" else []
        content = b"\n".join(map(json_bytes, lines))
        nothing: Any = {"empty_id": "", "object_id": {}}.get(fault)
        output = self._keep(content) if lines else None
        self._cut |= {output} if fault == "cut" else set()
        return {
            "status": fault if fault in ("expired", "cancelled") else "completed",
            "output_file_id": output,
            "error_file_id": self._keep(b"\n".join(map(json_bytes, wrong))) if wrong else nothing,
        }

    def _answer(self, one: dict[str, Any]) -> dict[str, Any]:
        """A line as the ordinary way would answer it."""
        hand, body = self.handlers, one["body"]
        content = json_bytes(body)
        if body.get("tools") and not self.settings.batch_tools:
            return _line(one, *NO_TOOLS)
        if refused := hand.refused(body, len(content)):
            return _line(one, *refused)
        return _line(one, 200, hand.in_batch(body, digest_bytes(content)))


def _line(one: dict[str, Any], status: int, body: dict[str, Any]) -> dict[str, Any]:
    """A line of a result; status 0 is of one that was never asked."""
    ids = {"id": f"batch_req_{one['custom_id'][:12]}", "custom_id": one["custom_id"]}
    if not status:
        return ids | {"response": None, "error": body}
    said = {"status_code": status, "request_id": ids["id"], "body": body}
    return ids | {"response": said, "error": None}


def _lost(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
