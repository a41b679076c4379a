"""The offline provider over real HTTP, reached as Groq is: by the groq SDK and by ChatGroq."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import aiohttp
import groq
import httpx
import pytest

from benchkit.domain import CATEGORIES
from benchkit.offline import ROSTER, OfflineServer
from benchkit.offline.world.scenarios import reference, scenario
from benchkit.offline.world.seeded import seeded

ANSWER = {
    "type": "function",
    "function": {
        "name": "process_customer_response",
        "description": "Answer the customer.",
        "parameters": {
            "type": "object",
            "properties": {
                "response_text": {"type": "string"},
                "response_type": {"enum": ["answer", "clarification", "solution"]},
                "next_steps": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["response_text", "response_type", "next_steps"],
        },
    },
}
CLIENT = httpx.Client(timeout=10)
CASES = [scenario(reference("conversation", CATEGORIES[at % 5], seeded("http", at))) for at in range(120)]


def body(prompt: str = CASES[0].prompt, model: str = "offline/steady", **more: Any) -> dict[str, Any]:
    """A request as benchkit sends it."""
    return {
        "model": model,
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": prompt}],
        "tools": [ANSWER],
        "tool_choice": {"type": "function", "function": {"name": "process_customer_response"}},
        "max_tokens": 1024,
        "seed": 8,
        **more,
    }


def post(server: OfflineServer, request: Any, key: str = "k") -> httpx.Response:
    content = request if isinstance(request, bytes) else json.dumps(request).encode()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return CLIENT.post(f"{server.url}/openai/v1/chat/completions", content=content, headers=headers)


def sdk(server: OfflineServer, **options: Any) -> groq.Groq:
    return groq.Groq(**{"base_url": server.url, "api_key": "k", "max_retries": 0, "timeout": 5, **options})


def arguments(completion: Any) -> dict[str, Any]:
    return json.loads(completion.choices[0].message.tool_calls[0].function.arguments)


@pytest.fixture(scope="module")
def instant() -> Iterator[OfflineServer]:
    """A server that answers at once."""
    with OfflineServer(latency_ms=0, stand_in=True) as server:
        yield server


@pytest.mark.parametrize(
    ("change", "status", "code", "words"),
    [
        ({"model": "no/such"}, 404, "model_not_found", "`no/such` does not exist"),
        ({"stream": True}, 400, None, "stream"),
        ({"messages": []}, 400, None, "'messages'"),
        ({"response_format": {"type": "json_object"}}, 400, None, "json mode cannot be combined"),
        (
            {"tool_choice": {"type": "function", "function": {"name": "other"}}},
            400,
            None,
            "not in request.tools",
        ),
        ({"max_tokens": 10**6}, 400, None, "less than or equal to `65536`"),
        ({"model": "openai/gpt-oss-20b", "reasoning_effort": "none"}, 400, None, "reasoning_effort"),
        (
            {"messages": [{"role": "user", "content": "word " * 120_000}]},
            400,
            "context_length_exceeded",
            "reduce",
        ),
    ],
)
def test_errors_have_groqs_bodies(
    instant: OfflineServer, change: dict[str, Any], status: int, code: str | None, words: str
) -> None:
    """Status, code and wording of what Groq refuses, as the SDK's exception carries them."""
    with pytest.raises(groq.APIStatusError) as refused:
        sdk(instant).chat.completions.create(**(body() | change))
    error = refused.value.body["error"]
    assert (refused.value.status_code, error.get("code")) == (status, code)
    assert words in error["message"]
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b'{"model": "offline/steady"}'])
def test_a_body_that_is_no_request_gets_a_400(instant: OfflineServer, content: bytes) -> None:
    """Not JSON, not an object, no messages: an error body, never a crash."""
    assert post(instant, content).status_code == 400
    assert post(instant, content).json()["error"]["message"]


def test_a_base_url_with_the_path_in_it_is_told_so(instant: OfflineServer) -> None:
    """GROQ_BASE_URL must not end in /openai/v1: the doubled path gets Groq's unknown_url."""
    with pytest.raises(groq.NotFoundError, match="Unknown request URL: POST /openai/v1/openai/v1"):
        sdk(instant, base_url=f"{instant.url}/openai/v1").chat.completions.create(**body())


@pytest.mark.parametrize(("given", "status"), [("right", 200), ("wrong", 401), ("", 401)])
def test_only_the_key_opens(given: str, status: int) -> None:
    """With a key set, another or none is a 401, for the models as for the chat."""
    with OfflineServer(latency_ms=0, key="right") as server:
        assert post(server, body(), given).status_code == status
        headers = {"Authorization": f"Bearer {given}"} if given else {}
        assert httpx.get(f"{server.url}/openai/v1/models", headers=headers).status_code == status


def test_models_are_listed_with_prices_per_token(instant: OfflineServer) -> None:
    """GET /models states the price that the roster publishes."""
    client = sdk(instant)
    rows = {model.id: model.to_dict() for model in client.models.list().data}
    assert set(ROSTER) | {"openai/gpt-oss-120b", "openai/gpt-oss-20b", "qwen/qwen3.8-27b"} == set(rows)
    for id, model in ROSTER.items():
        pricing: Any = rows[id]["pricing"]
        assert float(pricing["prompt"]) * 1e6 == pytest.approx(model.input_usd)
        assert float(pricing["completion"]) * 1e6 == pytest.approx(model.output_usd)


def test_stand_ins_are_served_only_when_asked_for_and_own_up(instant: OfflineServer) -> None:
    """Groq's ids answer with a fingerprint that says offline; a plain server does not know them."""
    reply = post(instant, body(model="openai/gpt-oss-120b")).json()
    assert reply["system_fingerprint"].startswith("offline")
    with OfflineServer(latency_ms=0) as server:
        assert post(server, body(model="openai/gpt-oss-120b")).status_code == 404


def unstamped(reply: dict[str, Any]) -> dict[str, Any]:
    """A completion without what differs by nature: ids and times."""
    kept = {key: value for key, value in reply.items() if key not in ("id", "created", "x_groq")}
    kept["usage"] = {key: value for key, value in reply["usage"].items() if not key.endswith("_time")}
    return kept


def test_the_same_request_gets_the_same_answer_from_another_server() -> None:
    """The answer depends on server seed, model, messages and request seed, and on nothing else."""
    with OfflineServer(latency_ms=0) as one, OfflineServer(latency_ms=0) as two:
        post(two, body(CASES[1].prompt))
        assert unstamped(post(one, body()).json()) == unstamped(post(two, body()).json())
    with OfflineServer(latency_ms=0, seed=8) as other, OfflineServer(latency_ms=0) as one:
        texts = {post(one, body(seed=seed)).text for seed in (8, 9, 10)}
        assert len(texts) == 3
        assert post(other, body()).json()["choices"] != post(one, body()).json()["choices"]


async def ask_all(
    server: OfflineServer, requests: list[dict[str, Any]], at_once: int = 32
) -> list[tuple[int, dict[str, Any]]]:
    """(status, body) of every request, so many in flight."""
    headers = {"Authorization": "Bearer k"}
    url = f"{server.url}/openai/v1/chat/completions"
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=at_once), headers=headers
    ) as client:

        async def ask(request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
            async with client.post(url, json=request) as reply:
                return reply.status, await reply.json()

        return list(await asyncio.gather(*map(ask, requests)))


async def test_two_hundred_connections_are_served_at_once() -> None:
    """200 requests in flight: all arrive before the first is answered, and all are."""
    with OfflineServer(latency_ms=700) as server:
        replies = await ask_all(
            server, [body(CASES[0].prompt, seed=seed) for seed in range(200)], at_once=200
        )
        assert {status for status, _ in replies} <= {200, 400}
        assert server.handlers.peak_in_flight == 200
