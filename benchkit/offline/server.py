"""The offline provider: Groq's API over real HTTP on loopback, in front of simulated models."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from benchkit.errors import ProviderError
from benchkit.offline.desk import Desk
from benchkit.offline.models import SimulatedModel

HOST = "127.0.0.1"
LARGEST_BODY = 64 * 2**20


class OfflineServer:
    """A server in a thread of its own; `with OfflineServer() as server:` and use `server.url`.

    - `seed`: with the model, the messages and the request's seed, all that an answer depends on.
    - `port`: 0 picks a free one. `url` is what GROQ_BASE_URL takes (without /openai/v1).
    - `rpm`, `tpm`, `rpd`, `tpd`: limits of each model, 0 for none; `limits` has a model's own by these names.
      `burst` and `burst_tokens`: requests and tokens that the minute buckets hold when full (default: the
      whole minute's). `fractional_retry_after`: Retry-After of 0.37 instead of 1.
    - `error_rate`: chance per attempt of a 500, 502, 503 or reset; `faults`: chances by name, one of
      `faults.NAMES`. A `hang` ends after `hang_s` at the latest, a `drip` takes `drip_s`.
    - `latency_ms`: the same for every reply; None is each model's own, 0 is at once.
      `at_once`: how many replies are worked on at a time, the others queue; 0 is all of them.
    - `key`: any other gets a 401; "" or None takes every key, but one must be sent.
    - `key_dies_after`: from so many served replies on, every key is invalid.
      `retire_after`: {model: served replies}, then it is decommissioned.
    - `stand_in`: also serves Groq's current ids, as simulated as the others. `models`: more of your own.
    - `record`: keep every request body in `requests`. `clock`: seconds, for the limits.

    `counts` has served, abandoned (the client went away first), served_again (a body that had already been
    served), refused_429, refused_413, failed_<status or fault>, each also as `<name>:<model>`.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        port: int = 0,
        rpm: int = 0,
        tpm: int = 0,
        rpd: int = 0,
        tpd: int = 0,
        burst: int | None = None,
        burst_tokens: int | None = None,
        fractional_retry_after: bool = False,
        error_rate: float = 0.0,
        faults: Mapping[str, float] | None = None,
        hang_s: float = 300.0,
        drip_s: float = 2.0,
        latency_ms: float | None = None,
        at_once: int = 0,
        key: str | None = None,
        record: bool = False,
        key_dies_after: int = 0,
        retire_after: Mapping[str, int] | None = None,
        limits: Mapping[str, Mapping[str, int]] | None = None,
        stand_in: bool = False,
        models: Iterable[SimulatedModel] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        shared = {
            "rpm": rpm,
            "tpm": tpm,
            "rpd": rpd,
            "tpd": tpd,
            "burst": burst,
            "burst_tokens": burst_tokens,
        }
        self.desk = Desk(
            seed=seed,
            shared_limits=shared,
            limits=limits or {},
            fractional_retry_after=fractional_retry_after,
            error_rate=error_rate,
            faults=faults or {},
            hang_s=hang_s,
            drip_s=drip_s,
            latency_ms=latency_ms,
            at_once=at_once,
            key=key or "",
            record=record,
            key_dies_after=key_dies_after,
            retire_after=retire_after or {},
            stand_in=stand_in,
            models=models,
            clock=clock,
        )
        self.requests, self.counts = self.desk.requests, self.desk.counts
        self.port, self.url = port, ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop: asyncio.Event | None = None
        self._failure: OSError | None = None

    def start(self) -> Self:
        """Listen; returns when connections are accepted. Raises ProviderError when the port is taken."""
        if self._thread is not None:
            return self
        ready = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._run, args=(ready,), name="offline-provider", daemon=True)
        self._thread.start()
        ready.wait()
        if self._failure is not None:
            self._thread = None
            raise ProviderError(
                f"The offline provider cannot listen on {HOST}:{self.port}: {self._failure.strerror}. "
                "Stop what uses that port, or choose another."
            )
        return self

    def close(self) -> None:
        """Stop listening; hanging replies end at once."""
        if self._thread is None or self._loop is None or self._stop is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, ready: threading.Event) -> None:
        asyncio.run(self._serve(ready))

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.desk.reopen()
        runner = web.AppRunner(
            application(self.desk),
            access_log=None,
            handler_cancellation=True,  # a client that goes away is counted, not served
            shutdown_timeout=0.1,
            keepalive_timeout=75.0,
        )
        await runner.setup()
        try:
            site = web.TCPSite(runner, HOST, self.port, backlog=1024)
            await site.start()
            self.port = runner.addresses[0][1]
            self.url = f"http://{HOST}:{self.port}"
            ready.set()
            await self._stop.wait()
        except OSError as failure:
            self._failure = failure
        finally:
            self.desk.closing.set()
            await runner.cleanup()
            ready.set()


def application(desk: Desk) -> web.Application:
    """The routes of Groq's API that are simulated; every other path gets Groq's own 404."""
    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_post("/openai/v1/chat/completions", desk.chat)
    app.router.add_get("/openai/v1/models", desk.list_models)
    app.router.add_get("/openai/v1/models/{model:.+}", desk.get_model)
    app.router.add_route("*", "/{path:.*}", desk.elsewhere)
    return app


def serve(port: int = 0, **options: Any) -> None:
    """Serve in the foreground until Ctrl-C, telling how to point a client at it. Options: OfflineServer's."""
    with OfflineServer(port=port, **options) as server:
        print(f"Simulated provider at {server.url}, with {', '.join(server.desk.models)}.")
        print(f"To use it: export GROQ_BASE_URL={server.url} GROQ_API_KEY={options.get('key') or 'offline'}")
        print("Ctrl-C stops it.", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            served = server.counts["served"]
    print(f"Stopped after {served} replies.")
