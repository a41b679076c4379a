"""One request through ChatGroq, and all that came back: also the body and headers that ChatGroq drops."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..agent import Call
from ..errors import ProviderError
from .retry import groq_rate_limit

if TYPE_CHECKING:
    import httpx
    from langchain_groq import ChatGroq


@dataclass
class Exchange:
    """What one request and its response were, filled by the HTTP client's hooks."""

    sent: float = 0.0  # clock, seconds
    received: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None  # None until a whole, usable completion has arrived

    @property
    def latency_s(self) -> float:
        return self.received - self.sent


_exchange: ContextVar[Exchange] = ContextVar("exchange")


class Transport:
    """ChatGroq on the aiohttp transport: the default pool reconnects on most calls above 20 in flight."""

    def __init__(self, url: str, key: str, timeout_s: float) -> None:
        import groq
        import httpx

        self.url, self._key, self._timeout_s = url, key, timeout_s
        self._http = groq.DefaultAioHttpClient(
            timeout=httpx.Timeout(timeout_s, connect=10),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=60),
            event_hooks={"request": [_note_request], "response": [_note_response]},
        )
        self._chats: dict[tuple, ChatGroq] = {}

    async def send(self, call: Call) -> Exchange:
        """Send `call` once. Raises the SDK's errors; a body that is no completion is a dropped connection."""
        exchange = Exchange(sent=time.perf_counter())
        _exchange.set(exchange)
        chat = self._chat(call).bind_tools([call.tool.definition()], tool_choice=call.tool.name)
        try:
            await chat.ainvoke(list(call.messages), seed=call.seed)
        except ValueError:
            # ChatGroq loses replies whose arguments are not an object (pydantic); the body has them still.
            if exchange.body is None:
                raise
        return exchange

    async def models(self) -> list[dict[str, Any]]:
        """The provider's list of models. Raises ProviderError for a bad key or a provider out of reach."""
        import groq

        client = groq.AsyncGroq(base_url=self.url, api_key=self._key, max_retries=0, http_client=self._http)
        try:
            page = await groq_rate_limit(max_retries=2, base_delay=0.5)(client.models.list)()
        except groq.APIError as error:
            raise ProviderError(explain(error, self.url)) from error
        return [model.model_dump() for model in page.data]

    async def close(self) -> None:
        await self._http.aclose()

    def _chat(self, call: Call) -> ChatGroq:
        from langchain_groq import ChatGroq
        from pydantic import SecretStr

        settings = (call.model, call.temperature, call.max_tokens, call.reasoning_effort)
        if settings not in self._chats:
            self._chats[settings] = ChatGroq(
                model=call.model,
                temperature=call.temperature,
                max_tokens=call.max_tokens,
                reasoning_effort=call.reasoning_effort or None,
                api_key=SecretStr(self._key),
                base_url=self.url,
                timeout=self._timeout_s,
                max_retries=0,
                http_async_client=self._http,
            )
        return self._chats[settings]


def explain(error: Exception, url: str) -> str:
    """What a request that can never succeed means, and what to do about it."""
    import groq

    if isinstance(error, groq.AuthenticationError | groq.PermissionDeniedError):
        return (
            f"the provider refused the key ({error.status_code}: {message_of(error)}). "
            "Set GROQ_API_KEY to a valid key and run again; what is paid for is kept."
        )
    if isinstance(error, groq.APIConnectionError):
        return f"{url} cannot be reached ({error}). Check the network and GROQ_BASE_URL, then run again."
    return f"the provider answered: {message_of(error)}"


def details(error: Exception) -> dict[str, Any]:
    """The error object in an API error's body; {} where the body is something else."""
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else {}
    return inner if isinstance(inner, dict) else {}


def message_of(error: Exception) -> str:
    return str(details(error).get("message") or error)[:500]


async def _note_request(request: httpx.Request) -> None:
    if exchange := _exchange.get(None):
        exchange.sent = time.perf_counter()


async def _note_response(response: httpx.Response) -> None:
    exchange = _exchange.get(None)
    if exchange is None:
        return
    exchange.headers = dict(response.headers)
    await response.aread()
    exchange.received = time.perf_counter()
    if response.status_code == 200 and response.request.url.path.endswith("/chat/completions"):
        exchange.body = _completion(response)


def _completion(response: httpx.Response) -> dict[str, Any]:
    """The body as a completion. An error here reaches the SDK as a lost connection, which is asked again."""
    import httpx

    try:
        body = response.json()
        message = body["choices"][0]["message"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise httpx.RemoteProtocolError("the body is not a chat completion", request=response.request)
    return body
