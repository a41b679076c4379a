"""Groq's API on loopback, in front of simulated models."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Self

from aiohttp import web

from ...errors import ProviderError
from .batches import Batches
from .handlers import Handlers
from .settings import Settings

HOST = "127.0.0.1"
LARGEST_BODY = 64 * 2**20


class OfflineServer:
    """A server in a thread of its own; `with OfflineServer() as server:` and use `server.url`.

    Takes the fields of `Settings` by name. `url` is what GROQ_BASE_URL takes (without /openai/v1).
    `requests` has the bodies, where they are recorded. `counts` has served, abandoned (the client went away
    first), served_again (a body that had already been served), refused_429, refused_413,
    failed_<status or fault>, each also as `<name>:<model>`.
    """

    def __init__(self, **settings: Any) -> None:
        self.handlers = Handlers(Settings(**settings))
        self.requests, self.counts = self.handlers.requests, self.handlers.counts
        self.port, self.url = self.handlers.settings.port, ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread
        self._runner: web.AppRunner | None = None

    def start(self) -> Self:
        """Listen; returns when connections are accepted. Raises ProviderError when the port is taken."""
        if self._loop is not None:
            return self
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            self._wait_for(self._open())
        except OSError as failure:
            self.close()
            raise ProviderError(
                f"The offline provider cannot listen on {HOST}:{self.port}: {failure.strerror}. "
                "Stop what uses that port, or choose another."
            ) from failure
        return self

    def close(self) -> None:
        """Stop listening; hanging replies end at once."""
        if self._loop is None:
            return
        self._wait_for(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.close()

    def _wait_for(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _open(self) -> None:
        self._runner = web.AppRunner(
            _application(self.handlers),
            access_log=None,
            handler_cancellation=True,  # a client that goes away is counted, not served
            shutdown_timeout=0.1,
            keepalive_timeout=75.0,
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self.port, backlog=1024).start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://{HOST}:{self.port}"

    async def _shut(self) -> None:
        self.handlers.closing.set()
        if self._runner is not None:
            await self._runner.cleanup()


def _application(handlers: Handlers) -> web.Application:
    """Every path that is not simulated gets Groq's own 404."""
    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_post("/openai/v1/chat/completions", handlers.chat)
    app.router.add_get("/openai/v1/models", handlers.list_models)
    app.router.add_routes(Batches(handlers).routes())
    app.router.add_route("*", "/{path:.*}", handlers.elsewhere)
    return app


def serve(port: int = 0, **options: Any) -> None:
    """Serve in the foreground until Ctrl-C, telling how to point a client at it. Options: Settings'."""
    with OfflineServer(port=port, **options) as server:
        print(f"Simulated provider at {server.url}, with {', '.join(server.handlers.models)}.")
        print(f"To use it: export GROQ_BASE_URL={server.url} GROQ_API_KEY={options.get('key') or 'offline'}")
        print("Ctrl-C stops it.", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            served = server.counts["served"]
    print(f"Stopped after {served} replies.")
