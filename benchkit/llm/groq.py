"""Groq's SDK and ChatGroq, known only here: one request, and all that came back."""

from __future__ import annotations

import asyncio
import json
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from ..agent import Call
from ..errors import ProviderError
from ..log import redact
from .call_error import (
    NO_CONNECTION,
    TIMED_OUT,
    CallError,
    environment,
    is_loopback,
    one_line,
    status_error,
)

if TYPE_CHECKING:
    import groq
    import httpx
    from langchain_groq import ChatGroq

LONGEST_NAMED_S = 366 * 86_400.0  # what names a longer wait, or none that is a number, names none
MOST_CONNECTIONS = 100_000  # more than any window; None would be aiohttp's own 100
MOST_USED = 1e12  # tokens or seconds of a call; more, or no number, would lose a reply that is paid for
BATCH_WINDOW, BATCH_TIMEOUT_S = "24h", 120.0  # a batch's longest time; a request's, with up to 50 MB
NO_COMPLETION = "the reply is no chat completion"


def call_error(error: BaseException) -> CallError | None:
    """The SDK's exception as ours; None for any other."""
    import groq

    if isinstance(error, CallError):
        return error
    if not isinstance(error, groq.APIError):
        return None
    if isinstance(error.__cause__, CallError):  # of the hook that read the response
        return error.__cause__
    if not isinstance(error, groq.APIStatusError):
        return _connection_error(error)
    wait_s = _retry_after(error.response.headers.get("retry-after"))
    return status_error(type(error).__name__, error.status_code, error.body, str(error), wait_s)


def _connection_error(error: BaseException) -> CallError:
    import aiohttp
    import httpx

    cause = error.__cause__
    never: Any = httpx.ConnectError | httpx.PoolTimeout | httpx.ProxyError
    if isinstance(cause, httpx.ConnectTimeout):  # so the adapter calls a connection that is lost, too
        cause, never = cause.__cause__ or cause, aiohttp.ServerTimeoutError | aiohttp.ClientConnectorError
    sent = not isinstance(cause, never)
    kind = type(error).__name__ if sent else NO_CONNECTION
    return CallError(kind, one_line(str(cause or error)), sent=sent)


def _retry_after(header: str | None) -> float | None:
    """Seconds; None for none, for a date, and for what nobody can mean."""
    try:
        wait_s = float(header or "nan")
    except ValueError:
        return None
    return wait_s if 0 <= wait_s < LONGEST_NAMED_S else None


@dataclass
class Exchange:
    """What one request and its response were, filled by the HTTP client's hooks."""

    began: float = field(default_factory=time.perf_counter)  # seconds
    sent: float = 0.0
    received: float = 0.0
    ended: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None  # None until a whole, usable completion has arrived
    cost_usd: float | None = None  # None: not known

    @property
    def latency_s(self) -> float | None:
        """Seconds from sending to the last byte; None until that has come."""
        return round(self.received - self.sent, 4) if self.received else None

    @cached_property
    def usage(self) -> dict[str, Any]:
        """The usable numbers of the usage that the completion states, `cached_tokens` among them."""
        usage = (self.body or {}).get("usage")
        if not isinstance(usage, dict):
            return {}
        details = usage.get("prompt_tokens_details")
        stated = {**usage, **details} if isinstance(details, dict) else usage
        return {
            name: value
            for name, value in stated.items()
            if type(value) in (int, float) and 0 <= value < MOST_USED
        }


_exchange: ContextVar[Exchange] = ContextVar("exchange")
# What ChatGroq makes of replies it does not expect; the whole completion is at hand all the same.
_LOST_BY_CHATGROQ = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class Transport:
    """ChatGroq on the aiohttp transport: the default pool reconnects on most calls above 20 in flight."""

    def __init__(self, url: str, key: str, timeout_s: float) -> None:
        """Raises ProviderError where the environment names a proxy or certificates that cannot be used."""
        import groq
        import httpx

        # The SDK's surprise at odd replies: they are judged here, and the terminal is the reader's.
        warnings.filterwarnings("ignore", message="Pydantic serializer", category=UserWarning)
        self.url, self.key = url, key
        self._timeout = httpx.Timeout(timeout_s, connect=10)
        limits = httpx.Limits(
            max_connections=MOST_CONNECTIONS, max_keepalive_connections=None, keepalive_expiry=60
        )
        hooks: Any = {"request": [_note_request], "response": [_note_response]}
        # What this machine itself serves is reached without its proxies and certificates.
        outside = not is_loopback(url)
        try:
            trust: Any = {"trust_env": outside, "verify": outside and httpx.create_ssl_context()}
            self._http = groq.DefaultAioHttpClient(
                timeout=self._timeout, limits=limits, event_hooks=hooks, **trust
            )
            self._unused = httpx.Client(**trust)  # which ChatGroq would make for itself
        except (OSError, ValueError, ImportError) as error:
            raise ProviderError(
                redact(f"{url} cannot be asked ({error}). {environment()}Then run again.")
            ) from error
        # Binding a tool takes longer than all else that is ours in a call.
        self._bound = lru_cache(maxsize=1000)(self._bind)

    async def send(self, call: Call, exchange: Exchange, timeout_s: float) -> None:
        """Send `call` once, noting all in `exchange`. Raises CallError."""
        _exchange.set(exchange)
        settings = {"model": call.model, **call.parameters}
        try:
            async with asyncio.timeout(timeout_s):  # a body that drips resets every other timeout
                await self._bound(call.tool.name, call.tool.text).ainvoke(_messages(call), **settings)
        except TimeoutError as error:
            raise CallError(TIMED_OUT, f"no reply within {timeout_s:.3g} s") from error
        except Exception as error:
            if found := call_error(error):
                raise found from error
            if not exchange.received or not isinstance(error, _LOST_BY_CHATGROQ):
                raise
        finally:
            exchange.ended = time.perf_counter()
        if exchange.body is None:  # neither a completion nor an error: 204, or what a redirect led to
            raise CallError(NO_COMPLETION, "nothing of one came")

    async def models(self, timeout_s: float) -> list[dict[str, Any]]:
        """The provider's list of models, asked once. Raises CallError, also for what is no such list."""
        try:
            with _as_call_errors():
                listed = await self._sdk.models.list(timeout=timeout_s)
            rows = [row.model_dump() for row in listed.data]
        except (ValueError, TypeError, AttributeError) as error:
            raise ProviderError(
                f"{self.url} does not answer as Groq's API does. Check GROQ_BASE_URL, then run again."
            ) from error
        return [row for row in rows if row.get("id")]

    async def upload(self, name: str, content: bytes) -> str:
        """The id of an input file of a batch. Raises CallError, as all of these do; nothing is retried."""
        with _as_call_errors():
            return str((await self._sdk.files.create(file=(name, content), purpose="batch")).id)

    async def create_batch(self, file: str, metadata: dict[str, str]) -> dict[str, Any]:
        with _as_call_errors():
            made = await self._sdk.batches.create(
                input_file_id=file,
                endpoint="/v1/chat/completions",
                completion_window=BATCH_WINDOW,
                metadata=metadata,
            )
        return made.model_dump(warnings=False)

    async def batch(self, id: str) -> dict[str, Any]:
        with _as_call_errors():
            return (await self._sdk.batches.retrieve(id)).model_dump(warnings=False)

    async def batches(self) -> list[dict[str, Any]]:
        """All batches of the account, page by page."""
        rows: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            with _as_call_errors():
                found = await self._sdk.batches.list(extra_query={"cursor": cursor} if cursor else {})
            page = found.model_dump(warnings=False)
            rows += page.get("data") or []
            cursor = (page.get("paging") or {}).get("next_cursor") or None
        return rows

    async def file(self, id: str) -> bytes:
        with _as_call_errors():
            return await (await self._sdk.files.content(id)).read()

    async def close(self) -> None:
        self._unused.close()
        await self._http.aclose()

    @cached_property
    def _sdk(self) -> groq.AsyncGroq:
        import groq

        return groq.AsyncGroq(
            base_url=self.url,
            api_key=self.key,
            max_retries=0,
            http_client=self._http,
            timeout=BATCH_TIMEOUT_S,
        )

    @cached_property
    def _chat(self) -> ChatGroq:
        from langchain_groq import ChatGroq
        from pydantic import SecretStr

        return ChatGroq(
            model="named in each call",
            api_key=SecretStr(self.key),
            base_url=self.url,
            timeout=self._timeout,
            max_retries=0,
            http_client=self._unused,
            http_async_client=self._http,
        )

    def _bind(self, name: str, definition: str) -> Any:
        bound: Any = self._chat.bind_tools([json.loads(definition)], tool_choice=name)
        # The SDK would walk through its types for every request, a tenth of all time; the body is the same.
        return self._chat.bind(extra_body=bound.kwargs)


@contextmanager
def _as_call_errors() -> Iterator[None]:
    """The SDK's errors as CallError."""
    import groq

    try:
        yield
    except groq.APIError as error:
        raise call_error(error) or error from error


def _messages(call: Call) -> list[Any]:
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

    kinds = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
    return [kinds[role](content) for role, content in call.messages]


async def _note_request(request: httpx.Request) -> None:
    if exchange := _exchange.get(None):
        exchange.sent = time.perf_counter()


async def _note_response(response: httpx.Response) -> None:
    exchange = _exchange.get(None)
    if exchange is None:
        return
    exchange.headers = response.headers
    await response.aread()
    exchange.received = time.perf_counter()
    if response.is_success and response.request.url.path.endswith("/chat/completions"):
        exchange.body = _completion(response)


def _completion(response: httpx.Response) -> dict[str, Any]:
    """The body as a completion. Raises CallError, which reaches us as the cause of the SDK's error."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = None
    if not is_completion(body):
        raise CallError(NO_COMPLETION, one_line(response.text[:200]) or "it is empty")
    return body


def is_completion(body: Any) -> bool:
    """Whether it has a message, whatever that holds."""
    try:
        return isinstance(body["choices"][0]["message"], dict)
    except (KeyError, IndexError, TypeError):
        return False
