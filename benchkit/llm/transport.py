"""One request through ChatGroq, and all that came back: also the body and headers that ChatGroq drops."""

from __future__ import annotations

import asyncio
import json
import time
import warnings
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..agent import Call
from ..errors import ProviderError
from ..log import redact
from .retry import groq_rate_limit

if TYPE_CHECKING:
    import httpx
    from langchain_groq import ChatGroq


@dataclass
class Exchange:
    """What one request and its response were, filled by the HTTP client's hooks."""

    began: float = field(default_factory=time.perf_counter)  # seconds
    sent: float = 0.0
    received: float = 0.0
    ended: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None  # None until a whole, usable completion has arrived

    @property
    def latency_s(self) -> float | None:
        """Seconds from sending to the last byte; None until that has come."""
        return round(self.received - self.sent, 4) if self.received else None


LIST_TIMEOUT_S = 20.0  # nothing is seen while the models are listed
_exchange: ContextVar[Exchange] = ContextVar("exchange")
# What ChatGroq makes of replies it does not expect; the whole completion is at hand all the same.
_LOST_BY_CHATGROQ = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class Transport:
    """ChatGroq on the aiohttp transport: the default pool reconnects on most calls above 20 in flight."""

    def __init__(self, url: str, key: str, timeout_s: float) -> None:
        import groq
        import httpx

        # The SDK's surprise at odd replies: they are judged here, and the terminal is the reader's.
        warnings.filterwarnings("ignore", message="Pydantic serializer", category=UserWarning)
        self.url, self._key, self._timeout_s = url, key, timeout_s
        self._http = groq.DefaultAioHttpClient(
            timeout=httpx.Timeout(timeout_s, connect=10),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=60),
            event_hooks={"request": [_note_request], "response": [_note_response]},
        )
        self._chats: dict[tuple, ChatGroq] = {}
        # Binding takes longer than all else that is ours in a call.
        self._bound = lru_cache(maxsize=1000)(self._bind)

    async def send(self, call: Call, exchange: Exchange) -> Exchange:
        """Send `call` once, noting all in `exchange`, which comes back.

        Raises the SDK's errors; a body that is no completion is a dropped connection.
        """
        _exchange.set(exchange)
        settings = (call.model, float(call.temperature), call.max_tokens, call.reasoning_effort)
        chat = self._bound(settings, call.tool.name, call.tool.text)
        try:
            async with asyncio.timeout(self._timeout_s):  # a body that drips resets every other timeout
                await chat.ainvoke(_messages(call), seed=call.seed)
        except TimeoutError as error:
            import groq
            import httpx

            raise groq.APITimeoutError(httpx.Request("POST", self.url)) from error
        except _LOST_BY_CHATGROQ:
            if not exchange.received:
                raise
        finally:
            exchange.ended = time.perf_counter()
        if exchange.body is None:  # neither a completion nor an error: 204, or what a redirect led to
            import groq
            import httpx

            raise groq.APIConnectionError(message=_NO_COMPLETION, request=httpx.Request("POST", self.url))
        return exchange

    async def models(self, sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep) -> list[dict[str, Any]]:
        """The provider's list of models. Raises ProviderError for a bad key or a provider out of reach."""
        import groq

        client = groq.AsyncGroq(base_url=self.url, api_key=self._key, max_retries=0, http_client=self._http)
        patience = Patience(sleep, self.url)
        ask = groq_rate_limit(max_retries=2, base_delay=0.5, sleep=patience.sleep)(client.models.list)
        try:
            listed = await ask(timeout=min(LIST_TIMEOUT_S, self._timeout_s))
            rows = [row.model_dump() for row in listed.data]
        except groq.APIError as error:
            raise ProviderError(explain(error, self.url)) from error
        except (ValueError, TypeError, AttributeError) as error:
            raise ProviderError(_NOT_GROQ.format(url=self.url)) from error
        return [row for row in rows if row.get("id")]

    async def close(self) -> None:
        await self._http.aclose()

    def _bind(self, settings: tuple, name: str, definition: str) -> Any:
        chat = self._chat(settings)
        bound: Any = chat.bind_tools([json.loads(definition)], tool_choice=name)
        # The SDK would walk through its types for every request, a tenth of all time; the body is the same.
        return chat.bind(extra_body=bound.kwargs)

    def _chat(self, settings: tuple[str, float, int, str]) -> ChatGroq:
        from langchain_groq import ChatGroq
        from pydantic import SecretStr

        model, temperature, max_tokens, effort = settings
        if settings not in self._chats:
            self._chats[settings] = ChatGroq(
                model=model,
                temperature=temperature,
                max_tokens=max_tokens,
                reasoning_effort=effort or None,
                api_key=SecretStr(self._key),
                base_url=self.url,
                timeout=self._timeout_s,
                max_retries=0,
                http_async_client=self._http,
            )
        return self._chats[settings]


@dataclass
class Patience:
    """Sleep for a request that everything else waits for in silence: a minute in all, then ProviderError."""

    asleep: Callable[[float], Awaitable[Any]]
    url: str
    left_s: float = 60.0

    async def sleep(self, wait_s: float) -> None:
        self.left_s -= wait_s
        if self.left_s < 0:
            raise ProviderError(
                f"{self.url} does not list its models: it asks to wait, the last time for {wait_s:.0f} s. "
                "Run again later; what is paid for is kept."
            )
        await self.asleep(wait_s)


_NO_COMPLETION = "the reply is not a chat completion"
_NOT_GROQ = "{url} does not answer as Groq's API does. Check GROQ_BASE_URL, then run again."


def explain(error: Exception, url: str) -> str:
    """What a request that can never succeed means, and what to do about it."""
    import groq

    if isinstance(error, groq.AuthenticationError | groq.PermissionDeniedError):
        return (
            f"the provider refused the key ({error.status_code}: {message_of(error).rstrip('.')}). "
            "Set GROQ_API_KEY to a valid key and run again; what is paid for is kept."
        )
    if isinstance(error, groq.APIConnectionError):
        cause = str(error.__cause__ or error).rstrip(".")
        return redact(
            f"{url} cannot be reached ({cause}). Check the network and GROQ_BASE_URL, then run again."
        )
    status = getattr(error, "status_code", "an error")
    return redact(
        f"{url} answered {status}: {message_of(error).rstrip('.')}. Check GROQ_BASE_URL, or run again later; "
        "what is paid for is kept."
    )


def was_sent(error: Exception) -> bool:
    """Whether a request may have reached the provider; without a connection it has not."""
    import httpx

    never = httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout
    return not isinstance(error.__cause__, never)


def details(error: Exception) -> dict[str, Any]:
    """The error object in an API error's body; {} where the body is something else."""
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else {}
    return inner if isinstance(inner, dict) else {}


def message_of(error: Exception) -> str:
    """What an API error says, in one line and without a key."""
    return redact(" ".join(str(details(error).get("message") or error).split())[:500])


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
        response.headers["content-type"] = "application/json"  # the SDK takes a body of another type for text


def _completion(response: httpx.Response) -> dict[str, Any]:
    """The body as a completion. An error here reaches the SDK as a lost connection, which is asked again."""
    import httpx

    try:
        body = response.json()
        message = body["choices"][0]["message"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise httpx.RemoteProtocolError(_NO_COMPLETION, request=response.request)
    return body
